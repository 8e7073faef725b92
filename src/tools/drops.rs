//! [`Drops`]: how often a transfer broke off, and whether it is taken up once more.

use std::io;

use super::retry::Retry;
use crate::words::error::Error;
use crate::words::progress::Progress;

/// How many drops in a row, with next to nothing in between, end a transfer.
pub const MAX_DROPS: u32 = 5;
/// How many bytes between two drops are something: with less, a source that gives a byte and
/// breaks off could keep a transfer busy for ever.
pub const SOMETHING: u64 = 64 << 10;

/// The drops of one transfer, which is taken up where it broke off as long as it gets on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Drops {
    /// In a row, with next to nothing in between.
    faults: u32,
    /// Bytes since the last one.
    since: u64,
}

impl Drops {
    /// So many `bytes` came.
    pub fn came(&mut self, bytes: u64) {
        self.since = self.since.saturating_add(bytes);
        if self.since >= SOMETHING {
            self.faults = 0;
        }
    }

    /// Pauses, as `retry` has it, before the transfer that failed with `error` is taken up again.
    ///
    /// # Errors
    /// The error itself, where it is no passing one or was met too often, and a stop that was asked for.
    pub fn pause(&mut self, error: Error, retry: Retry, progress: &dyn Progress) -> io::Result<()> {
        if !error.is_transient() || self.faults >= MAX_DROPS {
            // Whoever retries around this transfer must not start over.
            return Err(error.settled().into_io());
        }
        self.since = 0;
        self.faults += 1;
        retry.wait(self.faults, &error, progress).map_err(Error::into_io)
    }
}
