//! What the isolated side remembers of each stream, so that it takes no old bundle for a new one: the
//! last bundle that was taken, and the latest time that was seen. One small file a stream, written last
//! and at once.

mod arrival;
mod faults;
mod judging;
mod refused;
mod remembered;
mod verdict;

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::arrival::{Arrival, StreamLink};
pub use self::judging::{Judged, Reasons};
pub use self::remembered::{Exception, MAX_REASON, Remembered};
pub use self::verdict::Verdict;
use crate::tools::file::{AtomicFile, TEMP_PREFIX};
use crate::tools::folder::Folder;
use crate::tools::ground;
use crate::tools::lock::lock_patiently;
use crate::words::cancel::Cancel;
use crate::words::error::{Error, Result};
use crate::words::stream::StreamName;

/// Permissions: what was taken is nobody else's business.
const PRIVATE: u32 = 0o700;
const MODE: u32 = 0o600;
/// Largest file that is read: with all exceptions that are kept, each with the longest reason, it has
/// not half of that.
const MAX_FILE: u64 = 1 << 20;
/// How long another one is waited for that writes: it takes a moment.
const PATIENCE: Duration = Duration::from_secs(10);

/// The folder in which it is remembered which bundles of each stream were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    path: PathBuf,
}

impl Memory {
    /// What is remembered in the folder `path`, which need not be there yet.
    pub fn at(path: impl Into<PathBuf>) -> Memory {
        Memory { path: path.into() }
    }

    /// The file in which that of `stream` is.
    #[must_use]
    pub fn file(&self, stream: &StreamName) -> PathBuf {
        self.path.join(name(stream))
    }

    /// What is remembered of `stream`; nothing where no bundle of it was ever taken.
    ///
    /// # Errors
    /// [`Class::Stale`](crate::words::error::Class::Stale) where something is there that cannot be understood: cut off, of a newer
    /// version, or no file; that of the disk. Each with the way out.
    pub fn recall(&self, stream: &StreamName) -> Result<Option<Remembered>> {
        let folder = match Folder::open(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|e| faults::unreadable(&self.path, e))?,
        };
        self.read(&folder, stream)
    }

    fn read(&self, folder: &Folder, stream: &StreamName) -> Result<Option<Remembered>> {
        let path = self.file(stream);
        let file = match folder.file(name(stream)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                return Err(faults::unusable(&path, "is no file"));
            }
            other => other.map_err(|e| faults::unreadable(&path, e))?,
        };
        let mut bytes = Vec::new();
        let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes);
        read.map_err(|e| faults::unreadable(&path, e))?;
        match bytes.len() as u64 > MAX_FILE {
            true => Err(faults::unusable(&path, "is larger than it can be")),
            false => Remembered::read(&bytes, stream, &path).map(Some),
        }
    }

    /// Fails as [`keep`](Memory::keep) will, where that can be known.
    ///
    /// # Errors
    /// [`Class::Refused`](crate::words::error::Class::Refused) where nothing can be written; [`Class::Usage`](crate::words::error::Class::Usage) where the folder is none.
    pub fn check(&self) -> Result<()> {
        ground::folder(&self.path).map_err(|error| faults::unwritable(&self.path, error))
    }

    /// Remembers `now`, a bundle that was taken after one found out how it stands to what was
    /// remembered then. What another one has remembered of a later bundle meanwhile is kept.
    ///
    /// # Errors
    /// [`Class::Stale`](crate::words::error::Class::Stale) where another bundle of that number was taken meanwhile; as
    /// [`recall`](Memory::recall); when the disk refuses. Then what was remembered still is.
    pub fn keep(&self, now: &Remembered, cancel: &Cancel) -> Result<()> {
        let unwritable = |e: Error| faults::unwritable(&self.path, e);
        let path = self.file(&now.stream);
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        let folder = Folder::make(&self.path, PRIVATE).map_err(fault).map_err(unwritable)?;
        lock_patiently(&folder, &path, PATIENCE, cancel)?;
        // What killed runs left; nobody else writes here now.
        for name in folder.names().map_err(fault)? {
            if name.as_encoded_bytes().starts_with(TEMP_PREFIX.as_bytes()) {
                folder.remove_all(&name).map_err(fault).map_err(unwritable)?;
            }
        }
        let before = self.read(&folder, &now.stream)?;
        let Some(bytes) = now.over(before.as_ref(), &path)? else { return Ok(()) };
        let write = || {
            let mut file = AtomicFile::within(&folder, name(&now.stream), MODE)?;
            file.write_all(&bytes).map_err(fault)?;
            file.commit()
        };
        write().map_err(unwritable)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What the file is called in which that of `stream` is.
fn name(stream: &StreamName) -> String {
    format!("{stream}.json")
}

#[cfg(test)]
mod tests;
