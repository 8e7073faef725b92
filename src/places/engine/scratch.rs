//! [`Scratch`]: a folder for what an engine has to read from files, and stages while it pulls.

use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::address::{is_random_name, random_name};
use crate::seams::file::{lock, write_whole};
use crate::words::error::{Error, Result};

/// A folder that only its owner may see. It goes with the value; one that was left behind by a
/// process that was killed goes with [`Engine::tidy`](super::Engine::tidy).
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Held open, and locked, for as long as the folder is in use.
    _lock: File,
}

impl Scratch {
    /// Makes one in `folder`.
    ///
    /// # Errors
    /// When the disk refuses it.
    pub fn new(folder: &Path) -> Result<Scratch> {
        let path = folder.join(random_name()?);
        let fault = |e| Error::io(format!("cannot make {}", path.display()), e);
        DirBuilder::new().mode(0o700).create(&path).map_err(fault)?;
        let open = File::open(&path).map_err(fault)?;
        lock(&open, &path)?;
        Ok(Scratch { path, _lock: open })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file `name` in it, below folders that need not be there, and gives its path.
    ///
    /// # Errors
    /// When the disk refuses it.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        if let Some(folder) = path.parent() {
            let fault = |e| Error::io(format!("cannot make {}", folder.display()), e);
            std::fs::create_dir_all(folder).map_err(fault)?;
        }
        write_whole(&path, 0o600, text.as_bytes())?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is swept by the next run.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Removes folders of ours that nobody holds any more.
pub(super) fn sweep(folder: &Path) {
    let ours = rustix::process::geteuid().as_raw();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let named = entry.file_name().to_str().is_some_and(is_random_name);
        let is_folder = || {
            let about = entry.path().symlink_metadata();
            about.is_ok_and(|about| about.is_dir() && about.uid() == ours)
        };
        if !named || !is_folder() {
            continue;
        }
        let path = entry.path();
        if File::open(&path).is_ok_and(|open| lock(&open, &path).is_ok()) {
            // What cannot be removed now is left to the next run.
            let _ = std::fs::remove_dir_all(&path);
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
