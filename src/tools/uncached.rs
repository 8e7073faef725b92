//! [`Uncached`]: a file as the device gives it that it lies on, past what the system has of it in memory.
//! What was just written is in memory, and says nothing of the medium.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{Advice, Mode, OFlags, fadvise, fstatfs};
use serde::Serialize;

use super::stretch::{Position, Stretch};

/// Where positions, lengths and memory have to begin for a device to be read directly: a multiple of
/// the blocks of any disk in use.
const ALIGN: usize = 4096;
/// What is let go of in memory is whole pages, and those of some machines are as large.
const PAGE: u64 = 64 << 10;
/// Most bytes that are asked for at a time.
const WINDOW: usize = 1 << 20;
/// File systems that have nothing but memory: tmpfs and ramfs.
const MEMORY: [i128; 2] = [0x0102_1994, 0x8584_58f6];

/// Whence bytes came that were read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReadBack {
    /// From the device.
    Device,
    /// From wherever the system had them, after it was asked to let go of what it had in memory.
    CachesDropped,
    /// From memory, which is all that the file system has.
    Memory,
}

impl ReadBack {
    /// What is to be known of it, unless they came from the device.
    #[must_use]
    pub fn caveat(self) -> Option<&'static str> {
        match self {
            ReadBack::Device => None,
            ReadBack::CachesDropped => Some(
                "the file system cannot be read past the system's memory; the system was asked to let \
                 go of what it had there, and may not have",
            ),
            ReadBack::Memory => {
                Some("the file system is in memory: what was read back was never on a device")
            }
        }
    }

    /// How `file` can be read back.
    #[must_use]
    pub fn of(file: &File) -> ReadBack {
        Uncached::open(file, 0, ALIGN as u64).map_or(ReadBack::CachesDropped, |it| it.way)
    }
}

/// Asks the system to let go of what it has in memory of `size` bytes of `file` from `at` on. What it does
/// about that is its own affair.
pub fn forget(file: &File, at: u64, size: u64) {
    let begin = at - at % PAGE;
    let size = at.saturating_add(size).next_multiple_of(PAGE) - begin;
    // Nothing is lost where it cannot.
    let _ = fadvise(file, begin, NonZeroU64::new(size), Advice::DontNeed);
}

/// Makes what was written to `file` durable. Where that fails, the system forgets what it has of it in
/// memory: it counts that as written from then on, and says so to whoever syncs next, though the device
/// may have something else. So the next one to look sees what the device has.
///
/// # Errors
/// When the disk reports a fault.
pub fn sync(file: &File) -> io::Result<()> {
    file.sync_all().inspect_err(|_| {
        let _ = fadvise(file, 0, None, Advice::DontNeed);
    })
}

/// A file that is read past memory, as far as its file system lets it be.
#[derive(Debug)]
pub struct Uncached {
    file: File,
    way: ReadBack,
    /// Memory with room for a window that begins at a multiple of [`ALIGN`].
    memory: Vec<u8>,
    /// The bytes of the file that are in it: from here, and so many.
    at: u64,
    filled: usize,
}

impl Uncached {
    /// Opens `file` once more, to read `size` bytes from `at` on.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open(file: &File, at: u64, size: u64) -> io::Result<Uncached> {
        let window = usize::try_from(size).unwrap_or(WINDOW).min(WINDOW);
        let window = window.next_multiple_of(ALIGN) + ALIGN;
        let of =
            |file, way| Uncached { file, way, memory: vec![0; window + ALIGN], at: 0, filled: 0 };
        let kind = fstatfs(file).map_or(0, |about| i128::from(about.f_type));
        if MEMORY.contains(&kind) {
            return Ok(of(file.try_clone()?, ReadBack::Memory));
        }
        if let Some(direct) = direct(file) {
            let mut opened = of(direct, ReadBack::Device);
            match opened.fill(at) {
                // Some say so only when they are asked for bytes.
                Err(e) if e.kind() == io::ErrorKind::InvalidInput => {}
                Err(e) => return Err(e),
                Ok(()) => return Ok(opened),
            }
        }
        forget(file, at, size);
        Ok(of(file.try_clone()?, ReadBack::CachesDropped))
    }

    /// How it is read.
    #[must_use]
    pub fn way(&self) -> ReadBack {
        self.way
    }

    /// Reads bytes from `at` on, by position: some, and none behind the end.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let there = |it: &Uncached| {
            let passed = usize::try_from(at.checked_sub(it.at)?).ok()?;
            it.filled.checked_sub(passed).filter(|left| *left > 0).map(|left| (passed, left))
        };
        if there(self).is_none() {
            self.fill(at)?;
        }
        let Some((passed, left)) = there(self) else { return Ok(0) };
        let got = left.min(buffer.len());
        let from = self.begin() + passed;
        buffer[..got].copy_from_slice(&self.memory[from..from + got]);
        Ok(got)
    }

    /// Where in its memory the window begins.
    fn begin(&self) -> usize {
        self.memory.as_ptr().align_offset(ALIGN).min(ALIGN)
    }

    /// Reads the window in which byte `at` lies.
    fn fill(&mut self, at: u64) -> io::Result<()> {
        let (begin, end) = (self.begin(), self.memory.len() - ALIGN);
        (self.at, self.filled) = (at - at % ALIGN as u64, 0);
        loop {
            match self.file.read_at(&mut self.memory[begin..begin + end], self.at) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                got => {
                    self.filled = got?;
                    return Ok(());
                }
            }
        }
    }
}

/// `file` once more, to be read directly; nothing where its file system does not do that.
fn direct(file: &File) -> Option<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::DIRECT | OFlags::CLOEXEC | OFlags::NOCTTY;
    rustix::fs::open(path, flags, Mode::empty()).ok().map(File::from)
}

/// Reads a [`Stretch`] past memory.
#[derive(Debug)]
pub struct UncachedReader {
    stretch: Stretch,
    offset: u64,
    open: Option<OpenSpan>,
}

/// Bytes of a stretch that lie together: from `begin` to `end` of it, and from `at` on in the file.
#[derive(Debug)]
struct OpenSpan {
    file: Uncached,
    begin: u64,
    end: u64,
    at: u64,
}

impl UncachedReader {
    /// Reads `stretch` from its beginning.
    #[must_use]
    pub fn new(stretch: Stretch) -> UncachedReader {
        UncachedReader { stretch, offset: 0, open: None }
    }

    /// The bytes that are still to be read.
    #[must_use]
    pub fn rest(&self) -> Stretch {
        self.stretch.from(self.offset)
    }
}

impl Read for UncachedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.open.as_ref().is_none_or(|open| self.offset >= open.end) {
            let Some(Position { file, at, left }) = self.stretch.position(self.offset) else {
                return Ok(0);
            };
            let (begin, end) = (self.offset, self.offset + left);
            self.open = Some(OpenSpan { file: Uncached::open(file, at, left)?, begin, end, at });
        }
        let Some(open) = &mut self.open else { return Ok(0) };
        let want = usize::try_from(open.end - self.offset).unwrap_or(usize::MAX).min(buffer.len());
        let at = open.at + (self.offset - open.begin);
        let got = open.file.read_at(&mut buffer[..want], at)?;
        self.offset += got as u64;
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// A file that is not in memory alone, and its bytes.
    fn file(length: usize) -> (tempfile::TempDir, Arc<File>, Vec<u8>) {
        let beside = std::env::current_exe().unwrap();
        let folder = tempfile::tempdir_in(beside.parent().unwrap()).unwrap();
        let bytes: Vec<u8> = (0..length).map(|n| (n * 7 % 251) as u8).collect();
        std::fs::write(folder.path().join("x"), &bytes).unwrap();
        let file = File::open(folder.path().join("x")).unwrap();
        file.sync_all().unwrap();
        (folder, Arc::new(file), bytes)
    }

    #[test]
    fn any_stretch_is_read_byte_for_byte() {
        let (_folder, file, bytes) = file(3 * WINDOW + 777);

        for (at, size) in [(0, bytes.len()), (1, 1), (4095, 2), (512, WINDOW + 3), (700, 0)] {
            let stretch = Stretch::new(Arc::clone(&file), at as u64, size as u64);
            let mut got = Vec::new();
            UncachedReader::new(stretch).read_to_end(&mut got).unwrap();
            assert!(got == bytes[at..at + size], "{at} {size}");
        }
        // Behind the end there is nothing.
        let stretch = Stretch::new(Arc::clone(&file), bytes.len() as u64 - 5, 10);
        let mut got = Vec::new();
        UncachedReader::new(stretch).read_to_end(&mut got).unwrap();
        assert_eq!(got, bytes[bytes.len() - 5..]);
    }

    #[test]
    fn bytes_in_several_files_are_read_one_behind_the_other() {
        let (_one, first, bytes) = file(10_000);
        let (_other, second, _) = file(10_000);
        let parts = [Stretch::new(first, 9_000, 1_000), Stretch::new(second, 0, 300)].into_iter();
        let mut got = Vec::new();

        UncachedReader::new(Stretch::joined(parts)).read_to_end(&mut got).unwrap();

        assert_eq!(got, [&bytes[9_000..], &bytes[..300]].concat());
    }

    #[test]
    fn what_has_no_device_is_told() {
        if let Ok(folder) = tempfile::tempdir_in("/dev/shm") {
            std::fs::write(folder.path().join("x"), "x").unwrap();
            let file = File::open(folder.path().join("x")).unwrap();
            assert_eq!(ReadBack::of(&file), ReadBack::Memory);
        }
        let (_folder, file, _) = file(10);
        assert_ne!(ReadBack::of(&file), ReadBack::Memory);
        assert!(ReadBack::Device.caveat().is_none() && ReadBack::Memory.caveat().is_some());
    }
}
