//! [`VolumeFile`]: one volume in the making. How it is cut is known beforehand, so every piece has its
//! place before it arrives. What is not known are the digests of pieces; they are taken while they pass,
//! and the table is written at last.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::packed::MTIME;
use super::super::written::Reached;
use super::slot::Slot;
use crate::bundle::check::Beginning;
use crate::bundle::cut::CutVolume;
use crate::bundle::head::Head;
use crate::bundle::keys::PrivateKey;
use crate::bundle::signed_table::SignedTable;
use crate::medium::header::{BLOCK, header};
use crate::medium::volume_table::{SIGNATURE, VOLUME, VolumeTable};
use crate::storage::content::Content;
use crate::storage::reading::digest_of;
use crate::tools::stretch::Stretch;
use crate::tools::uncached::sync;
use crate::words::cancel::Cancel;
use crate::words::digest::{Digest, Hasher};
use crate::words::error::{Class, Error, Result};

/// The small files of the bundle of `head`, as each volume has them behind its table.
pub(in crate::bundle) fn small_files(head: &Head) -> Result<Vec<u8>> {
    let mut small = Vec::new();
    for (path, bytes) in &head.files {
        append(&mut small, path, bytes)?;
    }
    Ok(small)
}

/// Adds a file to what becomes a tar.
pub(in crate::bundle) fn append(tar: &mut Vec<u8>, path: &str, bytes: &[u8]) -> Result<()> {
    tar.extend_from_slice(&header(path, bytes.len() as u64, MTIME)?);
    tar.extend_from_slice(bytes);
    tar.resize(tar.len().next_multiple_of(BLOCK as usize), 0);
    Ok(())
}

/// One volume in the making.
#[derive(Debug)]
pub(in crate::bundle) struct VolumeFile {
    /// What is to lie in it, and where.
    pub cut: CutVolume,
    pub file: Arc<File>,
    /// What it is called, for people.
    pub path: PathBuf,
    /// The digests of the parts that passed here, by their place in the table.
    sums: Mutex<BTreeMap<usize, Digest>>,
}

impl VolumeFile {
    pub fn new(cut: CutVolume, file: Arc<File>, path: PathBuf) -> VolumeFile {
        VolumeFile { cut, file, path, sums: Mutex::default() }
    }

    pub fn fault(&self, error: io::Error) -> Error {
        Error::io(format!("cannot write {}", self.path.display()), error)
    }

    /// How many bytes it has in the end.
    pub fn size(cut: &CutVolume) -> u64 {
        cut.end + 2 * BLOCK
    }

    /// Lays down the small files of the bundle.
    pub fn begin(&self, small: &[u8]) -> Result<()> {
        self.file.write_all_at(small, self.cut.head).map_err(|e| self.fault(e))
    }

    /// Whether the `small` files of the bundle are laid down already.
    pub fn has_begun(&self, small: &[u8]) -> bool {
        let mut there = vec![0; small.len()];
        self.file.read_exact_at(&mut there, self.cut.head).is_ok() && there == small
    }

    /// The place of a piece.
    pub fn place(&self, slot: &Slot) -> Reached<'_> {
        Reached { file: &self.file, start: slot.data(), size: slot.length }
    }

    /// The bytes of a piece that is there.
    pub fn piece(&self, slot: &Slot) -> Stretch {
        Stretch::new(Arc::clone(&self.file), slot.data(), slot.length)
    }

    /// The bytes that were written of a piece, as far as they are known.
    pub fn there(&self, slot: &Slot) -> Result<Stretch> {
        let place = self.place(slot);
        place.there().map(|size| place.first(size)).map_err(|e| self.fault(e))
    }

    /// Writes what comes to its place, from byte `from` of the piece to its end.
    pub fn fill(
        &self,
        slot: &Slot,
        from: u64,
        content: &mut dyn Content,
        buffer: &mut [u8],
    ) -> Result<()> {
        let mut hasher = (slot.is_part && from == 0).then(Hasher::new);
        pass(slot, from, content, buffer, |bytes, at| {
            if let Some(hasher) = &mut hasher {
                hasher.update(bytes);
            }
            self.file.write_all_at(bytes, slot.data() + at).map_err(|e| self.fault(e))
        })?;
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        match hasher {
            Some(hasher) => sums.insert(slot.piece, hasher.finish()),
            None => sums.remove(&slot.piece),
        };
        Ok(())
    }

    /// Says that a piece is there whole: its header is written behind its bytes.
    pub fn conclude(&self, slot: &Slot) -> Result<()> {
        let Range { start, end } = slot.padding();
        let zeros = vec![0; usize::try_from(end - start).unwrap_or(0)];
        let header = header(&slot.path, slot.length, MTIME)?;
        self.file
            .write_all_at(&zeros, start)
            .and_then(|()| self.file.write_all_at(&header, slot.header))
            .map_err(|e| self.fault(e))
    }

    /// Whether a piece was written whole once, whatever its bytes are.
    pub fn is_concluded(&self, slot: &Slot) -> bool {
        self.has_header(&slot.path, slot.length, slot.header)
    }

    /// Whether all pieces were.
    pub fn is_whole(&self) -> bool {
        let mut pieces = self.cut.table.pieces.iter().zip(&self.cut.pieces);
        pieces.all(|(piece, at)| self.has_header(&piece.path(), piece.length(), *at))
    }

    fn has_header(&self, path: &str, length: u64, at: u64) -> bool {
        let (mut there, wanted) = ([0; BLOCK as usize], header(path, length, MTIME));
        let read = self.file.read_exact_at(&mut there, at);
        read.is_ok() && wanted.is_ok_and(|it| it == there)
    }

    /// Its table, with the digests of all its parts.
    fn table(&self) -> Result<VolumeTable> {
        let mut table = self.cut.table.clone();
        for (number, (piece, header)) in table.pieces.iter_mut().zip(&self.cut.pieces).enumerate() {
            let length = piece.length();
            let Some(part) = &mut piece.part else { continue };
            let passed = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
            let passed = passed.get(&number).copied();
            part.sha256 = match passed {
                Some(digest) => digest,
                None => {
                    let bytes = Stretch::new(Arc::clone(&self.file), header + BLOCK, length);
                    digest_of(&mut bytes.reader(0), &Cancel::default())
                        .map_err(|e| self.fault(e))?
                }
            };
        }
        Ok(table)
    }

    /// Writes what is left of it, and syncs it; its table is signed by `signer`, where there is one. Gives its
    /// table, that as it was written, and what it has to begin with.
    pub fn finish(&self, signer: Option<&PrivateKey>) -> Result<(VolumeTable, Vec<u8>, Beginning)> {
        let about = self.table()?;
        let table = about.to_bytes()?;
        let (volume, file) = (&self.cut, &self.file);
        let mut start = Vec::new();
        append(&mut start, VOLUME, &table)?;
        if let Some(key) = signer {
            let signature = SignedTable::of(&about, &Digest::of(&table)).sign(key);
            append(&mut start, SIGNATURE, &signature)?;
        }
        let beginning = Beginning::of(0, &start);
        // A medium may have lost what fills up a block, where the bytes before it are right.
        for (piece, header) in about.pieces.iter().zip(&volume.pieces) {
            let end = header + BLOCK + piece.length();
            let zeros = vec![0; usize::try_from(end.next_multiple_of(BLOCK) - end).unwrap_or(0)];
            file.write_all_at(&zeros, end).map_err(|e| self.fault(e))?;
        }
        file.write_all_at(&start, 0)
            .and_then(|()| file.write_all_at(&[0; 2 * BLOCK as usize], volume.end))
            .and_then(|()| file.set_len(VolumeFile::size(volume)))
            .and_then(|()| sync(file))
            .map_err(|e| self.fault(e))?;
        Ok((about, table, beginning))
    }
}

/// Reads the piece `slot` from its byte `from` to its end, and hands its bytes to `take` with where in it
/// they are.
pub(in crate::bundle) fn pass(
    slot: &Slot,
    from: u64,
    content: &mut dyn Content,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8], u64) -> Result<()>,
) -> Result<()> {
    let mut at = from;
    while at < slot.length {
        let want = usize::try_from(slot.length - at).unwrap_or(buffer.len()).min(buffer.len());
        let got = content
            .read(&mut buffer[..want])
            .map_err(|e| Error::io(format!("cannot read {}", slot.path), e))?;
        if got == 0 {
            return Err(Error::new(Class::Damaged, format!("{} ended too early", slot.path)));
        }
        take(&buffer[..got], at)?;
        at += got as u64;
    }
    Ok(())
}

/// Fails where `content` has more than was read of it; the end tells whether all of it was right.
pub(in crate::bundle) fn ended(content: &mut dyn Content) -> Result<()> {
    match content.read(&mut [0]).map_err(|e| Error::io("cannot read", e))? {
        0 => Ok(()),
        _ => Err(Error::new(Class::Damaged, "a blob has more bytes than it was to have")),
    }
}
