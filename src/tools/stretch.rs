//! [`Stretch`]: bytes where they lie on a disk, and [`State`]: what tells whether they changed.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{fdatasync, fstat, fstatfs};

/// File systems that put down the time of every change, those through mapped memory as well, finer
/// than any that a user can set: ext2 to ext4, XFS and btrfs, by their magic numbers in `statfs`.
///
/// Not among them, with reasons: FAT and exFAT (two seconds, and whoever writes sets the time),
/// tmpfs (a change through mapped memory leaves no trace), overlays (may lie over a tmpfs), and
/// what other machines or programs keep (NFS, SMB, FUSE, 9p: what they say may be old).
const TELLING: [u64; 3] = [0xef53, 0x5846_5342, 0x9123_683e];

/// How far the time of a change may lie behind the clock: the kernel takes it from its last tick,
/// and the slowest one ticks a hundred times a second.
const TICK: Duration = Duration::from_millis(100);
/// The same where a file system keeps whole seconds only (ext3, and ext4 with small inodes).
const SECOND: Duration = Duration::from_millis(2_500);

/// Bytes of an open file.
#[derive(Debug, Clone)]
pub struct Stretch {
    file: Arc<File>,
    at: u64,
    size: u64,
}

/// What the kernel says of a file. As long as it says the same, the bytes are the same, if it was
/// [steady](Stretch::steady) when they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Stretch {
    /// `size` bytes of `file` from `at` on.
    #[must_use]
    pub fn new(file: Arc<File>, at: u64, size: u64) -> Stretch {
        Stretch { file, at, size }
    }

    /// The file, and where in it the bytes begin.
    #[must_use]
    pub fn place(&self) -> (&File, u64) {
        (&self.file, self.at)
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the bytes from `offset` on, by position: the file's own cursor stays where it is.
    #[must_use]
    pub fn reader(&self, offset: u64) -> impl Read + Send + 'static {
        let offset = offset.min(self.size);
        let file = Arc::clone(&self.file);
        Positioned { file, at: self.at + offset, left: self.size - offset }
    }

    /// What the kernel says of the file now; nothing where it does not.
    #[must_use]
    pub fn state(&self) -> Option<State> {
        let stat = fstat(&self.file).ok()?;
        // The types of these numbers differ between machines.
        #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions)]
        Some(State {
            device: u64::try_from(stat.st_dev).ok()?,
            inode: u64::try_from(stat.st_ino).ok()?,
            size: u64::try_from(stat.st_size).ok()?,
            modified: (i64::from(stat.st_mtime), u64::try_from(stat.st_mtime_nsec).ok()?),
            changed: (i64::from(stat.st_ctime), u64::try_from(stat.st_ctime_nsec).ok()?),
        })
    }

    /// The state of the file, if any change from now on will show in it. Nothing on a file system
    /// that does not tell all changes, and nothing while the last change is so young that a
    /// further one could get the same time.
    ///
    /// `known` is an earlier answer: a file that is still as it was then is not asked again to
    /// write out what was changed through mapped memory. Once that is written, the next change
    /// through it gets a new time.
    #[must_use]
    pub fn steady(&self, known: Option<State>) -> Option<State> {
        let before = self.state()?;
        if known == Some(before) {
            return known;
        }
        let kind = fstatfs(&self.file).ok()?.f_type;
        #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)]
        let telling = TELLING.contains(&(kind as u64 & 0xffff_ffff));
        if !telling || !before.is_old(SystemTime::now()) {
            return None;
        }
        fdatasync(&self.file).ok()?;
        self.state().filter(|after| *after == before)
    }
}

impl State {
    /// Whether a change at `now` cannot have the time of the last one. A time that is still to
    /// come is not old: the clock was set back.
    fn is_old(&self, now: SystemTime) -> bool {
        let (seconds, nanoseconds) = self.changed;
        let (Ok(seconds), Ok(now)) = (u64::try_from(seconds), now.duration_since(UNIX_EPOCH))
        else {
            return false;
        };
        let margin = if nanoseconds == 0 { SECOND } else { TICK };
        now.checked_sub(Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds))
            .is_some_and(|age| age > margin)
    }
}

/// A part of a file, by position.
struct Positioned {
    file: Arc<File>,
    at: u64,
    left: u64,
}

impl Read for Positioned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let got = loop {
            match self.file.read_at(&mut buffer[..want], self.at) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                got => break got?,
            }
        };
        self.at += got as u64;
        self.left -= got as u64;
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

    #[test]
    fn a_change_is_old_when_the_next_one_must_have_another_time() {
        let state = |changed| State { device: 1, inode: 1, size: 1, modified: (0, 0), changed };
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);

        for (changed, now, old) in [
            ((10, 5), at(10_050), false),
            ((10, 5), at(10_150), true),
            ((10, 0), at(10_150), false),
            ((10, 0), at(12_499), false),
            ((10, 0), at(12_501), true),
            ((20, 5), at(10_000), false),
            ((-1, 5), at(10_000), false),
        ] {
            assert_eq!(state(changed).is_old(now), old, "{changed:?} {now:?}");
        }
    }
}
