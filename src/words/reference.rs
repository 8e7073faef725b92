//! Names of images: [`Registry`] host, [`Repository`] path, [`Tag`], and a whole [`Reference`].
//!
//! The grammar is that of the distribution project's `reference` package, which docker, podman
//! and containerd share: `[host[:port]/]path[:tag][@digest]`, normalised as docker does, so that
//! `alpine` is `docker.io/library/alpine:latest`.

use std::fmt;
use std::str::FromStr;

use super::digest::{Digest, DigestError};
use super::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Longest repository name, host included, that the distribution project accepts.
const MAX_NAME: usize = 255;
/// Longest tag (distribution-spec, "Pulling manifests").
const MAX_TAG: usize = 128;

/// A registry's `host` or `host:port`, in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registry(String);

impl Registry {
    /// `host` or `host:port`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without its port, and without the brackets of an IPv6 address.
    #[must_use]
    pub fn host(&self) -> &str {
        match self.0.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => self.0.split(':').next().unwrap_or(&self.0),
        }
    }

    /// Whether the host is this machine's loopback interface, where plain HTTP stays on the
    /// machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Registry {
    type Err = Error;

    fn from_str(text: &str) -> Result<Registry> {
        let bad = || {
            Error::new(Class::Usage, format!("{text:?} is not a registry host"))
                .hint("write HOST or HOST:PORT, as in harbor.example:8443")
        };
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or_else(bad)?;
                address.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
                (None, port.strip_prefix(':').or(port.is_empty().then_some("")).ok_or_else(bad)?)
            }
            None => match text.split_once(':') {
                Some((host, port)) => (Some(host), port),
                None => (Some(text), ""),
            },
        };
        let port_is_fine = match text.ends_with(':') {
            true => false,
            false => port.is_empty() || port.parse::<u16>().is_ok_and(|p| p > 0),
        };
        let host_is_fine = host.is_none_or(|host| {
            host.len() <= MAX_NAME
                && host.split('.').all(|label| {
                    !label.is_empty()
                        && label.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                })
        });
        if !port_is_fine || !host_is_fine || port.starts_with(['+', '0']) {
            return Err(bad());
        }
        let lower = text.to_ascii_lowercase();
        // Docker's own host goes by three names; credentials and mirrors know it by the first.
        Ok(Registry(match lower.as_str() {
            "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
            _ => lower,
        }))
    }
}

impl Registry {
    /// The same registry, without the port that https has anyway: whoever compares it with a rule means both.
    #[must_use]
    pub fn plain(&self) -> &str {
        self.0.strip_suffix(":443").filter(|host| !host.is_empty()).unwrap_or(&self.0)
    }
}

/// A repository's path at its registry: lower-case components joined by `/`
/// (distribution-spec, `<name>`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(String);

impl Repository {
    /// The path, without the host.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    #[must_use]
    pub fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

/// One path component: alphanumerics, joined by `.`, `_`, `__` or any number of `-`.
fn is_component(text: &str) -> bool {
    let alnum = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = text.as_bytes();
    if !bytes.first().is_some_and(|c| alnum(*c)) || !bytes.last().is_some_and(|c| alnum(*c)) {
        return false;
    }
    bytes.split(|c| alnum(*c)).all(|separator| {
        matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|c| *c == b'-')
    })
}

impl FromStr for Repository {
    type Err = Error;

    fn from_str(text: &str) -> Result<Repository> {
        if text.len() <= MAX_NAME && text.split('/').all(is_component) {
            return Ok(Repository(text.to_owned()));
        }
        if text.len() > MAX_NAME {
            let text = format!("a repository name of {} characters is too long", text.len());
            let hint = format!("registries take {MAX_NAME} at most");
            return Err(Error::new(Class::Usage, text).hint(hint));
        }
        let hint = match text.bytes().any(|c| c.is_ascii_uppercase()) {
            true => "repository names are in lower case",
            false => "use lower-case letters and digits, joined by '.', '_', '-' or '/'",
        };
        Err(Error::new(Class::Usage, format!("{text:?} is not a repository name")).hint(hint))
    }
}

/// A tag (distribution-spec, `<reference>` as a tag).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The tag's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The fallback tag under which a registry without the referrers API keeps the list of what
    /// refers to `subject` (distribution-spec, "Referrers Tag Schema").
    #[must_use]
    pub fn referrers_of(subject: &Digest) -> Tag {
        Tag(format!("sha256-{}", subject.hex()))
    }

    /// A tag for the manifest `digest` that never has to stand for anything else. It is no tag of
    /// the kind that [`subject`](Tag::subject) or cosign reads.
    #[must_use]
    pub fn of_digest(digest: &Digest) -> Tag {
        Tag(format!("digest-{}", digest.hex()))
    }

    /// The subject whose referrers list this tag is, if it is one.
    #[must_use]
    pub fn subject(&self) -> Option<Digest> {
        Digest::from_hex(self.0.strip_prefix("sha256-")?).ok()
    }
}

impl FromStr for Tag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Tag> {
        let word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
        let fine = !text.is_empty()
            && text.len() <= MAX_TAG
            && text.bytes().next().is_some_and(word)
            && text.bytes().all(|c| word(c) || c == b'.' || c == b'-');
        match fine {
            true => Ok(Tag(text.to_owned())),
            false => Err(Error::new(Class::Usage, format!("{text:?} is not a tag"))
                .hint("a tag has up to 128 letters, digits, '_', '.' and '-'")),
        }
    }
}

/// A full image name: registry, repository, and a tag, a digest, or both.
///
/// With both, the digest decides what is fetched and the tag is the name it gets.
///
/// ```
/// use sealift::words::reference::Reference;
///
/// let name: Reference = "alpine:3.20".parse()?;
/// assert_eq!(name.to_string(), "docker.io/library/alpine:3.20");
/// assert_eq!(name.repository.last(), "alpine");
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The registry's host.
    pub registry: Registry,
    /// The path there.
    pub repository: Repository,
    /// The tag; `latest` where neither tag nor digest was given.
    pub tag: Option<Tag>,
    /// The digest, where the name pins one.
    pub digest: Option<Digest>,
}

impl Reference {
    /// `host/path`, without tag and digest.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The same repository with another tag and no digest.
    #[must_use]
    pub fn with_tag(&self, tag: Tag) -> Reference {
        Reference { tag: Some(tag), digest: None, ..self.clone() }
    }

    /// The name an image keeps in a bundle: the tag if there is one, else the digest.
    #[must_use]
    pub fn kept(&self) -> Reference {
        match self.tag {
            Some(_) => Reference { digest: None, ..self.clone() },
            None => self.clone(),
        }
    }
}

/// Whether the first part of a name is a host, whatever letters it has.
fn is_host(first: &str) -> bool {
    first.contains(['.', ':']) || first.eq_ignore_ascii_case("localhost")
}

impl FromStr for Reference {
    type Err = Error;

    fn from_str(text: &str) -> Result<Reference> {
        let named = |error: Error| error.context(format!("image name {text:?}"));
        if text.len() > 1024 {
            return Err(Error::new(Class::Usage, "image name is longer than 1024 bytes"));
        }
        if let Some((before, after)) = text.split_once('@')
            && before.contains(':')
            && !before.contains('/')
            && after.contains('/')
        {
            // Not repeated: it may be a password.
            return Err(Error::new(Class::Usage, "an image name holds no credentials").hint(
                phrase!["log in with `podman login HOST`, or name a file with ", Remedy::AuthFiles],
            ));
        }
        // docker would take it for the repository library/sha256.
        if !matches!(text.parse::<Digest>(), Err(DigestError::Grammar)) {
            return Err(Error::new(Class::Usage, format!("{text:?} is a digest, not a name"))
                .hint("write REPOSITORY@DIGEST"));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest.parse::<Digest>().map_err(|e| {
                    let error = named(e.into_error(Class::Usage));
                    match error.class() {
                        Class::Refused => error.hint("name it by its tag, or by its sha256 digest"),
                        _ => error,
                    }
                })?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let (host, path) = match rest.split_once('/') {
            Some((first, path))
                if is_host(first)
                    // No path has capitals, so that this is a host, as docker takes it.
                    || first.bytes().any(|c| c.is_ascii_uppercase()) =>
            {
                (first, path)
            }
            _ => ("docker.io", rest),
        };
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.parse::<Tag>().map_err(named)?)),
            None => (path, None),
        };
        let registry: Registry = host.parse().map_err(named)?;
        // In small letters, as registries are called here, nobody would take it for one.
        if !is_host(&registry.0) {
            let text = format!("image name {text:?}: {host:?} is a registry by its capitals alone");
            return Err(Error::new(Class::Usage, text)
                .hint("write the host with its domain or port, or the path in small letters"));
        }
        let repository = match registry.0 == "docker.io" && !path.contains('/') {
            true => format!("library/{path}"),
            false => path.to_owned(),
        };
        if path.len() == 64 && Digest::from_hex(path).is_ok() && host == "docker.io" {
            return Err(Error::new(Class::Usage, format!("{text:?} is an image id, not a name"))
                .hint("name the image by repository and tag"));
        }
        let tag = match (&tag, &digest) {
            (None, None) => Some(Tag("latest".to_owned())),
            _ => tag,
        };
        let repository = repository.parse::<Repository>().map_err(named)?;
        if registry.0.len() + 1 + repository.0.len() > MAX_NAME {
            return Err(named(Error::new(Class::Usage, "longer than 255 bytes")));
        }
        Ok(Reference { registry, repository, tag, digest })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

macro_rules! text_word {
    ($($word:ty),*) => {$(
        impl fmt::Display for $word {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $word {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
text_word!(Registry, Repository, Tag);

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! serde_as_text {
    ($($word:ty),*) => {$(
        impl serde::Serialize for $word {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $word {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<$word, D::Error> {
                let text = String::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serde_as_text!(Registry, Repository, Tag, Reference);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_as_docker_does() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, full) in [
            ("alpine", "docker.io/library/alpine:latest"),
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("rocker/rstudio", "docker.io/rocker/rstudio:latest"),
            ("docker.io/ubuntu:22.04", "docker.io/library/ubuntu:22.04"),
            ("index.docker.io/library/alpine", "docker.io/library/alpine:latest"),
            ("localhost/a", "localhost/a:latest"),
            ("localhost:5000/a/b_c/d--e:T.1", "localhost:5000/a/b_c/d--e:T.1"),
            ("[::1]:5000/a", "[::1]:5000/a:latest"),
            ("HARBOR:443/team/app:1", "harbor:443/team/app:1"),
            ("Localhost/a", "localhost/a:latest"),
            ("LOCALHOST:5000/a", "localhost:5000/a:latest"),
            ("Gcr.io/panoptes-exp/panoptes-utils", "gcr.io/panoptes-exp/panoptes-utils:latest"),
            (&format!("a@{digest}"), &format!("docker.io/library/a@{digest}")),
            (&format!("a:1@{digest}"), &format!("docker.io/library/a:1@{digest}")),
        ] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), full, "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "",
            "FOO",
            "FOO/Bar",
            "HARBOR/team/app:1",
            "foo/Bar",
            "a:",
            "a:-x",
            "a/../b",
            "a//b",
            "/a",
            "a/",
            "a b",
            "a\u{202e}",
            "x.io:99999/a",
            "x.io:/a",
            "-x.io/a",
            "[::1/a",
            "a@sha256:abc",
            "a.-b/c",
            "a___b",
            "https://x.io/a",
            &"a".repeat(300),
            &"a".repeat(64),
            &format!("a:{}", "t".repeat(129)),
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (host, loopback) in [
            ("localhost:5000", true),
            ("127.0.0.1:1", true),
            ("127.9.9.9", true),
            ("[::1]:5", true),
            ("localhost.example", false),
            ("127.0.0.1.example", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(host.parse::<Registry>().unwrap().is_loopback(), loopback, "{host}");
        }
    }

    #[test]
    fn a_referrers_tag_names_its_subject() {
        let subject = Digest::of(b"x");

        let tag = Tag::referrers_of(&subject);

        assert_eq!(tag.as_str().parse::<Tag>().unwrap().subject(), Some(subject));
        let own = Tag::of_digest(&Digest::of(b"x"));
        assert_eq!(own.as_str().parse::<Tag>().unwrap(), own);
        assert_eq!(own.subject(), None);
        assert_eq!("sha256-ab.sig".parse::<Tag>().unwrap().subject(), None);
    }
}
