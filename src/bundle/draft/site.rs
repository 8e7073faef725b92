//! [`Site`]: where a bundle is made.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

use crate::medium::Medium;
use crate::medium::cutting::Cutting;
use crate::medium::drive::Drive;
use crate::tools::folder::{FileInfo, Folder, OPEN_FOLDER, Replace, is_folder_at};
use crate::tools::lock::lock;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Where a bundle in the making is: in a folder that is held open, under the name that it will
/// have with `.partial` behind it.
#[derive(Debug)]
pub(in crate::bundle) struct Site {
    pub folder: Folder,
    pub name: OsString,
    pub partial: OsString,
    /// Into what it is cut, where it is.
    pub cutting: Option<Cutting>,
    /// Where media are changed for its volumes, where they are.
    pub drive: Option<Drive>,
    /// To whom it is encrypted, where it is.
    #[cfg(feature = "age")]
    pub recipients: Option<std::sync::Arc<crate::tools::cipher::Recipients>>,
}

impl Site {
    /// The site of the bundle that will be `output`. Its folder is made where it is missing.
    pub(in crate::bundle) fn of(output: &Medium) -> Result<Site> {
        let (folder, name) = Folder::making(output.path())?;
        Ok(Site::within(folder, name, output))
    }

    /// The site of the bundle that will be `output`, where its folder is there.
    pub(in crate::bundle) fn there(medium: &Medium) -> Result<Option<Site>> {
        let output = medium.path();
        let parent = output.parent().filter(|folder| !folder.as_os_str().is_empty());
        if parent.map_or(Ok(true), is_folder_at)? {
            let (folder, name) = Folder::holding(output)?;
            return Ok(Some(Site::within(folder, name, medium)));
        }
        Ok(None)
    }

    fn within(folder: Folder, name: OsString, output: &Medium) -> Site {
        let partial = partial_of(name.as_ref()).into();
        Site {
            folder,
            name,
            partial,
            cutting: output.cutting().cloned(),
            drive: output.drive().cloned(),
            #[cfg(feature = "age")]
            recipients: output.recipients().cloned(),
        }
    }

    /// Opens what an export left that is a folder, or makes it, and keeps every other sealift out of it.
    pub(in crate::bundle) fn open_folder(&self) -> Result<Folder> {
        self.left(&self.partial, FileType::Directory)?;
        let path = self.folder.at(&self.partial);
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        let root = self.folder.make_below(&self.partial, OPEN_FOLDER).map_err(fault)?;
        FileInfo::of(root.handle()).map_err(fault)?.refuse_foreign(&self.folder, &path)?;
        lock(root.handle(), &self.folder, &self.partial)?;
        Ok(root)
    }

    /// What was left behind under `name`, if it is of the `kind` that an export leaves behind, and
    /// of nobody else: what a link points at would be written to, and what another may write would
    /// get the name of the bundle.
    pub(in crate::bundle) fn left(&self, name: &OsStr, kind: FileType) -> Result<Option<FileInfo>> {
        let path = self.folder.at(name);
        let about = self.folder.look(name);
        let about =
            about.map_err(|e| Error::io(format!("cannot look at {}", path.display()), e))?;
        match about {
            Some(about) if about.kind != kind => {
                Err(not_ours(&path, "is not what an export leaves behind"))
            }
            Some(about) => about.refuse_foreign(&self.folder, &path).map(|()| Some(about)),
            None => Ok(None),
        }
    }

    /// Gives what is open as `written` the name of the bundle, unless that is taken, and makes it
    /// durable.
    pub(in crate::bundle) fn give_name(&self, written: impl std::os::fd::AsFd) -> Result<()> {
        let done = self.folder.rename(&self.partial, &self.name, written, Replace::No);
        done.map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => taken(&self.folder.at(&self.name)),
            _ => {
                let (from, to) = (self.folder.at(&self.partial), self.folder.at(&self.name));
                Error::io(format!("cannot rename {} to {}", from.display(), to.display()), e)
            }
        })?;
        self.folder.sync()?;
        self.folder.is_found()
    }
}

/// What the bundle `output` is called as long as it is in the making.
pub(in crate::bundle) fn partial_of(output: &Path) -> PathBuf {
    let mut partial = output.as_os_str().to_owned();
    partial.push(".partial");
    partial.into()
}

pub(in crate::bundle) fn not_ours(path: &Path, why: &str) -> Error {
    Error::new(Class::Usage, format!("{} {why}", path.display()))
        .hint("remove it, or choose another name")
}

/// That something stands at `output`.
pub(crate) fn taken(output: &Path) -> Error {
    Error::new(Class::Usage, format!("{} exists already", output.display()))
        .subject(Subject::Path(output.to_owned()))
        .hint("choose another name, or remove it first; nothing was changed")
}

/// That the bundle at `site`, which `is` no folder of files, stays as it is: its files lie one behind the
/// other, and what is new has no place among them.
pub(in crate::bundle) fn stays(site: &Site, is: &str) -> Error {
    let old = site.folder.at(&site.name);
    let text = format!("{} {is}, which cannot be brought up to date", old.display());
    Error::new(Class::Usage, text).hint(phrase![
        "make another one from what is in it: ",
        Remedy::Reuse,
        format!(" {} ", old.display()),
        Remedy::Output,
        " NEW.tar",
    ])
}
