//! What one sealift writes, no other writes at the same time.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::folder::Folder;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};

/// Keeps every other sealift from writing `name` in `folder`, which is open as `open`, until that
/// is closed.
///
/// # Errors
/// [`Class::Busy`] when another one is at it. File systems without locks are taken as they are.
pub fn lock(open: impl AsFd, folder: &Folder, name: impl AsRef<OsStr>) -> Result<()> {
    let path = folder.at(name.as_ref());
    hold(&open, &path)?;
    // Between opening and locking the other one may have finished, and given the file its name.
    match folder.is(name, &open) {
        Ok(true) => Ok(()),
        Ok(false) => Err(busy(&path)),
        Err(e) => Err(Error::io(format!("cannot lock {}", path.display()), e)),
    }
}

/// Keeps every other sealift from writing into `folder` until all its clones are dropped.
///
/// # Errors
/// As [`lock`].
pub fn lock_folder(folder: &Folder) -> Result<()> {
    hold(folder.handle(), folder.path())
}

/// As [`lock_folder`], and waits while another one is at it, for as long as `patience` or until
/// `cancel` says stop; `path` is what is to be written in it.
///
/// # Errors
/// As [`lock`].
pub fn lock_patiently(
    folder: &Folder,
    path: &Path,
    patience: Duration,
    cancel: &Cancel,
) -> Result<()> {
    let begun = Instant::now();
    loop {
        match hold(folder.handle(), path) {
            Err(e) if e.class() == Class::Busy && begun.elapsed() < patience => {
                cancel.check()?;
                std::thread::sleep(LOOK_AGAIN);
            }
            other => return other,
        }
    }
}

/// How often a lock that another one has is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

fn hold(open: impl AsFd, path: &Path) -> Result<()> {
    match flock(open, FlockOperation::NonBlockingLockExclusive) {
        // NFS locks only what is open for writing, which no folder is.
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::NOLCK | Errno::BADF) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(busy(path)),
        Err(e) => Err(Error::io(format!("cannot lock {}", path.display()), e.into())),
    }
}

fn busy(path: &Path) -> Error {
    let text = format!("another sealift is writing {}", path.display());
    Error::new(Class::Busy, text).hint("wait until it has ended, or choose another name")
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_that_got_its_name_meanwhile_is_not_locked() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, done) = (folder.path().join("x.partial"), folder.path().join("x"));
        std::fs::write(&partial, "finished").unwrap();

        let file = File::open(&partial).unwrap();
        let at = Folder::open(folder.path()).unwrap();
        std::fs::rename(&partial, &done).unwrap();

        assert_eq!(lock(&file, &at, "x.partial").unwrap_err().class(), Class::Busy);
        std::fs::write(&partial, "another one").unwrap();
        assert_eq!(lock(&file, &at, "x.partial").unwrap_err().class(), Class::Busy);
        lock(&file, &at, "x").unwrap();
    }

    #[test]
    fn a_folder_is_locked_until_it_is_closed_and_waiting_ends() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Folder::open(folder.path()).unwrap();
        let held = open();

        lock_folder(&held).unwrap();

        let error = lock_folder(&open()).unwrap_err();
        assert_eq!(error.class(), Class::Busy);
        let file = folder.path().join("auth.json");
        let patience = Duration::from_millis(200);
        let error = lock_patiently(&open(), &file, patience, &Cancel::default()).unwrap_err();
        assert_eq!(error.class(), Class::Busy);
        assert!(error.to_string().contains("auth.json"), "{error}");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                lock_patiently(&open(), &file, Duration::from_secs(60), &Cancel::default()).unwrap()
            });
            std::thread::sleep(Duration::from_millis(100));
            drop(held);
        });
        lock_folder(&open()).unwrap();
    }
}
