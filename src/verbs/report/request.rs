//! [`Request`]: what to report on, and whom to believe.

use crate::bundle::check::Trust;
use crate::medium::Medium;
use crate::tools::parallel::all_cores;
use crate::words::moment::Moment;

/// What to report on, and whom to believe.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The bundle.
    pub bundle: Medium,
    /// Whom to believe.
    pub trust: Trust,
    /// The bundle before it, or a record of that, where what changes is to be told.
    pub against: Option<Medium>,
    /// Earlier bundles and layouts at hand, for what the bundle does not carry.
    pub bases: Vec<Medium>,
    /// The time, for ages and the expiry.
    pub now: Moment,
    /// Threads.
    pub jobs: usize,
}

impl Request {
    /// Reports on `bundle`, signed as `trust` asks, at the time `now`, on one thread a core.
    #[must_use]
    pub fn new(bundle: impl Into<Medium>, trust: Trust, now: Moment) -> Request {
        let (bundle, jobs) = (bundle.into(), all_cores());
        Request { bundle, trust, against: None, bases: Vec::new(), now, jobs }
    }
}
