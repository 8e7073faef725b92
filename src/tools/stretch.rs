//! [`Stretch`]: bytes where they lie on a disk, in one file or several.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::slice;
use std::sync::Arc;

use super::file_state::FileState;
use crate::words::digest::{Digest, Hasher};

/// Bytes of open files.
#[derive(Debug, Clone)]
pub struct Stretch {
    spans: Spans,
    size: u64,
}

/// The files that they lie in, one behind the other.
#[derive(Debug, Clone)]
enum Spans {
    /// One, as nearly always.
    One(Span),
    /// Several.
    Several(Arc<[Span]>),
}

/// Bytes of one open file.
#[derive(Debug, Clone)]
struct Span {
    file: Arc<File>,
    at: u64,
    size: u64,
}

/// A position in a file.
#[derive(Debug)]
pub struct Position<'s> {
    /// The file.
    pub file: &'s File,
    /// The byte of it.
    pub at: u64,
    /// How many bytes of the stretch lie there from it on, without a gap.
    pub left: u64,
}

/// What the kernel says of all files of a stretch. As long as it says the same, the bytes are the
/// same, if it was [steady](Stretch::steady) when they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StretchState(Said);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    OfOne(FileState),
    /// Hashed, so that it takes as little room.
    OfSeveral(Digest),
}

impl StretchState {
    /// What no other state has, and which tells nobody what is in it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self.0 {
            Said::OfOne(state) => Digest::of(&state.to_bytes()),
            Said::OfSeveral(digest) => digest,
        }
    }
}

impl Stretch {
    /// `size` bytes of `file` from `at` on.
    #[must_use]
    pub fn new(file: Arc<File>, at: u64, size: u64) -> Stretch {
        Stretch { spans: Spans::One(Span { file, at, size }), size }
    }

    /// All of `file`, and what the kernel says of it; nothing where it does not.
    #[must_use]
    pub fn whole(file: Arc<File>) -> Option<(Stretch, StretchState)> {
        let state = FileState::of(&file)?;
        Some((Stretch::new(file, 0, state.size()), StretchState(Said::OfOne(state))))
    }

    /// The bytes of `parts`, one behind the other.
    #[must_use]
    pub fn joined(parts: impl IntoIterator<Item = Stretch>) -> Stretch {
        let parts = parts.into_iter();
        let spans: Vec<Span> = parts.flat_map(|part| part.spans().to_vec()).collect();
        let size = spans.iter().fold(0, |sum: u64, span| sum.saturating_add(span.size));
        let spans = match <[Span; 1]>::try_from(spans) {
            Ok([one]) => Spans::One(one),
            Err(several) => Spans::Several(several.into()),
        };
        Stretch { spans, size }
    }

    /// What of it lies from byte `offset` on.
    #[must_use]
    pub fn from(&self, offset: u64) -> Stretch {
        let mut skip = offset;
        Stretch::joined(self.spans().iter().filter_map(|span| {
            let passed = skip.min(span.size);
            skip -= passed;
            let left = span.size - passed;
            (left > 0).then(|| Stretch::new(Arc::clone(&span.file), span.at + passed, left))
        }))
    }

    fn spans(&self) -> &[Span] {
        match &self.spans {
            Spans::One(span) => slice::from_ref(span),
            Spans::Several(spans) => spans,
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where byte `offset` lies; nowhere behind the end.
    #[must_use]
    pub fn position(&self, offset: u64) -> Option<Position<'_>> {
        let mut before = 0;
        self.spans().iter().find_map(|span| {
            let within = offset - before;
            match within < span.size {
                true => {
                    let (file, at) = (&*span.file, span.at + within);
                    Some(Position { file, at, left: span.size - within })
                }
                false => {
                    before += span.size;
                    None
                }
            }
        })
    }

    /// Reads bytes from `offset` on, by position: as many as there are together, and none behind
    /// the end.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let Some(Position { file, at, left }) = self.position(offset) else { return Ok(0) };
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        loop {
            match file.read_at(&mut buffer[..want], at) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                got => return got,
            }
        }
    }

    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// Those of the disk, and [`io::ErrorKind::UnexpectedEof`] when there are fewer.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.reader(offset).read_exact(buffer)
    }

    /// Reads the bytes from `offset` on, by position: the files' own cursors stay where they are.
    #[must_use]
    pub fn reader(&self, offset: u64) -> StretchReader {
        StretchReader { stretch: self.clone(), offset: offset.min(self.size) }
    }

    /// What the kernel says of the files now; nothing where it does not.
    #[must_use]
    pub fn state(&self) -> Option<StretchState> {
        let files = self.spans().iter().map(|span| FileState::of(&span.file));
        all(files).map(StretchState)
    }

    /// The state of the files, if any change from now on will show in it, as
    /// [`FileState::steady`] has it for each.
    ///
    /// `known` is an earlier answer: files that are still as they were then are not asked again.
    #[must_use]
    pub fn steady(&self, known: Option<StretchState>) -> Option<StretchState> {
        if known.is_some() && self.state() == known {
            return known;
        }
        let steady = |span: &Span| FileState::of(&span.file)?.steady(&span.file);
        all(self.spans().iter().map(steady)).map(StretchState)
    }
}

/// What is said of all files together; nothing if it is not of each.
fn all(mut files: impl ExactSizeIterator<Item = Option<FileState>>) -> Option<Said> {
    if files.len() == 1 {
        return files.next()?.map(Said::OfOne);
    }
    let mut hasher = Hasher::new();
    for file in files {
        hasher.update(&file?.to_bytes());
    }
    Some(Said::OfSeveral(hasher.finish()))
}

/// Reads a [`Stretch`], by position.
#[derive(Debug, Clone)]
pub struct StretchReader {
    stretch: Stretch,
    offset: u64,
}

impl StretchReader {
    /// The bytes that are still to be read.
    #[must_use]
    pub fn rest(&self) -> Stretch {
        self.stretch.from(self.offset)
    }
}

impl Read for StretchReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.stretch.read_at(buffer, self.offset)?;
        self.offset += got as u64;
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bytes_of_the_stretch_are_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all_at(b"0123456789", 0).unwrap();
        let stretch = Stretch::new(Arc::new(file.reopen().unwrap()), 2, 5);

        for (offset, expected) in [(0, "23456"), (3, "56"), (5, ""), (9, "")] {
            let mut text = String::new();
            stretch.reader(offset).read_to_string(&mut text).unwrap();
            assert_eq!(text, expected, "from {offset}");
        }
    }

    fn file(bytes: &[u8]) -> Arc<File> {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(bytes, 0).unwrap();
        Arc::new(file)
    }

    #[test]
    fn bytes_in_several_files_are_read_as_if_they_lay_in_one() {
        let (one, other) = (file(b"..0123.."), file(b"456"));
        let parts = [
            Stretch::new(Arc::clone(&one), 2, 4),
            Stretch::new(Arc::clone(&one), 6, 0),
            Stretch::new(Arc::clone(&other), 0, 3),
        ];
        let stretch = Stretch::joined(parts);
        let read = |stretch: &Stretch, offset| {
            let mut text = String::new();
            stretch.reader(offset).read_to_string(&mut text).unwrap();
            text
        };

        assert_eq!(stretch.size(), 7);
        for offset in 0..9 {
            let expected = &"0123456"[usize::try_from(offset).unwrap().min(7)..];
            assert_eq!(read(&stretch, offset), expected, "from {offset}");
            assert_eq!(read(&stretch.from(offset), 0), expected, "from {offset}");
            assert_eq!(stretch.from(offset).size(), expected.len() as u64);
        }
        let mut across = [0; 4];
        stretch.read_exact_at(&mut across, 2).unwrap();
        assert_eq!(&across, b"2345");
        assert!(stretch.read_exact_at(&mut across, 4).is_err());
        let places = [3, 4].map(|offset| stretch.position(offset).map(|p| (p.at, p.left)));
        assert_eq!(places, [Some((5, 1)), Some((0, 3))]);
        assert!(stretch.position(7).is_none());

        let before = stretch.state();
        assert!(before.is_some() && stretch.state() == before);
        other.set_len(9).unwrap();
        assert_ne!(stretch.state(), before, "one of its files was changed");
    }
}
