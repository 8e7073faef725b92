//! [`Volumes`]: a bundle in volumes, each a plain tar, of which a blob may lie in several. They are read
//! where they lie, in whatever order they were brought together.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Arc;

use super::part_store::{HeldPart, LoosePart, PartStore};
use super::pieces::{Extent, FileNumber, Pieces};
use super::volume_bytes::{PieceBytes, VolumeBytes};
use super::volume_table::{VolumeTable, name_of};
use crate::storage::reading::digest_of;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::error::Result;

/// The volumes of one set that are there.
#[derive(Debug, Default)]
pub struct Volumes {
    pub(super) each: Vec<Volume>,
    /// Of each blob that lies in several, where, and what the tables say of that.
    pub(super) spanning: BTreeMap<String, Vec<PartAt>>,
    /// Pieces of blobs of which others are missing.
    pub(super) loose: Vec<PartAt>,
    /// The small files of the bundle, as the volumes behind the first have them once more.
    pub(super) copies: Vec<(String, Extent)>,
    /// The names of these files, as the first has them.
    pub(super) head: Vec<String>,
    /// A sentence about each copy of a volume that is not read, since there is another.
    pub(super) twice: Vec<String>,
    /// The parts that are held of what other volumes had.
    pub(super) held: Vec<Arc<File>>,
    /// Whether one was named by itself.
    pub(super) is_single: bool,
}

/// A volume that is there.
#[derive(Debug)]
pub(super) struct Volume {
    pub(super) bytes: VolumeBytes,
    /// The name of its file.
    pub(super) shown: String,
    /// What it says of itself, without the list of what lies in it.
    pub(super) table: VolumeTable,
    /// The digest of the file that has that.
    pub(super) digest: Digest,
    /// The file that says who made it, where there is one.
    pub(super) signature: Option<Vec<u8>>,
}

/// What a volume says of itself, and who is said to have made that.
#[derive(Debug, Clone, Copy)]
pub struct TableAt<'v> {
    /// The name of its file.
    pub shown: &'v str,
    /// The table, without the list of what lies in it.
    pub table: &'v VolumeTable,
    /// The digest of the file that has it.
    pub digest: &'v Digest,
    /// The file that says who made it, where there is one.
    pub signature: Option<&'v [u8]>,
}

/// A piece of a blob, and where it is.
#[derive(Debug, Clone)]
pub(super) struct PartAt {
    pub(super) blob: Digest,
    pub(super) offset: u64,
    pub(super) at: Extent,
    pub(super) sha256: Digest,
    pub(super) path: String,
}

/// A file that is not one of the bundle's, and has to be as it was all the same.
#[derive(Debug)]
pub struct Apart {
    /// Its volume and its name there, for people.
    pub path: String,
    /// The file of the bundle that it is a copy of.
    pub copy_of: Option<String>,
    /// What the volume's table says of it.
    pub sha256: Option<Digest>,
    /// Its bytes.
    pub bytes: PieceBytes,
}

impl Volumes {
    /// The first that is there.
    fn first(&self) -> Option<&VolumeTable> {
        self.each.first().map(|volume| &volume.table)
    }

    /// How many belong to the set.
    #[must_use]
    pub fn of(&self) -> u32 {
        self.first().map_or(0, |table| table.of)
    }

    /// What people call the set.
    #[must_use]
    pub fn label(&self) -> &str {
        self.first().map_or("", |table| &table.label)
    }

    /// How many bytes a volume has at most.
    #[must_use]
    pub fn volume_size(&self) -> u64 {
        self.first().map_or(0, |table| table.volume_size)
    }

    /// What the volumes of one cut of one bundle have in common, and nothing else has.
    #[must_use]
    pub fn set(&self) -> Option<Digest> {
        self.first().map(|table| table.set)
    }

    /// The numbers of those that are there.
    #[must_use]
    pub fn numbers(&self) -> Vec<u32> {
        self.each.iter().map(|volume| volume.table.number).collect()
    }

    /// The digest of the statement that they claim to be of.
    #[must_use]
    pub fn statement(&self) -> Option<Digest> {
        self.first().map(|table| table.statement)
    }

    /// The number of the volume that was named by itself, where one was.
    #[must_use]
    pub fn single(&self) -> Option<u32> {
        self.first().filter(|_| self.is_single).map(|table| table.number)
    }

    /// The numbers of those that are not there.
    #[must_use]
    pub fn missing(&self) -> Vec<u32> {
        let is_there = |number: &u32| self.each.iter().any(|it| it.table.number == *number);
        (1..=self.of()).filter(|number| !is_there(number)).collect()
    }

    /// What volume `number` is called, for people.
    #[must_use]
    pub fn name(&self, number: u32) -> String {
        name_of(number, self.of(), self.label())
    }

    /// What each says of itself.
    pub fn tables(&self) -> impl Iterator<Item = TableAt<'_>> {
        self.each.iter().map(|volume| {
            let Volume { shown, table, digest, signature, .. } = volume;
            TableAt { shown, table, digest, signature: signature.as_deref() }
        })
    }

    /// A sentence about each copy of a volume that is not read, since there is another.
    #[must_use]
    pub fn twice(&self) -> &[String] {
        &self.twice
    }

    /// How many pieces of blobs are there whose others are missing.
    #[must_use]
    pub fn loose(&self) -> usize {
        self.loose.len()
    }

    fn volume(&self, number: FileNumber) -> Option<&Volume> {
        self.each.get(usize::try_from(number.0).ok()?)
    }

    /// Adds what is held of blobs of which a part is here.
    pub(super) fn add_held(
        &mut self,
        parts: &mut BTreeMap<Digest, (u64, Vec<PartAt>)>,
        held: &PartStore,
    ) -> Result<()> {
        for part in held.all()? {
            let HeldPart { blob, offset, sha256, size } = part;
            let Some((_, here)) = parts.get_mut(&blob) else { continue };
            if here.iter().all(|it| it.offset != offset) {
                let number = self.each.len() + self.held.len();
                let file = FileNumber(u32::try_from(number).unwrap_or(u32::MAX));
                let at = Extent { file, at: 0, size };
                here.push(PartAt { blob, offset, at, sha256, path: String::new() });
                self.held.push(Arc::new(held.file(&part)?));
            }
        }
        Ok(())
    }

    /// The bytes of one piece.
    pub(super) fn piece(&self, it: Extent) -> Option<PieceBytes> {
        let at = usize::try_from(it.file.0).ok()?;
        match self.each.get(at) {
            Some(volume) => Some(volume.bytes.piece(it.at, it.size)),
            // Behind the volumes come the held parts.
            None => {
                let file = Arc::clone(self.held.get(at - self.each.len())?);
                Some(VolumeBytes::Plain(file).piece(it.at, it.size))
            }
        }
    }

    /// The parts that the volumes have of blobs of which others are not at hand. What is encrypted is not
    /// among them: nothing decrypted is put down.
    #[must_use]
    pub fn loose_parts(&self) -> Vec<LoosePart> {
        let loose = self.loose.iter().filter_map(|it| {
            let volume = self.volume(it.at.file)?;
            let (blob, offset, sha256, size) = (it.blob, it.offset, it.sha256, it.at.size);
            Some(LoosePart {
                part: HeldPart { blob, offset, sha256, size },
                path: it.path.clone(),
                whence: self.shown(volume),
                bytes: self.piece(it.at)?.stretch()?,
            })
        });
        loose.collect()
    }

    /// The volumes in which the bytes of the file `path`, which lies in `pieces`, are wrong, as far as
    /// that can be told, else those in which it lies. Reads a file that lies in several.
    pub(super) fn suspects(&self, path: &str, pieces: &Pieces) -> Vec<String> {
        let shown = |file: FileNumber| Some(self.shown(self.volume(file)?));
        let parts = self.spanning.get(path).map(Vec::as_slice).unwrap_or_default();
        let is_wrong = |part: &&PartAt| {
            let mut reader = self.piece(part.at).map(|piece| piece.reader(0));
            let read = reader.as_mut().map(|reader| digest_of(reader, &Cancel::default()));
            read.and_then(io::Result::ok) != Some(part.sha256)
        };
        let wrong: Vec<String> =
            parts.iter().filter(is_wrong).filter_map(|part| shown(part.at.file)).collect();
        match wrong.is_empty() {
            true => pieces.iter().filter_map(|it| shown(it.file)).collect(),
            false => wrong,
        }
    }

    fn shown(&self, volume: &Volume) -> String {
        format!("{}, {}", volume.table.name(), volume.shown)
    }

    /// What has to be right beside the files of the bundle.
    pub(super) fn apart(&self) -> Vec<Apart> {
        let name = |file: FileNumber| self.volume(file).map_or("", |volume| volume.shown.as_str());
        let copies = self.copies.iter().filter_map(|(path, at)| {
            Some(Apart {
                path: format!("{}: {path}", name(at.file)),
                copy_of: Some(path.clone()),
                sha256: None,
                bytes: self.piece(*at)?,
            })
        });
        let loose = self.loose.iter().filter_map(|part| {
            Some(Apart {
                path: format!("{}: {}", name(part.at.file), part.path),
                copy_of: None,
                sha256: Some(part.sha256),
                bytes: self.piece(part.at)?,
            })
        });
        copies.chain(loose).collect()
    }
}
