//! [`SigningRole`]: how many of whom have to sign, and [`RoleTally`]: who of them has.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::named_key::{NamedKey, SignerName};
use crate::bundle::keys::KeyId;
use crate::words::count::count;

/// How many of whom have to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SigningRole {
    /// How many different keys it takes.
    pub threshold: usize,
    /// Whose signatures count, in order, each once.
    pub keys: BTreeSet<SignerName>,
}

/// Somebody whose signature counts, or would.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoleSigner {
    /// What the root calls him.
    pub name: SignerName,
    /// His key.
    pub key: KeyId,
    /// Whether the key was revoked meanwhile, and what it signed is accepted all the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
}

/// Who has signed of those whose signatures count, and who has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RoleTally {
    /// The role: `root`, or that of a stream.
    pub role: String,
    /// How many it takes.
    pub threshold: usize,
    /// Who has.
    pub signed: Vec<RoleSigner>,
    /// Who has not.
    pub missing: Vec<RoleSigner>,
}

impl SigningRole {
    /// Who of the role, which is called `name` and whose keys are among `keys`, is in `signed`. Each key
    /// counts once, however often it stands there.
    #[must_use]
    pub fn tally(&self, name: &str, keys: &[NamedKey], signed: &BTreeSet<KeyId>) -> RoleTally {
        let own = keys.iter().filter(|key| self.keys.contains(&key.name));
        let all =
            own.map(|key| RoleSigner { name: key.name.clone(), key: key.id(), revoked: false });
        let (signed, missing) = all.partition(|signer| signed.contains(&signer.key));
        RoleTally { role: name.to_owned(), threshold: self.threshold, signed, missing }
    }
}

impl RoleTally {
    /// Whether enough have signed.
    #[must_use]
    pub fn is_met(&self) -> bool {
        let keys: BTreeSet<KeyId> = self.signed.iter().map(|signer| signer.key).collect();
        keys.len() >= self.threshold
    }

    /// It in a clause: `role prod: 2 of 3 sign, alice and bob have, carol has not`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let all = self.signed.len() + self.missing.len();
        let names = |signers: &[RoleSigner]| {
            let shown = signers.iter().map(|signer| match signer.revoked {
                true => format!("{} (revoked, this one still counts)", signer.name),
                false => signer.name.to_string(),
            });
            shown.collect::<Vec<_>>().join(", ")
        };
        let who = match (self.signed.is_empty(), self.missing.is_empty()) {
            (true, _) => format!("nobody has signed of {}", names(&self.missing)),
            (false, true) => format!("signed by {}", names(&self.signed)),
            (false, false) => {
                format!("signed by {}, not by {}", names(&self.signed), names(&self.missing))
            }
        };
        let (role, threshold) = (&self.role, count(self.threshold, "signature"));
        format!("role {role} takes {threshold} of {all}: {who}")
    }
}
