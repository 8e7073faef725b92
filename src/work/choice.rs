//! [`Choice`]: which images of a bundle are meant. Pure: names in, a smaller bundle out.

use std::fmt;
use std::sync::Arc;

use crate::bundle::contents::{Contents, Image};
use crate::bundle::subset::{Referring, subset};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::glob::fits;
use crate::words::misnamed::misnamed;
use crate::words::phrase::{Phrase, phrase};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;

/// Longest pattern: that of a name.
const MAX_PATTERN: usize = 1024;
/// How many names an error shows of those that are there.
const SHOWN: usize = 20;

/// One pattern for names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    place: Option<String>,
    means: Means,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Means {
    /// This name, with whatever tag where it has none.
    Name { name: Reference, any_tag: bool },
    /// Names that look like this.
    Glob(String),
}

impl Pattern {
    /// Reads a pattern: a name as everywhere (`alpine`, `quay.io/org/app:1.2`, with a digest), of
    /// which one without tag and digest stands for all tags; or a glob, in which `*` stands for
    /// any text, slashes among it, and `?` for one character. A glob is held against the full
    /// name with and without its tag, and with the digest; where the name is one of Docker Hub's,
    /// against the short name that docker has for it, too.
    ///
    /// # Errors
    /// [`Class::Usage`] for what can be no part of a name.
    pub fn parse(text: &str) -> Result<Pattern> {
        let text = text.trim();
        let plain = text.strip_prefix("docker://").unwrap_or(text);
        let means = match plain.contains(['*', '?']) {
            true => Means::Glob(glob(plain)?),
            false => {
                let name: Reference = plain.parse()?;
                let last = plain.rsplit('/').next().unwrap_or(plain);
                Means::Name { name, any_tag: !last.contains(':') }
            }
        };
        Ok(Pattern { text: text.to_owned(), place: None, means })
    }

    /// The same pattern, which stands at `place`, as in `images.txt: line 3`.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Pattern {
        self.place = Some(place.into());
        self
    }

    /// Whether `image` is meant.
    #[must_use]
    pub fn matches(&self, image: &Image) -> bool {
        self.matches_name(&image.name, Some(image.digest))
    }

    /// Whether it takes a digest to tell.
    #[must_use]
    pub fn asks_digest(&self) -> bool {
        self.text.contains('@')
    }

    /// Whether the image that is called `other` is meant, which stands for `digest`, where that is known.
    #[must_use]
    pub fn matches_name(&self, other: &Reference, digest: Option<Digest>) -> bool {
        self.means_name(other, digest)
            || match other.registry.plain() {
                // The port that https has anyway makes no other image of it.
                host if host != other.registry.as_str() => host.parse().is_ok_and(|registry| {
                    self.means_name(&Reference { registry, ..other.clone() }, digest)
                }),
                _ => false,
            }
    }

    fn means_name(&self, other: &Reference, digest: Option<Digest>) -> bool {
        match &self.means {
            Means::Name { name, any_tag } => {
                name.name() == other.name()
                    && name.digest.is_none_or(|own| digest == Some(own))
                    && (*any_tag || name.tag.is_none() || name.tag == other.tag)
            }
            Means::Glob(glob) => forms(other, digest).iter().any(|form| fits(glob, form)),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// A glob with its path in lower case, as that of names is.
fn glob(text: &str) -> Result<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-/:@*?[]".contains(c);
    if text.len() > MAX_PATTERN || !text.chars().all(fine) {
        return Err(Error::new(Class::Usage, format!("{text:?} is no pattern for names"))
            .hint("write a name, or * for any text and ? for one character in it"));
    }
    let slash = text.rfind('/').map_or(0, |at| at + 1);
    let end = text[slash..].find([':', '@']).map_or(text.len(), |at| slash + at);
    Ok(format!("{}{}", text[..end].to_ascii_lowercase(), &text[end..]))
}

/// What a glob may look like for the image `name`, which stands for `digest`.
fn forms(name: &Reference, digest: Option<Digest>) -> Vec<String> {
    let plain = name.name();
    let mut forms = vec![name.to_string()];
    forms.extend(digest.map(|digest| format!("{plain}@{digest}")));
    forms.push(plain);
    for prefix in ["docker.io/", "library/"] {
        let short = forms.iter().filter_map(|form| form.strip_prefix(prefix));
        // What would be read as the name of another registry is no short name.
        let first = |form: &&str| form.split('/').next().is_some_and(|it| !it.contains('.'));
        let is_short = |form: &&str| !form.contains('/') || first(form);
        let short: Vec<String> = short.filter(is_short).map(str::to_owned).collect();
        forms.extend(short);
    }
    forms
}

/// Which images of a bundle are meant.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Choice {
    /// These alone; all when empty.
    pub only: Vec<Pattern>,
    /// But for these.
    pub except: Vec<Pattern>,
    /// What is wrong with patterns that are none.
    pub wrong: Arc<[Error]>,
}

impl Choice {
    /// What is meant of `contents`; nothing when that is all of it.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when a pattern means no image, naming each such one with what is
    /// there; [`Class::Usage`] when no image is left, and with every pattern that is none beside
    /// those.
    pub fn of(&self, contents: &Contents) -> Result<Option<Contents>> {
        let idle = self.idle(contents);
        if let Some(error) = self.failure(idle) {
            return Err(error);
        }
        if self.only.is_empty() && self.except.is_empty() {
            return Ok(None);
        }
        let is_meant = |image: &Image| {
            (self.only.is_empty() || self.only.iter().any(|pattern| pattern.matches(image)))
                && !self.except.iter().any(|pattern| pattern.matches(image))
        };
        let chosen = subset(contents, &Referring::among(contents), is_meant);
        match chosen.images.is_empty() {
            true => Err(Error::new(
                Class::Usage,
                phrase![Remedy::Except, " leaves no image of the bundle"],
            )
            .hint(there(contents))),
            false => Ok(Some(chosen)),
        }
    }

    /// Everything that is wrong with the patterns themselves, whatever there is; nothing if nothing is.
    #[must_use]
    pub fn misread(&self) -> Option<Error> {
        self.failure(None)
    }

    fn failure(&self, idle: Option<Error>) -> Option<Error> {
        let wrong = self.wrong.iter().cloned().chain(idle).collect();
        misnamed(wrong, |count| match count == self.wrong.len() {
            true => format!("{count} of the names cannot be read"),
            false => format!("{} of the names cannot be read, and others mean nothing", count - 1),
        })
    }

    /// What is wrong with the patterns that mean no image of `contents`.
    fn idle(&self, contents: &Contents) -> Option<Error> {
        let all = self.only.iter().chain(&self.except);
        let idle: Vec<String> = all
            .filter(|pattern| !contents.images.iter().any(|image| pattern.matches(image)))
            .map(Pattern::to_string)
            .collect();
        let text = match &idle[..] {
            [] => return None,
            [one] => format!("no image of the bundle is meant by {one}"),
            all => format!("no image of the bundle is meant by {} of the patterns", all.len()),
        };
        let details = if idle.len() > 1 { idle } else { Vec::new() };
        Some(Error::new(Class::Incomplete, text).details(details).hint(there(contents)))
    }
}

/// What is there, as far as it can be shown.
fn there(contents: &Contents) -> Phrase {
    let names: Vec<String> =
        contents.images.iter().take(SHOWN).map(|image| image.name.to_string()).collect();
    match contents.images.len().saturating_sub(SHOWN) {
        0 if names.is_empty() => "it has no images".into(),
        0 => format!("it has: {}", names.join(", ")).into(),
        more => {
            phrase![format!("it has: {} and {more} more (", names.join(", ")), Remedy::Inspect, ")"]
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::bundle::samples::Stock;

    fn image(name: &str) -> Image {
        let mut stock = Stock::default();
        let about = stock.image("x", "linux/amd64");
        stock.contents(&[(name, &about)]).images.remove(0)
    }

    #[test]
    fn patterns_are_names_or_globs_over_full_and_short_ones() {
        let digest = image("alpine").digest;
        let alpine = image("alpine:3.20");
        let pinned = image(&format!("quay.io/a/b@{digest}"));
        let by_digest = format!("alpine@{digest}");
        for (pattern, fine) in [
            ("alpine", true),
            ("alpine:3.20", true),
            ("docker://docker.io/library/alpine:3.20", true),
            (by_digest.as_str(), true),
            ("alpine:latest", false),
            ("alpin", false),
            ("alpine:*", true),
            ("alpine:3.?0", true),
            ("Alpine:3.*", true),
            ("docker.io/*", true),
            ("*/alpine", true),
            ("library/*", true),
            ("*:3.20", true),
            ("*", true),
            ("alpine@sha256:*", true),
            ("quay.io/*", false),
            ("?lpine", true),
            ("?", false),
            ("*:3.2", false),
            ("*:V*", false),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(&alpine), fine, "{pattern}");
        }
        for (pattern, fine) in
            [("quay.io/a/b", true), ("quay.io/a/b:latest", false), ("a/*", false), ("*@*", true)]
        {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(&pinned), fine, "{pattern}");
        }
        // A name of Docker Hub that begins like another registry is none of that.
        let alike = image("docker.io/quay.io/b:1");
        for (pattern, fine) in
            [("quay.io/*", false), ("*/b:1", true), ("docker.io/quay.io/*", true)]
        {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(&alike), fine, "{pattern}");
        }
        for bad in ["", "A b", "al pine*", "*\u{1b}", "ALPINE", "a//b"] {
            assert_eq!(Pattern::parse(bad).unwrap_err().class(), Class::Usage, "{bad:?}");
        }
    }

    #[test]
    fn the_port_that_https_has_anyway_makes_no_other_image() {
        let odd = image("quay.io:443/a/b:1");
        for pattern in ["quay.io/a/b", "quay.io/a/*", "quay.io:443/a/b:1"] {
            assert!(Pattern::parse(pattern).unwrap().matches(&odd), "{pattern}");
        }
        assert!(!Pattern::parse("quay.io/a/*").unwrap().matches(&image("quay.io:444/a/b:1")));
        assert!("quay.io:0443/a/b:1".parse::<Reference>().is_err());
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let begun = std::time::Instant::now();

        assert!(!fits(&"*a".repeat(500), &"a".repeat(499)));
        assert!(!fits(&format!("{}b", "*a".repeat(300)), &"a".repeat(1000)));

        assert!(begun.elapsed().as_secs() < 2);
    }

    #[test]
    fn what_is_chosen_brings_what_refers_to_it_and_nothing_else() {
        let (_, contents, [_, b, of_a, _, of_that]) = Stock::family();
        let choose = |only: &[&str], except: &[&str]| {
            let all = |texts: &[&str]| texts.iter().map(|t| Pattern::parse(t).unwrap()).collect();
            Choice { only: all(only), except: all(except), ..Choice::default() }.of(&contents)
        };

        for chosen in [choose(&["x.example/r:a"], &[]), choose(&[], &["*:b"])] {
            let chosen = chosen.unwrap().unwrap();
            assert_eq!(chosen.images.len(), 1);
            let held: BTreeSet<Digest> = chosen.referrers.iter().map(|r| r.digest).collect();
            assert_eq!(held, BTreeSet::from([of_a.digest, of_that.digest]));
            assert_eq!(chosen.documents.len(), 3);
            assert!(!chosen.documents.contains_key(&b.digest));
        }
        assert!(choose(&[], &[]).unwrap().is_none());
        let error = choose(&["x.example/r", "nope"], &["neither:*"]).unwrap_err();
        assert_eq!(error.class(), Class::Incomplete);
        assert_eq!(error.findings(), ["nope", "neither:*"]);
        assert!(error.way_out().unwrap().contains("x.example/r:a"));
        assert_eq!(choose(&["*:a"], &["*:a"]).unwrap_err().class(), Class::Usage);
    }
}
