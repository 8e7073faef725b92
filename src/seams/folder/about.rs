//! [`About`]: what stands under a name.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{FileType, Stat};

use crate::words::error::{Class, Error, Result};

/// Permissions by which others may write: of the group, and of everybody.
const OTHERS_WRITE: u32 = 0o022;

/// What stands under a name.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// What it is; a link is a link.
    pub kind: FileType,
    /// How many bytes it has.
    pub size: u64,
    /// How many of them the disk has room for so far.
    pub allocated: u64,
    /// When it was changed, in seconds since 1970.
    pub changed: i64,
    owner: u32,
    mode: u32,
    links: u64,
    /// What tells it from everything else.
    pub(super) identity: (u64, u64),
}

impl From<Stat> for About {
    fn from(stat: Stat) -> About {
        #[expect(clippy::unnecessary_cast, reason = "the types differ between architectures")]
        About {
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

impl About {
    /// What is open.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn of(open: impl AsFd) -> io::Result<About> {
        Ok(rustix::fs::fstat(open)?.into())
    }

    /// Whether it belongs to the user who runs this.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.owner == rustix::process::geteuid().as_raw()
    }

    /// Refuses what another may have made, or may still change: `path` is what was left behind.
    ///
    /// # Errors
    /// [`Class::Refused`], with the way out.
    pub fn refuse_foreign(&self, path: &Path) -> Result<()> {
        let why = match self {
            _ if !self.is_own() => "belongs to another user",
            _ if self.mode & OTHERS_WRITE != 0 => "can be written by other users",
            _ if self.kind == FileType::RegularFile && self.links > 1 => "has a second name",
            _ => return Ok(()),
        };
        let text = format!("{} was left behind and {why}: it is not used", path.display());
        Err(Error::new(Class::Refused, text)
            .hint("remove it, or choose another name, or a folder that only you may write"))
    }
}
