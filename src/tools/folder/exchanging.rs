//! Two names exchanged in one step, so that neither is ever missing.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{RenameFlags, renameat_with};

use super::about::FileInfo;
use super::{Folder, one};

impl Folder {
    /// Gives what is open as `one` the name of `other`, and the other way round, at once. Each comes
    /// with the name that it has in this folder.
    ///
    /// # Errors
    /// When the file system cannot, or something else has one of the names; nothing has changed then.
    pub fn exchange(
        &self,
        (name, open): (impl AsRef<OsStr>, impl AsFd),
        (other, other_open): (impl AsRef<OsStr>, impl AsFd),
    ) -> io::Result<()> {
        let (name, other) = (one(name.as_ref())?, one(other.as_ref())?);
        let (about, other_about) = (FileInfo::of(open)?, FileInfo::of(other_open)?);
        self.compare(name, &about)?;
        self.compare(other, &other_about)?;
        let exchange =
            || renameat_with(self.handle(), name, self.handle(), other, RenameFlags::EXCHANGE);
        exchange()?;
        let right = self.compare(other, &about).and_then(|()| self.compare(name, &other_about));
        right.inspect_err(|_| {
            // Nothing better can be done where that fails: the error is told in any case.
            let _ = exchange();
        })
    }

    /// Whether `open` lies on the file system of this folder, and is no other that is mounted in it.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn is_beside(&self, open: impl AsFd) -> io::Result<bool> {
        let (own, _) = FileInfo::of(self.handle())?.identity;
        Ok(FileInfo::of(open)?.identity.0 == own)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn two_names_are_exchanged_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("a")).unwrap();
        std::fs::create_dir(at("b")).unwrap();
        std::fs::write(at("a/x"), "").unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let open = |name: &str| File::open(at(name)).unwrap();
        let (a, b) = (open("a"), open("b"));

        folder.exchange(("a", &a), ("b", &b)).unwrap();

        assert!(at("b/x").exists() && !at("a/x").exists());
        // Now each has the name of the other.
        assert!(folder.exchange(("a", &a), ("b", &b)).is_err());
        assert!(at("b/x").exists());
        assert!(folder.exchange(("b", &a), ("nothing", &b)).is_err());
        assert!(folder.is_beside(&a).unwrap());
    }
}
