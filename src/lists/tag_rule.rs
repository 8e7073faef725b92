//! [`TagRule`]: which tags of a repository are meant.

use std::collections::BTreeMap;
use std::fmt;

use regex_lite::Regex;
use semver::VersionReq;

use super::expressions::{self, SplitRule};
use super::version::Version;
use crate::words::error::{Class, Error, Result};
use crate::words::glob::fits;

/// Longest rule, in bytes: a line of it has room for the expressions of a long list of tags.
const MAX_RULE: usize = 16 << 10;
/// How many tags an error shows of those that are there.
const SHOWN: usize = 5;

/// Which tags of a repository are meant: all conditions have to hold.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct TagRule {
    text: String,
    globs: Vec<String>,
    ranges: Vec<VersionReq>,
    // Compiled when tags are chosen: a list may have 200,000 rules.
    allowed: Vec<String>,
    denied: Vec<String>,
    /// So many of the newest versions alone.
    pub newest: Option<usize>,
    /// Of versions that differ in their third number alone, the highest.
    pub latest_patch: bool,
}

impl PartialEq for TagRule {
    fn eq(&self, other: &TagRule) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for TagRule {}

impl TagRule {
    /// All tags.
    #[must_use]
    pub fn all() -> TagRule {
        TagRule { text: "*".to_owned(), ..TagRule::default() }
    }

    /// Reads a rule as it stands behind a repository's colon: globs (`3.*`), of which one has to fit; ranges
    /// of versions as cargo and npm have them (`>=3.18 <4`, `^1.2`, `~1.2.3`, `||` between alternatives);
    /// `newest N`; `latest-patch`; regular expressions (`/^3\.\d+$/`), of which one has to match, and none of
    /// those behind a `not`. Versions with something behind their numbers (`-alpine`) are in a range where a
    /// glob or an expression asks for it, as in `>=1.25 *-alpine`.
    ///
    /// # Errors
    /// [`Class::Usage`] for anything else.
    pub fn parse(text: &str) -> Result<TagRule> {
        let bad = |why: &str| {
            Error::new(Class::Usage, format!("{text:?} says no tags: {why}"))
                .hint("write a tag, a glob as 3.*, a range as >=3.18 <4, or newest 3 behind one")
        };
        if text.len() > MAX_RULE {
            return Err(bad("it is too long"));
        }
        let mut rule = TagRule { text: text.to_owned(), ..TagRule::default() };
        let (mut range, mut alternatives) = (String::new(), Vec::new());
        let SplitRule { allowed, denied, rest } =
            expressions::take(text).map_err(|why| bad(&why))?;
        (rule.allowed, rule.denied) = (allowed, denied);
        let spaced = spaced(&rest);
        let mut words = spaced.split([' ', '\t', ',']).filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            match word {
                "||" => alternatives.push(std::mem::take(&mut range)),
                "latest-patch" => rule.latest_patch = true,
                "newest" => {
                    let count = words.next().and_then(|it| it.parse().ok()).filter(|it| *it > 0);
                    rule.newest =
                        Some(count.ok_or_else(|| bad("newest needs a number behind it"))?);
                }
                _ if word.starts_with(['<', '>', '=', '^', '~']) => {
                    range.push_str(if range.is_empty() { "" } else { ", " });
                    range.push_str(&plain(word));
                }
                _ if word.chars().all(|c| c.is_ascii_alphanumeric() || "._-*?+".contains(c)) => {
                    rule.globs.push(word.to_owned());
                }
                _ => return Err(bad(&format!("{word:?} is no part of a tag"))),
            }
        }
        alternatives.push(range);
        let several = alternatives.len() > 1;
        for range in alternatives.into_iter().filter(|range| several || !range.is_empty()) {
            let read = VersionReq::parse(&range).map_err(|e| bad(&e.to_string()))?;
            rule.ranges.push(read);
        }
        Ok(rule)
    }

    /// Tags that one of the expressions `allowed` matches, or any where there is none, and none of `denied`.
    /// They match anywhere in a tag, where they are not anchored.
    ///
    /// # Errors
    /// [`Class::Usage`] for what is no regular expression, or uses what other engines alone have.
    pub fn matching<'a>(
        allowed: impl IntoIterator<Item = &'a str>,
        denied: impl IntoIterator<Item = &'a str>,
    ) -> Result<TagRule> {
        let read =
            |text: &str| expressions::read(text).map_err(|why| Error::new(Class::Usage, why));
        let allowed = allowed.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        let denied = denied.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        let shown = |all: &[String], sign: &str| {
            all.iter().map(|one| format!("{sign}{}", expressions::written(one))).collect::<Vec<_>>()
        };
        let text = [shown(&allowed, ""), shown(&denied, "not ")].concat().join(" ");
        if text.len() > MAX_RULE {
            let text = format!("its expressions are longer than {MAX_RULE} bytes");
            return Err(Error::new(Class::Usage, text).hint("make several steps of it"));
        }
        Ok(TagRule { text, allowed, denied, ..TagRule::default() })
    }

    /// Tags in a `range` of versions alone.
    ///
    /// # Errors
    /// As [`parse`](TagRule::parse).
    pub fn in_range(range: &str) -> Result<TagRule> {
        let bare = range.trim();
        match bare.starts_with(|c: char| c.is_ascii_digit() || c == 'v') {
            // A bare version is what npm and Go's Masterminds mean by it: that one, or with x all below.
            true => TagRule::parse(&format!("={}", bare.replace(['x', 'X'], "*"))),
            false => TagRule::parse(bare),
        }
    }

    /// What both this rule and `other` mean. Only one of them may have alternatives.
    #[must_use]
    pub(super) fn and(self, other: TagRule) -> TagRule {
        let mut both = self;
        both.text = [both.text, other.text].join(" ");
        both.globs.extend(other.globs);
        both.ranges.extend(other.ranges);
        both.allowed.extend(other.allowed);
        both.denied.extend(other.denied);
        both
    }

    /// The tags that are meant of those that are there, in their order.
    #[must_use]
    pub fn choose<'a>(&self, tags: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let compiled = |all: &[String]| all.iter().filter_map(|one| Regex::new(one).ok()).collect();
        let (allowed, denied): (Vec<Regex>, Vec<Regex>) =
            (compiled(&self.allowed), compiled(&self.denied));
        let fits = |tag: &str| {
            self.means(tag)
                && (allowed.is_empty() || allowed.iter().any(|one| one.is_match(tag)))
                && !denied.iter().any(|one| one.is_match(tag))
        };
        let mut chosen: Vec<&str> = tags.into_iter().filter(|tag| fits(tag)).collect();
        if self.latest_patch {
            let mut highest: BTreeMap<_, Version<'_>> = BTreeMap::new();
            for version in chosen.iter().filter_map(|tag| Version::of(tag)) {
                let known = highest.entry(version.line()).or_insert_with(|| version.clone());
                if known.compare(&version).is_lt() {
                    *known = version;
                }
            }
            chosen.retain(|tag| {
                Version::of(tag).is_none_or(|own| {
                    highest.get(&own.line()).is_none_or(|most| own.compare(most).is_eq())
                })
            });
        }
        if let Some(newest) = self.newest {
            let mut versions: Vec<Version<'_>> =
                chosen.iter().filter_map(|tag| Version::of(tag)).collect();
            versions.sort_by(|one, other| other.compare(one));
            versions.dedup_by(|one, other| one.compare(other).is_eq());
            let least = versions.into_iter().take(newest).next_back();
            chosen.retain(|tag| {
                let own = Version::of(tag);
                own.zip(least.as_ref()).is_some_and(|(own, least)| own.compare(least).is_ge())
            });
        }
        chosen
    }

    /// Whether globs and ranges mean `tag`, whatever others there are.
    fn means(&self, tag: &str) -> bool {
        let asked_by_look = !(self.globs.is_empty() && self.allowed.is_empty());
        // Signatures come along with what they sign.
        if is_beside(tag) && !self.globs.iter().any(|glob| glob.starts_with("sha256-")) {
            return false;
        }
        let in_range = || {
            Version::of(tag).is_some_and(|own| {
                (own.behind.is_empty() || asked_by_look)
                    && self.ranges.iter().any(|range| range.matches(&own.semantic()))
            })
        };
        (self.globs.is_empty() || self.globs.iter().any(|glob| fits(glob, tag)))
            && (self.ranges.is_empty() || in_range())
    }

    /// That none of `tags`, those of `repository`, is meant.
    #[must_use]
    pub fn nothing(&self, repository: &str, tags: &[&str]) -> Error {
        let text = format!("no tag of {repository} is meant by {self}");
        let error = Error::new(Class::Incomplete, text);
        let last: Vec<&str> =
            tags.iter().rev().copied().filter(|tag| !is_beside(tag)).take(SHOWN).collect();
        match last.is_empty() {
            true => error.hint("the repository has no tags"),
            false => error.hint(format!("its last ones are {}", last.join(", "))),
        }
    }
}

impl fmt::Display for TagRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match self.latest_patch && !self.text.contains("latest-patch") {
            true => f.write_str(" latest-patch"),
            false => Ok(()),
        }
    }
}

/// Whether `tag` is the kind that cosign gives to signatures, and registries to lists of referrers.
fn is_beside(tag: &str) -> bool {
    tag.strip_prefix("sha256-")
        .and_then(|rest| rest.get(..64))
        .is_some_and(|hex| hex.bytes().all(|c| c.is_ascii_hexdigit()))
}

/// `text` with space before each comparison, and none behind it.
fn spaced(text: &str) -> String {
    let mut spaced = String::new();
    let mut after_sign = false;
    for c in text.chars() {
        let is_sign = "<>=^~".contains(c);
        if (is_sign && !after_sign) || (c == '|' && !spaced.ends_with('|')) {
            spaced.push(' ');
        }
        if !(after_sign && c == ' ') {
            spaced.push(c);
            if c == '|' && spaced.ends_with("||") {
                spaced.push(' ');
            }
        }
        after_sign = is_sign || (after_sign && c == ' ');
    }
    spaced
}

/// A comparison without the `v` and the leading zeros that semantic versions do not have.
fn plain(word: &str) -> String {
    let at = word.find(|c: char| !"<>=^~".contains(c)).unwrap_or(word.len());
    let (sign, version) = word.split_at(at);
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let sign = if sign == "==" { "=" } else { sign };
    let numbers: Vec<&str> = version
        .split('.')
        .map(|number| match number.trim_start_matches('0') {
            "" if !number.is_empty() => "0",
            rest if number.bytes().all(|c| c.is_ascii_digit()) => rest,
            _ => number,
        })
        .collect();
    format!("{sign}{}", numbers.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAGS: [&str; 12] = [
        "3.17.9",
        "3.18",
        "3.18.4",
        "3.18.12",
        "3.19.1",
        "3.20.0",
        "4.0.0",
        "edge",
        "latest",
        "v3.21.0",
        "3.20.0-rc1",
        "3.19.1-slim",
    ];

    fn chosen(rule: &str) -> Vec<&'static str> {
        TagRule::parse(rule).unwrap().choose(TAGS)
    }

    #[test]
    fn ranges_globs_and_newest_choose_among_tags() {
        assert_eq!(
            chosen(">=3.18 <4"),
            ["3.18", "3.18.4", "3.18.12", "3.19.1", "3.20.0", "v3.21.0"]
        );
        assert_eq!(chosen(">= 3.18, < 3.19"), ["3.18", "3.18.4", "3.18.12"]);
        assert_eq!(chosen("~3.18"), ["3.18", "3.18.4", "3.18.12"]);
        assert_eq!(chosen("~3.17 || ^4"), ["3.17.9", "4.0.0"]);
        assert_eq!(chosen("3.19*"), ["3.19.1", "3.19.1-slim"]);
        assert_eq!(chosen(">=3.18 *-slim"), ["3.19.1-slim"]);
        assert_eq!(chosen(">=3.18 <4 newest 2"), ["3.20.0", "v3.21.0"]);
        assert_eq!(chosen(">=3.18 <3.20 latest-patch"), ["3.18.12", "3.19.1"]);
        assert_eq!(chosen("*").len(), TAGS.len());
        assert_eq!(chosen("5.*"), [""; 0]);
    }

    #[test]
    fn expressions_of_other_tools_allow_and_deny() {
        let rule = TagRule::matching([r"^3\.1[89]"], ["-slim$"]).unwrap();
        assert_eq!(rule.choose(TAGS), ["3.18", "3.18.4", "3.18.12", "3.19.1"]);
        assert_eq!(
            TagRule::in_range("3.18.x").unwrap().choose(TAGS),
            ["3.18", "3.18.4", "3.18.12"]
        );
        assert!(TagRule::matching(["("], []).is_err());
        let again = TagRule::parse(&rule.to_string()).unwrap();
        assert_eq!((again.choose(TAGS), &again), (rule.choose(TAGS), &rule));
        assert_eq!(chosen(r">=3.19 /-\w+$/ not /rc/"), ["3.19.1-slim"]);
    }

    #[test]
    fn what_lies_beside_images_is_meant_by_its_own_name_alone() {
        let signature = format!("sha256-{}.sig", "a".repeat(64));
        let tags = ["1", signature.as_str()];
        assert_eq!(TagRule::all().choose(tags), ["1"]);
        assert_eq!(TagRule::parse("sha256-*").unwrap().choose(tags), [signature.as_str()]);
    }

    #[test]
    fn what_says_no_tags_is_refused() {
        for bad in [">=x", "newest", "newest 0", ">=1 <", "a/b", &"x".repeat(MAX_RULE + 1)] {
            assert!(TagRule::parse(bad).is_err(), "{bad}");
        }
    }
}
