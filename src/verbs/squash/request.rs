//! [`Request`]: which bundles to make one of, and how.

use crate::bundle::check::Trust;
use crate::medium::Medium;
use crate::tools::pace::Jobs;
use crate::verbs::recording::LedgerKeeper;
use crate::verbs::sequel::Sequel;
use crate::words::moment::Moment;
use crate::work::choice::Choice;

/// Which bundles to make one of, and how.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The bundles: in the order of their numbers where all are of one stream, else the oldest first.
    pub bundles: Vec<Medium>,
    /// Where the new one is to lie.
    pub output: Medium,
    /// Whom to believe.
    pub trust: Trust,
    /// Which images.
    pub choice: Choice,
    /// The time of the new bundle.
    pub created_at: Moment,
    /// When it stops being acceptable; with the first of those that it is made of if not said.
    pub expires_at: Option<Moment>,
    /// The stream that it goes on with, if any.
    pub stream: Option<Sequel>,
    /// The time, for the expiry of those that are given.
    pub now: Moment,
    /// Transfers at a time.
    pub jobs: Jobs,
    /// Whether to stop before anything is written.
    pub dry_run: bool,
    /// Whether every byte is read back from the medium, past what the system has in memory, before the
    /// new bundle gets its name.
    pub verify_media: bool,
    /// Where it is noted what is done, if anywhere.
    pub ledger: Option<LedgerKeeper>,
}

impl Request {
    /// Makes `output` of all that `bundles` hold, if `trust` lets it, dated `now`. The fields say
    /// otherwise.
    #[must_use]
    pub fn new(
        bundles: Vec<Medium>,
        output: impl Into<Medium>,
        trust: Trust,
        now: Moment,
    ) -> Request {
        Request {
            bundles,
            output: output.into(),
            trust,
            choice: Choice::default(),
            created_at: now,
            expires_at: None,
            stream: None,
            now,
            jobs: Jobs::default(),
            dry_run: false,
            verify_media: false,
            ledger: None,
        }
    }
}
