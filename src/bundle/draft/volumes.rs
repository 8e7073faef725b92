//! [`VOLUMES`]: a bundle as a folder of plain tars, each of which fits on a medium of its own.
//!
//! How it is cut is known beforehand, so every piece has its place before it arrives, and blobs are
//! fetched in parallel straight into the volumes. What is not known are the digests of pieces; they
//! are taken while they pass, and the tables are written at last.

pub(super) mod left;
pub(super) mod slot;
pub(super) mod volume_file;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;

use self::left::{left_in, volume_name};
use self::slot::{Slot, Slots};
use self::volume_file::{VolumeFile, ended, pass, small_files};
use super::making::{Maker, Making, hash};
use super::site::{Site, stays};
use super::written::Spoilt;
use crate::bundle::cut::{Cut, ToCut};
use crate::bundle::head::Head;
use crate::bundle::keys::PrivateKey;
use crate::bundle::labels::{Labels, SHEET, TEXT};
use crate::medium::cutting::Cutting;
use crate::medium::in_volumes;
use crate::medium::tree::Tree;
use crate::storage::checked::Checked;
use crate::storage::content::Content;
use crate::storage::holdings::BlobHoldings;
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSink, BlobSource};
use crate::tools::buffer::BUFFER;
use crate::tools::file::write_whole;
use crate::tools::folder::{FileInfo, Folder};
use crate::tools::room;
use crate::tools::stretch::Stretch;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// Permissions of a volume: whoever carries it may read it, and nobody else writes it.
pub(super) const MODE: u32 = 0o644;
/// How its name ends, and what lies beside volumes.
const TAR: &str = ".tar";
pub(super) const OTHERS: &[&str] = &[TEXT, SHEET];

/// Bundles that are folders of volumes.
pub(super) const VOLUMES: Maker = Maker {
    open: |site| Ok(Box::new(VolumesDraft::open(site)?)),
    may_update: |site| Err(stays(site, "is a set of volumes")),
    update: |site| Err(stays(&site, "is a set of volumes")),
    left: |site| left(site, TAR),
    check: |output, head| output.cutting().map_or(Ok(()), |by| checked(head, by).map(drop)),
    largest: |output, _| output.cutting().map_or(0, |by| by.volume_size),
    size: |output, head| {
        let Some(by) = output.cutting() else { return 0 };
        Cut::of(&ToCut::of(head), by).map_or(0, |cut| cut.size(by.only))
    },
    is_one_file: false,
    takes_ahead: false,
};

/// How the bundle of `head` is cut.
pub(super) fn checked(head: &Head, by: &Cutting) -> Result<Cut> {
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

/// Who signs the tables of volumes, where they are to be signed.
pub(super) fn signer<'k>(
    key: Option<&'k PrivateKey>,
    by: &Cutting,
) -> Result<Option<&'k PrivateKey>> {
    match (key, by.is_signed) {
        (None, true) => Err(Error::new(Class::Other, "nobody signs the tables of volumes")),
        (key, _) => Ok(key),
    }
}

/// Volumes in the making.
#[derive(Debug)]
struct VolumesDraft {
    site: Site,
    /// The folder itself, locked.
    root: Folder,
    cutting: Cutting,
    /// Who signs the tables.
    key: Option<PrivateKey>,
    /// What is written onto the sleeves.
    labels: Labels,
    /// Each volume, where it is to be made.
    volumes: Vec<Option<VolumeFile>>,
    slots: Slots,
    spoilt: Spoilt,
}

impl VolumesDraft {
    fn open(site: Site) -> Result<VolumesDraft> {
        let Some(cutting) = site.cutting.clone() else {
            return Err(Error::new(Class::Other, "nobody said how large a volume is"));
        };
        let root = site.open_folder()?;
        left_in(&root, &site, TAR, OTHERS)?;
        let (key, labels, volumes, slots, spoilt) = Default::default();
        Ok(VolumesDraft { site, root, cutting, key, labels, volumes, slots, spoilt })
    }

    /// The file of a volume that exists or is made now.
    fn open_or_create(&self, volume: usize) -> Result<Arc<File>> {
        let name = volume_name(&self.site, volume);
        let file = match self.root.create(&name, MODE) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => self.root.file_to_write(&name),
            other => other,
        };
        let path = self.root.at(&name);
        file.map(Arc::new).map_err(|e| Error::io(format!("cannot write {}", path.display()), e))
    }

    fn file(&self, slot: &Slot) -> Option<&VolumeFile> {
        self.volumes.get(slot.volume)?.as_ref()
    }

    /// What is there of the first bytes of a blob, up to the first that is not, or is not made here.
    fn there(&self, slots: &[Slot]) -> Result<Stretch> {
        let mut parts = Vec::new();
        for slot in slots {
            let Some(file) = self.file(slot) else { break };
            let there = file.there(slot)?;
            let is_whole = there.size() == slot.length;
            parts.push(there);
            if !is_whole {
                break;
            }
        }
        Ok(Stretch::joined(parts))
    }

    /// Writes what comes of a blob, from its byte `from` on, to its places, as far as they are made.
    fn write(&self, slots: &[Slot], from: u64, content: &mut dyn Content) -> Result<()> {
        let mut buffer = vec![0; BUFFER];
        for slot in slots {
            let from = from.saturating_sub(slot.offset).min(slot.length);
            match self.file(slot) {
                Some(file) if from < slot.length => file.fill(slot, from, content, &mut buffer)?,
                _ => pass(slot, from, content, &mut buffer, |_, _| Ok(()))?,
            }
        }
        ended(content)
    }

    /// Removes volumes that another cut left behind.
    fn sweep(&self) -> Result<()> {
        for (name, _) in left_in(&self.root, &self.site, TAR, OTHERS)? {
            let is_made = |(at, file): (usize, &Option<VolumeFile>)| {
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

/// How many bytes of volumes that end in `ending` were left behind.
pub(super) fn left(site: &Site, ending: &str) -> Result<u64> {
    if site.left(&site.partial, FileType::Directory)?.is_none() {
        return Ok(0);
    }
    let path = site.folder.at(&site.partial);
    let root = site.folder.below(&site.partial);
    let root = root.map_err(|e| Error::io(format!("cannot list {}", path.display()), e))?;
    left_in(&root, site, ending, OTHERS).map(|left| allocated(&left))
}

/// How many bytes of the disk these files take.
pub(super) fn allocated(left: &[(String, FileInfo)]) -> u64 {
    left.iter().fold(0, |sum, (_, about)| sum.saturating_add(about.allocated))
}

impl Making for VolumesDraft {
    fn begin(&mut self, head: &Head) -> Result<()> {
        signer(self.key.as_ref(), &self.cutting)?;
        let cut = checked(head, &self.cutting)?;
        let left = allocated(&left_in(&self.root, &self.site, TAR, OTHERS)?);
        let needed = cut.size(self.cutting.only).saturating_sub(left);
        room::check(self.root.path(), needed, "for the volumes")
            .map_err(|e| e.hint("free some, or name an output on another disk"))?;
        self.labels = Labels::of(head)?;
        self.slots = Slots::of(&cut);
        let small = small_files(head)?;
        for (at, volume) in cut.0.into_iter().enumerate() {
            let is_made = self.cutting.only.is_none_or(|only| only == volume.table.number);
            let made = match is_made {
                true => {
                    let (file, path) = (self.open_or_create(at)?, volume_name(&self.site, at));
                    let made = VolumeFile::new(volume, file, self.root.at(path));
                    made.begin(&small)?;
                    Some(made)
                }
                false => None,
            };
            self.volumes.push(made);
        }
        Ok(())
    }

    fn keep_key(&mut self, key: PrivateKey) {
        self.key = self.cutting.is_signed.then_some(key);
    }

    fn holds(&self, blob: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        let slots = self.slots.of_blob(blob)?;
        let mut made = slots.iter().filter(|slot| self.file(slot).is_some()).peekable();
        // What belongs to volumes that are not made is not asked for.
        if made.peek().is_none() {
            return Ok(true);
        }
        let is_concluded = |slot: &Slot| self.file(slot).is_some_and(|it| it.is_concluded(slot));
        Ok(slots.iter().all(is_concluded) && hash(&Own(self), blob, progress)?)
    }

    fn sink(&self) -> &dyn BlobSink {
        self
    }

    fn needs(&self, missing: &[Descriptor]) -> u64 {
        let slots = missing.iter().filter_map(|blob| self.slots.of_blob(blob).ok()).flatten();
        let made = slots.filter(|slot| self.file(slot).is_some_and(|it| !it.is_concluded(slot)));
        made.fold(0, |sum, slot| sum.saturating_add(slot.length))
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn finish(&self) -> Result<()> {
        self.sweep()?;
        let (signer, mut labels) = (signer(self.key.as_ref(), &self.cutting)?, self.labels.clone());
        for volume in self.volumes.iter().flatten() {
            let (about, table, _) = volume.finish(signer)?;
            labels.add(&about, &table, VolumeFile::size(&volume.cut));
        }
        write_whole(&self.root, TEXT, MODE, labels.text().as_bytes())?;
        write_whole(&self.root, SHEET, MODE, labels.sheet().as_bytes())?;
        self.root.sync()
    }

    fn tree(&self) -> Result<Tree> {
        in_volumes::made_in(&self.root)?.ok_or_else(|| {
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
        let slots = self.0.slots.of_blob(blob)?.iter();
        let parts = slots.filter_map(|slot| Some(self.0.file(slot)?.piece(slot)));
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
        let slots = self.slots.of_blob(&blob)?;
        let write = |from, content: &mut dyn Content| self.write(slots, from, content);
        self.spoilt.go_on(&blob.digest, || self.there(slots), content, write)?;
        let made = slots.iter().filter_map(|slot| Some((self.file(slot)?, slot)));
        made.into_iter().try_for_each(|(file, slot)| file.conclude(slot))
    }
}

#[cfg(test)]
mod tests;
