//! Ed25519 keys in the files of others: OpenSSH's (`PROTOCOL.key`), minisign's and signify's.
//!
//! Only which bytes are the key is read here; whether they are an acceptable key is asked as of any other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;
use zeroize::Zeroizing;

use super::passphrase::wrong_passphrase;
use crate::words::error::{Class, Error, Result};

/// How the first line of minisign's and signify's files begins.
const COMMENT: &str = "untrusted comment:";
/// How OpenSSH's private keys begin.
const OPENSSH: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";
/// Algorithm, number and key of minisign's and signify's public keys.
const PUBLIC: usize = 2 + 8 + 32;
/// Algorithms, salt, limits, number, key and checksum of minisign's private keys.
const PRIVATE: usize = 3 * 2 + 32 + 2 * 8 + 8 + 64 + 32;
/// Where in them the seed begins.
const SEED: usize = 3 * 2 + 32 + 2 * 8 + 8;
/// Where in them it says how much memory opening them takes.
const MEMORY: usize = 3 * 2 + 32 + 8;
/// The most of it: what minisign itself writes.
const MOST_MEMORY: u64 = 1 << 30;
/// Where in them it says how much work opening them takes.
const WORK: usize = 3 * 2 + 32;
/// The most of it: twice what minisign itself writes.
const MOST_WORK: u64 = 1 << 26;
/// Most rounds of bcrypt that open a key of ssh's: ssh-keygen takes 24, and this is half a minute.
const MOST_ROUNDS: u32 = 2048;

fn bad(kind: &str, why: &str) -> Error {
    Error::new(Class::Usage, format!("not a usable {kind} key: {why}"))
}

/// The bytes in the second line of one of minisign's or signify's files; nothing where it is none.
fn boxed(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut lines = text.trim().lines();
    if !lines.next()?.starts_with(COMMENT) {
        return None;
    }
    let bytes = STANDARD.decode(lines.next().unwrap_or_default().trim()).unwrap_or_default();
    let is_end = lines.next().is_none();
    Some(Zeroizing::new(if is_end { bytes } else { Vec::new() }))
}

/// The public key in `text`, where that is one of these forms.
pub(super) fn public(text: &str) -> Option<Result<[u8; 32]>> {
    let bad = |why: &str| bad("public", why);
    if let Some(bytes) = boxed(text) {
        return Some(match (bytes.len(), bytes.get(..2), bytes.get(10..PUBLIC)) {
            (PUBLIC, Some(b"Ed"), Some(key)) => {
                key.try_into().map_err(|_| bad("it has another length"))
            }
            (PRIVATE, ..) => Err(bad("this is a private key").hint("name the .pub file instead")),
            _ => Err(bad("expected one line of base64 below the comment, as minisign writes it")),
        });
    }
    if text.contains(OPENSSH) {
        return Some(Err(bad("this is a private key").hint("name the .pub file instead")));
    }
    let line = text.trim();
    if !line.starts_with("ssh-") && !line.starts_with("ecdsa-") && !line.starts_with("sk-") {
        return None;
    }
    if line.lines().count() > 1 {
        return Some(Err(bad("expected one key in the file")));
    }
    let odd = |e| bad(&format!("expected a key of the kind ssh-ed25519: {e}"));
    let key = ssh_key::PublicKey::from_openssh(line).map_err(odd);
    Some(key.and_then(|key| match key.key_data().ed25519() {
        Some(key) => Ok(key.0),
        None => Err(bad("expected a key of the kind ssh-ed25519")),
    }))
}

/// Whether `text` is a private key in one of these forms.
pub(super) fn is_private(text: &str) -> bool {
    text.contains(OPENSSH) || boxed(text).is_some_and(|bytes| bytes.len() == PRIVATE)
}

/// Whether the private key in `text` takes a passphrase, where it is in one of these forms.
pub(super) fn needs_passphrase(text: &str) -> Option<bool> {
    if let Some(bytes) = boxed(text) {
        return (bytes.len() == PRIVATE).then(|| bytes.get(2..4) != Some(&[0, 0]));
    }
    // What cannot be read takes none, and is told when it is read.
    let key = text.contains(OPENSSH).then(|| ssh_key::PrivateKey::from_openssh(text.trim()));
    key.map(|key| key.is_ok_and(|key| key.is_encrypted()))
}

/// The seed of the private key in `text`, opened by `passphrase` where it takes one.
pub(super) fn private(text: &str, passphrase: Option<&str>) -> Result<Zeroizing<[u8; 32]>> {
    match boxed(text) {
        Some(bytes) => of_minisign(text, &bytes, passphrase),
        None => of_ssh(text, passphrase),
    }
}

fn of_minisign(text: &str, file: &[u8], passphrase: Option<&str>) -> Result<Zeroizing<[u8; 32]>> {
    let bad = |why: &str| bad("private", why);
    let opened = match passphrase {
        // Not every minisign writes a checksum of what is not encrypted.
        None => Zeroizing::new(file.to_vec()),
        Some(passphrase) => {
            let number = |at: usize| file.get(at..at + 8).and_then(|it| it.try_into().ok());
            let is_within =
                |at, most| number(at).map(u64::from_le_bytes).is_some_and(|it| it <= most);
            if !is_within(MEMORY, MOST_MEMORY) || !is_within(WORK, MOST_WORK) {
                return Err(bad("opening it takes more than minisign ever asks for"));
            }
            let file = minisign::SecretKeyBox::from_string(text.trim())
                .map_err(|e| bad(&e.to_string()))?;
            let key = file.into_secret_key(Some(passphrase.to_owned()));
            Zeroizing::new(key.map_err(|_| wrong_passphrase())?.to_bytes())
        }
    };
    let part = |at: usize| opened.get(at..at + 32).and_then(|it| <[u8; 32]>::try_from(it).ok());
    match (part(SEED), part(SEED + 32)) {
        // The public half stands behind the seed, and tells whether it is the right one.
        (Some(seed), Some(public))
            if SigningKey::from_bytes(&seed).verifying_key().to_bytes() == public =>
        {
            Ok(Zeroizing::new(seed))
        }
        _ => Err(bad("its two halves do not belong together")),
    }
}

fn of_ssh(text: &str, passphrase: Option<&str>) -> Result<Zeroizing<[u8; 32]>> {
    let bad = |why: &str| bad("private", why);
    let odd = |e| bad(&format!("expected a key of the kind ssh-ed25519: {e}"));
    let key = ssh_key::PrivateKey::from_openssh(text.trim()).map_err(odd)?;
    if let ssh_key::Kdf::Bcrypt { rounds, .. } = key.kdf()
        && *rounds > MOST_ROUNDS
    {
        return Err(bad("opening it takes too many rounds of bcrypt"));
    }
    let key = match passphrase {
        Some(passphrase) => key.decrypt(passphrase).map_err(|_| wrong_passphrase())?,
        None => key,
    };
    match key.key_data().ed25519() {
        Some(pair) => Ok(Zeroizing::new(pair.private.to_bytes())),
        None => Err(bad("expected a key of the kind ssh-ed25519")),
    }
}

#[cfg(test)]
mod tests {
    use crate::bundle::keys::{PrivateKey, PublicKey};

    /// Made by ssh-keygen for this test alone.
    const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA0toVSfeeTnW5gxgUuOatKMGs++88WYdPqTlr9s2fYD a comment";

    #[test]
    fn a_key_of_ssh_is_a_key() {
        assert!(PublicKey::from_text(SSH).is_ok());
        assert!(!PrivateKey::is_private(SSH));
        // As whoever mixes the two files up is told.
        let mut minisign = b"Ed01234567".to_vec();
        minisign.extend(PublicKey::from_text(SSH).unwrap().to_bytes());
        let minisign = base64::Engine::encode(&super::STANDARD, minisign);
        for text in [SSH, &format!("untrusted comment: x\n{minisign}\n")] {
            let error = PrivateKey::from_text(text, None).unwrap_err();
            assert!(error.message().contains("this is a public key"), "{error}");
        }
    }

    #[test]
    fn what_is_no_key_or_several_is_refused() {
        for text in [
            "untrusted comment: x",
            "untrusted comment: x\nAAAA",
            "untrusted comment: x\nAAAA\nAAAA",
            "ssh-ed25519 AAAA",
            "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==",
            &format!("{SSH}\n{SSH}"),
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----",
        ] {
            assert!(PublicKey::from_text(text).is_err(), "{text}");
            assert!(PrivateKey::from_text(text, None).is_err(), "{text}");
        }
        // The point of order one, as a key of minisign's.
        let mut weak = b"Ed01234567".to_vec();
        weak.extend([1].into_iter().chain([0; 31]));
        let weak = base64::Engine::encode(&super::STANDARD, weak);
        let error = PublicKey::from_text(&format!("untrusted comment: x\n{weak}\n")).unwrap_err();
        assert!(error.message().contains("weak"), "{error}");
    }
}
