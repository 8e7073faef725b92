//! [`SignedNames`]: which names a signature may be over.

use super::unsigned::Unsigned;
use crate::words::digest::Digest;
use crate::words::reference::Reference;

/// Which names a signature may be over, to count for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum SignedNames {
    /// The repository of the image, and its tag where the signature says one: cosign says the repository
    /// alone, unless it is told otherwise. What says no name is not taken.
    #[default]
    Own,
    /// Any, or none: the digest alone counts.
    Any,
}

impl SignedNames {
    /// Whether a signature over `said` counts for the image that is called `name` and has this `digest`.
    pub(super) fn fit(
        self,
        said: Option<&str>,
        name: &Reference,
        digest: Digest,
    ) -> Result<(), Unsigned> {
        match (self, said) {
            (SignedNames::Any, _) => Ok(()),
            (SignedNames::Own, None) => Err(Unsigned::Nameless),
            (SignedNames::Own, Some(said)) => match is_of(said, name, digest) {
                true => Ok(()),
                false => Err(Unsigned::OtherName(said.to_owned())),
            },
        }
    }
}

/// Whether `said` means the image: the same repository, and the same tag and digest where it says any.
fn is_of(said: &str, name: &Reference, digest: Digest) -> bool {
    let Ok(meant) = said.parse::<Reference>() else { return false };
    // What is read without a tag gets `latest`.
    let last = said.rsplit('/').next().unwrap_or(said);
    let says_tag = last.split('@').next().is_some_and(|before| before.contains(':'));
    meant.name() == name.name()
        && (!says_tag || meant.tag == name.tag)
        && meant.digest.is_none_or(|meant| meant == digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_tag_is_that_of_the_repository() {
        let name = |text: &str| text.parse::<Reference>().unwrap();
        let digest = Digest::of(b"x");
        let fits = |said: &str, of: &str| is_of(said, &name(of), digest);

        assert!(fits("quay.io/a/b", "quay.io/a/b:1"));
        assert!(fits("index.docker.io/library/alpine", "alpine:3.20"), "as cosign spells it");
        assert!(fits("quay.io/a/b:1", "quay.io/a/b:1"));
        assert!(fits(&format!("quay.io/a/b@{digest}"), "quay.io/a/b:1"));
        assert!(fits(&format!("quay.io/a/b:1@{digest}"), "quay.io/a/b:1"));
        assert!(fits("localhost:5000/a", "localhost:5000/a:1"));

        assert!(!fits("quay.io/a/b:2", "quay.io/a/b:1"));
        assert!(!fits("quay.io/a/b:latest", "quay.io/a/b:1"));
        assert!(!fits("quay.io/a/c", "quay.io/a/b:1"));
        assert!(!fits("docker.io/a/b", "quay.io/a/b:1"));
        assert!(!fits("localhost:5001/a", "localhost:5000/a:1"));
        assert!(!fits(&format!("quay.io/a/b@{}", Digest::of(b"y")), "quay.io/a/b:1"));
        assert!(!fits("", "quay.io/a/b:1"));
        assert!(!fits("quay.io/A B", "quay.io/a/b:1"));
    }

    #[test]
    fn what_says_no_name_counts_for_any_alone() {
        let name = "quay.io/a/b:1".parse().unwrap();
        let digest = Digest::of(b"x");

        assert_eq!(SignedNames::Own.fit(None, &name, digest), Err(Unsigned::Nameless));
        assert_eq!(SignedNames::Any.fit(None, &name, digest), Ok(()));
        assert_eq!(SignedNames::Any.fit(Some("docker.io/x/y"), &name, digest), Ok(()));
    }
}
