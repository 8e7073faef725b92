//! [`Draft`]: a bundle in the making. It has the name `NAME.partial` until every byte is there.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::check;
use super::head::Head;
use super::keys::PublicKey;
use super::pack::PackedDraft;
use crate::places::layout::{LayoutStore, blob_path};
use crate::places::tree::Tree;
use crate::seams::file::{sync_folder, sync_parent, write_whole};
use crate::seams::store::{BlobSink, BlobSource};
use crate::seams::stream::Verified;
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

/// A folder in the making.
#[derive(Debug)]
pub struct FolderDraft {
    output: PathBuf,
    partial: PathBuf,
    store: LayoutStore,
    found: Option<Tree>,
    /// The paths that the finished bundle has.
    expected: Vec<String>,
}

/// `path` with `.partial` behind its name.
pub(super) fn partial_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    PathBuf::from(name)
}

/// Refuses a leftover that is not of the kind that an export leaves behind: what a link points at
/// would be written to, and the link itself would get the name of the bundle.
pub(super) fn refuse_foreign(path: &Path, is_ours: fn(&fs::FileType) -> bool) -> Result<()> {
    match fs::symlink_metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io(format!("cannot look at {}", path.display()), e)),
        Ok(about) if is_ours(&about.file_type()) => Ok(()),
        Ok(_) => Err(not_ours(path, "is not what an export leaves behind")),
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
pub fn refuse_existing(output: &Path) -> Result<()> {
    match fs::symlink_metadata(output) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io(format!("cannot look at {}", output.display()), e)),
        Ok(_) => Err(taken(output)),
    }
}

fn taken(output: &Path) -> Error {
    Error::new(Class::Usage, format!("{} exists already", output.display()))
        .hint("choose another name, or remove it first")
}

impl Draft {
    /// Starts or continues the bundle that will be `output`: one packed file when the name ends
    /// in `.tar`, else a folder.
    ///
    /// # Errors
    /// [`Class::Usage`] when `output` exists or another export is writing it.
    pub fn open(output: &Path) -> Result<Draft> {
        refuse_existing(output)?;
        match output.extension().is_some_and(|extension| extension == "tar") {
            true => Ok(Draft::Packed(PackedDraft::open(output)?)),
            false => Ok(Draft::Folder(FolderDraft::open(output)?)),
        }
    }

    /// Blobs that an interrupted export left behind, to be read through [`Verified`].
    #[must_use]
    pub fn found(&self) -> &dyn BlobSource {
        match self {
            Draft::Folder(draft) => draft,
            Draft::Packed(draft) => draft,
        }
    }

    /// When the bundle was begun, if an interrupted export said so: keeping the time keeps the
    /// signed bytes, and with them the places of all layers in a packed file.
    #[must_use]
    pub fn begun(&self) -> Option<String> {
        match self {
            Draft::Folder(_) => None,
            Draft::Packed(draft) => draft.begun(),
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
    /// Only an interrupt; unreadable bytes do not count as there.
    pub fn holds(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        match self {
            Draft::Folder(draft) => Ok(draft.store.has(blob)? && hash(draft, blob, progress)?),
            Draft::Packed(draft) => draft.holds(blob, progress),
        }
    }

    /// Where the blobs go.
    #[must_use]
    pub fn sink(&self) -> &dyn BlobSink {
        match self {
            Draft::Folder(draft) => &draft.store,
            Draft::Packed(draft) => draft,
        }
    }

    /// Where the draft is being written.
    #[must_use]
    pub fn place(&self) -> &Path {
        match self {
            Draft::Folder(draft) => &draft.partial,
            Draft::Packed(draft) => draft.partial(),
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
        check::made(self.place(), key)?;
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
    let mut reader = Verified::new(reader, blob, "unfinished export", progress);
    match io::copy(&mut reader, &mut io::sink()) {
        Ok(_) => Ok(true),
        Err(_) => crate::seams::interrupt::check().map(|()| false),
    }
}

/// Whether a file in a `.partial` folder was put there by an export.
fn is_ours(path: &str) -> bool {
    let top = path.split('/').next().unwrap_or(path);
    matches!(top, "blobs" | "sig" | "oci-layout" | "index.json" | "SHA256SUMS" | "manifest.json")
        || top.starts_with(crate::seams::file::TEMP_PREFIX)
}

impl FolderDraft {
    fn open(output: &Path) -> Result<FolderDraft> {
        let partial = partial_path(output);
        refuse_foreign(&partial, fs::FileType::is_dir)?;
        let found = Tree::open(&partial).ok();
        // A folder that was begun by hand or by another program is not ours to finish.
        if found.as_ref().is_some_and(|tree| !tree.files().all(|(path, _)| is_ours(path))) {
            return Err(not_ours(&partial, "holds other files"));
        }
        if let Some(fault) = found.as_ref().and_then(|tree| tree.faults().first()) {
            return Err(not_ours(&partial.join(&fault.path), &fault.what));
        }
        let store = LayoutStore::open(&partial)?;
        store.prepare()?;
        Ok(FolderDraft { output: output.to_owned(), partial, store, found, expected: Vec::new() })
    }

    fn begin(&mut self, head: &Head) -> Result<()> {
        let mut expected: Vec<String> = Vec::new();
        for (path, bytes) in &head.files {
            let target = self.partial.join(path);
            if let Some(folder) = target.parent() {
                fs::create_dir_all(folder)
                    .map_err(|e| Error::io(format!("cannot create {}", folder.display()), e))?;
            }
            write_whole(&target, 0o644, bytes)?;
            expected.push(path.clone());
        }
        expected.extend(head.layers.iter().map(|layer| blob_path(&layer.digest)));
        self.expected = expected;
        Ok(())
    }

    /// Removes what an earlier, different export left behind: a bundle holds nothing unsigned.
    fn sweep(&self) -> Result<()> {
        let expected: BTreeSet<&str> = self.expected.iter().map(String::as_str).collect();
        let tree = Tree::open(&self.partial)?;
        for path in tree.files().map(|(path, _)| path).filter(|path| !expected.contains(path)) {
            let path = self.partial.join(path);
            fs::remove_file(&path)
                .map_err(|e| Error::io(format!("cannot remove {}", path.display()), e))?;
        }
        match tree.faults().first() {
            None => Ok(()),
            Some(fault) => {
                let text = format!("{}/{} {}", self.partial.display(), fault.path, fault.what);
                Err(Error::new(Class::Other, text).hint("remove it and run the export again"))
            }
        }
    }

    fn finish(&self) -> Result<()> {
        self.sweep()?;
        for folder in ["blobs/sha256", "blobs", "sig", ""] {
            sync_folder(&self.partial.join(folder))?;
        }
        Ok(())
    }

    fn name(self) -> Result<()> {
        rename_new(&self.partial, &self.output)?;
        sync_parent(&self.output)
    }
}

impl BlobSource for FolderDraft {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        match &self.found {
            Some(tree) => Ok(Box::new(tree.open_file(&blob_path(&blob.digest), offset)?)),
            None => Err(Error::new(Class::Incomplete, "nothing was left behind")),
        }
    }
}

/// Renames `from` to `to`, unless `to` exists.
pub(super) fn rename_new(from: &Path, to: &Path) -> Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    let done = match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // FAT, NFS and old kernels cannot promise it; the check a moment ago has to do there.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            refuse_existing(to)?;
            fs::rename(from, to)
        }
        Err(Errno::EXIST) => return Err(taken(to)),
        other => other.map_err(Into::into),
    };
    done.map_err(|e| Error::io(format!("cannot rename {} to {}", from.display(), to.display()), e))
}

#[cfg(test)]
mod tests;
