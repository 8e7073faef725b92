//! The envelopes of a bundle, against the keys that are trusted.

use std::collections::BTreeSet;

use serde::Serialize;

use super::files::Files;
use super::trust::Trust;
use crate::bundle::envelope::{Envelope, MAX_ENVELOPE, MAX_ENVELOPES};
use crate::bundle::head::envelope_path;
use crate::bundle::keys::{KeyId, PublicKey};
use crate::bundle::problem::{Problem, ProblemKind, failure};
use crate::bundle::roots::{Root, TrustRule};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Most roles that are listed where nobody of any has signed.
const MAX_ROLES: usize = 16;

/// A signature that nobody who is trusted has made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OtherSignature {
    /// The file.
    pub path: String,
    /// The key that it names.
    pub key: String,
    /// Why it does not count, for people.
    pub what: String,
}

/// What the envelopes of a bundle amount to.
pub(super) struct Signatures {
    /// What was signed.
    pub(super) payload: Vec<u8>,
    /// Whose signatures count.
    pub(super) signers: Vec<KeyId>,
    /// Who claims to have signed.
    pub(super) claimed: Vec<String>,
    /// Those that do not count.
    pub(super) others: Vec<OtherSignature>,
    /// Those by which somebody who is trusted is said to have signed, and has not.
    pub(super) problems: Vec<Problem>,
}

/// Steps 2 and 3: every envelope is acceptable and says the same, and one at least is by a key
/// that is trusted.
pub(super) fn read(tree: &impl Files, trust: &Trust, name: &str) -> Result<Signatures> {
    let untrusted = |text: String| Error::new(Class::Untrusted, format!("bundle {name} {text}"));
    let paths: Vec<&str> =
        tree.paths().into_iter().filter(|path| path.starts_with("sig/")).collect();
    let problems: Vec<Problem> = tree.faults().iter().map(Problem::of).collect();
    let is_unseen = |problem: &Problem| problem.kind == ProblemKind::Unreadable;
    let may_be_there = tree.faults().iter().any(|fault| fault.is_truncated());
    if paths.is_empty() && (may_be_there || problems.iter().any(is_unseen)) {
        return Err(failure(name, &problems));
    }
    if paths.is_empty() {
        return Err(untrusted("is not signed".to_owned())
            .hint("sealift bundles have signatures in sig/; ask the sender for a whole copy"));
    }
    if paths.len() > MAX_ENVELOPES {
        return Err(untrusted(format!("carries more than {MAX_ENVELOPES} signatures")));
    }
    let (mut signers, mut claimed) = (Vec::new(), Vec::new());
    let (mut others, mut problems) = (Vec::new(), Vec::new());
    let (first, keys) = (paths[0], trust.keys());
    let mut payload: Option<Vec<u8>> = None;
    for path in paths {
        let bytes = tree.read_small(path, MAX_ENVELOPE)?;
        let envelope =
            Envelope::from_bytes(&bytes).map_err(|e| e.context(format!("{name}: {path}")))?;
        if payload.as_deref().is_some_and(|payload| payload != envelope.payload()) {
            let text = "carries signatures of two different statements";
            return Err(untrusted(format!("{text}, in {first} and {path}")));
        }
        claimed.push(envelope.claimed_key_id().to_owned());
        if let Some(keys) = &keys {
            match verdict(&envelope, keys, path) {
                Verdict::By(id) => signers.push(id),
                Verdict::Foreign(what) => {
                    let key = envelope.claimed_key_id().to_owned();
                    others.push(OtherSignature { path: path.to_owned(), key, what });
                }
                Verdict::Wrong(what) => {
                    problems.push(Problem::new(ProblemKind::Damaged, path, what))
                }
            }
        }
        payload.get_or_insert_with(|| envelope.into_payload());
    }
    if let (true, Trust::Roots(folder)) = (signers.is_empty(), trust) {
        return Err(unknown(folder.root(), name, claimed));
    }
    if signers.is_empty() && keys.is_some() {
        return Err(untrusted("has no valid signature by a trusted key".to_owned())
            .about(claimed.into_iter().map(Subject::Key))
            .hint(phrase![
                "check that ",
                Remedy::Trust,
                " is the sender's public key; `",
                Remedy::Inspect,
                "` shows who claims to have signed"
            ]));
    }
    Ok(Signatures { payload: payload.unwrap_or_default(), signers, claimed, others, problems })
}

/// That nobody whom `root` names has signed.
fn unknown(root: &Root, name: &str, claimed: Vec<String>) -> Error {
    let version = root.version;
    let text = format!("bundle {name} has no valid signature by a key of root {version}");
    let nobody = BTreeSet::new();
    let roles = root.streams.iter().take(MAX_ROLES);
    let tallies = roles.map(|(name, role)| role.tally(name, &root.keys, &nobody));
    Error::new(Class::Untrusted, text)
        .about(claimed.into_iter().map(Subject::Key))
        .details(tallies.map(|it| format!("{}: {}", TrustRule::Threshold.name(), it.in_words())))
        .hint(phrase![
            "see whether the sender signs with another key by now, and has a newer root; `",
            Remedy::Inspect,
            "` shows who claims to have signed"
        ])
}

/// What one envelope is worth.
enum Verdict {
    /// A signature by this key.
    By(KeyId),
    /// One of somebody else, and why it does not count.
    Foreign(String),
    /// One that names a key that is trusted, and is not by it as it stands.
    Wrong(String),
}

/// Whose signature `envelope` is, which is in the file `path`.
fn verdict(envelope: &Envelope, keys: &[PublicKey], path: &str) -> Verdict {
    let claimed = envelope.claimed_key_id();
    if let Some(key) = keys.iter().find(|key| envelope.is_by(key)) {
        let expected = envelope_path(&key.id());
        return match expected == path {
            true => Verdict::By(key.id()),
            false => Verdict::Wrong(format!("is a signature that belongs into {expected}")),
        };
    }
    match keys.iter().any(|key| key.id().hex() == claimed) {
        true => Verdict::Wrong(format!("is no signature by {claimed}, the key that it names")),
        false => {
            let key: String = claimed.chars().take(16).collect();
            Verdict::Foreign(format!("names the key {key}, which is none that was given"))
        }
    }
}
