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
    /// Whether to stop before anything is written.
    pub dry_run: bool,
}

impl Request {
    /// Makes `output` of `bundle`. The fields say otherwise.
    #[must_use]
    pub fn new(bundle: impl Into<Medium>, output: impl Into<Medium>) -> Request {
        let (bundle, output) = (bundle.into(), output.into());
        Request { bundle, output, redundancy: None, jobs: Jobs::default(), dry_run: false }
    }
}
