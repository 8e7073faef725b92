//! [`LedgerState`]: what was found of a ledger.

use super::finding::LedgerFinding;
use crate::words::digest::Digest;

/// What was found of a ledger.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LedgerState {
    /// The entry that its first one goes on from, where that stands in a file that was put aside before.
    pub behind: Option<(u64, Digest)>,
    /// Its last entry, by number and digest.
    pub last: Option<(u64, Digest)>,
    /// How many entries it has.
    pub entries: u64,
    /// How many times what a crash left was accounted for.
    pub mended: u64,
    /// How many bytes a crash left at its end, for which the next entry accounts.
    pub torn: u64,
    /// Whether something says where it ends.
    pub anchored: bool,
    /// All that is wrong.
    pub findings: Vec<LedgerFinding>,
}
