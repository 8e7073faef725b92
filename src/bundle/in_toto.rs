//! What all that is signed has in common: an in-toto Statement v1, of a bundle or of a receipt.

use serde::{Deserialize, Serialize};

use crate::words::digest::Digest;

/// `_type` of every statement.
pub(super) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// A statement as it is written; the order of members is that of these fields.
#[derive(Serialize)]
struct Written<'a, P> {
    #[serde(rename = "_type")]
    r#type: &'static str,
    subject: &'a [StatementSubject],
    #[serde(rename = "predicateType")]
    predicate_type: &'static str,
    predicate: &'a P,
}

/// What a statement is about.
#[derive(Serialize, Deserialize)]
pub(super) struct StatementSubject {
    /// What it is called.
    pub(super) name: String,
    digest: SubjectDigest,
}

#[derive(Serialize, Deserialize)]
struct SubjectDigest {
    sha256: String,
}

impl StatementSubject {
    pub(super) fn new(name: impl Into<String>, digest: &Digest) -> StatementSubject {
        StatementSubject { name: name.into(), digest: SubjectDigest { sha256: digest.hex() } }
    }

    /// Its SHA-256, in lowercase hex where it is one.
    pub(super) fn sha256(&self) -> &str {
        &self.digest.sha256
    }
}

/// The bytes of a statement that says `predicate`, which is of `predicate_type`, about `subject`.
pub(super) fn to_bytes(
    subject: &[StatementSubject],
    predicate_type: &'static str,
    predicate: &impl Serialize,
) -> Vec<u8> {
    let statement = Written { r#type: STATEMENT_TYPE, subject, predicate_type, predicate };
    // Only maps with keys that are no text cannot be written, and there are none.
    serde_json::to_vec(&statement).unwrap_or_default()
}
