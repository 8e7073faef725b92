//! [`RootStanding`]: by which root a bundle was judged, and who of whom has signed it.

use serde::Serialize;

use super::role::RoleTally;
use crate::words::digest::Digest;
use crate::words::moment::Moment;

/// By which root a bundle was judged, and who of whom has signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RootStanding {
    /// The folder of the root.
    pub folder: String,
    /// The root's version.
    pub version: u64,
    /// The digest of what is signed of it.
    pub fingerprint: Digest,
    /// Until when it holds.
    pub expires_at: Option<Moment>,
    /// The roots that the bundle brought and that were accepted on the way to it.
    pub brought: Vec<u64>,
    /// Whether those are in the folder now.
    pub kept: bool,
    /// Who has signed the bundle.
    #[serde(flatten)]
    pub tally: RoleTally,
}
