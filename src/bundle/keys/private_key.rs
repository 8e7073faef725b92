//! [`PrivateKey`]: a key to sign with, and the files it comes from.

use std::fmt;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use ed25519_dalek::{Signer as _, SigningKey};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef, SecretDocument, pkcs5::pbes2};
use zeroize::Zeroizing;

#[cfg(feature = "other-keys")]
use super::other_forms;
use super::passphrase::{no_passphrase, wrong_passphrase};
use super::public_key::{PublicKey, encoding};
use crate::words::error::{Class, Error, Result};

/// Rounds of PBKDF2-HMAC-SHA256 in a new encrypted key: what OWASP asks for, and what OpenSSL
/// 3.0 and Node still open (they refuse scrypt of the same strength).
const ROUNDS: u32 = 600_000;

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
        #[cfg(feature = "other-keys")]
        if other_forms::public(text).is_some() {
            let text = "not a usable private key: this is a public key";
            return Err(Error::new(Class::Usage, text).hint("name the file of the private one"));
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
        write!(f, "PrivateKey({})", self.public.id())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// An encrypted private key, with what is to open it. What is encrypted is nothing.
    fn sealed(kdf: pbes2::Kdf) -> String {
        let encryption = pbes2::EncryptionScheme::Aes256Cbc { iv: [0; 16] };
        let parameters = pbes2::Parameters { kdf, encryption };
        let info = pkcs8::EncryptedPrivateKeyInfoRef {
            encryption_algorithm: parameters.into(),
            encrypted_data: pkcs8::der::asn1::OctetStringRef::new(&[0; 48]).unwrap(),
        };
        let der = SecretDocument::encode_msg(&info).unwrap();
        der.to_pem("ENCRYPTED PRIVATE KEY", LineEnding::LF).unwrap().to_string()
    }

    #[test]
    fn a_key_that_asks_for_endless_work_or_memory_is_not_opened() {
        let rounds = |count| pbes2::Pbkdf2Params::hmac_sha256(count, b"saltsalt").unwrap();
        let scrypt = |cost_parameter| pbes2::ScryptParams {
            salt: b"saltsalt".as_slice().try_into().unwrap(),
            cost_parameter,
            block_size: 8,
            parallelization: 1,
            key_length: None,
        };
        let opened = |kdf| PrivateKey::from_pem(&sealed(kdf), Some("x")).unwrap_err();

        for kdf in [pbes2::Kdf::from(rounds(10_000_001)), pbes2::Kdf::from(scrypt(1 << 21))] {
            let error = opened(kdf);
            assert!(error.message().contains("takes more work, or memory"), "{error}");
        }
        for kdf in [pbes2::Kdf::from(rounds(1_000)), pbes2::Kdf::from(scrypt(1 << 4))] {
            assert_eq!(opened(kdf).message(), wrong_passphrase().message());
        }
    }

    #[test]
    fn an_encrypted_key_is_as_slow_to_guess_as_promised() {
        let pem = PrivateKey::generate().unwrap().to_pem(Some("x")).unwrap();

        let (_, der) = SecretDocument::from_pem(&pem).unwrap();

        let rounds = [&[2, 3][..], &ROUNDS.to_be_bytes()[1..]].concat();
        const { assert!(ROUNDS >= 600_000) };
        assert!(der.as_bytes().windows(5).any(|part| part == rounds), "no INTEGER of {ROUNDS}");
    }
}
