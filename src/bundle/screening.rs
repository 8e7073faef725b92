//! [`Screening`]: what was held against images before they were let in, and what it said.

use serde::{Deserialize, Serialize};

use crate::words::digest::Digest;
use crate::words::reference::Reference;

/// Most characters of each text in one: none of them is more than a name or a line.
const MAX_TEXT: usize = 1_000;

/// A rule that images were held against before they were let in, with what it said. What stops them
/// stops all, so that one which is written tells of nothing worse than a warning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
#[non_exhaustive]
pub enum Screening {
    /// An image has the signature that was demanded of it.
    Signature {
        /// The image.
        image: Reference,
        /// What was signed.
        digest: Digest,
        /// The rule that asked for it, as it was given.
        rule: String,
        /// Whose it is: the SHA-256 of the public key's SPKI, in lowercase hex.
        key: String,
        /// The form of the signature.
        form: String,
        /// What could not be checked about it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unchecked: Vec<String>,
    },
    /// A scanner found nothing.
    Scan {
        /// The image.
        image: Reference,
        /// What the image's name stands for.
        digest: Digest,
        /// The command, as it was given.
        command: String,
        /// What the scanner calls itself, with its version.
        tool: String,
        /// How many layers it saw.
        layers: u64,
    },
    /// A policy was kept, or only warned.
    Policy {
        /// The SHA-256 of its file.
        policy: Digest,
        /// What it would have said, a line each: the rule, the image, and why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
        /// Whether it was told to warn only, whatever it says.
        warn_only: bool,
    },
}

impl Screening {
    /// In order, each once, no text longer than 1,000 characters: as a statement has them.
    #[must_use]
    pub fn in_order(mut all: Vec<Screening>) -> Vec<Screening> {
        for text in all.iter_mut().flat_map(Screening::texts) {
            *text = text.chars().take(MAX_TEXT).collect();
        }
        all.sort();
        all.dedup();
        all
    }

    fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Screening::Signature { rule, key, form, unchecked, .. } => {
                unchecked.iter_mut().chain([rule, key, form]).collect()
            }
            Screening::Scan { command, tool, .. } => vec![command, tool],
            Screening::Policy { warnings, .. } => warnings.iter_mut().collect(),
        }
    }
}
