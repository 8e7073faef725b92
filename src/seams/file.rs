//! [`AtomicFile`]: a final name means a finished, synced file.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::words::error::{Class, Error, Result};

/// A file that gets its name only by [`commit`](AtomicFile::commit). Dropped before, it leaves
/// nothing behind.
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    temp: PathBuf,
    path: PathBuf,
    done: bool,
}

/// How the temporary files of [`AtomicFile`] begin, so that a later run can tell and remove them.
pub const TEMP_PREFIX: &str = ".sealift-";
/// How those begin that are locked as long as somebody writes them.
const LOCKED_PREFIX: &str = ".sealift-locked-";
/// How often a locked file is made that another run takes for a leftover before it is locked.
const ATTEMPTS: usize = 8;

impl AtomicFile {
    /// Starts a file that will be `path`, in the same folder, readable as `mode` says.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(path: &Path, mode: u32) -> Result<AtomicFile> {
        AtomicFile::begin(path, mode, TEMP_PREFIX)
    }

    /// As [`create`](AtomicFile::create), for a file that takes its time in a folder that is not
    /// ours alone: it is locked, so that [`sweep`] can tell it from what a killed run left.
    ///
    /// # Errors
    /// As [`create`](AtomicFile::create).
    pub fn create_locked(path: &Path, mode: u32) -> Result<AtomicFile> {
        for _ in 0..ATTEMPTS {
            let file = AtomicFile::begin(path, mode, LOCKED_PREFIX)?;
            // Between making and locking it, another run may have swept it away.
            match lock(&file.file, &file.temp) {
                Err(e) if e.class() == Class::Usage => {}
                locked => return locked.map(|()| file),
            }
        }
        let text = format!("another program removes what is written into {}", path.display());
        Err(Error::new(Class::Other, text))
    }

    fn begin(path: &Path, mode: u32, prefix: &str) -> Result<AtomicFile> {
        let folder = parent(path);
        let random = getrandom::u64()
            .map_err(|e| Error::io("cannot get randomness", io::Error::other(e.to_string())))?;
        let temp = folder.join(format!("{prefix}{random:016x}"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temp)
            .map_err(|e| Error::io(format!("cannot write into {}", folder.display()), e))?;
        Ok(AtomicFile { file, temp, path: path.to_owned(), done: false })
    }

    /// Takes back what was written behind the first `len` bytes.
    ///
    /// # Errors
    /// When the disk reports a fault.
    pub fn rewind(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(io::SeekFrom::Start(len)).map(drop)
    }

    /// Syncs the file and gives it its name, replacing what stood there.
    ///
    /// # Errors
    /// When the bytes do not reach the disk; then nothing has changed.
    pub fn commit(self) -> Result<()> {
        self.finish(|temp, path| std::fs::rename(temp, path))
    }

    /// Syncs the file and gives it its name, unless that is taken.
    ///
    /// # Errors
    /// As [`commit`](AtomicFile::commit), and when something stands there already.
    pub fn commit_new(self) -> Result<()> {
        self.finish(|temp, path| {
            std::fs::hard_link(temp, path).or_else(|e| match e.kind() {
                // FAT and some network file systems have no hard links.
                io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied if !path.exists() => {
                    std::fs::rename(temp, path)
                }
                _ => Err(e),
            })?;
            match std::fs::remove_file(temp) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            }
        })
    }

    fn finish(mut self, name: impl FnOnce(&Path, &Path) -> io::Result<()>) -> Result<()> {
        let fault = |e| Error::io(format!("cannot write {}", self.path.display()), e);
        self.file.sync_all().map_err(fault)?;
        name(&self.temp, &self.path).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => {
                let text = format!("{} exists: another program made it", self.path.display());
                Error::new(Class::Refused, text).hint("see what it is, or choose another name")
            }
            _ => fault(e),
        })?;
        self.done = true;
        sync_folder(parent(&self.path))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.done {
            // Nothing better can be done about a leftover than to leave it: a later run removes it.
            let _ = std::fs::remove_file(&self.temp);
        }
    }
}

/// A file in `folder` that has no name: it is gone once it is closed, however the program ends.
///
/// # Errors
/// When the folder cannot be written.
pub fn nameless(folder: &Path) -> Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    if let Ok(file) = open(folder, flags, Mode::RUSR | Mode::WUSR) {
        return Ok(file.into());
    }
    // Not every file system can do that; then the name is taken away at once.
    let named = AtomicFile::create(&folder.join("x"), 0o600)?;
    named.file.try_clone().map_err(|e| Error::io(format!("cannot open {}", folder.display()), e))
}

/// The folder of `path`; `.` for a bare name.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the names in `folder` durable.
///
/// # Errors
/// When the disk reports a fault. File systems that cannot sync a folder are taken at their word.
pub fn sync_folder(folder: &Path) -> Result<()> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    match synced {
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => Ok(()),
        other => other.map_err(|e| Error::io(format!("cannot sync {}", folder.display()), e)),
    }
}

/// Whether `path`, which need not be there yet, is `other` or lies in it, by whatever name.
#[must_use]
pub fn lies_in(path: &Path, other: &Path) -> bool {
    let there = path.ancestors().find_map(|part| match part.as_os_str().is_empty() {
        true => std::fs::canonicalize(".").ok(),
        false => std::fs::canonicalize(part).ok(),
    });
    there.is_some_and(|there| std::fs::canonicalize(other).is_ok_and(|o| there.starts_with(o)))
}

/// Makes the names in the folder that holds `path` durable.
///
/// # Errors
/// As [`sync_folder`].
pub fn sync_parent(path: &Path) -> Result<()> {
    sync_folder(parent(path))
}

/// Keeps every other sealift from writing `path`, which is open as `file`, until that is closed.
///
/// # Errors
/// [`Class::Usage`] when another one is at it. File systems without locks are taken as they are.
pub fn lock(file: &File, path: &Path) -> Result<()> {
    use rustix::fs::{FlockOperation, flock, fstat, stat};
    use rustix::io::Errno;
    let taken = || {
        let text = format!("another sealift is writing {}", path.display());
        Error::new(Class::Usage, text).hint("wait for it, or choose another name")
    };
    let fault = |e: Errno| Error::io(format!("cannot lock {}", path.display()), e.into());
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK) => {}
        Err(Errno::WOULDBLOCK) => return Err(taken()),
        Err(e) => return Err(fault(e)),
    }
    // Between opening and locking the other one may have finished, and given the file its name.
    let (ours, there) = (fstat(file).map_err(fault)?, stat(path));
    match there {
        Ok(there) if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino) => Ok(()),
        Ok(_) | Err(Errno::NOENT) => Err(taken()),
        Err(e) => Err(fault(e)),
    }
}

/// Removes from `folder` what killed runs left of files made by
/// [`create_locked`](AtomicFile::create_locked). Those that somebody still writes stay, and all
/// of them where the file system has no locks and nobody can tell. No such folder: nothing to do.
///
/// # Errors
/// When the folder cannot be read or a leftover not be removed.
pub fn sweep(folder: &Path) -> Result<()> {
    use rustix::fs::{FlockOperation, flock};
    let fault = |e| Error::io(format!("cannot clean up in {}", folder.display()), e);
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(fault)?,
    };
    for entry in entries {
        let entry = entry.map_err(fault)?;
        let ours = entry.file_name().to_string_lossy().starts_with(LOCKED_PREFIX);
        if !ours || !entry.file_type().map_err(fault)?.is_file() {
            continue;
        }
        // Another run may be sweeping too, or the writer finish: then it is gone, as it should be.
        let Ok(file) = File::open(entry.path()) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            match std::fs::remove_file(entry.path()) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(fault(e)),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Writes `bytes` as `path`, whole or not at all.
///
/// # Errors
/// As [`AtomicFile::commit`].
pub fn write_whole(path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path, mode)?;
    file.write_all(bytes).map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");

        let mut file = AtomicFile::create(&path, 0o644).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);

        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_got_its_name_meanwhile_is_not_locked() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, done) = (folder.path().join("x.partial"), folder.path().join("x"));
        std::fs::write(&partial, "finished").unwrap();

        let file = File::open(&partial).unwrap();
        std::fs::rename(&partial, &done).unwrap();

        assert_eq!(lock(&file, &partial).unwrap_err().class(), Class::Usage);
        std::fs::write(&partial, "another one").unwrap();
        assert_eq!(lock(&file, &partial).unwrap_err().class(), Class::Usage);
        lock(&file, &done).unwrap();
    }

    #[test]
    fn a_file_is_locked_until_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let open = || File::open(folder.path()).unwrap();
        let held = open();

        lock(&held, folder.path()).unwrap();

        assert_eq!(lock(&open(), folder.path()).unwrap_err().class(), Class::Usage);
        drop(held);
        lock(&open(), folder.path()).unwrap();
    }

    #[test]
    fn a_path_lies_in_a_folder_by_whatever_name_and_before_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("a")).unwrap();
        std::fs::write(at("file"), "").unwrap();
        std::os::unix::fs::symlink("a", at("link")).unwrap();

        for inside in ["a", "a/x/y", "link", "link/x", "a/../a"] {
            assert!(lies_in(&at(inside), &at("a")), "{inside}");
        }
        assert!(lies_in(&at("file"), &at("file")));
        for outside in ["b", "ab", "file", "a/.."] {
            assert!(!lies_in(&at(outside), &at("a")), "{outside}");
        }
        assert!(!lies_in(&at("a"), &at("nowhere")));
    }

    #[test]
    fn what_is_being_written_is_not_swept_away_and_what_was_left_is() {
        let folder = tempfile::tempdir().unwrap();
        let (left, other) = (folder.path().join(".sealift-locked-1"), folder.path().join(".x"));
        std::fs::write(&left, "half").unwrap();
        std::fs::write(&other, "of somebody else").unwrap();

        let mut file = AtomicFile::create_locked(&folder.path().join("x"), 0o644).unwrap();
        sweep(folder.path()).unwrap();

        assert!(!left.exists() && other.exists());
        file.write_all(b"abcdef").unwrap();
        file.rewind(2).unwrap();
        file.write_all(b"x").unwrap();
        file.commit().unwrap();
        assert_eq!(std::fs::read(folder.path().join("x")).unwrap(), b"abx");
        sweep(&folder.path().join("nowhere")).unwrap();
    }

    #[test]
    fn a_secret_is_never_readable_by_others_not_even_unfinished() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();

        let file = AtomicFile::create(&folder.path().join("key"), 0o600).unwrap();

        let mode = std::fs::metadata(&file.temp).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_new_file_never_replaces_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");

        AtomicFile::create(&path, 0o600).unwrap().commit_new().unwrap();
        let error = AtomicFile::create(&path, 0o600).unwrap().commit_new().unwrap_err();

        assert!(error.to_string().contains("exists"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
