//! [`TarBytes`]: a tar from its beginning to its end.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use crate::tools::uncached::Uncached;

/// The bytes of a tar, read from the beginning to the end: each position given is behind all that
/// was read before.
pub(super) trait TarBytes {
    /// Fills `buffer` with the bytes from `at` on; with fewer only at the end.
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize>;

    /// Whether the bytes go on until `end`.
    fn reaches(&mut self, end: u64) -> io::Result<bool>;

    /// Where the bytes end. Known for certain once something was not there.
    fn end(&self) -> u64;

    /// Hears that a file of `size` bytes begins at `at`.
    fn file(&mut self, _at: u64, _size: u64) -> io::Result<()> {
        Ok(())
    }
}

/// A tar in a file.
pub(super) struct InPlace<'a> {
    file: &'a File,
    length: u64,
}

impl InPlace<'_> {
    pub(super) fn new(file: &File) -> io::Result<InPlace<'_>> {
        Ok(InPlace { file, length: file.metadata()?.len() })
    }
}

impl TarBytes for InPlace<'_> {
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let got = left.min(buffer.len());
        self.file.read_exact_at(&mut buffer[..got], at)?;
        Ok(got)
    }

    fn reaches(&mut self, end: u64) -> io::Result<bool> {
        Ok(end <= self.length)
    }

    fn end(&self) -> u64 {
        self.length
    }
}

/// A tar in a file, read past memory.
pub(super) struct PastCache {
    file: Uncached,
    length: u64,
}

/// How many bytes are asked for at a time: headers lie far apart.
const STEP: u64 = 4096;

impl PastCache {
    pub(super) fn new(file: &File) -> io::Result<PastCache> {
        let length = file.metadata()?.len();
        Ok(PastCache { file: Uncached::open(file, 0, STEP)?, length })
    }
}

impl TarBytes for PastCache {
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let (want, mut got) = (left.min(buffer.len()), 0);
        while got < want {
            match self.file.read_at(&mut buffer[got..want], at + got as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => got += more,
            }
        }
        Ok(got)
    }

    fn reaches(&mut self, end: u64) -> io::Result<bool> {
        Ok(end <= self.length)
    }

    fn end(&self) -> u64 {
        self.length
    }
}
