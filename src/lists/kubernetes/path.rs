//! [`PathStep`]s, the way to a value in a document, and [`PathRule`]s, which say where images are named.

use std::fmt::Write as _;
use std::str::FromStr;

use super::bearer::Bearer;
use crate::words::error::{Class, Error, Result};

/// Longest path that is read, in bytes; a hundred levels of names are shorter.
const MAX_RULE: usize = 4096;

/// One step down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PathStep<'a> {
    /// To a member of a mapping.
    Key(&'a str),
    /// To an entry of a list.
    Entry(usize),
}

/// `steps` as they are written: `spec.images[0]`.
pub(crate) fn spelled(steps: &[PathStep<'_>]) -> String {
    let mut text = String::new();
    for step in steps {
        let written = match step {
            PathStep::Key(key) if key.contains(['.', '[', ']', '"', ' ']) => {
                write!(text, "[\"{key}\"]")
            }
            PathStep::Key(key) if text.is_empty() => write!(text, "{key}"),
            PathStep::Key(key) => write!(text, ".{key}"),
            PathStep::Entry(at) => write!(text, "[{at}]"),
        };
        // Text always has room.
        let _ = written;
    }
    text
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wish {
    Key(String),
    Entry(usize),
    AnyKey,
    AnyEntry,
}

/// Where objects name images besides members called `image`: `spec.engine.image`, `spec.images[*]`, a kind
/// before it or not (`Cluster:spec.imageName`, `Cluster.postgresql.cnpg.io:spec.imageName`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRule {
    kind: Option<String>,
    group: Option<String>,
    wishes: Vec<Wish>,
}

impl FromStr for PathRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<PathRule> {
        let bad = |why: &str| {
            Error::new(Class::Usage, format!("{text:?} is no path to images: {why}"))
                .hint("write it as spec.engine.image, spec.images[*] or Kind:spec.image")
        };
        if text.len() > MAX_RULE {
            return Err(bad("it is too long"));
        }
        let colon = text.find(':').filter(|at| !text[..*at].contains(['[', '"']));
        let (kind, path) = match colon {
            Some(at) => (Some(text[..at].trim()), text[at + 1..].trim()),
            None => (None, text.trim()),
        };
        if kind.is_some_and(str::is_empty) {
            return Err(bad("there is no kind before the colon"));
        }
        let (kind, group) = match kind.and_then(|kind| kind.split_once('.')) {
            Some((kind, group)) => (Some(kind), Some(group)),
            None => (kind, None),
        };
        let mut wishes = Vec::new();
        let mut rest = path.strip_prefix('.').unwrap_or(path);
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix("[\"") {
                let end = inner.find("\"]").ok_or_else(|| bad("a quote has no end"))?;
                wishes.push(Wish::Key(inner[..end].to_owned()));
                rest = &inner[end + 2..];
            } else if let Some(inner) = rest.strip_prefix('[') {
                let end = inner.find(']').ok_or_else(|| bad("a bracket has no end"))?;
                wishes.push(match inner[..end].trim() {
                    "" | "*" => Wish::AnyEntry,
                    at => Wish::Entry(at.parse().map_err(|_| bad("an entry has no number"))?),
                });
                rest = &inner[end + 1..];
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                match &rest[..end] {
                    "" => return Err(bad("a member has no name")),
                    "*" => wishes.push(Wish::AnyKey),
                    key => wishes.push(Wish::Key(key.to_owned())),
                }
                rest = &rest[end..];
            }
            if let Some(more) = rest.strip_prefix('.') {
                match more {
                    "" => return Err(bad("it ends with a dot")),
                    _ => rest = more,
                }
            }
        }
        match wishes.is_empty() {
            true => Err(bad("it is empty")),
            false => Ok(PathRule {
                kind: kind.map(ToOwned::to_owned),
                group: group.map(ToOwned::to_owned),
                wishes,
            }),
        }
    }
}

impl PathRule {
    /// Whether it means what is at `steps` in an object of `bearer`'s kind.
    pub(super) fn means(&self, bearer: &Bearer, steps: &[PathStep<'_>]) -> bool {
        self.wishes.len() == steps.len()
            && self.kind.as_deref().is_none_or(|kind| kind == "*" || kind == bearer.kind)
            && self.group.as_deref().is_none_or(|group| group == bearer.group())
            && self.wishes.iter().zip(steps).rev().all(|(wish, step)| match (wish, step) {
                (Wish::Key(wish), PathStep::Key(key)) => wish == key,
                (Wish::Entry(wish), PathStep::Entry(at)) => wish == at,
                (Wish::AnyKey, PathStep::Key(_)) | (Wish::AnyEntry, PathStep::Entry(_)) => true,
                _ => false,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_or_refused() {
        let step = PathStep::Key;
        let cluster = Bearer::of_kind("postgresql.cnpg.io/v1", "Cluster");
        for (rule, steps, means) in [
            ("spec.imageName", &[step("spec"), step("imageName")][..], true),
            ("Cluster:spec.imageName", &[step("spec"), step("imageName")], true),
            ("Cluster.postgresql.cnpg.io:spec.*", &[step("spec"), step("imageName")], true),
            ("Cluster.cluster.x-k8s.io:spec.*", &[step("spec"), step("imageName")], false),
            ("Pod:spec.imageName", &[step("spec"), step("imageName")], false),
            ("spec.images[*]", &[step("spec"), step("images"), PathStep::Entry(7)], true),
            ("spec.images[2]", &[step("spec"), step("images"), PathStep::Entry(7)], false),
            ("data[\"a.b\"]", &[step("data"), step("a.b")], true),
            ("spec", &[step("spec"), step("imageName")], false),
        ] {
            let read: PathRule = rule.parse().unwrap();
            assert_eq!(read.means(&cluster, steps), means, "{rule}");
        }
        for bad in ["", "Pod:", ":spec", "a.", "a..b", "a[", "a[x]", "a[\"x", &"a".repeat(5000)] {
            assert!(bad.parse::<PathRule>().is_err(), "{bad}");
        }
        assert_eq!(spelled(&[step("spec"), PathStep::Entry(1), step("a.b")]), "spec[1][\"a.b\"]");
    }
}
