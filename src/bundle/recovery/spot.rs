//! [`Spot`]: where the recovery data of a bundle lies, and what it is called.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;

use crate::medium::Medium;
use crate::tools::folder::{Folder, SHARED};
use crate::tools::par2::{FoundSet, Scan};
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
pub(super) struct Spot {
    pub(super) folder: Folder,
    stem: String,
    /// Whether all that is there belongs to the bundle.
    is_own: bool,
}

impl Spot {
    /// That of the bundle on `medium`; its folder is made where it is missing.
    pub(super) fn make(medium: &Medium) -> Result<Spot> {
        Spot::find(medium, |bundle| bundle.make_below(FOLDER, SHARED))
    }

    fn find(medium: &Medium, below: impl FnOnce(&Folder) -> io::Result<Folder>) -> Result<Spot> {
        let path = medium.path();
        if path.is_dir() {
            let repair = path.join(FOLDER);
            let fault = |e| Error::io(format!("cannot open {}", repair.display()), e);
            let folder = Folder::open(path).and_then(|bundle| below(&bundle)).map_err(fault)?;
            return Ok(Spot { folder, stem: STEM.to_owned(), is_own: true });
        }
        let (folder, name) = Folder::holding(path)?;
        let stem = name.into_string().map_err(|_| {
            let text = format!("{} has no name that is text", path.display());
            Error::new(Class::Usage, text).hint("give it another name")
        })?;
        Ok(Spot { folder, stem, is_own: false })
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
    ) -> Result<(Option<FoundSet>, Vec<File>)> {
        let (mut scan, mut files) = (Scan::default(), Vec::new());
        for name in names {
            let fault = |e| Error::io(format!("cannot open {}", self.folder.at(name).display()), e);
            let file = self.folder.file(name).map_err(fault)?;
            scan.file(files.len(), &file, progress)?;
            files.push(file);
        }
        Ok((scan.found(), files))
    }
}
