//! [`About`]: what stands under a name.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{FileType, Stat, fstatfs};

use super::Folder;

use crate::words::error::{Class, Error, Result};

/// Permissions by which others may write: of the group, and of everybody.
const OTHERS_WRITE: u32 = 0o022;

/// What a file system makes of owners and permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// It keeps them.
    Owners,
    /// It keeps none, and shows the same of all.
    Nothing,
    /// What we make there belongs to `owner`, with the permissions `open` for others to write,
    /// whatever we ask for: how it was mounted says so, or whoever serves it.
    Shown {
        /// The user.
        owner: u32,
        /// Of [`OTHERS_WRITE`].
        open: u32,
    },
}

/// File systems that keep no owners: FAT, exFAT, NTFS.
const WITHOUT_OWNERS: [i128; 3] = [0x4d44, 0x2011_bab0, 0x7366_746e];
/// NFS keeps them, and may show others than it keeps.
const NFS: i128 = 0x6969;

impl Keeping {
    /// What the file system of the kind `kind` does, of which `made` is a file that we made there
    /// just now for nobody else, if there is one.
    fn of(kind: i128, made: impl FnOnce() -> Option<About>) -> Keeping {
        match kind {
            kind if WITHOUT_OWNERS.contains(&kind) => Keeping::Nothing,
            NFS => Keeping::Owners,
            _ => made().map_or(Keeping::Owners, |made| Keeping::Shown {
                owner: made.owner,
                open: made.mode & OTHERS_WRITE,
            }),
        }
    }
}

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Why what has this `owner` and `mode` may be another's than `me`, if it may. Only what seems so is
/// a reason to see what the file system does.
fn foreign(
    owner: u32,
    mode: u32,
    me: u32,
    keeping: impl FnOnce() -> Keeping,
) -> Option<&'static str> {
    let beside = |of: u32, open: u32| match mode & OTHERS_WRITE & !open {
        _ if owner != of => Some("belongs to another user"),
        0 => None,
        _ => Some("can be written by other users"),
    };
    beside(me, 0).and_then(|why| match keeping() {
        Keeping::Owners => Some(why),
        Keeping::Nothing => None,
        Keeping::Shown { owner, open } => beside(owner, open),
    })
}

impl Folder {
    /// What its file system makes of owners.
    fn keeping(&self) -> Keeping {
        *self.keeping.get_or_init(|| {
            let kind = fstatfs(self.handle()).map_or(0, |about| i128::from(about.f_type));
            Keeping::of(kind, || {
                let name = format!(".sealift-{:016x}", getrandom::u64().ok()?);
                let made = self.create(&name, 0o600).ok()?;
                let about = About::of(&made).ok();
                // What stays is removed as any file that a killed run left.
                let _ = self.remove(&name);
                about
            })
        })
    }
}

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

    /// Whether it belongs to the user who runs this, as far as its file system keeps owners: it lies
    /// in `folder`.
    #[must_use]
    pub fn is_own(&self, folder: &Folder) -> bool {
        foreign(self.owner, 0, me(), || folder.keeping()).is_none()
    }

    /// Refuses what another may have made, or may still change: `path` is what was left behind in
    /// `folder`.
    ///
    /// # Errors
    /// [`Class::Refused`], with the way out.
    pub fn refuse_foreign(&self, folder: &Folder, path: &Path) -> Result<()> {
        let second = self.kind == FileType::RegularFile && self.links > 1;
        let why = foreign(self.owner, self.mode, me(), || folder.keeping());
        let Some(why) = why.or(second.then_some("has a second name")) else { return Ok(()) };
        let text = format!("{} was left behind and {why}: it is not used", path.display());
        Err(Error::new(Class::Refused, text)
            .hint("remove it, or choose another name, or a folder that only you may write"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: &str = "belongs to another user";
    const OPEN: &str = "can be written by other users";

    #[test]
    fn a_leftover_is_ours_where_it_looks_as_what_we_make() {
        let kept = || Keeping::Owners;
        let shown = |owner, open| move || Keeping::Shown { owner, open };
        let nothing = || Keeping::Nothing;

        for (owner, mode, why) in [
            (7, 0o644, None),
            (8, 0o644, Some(SECOND)),
            (7, 0o664, Some(OPEN)),
            (7, 0o646, Some(OPEN)),
        ] {
            assert_eq!(foreign(owner, mode, 7, kept), why, "{owner} {mode:o}");
            // A file system that keeps owners shows what we make as ours.
            assert_eq!(foreign(owner, mode, 7, shown(7, 0)), why, "{owner} {mode:o}");
            assert_eq!(foreign(owner, mode, 7, nothing), None, "{owner} {mode:o}");
        }
        // A stick mounted for everybody; one mounted for another user, as for a desktop's, and used
        // by root.
        assert_eq!(foreign(7, 0o777, 7, shown(7, 0o022)), None);
        assert_eq!(foreign(1000, 0o755, 0, shown(1000, 0)), None);
        assert_eq!(foreign(1000, 0o777, 0, shown(1000, 0o022)), None);
        // What looks otherwise than all that we make there is not ours.
        assert_eq!(foreign(1001, 0o755, 0, shown(1000, 0)), Some(SECOND));
        assert_eq!(foreign(0, 0o755, 7, shown(1000, 0)), Some(SECOND));
        assert_eq!(foreign(1000, 0o757, 0, shown(1000, 0o020)), Some(OPEN));
    }

    #[test]
    fn what_a_file_system_keeps_is_known_by_its_kind_or_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = Folder::open(folder.path()).unwrap();

        assert!(matches!(at.keeping(), Keeping::Shown { open: 0, owner } if owner == me()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");

        let unasked = || unreachable!("nothing is made where it is known");
        for kind in [0x4d44, 0x2011_bab0, 0x7366_746e] {
            assert_eq!(Keeping::of(kind, unasked), Keeping::Nothing);
        }
        assert_eq!(Keeping::of(NFS, unasked), Keeping::Owners);
        // What lets nothing be made tells nothing.
        assert_eq!(Keeping::of(0xef53, || None), Keeping::Owners);
    }
}
