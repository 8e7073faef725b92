//! [`Sequel`]: the stream that a bundle which is made goes on with.

use crate::bundle::history::{History, Opening};
use crate::words::stream::StreamName;

/// The stream that a bundle which is made belongs to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sequel {
    /// What it is called.
    pub name: StreamName,
    /// Where its history is kept.
    pub history: History,
    /// How it goes on.
    pub opening: Opening,
}

impl Sequel {
    /// The next bundle of the stream `name`, behind the last one that `history` knows.
    #[must_use]
    pub fn new(name: StreamName, history: History) -> Sequel {
        Sequel { name, history, opening: Opening::GoesOn }
    }
}
