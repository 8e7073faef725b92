//! [`PublicKey`]: a key to check signatures with, and the files it comes from.

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha512};

use super::key_id::KeyId;
#[cfg(feature = "other-keys")]
use super::other_forms;
use crate::words::error::{Class, Error, Result};

/// A key to check signatures with. Weak and non-canonical keys cannot become one, so that every
/// correct Ed25519 implementation gives the same verdict.
///
/// ```
/// use sealift::bundle::keys::PublicKey;
///
/// let pem = std::fs::read_to_string("testdata/formats/v1/signer.pub.pem").unwrap();
/// let key = PublicKey::from_pem(&pem)?;
/// assert_eq!(key.id().short(), "b385ea3907899559");
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Clone)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
}

impl PublicKey {
    /// Reads a `-----BEGIN PUBLIC KEY-----` file (SPKI).
    ///
    /// # Errors
    /// [`Class::Usage`] for anything but one acceptable Ed25519 public key.
    pub fn from_pem(pem: &str) -> Result<PublicKey> {
        let bad = |why: &str| Error::new(Class::Usage, format!("not a usable public key: {why}"));
        if pem.contains("PRIVATE KEY-----") {
            return Err(bad("this is a private key").hint("name the .pub.pem file instead"));
        }
        let key = VerifyingKey::from_public_key_pem(pem.trim())
            .map_err(|_| bad("expected an Ed25519 key in PEM, -----BEGIN PUBLIC KEY-----"))?;
        PublicKey::checked(key)
    }

    /// Reads the file of a public key: PEM as [`from_pem`](PublicKey::from_pem) does, and, with the feature
    /// `other-keys`, what ssh-keygen (`ssh-ed25519 ...`), minisign and signify write. It is the same key, with the
    /// same id, in whatever file it stands.
    ///
    /// # Errors
    /// [`Class::Usage`] for anything but one acceptable Ed25519 public key.
    pub fn from_text(text: &str) -> Result<PublicKey> {
        #[cfg(feature = "other-keys")]
        if let Some(bytes) = other_forms::public(text) {
            let bad =
                || Error::new(Class::Usage, "not a usable public key: it is no point of the curve");
            return PublicKey::checked(VerifyingKey::from_bytes(&bytes?).map_err(|_| bad())?);
        }
        PublicKey::from_pem(text)
    }

    /// Reads the same as DER.
    ///
    /// # Errors
    /// As [`from_pem`](PublicKey::from_pem).
    pub(in crate::bundle) fn from_der(der: &[u8]) -> Result<PublicKey> {
        let bad = |_| Error::new(Class::Usage, "not a usable public key: expected an Ed25519 key");
        PublicKey::checked(VerifyingKey::from_public_key_der(der).map_err(bad)?)
    }

    pub(super) fn checked(key: VerifyingKey) -> Result<PublicKey> {
        let bad = |why: &str| Error::new(Class::Usage, format!("not a usable public key: {why}"));
        if key.is_weak() {
            return Err(bad("the key is weak: it would accept forged signatures"));
        }
        if key.to_edwards().compress().to_bytes() != key.to_bytes() {
            return Err(bad("the key is not in its canonical form"));
        }
        let der = key.to_public_key_der().map_err(|e| bad(&e.to_string()))?;
        Ok(PublicKey { key, id: KeyId::of_spki(der.as_bytes()) })
    }

    /// The key as a PEM file.
    ///
    /// # Errors
    /// None in practice.
    pub fn to_pem(&self) -> Result<String> {
        self.key.to_public_key_pem(LineEnding::LF).map_err(encoding)
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The 32 bytes that RFC 8032 has for it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Whether `signature` is this key's over `message`, by the strict rules that leave no two
    /// forms of one signature.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }

    /// As [`verifies`](PublicKey::verifies), of a signature of the form Ed25519ph (RFC 8032, 5.1), which
    /// is over the SHA-512 of `message`.
    #[must_use]
    pub fn verifies_prehashed(&self, message: &[u8], signature: &[u8]) -> bool {
        let hash = Sha512::new_with_prefix(message);
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_prehashed_strict(hash, None, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &PublicKey) -> bool {
        self.id == other.id
    }
}

impl Eq for PublicKey {}

/// That a key cannot be written.
pub(super) fn encoding(error: impl fmt::Display) -> Error {
    Error::new(Class::Other, format!("cannot encode a key: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of small order, and one that is not in canonical form (ed25519-speccheck).
    #[test]
    fn weak_and_non_canonical_keys_never_become_a_public_key() {
        for hex in [
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            let bytes: Vec<u8> =
                (0..32).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
            let Ok(key) = VerifyingKey::from_bytes(&bytes.try_into().unwrap()) else { continue };
            assert!(PublicKey::checked(key).is_err(), "{hex}");
        }
        // Every point that has a second spelling, with y beyond the prime.
        let mut found = 0;
        for low in 0xed..=0xff_u8 {
            for high in [0x7f, 0xff] {
                let mut bytes = [0xff; 32];
                (bytes[0], bytes[31]) = (low, high);
                let Ok(key) = VerifyingKey::from_bytes(&bytes) else { continue };
                found += 1;
                assert!(PublicKey::checked(key).is_err(), "{bytes:x?}");
            }
        }
        assert!(found > 4, "{found}: not only points of small order");
    }
}
