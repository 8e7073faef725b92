//! [`Receipted`]: the receipt that an import wrote.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::bundle::keys::KeyId;
use crate::bundle::receipt::{ReceivedImage, ReceivedState, ReceivedTotals};
use crate::words::digest::Digest;

/// The receipt of an import.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Receipted {
    /// Where it lies.
    #[serde(serialize_with = "shown")]
    pub path: PathBuf,
    /// Its digest, by which the ledger and a delta name it.
    pub digest: Digest,
    /// Who signed it.
    pub key: Option<KeyId>,
    /// How many images, and what refers to them, were found how.
    pub totals: ReceivedTotals,
    /// What was brought and is not there as it was brought.
    pub missing: Vec<NotAsBrought>,
}

/// What was brought and is not there as it was brought.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NotAsBrought {
    /// What was found.
    #[serde(flatten)]
    pub image: ReceivedImage,
    /// What of it is not there, manifests first.
    pub lacks: Vec<Digest>,
}

fn shown<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(to)
}

impl NotAsBrought {
    /// What is wrong with it, for people.
    pub(super) fn words(&self) -> String {
        let ReceivedImage { name, to, state, there, .. } = &self.image;
        let named = match to {
            Some(to) if to != name => format!("{name} (as {to})"),
            _ => name.to_string(),
        };
        let what = match (state, self.lacks.as_slice(), there) {
            (ReceivedState::Incomplete, [first], _) => format!("lacks {first}"),
            (ReceivedState::Incomplete, [first, more @ ..], _) => {
                format!("lacks {first} and {} more", more.len())
            }
            (ReceivedState::Other, _, Some(there)) => format!("is another image there: {there}"),
            (ReceivedState::Absent, ..) => "is not there".to_owned(),
            _ => "may not be read there".to_owned(),
        };
        format!("{named} {what}")
    }
}
