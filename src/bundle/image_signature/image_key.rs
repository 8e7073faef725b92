//! [`ImageKey`]: a public key with which others sign images: ECDSA, RSA or Ed25519.

use std::fmt;

use pkcs8::Document;
use pkcs8::der::asn1::UintRef;
use pkcs8::der::{Decode as _, Encode as _, Reader as _, SliceReader};
use pkcs8::spki::SubjectPublicKeyInfoRef;
use rustls::pki_types::alg_id;

use crate::bundle::keys::{KeyId, PublicKey};
use crate::tools::verifying_algorithms::{VerifyingAlgorithm, verifying_algorithms};
use crate::words::error::{Class, Error, Result};

/// Most keys in one file: those of all who sign one kind of images, and their predecessors.
const MAX_KEYS: usize = 16;
/// Fewest bits of an RSA key, as NIST and the CA/Browser Forum have it, and most that can be checked.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// A key to check signatures of images with: ECDSA on P-256 (what cosign makes) or P-384, RSA of
/// 2048 bits or more, or Ed25519. Without a provider of cryptography (feature `ring`) only the last.
#[derive(Clone)]
pub struct ImageKey {
    id: KeyId,
    kind: &'static str,
    means: Means,
}

#[derive(Clone)]
enum Means {
    Ed25519(PublicKey),
    Provided { algorithms: Vec<VerifyingAlgorithm>, key: Vec<u8> },
}

impl ImageKey {
    /// Reads a file of one key or several in PEM, `-----BEGIN PUBLIC KEY-----` (SPKI), as
    /// `cosign generate-key-pair` and `openssl pkey -pubout` write it.
    ///
    /// # Errors
    /// [`Class::Usage`] for anything else, and for a key that is weak.
    pub fn all_from_pem(text: &str) -> Result<Vec<ImageKey>> {
        if text.contains("PRIVATE KEY-----") {
            return Err(bad("this is a private key").hint("name the public one instead"));
        }
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some((_, after)) = rest.split_once(BEGIN) {
            let (body, behind) = after.split_once(END).ok_or_else(|| bad("it has no end"))?;
            if keys.len() == MAX_KEYS {
                return Err(bad(&format!("more than {MAX_KEYS} keys in one file")));
            }
            keys.push(ImageKey::from_pem(&format!("{BEGIN}{body}{END}\n"))?);
            rest = behind;
        }
        match keys.is_empty() {
            true => Err(bad("expected a key in PEM, -----BEGIN PUBLIC KEY-----")
                .hint("openssl pkey -pubin -in KEY -pubout writes one, openssl x509 -pubkey -noout that of a certificate")),
            false => Ok(keys),
        }
    }

    fn from_pem(pem: &str) -> Result<ImageKey> {
        let (_, der) = Document::from_pem(pem).map_err(|_| bad("it is no PEM"))?;
        ImageKey::from_der(der.as_bytes())
    }

    /// Reads a key as a SubjectPublicKeyInfo.
    pub(super) fn from_der(der: &[u8]) -> Result<ImageKey> {
        let id = KeyId::of_spki(der);
        let info = SubjectPublicKeyInfoRef::try_from(der)
            .map_err(|_| bad("it is no SubjectPublicKeyInfo"))?;
        let algorithm = info.algorithm.to_der().map_err(|_| bad("its algorithm is unreadable"))?;
        let key = info.subject_public_key.as_bytes().ok_or_else(|| bad("it is cut off"))?;
        // Behind the tag and the length, which has one byte: no algorithm here has a longer name.
        let of = |known: &rustls::pki_types::AlgorithmIdentifier| {
            algorithm.get(2..) == Some(known.as_ref())
        };
        let (kind, known) = match () {
            () if of(&alg_id::ED25519) => {
                let means = Means::Ed25519(PublicKey::from_der(der)?);
                return Ok(ImageKey { id, kind: "Ed25519", means });
            }
            () if of(&alg_id::ECDSA_P256) => ("ECDSA P-256", alg_id::ECDSA_P256),
            () if of(&alg_id::ECDSA_P384) => ("ECDSA P-384", alg_id::ECDSA_P384),
            () if of(&alg_id::RSA_ENCRYPTION) => ("RSA", alg_id::RSA_ENCRYPTION),
            () => {
                return Err(bad("it is of another kind").hint(
                    "ECDSA on P-256 or P-384, RSA of 2048 bits or more, and Ed25519 can be checked",
                ));
            }
        };
        match kind {
            "RSA" => check_rsa(key)?,
            // The form that all write; another one would never fit a signature.
            _ if key.first() != Some(&4) => {
                return Err(bad("its point is compressed").hint(
                    "openssl ec -pubin -in KEY -conv_form uncompressed writes the usual form",
                ));
            }
            _ => {}
        }
        let algorithms = verifying_algorithms().iter();
        let algorithms: Vec<_> =
            algorithms.filter(|it| it.public_key_alg_id() == known).copied().collect();
        if algorithms.is_empty() {
            let text = format!("no provider of cryptography here checks {kind}");
            return Err(Error::new(Class::Usage, text));
        }
        Ok(ImageKey { id, kind, means: Means::Provided { algorithms, key: key.to_vec() } })
    }

    /// The lowercase hex SHA-256 of its SPKI DER.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What kind of key it is, for people.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether `signature` is this key's over `message`: for RSA by PKCS#1 v1.5 or PSS; for Ed25519 in the
    /// pure form, and in the one over a hash, which cosign chooses for such keys.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.means {
            Means::Ed25519(key) => {
                key.verifies(message, signature) || key.verifies_prehashed(message, signature)
            }
            Means::Provided { algorithms, key } => {
                algorithms.iter().any(|it| it.verify_signature(key, message, signature).is_ok())
            }
        }
    }
}

impl fmt::Debug for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageKey({} {})", self.kind, self.id)
    }
}

/// Refuses an RSA key (RFC 8017, A.1.1) of a size that is not to be believed.
fn check_rsa(key: &[u8]) -> Result<()> {
    let modulus = || -> pkcs8::der::Result<usize> {
        let mut reader = SliceReader::new(key)?;
        let bits = reader.sequence(|members| -> pkcs8::der::Result<usize> {
            let modulus = UintRef::decode(members)?;
            UintRef::decode(members)?;
            let bytes = modulus.as_bytes();
            let zeros = bytes.first().map_or(0, |first| first.leading_zeros() as usize);
            Ok(bytes.len() * 8 - zeros)
        })?;
        reader.finish()?;
        Ok(bits)
    };
    let bits = modulus().map_err(|_| bad("its RSA numbers are unreadable"))?;
    match RSA_BITS.contains(&bits) {
        true => Ok(()),
        false => Err(bad(&format!("RSA of {bits} bits; it takes {} at least", RSA_BITS.start()))),
    }
}

fn bad(why: &str) -> Error {
    Error::new(Class::Usage, format!("not a usable key for images: {why}"))
}

#[cfg(test)]
mod tests;
