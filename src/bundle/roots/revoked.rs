//! [`RevokedKey`]: a key that does not count any more.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::named_key::{SignerName, from_pem, to_pem};
use crate::bundle::keys::{KeyId, PublicKey};
use crate::words::digest::Digest;
use crate::words::moment::Moment;

/// A key that does not count any more, but for what it signed before and is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RevokedKey {
    /// What its holder is called.
    pub name: SignerName,
    /// The key.
    #[serde(serialize_with = "to_pem", deserialize_with = "from_pem")]
    pub public_key: PublicKey,
    /// When it was revoked.
    pub at: Moment,
    /// Why, for people.
    pub reason: String,
    /// The streams for which it signed.
    pub roles: BTreeSet<String>,
    /// The statements that it signed and that are accepted all the same, by their digests.
    pub accepted: BTreeSet<Digest>,
}

impl RevokedKey {
    /// The key's id.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.public_key.id()
    }
}
