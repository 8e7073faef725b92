//! What all that is signed has in common: an in-toto Statement v1, of a bundle, a receipt or a part of a ledger.

use std::io::Read as _;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::tools::file::open_regular;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::json::check_strict;

/// `_type` of every statement.
pub(super) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";

/// How the first line of a file begins that is signed, and that of one that nobody signed.
pub(super) const BEGINNINGS: [&[u8]; 2] = [b"{\"payload\":\"", b"{\"_type\":\""];

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

/// Whether the file at `path` begins with such a line.
pub(super) fn is_at(path: &Path) -> bool {
    let mut first = [0; BEGINNINGS[0].len()];
    let longest = first.len() as u64;
    let Ok(mut file) = open_regular(path).map(|file| file.take(longest)) else { return false };
    let got = file.read(&mut first).unwrap_or(0);
    BEGINNINGS.iter().any(|begin| first[..got].starts_with(begin))
}

/// A statement with one subject, as it is read.
#[derive(Deserialize)]
struct Claim {
    subject: [StatementSubject; 1],
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: serde_json::Value,
}

/// Reads the statement of `what`, which is of one of these `types`, and the digest of its one subject. It counts
/// where `is_written` says that it is as sealift writes it, so that no member can hide.
///
/// # Errors
/// [`Class::Untrusted`] for a statement of something else.
pub(super) fn read<P: DeserializeOwned>(
    payload: &[u8],
    (what, types): (&str, &[&str]),
    is_written: impl FnOnce(&P, &Digest) -> bool,
) -> Result<(P, Digest)> {
    let bad = |why: String| {
        Error::new(Class::Untrusted, format!("its statement is none of a {what}: {why}"))
    };
    check_strict(payload).map_err(|e| bad(e.to_string()))?;
    let claim: Claim = serde_json::from_slice(payload).map_err(|e| bad(e.to_string()))?;
    if !types.contains(&claim.predicate_type.as_str()) {
        return Err(bad("it is of another type".to_owned())
            .hint("a newer sealift may have made it; use that version"));
    }
    let predicate: P = serde_json::from_value(claim.predicate).map_err(|e| bad(e.to_string()))?;
    let [subject] = &claim.subject;
    let digest = Digest::from_hex(subject.sha256()).map_err(|e| bad(e.to_string()))?;
    match is_written(&predicate, &digest) {
        true => Ok((predicate, digest)),
        false => Err(bad("it is not spelled as sealift writes it".to_owned())),
    }
}
