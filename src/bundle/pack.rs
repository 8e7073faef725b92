//! [`PackedDraft`]: a bundle as one plain tar, each byte written once and at its final place.
//!
//! All sizes are known beforehand, so every layer has its place before it arrives: layers are
//! fetched in parallel straight into the file, and an interrupted file is continued.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::draft::{hash, partial_path, refuse_foreign, rename_new};
use super::envelope::Envelope;
use super::head::Head;
use super::statement::Statement;
use crate::places::layout::blob_path;
use crate::places::tree::{BLOCK, Tree, header};
use crate::seams::content::Content;
use crate::seams::file::{lock, sync_parent};
use crate::seams::store::{BlobSink, BlobSource};
use crate::seams::stream::BUFFER;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// Largest file there can be: positions in a file are signed.
const MAX_FILE: u64 = i64::MAX as u64;
/// Modification time of every entry: 1980-01-01, the oldest that FAT and GNU tar take without a
/// word. A real one would make two bundles of the same content differ.
const MTIME: u64 = 315_532_800;

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

/// A packed bundle in the making.
#[derive(Debug)]
pub struct PackedDraft {
    output: PathBuf,
    partial: PathBuf,
    file: File,
    /// Where an unfinished export of other content is kept until this one is done.
    old: PathBuf,
    /// What unfinished exports left behind, to take blobs from: the file itself, then the old one.
    found: Vec<Tree>,
    slots: BTreeMap<Digest, Slot>,
    order: Vec<Digest>,
    /// How many of `order` have their header.
    headed: Mutex<usize>,
    end: u64,
}

impl PackedDraft {
    pub(super) fn open(output: &Path) -> Result<PackedDraft> {
        let partial = partial_path(output);
        let mut old = partial.clone().into_os_string();
        old.push("-old");
        let old = PathBuf::from(old);
        for path in [&partial, &old] {
            refuse_foreign(path, fs::FileType::is_file)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&partial)
            .map_err(|e| Error::io(format!("cannot write {}", partial.display()), e))?;
        lock(&file, &partial)?;
        let found = [&partial, &old].into_iter().filter_map(|path| Tree::open(path).ok()).collect();
        Ok(PackedDraft {
            output: output.to_owned(),
            partial,
            file,
            old,
            found,
            slots: BTreeMap::new(),
            order: Vec::new(),
            headed: Mutex::new(0),
            end: 0,
        })
    }

    pub(super) fn partial(&self) -> &PathBuf {
        &self.partial
    }

    /// The time in the statement that the unfinished file begins with.
    pub(super) fn begun(&self) -> Option<String> {
        let tree = self.found.first()?;
        let path = tree.files().map(|(path, _)| path).find(|path| path.starts_with("sig/"))?;
        let bytes = tree.read_small(path, super::envelope::MAX_ENVELOPE).ok()?;
        // Whoever wrote it, only its time is taken, and signed again.
        let envelope = Envelope::from_bytes(&bytes).ok()?;
        Some(Statement::from_payload(envelope.payload()).ok()?.predicate.created_at)
    }

    pub(super) fn begin(&mut self, head: &Head) -> Result<()> {
        let mut start = Vec::new();
        for (path, bytes) in &head.files {
            start.extend_from_slice(&header(path, bytes.len() as u64, MTIME)?);
            start.extend_from_slice(bytes);
            start.resize(start.len().next_multiple_of(BLOCK as usize), 0);
        }
        if !self.begins_with(&start) {
            self.set_aside()?;
            self.file.write_all_at(&start, 0).map_err(|e| self.fault(e))?;
        }
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

    fn begins_with(&self, start: &[u8]) -> bool {
        let mut there = vec![0; start.len()];
        self.file.read_exact_at(&mut there, 0).is_ok() && there == start
    }

    /// Moves what is under the name aside, to take blobs from, and starts an empty file. Of it and
    /// what was set aside before, the larger one stays: after a kill right behind this, the file
    /// under the name has next to nothing. Both can be read until this run ends.
    fn set_aside(&mut self) -> Result<()> {
        let length = self.file.metadata().map_err(|e| self.fault(e))?.len();
        if length == 0 {
            return Ok(());
        }
        match fs::symlink_metadata(&self.old).map_or(0, |old| old.len()) < length {
            true => fs::rename(&self.partial, &self.old),
            false => fs::remove_file(&self.partial),
        }
        .map_err(|e| self.fault(e))?;
        self.file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&self.partial)
            .map_err(|e| self.fault(e))?;
        lock(&self.file, &self.partial)
    }

    pub(super) fn holds(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        let Some(slot) = self.slots.get(&blob.digest) else { return Ok(false) };
        let length = self.file.metadata().map_err(|e| self.fault(e))?.len();
        Ok(slot.data() + slot.size <= length && hash(&Own(self), blob, progress)?)
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

    /// Writes what is left, and syncs.
    pub(super) fn finish(&self) -> Result<()> {
        if let Some(slot) = self.order.last().and_then(|last| self.slots.get(last)) {
            self.write_headers(slot)?;
        }
        for slot in self.slots.values() {
            self.pad(slot)?;
        }
        self.file.write_all_at(&[0; 2 * BLOCK as usize], self.end).map_err(|e| self.fault(e))?;
        self.file.set_len(self.end + 2 * BLOCK).map_err(|e| self.fault(e))?;
        self.file.sync_all().map_err(|e| self.fault(e))
    }

    /// Gives the file its name.
    pub(super) fn name(self) -> Result<()> {
        rename_new(&self.partial, &self.output)?;
        sync_parent(&self.output)?;
        match fs::remove_file(&self.old) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io(format!("cannot remove {}", self.old.display()), e))
            }
            _ => Ok(()),
        }
    }

    fn fault(&self, error: std::io::Error) -> Error {
        Error::io(format!("cannot write {}", self.partial.display()), error)
    }
}

/// The layers that the file itself holds so far.
struct Own<'a>(&'a PackedDraft);

impl BlobSource for Own<'_> {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        let slot = self.0.slots.get(&blob.digest).ok_or_else(|| {
            Error::new(Class::Incomplete, format!("blob {} is not planned", blob.digest))
        })?;
        let file = self.0.file.try_clone().map_err(|e| self.0.fault(e))?;
        Ok(Box::new(Slice { file, at: slot.data() + offset, left: slot.size - offset }))
    }
}

/// What an unfinished export left behind: configs in its head, and everything in the file of
/// another one.
impl BlobSource for PackedDraft {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        let path = blob_path(&blob.digest);
        for tree in &self.found {
            if tree.size(&path) == Some(blob.size) {
                return Ok(Box::new(tree.open_file(&path, offset)?));
            }
        }
        Err(Error::new(Class::Incomplete, "not left behind"))
    }
}

impl BlobSink for PackedDraft {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        self.holds(blob, &crate::words::progress::Silent)
    }

    fn put(&self, blob: &Descriptor, content: &mut dyn Content) -> Result<()> {
        let slot = self.slots.get(&blob.digest).ok_or_else(|| {
            Error::new(Class::Other, format!("blob {} has no place in the bundle", blob.digest))
        })?;
        self.write_headers(slot)?;
        let mut buffer = vec![0; BUFFER];
        let mut at = slot.data();
        loop {
            let got = content.read(&mut buffer).map_err(|e| self.fault(e))?;
            if got == 0 {
                return self.pad(slot);
            }
            self.file.write_all_at(&buffer[..got], at).map_err(|e| self.fault(e))?;
            at += got as u64;
        }
    }
}

/// A part of a file, read by position.
struct Slice {
    file: File,
    at: u64,
    left: u64,
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let got = self.file.read_at(&mut buffer[..want], self.at)?;
        self.at += got as u64;
        self.left -= got as u64;
        Ok(got)
    }
}

#[cfg(test)]
mod tests;
