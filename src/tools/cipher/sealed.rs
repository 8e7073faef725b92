//! [`Sealed`]: the bytes of an encrypted file, as they lie there.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// The bytes of an encrypted file: its head from memory, and the rest by position.
pub(super) struct Sealed {
    head: Arc<[u8]>,
    file: Arc<File>,
    length: u64,
    at: u64,
}

impl Sealed {
    pub(super) fn new(head: Arc<[u8]>, file: Arc<File>, length: u64) -> Sealed {
        Sealed { head, file, length, at: 0 }
    }
}

impl Read for Sealed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let known = usize::try_from(self.at).ok().and_then(|at| self.head.get(at..));
        let got = match known.filter(|known| !known.is_empty()) {
            Some(mut known) => known.read(buffer)?,
            None => self.file.read_at(buffer, self.at)?,
        };
        self.at += got as u64;
        Ok(got)
    }
}

impl Seek for Sealed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// Fills `buffer`; with fewer bytes only at the end.
pub(super) fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match reader.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(got)
}
