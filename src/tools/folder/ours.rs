//! Whether what lies in a folder is ours, as far as its file system can tell.

use std::path::Path;

use rustix::fs::{FileType, fstatfs};

use super::Folder;
use super::about::FileInfo;
use super::keeping::{Keeping, foreign};
use crate::words::error::{Class, Error, Result};

fn me() -> u32 {
    rustix::process::geteuid().as_raw()
}

impl Folder {
    /// What its file system makes of owners.
    fn keeping(&self) -> Keeping {
        *self.keeping.get_or_init(|| {
            let kind = fstatfs(self.handle()).map_or(0, |about| i128::from(about.f_type));
            Keeping::of(kind, || {
                let name = format!(".sealift-{:016x}", getrandom::u64().ok()?);
                let made = self.create(&name, 0o600).ok()?;
                let about = FileInfo::of(&made).ok();
                // What stays is removed as any file that a killed run left.
                let _ = self.remove(&name);
                about
            })
        })
    }
}

impl FileInfo {
    /// Whether it belongs to the user who runs this, as far as its file system keeps owners: it lies
    /// in `folder`.
    #[must_use]
    pub fn is_own(&self, folder: &Folder) -> bool {
        foreign(self.owner, 0, me(), || folder.keeping()).is_none()
    }

    /// Whether it is the user's alone who runs this, as far as its file system keeps owners: it lies in
    /// `folder`. It may have a second name.
    #[must_use]
    pub fn is_ours(&self, folder: &Folder) -> bool {
        self.why_foreign(folder).is_none()
    }

    fn why_foreign(&self, folder: &Folder) -> Option<&'static str> {
        foreign(self.owner, self.mode, me(), || folder.keeping())
    }

    /// Why others than the user who runs this, and root, may change it, if they may.
    #[must_use]
    pub fn why_open(&self) -> Option<&'static str> {
        match self.mode & 0o022 {
            _ if self.owner != 0 && self.owner != me() => Some("belongs to another user"),
            0 => None,
            _ => Some("may be written by others"),
        }
    }

    /// Refuses what another may have made, or may still change: `path` is what was left behind in
    /// `folder`.
    ///
    /// # Errors
    /// [`Class::Refused`], with the way out.
    pub fn refuse_foreign(&self, folder: &Folder, path: &Path) -> Result<()> {
        let second = self.kind == FileType::RegularFile && self.links > 1;
        match second.then_some("has a second name").filter(|_| self.is_ours(folder)) {
            Some(why) => Err(not_used(path, why)),
            None => self.refuse_others(folder, path),
        }
    }

    /// As [`refuse_foreign`](FileInfo::refuse_foreign), of what is never written to, so that it may
    /// have a second name.
    ///
    /// # Errors
    /// As there.
    pub fn refuse_others(&self, folder: &Folder, path: &Path) -> Result<()> {
        self.why_foreign(folder).map_or(Ok(()), |why| Err(not_used(path, why)))
    }
}

fn not_used(path: &Path, why: &str) -> Error {
    Error::new(
        Class::Refused,
        format!("{} was left behind and {why}: it is not used", path.display()),
    )
    .hint("remove it, or choose another name, or a folder that only you may write")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_system_keeps_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = Folder::open(folder.path()).unwrap();

        assert!(matches!(at.keeping(), Keeping::Shown { open: 0, owner } if owner == me()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
    }
}
