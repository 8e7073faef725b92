//! `protect`: recovery data for a bundle, by which damage to it is made good.

use serde::Serialize;

use crate::bundle::check::{self, Trust};
use crate::bundle::problem::failure;
use crate::bundle::recovery::{self, Protection, Redundancy};
use crate::medium::Medium;
use crate::tools::parallel::all_cores;
use crate::words::error::Result;
use crate::words::progress::Progress;

/// What to protect, and how well.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The bundle.
    pub bundle: Medium,
    /// How much recovery data is made.
    pub redundancy: Redundancy,
    /// Threads.
    pub jobs: usize,
}

impl Request {
    /// Protects `bundle` with 5% of recovery data, on one thread a core.
    #[must_use]
    pub fn new(bundle: impl Into<Medium>) -> Request {
        let (bundle, jobs) = (bundle.into(), all_cores());
        Request { bundle, redundancy: Redundancy::default(), jobs }
    }
}

/// What was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The bundle.
    pub bundle: Medium,
    /// The files with recovery data, beside the bundle, or in `repair/` of a folder.
    pub files: Vec<String>,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many bytes are lost, and repaired, together.
    pub slice_bytes: u64,
    /// How many such slices the bundle has.
    pub slices: usize,
    /// How many of them can be repaired, whichever they are.
    pub recovery_slices: u16,
    /// Whether all of that was there already.
    pub was_there: bool,
}

/// Makes recovery data as `request` says. No key is needed: it is outside of what is signed, and what is
/// repaired with it is held against that.
///
/// # Errors
/// When the bundle is not what its own list of files says, whoever signed that; and those of
/// [`recovery::protect`].
pub fn protect(request: &Request, progress: &dyn Progress) -> Result<Summary> {
    // 1. Damage is not protected.
    let mut examined = check::examine_expired(&request.bundle, &Trust::UnsafeAnySigner)?;
    examined.hash_everything(request.jobs, progress)?;
    if !examined.problems().is_empty() {
        return Err(failure(&request.bundle.to_string(), examined.problems()));
    }
    drop(examined);

    // 2. Make it, unless it is there.
    let protection =
        recovery::protect(&request.bundle, request.redundancy, request.jobs, progress)?;
    let Protection { layout, files, bytes, was_there } = protection;
    Ok(Summary {
        bundle: request.bundle.clone(),
        files,
        bytes,
        slice_bytes: layout.slice_size,
        slices: layout.slices,
        recovery_slices: layout.recovery,
        was_there,
    })
}
