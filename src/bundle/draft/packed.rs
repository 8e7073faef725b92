//! [`PACKED`]: a bundle as one plain tar, each byte written once and at its final place.
//!
//! All sizes are known beforehand, so every layer has its place before it arrives: layers are
//! fetched in parallel straight into the file, and an interrupted file is continued.

mod resume;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::fs::FileType;

use super::making::{Maker, Making, hash};
use super::site::{Site, stays};
use super::written::Spoilt;
use crate::bundle::cut::entry;
use crate::bundle::head::Head;
use crate::medium::header::{BLOCK, header};
use crate::medium::tree::Tree;
use crate::places::layout::blob_path;
use crate::storage::checked::Checked;
use crate::storage::content::Once;
use crate::storage::holdings::BlobHoldings;
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::folder::{FileInfo, Replace};
use crate::tools::lock::lock;
use crate::tools::uncached::sync;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// Largest file there can be: positions in a file are signed.
const MAX_FILE: u64 = i64::MAX as u64;
/// Modification time of every entry: 1980-01-01, the oldest that FAT and GNU tar take without a
/// word. A real one would make two bundles of the same content differ.
pub(super) const MTIME: u64 = 315_532_800;

/// Where a layer lies: its header begins at `header`, its bytes right behind.
#[derive(Debug, Clone)]
struct Slot {
    header: u64,
    size: u64,
    path: String,
}

impl Slot {
    fn data(&self) -> u64 {
        self.header + BLOCK
    }

    fn end(&self) -> u64 {
        (self.data() + self.size).next_multiple_of(BLOCK)
    }
}

/// Permissions of the file: whoever carries it may read it, and nobody else writes it.
const MODE: u32 = 0o644;
/// How often a file is looked for that comes and goes under our hands.
const ATTEMPTS: usize = 8;

/// What is left behind.
pub(super) const FILE: FileType = FileType::RegularFile;

/// What an unfinished export of other content is called meanwhile.
fn old(partial: &OsStr) -> OsString {
    let mut old = partial.to_owned();
    old.push("-old");
    old
}

/// Bundles that are one file.
pub(super) const PACKED: Maker = Maker {
    open: |site| Ok(Box::new(PackedDraft::open(site)?)),
    may_update: |site| Err(stays(site, "is a packed file")),
    update: |site| Err(stays(&site, "is a packed file")),
    left: PackedDraft::left,
    check: |_, _| Ok(()),
    largest: |_, head| packed_size(head),
    size: |_, head| packed_size(head),
    is_one_file: true,
    takes_ahead: false,
};

/// How many bytes the file has.
pub(super) fn packed_size(head: &Head) -> u64 {
    let files = head.files.iter().map(|(_, bytes)| bytes.len() as u64);
    let sizes = files.chain(head.layers.iter().map(|layer| layer.size));
    sizes.map(entry).fold(2 * BLOCK, u64::saturating_add)
}

/// A packed bundle in the making.
#[derive(Debug)]
struct PackedDraft {
    site: Site,
    path: PathBuf,
    file: Arc<File>,
    /// Where an unfinished export of other content is kept until this one is done.
    old: OsString,
    /// What unfinished exports left behind, to take blobs from: the file itself until it is gone on
    /// with, and the old one.
    found: Vec<Tree>,
    slots: BTreeMap<Digest, Slot>,
    order: Vec<Digest>,
    /// How many of `order` have their header.
    headed: Mutex<usize>,
    /// Layers of which wrong bytes came: what is there of them is not gone on with.
    spoilt: Spoilt,
    end: u64,
}

impl PackedDraft {
    fn open(site: Site) -> Result<PackedDraft> {
        let path = site.folder.at(&site.partial);
        let old = old(&site.partial);
        let file = Arc::new(open_or_create(&site)?);
        lock(&file, &site.folder, &site.partial)?;
        let mut found: Vec<Tree> = Tree::of_tar(&path, Arc::clone(&file)).into_iter().collect();
        if site.left(&old, FILE)?.is_some() {
            let shown = site.folder.at(&old);
            let fault = |e| Error::io(format!("cannot read {}", shown.display()), e);
            let file = site.folder.file(&old).map_err(fault)?;
            FileInfo::of(&file).map_err(fault)?.refuse_foreign(&site.folder, &shown)?;
            found.extend(Tree::of_tar(&shown, Arc::new(file)));
        }
        Ok(PackedDraft {
            site,
            path,
            file,
            old,
            found,
            slots: BTreeMap::new(),
            order: Vec::new(),
            headed: Mutex::new(0),
            spoilt: Spoilt::default(),
            end: 0,
        })
    }

    /// How many bytes were left behind, in either file.
    fn left(site: &Site) -> Result<u64> {
        let names = [&site.partial, &old(&site.partial)].map(|name| site.left(name, FILE));
        let sizes = names.into_iter().map(|left| Ok(left?.map_or(0, |about| about.allocated)));
        sizes.sum()
    }

    /// Whether the file has all layers where they are to be: it begins with `start`, whoever
    /// `signed` it and when.
    fn begins_with(&self, start: &[u8], signed: &[Range<usize>]) -> bool {
        let mut there = vec![0; start.len()];
        if self.file.read_exact_at(&mut there, 0).is_err() {
            return false;
        }
        for part in signed {
            there[part.clone()].copy_from_slice(&start[part.clone()]);
        }
        there == start
    }

    /// Moves what is under the name aside, to take blobs from, and starts an empty file. Of it and
    /// what was set aside before, the larger one stays: after a kill right behind this, the file
    /// under the name has next to nothing. Both can be read until this run ends.
    fn set_aside(&mut self) -> Result<()> {
        let (folder, partial) = (&self.site.folder, &self.site.partial);
        let length = self.length()?;
        if length == 0 {
            return Ok(());
        }
        let old = folder.look(&self.old).map_err(|e| self.fault(e))?;
        match old.map_or(0, |old| old.size) < length {
            true => folder.rename(partial, &self.old, &self.file, Replace::Yes),
            false => folder.remove(partial),
        }
        .map_err(|e| self.fault(e))?;
        let file = folder.create(partial, MODE).map_err(|e| self.fault(e))?;
        lock(&file, folder, partial)?;
        self.file = Arc::new(file);
        Ok(())
    }

    fn length(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(|e| self.fault(e))?.len())
    }

    /// Writes the headers up to that of `slot`, so that the file can be read up to any layer that
    /// is complete, whatever happens next.
    fn write_headers(&self, slot: &Slot) -> Result<()> {
        let mut headed =
            self.headed.lock().map_err(|_| Error::new(Class::Other, "another thread failed"))?;
        for digest in &self.order[*headed..] {
            let Some(next) = self.slots.get(digest) else { continue };
            if next.header > slot.header {
                break;
            }
            self.file
                .write_all_at(&header(&next.path, next.size, MTIME)?, next.header)
                .map_err(|e| self.fault(e))?;
            *headed += 1;
        }
        Ok(())
    }

    /// Fills up the last block of `slot`: a reader does not take an entry without it.
    fn pad(&self, slot: &Slot) -> Result<()> {
        let data_end = slot.data() + slot.size;
        let zeros = vec![0; usize::try_from(slot.end() - data_end).unwrap_or(0)];
        self.file.write_all_at(&zeros, data_end).map_err(|e| self.fault(e))
    }

    fn fault(&self, error: io::Error) -> Error {
        Error::io(format!("cannot write {}", self.path.display()), error)
    }
}

impl Making for PackedDraft {
    fn begin(&mut self, head: &Head) -> Result<()> {
        let (mut start, mut signed) = (Vec::new(), Vec::new());
        for (path, bytes) in &head.files {
            start.extend_from_slice(&header(path, bytes.len() as u64, MTIME)?);
            if path.starts_with("sig/") {
                signed.push(start.len()..start.len() + bytes.len());
            }
            start.extend_from_slice(bytes);
            start.resize(start.len().next_multiple_of(BLOCK as usize), 0);
        }
        match self.begins_with(&start, &signed) {
            true => {
                // Its layers are where they are to be, as far as they are there.
                self.found.retain(|tree| tree.path() != self.path);
                signed.into_iter().try_for_each(|part| {
                    self.file.write_all_at(&start[part.clone()], part.start as u64)
                })
            }
            false => {
                self.set_aside()?;
                self.file.write_all_at(&start, 0)
            }
        }
        .map_err(|e| self.fault(e))?;
        let mut at = start.len() as u64;
        for layer in &head.layers {
            let slot = Slot { header: at, size: layer.size, path: blob_path(&layer.digest) };
            at = slot.end();
            if at > MAX_FILE {
                return Err(Error::new(Class::NoRoom, "the bundle would be larger than any file")
                    .hint("export into several bundles"));
            }
            self.order.push(layer.digest);
            self.slots.insert(layer.digest, slot);
        }
        self.end = at;
        Ok(())
    }

    fn holds(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        let Some(slot) = self.slots.get(&blob.digest) else { return Ok(false) };
        let is_written = self.place(slot).is_whole().map_err(|e| self.fault(e))?;
        Ok(is_written && hash(&Own(self), blob, progress)?)
    }

    /// Copies `blob` from the file that was set aside, checked on the way; whether it was whole
    /// there. What is there of it is copied in any case, for [`put`](BlobSink::put) to go on with.
    ///
    /// # Errors
    /// Only a stop that was asked for.
    fn take_over(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        let Some(slot) = self.slots.get(&blob.digest) else { return Ok(false) };
        let Ok(old) = BlobSource::open(self, blob, 0) else { return Ok(false) };
        let mut old = Once(old.verified(blob, "unfinished export", progress));
        let done = self.write_headers(slot).and_then(|()| self.write(slot, 0, &mut old));
        match done.and_then(|()| self.pad(slot)) {
            Ok(()) => Ok(true),
            Err(_) => progress.check().map(|()| false),
        }
    }

    fn sink(&self) -> &dyn BlobSink {
        self
    }

    /// How many bytes are still to be allocated: the file has room for some of `missing` already.
    fn needs(&self, missing: &[Descriptor]) -> u64 {
        let lacking = missing.iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.size));
        let there = FileInfo::of(&self.file).map_or(0, |about| about.allocated);
        lacking.min(self.end.saturating_sub(there))
    }

    fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is left, and syncs.
    fn finish(&self) -> Result<()> {
        if let Some(slot) = self.order.last().and_then(|last| self.slots.get(last)) {
            self.write_headers(slot)?;
        }
        for slot in self.slots.values() {
            self.pad(slot)?;
        }
        self.file.write_all_at(&[0; 2 * BLOCK as usize], self.end).map_err(|e| self.fault(e))?;
        self.file.set_len(self.end + 2 * BLOCK).map_err(|e| self.fault(e))?;
        sync(&self.file).map_err(|e| self.fault(e))
    }

    fn tree(&self) -> Result<Tree> {
        Tree::of_tar(&self.path, Arc::clone(&self.file))
    }

    /// Gives the file its name.
    fn name(&self) -> Result<()> {
        self.site.give_name(&self.file)?;
        self.site.folder.remove(&self.old).map_err(|e| {
            Error::io(format!("cannot remove {}", self.site.folder.at(&self.old).display()), e)
        })
    }
}

/// The file that an interrupted export left, or a new one.
pub(super) fn open_or_create(site: &Site) -> Result<File> {
    let path = site.folder.at(&site.partial);
    let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
    for _ in 0..ATTEMPTS {
        let opened = match site.left(&site.partial, FILE)? {
            Some(_) => site.folder.file_to_write(&site.partial),
            None => site.folder.create(&site.partial, MODE),
        };
        match opened {
            // Another export may have begun or ended in between.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(fault(e)),
            Ok(file) => {
                FileInfo::of(&file).map_err(fault)?.refuse_foreign(&site.folder, &path)?;
                return Ok(file);
            }
        }
    }
    let text = format!("{} comes and goes: somebody else writes there", path.display());
    Err(Error::new(Class::Refused, text).hint("choose a folder that only you may write"))
}

/// The layers that the file itself holds so far.
struct Own<'a>(&'a PackedDraft);

impl BlobSource for Own<'_> {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let slot = self.0.slots.get(&blob.digest).ok_or_else(|| {
            Error::new(Class::Incomplete, format!("blob {} is not planned", blob.digest))
        })?;
        Ok(Raw::new(self.0.place(slot).first(slot.size).reader(offset)))
    }
}

/// What an unfinished export left behind: configs in its head, and everything in the file of
/// another one.
impl BlobSource for PackedDraft {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let path = blob_path(&blob.digest);
        for tree in &self.found {
            if tree.size(&path) == Some(blob.size) {
                return Ok(Raw::new(tree.open_file(&path, offset)?));
            }
        }
        Err(Error::new(Class::Incomplete, "not left behind"))
    }
}

impl BlobHoldings for PackedDraft {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        self.holds(blob, &crate::words::progress::Silent)
    }
}

impl BlobSink for PackedDraft {
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        let blob = &content.blob().clone();
        let slot = self.slots.get(&blob.digest).ok_or_else(|| {
            Error::new(Class::Other, format!("blob {} has no place in the bundle", blob.digest))
        })?;
        self.write_headers(slot)?;
        self.fill(slot, blob, content)?;
        self.pad(slot)
    }
}

#[cfg(test)]
mod tests;
