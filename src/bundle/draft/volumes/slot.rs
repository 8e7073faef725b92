//! [`Slot`]: where a piece of a blob lies.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::bundle::cut::Cut;
use crate::medium::header::BLOCK;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};

/// Where a piece of a blob lies.
#[derive(Debug, Clone)]
pub(in crate::bundle) struct Slot {
    /// Which volume, in their order, and which piece there.
    pub volume: usize,
    pub piece: usize,
    pub header: u64,
    /// Where in the blob it begins, and how many bytes of it there are.
    pub offset: u64,
    pub length: u64,
    /// Whether it is a part of its blob.
    pub is_part: bool,
    pub path: String,
}

impl Slot {
    pub fn data(&self) -> u64 {
        self.header + BLOCK
    }

    pub fn padding(&self) -> Range<u64> {
        let end = self.data() + self.length;
        end..end.next_multiple_of(BLOCK)
    }
}

/// Where the pieces of each blob lie, in their order.
#[derive(Debug, Default)]
pub(in crate::bundle) struct Slots(BTreeMap<Digest, Vec<Slot>>);

impl Slots {
    /// Those of all that is in `cut`.
    pub fn of(cut: &Cut) -> Slots {
        let mut slots: BTreeMap<Digest, Vec<Slot>> = BTreeMap::new();
        for (at, volume) in cut.0.iter().enumerate() {
            let pieces = volume.table.pieces.iter().zip(&volume.pieces);
            for (number, (piece, header)) in pieces.enumerate() {
                slots.entry(piece.blob).or_default().push(Slot {
                    volume: at,
                    piece: number,
                    header: *header,
                    offset: piece.offset(),
                    length: piece.length(),
                    is_part: piece.part.is_some(),
                    path: piece.path(),
                });
            }
        }
        Slots(slots)
    }

    /// Those of `blob`.
    pub fn of_blob(&self, blob: &Descriptor) -> Result<&[Slot]> {
        let slots = self.0.get(&blob.digest).map(Vec::as_slice);
        slots.ok_or_else(|| {
            Error::new(Class::Other, format!("blob {} has no place in the volumes", blob.digest))
        })
    }
}
