//! [`AtomicFile`]: a final name means a finished, synced file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
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

impl AtomicFile {
    /// Starts a file that will be `path`, in the same folder, readable as `mode` says.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(path: &Path, mode: u32) -> Result<AtomicFile> {
        let folder = parent(path);
        let random = getrandom::u64()
            .map_err(|e| Error::io("cannot get randomness", io::Error::other(e.to_string())))?;
        let temp = folder.join(format!("{TEMP_PREFIX}{random:016x}"));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&temp)
            .map_err(|e| Error::io(format!("cannot write into {}", folder.display()), e))?;
        Ok(AtomicFile { file, temp, path: path.to_owned(), done: false })
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
        name(&self.temp, &self.path).map_err(fault)?;
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
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS) => {}
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
