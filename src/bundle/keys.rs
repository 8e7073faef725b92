//! Ed25519 keys in the PEM forms that OpenSSL reads and writes, and in the files of others.

#[cfg(feature = "other-keys")]
mod other_forms;
mod passphrase;

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    KeypairBytes,
};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument, pkcs5::pbes2};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use self::passphrase::{no_passphrase, wrong_passphrase};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};

/// Rounds of PBKDF2-HMAC-SHA256 in a new encrypted key: what OWASP asks for, and what OpenSSL
/// 3.0 and Node still open (they refuse scrypt of the same strength).
const ROUNDS: u32 = 600_000;
/// Largest key file that is read. A key has a few hundred bytes.
pub const MAX_KEY_FILE: u64 = 64 << 10;

/// The lowercase hex SHA-256 of a public key's SPKI DER: what
/// `openssl pkey -pubin -outform DER | sha256sum` prints. A hint for people and file names,
/// never a decision.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Digest);

impl KeyId {
    /// The id of the key with this SPKI DER, of whatever kind it is.
    pub(super) fn of_spki(der: &[u8]) -> KeyId {
        KeyId(Digest::of(der))
    }

    /// All 64 hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        self.0.hex()
    }

    /// The first 16 hex digits, as in the name of a signature's file.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex()[..16].to_owned()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl serde::Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

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
    pub(super) fn from_der(der: &[u8]) -> Result<PublicKey> {
        let bad = |_| Error::new(Class::Usage, "not a usable public key: expected an Ed25519 key");
        PublicKey::checked(VerifyingKey::from_public_key_der(der).map_err(bad)?)
    }

    fn checked(key: VerifyingKey) -> Result<PublicKey> {
        let bad = |why: &str| Error::new(Class::Usage, format!("not a usable public key: {why}"));
        if key.is_weak() {
            return Err(bad("the key is weak: it would accept forged signatures"));
        }
        if key.to_edwards().compress().to_bytes() != key.to_bytes() {
            return Err(bad("the key is not in its canonical form"));
        }
        let der = key.to_public_key_der().map_err(|e| bad(&e.to_string()))?;
        Ok(PublicKey { key, id: KeyId(Digest::of(der.as_bytes())) })
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

/// A key to sign with. Never printed.
///
/// ```
/// use sealift::bundle::keys::PrivateKey;
///
/// let key = PrivateKey::generate()?;
/// let sealed = key.to_pem(Some("a passphrase"))?;
/// let opened = PrivateKey::from_pem(&sealed, Some("a passphrase"))?;
/// assert_eq!(opened.public(), key.public());
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
pub struct PrivateKey {
    key: SigningKey,
    public: PublicKey,
}

impl PrivateKey {
    /// Makes a new key from the system's randomness.
    ///
    /// # Errors
    /// When the system has none.
    pub fn generate() -> Result<PrivateKey> {
        let mut seed = Zeroizing::new([0; 32]);
        random(&mut *seed)?;
        PrivateKey::new(SigningKey::from_bytes(&seed))
    }

    fn new(key: SigningKey) -> Result<PrivateKey> {
        let public = PublicKey::checked(key.verifying_key())?;
        Ok(PrivateKey { key, public })
    }

    /// Whether `pem` holds an encrypted private key, so that a passphrase is needed.
    #[must_use]
    pub fn is_encrypted(pem: &str) -> bool {
        pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    }

    /// Whether the file `text` is one of a private key, of whatever form.
    #[must_use]
    pub fn is_private(text: &str) -> bool {
        #[cfg(feature = "other-keys")]
        if other_forms::is_private(text) {
            return true;
        }
        text.contains("PRIVATE KEY-----")
    }

    /// Whether the file `text` of a private key is encrypted, so that a passphrase is needed.
    #[must_use]
    pub fn needs_passphrase(text: &str) -> bool {
        #[cfg(feature = "other-keys")]
        if let Some(needs) = other_forms::needs_passphrase(text) {
            return needs;
        }
        PrivateKey::is_encrypted(text)
    }

    /// Reads the file of a private key: PEM as [`from_pem`](PrivateKey::from_pem) does, and, with the feature
    /// `other-keys`, what ssh-keygen (OpenSSH's form) and minisign write, plain or encrypted.
    ///
    /// # Errors
    /// [`Class::Usage`] for another kind of file, a missing or a wrong passphrase.
    pub fn from_text(text: &str, passphrase: Option<&str>) -> Result<PrivateKey> {
        #[cfg(feature = "other-keys")]
        if other_forms::is_private(text) {
            let given = match PrivateKey::needs_passphrase(text) {
                true => Some(passphrase.ok_or_else(no_passphrase)?),
                false => None,
            };
            let seed = other_forms::private(text, given)?;
            return PrivateKey::new(SigningKey::from_bytes(&seed));
        }
        PrivateKey::from_pem(text, passphrase)
    }

    /// Reads a PKCS#8 private key in PEM, plain or encrypted.
    ///
    /// # Errors
    /// [`Class::Usage`] for another kind of file, a missing or a wrong passphrase.
    pub fn from_pem(pem: &str, passphrase: Option<&str>) -> Result<PrivateKey> {
        let bad = |why: &str| Error::new(Class::Usage, format!("not a usable private key: {why}"));
        let pem = pem.trim();
        if pem.contains("PUBLIC KEY-----") {
            return Err(bad("this is a public key").hint("name the .key.pem file instead"));
        }
        if !PrivateKey::is_encrypted(pem) {
            let key = SigningKey::from_pkcs8_pem(pem)
                .map_err(|_| bad("expected an Ed25519 key in PKCS#8 PEM"))?;
            return PrivateKey::new(key);
        }
        let passphrase = passphrase.ok_or_else(no_passphrase)?;
        let (_, der) = SecretDocument::from_pem(pem).map_err(|e| bad(&e.to_string()))?;
        let info = EncryptedPrivateKeyInfoRef::try_from(der.as_bytes())
            .map_err(|e| bad(&e.to_string()))?;
        if is_too_slow(&info) {
            return Err(bad("opening it takes more work, or memory, than any key needs"));
        }
        let plain = info.decrypt(passphrase).map_err(|_| wrong_passphrase())?;
        let key = SigningKey::from_pkcs8_der(plain.as_bytes())
            .map_err(|_| bad("expected an Ed25519 key"))?;
        PrivateKey::new(key)
    }

    /// The key as a PKCS#8 version 1 PEM file, encrypted when there is a `passphrase`. Version 1,
    /// because OpenSSL before 3.5 cannot read the newer form.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn to_pem(&self, passphrase: Option<&str>) -> Result<Zeroizing<String>> {
        let pair = KeypairBytes { secret_key: self.key.to_bytes(), public_key: None };
        let Some(passphrase) = passphrase else {
            return pair.to_pkcs8_pem(LineEnding::LF).map_err(encoding);
        };
        let der = pair.to_pkcs8_der().map_err(encoding)?;
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        random(&mut salt)?;
        random(&mut iv)?;
        let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ROUNDS, &salt, iv)
            .map_err(encoding)?;
        let info = PrivateKeyInfoRef::try_from(der.as_bytes()).map_err(encoding)?;
        let sealed = info.encrypt_with_params(parameters, passphrase).map_err(encoding)?;
        sealed.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).map_err(encoding)
    }

    /// The matching public key.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`: pure Ed25519, so the same message always gets the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public.id)
    }
}

/// Whether a key asks for more work or memory to be opened than any does that was made in earnest: ten million
/// rounds of PBKDF2, a gigabyte of scrypt.
fn is_too_slow(info: &EncryptedPrivateKeyInfoRef<'_>) -> bool {
    match info.encryption_algorithm.pbes2().map(|parameters| &parameters.kdf) {
        Some(pbes2::Kdf::Pbkdf2(kdf)) => kdf.iteration_count > 10_000_000,
        Some(pbes2::Kdf::Scrypt(kdf)) => {
            let block = u64::from(kdf.block_size).saturating_mul(128);
            let passes = u64::from(kdf.parallelization);
            kdf.cost_parameter.saturating_mul(block).saturating_mul(passes) > 1 << 30
        }
        _ => false,
    }
}

fn random(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes)
        .map_err(|e| Error::new(Class::Other, format!("the system has no randomness: {e}")))
}

fn encoding(error: impl fmt::Display) -> Error {
    Error::new(Class::Other, format!("cannot encode a key: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_files() {
        let key = PrivateKey::generate().unwrap();

        for passphrase in [None, Some("correct horse")] {
            let pem = key.to_pem(passphrase).unwrap();
            assert_eq!(PrivateKey::is_encrypted(&pem), passphrase.is_some());
            let back = PrivateKey::from_pem(&pem, passphrase).unwrap();
            assert_eq!(back.sign(b"x"), key.sign(b"x"));
        }
        let public = PublicKey::from_pem(&key.public().to_pem().unwrap()).unwrap();
        assert!(public.verifies(b"x", &key.sign(b"x")));
        assert!(!public.verifies(b"y", &key.sign(b"x")));
    }

    #[test]
    fn an_encrypted_key_is_as_slow_to_guess_as_promised() {
        let pem = PrivateKey::generate().unwrap().to_pem(Some("x")).unwrap();

        let (_, der) = SecretDocument::from_pem(&pem).unwrap();

        let rounds = [&[2, 3][..], &ROUNDS.to_be_bytes()[1..]].concat();
        const { assert!(ROUNDS >= 600_000) };
        assert!(der.as_bytes().windows(5).any(|part| part == rounds), "no INTEGER of {ROUNDS}");
    }

    #[test]
    fn a_wrong_passphrase_and_a_wrong_file_are_refused() {
        let key = PrivateKey::generate().unwrap();
        let pem = key.to_pem(Some("right")).unwrap();

        assert!(PrivateKey::from_pem(&pem, Some("wrong")).is_err());
        assert!(PrivateKey::from_pem(&pem, None).is_err());
        assert!(PublicKey::from_pem(&pem).is_err());
        assert!(PrivateKey::from_pem(&key.public().to_pem().unwrap(), None).is_err());
        assert!(PublicKey::from_pem("").is_err());
    }

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
