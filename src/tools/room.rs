//! Whether a disk has room for what is to come, asked before anything moves.

use std::path::Path;

use rustix::fs::{stat, statfs, statvfs};
use rustix::process::{Resource, getrlimit};

use crate::words::bytes::Bytes;
use crate::words::error::{Class, Error, ErrorKind, Result, Subject, too_large};

/// Room left free on the disk: file systems need some for their own tables.
const MARGIN: u64 = 16 << 20;

/// The disk that a path lies on, or will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What tells it from other disks.
    pub number: u64,
    /// How many bytes are free to the user.
    pub free: u64,
}

impl Disk {
    /// The disk of `path`; nothing where the system does not tell.
    #[must_use]
    pub fn of(path: &Path) -> Option<Disk> {
        let there = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
        let about = statvfs(there).ok().filter(|about| about.f_blocks > 0)?;
        let number = stat(there).ok()?.st_dev;
        Some(Disk { number, free: about.f_bavail.saturating_mul(about.f_frsize) })
    }
}

/// What FAT calls itself, and the size of its largest file.
const FAT: (i128, u64) = (0x4d44, 0xffff_ffff);

/// The most bytes that one file can have where `path` is, or will be, as far as the system tells: its
/// file system's own limit, and that of the user.
#[must_use]
pub fn largest_file(path: &Path) -> Option<u64> {
    let there = path.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let kind = statfs(there).ok().map(|about| i128::from(about.f_type));
    let of_system = kind.filter(|kind| *kind == FAT.0).map(|_| FAT.1);
    let of_user = getrlimit(Resource::Fsize).current;
    of_system.into_iter().chain(of_user).min()
}

/// Fails when a file of `size` bytes cannot be where `path` is. `what` begins the message.
///
/// # Errors
/// [`Class::NoRoom`], with both numbers.
pub fn check_file(path: &Path, size: u64, what: &str) -> Result<()> {
    match largest_file(path).filter(|most| *most < size) {
        Some(most) => {
            let text = format!(
                "{what} will have {}, and a file there can have {} at most",
                Bytes(size),
                Bytes(most)
            );
            Err(Error::new(Class::NoRoom, text)
                .of_kind(ErrorKind::FileTooLarge)
                .subject(Subject::Path(path.to_owned()))
                .hint(too_large()))
        }
        None => Ok(()),
    }
}

/// Fails when `needed` bytes do not fit where `path` is, or will be. `what` begins the message:
/// "no room `what`". A system that does not tell is taken to have room.
///
/// # Errors
/// [`Class::NoRoom`], with the numbers.
pub fn check(path: &Path, needed: u64, what: &str) -> Result<()> {
    let at = |error: Error| error.subject(Subject::Path(path.to_owned()));
    Disk::of(path).map_or(Ok(()), |disk| fits(needed, disk.free, what)).map_err(at)
}

/// As [`check`], where `room` bytes are free.
///
/// # Errors
/// [`Class::NoRoom`], with the numbers.
pub fn fits(needed: u64, room: u64, what: &str) -> Result<()> {
    match needed > 0 && needed.saturating_add(MARGIN) > room {
        true => {
            let text = format!(
                "no room {what}: {needed} bytes are to come, {MARGIN} have to stay free, and \
                 {room} are free there"
            );
            Err(Error::new(Class::NoRoom, text).of_kind(ErrorKind::NoSpace))
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_and_what_does_not_is_told_of_folders_that_will_be() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("not/yet/there");

        check(&below, 1, "here").unwrap();
        check(&below, 0, "here").unwrap();
        let error = check(&below, u64::MAX, "at x").unwrap_err();
        assert_eq!((error.class(), error.kind()), (Class::NoRoom, ErrorKind::NoSpace));
        assert_eq!(error.subjects(), [Subject::Path(below)]);
        assert!(error.to_string().starts_with("no room at x: "), "{error}");
    }
}
