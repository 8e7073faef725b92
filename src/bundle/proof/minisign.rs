//! What signify and minisign read (signify(1), and minisign's "Signature format"): a comment, and in base64
//! the letters `Ed`, eight bytes by which a key is told from another, and the key or the signature.
//!
//! `Ed` is the form in which the message itself is signed. In the newer one of minisign, `ED`, it is the
//! BLAKE2b hash, so that a signature in it is another one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::bundle::keys::{PrivateKey, PublicKey};

/// Pure Ed25519.
const ALGORITHM: &[u8; 2] = b"Ed";
/// How the first line begins; signify reads no other.
const UNTRUSTED: &str = "untrusted comment: ";

/// The number of the key: the first eight bytes of its id.
fn number(key: &PublicKey) -> [u8; 8] {
    let mut number = [0; 8];
    for (byte, hex) in number.iter_mut().zip(key.id().short().as_bytes().chunks(2)) {
        let text = std::str::from_utf8(hex).unwrap_or_default();
        *byte = u8::from_str_radix(text, 16).unwrap_or_default();
    }
    number
}

fn line(key: &PublicKey, what: &str, body: &[u8]) -> String {
    let bytes = [&ALGORITHM[..], &number(key), body].concat();
    format!("{UNTRUSTED}{what} {}\n{}\n", key.id().short(), STANDARD.encode(bytes))
}

/// The public key, for both.
pub(super) fn public_key(key: &PublicKey) -> Vec<u8> {
    line(key, "public key", &key.to_bytes()).into_bytes()
}

/// The signature, for signify.
pub(super) fn signify(key: &PublicKey, signature: &[u8]) -> Vec<u8> {
    line(key, "signature by key", signature).into_bytes()
}

/// The signature, for minisign: with a comment that is signed too, together with the signature.
pub(super) fn minisign(key: &PrivateKey, signature: &[u8], comment: &str) -> Vec<u8> {
    let global = key.sign(&[signature, comment.as_bytes()].concat());
    let first = line(key.public(), "signature by key", signature);
    format!("{first}trusted comment: {comment}\n{}\n", STANDARD.encode(global)).into_bytes()
}
