//! Removing a folder with all that is in it, from its open handle: no name on the way is trusted to
//! lead to what it led to before.

use std::ffi::OsStr;
use std::io;

use rustix::fs::{AtFlags, FileType, unlinkat};
use rustix::io::Errno;

use super::{Folder, one};

/// Deepest folder that is looked into. What engines stage has a dozen levels; that of an unpacked
/// image could have as many as its maker likes.
const MAX_DEPTH: usize = 64;

impl Folder {
    /// Removes all that is in it. Links are removed, and not followed.
    ///
    /// # Errors
    /// When something cannot be removed; the rest is gone as far as that was reached.
    pub fn clear(&self) -> io::Result<()> {
        self.clear_within(MAX_DEPTH)
    }

    fn clear_within(&self, depth: usize) -> io::Result<()> {
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(io::Error::other("folders are nested too deep"));
        };
        for name in self.names()? {
            match self.look(&name)? {
                None => {}
                Some(about) if about.kind == FileType::Directory => {
                    self.below(&name)?.clear_within(deeper)?;
                    self.remove_empty(&name)?;
                }
                Some(_) => self.remove(&name)?,
            }
        }
        Ok(())
    }

    /// Removes the folder `name`, which is open as `open`, with all that is in it.
    ///
    /// # Errors
    /// As [`clear`](Folder::clear), and when something else has its name now.
    pub fn remove_folder(&self, name: impl AsRef<OsStr>, open: &Folder) -> io::Result<()> {
        open.clear()?;
        match self.is(name.as_ref(), open.handle())? {
            true => self.remove_empty(name.as_ref()),
            false => Err(io::Error::other("another folder has its name")),
        }
    }

    /// Removes what stands under `name`, be it a file or a folder with all that is in it. What is not
    /// there is gone already.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove_all(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        let name = name.as_ref();
        match self.look(name)? {
            None => Ok(()),
            Some(about) if about.kind == FileType::Directory => {
                self.remove_folder(name, &self.below(name)?)
            }
            Some(_) => self.remove(name),
        }
    }

    /// Removes the folder `name`, in which nothing is. What is not there is gone already.
    ///
    /// # Errors
    /// When something is in it, or the disk refuses.
    pub fn remove_empty(&self, name: &OsStr) -> io::Result<()> {
        match unlinkat(&*self.handle, one(name)?, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_goes_with_all_that_is_in_it_and_nothing_that_links_lead_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("mine/a/b/c")).unwrap();
        std::fs::create_dir(at("theirs")).unwrap();
        std::fs::write(at("theirs/precious"), "").unwrap();
        std::fs::write(at("mine/a/x"), "").unwrap();
        symlink(at("theirs"), at("mine/a/b/link")).unwrap();
        let above = Folder::open(folder.path()).unwrap();
        let mine = above.below("mine").unwrap();

        above.remove_folder("mine", &mine).unwrap();

        assert!(!at("mine").exists() && at("theirs/precious").exists());

        // Exchanged under our hands: what has the name now stays.
        std::fs::create_dir_all(at("mine/a")).unwrap();
        let mine = above.below("mine").unwrap();
        std::fs::rename(at("mine"), at("moved")).unwrap();
        std::fs::rename(at("theirs"), at("mine")).unwrap();

        above.remove_folder("mine", &mine).unwrap_err();

        assert!(at("mine/precious").exists() && !at("moved/a").exists());
    }
}
