//! [`RecoverySpot`]: where the recovery data of a bundle lies, and what it is called.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;

use crate::medium::Medium;
use crate::tools::folder::{Folder, SHARED, is_folder_at};
use crate::tools::par2::Scan;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// Where a bundle that is a folder has it.
const FOLDER: &str = "repair";
/// What it is called there.
const STEM: &str = "bundle";
/// Most files of it that are looked at.
const MAX_FILES: usize = 4_096;

/// The folder, and how the names begin.
#[derive(Debug)]
pub(super) struct RecoverySpot {
    pub(super) folder: Folder,
    stem: String,
    /// Whether all that is there belongs to the bundle.
    is_own: bool,
}

impl RecoverySpot {
    /// That of the bundle on `medium`; its folder is made where it is missing.
    pub(super) fn make(medium: &Medium) -> Result<RecoverySpot> {
        let path = medium.path();
        match is_folder_at(path)? {
            true => RecoverySpot::within(path, |bundle| bundle.make_below(FOLDER, SHARED)),
            false => RecoverySpot::beside(path),
        }
    }

    /// That of the bundle on `medium`, if its folder is there.
    pub(super) fn there(medium: &Medium) -> Result<Option<RecoverySpot>> {
        let path = medium.path();
        match is_folder_at(path)? {
            true if is_folder_at(&path.join(FOLDER))? => {
                RecoverySpot::within(path, |bundle| bundle.below(FOLDER)).map(Some)
            }
            true => Ok(None),
            false => RecoverySpot::beside(path).map(Some),
        }
    }

    fn within(
        path: &Path,
        below: impl FnOnce(&Folder) -> io::Result<Folder>,
    ) -> Result<RecoverySpot> {
        let repair = path.join(FOLDER);
        let fault = |e| Error::io(format!("cannot open {}", repair.display()), e);
        let folder = Folder::open(path).and_then(|bundle| below(&bundle)).map_err(fault)?;
        Ok(RecoverySpot { folder, stem: STEM.to_owned(), is_own: true })
    }

    fn beside(path: &Path) -> Result<RecoverySpot> {
        let (folder, name) = Folder::holding(path)?;
        let stem = name.into_string().map_err(|_| {
            let text = format!("{} has no name that is text", path.display());
            Error::new(Class::Usage, text).hint("give it another name")
        })?;
        Ok(RecoverySpot { folder, stem, is_own: false })
    }

    /// What the file without recovery slices is called.
    pub(super) fn index(&self) -> String {
        format!("{}.par2", self.stem)
    }

    /// What the file with `count` recovery slices from `first` on is called.
    pub(super) fn volume(&self, first: usize, count: usize) -> String {
        format!("{}.vol{first:03}+{count:02}.par2", self.stem)
    }

    /// The names of what is there, in order.
    pub(super) fn names(&self) -> Result<Vec<OsString>> {
        let fault = |e| Error::io(format!("cannot list {}", self.folder.path().display()), e);
        let mut names = Vec::new();
        for name in self.folder.each_name().map_err(fault)? {
            let name = name.map_err(fault)?;
            if self.is_recovery(&name) && names.len() < MAX_FILES {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn is_recovery(&self, name: &OsStr) -> bool {
        let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".par2")) else {
            return false;
        };
        let rest = || name.strip_prefix(&self.stem);
        match self.is_own {
            true => !name.is_empty() && !name.starts_with('.'),
            false => rest().is_some_and(|rest| rest.is_empty() || rest.starts_with(".vol")),
        }
    }

    /// What the files `names` say, and they themselves.
    pub(super) fn scan(
        &self,
        names: &[OsString],
        progress: &dyn Progress,
    ) -> Result<(Scan, Vec<File>)> {
        let (mut scan, mut files) = (Scan::default(), Vec::new());
        for name in names {
            let fault = |e| Error::io(format!("cannot open {}", self.folder.at(name).display()), e);
            let file = self.folder.file(name).map_err(fault)?;
            scan.file(files.len(), &file, progress)?;
            files.push(file);
        }
        Ok((scan, files))
    }
}

/// The file beside which recovery data lies that is called `name`, if that is such a name.
pub(super) fn protected_by(name: &OsStr) -> Option<&str> {
    let stem = name.to_str()?.strip_suffix(".par2")?;
    let numbers = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'+');
    let stem = match stem.rsplit_once(".vol") {
        Some((stem, slices)) if numbers(slices) => stem,
        _ => stem,
    };
    (!stem.is_empty() && !stem.starts_with('.')).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_lies_beside() {
        for (name, of) in [
            ("a.tar.par2", Some("a.tar")),
            ("a.001.tar.vol000+07.par2", Some("a.001.tar")),
            ("a.volume.tar.par2", Some("a.volume.tar")),
            ("a.tar", None),
            (".par2", None),
            (".x.tar.par2", None),
        ] {
            assert_eq!(protected_by(OsStr::new(name)), of, "{name}");
        }
    }
}
