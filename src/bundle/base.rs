//! [`Base`]: what a delta leans on.

use serde::{Deserialize, Serialize};

use super::position::StreamPosition;
use crate::words::digest::Digest;

/// Most things that one delta leans on: as many earlier bundles as anybody brings along.
pub const MAX_ON: usize = 64;

/// What a delta leans on: whence its sender knew what the other side holds, and what it therefore
/// does not carry. Manifests it always carries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Base {
    /// Whence it was known, in order, each once.
    pub on: Vec<LeansOn>,
    /// Every blob that an image of the bundle needs and that the bundle does not carry, in order,
    /// each once. Never empty.
    pub lacks: Vec<Digest>,
}

/// One of the things from which the sender knew what the other side holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LeansOn {
    /// What it was.
    pub kind: Witness,
    /// The digest of what was signed: that of a bundle's statement, or of a receipt.
    pub digest: Digest,
    /// Where in a stream it stands, where it does.
    pub position: Option<StreamPosition>,
}

impl LeansOn {
    /// All of `these`, for people.
    #[must_use]
    pub fn in_words(these: &[LeansOn]) -> String {
        let each = these.iter().map(|on| match (&on.position, on.kind) {
            (Some(position), _) => position.to_string(),
            (None, Witness::Receipt) => format!("receipt {}", on.digest.short()),
            (None, _) => format!("statement {}", on.digest.short()),
        });
        each.collect::<Vec<_>>().join(", ")
    }
}

/// What tells a sender what the other side holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Witness {
    /// An earlier bundle: it is taken to have been imported.
    Bundle,
    /// A receipt of the other side.
    Receipt,
    /// A line that the other side read out: that it holds all of a bundle.
    Line,
}

impl Base {
    /// What leans `on` these, and does not carry `lacks`; nothing where that is nothing.
    #[must_use]
    pub fn of(mut on: Vec<LeansOn>, mut lacks: Vec<Digest>) -> Option<Base> {
        on.sort();
        on.dedup();
        lacks.sort_unstable();
        lacks.dedup();
        (!lacks.is_empty()).then_some(Base { on, lacks })
    }

    /// Whether it is spelled as [`of`](Base::of) does, and leans on something.
    pub(super) fn is_sound(&self) -> bool {
        !self.lacks.is_empty()
            && (1..=MAX_ON).contains(&self.on.len())
            && self.on.is_sorted_by(|one, next| one < next)
            && self.lacks.is_sorted_by(|one, next| one < next)
    }

    /// Whether the bundle needs `digest` and does not carry it.
    #[must_use]
    pub fn lacks(&self, digest: &Digest) -> bool {
        self.lacks.binary_search(digest).is_ok()
    }
}
