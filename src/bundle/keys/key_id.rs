//! [`KeyId`]: what a key is called.

use std::fmt;

use crate::words::digest::Digest;
use crate::words::error::Result;

/// The lowercase hex SHA-256 of a public key's SPKI DER: what
/// `openssl pkey -pubin -outform DER | sha256sum` prints. A hint for people and file names,
/// never a decision.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Digest);

impl KeyId {
    /// The id of the key with this SPKI DER, of whatever kind it is.
    pub(in crate::bundle) fn of_spki(der: &[u8]) -> KeyId {
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
