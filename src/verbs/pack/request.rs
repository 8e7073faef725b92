//! [`Request`]: which bundle to make again, and as what.

use crate::bundle::recovery::Redundancy;
use crate::medium::Medium;
use crate::tools::pace::Jobs;

/// Which bundle to make again, and as what.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The bundle that is there.
    pub bundle: Medium,
    /// Where the same one is to lie, in the form that this names.
    pub output: Medium,
    /// How much recovery data it gets once it is finished, if any. Volumes have room for it on their
    /// media where they are cut for that ([`Redundancy::leaves`]).
    pub redundancy: Option<Redundancy>,
    /// Copies at a time.
    pub jobs: Jobs,
    /// Whether every byte is read back from the medium, past what the system has in memory, before the
    /// bundle gets its name.
    pub verify_media: bool,
    /// Whether to stop before anything is written.
    pub dry_run: bool,
}

impl Request {
    /// Makes `output` of `bundle`. The fields say otherwise.
    #[must_use]
    pub fn new(bundle: impl Into<Medium>, output: impl Into<Medium>) -> Request {
        let (bundle, output) = (bundle.into(), output.into());
        let (redundancy, verify_media, dry_run) = Default::default();
        let jobs = Jobs::default();
        Request { bundle, output, redundancy, jobs, verify_media, dry_run }
    }
}
