//! [`Request`]: which ledger, and what is asked of it.

use std::path::PathBuf;

use crate::bundle::keys::PublicKey;
use crate::words::moment::Moment;

/// Which ledger, and what is asked of it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Request {
    /// Its files, the oldest first, or one that [`extract`](super::extract) made.
    pub files: Vec<PathBuf>,
    /// The time from which on entries are wanted.
    pub since: Option<Moment>,
    /// The time up to which.
    pub until: Option<Moment>,
    /// Of whose keys one has to have signed what was handed on.
    pub keys: Vec<PublicKey>,
    /// What was handed on of it before, and that it has to go on from.
    pub extends: Option<PathBuf>,
}

/// From when to when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range(Option<Moment>, Option<Moment>);

impl Range {
    pub(super) fn of(request: &Request) -> Range {
        Range(request.since, request.until)
    }

    pub(super) fn has(self, at: Moment) -> bool {
        self.0.is_none_or(|since| since <= at) && self.1.is_none_or(|until| at <= until)
    }
}

impl Request {
    /// Asks all of the ledger in `files`.
    #[must_use]
    pub fn new(files: Vec<PathBuf>) -> Request {
        Request { files, ..Request::default() }
    }
}
