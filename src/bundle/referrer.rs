//! [`Referrer`]: a manifest that came along because it refers to another one.

use serde::{Deserialize, Serialize};

use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::media::Role;
use crate::words::reference::{Reference, Tag};

/// A manifest that came along because it refers to another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Referrer {
    /// `host/path` of the repository it belongs to.
    pub repository: String,
    /// Its tag, where it has one made from the subject's digest.
    pub tag: Option<Tag>,
    /// The digest of the manifest.
    pub digest: Digest,
    /// Its type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// What it refers to.
    pub subject: Digest,
    /// What it is, for people.
    pub artifact_type: Option<String>,
}

impl Referrer {
    /// The name it is published under, where it has a tag.
    #[must_use]
    pub fn name(&self) -> Option<Reference> {
        format!("{}:{}", self.repository, self.tag.as_ref()?).parse().ok()
    }

    /// Whether it is the list of others that a registry keeps which lists none itself: that is merged
    /// with what is there, or not written at all.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.tag.as_ref().and_then(Tag::subject).is_some()
    }

    /// Its name, or one by its digest where it has no tag.
    ///
    /// # Errors
    /// Where that is no name.
    pub fn called(&self) -> Result<Reference> {
        match self.name() {
            Some(name) => Ok(name),
            None => format!("{}@{}", self.repository, self.digest).parse(),
        }
    }

    /// What it is, in the words of those who use it, where that is known. cosign marks what it keeps
    /// under tags by their ending, and gives it the type of an image.
    #[must_use]
    pub fn kind(&self) -> Option<&'static str> {
        let tag = self.tag.as_ref().map(Tag::as_str);
        let ending = tag.filter(|tag| tag.starts_with("sha256-")).and_then(|it| it.split_once('.'));
        match (ending.map(|(_, ending)| ending), self.artifact_type.as_deref().unwrap_or_default())
        {
            (Some("sig"), _) => Some("cosign signature"),
            (Some("att"), _) => Some("cosign attestation"),
            (Some("sbom"), _) => Some("cosign SBOM"),
            (_, "application/vnd.dev.cosign.artifact.sig.v1+json") => Some("cosign signature"),
            (_, "application/vnd.dev.cosign.simplesigning.v1+json") => Some("cosign signature"),
            (_, kind) if kind.starts_with("application/vnd.dev.sigstore.bundle") => {
                Some("sigstore bundle")
            }
            (_, "application/vnd.cncf.notary.signature") => Some("notation signature"),
            (_, "application/spdx+json" | "text/spdx") => Some("SPDX SBOM"),
            (_, kind) if kind.starts_with("application/vnd.cyclonedx") => Some("CycloneDX SBOM"),
            (_, kind) if kind.starts_with("application/vnd.in-toto") => Some("in-toto attestation"),
            // The type of every image says nothing about this one.
            (_, kind) if Role::of(kind) == Role::Config => Some("image"),
            _ => None,
        }
    }
}
