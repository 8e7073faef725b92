//! [`FileState`]: what tells whether a file changed.

use std::fs::File;
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

/// What the kernel says of a file. As long as it says the same, the bytes are the same, if it was
/// [steady](FileState::steady) when they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl FileState {
    /// What the kernel says of `file` now; nothing where it does not.
    #[must_use]
    pub fn of(file: &File) -> Option<FileState> {
        let stat = fstat(file).ok()?;
        // The types of these numbers differ between machines.
        #[allow(clippy::useless_conversion, clippy::unnecessary_fallible_conversions)]
        Some(FileState {
            device: u64::try_from(stat.st_dev).ok()?,
            inode: u64::try_from(stat.st_ino).ok()?,
            size: u64::try_from(stat.st_size).ok()?,
            modified: (i64::from(stat.st_mtime), u64::try_from(stat.st_mtime_nsec).ok()?),
            changed: (i64::from(stat.st_ctime), u64::try_from(stat.st_ctime_nsec).ok()?),
        })
    }

    /// This state of `file`, if any change from now on will show in it. Nothing
    /// on a file system that does not tell all changes, and nothing while the last change is so
    /// young that a further one could get the same time.
    ///
    /// The file is asked to write out what was changed through mapped memory. Once that is
    /// written, the next change through it gets a new time.
    #[must_use]
    pub fn steady(self, file: &File) -> Option<FileState> {
        let kind = fstatfs(file).ok()?.f_type;
        #[allow(clippy::cast_sign_loss, clippy::unnecessary_cast)]
        let telling = TELLING.contains(&(kind as u64 & 0xffff_ffff));
        if !telling || !self.is_old(SystemTime::now()) {
            return None;
        }
        fdatasync(file).ok()?;
        FileState::of(file).filter(|after| *after == self)
    }

    /// How many bytes there are.
    #[must_use]
    pub fn size(self) -> u64 {
        self.size
    }

    /// All that it says, as bytes.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let FileState { device, inode, size, modified, changed } = self;
        let numbers = [device, inode, size, modified.1, changed.1];
        let times = [modified.0, changed.0].map(i64::to_le_bytes);
        numbers.map(u64::to_le_bytes).into_iter().chain(times).flatten().collect()
    }

    /// Whether a change at `now` cannot have the time of the last one. A time that is still to
    /// come is not old: the clock was set back.
    fn is_old(self, now: SystemTime) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_old_when_the_next_one_must_have_another_time() {
        let state = |changed| FileState { device: 1, inode: 1, size: 1, modified: (0, 0), changed };
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
