//! [`IndexedChart`]: a version of a chart, as the index of a Helm repository has it.

use super::tag_rule::TagRule;
use super::yaml::{Node, pick};
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::safe;

/// Most addresses that an index may give for one chart; it has one, nearly always.
const MAX_URLS: usize = 16;
/// How many versions are told of a chart that lacks the one that is asked for.
const SHOWN: usize = 5;
/// How much of a version is shown, which anybody may have written.
const MAX_SHOWN: usize = 60;

/// A version of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexedChart {
    /// Its version.
    pub version: String,
    /// Where it is had, whole addresses or below the index's own.
    pub urls: Vec<String>,
    /// The digest of its bytes, where the index has one.
    pub digest: Option<Digest>,
}

impl IndexedChart {
    /// The chart `name` of the repository whose `index.yaml` is `index`: in the `wanted` version, which may
    /// be a rule as in a list (`>=1.2 <2`); the newest where none is. A version with something behind its
    /// numbers is taken only by its name, or by a rule that wants such.
    ///
    /// # Errors
    /// [`Class::Damaged`] for what is no index, [`Class::Incomplete`] where there is no such chart or
    /// version, and [`Class::Usage`] for a rule that is none.
    pub fn find(index: &str, name: &str, wanted: Option<&str>) -> Result<IndexedChart> {
        let bad = |why: String| Error::new(Class::Damaged, format!("the index is none: {why}"));
        let versions = pick(index, &["entries", name])
            .map_err(|fault| bad(format!("line {}: {}", fault.line, fault.message)))?;
        let versions = versions.filter(Node::is_list).ok_or_else(|| {
            Error::new(Class::Incomplete, format!("there is no chart {name:?}"))
                .hint("helm search repo lists the charts of a repository")
        })?;
        let all: Vec<(&str, &Node)> = versions
            .list()
            .iter()
            .filter_map(|entry| Some((entry.get("version")?.text()?, entry)))
            .collect();
        let (version, entry) = choose(&all, name, wanted)?;

        let urls = entry.get("urls").map(Node::list).unwrap_or_default();
        let urls: Vec<String> =
            urls.iter().take(MAX_URLS).filter_map(|it| Some(it.text()?.to_owned())).collect();
        if urls.is_empty() {
            return Err(bad(format!("line {}: no urls are given for {name}", entry.line())));
        }
        let digest = entry.get("digest").and_then(Node::text).filter(|text| !text.is_empty());
        let digest = digest.map(|text| {
            let hex = text.strip_prefix("sha256:").unwrap_or(text);
            Digest::from_hex(hex)
                .map_err(|_| bad(format!("line {}: the digest is no SHA-256", entry.line())))
        });
        Ok(IndexedChart { version: version.to_owned(), urls, digest: digest.transpose()? })
    }
}

/// Which of `all` versions is wanted.
fn choose<'n>(
    all: &[(&'n str, &'n Node)],
    name: &str,
    wanted: Option<&str>,
) -> Result<(&'n str, &'n Node)> {
    let named = |version: &str| all.iter().find(|(it, _)| *it == version).copied();
    let is_rule = |text: &str| text.contains(['*', '?', ' ', '<', '>', '=', '^', '~', '|']);
    let mut rule = match wanted {
        Some(version) if !is_rule(version) => {
            return named(version).ok_or_else(|| lacking(all, name, version));
        }
        Some(rule) => TagRule::parse(rule.trim())?,
        None => TagRule::in_range(">=0.0.0")?,
    };
    rule.newest = Some(1);
    let chosen = rule.choose(all.iter().map(|(version, _)| *version));
    let found = chosen.first().and_then(|version| named(version));
    found.ok_or_else(|| lacking(all, name, wanted.unwrap_or("without anything behind its numbers")))
}

fn lacking(all: &[(&str, &Node)], name: &str, wanted: &str) -> Error {
    let shown: Vec<String> =
        all.iter().take(SHOWN).map(|(version, _)| safe(version, MAX_SHOWN)).collect();
    let text = format!("there is no version {wanted:?} of the chart {name}");
    let error = Error::new(Class::Incomplete, text);
    match shown.is_empty() {
        true => error,
        false => {
            error.hint(format!("it has {}: {} ...", count(all.len(), "version"), shown.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "apiVersion: v1
entries:
  other:
  - version: 9.9.9
    urls: [other.tgz]
  web:
  - version: 2.0.0-rc1
    urls: [web-2.0.0-rc1.tgz]
  - version: 1.10.0
    digest: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    urls:
    - https://x.example/web-1.10.0.tgz
  - version: 1.9.0+build
    digest: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    urls: [charts/web-1.9.0.tgz]
  - version: 1.2.3
    digest: md5
    urls: [a.tgz]
  - version: 1.2.2
generated: '2026'
";

    #[test]
    fn the_version_that_is_asked_for_is_found_or_told_with_what_there_is() {
        let find = |wanted| IndexedChart::find(INDEX, "web", wanted);
        for (wanted, version) in [
            (None, "1.10.0"),
            (Some("1.9.0+build"), "1.9.0+build"),
            (Some("2.0.0-rc1"), "2.0.0-rc1"),
            (Some("1.1*"), "1.10.0"),
            (Some(">=1.5 <2"), "1.10.0"),
        ] {
            assert_eq!(find(wanted).unwrap().version, version, "{wanted:?}");
        }
        let found = find(None).unwrap();
        assert_eq!(found.urls, ["https://x.example/web-1.10.0.tgz"]);
        assert_eq!(found.digest, Some(Digest::of(b"")));
        assert_eq!(find(Some("1.9.0+build")).unwrap().digest, Some(Digest::of(b"")));

        let lost = find(Some("3")).unwrap_err();
        assert_eq!(lost.class(), Class::Incomplete);
        assert!(lost.way_out().unwrap().contains("1.10.0"), "{lost}");
        assert_eq!(find(Some(">=4")).unwrap_err().class(), Class::Incomplete);
        assert_eq!(find(Some(">=x")).unwrap_err().class(), Class::Usage);
        assert_eq!(find(Some("1.2.3")).unwrap_err().class(), Class::Damaged, "no SHA-256");
        assert_eq!(find(Some("1.2.2")).unwrap_err().class(), Class::Damaged, "no address");
        let none = |index| IndexedChart::find(index, "web", None).unwrap_err().class();
        assert_eq!(none("entries: {}"), Class::Incomplete);
        assert_eq!(none("<html>"), Class::Incomplete);
        assert_eq!(none("entries: {web: [}"), Class::Damaged);
    }
}
