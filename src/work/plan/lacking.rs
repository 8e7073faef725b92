//! What a plan sends without all of its parts.

use serde::Serialize;

use crate::words::digest::Digest;

/// Whether an index arrives that names more than the bundle carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Acceptance {
    /// The destination takes it.
    Taken,
    /// It does not.
    Refused,
    /// Only trying tells, which a dry run does not.
    UnknownUntilTried,
}

/// An index of which children are neither in the bundle nor at the destination.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SparseIndex {
    /// The repository, for people.
    pub repository: String,
    /// The index.
    pub digest: Digest,
    /// How many of its children will not be there.
    pub missing: usize,
    /// Whether it will arrive all the same.
    pub acceptance: Acceptance,
}

/// A manifest that is to be sent without its foreign layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ForeignLayers {
    /// The repository, for people.
    pub repository: String,
    /// The manifest.
    pub digest: Digest,
    /// How many foreign layers it has.
    pub layers: usize,
    /// The hosts at which their owner hands them out, as far as the manifest says.
    pub owners: Vec<String>,
}
