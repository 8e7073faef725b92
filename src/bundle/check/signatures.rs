//! The envelopes of a bundle, against the keys that are trusted.

use super::Trust;
use super::files::Files;
use crate::bundle::envelope::{Envelope, MAX_ENVELOPE, MAX_ENVELOPES};
use crate::bundle::head::envelope_path;
use crate::bundle::keys::{KeyId, PublicKey};
use crate::bundle::problem::failure;
use crate::words::error::{Class, Error, Result};

/// What the envelopes of a bundle amount to.
pub(super) struct Signatures {
    /// What was signed.
    pub(super) payload: Vec<u8>,
    /// Whose signatures count.
    pub(super) signers: Vec<KeyId>,
    /// Who claims to have signed.
    pub(super) claimed: Vec<String>,
}

/// Steps 2 and 3: every envelope is acceptable and says the same, and one at least is by a key
/// that is trusted.
pub(super) fn read(tree: &impl Files, trust: &Trust, name: &str) -> Result<Signatures> {
    let untrusted = |text: String| Error::new(Class::Untrusted, format!("bundle {name} {text}"));
    let paths: Vec<&str> =
        tree.paths().into_iter().filter(|path| path.starts_with("sig/")).collect();
    if paths.is_empty() && tree.faults().iter().any(|fault| fault.truncated) {
        let problems: Vec<_> = tree.faults().iter().map(super::problem_of).collect();
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
    let mut payload: Option<Vec<u8>> = None;
    for path in paths {
        let bytes = tree.read_small(path, MAX_ENVELOPE)?;
        let envelope =
            Envelope::from_bytes(&bytes).map_err(|e| e.context(format!("{name}: {path}")))?;
        if payload.as_deref().is_some_and(|payload| payload != envelope.payload()) {
            return Err(untrusted("carries signatures of two different statements".to_owned()));
        }
        if let Trust::Keys(keys) = trust {
            let by = keys.iter().find(|key| envelope.is_by(key));
            signers.extend(by.map(PublicKey::id).filter(|id| envelope_path(id) == path));
        }
        claimed.push(envelope.claimed_key_id().to_owned());
        payload = Some(envelope.payload().to_owned());
    }
    if signers.is_empty() && matches!(trust, Trust::Keys(_)) {
        return Err(untrusted("has no valid signature by a trusted key".to_owned()).hint(
            "check that --key is the sender's public key; `sealift inspect` shows who claims to have signed",
        ));
    }
    Ok(Signatures { payload: payload.unwrap_or_default(), signers, claimed })
}
