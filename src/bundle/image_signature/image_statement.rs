//! [`ImageStatement`]: what an in-toto statement of others says about an image.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::dsse::ForeignEnvelope;
use super::signed_name::SignedNames;
use super::unsigned::Unsigned;
use crate::bundle::in_toto::STATEMENT_TYPE;
use crate::words::digest::Digest;
use crate::words::json::check_strict_with;
use crate::words::reference::Reference;

/// `_type` of the statements that cosign attested with before version 3.
const OLDER_TYPE: &str = "https://in-toto.io/Statement/v0.1";
/// `predicateType` of a statement that is a signature of cosign.
const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";
/// Most subjects, as the sigstore family has it (CVE-2024-45395).
const MAX_SUBJECTS: usize = 1024;
/// Members with a meaning.
const MEMBERS: &[&str] =
    &["_type", "subject", "name", "digest", "sha256", "predicateType", "predicate"];

/// A statement that a key vouches for.
#[derive(Debug, Deserialize)]
pub(super) struct ImageStatement {
    #[serde(rename = "_type")]
    r#type: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub(super) predicate_type: String,
    #[serde(rename = "predicate")]
    _predicate: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
struct Subject {
    #[serde(default)]
    name: Option<String>,
    digest: Digests,
}

#[derive(Debug, Deserialize)]
struct Digests {
    sha256: Option<String>,
}

impl ImageStatement {
    /// Reads the payload of an envelope that a key vouches for, which everybody has to read alike.
    pub(super) fn parse_strict(envelope: &ForeignEnvelope) -> Result<ImageStatement, String> {
        check_strict_with(envelope.payload(), MEMBERS).map_err(|e| e.to_string())?;
        ImageStatement::parse(envelope)
    }

    /// As [`parse_strict`](ImageStatement::parse_strict), whatever its predicate is: that of an SBOM may
    /// have more values than are counted anywhere else.
    pub(super) fn parse(envelope: &ForeignEnvelope) -> Result<ImageStatement, String> {
        let statement: ImageStatement =
            serde_json::from_slice(envelope.payload()).map_err(|e| e.to_string())?;
        if ![STATEMENT_TYPE, OLDER_TYPE].contains(&statement.r#type.as_str()) {
            return Err("its statement is of another type".to_owned());
        }
        match statement.subject.len() > MAX_SUBJECTS {
            true => Err(format!("its statement has more than {MAX_SUBJECTS} subjects")),
            false => Ok(statement),
        }
    }

    /// Whether it is a signature and no other attestation.
    pub(super) fn is_signature(&self) -> bool {
        self.predicate_type == SIGNATURE
    }

    /// Whether it is about the image with this digest.
    pub(super) fn is_about(&self, digest: Digest) -> bool {
        self.digests().any(|(_, said)| said == digest)
    }

    /// What it calls the image with this digest: `name`, where it calls it that among others.
    pub(super) fn subject_named(
        &self,
        digest: Digest,
        name: &Reference,
    ) -> Result<Option<String>, Unsigned> {
        let about = self.digests().filter(|(_, said)| *said == digest);
        let said: Vec<Option<&str>> = about.map(|(said, _)| said).collect();
        let fits = |said: &&Option<&str>| SignedNames::Own.fit(**said, name, digest).is_ok();
        match (said.iter().find(fits).or(said.first()), self.digests().next()) {
            (Some(said), _) => Ok(said.map(str::to_owned)),
            (None, Some((_, other))) => Err(Unsigned::OtherDigest(other)),
            (None, None) => Err(Unsigned::unusable("it names no sha256 digest")),
        }
    }

    fn digests(&self) -> impl Iterator<Item = (Option<&str>, Digest)> {
        self.subject.iter().filter_map(|subject| {
            let digest = Digest::from_hex(subject.digest.sha256.as_deref()?).ok()?;
            Some((subject.name.as_deref().filter(|name| !name.is_empty()), digest))
        })
    }
}
