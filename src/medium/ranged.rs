//! [`Remote`] and [`Ranged`]: a file that lies on another machine, and is read there by ranges.

use std::fmt::Debug;
use std::io::Read;
use std::sync::Arc;

use crate::words::error::Result;

/// Reaches files by their addresses. Whoever has a medium read over the network gives one along
/// ([`Medium::reached_by`](super::Medium::reached_by)).
pub trait Remote: Debug + Send + Sync {
    /// Looks at the file at `address`, which has passed [`check`](super::address::check).
    ///
    /// # Errors
    /// When it is not reached, is not there, or is not given by ranges.
    fn open(&self, address: &str) -> Result<RemoteFile>;
}

/// A file that was looked at.
#[derive(Debug)]
pub struct RemoteFile {
    /// What reads it.
    pub file: Arc<dyn Ranged>,
    /// Its first bytes, as many as came along with the first answer.
    pub head: Vec<u8>,
}

/// A file that is read by ranges. Every range is of the same file: one that was changed, or replaced,
/// since it was first looked at is an error.
pub trait Ranged: Debug + Send + Sync {
    /// How many bytes it has.
    fn size(&self) -> u64;

    /// Reads the `size` bytes from `at` on, neither more nor fewer. Nobody is asked before the first read;
    /// a connection that breaks is taken up where it broke. Errors are
    /// [`Error`](crate::words::error::Error)s that travel as I/O errors.
    fn read(self: Arc<Self>, at: u64, size: u64) -> Box<dyn Read + Send>;
}
