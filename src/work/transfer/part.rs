//! The parts of a plan, all repositories' at once, and what they stand for.

use crate::bundle::contents::Contents;
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::{Class, Error, Result};
use crate::work::plan::{Plan, RepositoryPlan};

/// Pairs of a repository's place and one of its parts.
pub(super) fn each<'p, T>(
    plan: &'p Plan,
    parts: impl Fn(&'p RepositoryPlan) -> &'p [T],
) -> Vec<(At<RepositoryPlan>, &'p T)> {
    let repositories = At::each(&plan.repositories);
    repositories.flat_map(|(at, r)| parts(r).iter().map(move |part| (at, part))).collect()
}

/// The document `digest` of the bundle.
///
/// # Errors
/// [`Class::Incomplete`] when it is not there.
pub(super) fn document<'c>(contents: &'c Contents, digest: &Digest) -> Result<&'c Document> {
    contents.documents.get(digest).ok_or_else(|| {
        Error::new(Class::Incomplete, format!("manifest {digest} is not in the bundle"))
    })
}
