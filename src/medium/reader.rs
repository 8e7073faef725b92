//! [`TreeReader`]: one file of a tree.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::stream::Passing;
use crate::tools::stretch::Stretch;
use crate::tools::withheld;

/// Reads one file of a [`Tree`](super::Tree); by position where it can, so that many threads
/// share one open tar.
#[derive(Debug)]
pub struct TreeReader(pub(super) Inner);

#[derive(Debug)]
pub(super) enum Inner {
    /// A part of a file on the disk.
    Within(Within),
    /// A file that is held in memory.
    Kept(io::Cursor<Arc<[u8]>>),
    /// A file in a stream.
    Passing(Passing),
}

impl TreeReader {
    /// The bytes that are still to be read, where they lie in a file as they are.
    #[must_use]
    pub fn stretch(&self) -> Option<Stretch> {
        match &self.0 {
            Inner::Within(reader) => {
                Some(Stretch::new(Arc::clone(&reader.file), reader.at, reader.left))
            }
            Inner::Kept(_) | Inner::Passing(_) => None,
        }
    }
}

impl Read for TreeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Within(reader) => reader.read(buffer),
            Inner::Kept(reader) => reader.read(buffer),
            Inner::Passing(reader) => reader.read(buffer),
        }
    }
}

/// A part of a file on the disk.
#[derive(Debug, Clone)]
pub(super) struct Within {
    pub(super) file: Arc<File>,
    pub(super) at: u64,
    pub(super) left: u64,
    pub(super) name: String,
}

impl Read for Within {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        let got = loop {
            match self.file.read_at(&mut buffer[..want], self.at) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    return Err(
                        withheld::reading(format!("cannot read {}", self.name), e).into_io()
                    );
                }
                Ok(got) => break got,
            }
        };
        self.at += got as u64;
        self.left -= got as u64;
        Ok(got)
    }
}
