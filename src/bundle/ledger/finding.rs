//! [`LedgerFinding`]: something that is wrong with a ledger.

use std::path::PathBuf;

use serde::Serialize;

/// What is wrong, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LedgerFault {
    /// An entry is not as it was written.
    Changed,
    /// Entries are not there.
    Missing,
    /// An entry stands where it does not belong.
    Misplaced,
    /// An entry was written anew: it does not follow the one in front of it.
    Rewritten,
    /// Entries are missing at the end.
    CutOff,
    /// The head is that of earlier.
    HeadBehind,
}

/// Something that is wrong with a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LedgerFinding {
    /// What, in a word.
    pub kind: LedgerFault,
    /// The number of the entry, or of the first of several.
    pub sequence: u64,
    /// The number of the last of several.
    pub to: u64,
    /// The file.
    #[serde(serialize_with = "shown")]
    pub file: PathBuf,
    /// The line in it, where it is about one.
    pub line: Option<u64>,
    /// For people.
    pub text: String,
}

fn shown<S: serde::Serializer>(path: &std::path::Path, to: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(to)
}
