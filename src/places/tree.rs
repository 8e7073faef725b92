//! [`Tree`]: named files, read-only, from a directory or in place from an uncompressed tar.
//!
//! The medium is somebody else's: nothing here follows a link, blocks on a pipe, or believes a
//! header that a second reader could understand differently.

mod directory;
mod tar;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::tar::{BLOCK, header};
use crate::words::error::{Class, Error, Result};

/// Most files that a tree may hold. A bundle of fifty thousand images has about half a million;
/// more would only serve to fill the memory.
const MAX_FILES: usize = 1_000_000;

/// Most faults that are told. A medium may be made of nothing else, and each is a line.
const MAX_FAULTS: usize = 1_000;

/// What is wrong with a tree before any content is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The entry, or an empty string for the tree itself.
    pub path: String,
    /// Whether bytes are merely missing at the end, as after a broken-off copy.
    pub truncated: bool,
    /// What is wrong, for people.
    pub what: String,
}

/// Where one regular file is.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Where its bytes begin in the tar; nothing for a directory, which opens the file by name.
    offset: Option<u64>,
    size: u64,
}

/// A read-only set of named regular files.
#[derive(Debug)]
pub struct Tree {
    path: PathBuf,
    root: Arc<File>,
    files: BTreeMap<String, Place>,
    faults: Vec<Fault>,
}

impl Tree {
    /// Opens the directory or tar file at `path` and lists it, once. A final symbolic link in
    /// `path` itself is followed: the user named it.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is nothing at `path`, and any fault of the disk. What is
    /// wrong *inside* is listed by [`faults`](Tree::faults) instead.
    pub fn open(path: &Path) -> Result<Tree> {
        let fault = |e: io::Error| match e.kind() {
            io::ErrorKind::NotFound => {
                Error::new(Class::Incomplete, format!("{}: no such file or folder", path.display()))
            }
            _ => Error::io(format!("cannot read {}", path.display()), e),
        };
        let kind = std::fs::metadata(path).map_err(fault)?.file_type();
        if !kind.is_dir() && !kind.is_file() {
            let text = format!("{} is neither a folder nor a file", path.display());
            return Err(Error::new(Class::Usage, text));
        }
        let root = Arc::new(File::open(path).map_err(fault)?);
        let (files, faults) = match kind.is_dir() {
            true => directory::list(path)?,
            false => tar::list(&root).map_err(fault)?,
        };
        Ok(Tree { path: path.to_owned(), root, files, faults })
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The regular files, by their path inside, in bytewise order, with their sizes.
    pub fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().map(|(path, place)| (path.as_str(), place.size))
    }

    /// The size of one regular file, if it is there.
    #[must_use]
    pub fn size(&self, path: &str) -> Option<u64> {
        self.files.get(path).map(|place| place.size)
    }

    /// Everything that is no regular file, stands twice, or cannot be read one way only.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Opens a file from byte `offset` on.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when it is not there; [`Class::Damaged`] when it is no longer what
    /// was listed.
    pub fn open_file(&self, path: &str, offset: u64) -> Result<TreeReader> {
        let place = self.files.get(path).ok_or_else(|| {
            Error::new(Class::Incomplete, format!("{}: {path} is missing", self.path.display()))
        })?;
        let (file, start) = match place.offset {
            Some(start) => (Arc::clone(&self.root), start),
            None => {
                let file = directory::open(&self.root, path).map_err(|e| {
                    Error::io(format!("cannot open {}/{path}", self.path.display()), e)
                })?;
                (Arc::new(file), 0)
            }
        };
        let offset = offset.min(place.size);
        let name = format!("{}: {path}", self.path.display());
        Ok(TreeReader { file, at: start + offset, left: place.size - offset, name })
    }

    /// Reads a file whole when it has at most `limit` bytes.
    ///
    /// # Errors
    /// As [`open_file`](Tree::open_file), and [`Class::Damaged`] when it is larger.
    pub fn read_small(&self, path: &str, limit: u64) -> Result<Vec<u8>> {
        let mut reader = self.open_file(path, 0)?;
        if reader.left > limit {
            let text = format!(
                "{}: {path} has {} bytes, more than the {limit} allowed",
                self.path.display(),
                reader.left
            );
            return Err(Error::new(Class::Damaged, text));
        }
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io(format!("cannot read {}: {path}", self.path.display()), e))?;
        Ok(bytes)
    }
}

/// Reads one file of a [`Tree`] by position, so that many threads share one open tar.
#[derive(Debug)]
pub struct TreeReader {
    file: Arc<File>,
    at: u64,
    left: u64,
    name: String,
}

impl Read for TreeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        let got = loop {
            match self.file.read_at(&mut buffer[..want], self.at) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io(format!("cannot read {}", self.name), e).into_io()),
                Ok(got) => break got,
            }
        };
        self.at += got as u64;
        self.left -= got as u64;
        Ok(got)
    }
}

#[cfg(test)]
mod tests;
