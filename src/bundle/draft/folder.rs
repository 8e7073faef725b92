//! [`FOLDER`]: a bundle as a folder.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::FileType;

use super::left::{BLOBS, SIGNATURES, cannot_list, look_through};
use super::making::{Maker, Making, hash};
use super::outdated::Outdated;
use super::site::Site;
use crate::bundle::head::Head;
use crate::medium::tree::Tree;
use crate::places::layout::{Blobs, blob_path};
use crate::storage::holdings::BlobHoldings as _;
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::file::{TEMP_PREFIX, is_part, write_whole};
use crate::tools::folder::{Folder, OPEN_FOLDER};
use crate::tools::named_file::NamedFile;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// Bundles that are folders.
pub(super) const FOLDER: Maker = Maker {
    open: |site| Ok(Box::new(FolderDraft::open(site, None)?)),
    may_update: Outdated::check,
    update: |site| {
        let outdated = Outdated::open(&site)?;
        Ok(Box::new(FolderDraft::open(site, Some(outdated))?))
    },
    left: FolderDraft::left,
    check: |_, _| Ok(()),
    largest: |_, head| sizes(head).max().unwrap_or(0),
    size: |_, head| sizes(head).fold(0, u64::saturating_add),
    is_one_file: false,
    takes_ahead: true,
};

/// The sizes of all files.
fn sizes(head: &Head) -> impl Iterator<Item = u64> {
    let files = head.files.iter().map(|(_, bytes)| bytes.len() as u64);
    files.chain(head.layers.iter().map(|layer| layer.size))
}

/// A folder in the making.
#[derive(Debug)]
struct FolderDraft {
    site: Site,
    /// The folder itself, locked.
    root: Folder,
    blobs: Blobs,
    /// The paths that the finished bundle has.
    expected: Vec<String>,
    /// The bundle in whose place it comes.
    outdated: Option<Outdated>,
}

impl FolderDraft {
    fn open(site: Site, outdated: Option<Outdated>) -> Result<FolderDraft> {
        let root = site.open_folder()?;
        let fault = |e| Error::io(format!("cannot write {}", root.path().display()), e);
        for left in look_through(&root)? {
            let name = left.name.as_ref();
            if left.name.starts_with(TEMP_PREFIX) && !is_part(name) {
                left.folder.remove(name).map_err(fault)?;
            }
        }
        let blobs = root.make_below("blobs", OPEN_FOLDER).map_err(fault)?;
        let blobs = blobs.make_below("sha256", OPEN_FOLDER).map_err(fault)?;
        let (blobs, expected) = (Blobs::resuming(blobs), Vec::new());
        Ok(FolderDraft { site, root, blobs, expected, outdated })
    }

    /// How many bytes were left behind.
    fn left(site: &Site) -> Result<u64> {
        if site.left(&site.partial, FileType::Directory)?.is_none() {
            return Ok(0);
        }
        let path = site.folder.at(&site.partial);
        let root = site.folder.below(&site.partial).map_err(|e| cannot_list(&path, e))?;
        let left = look_through(&root)?.into_iter();
        Ok(left.fold(0, |sum, left| sum.saturating_add(left.size)))
    }

    /// Removes what an earlier, different export left behind: a bundle holds nothing unsigned.
    fn sweep(&self) -> Result<()> {
        let expected: BTreeSet<&str> = self.expected.iter().map(String::as_str).collect();
        let strange = |e: Error| match e.class() {
            Class::Usage => e.hint("remove it and run the export again"),
            _ => e,
        };
        for left in look_through(&self.root).map_err(strange)? {
            if !expected.contains(left.path.as_str()) {
                let path = left.folder.at(&left.name);
                left.folder
                    .remove(&left.name)
                    .map_err(|e| Error::io(format!("cannot remove {}", path.display()), e))?;
            }
        }
        Ok(())
    }
}

/// Whether `folder` has exactly `bytes` under `name`.
fn has(folder: &Folder, name: &str, bytes: &[u8]) -> bool {
    let there = folder.file(name).and_then(|file| {
        let mut there = Vec::with_capacity(bytes.len() + 1);
        file.take(bytes.len() as u64 + 1).read_to_end(&mut there).map(|_| there)
    });
    there.is_ok_and(|there| there == bytes)
}

impl Making for FolderDraft {
    fn begin(&mut self, head: &Head) -> Result<()> {
        let fault = |e| Error::io(format!("cannot write {}", self.root.path().display()), e);
        let signatures = self.root.make_below(SIGNATURES, OPEN_FOLDER).map_err(fault)?;
        let mut expected: Vec<String> = Vec::new();
        for (path, bytes) in &head.files {
            let (folder, name) = match path.rsplit_once('/') {
                None => (&self.root, path.as_str()),
                Some((BLOBS, name)) => (self.blobs.folder(), name),
                Some((SIGNATURES, name)) => (&signatures, name),
                Some(_) => {
                    return Err(Error::new(Class::Other, format!("{path} has no place in it")));
                }
            };
            if !has(folder, name, bytes) {
                write_whole(folder, name, 0o644, bytes)?;
            }
            expected.push(path.clone());
        }
        expected.extend(head.layers.iter().map(|layer| blob_path(&layer.digest)));
        self.expected = expected;
        Ok(())
    }

    fn holds(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        Ok(self.blobs.has(blob)? && hash(self, blob, progress)?)
    }

    fn share(&self, blob: &Descriptor, file: &NamedFile, passes: bool) -> Result<bool> {
        self.blobs.share(blob, file, passes)
    }

    fn sink(&self) -> &dyn BlobSink {
        &self.blobs
    }

    fn needs(&self, missing: &[Descriptor]) -> u64 {
        let lacking = missing.iter().map(|blob| blob.size - self.blobs.part_of(blob));
        lacking.fold(0, u64::saturating_add)
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn finish(&self) -> Result<()> {
        self.sweep()?;
        let fault = |e: io::Error| Error::io(format!("cannot sync {}", self.path().display()), e);
        self.blobs.sync()?;
        for name in ["blobs", SIGNATURES] {
            self.root.below(name).map_err(fault)?.sync()?;
        }
        self.root.sync()
    }

    fn tree(&self) -> Result<Tree> {
        Tree::of_folder(self.root.clone(), false)
    }

    fn name(&self) -> Result<()> {
        match &self.outdated {
            None => self.site.give_name(self.root.handle()),
            Some(outdated) => outdated.give_way(&self.site, &self.root),
        }
    }
}

impl BlobSource for FolderDraft {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        match self.blobs.open(blob, offset) {
            Ok(file) => Ok(Raw::new(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                Err(Error::new(Class::Incomplete, "not left behind"))
            }
            Err(e) => Err(Error::io(format!("cannot read blob {}", blob.digest), e)),
        }
    }
}
