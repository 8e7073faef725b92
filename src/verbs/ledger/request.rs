//! [`Request`]: which ledger, and what is asked of it.

use std::path::PathBuf;

use crate::bundle::keys::PublicKey;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;

/// Which ledger, and what is asked of it.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Request {
    /// Its files, the oldest first, or one that [`extract`](super::extract) made.
    pub files: Vec<PathBuf>,
    /// Whether they are all of it: what was put aside has to be among them.
    pub whole: bool,
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
    /// The one that `request` asks for.
    ///
    /// # Errors
    /// [`Class::Usage`] for one that ends before it begins.
    pub(super) fn of(request: &Request) -> Result<Range> {
        match (request.since, request.until) {
            (Some(since), Some(until)) if since > until => {
                let text = format!("no time is {since} or later and {until} or earlier");
                Err(Error::new(Class::Usage, text).hint("name the earlier one as the beginning"))
            }
            (since, until) => Ok(Range(since, until)),
        }
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
