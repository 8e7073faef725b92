//! [`RecoverySet`]: files that are protected together.

use super::sums::{FileSums, Md5Sum, md5};

/// Most slices of a set: as many constants there are.
pub const MAX_SLICES: usize = 32_768;

/// Files that are cut into slices of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoverySet {
    /// What all its packets are marked with.
    pub id: Md5Sum,
    /// How many bytes a slice has.
    pub slice_size: u64,
    /// Its files, in the order of their slices.
    pub files: Vec<FileSums>,
}

impl RecoverySet {
    /// `files`, whose slices have `slice_size` bytes.
    #[must_use]
    pub fn new(slice_size: u64, mut files: Vec<FileSums>) -> RecoverySet {
        // Their order is that of numbers with the lowest byte first.
        files.sort_by_cached_key(|file| u128::from_le_bytes(file.id()));
        let mut set = RecoverySet { id: [0; 16], slice_size, files };
        set.id = md5([&set.main()[..]]);
        set
    }

    /// What its main packet says.
    pub(super) fn main(&self) -> Vec<u8> {
        let count = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        let mut main = [&self.slice_size.to_le_bytes()[..], &count.to_le_bytes()].concat();
        main.extend(self.files.iter().flat_map(FileSums::id));
        main
    }

    /// How many slices all files have.
    #[must_use]
    pub fn slices(&self) -> usize {
        self.files.iter().map(|file| file.slices.len()).sum()
    }

    /// The file in which each slice is, and from which byte on, in their order.
    #[must_use]
    pub fn places(&self) -> Vec<(usize, u64)> {
        let of_file = |(file, sums): (usize, &FileSums)| {
            let begins = (0..sums.slices.len() as u64).map(|slice| slice * self.slice_size);
            begins.map(move |begin| (file, begin)).collect::<Vec<_>>()
        };
        self.files.iter().enumerate().flat_map(of_file).collect()
    }
}
