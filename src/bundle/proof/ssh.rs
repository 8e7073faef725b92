//! What `ssh-keygen -Y verify` reads (OpenSSH, PROTOCOL.sshsig): a signature over a hash of the message, bound
//! to what it is for by a namespace.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha512};

use super::form::NAMESPACE;
use crate::bundle::keys::{PrivateKey, PublicKey};

/// What a signature, and what is signed, begins with.
const MAGIC: &[u8; 6] = b"SSHSIG";
/// The version of the form.
const VERSION: u32 = 1;
/// What a key and a signature say they are.
const ALGORITHM: &str = "ssh-ed25519";
/// The hash of the message.
const HASH: &str = "sha512";
/// Characters a line, as ssh-keygen writes them.
const WIDTH: usize = 70;

/// A string, as the protocol of ssh has it: its length in four bytes, and its bytes.
fn string(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    // All that is put in here has some hundred bytes.
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], bytes].concat()
}

fn public_key(key: &PublicKey) -> Vec<u8> {
    [string(ALGORITHM), string(key.to_bytes())].concat()
}

/// The line by which ssh-keygen takes signatures of `key` for bundles, and for nothing else, as those of
/// `who`.
pub(super) fn allowed_signer(who: &str, key: &PublicKey) -> Vec<u8> {
    let key = STANDARD.encode(public_key(key));
    format!("{who} namespaces=\"{NAMESPACE}\" {ALGORITHM} {key}\n").into_bytes()
}

/// The signature of `message` by `key`.
pub(super) fn signature(key: &PrivateKey, message: &[u8]) -> Vec<u8> {
    let hash = Sha512::digest(message);
    let about = [string(NAMESPACE), string(""), string(HASH)].concat();
    let signed = [&MAGIC[..], &about, &string(hash)].concat();
    let signature = [string(ALGORITHM), string(key.sign(&signed))].concat();
    let blob = [
        &MAGIC[..],
        &VERSION.to_be_bytes(),
        &string(public_key(key.public())),
        &about,
        &string(signature),
    ]
    .concat();
    let mut text = "-----BEGIN SSH SIGNATURE-----\n".to_owned();
    for line in STANDARD.encode(blob).as_bytes().chunks(WIDTH) {
        text += &String::from_utf8_lossy(line);
        text.push('\n');
    }
    text += "-----END SSH SIGNATURE-----\n";
    text.into_bytes()
}
