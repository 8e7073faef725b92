//! [`SealedVolumes`]: encrypted volumes, one behind the other, each written front to back.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::front_to_back::Road;
use super::super::packed::MTIME;
use super::super::volumes::MODE;
use super::super::volumes::left::named;
use super::super::volumes::slot::{Slot, Slots};
use super::super::volumes::volume_file::append;
use crate::bundle::cut::{Cut, CutVolume};
use crate::bundle::keys::PrivateKey;
use crate::bundle::labels::{Labels, SHEET, TEXT};
use crate::bundle::signed_table::SignedTable;
use crate::medium::header::{BLOCK, header};
use crate::medium::volume_table::{SIGNATURE, VOLUME};
use crate::tools::buffer::BUFFER;
use crate::tools::cipher::{HEADER_ROOM, Recipients, Seal, Unlocked};
use crate::tools::file::write_whole;
use crate::tools::folder::Folder;
use crate::tools::uncached::sync;
use crate::words::digest::{Digest, Hasher};
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};

/// How the file of a volume ends.
pub(super) const ENDING: &str = ".tar.age";

/// How many bytes the file has at most of a volume of so many bytes.
pub(super) fn sealed(size: u64) -> u64 {
    Unlocked::sealed_size(size).saturating_add(HEADER_ROOM)
}

/// How many bytes a volume has in clear.
pub(super) fn size_of(volume: &CutVolume) -> u64 {
    volume.end + 2 * BLOCK
}

/// SealedVolumes, one behind the other.
pub(super) struct SealedVolumes {
    root: Folder,
    name: String,
    cut: Vec<CutVolume>,
    only: Option<u32>,
    recipients: Arc<Recipients>,
    /// The small files, as each volume has them.
    small: Vec<u8>,
    key: Option<PrivateKey>,
    labels: Labels,
    slots: Slots,
    /// The next volume that is begun.
    at: usize,
    current: Option<Current>,
    /// The pieces of the blob that comes which are not there yet, the next one first.
    pieces: Vec<Slot>,
    /// How many bytes of the next one came.
    filled: u64,
    made: Vec<(String, Arc<Unlocked>)>,
}

type Writer = Seal<BufWriter<Arc<File>>>;

/// The volume that is written.
struct Current {
    at: usize,
    /// Nothing for one that is not made.
    writing: Option<(Writer, Arc<File>, PathBuf)>,
    hasher: Hasher,
    /// The digests of the parts that passed, by their place in the table.
    sums: BTreeMap<usize, Digest>,
}

impl Current {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some((seal, _, path)) = &mut self.writing else { return Ok(()) };
        seal.write_all(bytes).map_err(|e| fault(path, e))
    }
}

fn fault(path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot write {}", path.display()), error)
}

/// Which zeros fill up the last block of so many bytes.
fn padding(size: u64) -> Vec<u8> {
    vec![0; usize::try_from(size.next_multiple_of(BLOCK) - size).unwrap_or(0)]
}

impl SealedVolumes {
    /// Those of the set that is called `name`, in `root`: of `cut` all, or the `only` one, encrypted for
    /// `recipients`, each with the `small` files; `key` signs their tables, if anybody does.
    pub(super) fn new(
        (root, name): (Folder, String),
        (cut, only): (Vec<CutVolume>, Option<u32>),
        (recipients, key): (Arc<Recipients>, Option<PrivateKey>),
        (small, labels): (Vec<u8>, Labels),
    ) -> SealedVolumes {
        let cut = Cut(cut);
        let slots = Slots::of(&cut);
        let (at, current, pieces, filled, made) = Default::default();
        SealedVolumes {
            root,
            name,
            cut: cut.0,
            only,
            recipients,
            small,
            key,
            labels,
            slots,
            at,
            current,
            pieces,
            filled,
            made,
        }
    }

    /// Finishes what is before volume `at`, and begins that.
    fn turn_to(&mut self, at: usize) -> Result<&mut Current> {
        while self.current.as_ref().is_none_or(|current| current.at < at) {
            self.finish_current()?;
            let writing = match self.cut.get(self.at) {
                Some(it) if self.only.is_none_or(|only| only == it.table.number) => {
                    Some(self.create(self.at)?)
                }
                _ => None,
            };
            let (hasher, sums) = Default::default();
            let mut current = Current { at: self.at, writing, hasher, sums };
            current.write(&self.small)?;
            self.current = Some(current);
            self.at += 1;
        }
        self.current.as_mut().ok_or_else(|| Error::new(Class::Other, "there is no such volume"))
    }

    fn create(&self, at: usize) -> Result<(Writer, Arc<File>, PathBuf)> {
        let name = named(&self.name, at, ENDING);
        let path = self.root.at(&name);
        let fault = |e| fault(&path, e);
        let file = Arc::new(self.root.create(&name, MODE).map_err(fault)?);
        let output = BufWriter::with_capacity(BUFFER, Arc::clone(&file));
        let seal = self.recipients.seal(output).map_err(fault)?;
        Ok((seal, file, path))
    }

    /// Writes the table of the volume that is written, and ends it.
    fn finish_current(&mut self) -> Result<()> {
        let Some(Current { at, writing, sums, .. }) = self.current.take() else { return Ok(()) };
        let (Some((mut seal, file, path)), Some(cut)) = (writing, self.cut.get(at)) else {
            return Ok(());
        };
        let mut about = cut.table.clone();
        for (number, piece) in about.pieces.iter_mut().enumerate() {
            if let (Some(part), Some(digest)) = (&mut piece.part, sums.get(&number)) {
                part.sha256 = *digest;
            }
        }
        let (mut end, table) = (Vec::new(), about.to_bytes()?);
        append(&mut end, VOLUME, &table)?;
        if let Some(key) = &self.key {
            let signature = SignedTable::of(&about, &Digest::of(&table)).sign(key);
            append(&mut end, SIGNATURE, &signature)?;
        }
        end.resize(end.len() + 2 * usize::try_from(BLOCK).unwrap_or(0), 0);
        seal.write_all(&end).map_err(|e| fault(&path, e))?;
        let key = seal.finish().map_err(|e| fault(&path, e))?;
        sync(&file).map_err(|e| fault(&path, e))?;
        let size = file.metadata().map_err(|e| fault(&path, e))?.len();
        if size > sealed(size_of(cut)) {
            let text = format!("{} has {size} bytes, more than it may have", path.display());
            return Err(Error::new(Class::Other, text).hint("encrypt to fewer recipients"));
        }
        self.labels.add(&about, &table, size);
        let shown = named(&self.name, at, ENDING);
        self.made
            .push((shown, Arc::new(Unlocked::by_key(&path.display().to_string(), file, key)?)));
        Ok(())
    }
}

impl Road for SealedVolumes {
    type Made = Vec<(String, Arc<Unlocked>)>;

    fn begin(&mut self, blob: &Descriptor) -> Result<()> {
        (self.pieces, self.filled) = (self.slots.of_blob(blob)?.to_vec(), 0);
        match self.pieces.first().cloned() {
            // Of an empty blob no byte comes.
            Some(slot) if slot.length == 0 => {
                let header = header(&slot.path, 0, MTIME)?;
                self.turn_to(slot.volume)?.write(&header)
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let Some(slot) = self.pieces.first().cloned() else {
                return Err(Error::new(
                    Class::Damaged,
                    "a blob has more bytes than it was to have",
                ));
            };
            let filled = self.filled;
            let current = self.turn_to(slot.volume)?;
            if filled == 0 {
                current.hasher = Hasher::new();
                current.write(&header(&slot.path, slot.length, MTIME)?)?;
            }
            let left = usize::try_from(slot.length - filled).unwrap_or(usize::MAX);
            let (now, rest) = bytes.split_at(left.min(bytes.len()));
            current.write(now)?;
            if slot.is_part {
                current.hasher.update(now);
            }
            bytes = rest;
            self.filled += now.len() as u64;
            if self.filled == slot.length {
                let current = self.turn_to(slot.volume)?;
                current.write(&padding(slot.length))?;
                let digest = std::mem::take(&mut current.hasher).finish();
                current.sums.insert(slot.piece, digest);
                self.pieces.remove(0);
                self.filled = 0;
            }
        }
        Ok(())
    }

    fn end(&mut self, blob: &Descriptor) -> Result<()> {
        match self.pieces.iter().any(|slot| slot.length > 0) {
            true => Err(Error::new(Class::Damaged, format!("{} ended too early", blob.digest))),
            false => Ok(()),
        }
    }

    fn finish(mut self) -> Result<Self::Made> {
        if let Some(last) = self.cut.len().checked_sub(1) {
            self.turn_to(last)?;
        }
        self.finish_current()?;
        write_whole(&self.root, TEXT, MODE, self.labels.text().as_bytes())?;
        write_whole(&self.root, SHEET, MODE, self.labels.sheet().as_bytes())?;
        Ok(self.made)
    }
}
