//! [`NamedFile`]: a file that is to get a second name, in place of a copy of its bytes.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;

use super::folder::Folder;

/// A file, by the name that it has in a folder that is open.
#[derive(Debug, Clone)]
pub struct NamedFile {
    folder: Folder,
    name: OsString,
}

impl NamedFile {
    /// The file `name` in `folder`.
    #[must_use]
    pub fn new(folder: Folder, name: impl Into<OsString>) -> NamedFile {
        NamedFile { folder, name: name.into() }
    }

    /// Opens it, to be read.
    ///
    /// # Errors
    /// As [`Folder::file`].
    pub fn open(&self) -> io::Result<File> {
        self.folder.file(&self.name)
    }

    /// Calls it `name` in `folder` too, in place of what has that name; whether that could be done.
    /// Both names stand for one file then. So it is done with files of ours alone, and nobody may
    /// write them any more, unless the first name `passes`, as when its folder is about to go. Nobody
    /// knows whether its bytes are on the disk: see [`Folder::sync_disk`].
    ///
    /// # Errors
    /// Only where it cannot be opened, what stands in the way not be removed, or the disk is full or
    /// fails.
    pub fn link(&self, folder: &Folder, name: impl AsRef<OsStr>, passes: bool) -> io::Result<bool> {
        self.folder.link_file(&self.name, &self.open()?, folder, name.as_ref(), passes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    #[test]
    fn a_second_name_is_one_of_the_same_file_and_nobody_writes_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "bytes").unwrap();
        std::fs::write(dir.path().join("b"), "in the way").unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let file = NamedFile::new(folder.clone(), "a");
        let about = |name: &str| std::fs::metadata(dir.path().join(name)).unwrap();
        let before = about("a").permissions().mode();

        assert!(file.link(&folder, "b", true).unwrap());
        assert_eq!(about("a").ino(), about("b").ino());
        assert_eq!(about("a").permissions().mode(), before, "one of them goes soon");

        assert!(file.link(&folder, "c", false).unwrap());
        assert_eq!(about("c").permissions().mode() & 0o777, before & 0o555);
        assert_eq!(about("a").nlink(), 3);
    }

    #[test]
    fn what_others_may_write_and_what_is_no_file_gets_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "bytes").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        let folder = Folder::open(dir.path()).unwrap();

        assert!(!NamedFile::new(folder.clone(), "a").link(&folder, "b", false).unwrap());
        assert!(!dir.path().join("b").exists());
        assert!(NamedFile::new(folder.clone(), "link").link(&folder, "b", false).is_err());
    }
}
