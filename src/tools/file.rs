//! [`AtomicFile`]: a final name means a finished, synced file.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek as _, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::{FileType, FlockOperation, Mode, OFlags, flock};

use super::folder::{FileInfo, Folder, Replace};
use super::lock::lock;
use super::uncached::sync;
use crate::words::error::{Class, Error, Result, Subject};

/// A file that gets its name only by [`commit`](AtomicFile::commit). Dropped before, it leaves
/// nothing behind, unless it is [`continued`](AtomicFile::continued).
#[derive(Debug)]
pub struct AtomicFile {
    file: File,
    folder: Folder,
    temp: OsString,
    name: OsString,
    /// Whether what is unfinished stays, for the next run to go on with.
    stays: bool,
    done: bool,
}

/// How the temporary files of [`AtomicFile`] begin, so that a later run can tell and remove them.
pub const TEMP_PREFIX: &str = ".sealift-";
/// How those begin that are locked as long as somebody writes them.
const LOCKED_PREFIX: &str = ".sealift-locked-";
/// How those begin that the next run goes on with.
const PART_PREFIX: &str = ".sealift-part-";
/// How often a locked file is made that another run takes for a leftover before it is locked.
const ATTEMPTS: usize = 8;

impl AtomicFile {
    /// Starts a file that will be `path`, in the same folder, readable as `mode` says.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(path: &Path, mode: u32) -> Result<AtomicFile> {
        let (folder, name) = Folder::holding(path)?;
        AtomicFile::within(&folder, name, mode)
    }

    /// Starts a file that will be `name` in `folder`.
    ///
    /// # Errors
    /// As [`create`](AtomicFile::create).
    pub fn within(folder: &Folder, name: impl Into<OsString>, mode: u32) -> Result<AtomicFile> {
        AtomicFile::begin(folder, name.into(), mode, TEMP_PREFIX)
    }

    /// As [`create`](AtomicFile::create), for a file that takes its time in a folder that is not
    /// ours alone: it is locked, so that [`sweep`] can tell it from what a killed run left.
    ///
    /// # Errors
    /// As [`create`](AtomicFile::create).
    pub fn create_locked(path: &Path, mode: u32) -> Result<AtomicFile> {
        let (folder, name) = Folder::holding(path)?;
        AtomicFile::locked_within(&folder, name, mode)
    }

    /// As [`create_locked`](AtomicFile::create_locked), for a file that will be `name` in `folder`.
    ///
    /// # Errors
    /// As [`create`](AtomicFile::create).
    pub fn locked_within(
        folder: &Folder,
        name: impl Into<OsString>,
        mode: u32,
    ) -> Result<AtomicFile> {
        let name = name.into();
        for _ in 0..ATTEMPTS {
            let file = AtomicFile::begin(folder, name.clone(), mode, LOCKED_PREFIX)?;
            // Between making and locking it, another run may have swept it away.
            match lock(&file.file, &file.folder, &file.temp) {
                Err(e) if e.class() == Class::Busy => {}
                locked => return locked.map(|()| file),
            }
        }
        let text =
            format!("another program removes what is written into {}", folder.path().display());
        Err(Error::new(Class::Other, text))
    }

    /// Starts or goes on with a file that will be `name` in `folder`, and stays as far as it is
    /// when it is dropped. Gives how many bytes are there, which nobody has looked at; it is
    /// written behind them. Only one run at a time may have it, so `folder` is one that is locked.
    ///
    /// # Errors
    /// As [`create`](AtomicFile::create), and [`Class::Refused`] for what is there and not ours.
    pub fn continued(folder: &Folder, name: &str, mode: u32) -> Result<(AtomicFile, u64)> {
        let temp = OsString::from(format!("{PART_PREFIX}{name}"));
        let path = folder.at(&temp);
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        let mut file = match folder.file_to_write(&temp) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                folder.create(&temp, mode).map_err(fault)?
            }
            other => other.map_err(fault)?,
        };
        FileInfo::of(&file).map_err(fault)?.refuse_foreign(folder, &path)?;
        let there = file.seek(io::SeekFrom::End(0)).map_err(fault)?;
        let (folder, name) = (folder.clone(), name.into());
        Ok((AtomicFile { file, folder, temp, name, stays: true, done: false }, there))
    }

    fn begin(folder: &Folder, name: OsString, mode: u32, prefix: &str) -> Result<AtomicFile> {
        refuse_special(folder, &name)?;
        let random = getrandom::u64()
            .map_err(|e| Error::io("cannot get randomness", io::Error::other(e.to_string())))?;
        let temp = OsString::from(format!("{prefix}{random:016x}"));
        let file = folder
            .create(&temp, mode)
            .map_err(|e| Error::io(format!("cannot write into {}", folder.path().display()), e))?;
        Ok(AtomicFile { file, folder: folder.clone(), temp, name, stays: false, done: false })
    }

    /// Takes the bytes of `other` for its own without copying them, until one of them is changed;
    /// whether the file system could.
    #[must_use]
    pub fn reflink(&self, other: &File) -> bool {
        rustix::fs::ioctl_ficlone(&self.file, other).is_ok()
    }

    /// Writes `bytes` where byte `at` is to be, whatever is there so far.
    ///
    /// # Errors
    /// When the disk reports a fault.
    pub fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    /// Takes back what was written behind the first `len` bytes.
    ///
    /// # Errors
    /// When the disk reports a fault.
    pub fn rewind(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(io::SeekFrom::Start(len)).map(drop)
    }

    /// The file from its beginning, to be read.
    ///
    /// # Errors
    /// When the disk reports a fault.
    pub fn read_back(&mut self) -> io::Result<&mut File> {
        self.file.seek(io::SeekFrom::Start(0))?;
        Ok(&mut self.file)
    }

    /// Leaves nothing behind after all.
    pub fn discard(mut self) {
        self.stays = false;
    }

    /// Syncs the file and gives it its name, replacing what stood there.
    ///
    /// # Errors
    /// When the bytes do not reach the disk; then nothing has changed. [`Class::Refused`] when
    /// somebody else put something in its place.
    pub fn commit(self) -> Result<()> {
        self.finish(Replace::Yes)
    }

    /// The folder that it is in.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Syncs the file and gives it its name, unless that is taken.
    ///
    /// # Errors
    /// As [`commit`](AtomicFile::commit), and when something stands there already.
    pub fn commit_new(self) -> Result<()> {
        self.finish(Replace::No)
    }

    /// As [`commit_new`](AtomicFile::commit_new), under its name in `folder`, which is of the same file
    /// system: where nobody may see that anything is being made.
    ///
    /// # Errors
    /// As there.
    pub fn commit_new_into(self, folder: &Folder) -> Result<()> {
        self.finish_in(folder, Replace::No)
    }

    fn finish(self, replace: Replace) -> Result<()> {
        let folder = self.folder.clone();
        self.finish_in(&folder, replace)
    }

    fn finish_in(mut self, folder: &Folder, replace: Replace) -> Result<()> {
        let path = folder.at(&self.name);
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        sync(&self.file).map_err(fault)?;
        let to = (folder, &self.name);
        self.folder.rename_into(&self.temp, to, &self.file, replace).map_err(|e| {
            match e.kind() {
                io::ErrorKind::AlreadyExists => {
                    let text = format!("{} exists: another program made it", path.display());
                    Error::new(Class::Refused, text).hint("see what it is, or choose another name")
                }
                _ => fault(e),
            }
        })?;
        self.done = true;
        folder.sync()
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
        if !self.done && !self.stays {
            // Nothing better can be done about a leftover than to leave it: a later run removes it.
            let _ = self.folder.remove(&self.temp);
        }
    }
}

/// Refuses to put a file in the place of something that is none: as root it would take the system's
/// own, `/dev/full` for instance, away from all others.
fn refuse_special(folder: &Folder, name: &OsStr) -> Result<()> {
    let path = folder.at(name);
    let fault = |e| Error::io(format!("cannot look at {}", path.display()), e);
    let is_special = folder.look(name).map_err(fault)?.is_some_and(|about| {
        !matches!(about.kind, FileType::RegularFile | FileType::Symlink | FileType::Directory)
    });
    match is_special {
        true => {
            let text = format!("{} is a device, pipe or socket, not a file", path.display());
            Err(Error::new(Class::Refused, text)
                .subject(Subject::Path(path))
                .hint("nothing was put in its place; name a file"))
        }
        false => Ok(()),
    }
}

/// Whether `name` is that of an unfinished file which the next run goes on with.
#[must_use]
pub fn is_part(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(PART_PREFIX)
}

/// Whether `name` is that of a file which [`sweep`] removes where nobody writes it.
#[must_use]
pub fn is_leftover(name: &str) -> bool {
    let random = name.strip_prefix(LOCKED_PREFIX).unwrap_or_default();
    random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// How many bytes of `name` in `folder` are there to go on with.
#[must_use]
pub fn part_of(folder: &Folder, name: &str) -> u64 {
    let there = folder.look(format!("{PART_PREFIX}{name}"));
    there.ok().flatten().map_or(0, |about| about.size)
}

/// A file in `folder` that has no name: it is gone once it is closed, however the program ends.
///
/// # Errors
/// When the folder cannot be written.
pub fn nameless(folder: &Path) -> Result<File> {
    let fault = |e| Error::io(format!("cannot open {}", folder.display()), e);
    let folder = Folder::open(folder).map_err(fault)?;
    if let Ok(file) = folder.create_nameless() {
        return Ok(file);
    }
    // Not every file system can do that; then the name is taken away at once.
    let named = AtomicFile::within(&folder, "x", 0o600)?;
    named.file.try_clone().map_err(fault)
}

/// Opens the regular file that the user calls `path`, to be read: links in it are followed, and a pipe,
/// which may lie on somebody else's medium, does not block.
///
/// # Errors
/// When it is not there, or may not be read; `InvalidData` for anything else than a file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let open = rustix::fs::open(path, flags, Mode::empty())?;
    match FileInfo::of(&open)?.kind {
        FileType::RegularFile => Ok(File::from(open)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file")),
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

/// Removes from `folder` what killed runs left of files made by
/// [`create_locked`](AtomicFile::create_locked). Those that somebody still writes stay, and all
/// of them where the file system has no locks and nobody can tell; so do those of other users. No
/// such folder: nothing to do.
///
/// # Errors
/// When the folder cannot be read or a leftover not be removed.
pub fn sweep(folder: &Path) -> Result<()> {
    match Folder::open(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io(format!("cannot clean up in {}", folder.display()), e)),
        Ok(folder) => sweep_in(&folder),
    }
}

/// As [`sweep`], in a folder that is open.
///
/// # Errors
/// As there.
pub fn sweep_in(folder: &Folder) -> Result<()> {
    let fault = |e| Error::io(format!("cannot clean up in {}", folder.path().display()), e);
    for name in folder.names().map_err(fault)? {
        if !name.to_string_lossy().starts_with(LOCKED_PREFIX) {
            continue;
        }
        let about = folder.look(&name).map_err(fault)?;
        if !about.is_some_and(|about| about.kind == FileType::RegularFile && about.is_own(folder)) {
            continue;
        }
        // Another run may be sweeping too, or the writer finish: then it is gone, as it should be.
        let Ok(file) = folder.file(&name) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            folder.remove(&name).map_err(fault)?;
        }
    }
    Ok(())
}

/// Writes `bytes` as `name` in `folder`, whole or not at all.
///
/// # Errors
/// As [`AtomicFile::commit`].
pub fn write_whole(folder: &Folder, name: &str, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::within(folder, name, mode)?;
    let fault = |e| Error::io(format!("cannot write {}", folder.at(name).display()), e);
    file.write_all(bytes).map_err(fault)?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();

        let error = AtomicFile::create(&path, 0o600).unwrap_err();

        assert_eq!(error.class(), Class::Refused);
        assert!(error.message().contains("is a device, pipe or socket"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_opened_is_a_file_and_a_pipe_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", at("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), Mode::RUSR | Mode::WUSR).unwrap();

        assert!(open_regular(&at("file")).is_ok() && open_regular(&at("link")).is_ok());
        for (bad, kind) in [
            ("pipe", io::ErrorKind::InvalidData),
            (".", io::ErrorKind::InvalidData),
            ("none", io::ErrorKind::NotFound),
        ] {
            assert_eq!(open_regular(&at(bad)).unwrap_err().kind(), kind, "{bad}");
        }
    }

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

        let mode = std::fs::metadata(folder.path().join(&file.temp)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_was_put_in_the_place_of_what_was_written_gets_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let mut file = AtomicFile::create(&path, 0o600).unwrap();
        file.write_all(b"mine").unwrap();
        let temp = folder.path().join(&file.temp);
        std::fs::remove_file(&temp).unwrap();
        std::fs::write(&temp, "theirs").unwrap();

        let error = file.commit().unwrap_err();

        assert_eq!(error.class(), Class::Refused, "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn what_is_unfinished_stays_where_the_next_run_goes_on_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = Folder::open(folder.path()).unwrap();

        let (mut first, there) = AtomicFile::continued(&at, "x", 0o644).unwrap();
        first.write_all(b"half").unwrap();
        drop(first);
        assert_eq!((there, part_of(&at, "x")), (0, 4));
        let (mut second, there) = AtomicFile::continued(&at, "x", 0o644).unwrap();
        assert_eq!(there, 4);
        second.write_all(b" and half").unwrap();
        second.commit().unwrap();

        assert_eq!(std::fs::read(folder.path().join("x")).unwrap(), b"half and half");
        AtomicFile::continued(&at, "y", 0o644).unwrap().0.discard();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
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
