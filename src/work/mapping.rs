//! [`Mapping`]: which name an image gets at its destination. Pure: names in, names out.

use std::fmt;

use super::clash::Clash;
use crate::bundle::receipt::ReceiptAbout;
use crate::places::location::Place;
use crate::words::at::At;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::reference::{Reference, Registry, Repository};
use crate::words::remedy::Remedy;

/// Where names go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Naming {
    /// Below a registry, and below a path there.
    Registry {
        /// The host.
        registry: Registry,
        /// What every repository name begins with.
        prefix: Option<Repository>,
    },
    /// Into a place that keeps full names as they are.
    FullNames,
}

impl Naming {
    /// How images are called at `place`, or are to be.
    #[must_use]
    pub fn at(place: &Place) -> Naming {
        match place {
            Place::Registry { registry, path } => {
                Naming::Registry { registry: registry.clone(), prefix: path.clone() }
            }
            _ => Naming::FullNames,
        }
    }

    /// How images are called at the one place that a receipt is `about`. Nothing where it is about
    /// several, or about bundles, of which it has their own names.
    #[must_use]
    pub fn of_receipt(about: &ReceiptAbout) -> Option<Naming> {
        match &about.places[..] {
            [place] => place.parse().ok().map(|place| Naming::at(&place)),
            _ => None,
        }
    }
}

/// One rule: names that match `from` become `to`.
///
/// ```
/// use sealift::work::mapping::NameRule;
///
/// assert!(NameRule::parse("docker.io/library/*=base/*").is_ok());
/// assert!(NameRule::parse("no rule").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameRule {
    from: String,
    to: String,
}

/// As it was written.
impl fmt::Display for NameRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.from, self.to)
    }
}

impl NameRule {
    /// Reads `FROM=TO`. `FROM` is a full name (`docker.io/library/alpine:3.20`), a name without a
    /// tag for all its tags, or either with one `*` for any text; the `*` of `TO` stands for that
    /// text.
    ///
    /// # Errors
    /// [`Class::Usage`] for anything else.
    pub fn parse(text: &str) -> Result<NameRule> {
        let bad = |why: &str| {
            Error::new(Class::Usage, format!("mapping {text:?} {why}"))
                .hint("write FROM=TO, as in 'docker.io/library/*=mirror/*'")
        };
        let (from, to) = text.split_once('=').ok_or_else(|| bad("has no ="))?;
        let (from, to) = (from.trim(), to.trim());
        if from.is_empty() || to.is_empty() {
            return Err(bad("has an empty side"));
        }
        if from.matches('*').count() > 1 || to.matches('*').count() > 1 {
            return Err(bad("has more than one * on a side"));
        }
        if to.contains('*') && !from.contains('*') {
            return Err(bad("has a * in TO that stands for nothing in FROM"));
        }
        let from = match from.contains('*') {
            true => from.to_owned(),
            // A short name means what it means everywhere else.
            false => {
                let name: Reference = from.parse().map_err(|e: Error| e.within(Remedy::Rules))?;
                let tagged = from.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
                if tagged { name.to_string() } else { name.name() }
            }
        };
        Ok(NameRule { from, to: to.to_owned() })
    }

    /// Reads a file of rules, one a line, `#` for comments, on lines of their own or behind a rule.
    ///
    /// # Errors
    /// [`Class::Usage`], naming the line.
    pub fn parse_file(text: &str) -> Result<Vec<NameRule>> {
        // No name has a # in it.
        let rule =
            |line: &'_ str| line.split_once('#').map_or(line, |(rule, _)| rule).trim().to_owned();
        let lines = text.lines().enumerate().map(|(n, line)| (n + 1, rule(line)));
        lines
            .filter(|(_, line)| !line.is_empty())
            .map(|(n, line)| NameRule::parse(&line).map_err(|e| e.context(format!("line {n}"))))
            .collect()
    }

    /// What the rule makes of `name`, if it matches.
    fn apply(&self, name: &Reference) -> Option<String> {
        let (full, bare) = (name.to_string(), name.name());
        let Some((before, after)) = self.from.split_once('*') else {
            return (self.from == full || self.from == bare).then(|| self.to.clone());
        };
        // With the tag when the pattern speaks of one, else without.
        let speaks_of_tag = after.contains([':', '@'])
            || before.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
        let text = if speaks_of_tag { &full } else { &bare };
        let middle = text.strip_prefix(before)?.strip_suffix(after)?;
        Some(self.to.replace('*', middle))
    }
}

/// How names are mapped.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Mapping {
    /// Where they go.
    pub naming: Naming,
    /// Whether only the last part of a name is kept.
    pub flatten: bool,
    /// The first that matches decides.
    pub rules: Vec<NameRule>,
}

impl Mapping {
    /// Every name as it is, for where `naming` says. The fields say otherwise.
    #[must_use]
    pub fn new(naming: Naming) -> Mapping {
        Mapping { naming, flatten: false, rules: Vec::new() }
    }

    /// The name that `name` gets at the destination.
    ///
    /// # Errors
    /// [`Class::Usage`] when a rule makes no acceptable name of it.
    pub fn apply(&self, name: &Reference) -> Result<Reference> {
        let ruled = self.rules.iter().find_map(|rule| rule.apply(name));
        let text = match ruled {
            Some(text) => self.below(&text),
            None => match &self.naming {
                Naming::FullNames if self.flatten => name.repository.last().to_owned(),
                Naming::FullNames => name.name(),
                Naming::Registry { .. } if self.flatten => self.below(name.repository.last()),
                Naming::Registry { .. } => self.below(name.repository.as_str()),
            },
        };
        let to_tagged = text.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
        let text = match (&name.tag, &name.digest) {
            (Some(tag), _) if !to_tagged => format!("{text}:{tag}"),
            (None, Some(digest)) if !to_tagged => format!("{text}@{digest}"),
            _ => text,
        };
        let made: Reference = lower_path(&text)
            .parse()
            .map_err(|e: Error| e.context(format!("the new name of {name}")))?;
        match &self.naming {
            Naming::Registry { registry, .. } if made.registry != *registry => {
                let text = format!("{name} would become {made}, which is not at {registry}");
                // What has neither is the beginning of a name at Docker Hub.
                let way_out =
                    format!("write the host with its domain or its port, as in {registry}:443");
                Err(Error::new(Class::Usage, text).hint(way_out))
            }
            _ => Ok(made),
        }
    }

    /// `path` as a full name at the destination, unless it is one already.
    fn below(&self, path: &str) -> String {
        match &self.naming {
            Naming::FullNames => path.to_owned(),
            Naming::Registry { registry, prefix } => {
                if path.starts_with(&format!("{registry}/")) {
                    return path.to_owned();
                }
                match prefix {
                    Some(prefix) => format!("{registry}/{prefix}/{path}"),
                    None => format!("{registry}/{path}"),
                }
            }
        }
    }

    /// The rules that match none of `names`, as they were written: most likely misspelt.
    pub fn idle<'a>(&self, names: impl Iterator<Item = &'a Reference> + Clone) -> Vec<String> {
        let idle = |rule: &&NameRule| !names.clone().any(|name| rule.apply(name).is_some());
        self.rules.iter().filter(idle).map(|rule| format!("{}={}", rule.from, rule.to)).collect()
    }

    /// The new names of all `names`.
    ///
    /// # Errors
    /// [`Class::Usage`] in all that get no acceptable name, or the same as others, since the last
    /// would replace the first.
    pub fn apply_all<'a>(
        &self,
        names: impl Iterator<Item = &'a Reference>,
    ) -> Result<Vec<Reference>, Vec<Clash>> {
        let (mut made, mut wrong) = (Vec::new(), Vec::new());
        for (at, name) in At::along(names) {
            match self.apply(name) {
                Ok(to) => made.push((at, name, to)),
                Err(error) => wrong.push(Clash::alone(at, error)),
            }
        }
        let landing = made.iter().map(|(at, name, to)| (*at, *name, format!("become {to}")));
        wrong.extend(Clash::find(landing, phrase!["give them other names with ", Remedy::Rules]));
        match wrong.is_empty() {
            true => Ok(made.into_iter().map(|(_, _, to)| to).collect()),
            false => Err(wrong),
        }
    }
}

/// The name with its path, but not its tag, in lower case: registries demand it, and rules may
/// carry a group's name as people write it.
fn lower_path(text: &str) -> String {
    let end = match (text.rfind('/'), text.rfind(':'), text.find('@')) {
        (_, _, Some(at)) => at,
        (slash, Some(colon), None) if slash.is_none_or(|slash| colon > slash) => colon,
        _ => text.len(),
    };
    format!("{}{}", text[..end].to_lowercase(), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping(flatten: bool, rules: &[&str]) -> Mapping {
        let naming = Naming::Registry {
            registry: "h.example".parse().unwrap(),
            prefix: Some("group".parse().unwrap()),
        };
        let rules = rules.iter().map(|rule| NameRule::parse(rule).unwrap()).collect();
        Mapping { naming, flatten, rules }
    }

    fn map(mapping: &Mapping, name: &str) -> String {
        mapping.apply(&name.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_host_that_could_be_a_part_of_a_name_is_told_how_to_be_none() {
        let naming = Naming::Registry { registry: "h".parse().unwrap(), prefix: None };
        let mapping = Mapping { naming, flatten: false, rules: Vec::new() };
        let error = mapping.apply(&"a/b:1".parse().unwrap()).unwrap_err();
        assert!(error.way_out().unwrap().ends_with("as in h:443"), "{error}");
    }

    #[test]
    fn names_land_below_the_destination() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let plain = mapping(false, &[]);
        assert_eq!(map(&plain, "alpine:3.20"), "h.example/group/library/alpine:3.20");
        assert_eq!(map(&plain, "quay.io/a/b:1"), "h.example/group/a/b:1");
        assert_eq!(
            map(&plain, &format!("alpine@{digest}")),
            format!("h.example/group/library/alpine@{digest}")
        );
        assert_eq!(map(&mapping(true, &[]), "quay.io/a/b:1"), "h.example/group/b:1");
        let full = Mapping { naming: Naming::FullNames, ..plain };
        assert_eq!(map(&full, "alpine:3.20"), "docker.io/library/alpine:3.20");
    }

    #[test]
    fn the_first_rule_that_matches_decides() {
        let rules = mapping(
            false,
            &[
                "alpine:3.20=h.example/Other/alpine:demo-copy",
                "docker.io/library/*=mirror/*",
                "quay.io/*:v1=q/*:one",
                "gcr.io/a/b=c",
            ],
        );
        assert_eq!(map(&rules, "alpine:3.20"), "h.example/other/alpine:demo-copy");
        assert_eq!(map(&rules, "alpine:3.21"), "h.example/group/mirror/alpine:3.21");
        assert_eq!(map(&rules, "quay.io/a/b:v1"), "h.example/group/q/a/b:one");
        assert_eq!(map(&rules, "quay.io/a/b:v2"), "h.example/group/a/b:v2");
        assert_eq!(map(&rules, "gcr.io/a/b:X"), "h.example/group/c:X");
    }

    #[test]
    fn names_that_fall_together_and_those_that_are_none_are_told_at_once() {
        let names: Vec<Reference> = ["a/x:1", "a/y:1", "a/z:1", "b/x:1", "b/y:1", "c/x:1"]
            .iter()
            .map(|n| n.parse().unwrap())
            .collect();

        assert_eq!(mapping(false, &[]).apply_all(names.iter()).unwrap().len(), 6);
        let clashes = mapping(true, &["a/z=h.example/_"]).apply_all(names.iter()).unwrap_err();
        let place = |at: &At<_>| at.place();
        let places = clashes.iter().map(|clash| clash.images.iter().map(place).collect());
        let places: Vec<Vec<usize>> = places.collect();
        assert_eq!(places, [&[2][..], &[0, 3, 5], &[1, 4]]);
        assert!(clashes.iter().all(|clash| clash.error.class() == Class::Usage));
        let all = "docker.io/a/x:1, docker.io/b/x:1 and docker.io/c/x:1 would all become \
                   h.example/group/x:1";
        assert_eq!(clashes[1].error.message(), all);
    }

    #[test]
    fn a_host_that_reads_as_a_path_does_not_lead_to_docker_hub() {
        let registry = "harbor".parse().unwrap();
        let naming = Naming::Registry { registry, prefix: None };

        let made = Mapping { naming, ..mapping(false, &[]) }.apply(&"a:1".parse().unwrap());

        assert_eq!(made.unwrap_err().class(), Class::Usage);
    }

    #[test]
    fn a_rule_that_is_meant_for_no_name_is_found() {
        let names: Vec<Reference> = ["a/x:1", "b/x:1"].iter().map(|n| n.parse().unwrap()).collect();

        let idle =
            mapping(false, &["docker.io/a/*=m/*", "docker.io/c/*=n/*", "b/x=y"]).idle(names.iter());

        assert_eq!(idle, ["docker.io/c/*=n/*"]);
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for bad in ["", "a", "=b", "a=", "a=*", "*/*=x", "*=*/*", "A B=c"] {
            assert!(NameRule::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(NameRule::parse_file("# x\n\na=b\n c/* = d/* \n").unwrap().len(), 2);
        let error = NameRule::parse_file("a=b\nnope\n").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
