//! [`Slot`]: where a piece of a blob lies.

use std::ops::Range;

use crate::medium::header::BLOCK;

/// Where a piece of a blob lies.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// Which volume, in their order, and which piece there.
    pub volume: usize,
    pub piece: usize,
    pub header: u64,
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
