//! [`PruneName`]: a name at a place, and what becomes of it.

use serde::Serialize;

use crate::words::digest::Digest;
use crate::words::reference::Reference;

/// What becomes of a name that a bundle brought and none that is kept has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PruneAction {
    /// It goes.
    Remove,
    /// It stays: it stands for something else than what the newest bundle brought that has it.
    Moved,
    /// It stays: what it stands for is needed, and cannot be parted from it, or refers to what stays.
    Shared,
    /// It stays: the place keeps it where it is.
    Fixed,
    /// It stays: something refers to it, or to a part of it, that no bundle brought.
    Referred,
}

/// A name at the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PruneName {
    /// The name.
    pub name: Reference,
    /// What it stands for.
    pub digest: Digest,
    /// What becomes of it.
    pub action: PruneAction,
}
