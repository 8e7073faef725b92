//! [`SignedRoot`]: a root of trust with the signatures that were made of it so far.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::document::Root;
use super::named_key::NamedKey;
use crate::bundle::envelope::pae;
use crate::bundle::keys::{KeyId, PrivateKey};
use crate::words::error::{Class, Error, Result};
use crate::words::json::check_strict_with;

/// `payloadType` of a root: a signature of a bundle is none of a root, and the other way round.
pub const ROOT_PAYLOAD_TYPE: &str = "application/vnd.sealift.root+json";
/// Largest file that is read: a root with every list at a thousand entries has not half of that.
pub const MAX_ROOT: u64 = 1 << 20;
/// Most signatures: one of each of two generations of all keys that sign roots anywhere.
const MAX_SIGNATURES: usize = 256;
/// All members of the envelope.
const MEMBERS: &[&str] = &["payload", "payloadType", "signatures", "keyid", "sig"];

/// A root with the signatures that were made of it so far: a DSSE envelope, which may have none yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRoot {
    root: Root,
    /// In order of the keys, each once.
    signatures: Vec<RootSignature>,
}

/// One signature, and the key that it names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootSignature {
    keyid: String,
    sig: String,
}

/// The file; the order of members is that of these fields.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RootEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<RootSignature>,
}

impl SignedRoot {
    /// `root`, which nobody has signed yet.
    #[must_use]
    pub fn unsigned(root: Root) -> SignedRoot {
        SignedRoot { root, signatures: Vec::new() }
    }

    /// Adds the signature of `key`, in place of one that names it.
    pub fn sign(&mut self, key: &PrivateKey) {
        let signature = key.sign(&self.message());
        let one = RootSignature { keyid: key.public().id().hex(), sig: STANDARD.encode(signature) };
        self.put(one);
    }

    fn put(&mut self, one: RootSignature) {
        self.signatures.retain(|other| other.keyid != one.keyid);
        self.signatures.push(one);
        self.signatures.sort();
    }

    /// Adds what signatures `other` has of the same root.
    ///
    /// # Errors
    /// [`Class::Usage`] where it is another root.
    pub fn join(&mut self, other: SignedRoot) -> Result<()> {
        if other.root != self.root {
            let text = format!(
                "these are two different roots: {} and {}",
                self.root.fingerprint(),
                other.root.fingerprint()
            );
            return Err(Error::new(Class::Usage, text)
                .hint("every signer signs the same draft: compare the fingerprints"));
        }
        for one in other.signatures {
            let is_there = self.signatures.iter().any(|own| own.keyid == one.keyid);
            if !is_there {
                self.put(one);
            }
        }
        Ok(())
    }

    /// The file: compact JSON, standard base64, signatures in order of their keys, a line feed at the end.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let envelope = RootEnvelope {
            payload: STANDARD.encode(self.root.to_bytes()),
            payload_type: ROOT_PAYLOAD_TYPE.to_owned(),
            signatures: self.signatures.clone(),
        };
        // Only maps with keys that are no text cannot be written, and there are none.
        let mut bytes = serde_json::to_vec(&envelope).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads such a file, in this spelling only.
    ///
    /// # Errors
    /// [`Class::Untrusted`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<SignedRoot> {
        let bad = |why: String| Error::new(Class::Untrusted, format!("not a root of trust: {why}"));
        if bytes.len() as u64 > MAX_ROOT {
            return Err(bad(format!("it is larger than {MAX_ROOT} bytes")));
        }
        check_strict_with(bytes, MEMBERS).map_err(|e| bad(e.message().to_owned()))?;
        let envelope: RootEnvelope =
            serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
        if envelope.payload_type != ROOT_PAYLOAD_TYPE {
            return Err(bad("its payload is of another type".to_owned()));
        }
        if envelope.signatures.len() > MAX_SIGNATURES {
            return Err(bad(format!("it has more than {MAX_SIGNATURES} signatures")));
        }
        if !envelope.signatures.is_sorted_by(|one, next| one.keyid < next.keyid) {
            return Err(bad("its signatures are not in order of their keys, each once".to_owned()));
        }
        let payload =
            STANDARD.decode(&envelope.payload).map_err(|_| bad("it is not base64".to_owned()))?;
        let root = Root::from_bytes(&payload)?;
        let signed = SignedRoot { root, signatures: envelope.signatures };
        match signed.to_bytes() == bytes {
            true => Ok(signed),
            false => Err(bad("it is not spelled as sealift writes it".to_owned())),
        }
    }

    /// What it says. Meaningless before somebody who is believed has signed it.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The keys that its signatures name, whether they are by them or not.
    pub fn claimed(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().map(|one| one.keyid.as_str())
    }

    /// Whose of `keys` it is signed by. Each counts once.
    #[must_use]
    pub fn signed_by(&self, keys: &[NamedKey]) -> BTreeSet<KeyId> {
        let message = self.message();
        let is_by = |key: &&NamedKey| {
            let id = key.id().hex();
            let own = self.signatures.iter().find(|one| one.keyid == id);
            let sig = own.and_then(|one| STANDARD.decode(&one.sig).ok());
            sig.is_some_and(|sig| key.public_key.verifies(&message, &sig))
        };
        keys.iter().filter(is_by).map(NamedKey::id).collect()
    }

    fn message(&self) -> Vec<u8> {
        pae(ROOT_PAYLOAD_TYPE, &self.root.to_bytes())
    }
}
