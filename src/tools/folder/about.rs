//! [`FileInfo`]: what stands under a name.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{FileType, Stat};

/// What stands under a name.
#[derive(Debug, Clone, Copy)]
pub struct FileInfo {
    /// What it is; a link is a link.
    pub kind: FileType,
    /// How many bytes it has.
    pub size: u64,
    /// How many of them the disk has room for so far.
    pub allocated: u64,
    /// When it was changed, in seconds since 1970.
    pub changed: i64,
    pub(super) owner: u32,
    pub(super) mode: u32,
    pub(super) links: u64,
    /// What tells it from everything else.
    pub(super) identity: (u64, u64),
}

impl From<Stat> for FileInfo {
    fn from(stat: Stat) -> FileInfo {
        #[expect(clippy::unnecessary_cast, reason = "the types differ between architectures")]
        FileInfo {
            kind: FileType::from_raw_mode(stat.st_mode),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            // The system counts in units of 512 bytes, whatever the disk's blocks are.
            allocated: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
            changed: stat.st_mtime as i64,
            owner: stat.st_uid,
            mode: stat.st_mode,
            links: stat.st_nlink as u64,
            identity: (stat.st_dev as u64, stat.st_ino as u64),
        }
    }
}

impl FileInfo {
    /// What is open.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn of(open: impl AsFd) -> io::Result<FileInfo> {
        Ok(rustix::fs::fstat(open)?.into())
    }

    /// Whether both are of one file, whatever it is called.
    #[must_use]
    pub fn is_of_same(&self, other: &FileInfo) -> bool {
        self.identity == other.identity
    }

    /// Who may read and write it.
    #[must_use]
    pub fn permissions(&self) -> u32 {
        self.mode & 0o777
    }
}
