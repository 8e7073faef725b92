//! [`Folder`]: a folder that is held open, so that what is done in it is done nowhere else.
//!
//! The folder that the user named is opened once, by whatever links lead there. Everything below
//! it is reached from that handle, one name at a time, and no name may be a link: whoever may write
//! beside us can exchange a name at any moment, and not what a handle stands for.

mod about;
mod exchanging;
mod keeping;
mod linking;
mod ours;
mod removal;
mod renaming;

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

pub use self::about::FileInfo;
use self::keeping::Keeping;
use crate::words::error::{Class, Error, Result};

/// Permissions of a folder that only its owner writes into.
pub const OPEN_FOLDER: u32 = 0o755;
/// Permissions of a folder as far as the user's umask lets others have them.
pub const SHARED: u32 = 0o777;
/// A folder, and what it is called for people. A clone is the same open folder.
#[derive(Debug, Clone)]
pub struct Folder {
    handle: Arc<OwnedFd>,
    path: PathBuf,
    /// What its file system makes of owners, once that was asked.
    keeping: Arc<OnceLock<Keeping>>,
}

/// Whether a new name may take the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// What stands there goes.
    Yes,
    /// What stands there stays, and it is an error.
    No,
}

impl Folder {
    /// Opens the folder `path`, which the user named: links in it are followed.
    ///
    /// # Errors
    /// When it is not there, or no folder, or may not be read.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let named = shown(path);
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let handle = Arc::new(rustix::fs::open(named, flags, Mode::empty())?);
        Ok(Folder { handle, path: named.to_owned(), keeping: Arc::default() })
    }

    /// Opens the folder `path`, and makes it before, with those above it, where it is missing.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn make(path: &Path, mode: u32) -> io::Result<Folder> {
        let path = shown(path);
        match Folder::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                make_all(path, mode)?;
                Folder::open(path)
            }
            other => other,
        }
    }

    /// Opens the folder that `path` is in, or will be, and gives the name that it has there.
    ///
    /// # Errors
    /// [`Class::Usage`] when that is no name; when the folder cannot be opened.
    pub fn holding(path: &Path) -> Result<(Folder, OsString)> {
        let Some(name) = path.file_name() else {
            return Err(Error::new(Class::Usage, format!("{} names no file", path.display())));
        };
        let folder = shown(path.parent().unwrap_or(Path::new(".")));
        let folder = Folder::open(folder)
            .map_err(|e| Error::io(format!("cannot open {}", folder.display()), e))?;
        Ok((folder, name.to_owned()))
    }

    /// As [`holding`](Folder::holding), and makes the folder before where it is missing.
    ///
    /// # Errors
    /// As there.
    pub fn making(path: &Path) -> Result<(Folder, OsString)> {
        let parent = shown(path.parent().unwrap_or(Path::new(".")));
        Folder::make(parent, SHARED)
            .map_err(|e| Error::io(format!("cannot make {}", parent.display()), e))?;
        Folder::holding(path)
    }

    /// What it is called, for people.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `name` in it is called, for people.
    #[must_use]
    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        match self.path.as_os_str() == "." {
            true => name.as_ref().to_owned(),
            false => self.path.join(name),
        }
    }

    /// The handle, to be locked.
    #[must_use]
    pub fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// The folder `name` in it.
    ///
    /// # Errors
    /// When it is not there or no folder; a link is none.
    pub fn below(&self, name: impl AsRef<OsStr>) -> io::Result<Folder> {
        let name = one(name.as_ref())?;
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = match rustix::fs::openat(&*self.handle, name, flags, Mode::empty()) {
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(not_a_folder()),
            other => Arc::new(other?),
        };
        Ok(Folder { handle, path: self.at(name), keeping: Arc::default() })
    }

    /// As [`below`](Folder::below), and makes it before where it is missing.
    ///
    /// # Errors
    /// As there.
    pub fn make_below(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<Folder> {
        match self.create_folder(name.as_ref(), mode) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => self.below(name),
            other => other,
        }
    }

    /// Makes the folder `name` in it.
    ///
    /// # Errors
    /// When anything stands there, and when the disk refuses.
    pub fn create_folder(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<Folder> {
        let name = one(name.as_ref())?;
        rustix::fs::mkdirat(&*self.handle, name, Mode::from_raw_mode(mode))?;
        self.below(name)
    }

    /// Opens the regular file `name`, to be read.
    ///
    /// # Errors
    /// When it is not there or anything else; a link is none, and a pipe does not block.
    pub fn file(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        self.regular(name.as_ref(), OFlags::RDONLY)
    }

    /// Opens the regular file `name`, to be read and written as it is.
    ///
    /// # Errors
    /// As [`file`](Folder::file).
    pub fn file_to_write(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        self.regular(name.as_ref(), OFlags::RDWR)
    }

    /// Opens the regular file `name`, to be read, and written behind its end alone.
    ///
    /// # Errors
    /// As [`file`](Folder::file).
    pub fn file_to_append(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        self.regular(name.as_ref(), OFlags::RDWR | OFlags::APPEND)
    }

    fn regular(&self, name: &OsStr, access: OFlags) -> io::Result<File> {
        let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let open = rustix::fs::openat(&*self.handle, one(name)?, flags | access, Mode::empty());
        let open = match open {
            Err(Errno::LOOP) => return Err(not_a_file()),
            other => other?,
        };
        match FileInfo::of(&open)?.kind {
            FileType::RegularFile => Ok(File::from(open)),
            _ => Err(not_a_file()),
        }
    }

    /// Makes the file `name`, to be read and written.
    ///
    /// # Errors
    /// When anything stands there, and when the disk refuses.
    pub fn create(&self, name: impl AsRef<OsStr>, mode: u32) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode);
        Ok(rustix::fs::openat(&*self.handle, one(name.as_ref())?, flags, mode)?.into())
    }

    /// Makes a file that has no name: it is gone once it is closed. Not every file system can.
    ///
    /// # Errors
    /// When this one cannot, or refuses.
    pub fn create_nameless(&self) -> io::Result<File> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        Ok(rustix::fs::openat(&*self.handle, c".", flags, mode)?.into())
    }

    /// What stands under `name`.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn look(&self, name: impl AsRef<OsStr>) -> io::Result<Option<FileInfo>> {
        match rustix::fs::statat(&*self.handle, one(name.as_ref())?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat.into())),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Where the link `name` leads, if that is text.
    #[must_use]
    pub fn link(&self, name: impl AsRef<OsStr>) -> Option<String> {
        let name = one(name.as_ref()).ok()?;
        let to = rustix::fs::readlinkat(&*self.handle, name, Vec::new()).ok()?;
        to.into_string().ok()
    }

    /// All names in it, one by one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn each_name(&self) -> io::Result<impl Iterator<Item = io::Result<OsString>>> {
        let names = Dir::read_from(&*self.handle)?.map(|entry| {
            let entry = entry?;
            Ok(OsStr::from_bytes(entry.file_name().to_bytes()).to_owned())
        });
        let is_own = |name: &OsString| name != "." && name != "..";
        Ok(names.filter(move |name| name.as_ref().map_or(true, is_own)))
    }

    /// All names in it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        self.each_name()?.collect()
    }

    /// Removes the file `name`. What is not there is gone already.
    ///
    /// # Errors
    /// When it is a folder, or the disk refuses.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        match rustix::fs::unlinkat(&*self.handle, one(name.as_ref())?, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// Whether `name` is what is open as `open`.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn is(&self, name: impl AsRef<OsStr>, open: impl AsFd) -> io::Result<bool> {
        let open = FileInfo::of(open)?;
        Ok(self.look(name)?.is_some_and(|there| there.identity == open.identity))
    }

    /// Makes the names in it durable. File systems that cannot are taken at their word.
    ///
    /// # Errors
    /// When the disk reports a fault.
    pub fn sync(&self) -> Result<()> {
        match rustix::fs::fsync(&*self.handle) {
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(e) => {
                Err(Error::io(format!("cannot sync {}", self.path.display()), io::Error::from(e)))
            }
        }
    }

    /// Sees that its path still leads here: asked when everything is written.
    ///
    /// # Errors
    /// [`Class::Refused`] when it does not, as after a medium was taken out: what was written is
    /// then where nobody looks for it.
    pub fn is_found(&self) -> Result<()> {
        let identity = |folder: &Folder| FileInfo::of(&*folder.handle).map(|about| about.identity);
        let there = Folder::open(&self.path).and_then(|there| identity(&there)).ok();
        if there.is_some() && there == identity(self).ok() {
            return Ok(());
        }
        let text = format!("{} is not the folder any more that was written", self.path.display());
        Err(Error::new(Class::Refused, text)
            .hint("it was moved, or its medium was taken out; put it back and run the same again"))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "above the folder that is opened, paths are the user's"
)]
fn make_all(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// `name`, if it is a single one: neither a path nor a way up.
/// Whether there is a folder at `path`, be it by a link; what cannot be looked at is not taken for absent.
///
/// # Errors
/// Those of the disk.
pub fn is_folder_at(path: &Path) -> Result<bool> {
    match std::fs::metadata(path) {
        Ok(about) => Ok(about.is_dir()),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(e) => Err(Error::io(format!("cannot look at {}", path.display()), e)),
    }
}

fn one(name: &OsStr) -> io::Result<&OsStr> {
    match name.as_bytes() {
        b"" | b"." | b".." => Err(io::ErrorKind::InvalidInput.into()),
        bytes if bytes.contains(&b'/') => Err(io::ErrorKind::InvalidInput.into()),
        _ => Ok(name),
    }
}

fn not_a_folder() -> io::Error {
    io::Error::new(io::ErrorKind::NotADirectory, "not a folder, or a link to one")
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a regular file")
}

fn shown(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

#[cfg(test)]
mod tests;
