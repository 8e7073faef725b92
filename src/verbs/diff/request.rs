//! [`Request`]: what to compare, and whom to believe.

use super::comparand::Comparand;
use crate::bundle::check::Trust;
use crate::tools::pace::Jobs;
use crate::verbs::inventory::Stdin;
use crate::words::error::{Class, Error};
use crate::words::moment::Moment;
use crate::work::mapping::NameRule;

/// What to compare, and whom to believe.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// What there was.
    pub before: Comparand,
    /// What there is, or will be.
    pub after: Comparand,
    /// Whom to believe.
    pub trust: Trust,
    /// The time, for the expiry.
    pub now: Moment,
    /// How names are mapped on their way to a place that is compared.
    pub rules: Vec<NameRule>,
    /// Whether only the last part of each name is kept on that way.
    pub flatten: bool,
    /// Requests at a time.
    pub jobs: Jobs,
    /// Opens standard input, for the archive that is called `-`.
    pub stdin: Stdin,
}

impl Request {
    /// Compares `before` with `after`, what is signed of them against `trust`, at the time `now`. The
    /// fields say otherwise.
    #[must_use]
    pub fn new(before: Comparand, after: Comparand, trust: Trust, now: Moment) -> Request {
        Request {
            before,
            after,
            trust,
            now,
            rules: Vec::new(),
            flatten: false,
            jobs: Jobs::default(),
            stdin: || Err(Error::new(Class::Usage, "there is no standard input to read from")),
        }
    }
}
