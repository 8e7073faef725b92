//! [`NamedKey`]: a public key and what people call its holder.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bundle::keys::{KeyId, PublicKey};
use crate::words::error::{Class, Error, Result};

/// Longest name: it stands in lines for people, several of them.
pub const MAX_SIGNER_NAME: usize = 64;

/// What a signer is called: at most 64 of `a-z`, `0-9`, `.`, `_`, `@` and `-`, with a letter or a digit at
/// both ends, so that no two of them look alike but for their case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SignerName(String);

impl FromStr for SignerName {
    type Err = Error;

    fn from_str(text: &str) -> Result<SignerName> {
        let is_plain = |c: &u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let bytes = text.as_bytes();
        let is_name = bytes.len() <= MAX_SIGNER_NAME
            && bytes.iter().all(|c| is_plain(c) || b"._@-".contains(c))
            && bytes.first().is_some_and(is_plain)
            && bytes.last().is_some_and(is_plain);
        match is_name {
            true => Ok(SignerName(text.to_owned())),
            false => Err(Error::new(Class::Usage, format!("{text:?} is no name of a signer"))
                .hint("use at most 64 of a-z, 0-9, `.`, `_`, `@` and `-`, such as alice")),
        }
    }
}

impl TryFrom<String> for SignerName {
    type Error = Error;

    fn try_from(text: String) -> Result<SignerName> {
        text.parse()
    }
}

impl From<SignerName> for String {
    fn from(name: SignerName) -> String {
        name.0
    }
}

impl fmt::Display for SignerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key and what people call its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedKey {
    /// What its holder is called.
    pub name: SignerName,
    /// The key.
    #[serde(serialize_with = "to_pem", deserialize_with = "from_pem")]
    pub public_key: PublicKey,
}

impl NamedKey {
    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.public_key.id()
    }
}

/// A key as the text of its PEM file.
pub(super) fn to_pem<S: Serializer>(key: &PublicKey, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&key.to_pem().map_err(serde::ser::Error::custom)?)
}

/// A key from the text of its PEM file, in the one spelling of [`to_pem`].
pub(super) fn from_pem<'de, D: Deserializer<'de>>(reader: D) -> Result<PublicKey, D::Error> {
    use serde::de::Error as _;
    let pem = String::deserialize(reader)?;
    let key = PublicKey::from_pem(&pem).map_err(D::Error::custom)?;
    match key.to_pem().is_ok_and(|own| own == pem) {
        true => Ok(key),
        false => Err(D::Error::custom("a key is not spelled as sealift writes it")),
    }
}
