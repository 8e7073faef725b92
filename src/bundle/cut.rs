//! [`Cut`]: which bytes of a bundle go to which volume, and where in it. It is made of nothing but
//! sizes and digests, so that whoever has the bundle cuts it in the same way again.

use super::head::Head;
use super::signed_table::{SIGNATURE_ROOM, SignedTable};
use crate::medium::cutting::Cutting;
use crate::medium::header::BLOCK;
use crate::medium::volume_table::{MAX_VOLUMES, Part, PieceOfBlob, VolumeTable};
use crate::words::bytes::Bytes;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};

/// Smallest piece that a blob is cut for: a volume that has less room left ends there.
pub const MIN_PIECE: u64 = 1 << 20;
/// Room for a table with nothing in it, for each blob, and for each piece of one.
const TABLE: u64 = 512;
const ROOM_OF_BLOB: u64 = 112;
const ROOM_OF_PART: u64 = 264;
/// The zeros at the end of a tar.
const END: u64 = 2 * BLOCK;

/// How a bundle is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut(pub Vec<CutVolume>);

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutVolume {
    /// Its table; the digests of parts are not known yet.
    pub table: VolumeTable,
    /// Where the small files of the bundle begin.
    pub head: u64,
    /// Where the header of each piece is.
    pub pieces: Vec<u64>,
    /// Where the last one ends, and the zeros begin.
    pub end: u64,
}

/// What is cut.
#[derive(Debug)]
pub struct ToCut<'h> {
    /// How many bytes the small files have as entries of a tar.
    pub head: u64,
    /// The digest of the statement.
    pub statement: Digest,
    /// What follows, in the order of a packed bundle.
    pub layers: &'h [Descriptor],
}

/// How many bytes of a tar an entry takes of so many bytes.
#[must_use]
pub fn entry(size: u64) -> u64 {
    size.saturating_add(BLOCK).div_ceil(BLOCK).saturating_mul(BLOCK)
}

impl<'h> ToCut<'h> {
    /// The bundle of `head`.
    #[must_use]
    pub fn of(head: &'h Head) -> ToCut<'h> {
        let sizes = head.files.iter().map(|(_, bytes)| entry(bytes.len() as u64));
        let (statement, layers) = (head.statement, head.layers.as_slice());
        ToCut { head: sizes.fold(0, u64::saturating_add), statement, layers }
    }
}

/// A volume that is being filled.
struct Filling {
    /// How many bytes it may have.
    limit: u64,
    /// How many it has already beside its table.
    used: u64,
    table: u64,
    pieces: Vec<PieceOfBlob>,
}

impl Filling {
    /// How many bytes of a blob would fit into it still, with so much room in the table; nothing where
    /// not even a header does.
    fn room(&self, in_table: u64) -> Option<u64> {
        let tables = entry(self.table + in_table) + entry(SIGNATURE_ROOM);
        let taken = self.used.saturating_add(tables).saturating_add(BLOCK);
        self.limit.checked_sub(taken).map(|room| room / BLOCK * BLOCK)
    }

    fn push(&mut self, piece: PieceOfBlob) {
        self.used = self.used.saturating_add(entry(piece.length()));
        self.table += if piece.part.is_none() { ROOM_OF_BLOB } else { ROOM_OF_PART };
        self.pieces.push(piece);
    }
}

impl Cut {
    /// Cuts `bundle` as `by` says.
    ///
    /// # Errors
    /// [`Class::Usage`] when the volumes are too small for it, or would be too many.
    pub fn of(bundle: &ToCut<'_>, by: &Cutting) -> Result<Cut> {
        let limit = by.volume_size / BLOCK * BLOCK;
        let used = bundle.head.saturating_add(END);
        let new = || Filling { limit, used, table: TABLE, pieces: Vec::new() };
        if new().room(ROOM_OF_PART) < Some(MIN_PIECE) {
            let tables = entry(TABLE + ROOM_OF_PART) + entry(SIGNATURE_ROOM);
            let least = used + tables + BLOCK + MIN_PIECE;
            return Err(too_small(by.volume_size, least.next_multiple_of(BLOCK)));
        }
        let mut all = vec![new()];
        for layer in bundle.layers {
            let (blob, size) = (layer.digest, layer.size);
            let mut offset = 0;
            while offset < size || (offset == 0 && size == 0) {
                let Some(volume) = all.last_mut() else { break };
                if offset == 0 && volume.room(ROOM_OF_BLOB) >= Some(size) {
                    volume.push(PieceOfBlob { blob, size, part: None });
                    break;
                }
                let (room, left) = (volume.room(ROOM_OF_PART).unwrap_or(0), size - offset);
                if room < MIN_PIECE && room < left {
                    all.push(new());
                    continue;
                }
                let length = room.min(left);
                let part = Some(Part { offset, length, sha256: blob });
                volume.push(PieceOfBlob { blob, size, part });
                offset += length;
            }
        }
        let of = u32::try_from(all.len()).unwrap_or(u32::MAX);
        if of > MAX_VOLUMES {
            return Err(too_many(all.len(), by.volume_size));
        }
        let volumes = (1..).zip(all).map(|(number, filled)| {
            let (label, statement) = (by.label.as_str(), bundle.statement);
            let (size, pieces) = (by.volume_size, filled.pieces);
            let table = VolumeTable::new(label, statement, size, (number, of), pieces);
            placed(table, bundle.head, by.is_signed)
        });
        volumes.collect::<Result<Vec<CutVolume>>>().map(Cut)
    }

    /// How many bytes all volumes have together, or the `only` one.
    #[must_use]
    pub fn size(&self, only: Option<u32>) -> u64 {
        let made = self.0.iter().filter(|it| only.is_none_or(|only| only == it.table.number));
        made.fold(0, |sum, volume| sum.saturating_add(volume.end + END))
    }
}

/// Says where in a volume everything lies.
fn placed(table: VolumeTable, head_size: u64, is_signed: bool) -> Result<CutVolume> {
    let signature = match is_signed {
        true => entry(SignedTable::of(&table, &table.statement).size()),
        false => 0,
    };
    let head = entry(table.to_bytes()?.len() as u64) + signature;
    let mut end = head + head_size;
    let mut pieces = Vec::with_capacity(table.pieces.len());
    for piece in &table.pieces {
        pieces.push(end);
        end += entry(piece.length());
    }
    Ok(CutVolume { table, head, pieces, end })
}

fn too_small(given: u64, least: u64) -> Error {
    let text = format!("a volume of {given} bytes is too small for this bundle");
    Error::new(Class::Usage, text).hint(format!(
        "each volume has the list of all files and the manifests of all images; the least is {}",
        Bytes(least)
    ))
}

fn too_many(volumes: usize, size: u64) -> Error {
    let text =
        format!("there would be {volumes} volumes of {size} bytes, and {MAX_VOLUMES} are the most");
    Error::new(Class::Usage, text).hint("take larger volumes")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(sizes: &[u64]) -> Vec<Descriptor> {
        let each = sizes.iter().enumerate();
        each.map(|(n, size)| Descriptor::new("", Digest::of(&n.to_le_bytes()), *size)).collect()
    }

    fn cut(sizes: &[u64], volume_size: u64) -> Result<Cut> {
        cut_signed(sizes, volume_size, true)
    }

    fn cut_signed(sizes: &[u64], volume_size: u64, is_signed: bool) -> Result<Cut> {
        let layers = layers(sizes);
        let bundle = ToCut { head: 10 * BLOCK, statement: Digest::of(b"s"), layers: &layers };
        Cut::of(&bundle, &Cutting { volume_size, label: "june".to_owned(), only: None, is_signed })
    }

    #[test]
    fn every_byte_has_one_place_and_no_volume_is_too_large() {
        let sizes =
            [0, 1, 5_000_000, 511, 512, 513, 1 << 20, (1 << 20) + 1, 9_999_999, 7, 40_000_000];
        for volume_size in [1_100_000, 1_500_000, 2_000_001, 4 << 20, 10_000_000, 1 << 40] {
            let Cut(volumes) = cut(&sizes, volume_size).unwrap();

            let mut reached = vec![0; sizes.len()];
            let all = layers(&sizes);
            for (number, volume) in (1..).zip(&volumes) {
                assert_eq!((volume.table.number, volume.table.of), (number, volumes.len() as u32));
                assert!(volume.end + END <= volume_size, "{volume_size}");
                let mut at = volume.head + 10 * BLOCK;
                for (piece, header) in volume.table.pieces.iter().zip(&volume.pieces) {
                    assert_eq!(*header, at);
                    let of = all.iter().position(|blob| blob.digest == piece.blob).unwrap();
                    assert_eq!((piece.offset(), piece.size), (reached[of], sizes[of]));
                    reached[of] += piece.length();
                    at += entry(piece.length());
                }
                assert_eq!(volume.end, at);
            }
            assert_eq!(reached, sizes, "{volume_size}");
            // The same again, and the last one is the only one with much room.
            assert_eq!(cut(&sizes, volume_size).unwrap(), Cut(volumes.clone()));
            let unsigned = cut_signed(&sizes, volume_size, false).unwrap().0;
            let tables =
                |of: &[CutVolume]| -> Vec<_> { of.iter().map(|it| it.table.clone()).collect() };
            assert_eq!(tables(&unsigned), tables(&volumes), "it does not depend on who signs");
            let full = volumes.split_last().unwrap().1;
            assert!(full.iter().all(|it| volume_size - it.end < MIN_PIECE + 4096), "{volume_size}");
        }
    }

    #[test]
    fn what_fits_into_no_volume_is_said_with_the_least_that_would_do() {
        let error = cut(&[1], 1_000_000).unwrap_err();

        assert_eq!(error.class(), Class::Usage);
        let hint = error.way_out().unwrap().to_owned();
        let words = hint.split([' ', '(']).filter_map(|word| word.parse::<u64>().ok());
        let least = words.max().unwrap();
        cut(&[1, 5_000_000], least).unwrap();
        cut(&[1], least - 1).unwrap_err();
        assert!(cut(&[1 << 30], 1_100_000).unwrap_err().message().contains("the most"));
    }
}
