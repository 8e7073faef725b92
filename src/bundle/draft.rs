//! [`Draft`]: a bundle in the making. It has the name `NAME.partial` until every byte is there.

mod folder;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use rustix::fs::FileType;

pub use self::folder::FolderDraft;
use super::check;
use super::head::Head;
use super::keys::PublicKey;
use super::pack::PackedDraft;
use crate::medium::{Form, Medium};
use crate::storage::holdings::BlobHoldings;
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::folder::{FileInfo, Folder, Replace};
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// A bundle in the making, in one of its forms. What an interrupted export left behind is used
/// again, after being hashed again.
#[derive(Debug)]
#[must_use = "an unsealed draft is not a bundle"]
pub enum Draft {
    /// A folder.
    Folder(FolderDraft),
    /// One tar file.
    Packed(PackedDraft),
}

/// Where a bundle in the making is: in a folder that is held open, under the name that it will
/// have with `.partial` behind it.
#[derive(Debug)]
pub(super) struct Site {
    pub folder: Folder,
    pub name: OsString,
    pub partial: OsString,
}

impl Site {
    /// The site of the bundle that will be `output`. Its folder is made where it is missing.
    fn of(output: &Medium) -> Result<Site> {
        let (folder, name) = Folder::making(output.path())?;
        Ok(Site::within(folder, name))
    }

    /// The site of the bundle that will be `output`, where its folder is there.
    fn there(output: &Medium) -> Result<Option<Site>> {
        let output = output.path();
        match output.parent().is_some_and(|folder| folder.is_dir() || folder.as_os_str().is_empty())
        {
            true => {
                let (folder, name) = Folder::holding(output)?;
                Ok(Some(Site::within(folder, name)))
            }
            false => Ok(None),
        }
    }

    fn within(folder: Folder, name: OsString) -> Site {
        let mut partial = name.clone();
        partial.push(".partial");
        Site { folder, name, partial }
    }

    /// What was left behind under `name`, if it is of the `kind` that an export leaves behind, and
    /// of nobody else: what a link points at would be written to, and what another may write would
    /// get the name of the bundle.
    pub(super) fn left(&self, name: &OsStr, kind: FileType) -> Result<Option<FileInfo>> {
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
    pub(super) fn give_name(&self, written: impl std::os::fd::AsFd) -> Result<()> {
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

fn not_ours(path: &Path, why: &str) -> Error {
    Error::new(Class::Usage, format!("{} {why}", path.display()))
        .hint("remove it, or choose another name")
}

/// Refuses an output that exists: a bundle is never changed once it has its name.
///
/// # Errors
/// [`Class::Usage`] when something stands at `output`.
pub fn refuse_existing(output: &Medium) -> Result<()> {
    match output.is_taken() {
        Ok(false) => Ok(()),
        Ok(true) => Err(taken(output.path())),
        Err(e) => Err(Error::io(format!("cannot look at {output}"), e)),
    }
}

/// That something stands at `output`.
pub(crate) fn taken(output: &Path) -> Error {
    Error::new(Class::Usage, format!("{} exists already", output.display()))
        .hint("choose another name, or remove it first; nothing was changed")
}

impl Draft {
    /// Starts or continues the bundle that will be `output`.
    ///
    /// # Errors
    /// [`Class::Usage`] when `output` exists, [`Class::Busy`] when another export is writing it,
    /// [`Class::Refused`] when what was left behind is not ours alone.
    pub fn open(output: &Medium) -> Result<Draft> {
        refuse_existing(output)?;
        let site = Site::of(output)?;
        match output.form() {
            Form::Packed => Ok(Draft::Packed(PackedDraft::open(site)?)),
            Form::Folder => Ok(Draft::Folder(FolderDraft::open(site)?)),
        }
    }

    /// How many bytes an interrupted export of `output` left on the disk, without touching them.
    ///
    /// # Errors
    /// As [`open`](Draft::open), as far as that can be known.
    pub fn left(output: &Medium) -> Result<u64> {
        refuse_existing(output)?;
        let Some(site) = Site::there(output)? else { return Ok(0) };
        match output.form() {
            Form::Packed => PackedDraft::left(&site),
            Form::Folder => FolderDraft::left(&site),
        }
    }

    /// Blobs that an interrupted export left behind, to be read through
    /// [`Verifying`](crate::storage::verifying::Verifying).
    #[must_use]
    pub fn found(&self) -> &dyn BlobSource {
        match self {
            Draft::Folder(draft) => draft,
            Draft::Packed(draft) => draft,
        }
    }

    /// Lays down the small files. From now on the draft takes the blobs of `head.layers`.
    ///
    /// # Errors
    /// When the disk refuses, or has too little room for what is missing.
    pub fn begin(&mut self, head: &Head) -> Result<()> {
        match self {
            Draft::Folder(draft) => draft.begin(head),
            Draft::Packed(draft) => draft.begin(head),
        }
    }

    /// Whether the bytes of `blob` are there, whole and right. Reads them.
    ///
    /// # Errors
    /// Only a stop that was asked for; unreadable bytes do not count as there.
    pub fn holds(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        match self {
            Draft::Folder(draft) => Ok(draft.sink().has(blob)? && hash(draft, blob, progress)?),
            Draft::Packed(draft) => draft.holds(blob, progress),
        }
    }

    /// Whether `blob` could be taken whole from what another export left behind.
    ///
    /// # Errors
    /// Only a stop that was asked for.
    pub fn take_over(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        match self {
            // Its blobs have their names already.
            Draft::Folder(_) => Ok(false),
            Draft::Packed(draft) => draft.take_over(blob, progress),
        }
    }

    /// Where the blobs go.
    #[must_use]
    pub fn sink(&self) -> &dyn BlobSink {
        match self {
            Draft::Folder(draft) => draft.sink(),
            Draft::Packed(draft) => draft,
        }
    }

    /// How many bytes of the disk `missing` take beyond those that the draft has already.
    #[must_use]
    pub fn needs(&self, missing: &[Descriptor]) -> u64 {
        match self {
            Draft::Folder(draft) => draft.needs(missing),
            Draft::Packed(draft) => draft.needs(missing),
        }
    }

    /// Where the draft is being written.
    #[must_use]
    pub fn place(&self) -> &Path {
        match self {
            Draft::Folder(draft) => draft.path(),
            Draft::Packed(draft) => draft.path(),
        }
    }

    /// Gives the finished bundle, signed by `key`, its name. Every blob is there, and was hashed;
    /// everything else passes what [`examine`](check::examine) asks of any bundle.
    ///
    /// # Errors
    /// When the disk refuses, what is there does not verify, or somebody else has taken the name
    /// meanwhile.
    pub fn seal(self, key: &PublicKey) -> Result<()> {
        self.finish()?;
        let tree = match &self {
            Draft::Folder(draft) => draft.tree(),
            Draft::Packed(draft) => draft.tree(),
        };
        check::made(tree?, key)?;
        self.name()
    }

    /// Writes what is left and makes it durable.
    pub(super) fn finish(&self) -> Result<()> {
        match self {
            Draft::Folder(draft) => draft.finish(),
            Draft::Packed(draft) => draft.finish(),
        }
    }

    /// Gives it its name, whatever it is.
    pub(super) fn name(self) -> Result<()> {
        match self {
            Draft::Folder(draft) => draft.name(),
            Draft::Packed(draft) => draft.name(),
        }
    }
}

/// Whether `source` has exactly the bytes of `blob`.
pub(super) fn hash(
    source: &dyn BlobSource,
    blob: &Descriptor,
    progress: &dyn Progress,
) -> Result<bool> {
    let Ok(reader) = source.open(blob, 0) else { return Ok(false) };
    let mut reader = reader.verified(blob, "unfinished export", progress);
    match io::copy(&mut reader, &mut io::sink()) {
        Ok(_) => Ok(true),
        Err(_) => progress.check().map(|()| false),
    }
}

#[cfg(test)]
mod tests;
