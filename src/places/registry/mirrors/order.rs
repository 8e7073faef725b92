//! [`PullOrder`]: the places that a repository is read from, one after the other.

use crate::places::registry::http::access::Access;
use crate::words::reference::{Registry, Repository};

/// One place that may hold what is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullSite {
    pub(crate) registry: Registry,
    pub(crate) repository: Repository,
    pub(crate) access: Access,
    /// Whether it is asked what a tag means.
    pub(crate) tags: bool,
    /// Whether it is asked for content by digest.
    pub(crate) digests: bool,
}

impl PullSite {
    /// The registry itself.
    pub(crate) fn direct(registry: &Registry, repository: &Repository) -> PullSite {
        PullSite {
            registry: registry.clone(),
            repository: repository.clone(),
            access: Access::default(),
            tags: true,
            digests: true,
        }
    }
}

/// All such places, in their order, with the registry itself apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PullOrder {
    pub(crate) mirrors: Vec<PullSite>,
    pub(crate) primary: PullSite,
}
