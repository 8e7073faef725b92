//! [`VOLUMES`]: a bundle as a folder of plain tars, each of which fits on a medium of its own.
//!
//! How it is cut is known beforehand, so every piece has its place before it arrives, and blobs are
//! fetched in parallel straight into the volumes. What is not known are the digests of pieces; they
//! are taken while they pass, and the tables are written at last.

mod left;
mod slot;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::FileType;

use self::left::{left_in, volume_name};
use self::slot::Slot;
use super::making::{Maker, Making, hash};
use super::packed::MTIME;
use super::site::{Site, stays};
use crate::bundle::cut::{Cut, CutVolume, ToCut};
use crate::bundle::head::Head;
use crate::bundle::labels::{Labels, SHEET, TEXT};
use crate::medium::cutting::Cutting;
use crate::medium::header::{BLOCK, header};
use crate::medium::in_volumes;
use crate::medium::tree::Tree;
use crate::medium::volume_table::{VOLUME, VolumeTable};
use crate::storage::checked::Checked;
use crate::storage::holdings::BlobHoldings;
use crate::storage::raw::Raw;
use crate::storage::reading::digest_of;
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::buffer::BUFFER;
use crate::tools::file::write_whole;
use crate::tools::folder::Folder;
use crate::tools::stretch::Stretch;
use crate::tools::uncached::sync;
use crate::words::cancel::Cancel;
use crate::words::digest::{Digest, Hasher};
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// Permissions of a volume: whoever carries it may read it, and nobody else writes it.
const MODE: u32 = 0o644;

/// Bundles that are folders of volumes.
pub(super) const VOLUMES: Maker = Maker {
    open: |site| Ok(Box::new(VolumesDraft::open(site)?)),
    may_update: |site| Err(stays(site, "is a set of volumes")),
    update: |site| Err(stays(&site, "is a set of volumes")),
    left: VolumesDraft::left,
    check: |output, head| output.cutting().map_or(Ok(()), |by| checked(head, by).map(drop)),
    largest: |output, _| output.cutting().map_or(0, |by| by.volume_size),
    size: |output, head| {
        let Some(by) = output.cutting() else { return 0 };
        Cut::of(&ToCut::of(head), by).map_or(0, |cut| cut.size(by.only))
    },
    is_one_file: false,
};

/// How the bundle of `head` is cut.
fn checked(head: &Head, by: &Cutting) -> Result<Cut> {
    let cut = Cut::of(&ToCut::of(head), by)?;
    let of = cut.0.len();
    match by.only {
        Some(only) if usize::try_from(only).map_or(true, |only| !(1..=of).contains(&only)) => {
            let text = format!("there is no volume {only}: the bundle is cut into {of}");
            Err(Error::new(Class::Usage, text))
        }
        _ => Ok(cut),
    }
}

/// Volumes in the making.
#[derive(Debug)]
struct VolumesDraft {
    site: Site,
    /// The folder itself, locked.
    root: Folder,
    cutting: Cutting,
    /// What is written onto the sleeves.
    labels: Labels,
    /// Each volume with its file, where it is to be made.
    volumes: Vec<(CutVolume, Option<Arc<File>>)>,
    /// Where the pieces of each blob lie, in their order.
    slots: BTreeMap<Digest, Vec<Slot>>,
    /// The digests of pieces that passed here, by volume and piece.
    sums: Mutex<BTreeMap<(usize, usize), Digest>>,
}

impl VolumesDraft {
    fn open(site: Site) -> Result<VolumesDraft> {
        let Some(cutting) = site.cutting.clone() else {
            return Err(Error::new(Class::Other, "nobody said how large a volume is"));
        };
        let root = site.open_folder()?;
        left_in(&root, &site)?;
        let (labels, volumes, slots, sums) = Default::default();
        Ok(VolumesDraft { site, root, cutting, labels, volumes, slots, sums })
    }

    /// How many bytes were left behind.
    fn left(site: &Site) -> Result<u64> {
        if site.left(&site.partial, FileType::Directory)?.is_none() {
            return Ok(0);
        }
        let path = site.folder.at(&site.partial);
        let root = site.folder.below(&site.partial);
        let root = root.map_err(|e| Error::io(format!("cannot list {}", path.display()), e))?;
        let left = left_in(&root, site)?.into_iter();
        Ok(left.fold(0, |sum, (_, about)| sum.saturating_add(about.allocated)))
    }

    fn fault(&self, volume: usize, error: io::Error) -> Error {
        let path = self.root.at(volume_name(&self.site, volume));
        Error::io(format!("cannot write {}", path.display()), error)
    }

    /// The file of a volume that exists or is made now.
    fn open_or_create(&self, volume: usize) -> Result<Arc<File>> {
        let name = volume_name(&self.site, volume);
        let file = match self.root.create(&name, MODE) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => self.root.file_to_write(&name),
            other => other,
        };
        file.map(Arc::new).map_err(|e| self.fault(volume, e))
    }

    fn file(&self, slot: &Slot) -> Option<&Arc<File>> {
        self.volumes.get(slot.volume)?.1.as_ref()
    }

    fn pieces(&self, blob: &Descriptor) -> Result<&[Slot]> {
        let slots = self.slots.get(&blob.digest).map(Vec::as_slice);
        slots.ok_or_else(|| {
            Error::new(Class::Other, format!("blob {} has no place in the volumes", blob.digest))
        })
    }

    /// Says that a piece is there whole: its header is written behind its bytes.
    fn conclude(&self, slot: &Slot, file: &File) -> Result<()> {
        let Range { start, end } = slot.padding();
        let zeros = vec![0; usize::try_from(end - start).unwrap_or(0)];
        let header = header(&slot.path, slot.length, MTIME)?;
        file.write_all_at(&zeros, start)
            .and_then(|()| file.write_all_at(&header, slot.header))
            .map_err(|e| self.fault(slot.volume, e))
    }

    /// Whether the piece was written whole once, whatever its bytes are.
    fn is_concluded(&self, slot: &Slot) -> bool {
        let Some(file) = self.file(slot) else { return false };
        let mut there = [0; BLOCK as usize];
        let wanted = header(&slot.path, slot.length, MTIME);
        file.read_exact_at(&mut there, slot.header).is_ok() && wanted.is_ok_and(|it| it == there)
    }

    /// Writes the next `slot.length` bytes of `content` to their place, where that is made.
    fn fill(&self, slot: &Slot, content: &mut dyn Checked, buffer: &mut [u8]) -> Result<()> {
        let (mut at, end) = (slot.data(), slot.data() + slot.length);
        let mut hasher = Hasher::new();
        while at < end {
            let want = usize::try_from(end - at).unwrap_or(buffer.len()).min(buffer.len());
            let got = content.read(&mut buffer[..want]).map_err(|e| self.fault(slot.volume, e))?;
            if got == 0 {
                let text = format!("{} ended too early", slot.path);
                return Err(Error::new(Class::Damaged, text));
            }
            if slot.is_part {
                hasher.update(&buffer[..got]);
            }
            if let Some(file) = self.file(slot) {
                file.write_all_at(&buffer[..got], at).map_err(|e| self.fault(slot.volume, e))?;
            }
            at += got as u64;
        }
        if slot.is_part {
            let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
            sums.insert((slot.volume, slot.piece), hasher.finish());
        }
        Ok(())
    }

    /// The table of a volume, with the digests of all its pieces.
    fn table(&self, at: usize, volume: &CutVolume, file: &Arc<File>) -> Result<VolumeTable> {
        let mut table = volume.table.clone();
        for (number, (piece, header)) in table.pieces.iter_mut().zip(&volume.pieces).enumerate() {
            let length = piece.length();
            let Some(part) = &mut piece.part else { continue };
            let passed = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
            let passed = passed.get(&(at, number)).copied();
            part.sha256 = match passed {
                Some(digest) => digest,
                None => {
                    let bytes = Stretch::new(Arc::clone(file), header + BLOCK, length);
                    digest_of(&mut bytes.reader(0), &Cancel::default())
                        .map_err(|e| self.fault(at, e))?
                }
            };
        }
        Ok(table)
    }

    /// Writes what is left of a volume, and syncs it.
    fn finish_volume(
        &self,
        at: usize,
        volume: &CutVolume,
        file: &Arc<File>,
        labels: &mut Labels,
    ) -> Result<()> {
        let about = self.table(at, volume, file)?;
        let table = about.to_bytes()?;
        labels.add(&about, &table, volume.end + 2 * BLOCK);
        let mut start = header(VOLUME, table.len() as u64, MTIME)?.to_vec();
        start.extend_from_slice(&table);
        start.resize(usize::try_from(volume.head).unwrap_or(0), 0);
        file.write_all_at(&start, 0)
            .and_then(|()| file.write_all_at(&[0; 2 * BLOCK as usize], volume.end))
            .and_then(|()| file.set_len(volume.end + 2 * BLOCK))
            .and_then(|()| sync(file))
            .map_err(|e| self.fault(at, e))
    }

    /// Removes volumes that another cut left behind.
    fn sweep(&self) -> Result<()> {
        for (name, _) in left_in(&self.root, &self.site)? {
            let is_made = |(at, (_, file)): (usize, &(CutVolume, Option<Arc<File>>))| {
                file.is_some() && volume_name(&self.site, at) == name
            };
            if !self.volumes.iter().enumerate().any(is_made) {
                let path = self.root.at(&name);
                let removed = self.root.remove(&name);
                removed.map_err(|e| Error::io(format!("cannot remove {}", path.display()), e))?;
            }
        }
        Ok(())
    }
}

impl Making for VolumesDraft {
    fn begin(&mut self, head: &Head) -> Result<()> {
        let cut = checked(head, &self.cutting)?;
        self.labels = Labels::of(head)?;
        let mut small = Vec::new();
        for (path, bytes) in &head.files {
            small.extend_from_slice(&header(path, bytes.len() as u64, MTIME)?);
            small.extend_from_slice(bytes);
            small.resize(small.len().next_multiple_of(BLOCK as usize), 0);
        }
        for (at, volume) in cut.0.into_iter().enumerate() {
            let is_made = self.cutting.only.is_none_or(|only| only == volume.table.number);
            let file = match is_made {
                true => Some(self.open_or_create(at)?),
                false => None,
            };
            if let Some(file) = &file {
                file.write_all_at(&small, volume.head).map_err(|e| self.fault(at, e))?;
            }
            for (number, (piece, header)) in
                volume.table.pieces.iter().zip(&volume.pieces).enumerate()
            {
                let (length, path) = (piece.length(), piece.path());
                let (header, is_part) = (*header, piece.part.is_some());
                let slot = Slot { volume: at, piece: number, header, length, is_part, path };
                self.slots.entry(piece.blob).or_default().push(slot);
            }
            self.volumes.push((volume, file));
        }
        Ok(())
    }

    fn holds(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        let slots = self.pieces(blob)?;
        let mut made = slots.iter().filter(|slot| self.file(slot).is_some()).peekable();
        // What belongs to volumes that are not made is not asked for.
        if made.peek().is_none() {
            return Ok(true);
        }
        let all = slots.iter().all(|slot| self.is_concluded(slot));
        Ok(all && hash(&Own(self), blob, progress)?)
    }

    fn sink(&self) -> &dyn BlobSink {
        self
    }

    fn needs(&self, missing: &[Descriptor]) -> u64 {
        let slots = missing.iter().filter_map(|blob| self.slots.get(&blob.digest)).flatten();
        let made = slots.filter(|slot| self.file(slot).is_some() && !self.is_concluded(slot));
        made.fold(0, |sum, slot| sum.saturating_add(slot.length))
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn finish(&self) -> Result<()> {
        self.sweep()?;
        let mut labels = self.labels.clone();
        for (at, (volume, file)) in self.volumes.iter().enumerate() {
            if let Some(file) = file {
                self.finish_volume(at, volume, file, &mut labels)?;
            }
        }
        write_whole(&self.root, TEXT, MODE, labels.text().as_bytes())?;
        write_whole(&self.root, SHEET, MODE, labels.sheet().as_bytes())?;
        self.root.sync()
    }

    fn tree(&self) -> Result<Tree> {
        in_volumes::of_folder(&self.root)?.ok_or_else(|| {
            let text = format!("{} holds no volumes any more", self.root.path().display());
            Error::new(Class::Refused, text)
        })
    }

    fn is_whole(&self) -> bool {
        self.cutting.only.is_none()
    }

    fn name(&self) -> Result<()> {
        self.site.give_name(self.root.handle())
    }
}

/// The blobs that the volumes hold so far.
struct Own<'a>(&'a VolumesDraft);

impl BlobSource for Own<'_> {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let parts = self.0.pieces(blob)?.iter().filter_map(|slot| {
            let file = Arc::clone(self.0.file(slot)?);
            Some(Stretch::new(file, slot.data(), slot.length))
        });
        Ok(Raw::new(Stretch::joined(parts).reader(offset)))
    }
}

/// Small files are read again from where they come.
impl BlobSource for VolumesDraft {
    fn open(&self, _: &Descriptor, _: u64) -> Result<Raw<'_>> {
        Err(Error::new(Class::Incomplete, "not left behind"))
    }
}

impl BlobHoldings for VolumesDraft {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        self.holds(blob, &crate::words::progress::Silent)
    }
}

impl BlobSink for VolumesDraft {
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        let blob = content.blob().clone();
        let slots = self.pieces(&blob)?;
        let mut buffer = vec![0; BUFFER];
        for slot in slots {
            self.fill(slot, content, &mut buffer)?;
        }
        // The end tells whether all of it was right.
        let more = content.read(&mut buffer[..1]).map_err(|e| Error::io("cannot read", e))?;
        if more > 0 {
            let text = format!("blob {} has more than its {} bytes", blob.digest, blob.size);
            return Err(Error::new(Class::Damaged, text));
        }
        for slot in slots {
            if let Some(file) = self.file(slot) {
                self.conclude(slot, file)?;
            }
        }
        Ok(())
    }
}
