//! [`Scratch`]: a folder for what another program has to read from files, or stages.

use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use super::address::{is_random_name, random_name};
use crate::tools::file::write_whole;
use crate::tools::folder::Folder;
use crate::tools::lock::lock;
use crate::words::error::{Error, Result};

/// Permissions of a folder that only its owner may see.
const PRIVATE: u32 = 0o700;

/// A folder that only its owner may see. It goes with the value; one that was left behind by a
/// process that was killed goes with [`Driver::tidy`](super::Driver::tidy).
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Where it is, and by what name.
    above: Folder,
    name: String,
    /// Held open, and locked, for as long as the folder is in use.
    folder: Folder,
}

impl Scratch {
    /// Makes one in `folder`.
    ///
    /// # Errors
    /// When the disk refuses it.
    pub fn new(folder: &Path) -> Result<Scratch> {
        let name = random_name()?;
        let path = folder.join(&name);
        let fault = |e| Error::io(format!("cannot make {}", path.display()), e);
        let above = Folder::open(folder).map_err(fault)?;
        let folder = above.create_folder(&name, PRIVATE).map_err(fault)?;
        lock(folder.handle(), &above, &name)?;
        Ok(Scratch { path, above, name, folder })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder, open.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Removes of the folder `above` what runs that were killed have left in it.
    pub fn sweep(above: &Path) {
        sweep(above);
    }

    /// Writes the file `name` in it, below folders that need not be there, and gives its path.
    ///
    /// # Errors
    /// When the disk refuses it.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        let (mut folder, mut parts) = (self.folder.clone(), name.split('/').peekable());
        while let Some(part) = parts.next() {
            match parts.peek() {
                Some(_) => {
                    folder = folder.make_below(part, PRIVATE).map_err(|e| {
                        Error::io(format!("cannot make {}", folder.at(part).display()), e)
                    })?;
                }
                None => write_whole(&folder, part, 0o600, text.as_bytes())?,
            }
        }
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is swept by the next run.
        let _ = self.above.remove_folder(&self.name, &self.folder);
    }
}

/// Removes folders of ours that nobody holds any more.
pub(super) fn sweep(folder: &Path) {
    let Ok(above) = Folder::open(folder) else { return };
    for name in above.names().unwrap_or_default() {
        if !name.to_str().is_some_and(is_random_name) {
            continue;
        }
        let about = above.look(&name).ok().flatten();
        if !about.is_some_and(|about| about.kind == FileType::Directory && about.is_own(&above)) {
            continue;
        }
        let Ok(open) = above.below(&name) else { continue };
        if lock(open.handle(), &above, &name).is_ok() {
            // What cannot be removed now is left to the next run.
            let _ = above.remove_folder(&name, &open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_goes_with_its_value_and_one_left_behind_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(random_name().unwrap());
        std::fs::create_dir(&left).unwrap();
        std::fs::create_dir(folder.path().join("sealift-mine")).unwrap();
        let names = || std::fs::read_dir(folder.path()).unwrap().count();

        let one = Scratch::new(folder.path()).unwrap();
        let file = one.write("a/b", "text").unwrap();
        let other = Scratch::new(folder.path()).unwrap();
        sweep(folder.path());

        assert!(!left.exists() && file.exists());
        assert_eq!(names(), 3);
        drop((one, other));
        assert_eq!(names(), 1, "what has another name is nobody's business");
    }
}
