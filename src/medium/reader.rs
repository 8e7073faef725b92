//! [`TreeReader`]: one file of a tree.

use std::fmt;
use std::io::{self, Read};

use crate::tools::stretch::{Stretch, StretchReader};
use crate::tools::uncached::UncachedReader;
use crate::tools::withheld;

/// Reads one file of a [`Tree`](super::tree::Tree); by position where it can, so that many threads
/// share one open tar.
pub struct TreeReader(Bytes);

enum Bytes {
    /// As they lie in files.
    Placed(Placed),
    /// As the device has them, past memory.
    Uncached(Named<UncachedReader>),
    /// As they come.
    Coming(Box<dyn Read + Send>),
}

impl fmt::Debug for TreeReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Bytes::Placed(placed) => placed.fmt(f),
            Bytes::Uncached(uncached) => uncached.fmt(f),
            Bytes::Coming(_) => f.write_str("Coming"),
        }
    }
}

impl TreeReader {
    /// Reads `stretch` from byte `offset` on; errors call it `name`.
    pub(super) fn placed(stretch: &Stretch, offset: u64, name: String) -> TreeReader {
        TreeReader(Bytes::Placed(Placed::new(stretch, offset, name)))
    }

    /// Reads what `reader` gives, which knows what to call itself.
    pub(super) fn coming(reader: impl Read + Send + 'static) -> TreeReader {
        TreeReader(Bytes::Coming(Box::new(reader)))
    }

    /// The same, read past memory where its bytes lie in files as they are.
    pub(super) fn past_cache(self) -> TreeReader {
        TreeReader(match self.0 {
            Bytes::Placed(Named { bytes, name }) => {
                Bytes::Uncached(Named { bytes: UncachedReader::new(bytes.rest()), name })
            }
            other => other,
        })
    }

    /// The bytes that are still to be read, where they lie in files as they are.
    #[must_use]
    pub fn stretch(&self) -> Option<Stretch> {
        match &self.0 {
            Bytes::Placed(placed) => Some(placed.bytes.rest()),
            Bytes::Uncached(uncached) => Some(uncached.bytes.rest()),
            Bytes::Coming(_) => None,
        }
    }
}

impl Read for TreeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Bytes::Placed(placed) => placed.read(buffer),
            Bytes::Uncached(uncached) => uncached.read(buffer),
            Bytes::Coming(reader) => reader.read(buffer),
        }
    }
}

/// Bytes of files, with a name for errors.
#[derive(Debug, Clone)]
pub(super) struct Named<R> {
    bytes: R,
    name: String,
}

/// Bytes as they lie in files, with a name for errors.
pub(super) type Placed = Named<StretchReader>;

impl Placed {
    pub(super) fn new(stretch: &Stretch, offset: u64, name: String) -> Placed {
        Named { bytes: stretch.reader(offset), name }
    }
}

impl<R: Read> Read for Named<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let fault = |e| withheld::reading(format!("cannot read {}", self.name), e).into_io();
        self.bytes.read(buffer).map_err(fault)
    }
}
