//! [`LocalFile`]: a file of this machine that is carried, and has to stay as it was.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::storage::reading::digest_of;
use crate::tools::file::open_regular;
use crate::tools::file_state::FileState;
use crate::tools::stretch::{Stretch, StretchReader};
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};

/// A file that is held open.
#[derive(Debug)]
pub(super) struct LocalFile {
    path: PathBuf,
    file: Arc<File>,
    /// What the kernel said of it when it was opened.
    state: Option<FileState>,
    size: u64,
}

impl LocalFile {
    /// Opens the regular file `path`, by whatever links lead there.
    ///
    /// # Errors
    /// [`Class::Incomplete`] where there is none, [`Class::Usage`] for what is no regular file; those
    /// of the disk.
    pub(super) fn open(path: &Path) -> Result<LocalFile> {
        let file = open_regular(path).map_err(|e| unopened(path, e))?;
        let fault = |e| Error::io(format!("cannot look at {}", path.display()), e);
        let size = file.metadata().map_err(fault)?.len();
        let (path, state, file) = (path.to_owned(), FileState::of(&file), Arc::new(file));
        Ok(LocalFile { path, file, state, size })
    }

    /// How many bytes it has.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Reads it from byte `offset` on. Where it is not as it was when it was opened, that is an error at
    /// its end.
    pub(super) fn reader(&self, offset: u64) -> LocalFileReader {
        let stretch = Stretch::new(Arc::clone(&self.file), 0, self.size);
        let (path, state) = (self.path.clone(), self.state);
        let left = self.size.saturating_sub(offset);
        let inner = stretch.reader(offset);
        LocalFileReader { inner, path, state, left, file: Arc::clone(&self.file) }
    }

    /// The digest of all of it.
    ///
    /// # Errors
    /// As [`reader`](LocalFile::reader), and [`Class::Interrupted`] when `cancel` says stop.
    pub(super) fn digest(&self, cancel: &Cancel) -> Result<Digest> {
        digest_of(&mut self.reader(0), cancel)
            .map_err(|e| Error::io(format!("cannot read {}", self.path.display()), e))
    }
}

/// Why the file `path` cannot be opened.
fn unopened(path: &Path, fault: io::Error) -> Error {
    let shown = path.display();
    let error = match fault.kind() {
        io::ErrorKind::NotFound => {
            Error::new(Class::Incomplete, format!("source: there is no file {shown}"))
        }
        io::ErrorKind::InvalidData if path.is_dir() => {
            let text = format!("{shown} is a folder, and a file is carried at a time");
            Error::new(Class::Usage, text)
                .hint("put it into a tar, and name that; or name its files one by one")
        }
        io::ErrorKind::InvalidData => {
            Error::new(Class::Usage, format!("{shown} is a device, pipe or socket, and no file"))
                .hint("write what comes out of it to a file first")
        }
        _ => Error::io(format!("source: cannot read {shown}"), fault),
    };
    error.subject(Subject::Path(path.to_owned()))
}

/// Reads a [`LocalFile`].
#[derive(Debug)]
pub(super) struct LocalFileReader {
    inner: StretchReader,
    path: PathBuf,
    file: Arc<File>,
    state: Option<FileState>,
    left: u64,
}

impl Read for LocalFileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.left = self.left.saturating_sub(got as u64);
        let is_over = got == 0 && !buffer.is_empty();
        match is_over && (self.left > 0 || FileState::of(&self.file) != self.state) {
            true => {
                let text = format!("source: {} was changed while it was read", self.path.display());
                Err(Error::new(Class::Damaged, text)
                    .subject(Subject::Path(self.path.clone()))
                    .hint("let nobody write to it, and run it again")
                    .into_io())
            }
            false => Ok(got),
        }
    }
}
