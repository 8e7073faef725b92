//! Ed25519 keys in the PEM forms that OpenSSL reads and writes, and in the files of others.

mod key_id;
#[cfg(feature = "other-keys")]
mod other_forms;
mod passphrase;
mod private_key;
mod public_key;

pub use self::key_id::KeyId;
pub use self::private_key::PrivateKey;
pub use self::public_key::PublicKey;

/// Largest key file that is read. A key has a few hundred bytes.
pub const MAX_KEY_FILE: u64 = 64 << 10;

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
    fn a_wrong_passphrase_and_a_wrong_file_are_refused() {
        let key = PrivateKey::generate().unwrap();
        let pem = key.to_pem(Some("right")).unwrap();

        assert!(PrivateKey::from_pem(&pem, Some("wrong")).is_err());
        assert!(PrivateKey::from_pem(&pem, None).is_err());
        assert!(PublicKey::from_pem(&pem).is_err());
        assert!(PrivateKey::from_pem(&key.public().to_pem().unwrap(), None).is_err());
        assert!(PublicKey::from_pem("").is_err());
    }
}
