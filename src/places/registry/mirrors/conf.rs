//! `registries.conf`, version 2 (containers-registries.conf(5)).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::files::{MirrorFiles, broken, read_text, syntax};
use super::order::{PullOrder, PullSite};
use crate::places::registry::http::access::Access;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Registry, Repository};

/// What all files together say, by prefix.
#[derive(Debug, Default)]
pub(super) struct Rules(BTreeMap<String, PrefixRule>);

#[derive(Deserialize)]
struct ConfFile {
    #[serde(default)]
    registry: Vec<PrefixRule>,
    /// The tables of version 1.
    registries: Option<BTreeMap<String, Version1>>,
}

#[derive(Deserialize)]
struct Version1 {
    #[serde(default)]
    registries: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PrefixRule {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    location: String,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default, rename = "mirror")]
    mirrors: Vec<MirrorRule>,
    /// Where it is written.
    #[serde(skip)]
    file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct MirrorRule {
    location: String,
    #[serde(default)]
    insecure: bool,
    pull_from_mirror: Option<PullFromMirror>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PullFromMirror {
    All,
    DigestOnly,
    TagOnly,
}

/// Reads what `files` name; `None` when not one of them is there.
///
/// # Errors
/// [`Class::Usage`] for a file that cannot be read or understood, or is missing though required.
pub(super) fn read(files: &MirrorFiles) -> Result<Option<Rules>> {
    let mut rules = Rules::default();
    let mut found = false;
    let mut folders = Vec::new();
    for (index, (path, below)) in files.registries_conf.iter().enumerate() {
        match read_text(path)? {
            Some(text) => {
                rules.add(path, &text)?;
                found = true;
                folders.clone_from(below);
                break;
            }
            None if files.required && index == 0 => return Err(broken(path, "no such file")),
            None => below.iter().for_each(|folder| {
                if !folders.contains(folder) {
                    folders.push(folder.clone());
                }
            }),
        }
    }
    for folder in folders {
        for path in files_in(&folder)? {
            if let Some(text) = read_text(&path)? {
                rules.add(&path, &text)?;
                found = true;
            }
        }
    }
    Ok(found.then_some(rules))
}

/// The `*.conf` files of a folder in the order of their names, as the later ones count more.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|e| broken(folder, &e.to_string()))?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| broken(folder, &e.to_string()))?.path();
        if path.extension().is_some_and(|extension| extension == "conf") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

impl Rules {
    /// Takes in a file; its rules replace those for the same prefix.
    fn add(&mut self, path: &Path, text: &str) -> Result<()> {
        let file: ConfFile = toml::from_str(text).map_err(|e| syntax(path, text, &e))?;
        let old = file.registries.unwrap_or_default();
        for (name, table) in old {
            // Where unqualified names are looked up does not concern names with a host.
            if name != "search" && !table.registries.is_empty() {
                let why = format!("[registries.{name}] is of version 1; write [[registry]] tables");
                return Err(broken(path, &why));
            }
        }
        for mut rule in file.registry {
            rule.check(path)?;
            path.clone_into(&mut rule.file);
            self.0.insert(rule.prefix.clone(), rule);
        }
        Ok(())
    }

    /// Where `repository` at `registry` is fetched from.
    ///
    /// # Errors
    /// [`Class::Refused`] when it is blocked; [`Class::Usage`] when a location makes no name.
    pub(super) fn order(&self, registry: &Registry, repository: &Repository) -> Result<PullOrder> {
        let name = format!("{registry}/{repository}");
        let Some((rule, length)) = self.find(&name) else {
            return Ok(PullOrder {
                mirrors: Vec::new(),
                primary: PullSite::direct(registry, repository),
            });
        };
        rule.allow(&name)?;
        let mut mirrors = Vec::new();
        for mirror in &rule.mirrors {
            let mut stop = rule.stop(&mirror.location, &name[length..], mirror.insecure)?;
            let pull = match (mirror.pull_from_mirror, rule.mirror_by_digest_only) {
                (Some(pull), _) => pull,
                (None, true) => PullFromMirror::DigestOnly,
                (None, false) => PullFromMirror::All,
            };
            stop.tags = pull != PullFromMirror::DigestOnly;
            stop.digests = pull != PullFromMirror::TagOnly;
            mirrors.push(stop);
        }
        let primary = match rule.location.is_empty() {
            // A wildcard without a location changes no name.
            true => {
                let mut stop = PullSite::direct(registry, repository);
                stop.access.insecure = rule.insecure;
                stop
            }
            false => rule.stop(&rule.location, &name[length..], rule.insecure)?,
        };
        let real = format!("{}/{}", primary.registry, primary.repository);
        if let Some((rule, _)) = self.find(&real) {
            rule.allow(&real)?;
        }
        Ok(PullOrder { mirrors, primary })
    }

    /// The rule with the longest prefix that leads to `name`, and how much of `name` it covers.
    fn find(&self, name: &str) -> Option<(&PrefixRule, usize)> {
        let matching = self.0.iter().filter_map(|(prefix, rule)| {
            let length = covered(prefix, name)?;
            Some((prefix.len(), rule, length))
        });
        matching.max_by_key(|(longest, _, _)| *longest).map(|(_, rule, length)| (rule, length))
    }
}

/// How much of `name` the prefix covers, which always ends where a part of the name does.
fn covered(prefix: &str, name: &str) -> Option<usize> {
    let length = match prefix.strip_prefix('*') {
        // `.example.com`, which the host has to end with.
        Some(domain) => {
            let host = name.split('/').next()?;
            let suffix = domain.split('/').next()?;
            let start = host.strip_suffix(suffix).filter(|front| !front.is_empty())?.len();
            name[start..].starts_with(domain).then_some(start + domain.len())?
        }
        None => name.starts_with(prefix).then_some(prefix.len())?,
    };
    name[length..].chars().next().is_none_or(|c| c == '/').then_some(length)
}

impl PrefixRule {
    /// Whether the rule makes sense; fills in the half that is left out.
    fn check(&mut self, path: &Path) -> Result<()> {
        let why = |why: String| Err(broken(path, &why));
        for text in [&mut self.prefix, &mut self.location]
            .into_iter()
            .chain(self.mirrors.iter_mut().map(|mirror| &mut mirror.location))
        {
            text.truncate(text.trim_end_matches('/').len());
            if text.contains("://") {
                return why(format!("{text:?}: a location has no http:// or https://"));
            }
        }
        let wild = self.prefix.starts_with("*.");
        match (self.prefix.is_empty(), self.location.is_empty()) {
            (true, true) => return why("a [[registry]] has neither prefix nor location".to_owned()),
            (true, false) => self.prefix.clone_from(&self.location),
            (false, true) if !wild => self.location.clone_from(&self.prefix),
            _ => {}
        }
        // A prefix that can match nothing would be passed over in silence, blocked or not.
        let pattern = self.prefix.strip_prefix("*.").unwrap_or(&self.prefix);
        if parse(&format!("{pattern}/x")).is_none() {
            return why(format!(
                "{:?} is no HOST[/PATH]; rules for single tags or digests are not supported",
                self.prefix
            ));
        }
        if self.mirrors.iter().any(|mirror| mirror.location.is_empty()) {
            return why(format!("a mirror of {:?} has no location", self.prefix));
        }
        let own = self.mirrors.iter().any(|mirror| mirror.pull_from_mirror.is_some());
        if self.mirror_by_digest_only && own {
            return why(format!(
                "{:?} has both mirror-by-digest-only and pull-from-mirror",
                self.prefix
            ));
        }
        Ok(())
    }

    fn allow(&self, name: &str) -> Result<()> {
        match self.blocked {
            false => Ok(()),
            true => {
                let text = format!("{name} is blocked by {}", self.file.display());
                Err(Error::new(Class::Refused, text)
                    .hint(format!("the rule for {:?} there says so", self.prefix)))
            }
        }
    }

    /// The place at `location` that stands for a name which goes on with `rest`.
    fn stop(&self, location: &str, rest: &str, insecure: bool) -> Result<PullSite> {
        let name = format!("{location}{rest}");
        let (registry, repository) = parse(&name)
            .ok_or_else(|| broken(&self.file, &format!("the location makes {name:?}, no name")))?;
        let access = Access { insecure, ..Access::default() };
        Ok(PullSite { registry, repository, access, tags: true, digests: true })
    }
}

/// A name whose first part is always the host.
fn parse(name: &str) -> Option<(Registry, Repository)> {
    let (host, path) = name.split_once('/')?;
    Some((host.parse().ok()?, path.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Result<Rules> {
        let mut rules = Rules::default();
        rules.add(Path::new("/etc/x.conf"), text)?;
        Ok(rules)
    }

    fn way(rules: &Rules, name: &str) -> String {
        let (registry, repository) = parse(name).unwrap();
        match rules.order(&registry, &repository) {
            Err(error) => format!("{:?}", error.class()),
            Ok(PullOrder { mirrors, primary }) => {
                let show = |stop: &PullSite| {
                    let mark = |set: bool, text: &'static str| if set { text } else { "" };
                    format!(
                        "{}/{}{}{}{}",
                        stop.registry,
                        stop.repository,
                        mark(stop.access.insecure, "!"),
                        mark(!stop.tags, "@"),
                        mark(!stop.digests, ":")
                    )
                };
                mirrors.iter().chain([&primary]).map(show).collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn the_longest_prefix_says_where_a_name_leads() {
        let rules = rules(
            r#"
            unqualified-search-registries = ["docker.io"]
            [[registry]]
            prefix = "docker.io"
            location = "docker.io"
            [[registry.mirror]]
            location = "cache.example:5000/hub"
            insecure = true
            [[registry.mirror]]
            location = "second.example"
            pull-from-mirror = "digest-only"
            [[registry.mirror]]
            location = "third.example/"
            pull-from-mirror = "tag-only"
            [[registry]]
            prefix = "docker.io/library"
            location = "quay.io/official"
            [[registry]]
            location = "evil.example"
            blocked = true
            [[registry]]
            prefix = "*.corp.example"
            insecure = true
            [[registry]]
            prefix = "*.corp.example/team"
            location = "harbor.example/team"
            mirror-by-digest-only = true
            [[registry.mirror]]
            location = "near.example"
            [[registry]]
            prefix = "alias.example"
            location = "evil.example/x"
            "#,
        )
        .unwrap();
        for (name, want) in [
            (
                "docker.io/me/app",
                "cache.example:5000/hub/me/app! second.example/me/app@ third.example/me/app: \
                 docker.io/me/app",
            ),
            ("docker.io/library/alpine", "quay.io/official/alpine"),
            (
                "docker.io/libraryx/alpine",
                "cache.example:5000/hub/libraryx/alpine! \
                 second.example/libraryx/alpine@ third.example/libraryx/alpine: \
                 docker.io/libraryx/alpine",
            ),
            ("evil.example/a", "Refused"),
            ("alias.example/a", "Refused"),
            ("evil.example:5000/a", "evil.example:5000/a"),
            ("a.b.corp.example/x", "a.b.corp.example/x!"),
            ("corp.example/x", "corp.example/x"),
            ("xcorp.example/x", "xcorp.example/x"),
            ("a.corp.example/team/x", "near.example/x@ harbor.example/team/x"),
            ("a.corp.example/teams/x", "a.corp.example/teams/x!"),
            ("a.corp.example:5000/x", "a.corp.example:5000/x"),
            ("other.example/x", "other.example/x"),
        ] {
            assert_eq!(way(&rules, name), want, "{name}");
        }
    }

    #[test]
    fn a_later_file_replaces_rules_and_the_users_file_the_systems() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let rule =
            |location: &str| format!("[[registry]]\nprefix='a.example'\nlocation='{location}'");
        std::fs::create_dir(at("system.d")).unwrap();
        std::fs::create_dir(at("user.d")).unwrap();
        std::fs::write(at("system.d/2.conf"), rule("d2.example")).unwrap();
        std::fs::write(at("system.d/1.conf"), rule("d1.example")).unwrap();
        std::fs::write(at("system.d/9.conf.bak"), "not read").unwrap();
        let mut files = MirrorFiles {
            registries_conf: vec![
                (at("user"), vec![at("user.d")]),
                (at("system"), vec![at("system.d"), at("user.d"), at("absent.d")]),
            ],
            ..MirrorFiles::default()
        };
        let lead =
            |files: &MirrorFiles| read(files).unwrap().map(|rules| way(&rules, "a.example/x"));

        assert_eq!(lead(&files).unwrap(), "d2.example/x");
        std::fs::write(at("system"), rule("system.example")).unwrap();
        assert_eq!(lead(&files).unwrap(), "d2.example/x");
        std::fs::write(at("user.d/0.conf"), rule("u0.example")).unwrap();
        assert_eq!(lead(&files).unwrap(), "u0.example/x");
        std::fs::write(at("user"), "").unwrap();
        std::fs::remove_file(at("user.d/0.conf")).unwrap();
        assert_eq!(lead(&files).unwrap(), "a.example/x");
        files.registries_conf.truncate(1);
        std::fs::remove_file(at("user")).unwrap();
        assert_eq!(lead(&files), None);
        files.required = true;
        assert_eq!(read(&files).unwrap_err().class(), Class::Usage);
    }

    #[test]
    fn a_malformed_file_is_named_with_the_fault() {
        for (text, named) in [
            ("\n[[registry]\n", "x.conf: line 2"),
            ("[[registry]]\nlocation = 7", "line 2"),
            ("[[registry]]\ninsecure = true", "neither prefix nor location"),
            ("[[registry]]\nlocation = 'https://a.example'", "http"),
            ("[[registry]]\nprefix = 'a.example/x:tag'", "single tags"),
            ("[[registry]]\nprefix = '*'", "is no HOST"),
            (
                "[[registry]]\nprefix = 'a.example'\n[[registry.mirror]]\nlocation = ''",
                "no location",
            ),
            (
                "[[registry]]\nprefix = 'a.example'\nmirror-by-digest-only = true\n\
                 [[registry.mirror]]\nlocation = 'b.example'\npull-from-mirror = 'all'",
                "both",
            ),
            (
                "[[registry]]\nprefix = 'a.example'\n[[registry.mirror]]\nlocation = 'b.example'\n\
                 pull-from-mirror = 'never'",
                "line 5",
            ),
            ("[registries.block]\nregistries = ['a.example']", "version 1"),
        ] {
            let error = rules(text).unwrap_err();

            assert_eq!(error.class(), Class::Usage, "{text}");
            assert!(error.to_string().contains(named), "{text}: {error}");
        }
        assert!(rules("[registries.search]\nregistries = ['docker.io']").is_ok());
        assert!(rules("[aliases]\n'alpine' = 'docker.io/library/alpine'").is_ok());
    }
}
