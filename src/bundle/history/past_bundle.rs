//! [`PastBundle`]: a bundle that was made.

use std::path::PathBuf;

use crate::bundle::position::StreamPosition;
use crate::bundle::record::Record;
use crate::bundle::statement::Previous;

/// A bundle that was made, as its history keeps it.
#[derive(Debug)]
#[non_exhaustive]
pub struct PastBundle {
    /// Where in the stream it stands.
    pub position: StreamPosition,
    /// What it says of itself.
    pub record: Record,
    /// Where it was written, if that is known. It may be gone from there.
    pub place: Option<PathBuf>,
}

impl PastBundle {
    /// What the bundle behind it names as the one before.
    #[must_use]
    pub fn as_previous(&self) -> Previous {
        let statement = self.record.statement().digest;
        Previous { sequence: self.position.sequence, statement }
    }
}
