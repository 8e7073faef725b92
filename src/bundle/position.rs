//! [`StreamPosition`]: where in a stream a bundle stands.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::words::stream::StreamName;

/// A bundle's stream and number. Numbers begin at 1, and begin again in each epoch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamPosition {
    /// The stream.
    pub stream: StreamName,
    /// The epoch: one more wherever the sender had to begin to count again.
    pub epoch: u64,
    /// The number.
    pub sequence: u64,
}

/// `prod 7`, or `prod 7 of epoch 1` in any but the first, which is 0.
impl fmt::Display for StreamPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.stream, self.sequence)?;
        match self.epoch {
            0 => Ok(()),
            epoch => write!(f, " of epoch {epoch}"),
        }
    }
}
