//! [`FOLDER`]: a bundle as a folder.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use rustix::fs::FileType;

use super::making::{Maker, Making, hash};
use super::site::{Site, not_ours};
use crate::bundle::head::Head;
use crate::medium::tree::Tree;
use crate::places::layout::{Blobs, blob_path};
use crate::storage::holdings::BlobHoldings as _;
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::file::{TEMP_PREFIX, is_part, lock, write_whole};
use crate::tools::folder::{FileInfo, Folder, OPEN_FOLDER};
use crate::tools::named_file::NamedFile;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// Where blobs and signatures lie.
const BLOBS: &str = "blobs/sha256";
const SIGNATURES: &str = "sig";
/// The other files of a bundle.
const FILES: [&str; 4] = ["oci-layout", "index.json", "SHA256SUMS", "manifest.json"];

/// Bundles that are folders.
pub(super) const FOLDER: Maker = Maker {
    open: |site| Ok(Box::new(FolderDraft::open(site)?)),
    left: FolderDraft::left,
    largest: |head| {
        let files = head.files.iter().map(|(_, bytes)| bytes.len() as u64);
        files.chain(head.layers.iter().map(|layer| layer.size)).max().unwrap_or(0)
    },
    is_one_file: false,
};

/// A folder in the making.
#[derive(Debug)]
struct FolderDraft {
    site: Site,
    /// The folder itself, locked.
    root: Folder,
    blobs: Blobs,
    /// The paths that the finished bundle has.
    expected: Vec<String>,
}

/// A file in an unfinished bundle.
struct Left {
    folder: Folder,
    name: String,
    /// Its path in the bundle.
    path: String,
    /// How many bytes it has.
    size: u64,
}

/// What lies in the unfinished bundle `root`. Anything but what an export puts there is refused,
/// and so is what another user may have put there.
fn look_through(root: &Folder) -> Result<Vec<Left>> {
    let mut found = Vec::new();
    let mut ahead = vec![(root.clone(), String::new())];
    while let Some((folder, above)) = ahead.pop() {
        let fault = |e| cannot_list(folder.path(), e);
        for name in folder.names().map_err(fault)? {
            let at = folder.at(&name);
            let Some(name) = name.to_str().map(str::to_owned) else {
                return Err(not_ours(&at, "has a name that is not UTF-8"));
            };
            // It may go away meanwhile, as what is not there.
            let Some(about) = folder.look(&name).map_err(fault)? else { continue };
            let path = if above.is_empty() { name.clone() } else { format!("{above}/{name}") };
            match about.kind {
                FileType::Symlink => return Err(not_ours(&at, "is a symbolic link, not a file")),
                FileType::Directory if is_folder_of_ours(&path) => {
                    about.refuse_foreign(&folder, &at)?;
                    let below = folder.below(&name).map_err(|e| cannot_list(&at, e))?;
                    ahead.push((below, path));
                }
                FileType::RegularFile if is_file_of_ours(&above, &name) => {
                    match above == BLOBS && !name.starts_with(TEMP_PREFIX) {
                        // It may be that of another bundle, too, and is never written to.
                        true => about.refuse_others(&folder, &at)?,
                        false => about.refuse_foreign(&folder, &at)?,
                    }
                    let (folder, size) = (folder.clone(), about.size);
                    found.push(Left { folder, name, path, size });
                }
                _ => return Err(not_ours(&at, "is nothing that an export leaves behind")),
            }
        }
    }
    Ok(found)
}

fn cannot_list(folder: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot list {}", folder.display()), error)
}

fn is_folder_of_ours(path: &str) -> bool {
    matches!(path, "blobs" | BLOBS | SIGNATURES)
}

fn is_file_of_ours(above: &str, name: &str) -> bool {
    match above {
        "" => FILES.contains(&name) || name.starts_with(TEMP_PREFIX),
        BLOBS | SIGNATURES => true,
        _ => false,
    }
}

impl FolderDraft {
    fn open(site: Site) -> Result<FolderDraft> {
        site.left(&site.partial, FileType::Directory)?;
        let path = site.folder.at(&site.partial);
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        let root = site.folder.make_below(&site.partial, OPEN_FOLDER).map_err(fault)?;
        FileInfo::of(root.handle()).map_err(fault)?.refuse_foreign(&site.folder, &path)?;
        lock(root.handle(), &site.folder, &site.partial)?;
        for left in look_through(&root)? {
            let name = left.name.as_ref();
            if left.name.starts_with(TEMP_PREFIX) && !is_part(name) {
                left.folder.remove(name).map_err(fault)?;
            }
        }
        let blobs = root.make_below("blobs", OPEN_FOLDER).map_err(fault)?;
        let blobs = blobs.make_below("sha256", OPEN_FOLDER).map_err(fault)?;
        Ok(FolderDraft { site, root, blobs: Blobs::resuming(blobs), expected: Vec::new() })
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
        let strange = |e: Error| e.hint("remove it and run the export again");
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
            write_whole(folder, name, 0o644, bytes)?;
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
        self.blobs.folder().sync()?;
        for name in ["blobs", SIGNATURES] {
            self.root.below(name).map_err(fault)?.sync()?;
        }
        self.root.sync()
    }

    fn tree(&self) -> Result<Tree> {
        Tree::of_folder(self.root.clone(), false)
    }

    fn name(&self) -> Result<()> {
        self.site.give_name(self.root.handle())
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
