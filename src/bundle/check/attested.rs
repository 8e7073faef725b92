//! [`Attested`]: what was signed of a bundle, with each signature that counts and the key that it is checked by.

use super::examined::look;
use super::instead;
use super::recalled::Recalled;
use super::signatures::OtherSignature;
use super::trust::Trust;
use crate::bundle::envelope::{Envelope, MAX_ENVELOPE};
use crate::bundle::head::envelope_path;
use crate::bundle::keys::{KeyId, PublicKey};
use crate::bundle::statement::Statement;
use crate::medium::Medium;
use crate::medium::tree::Tree;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};

/// What was signed of a bundle, and who signed it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Attested {
    /// What it says.
    pub statement: Statement,
    /// Its bytes, as they were signed.
    pub payload: Vec<u8>,
    /// The signatures that count, in the order of their files. There is one at least.
    pub signatures: Vec<CountedSignature>,
    /// Those that do not.
    pub others: Vec<OtherSignature>,
}

/// A signature of somebody who is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountedSignature {
    /// The key that made it, as whoever trusts it gave it: never one that came with the bundle.
    pub key: PublicKey,
    /// The 64 bytes of the signature.
    pub signature: Vec<u8>,
}

/// Reads what was signed of the bundle, or the record, on `medium`, as [`recall`](super::recall) does: layers
/// and configs are not read, and that it has expired does not matter.
///
/// # Errors
/// As there, also where anything of that is wrong or missing.
pub fn attested(medium: &Medium, trust: &Trust) -> Result<Attested> {
    let name = medium.to_string();
    let attested = medium.open().and_then(|tree| {
        instead::refuse(&tree, &name)?;
        let trust = trust.brought_up(&tree).map_err(|e| e.context(&name))?;
        let keys = trust.keys().unwrap_or_default();
        let examined = look(Recalled(tree), name.clone(), &trust, None)?.flawless()?;
        let of = |id: &KeyId| signed_by(&examined.tree.0, id, &keys, &examined.statement, &name);
        let (mut payload, mut signatures) = (Vec::new(), Vec::new());
        for id in &examined.signers {
            let (signature, signed) = of(id)?;
            signatures.push(signature);
            payload = signed;
        }
        let (statement, others) = (examined.statement, examined.others);
        Ok(Attested { statement, payload, signatures, others })
    });
    attested.map_err(|error| error.subject(Subject::Path(medium.path().to_owned())))
}

/// The signature by the key `id`, which was seen before, and the bytes that it is over.
fn signed_by(
    tree: &Tree,
    id: &KeyId,
    keys: &[PublicKey],
    statement: &Statement,
    name: &str,
) -> Result<(CountedSignature, Vec<u8>)> {
    let path = envelope_path(id);
    let envelope = Envelope::from_bytes(&tree.read_small(&path, MAX_ENVELOPE)?)
        .map_err(|e| e.context(format!("{name}: {path}")))?;
    let key = keys.iter().find(|key| key.id() == *id && envelope.is_by(key));
    match key.filter(|_| Digest::of(envelope.payload()) == statement.digest) {
        Some(key) => {
            let signature = envelope.signature().to_vec();
            let signature = CountedSignature { key: key.clone(), signature };
            Ok((signature, envelope.into_payload()))
        }
        None => {
            let text = format!("{name}: {path} has changed while it was read");
            Err(Error::new(Class::Damaged, text).hint("let nobody write there, and run it again"))
        }
    }
}
