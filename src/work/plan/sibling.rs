//! [`Sibling`]: a repository that others can mount blobs from.

use crate::words::reference::{Registry, Repository};

/// A repository among others at its registry. Those mount blobs from it, and repositories of
/// another registry do not (distribution-spec, "Mounting a blob from another repository").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sibling {
    /// Where it is.
    pub registry: Registry,
    /// Its path there.
    pub repository: Repository,
}
