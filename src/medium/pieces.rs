//! [`Pieces`]: where the bytes of a file lie on a medium.

/// Which of the files of a medium a piece lies in: a folder's or a tar's is the only one that counts,
/// and of a set of volumes each has its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FileNumber(pub u32);

/// Bytes that lie together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Which file they lie in.
    pub file: FileNumber,
    /// Where in it they begin.
    pub at: u64,
    /// How many they are.
    pub size: u64,
}

/// Where the bytes of one file lie: a list of pieces, one behind the other, with as many bytes
/// together as the file has. Nearly every file has one piece, which takes no more memory than two
/// numbers would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces(Stored);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stored {
    One { file: FileNumber, at: u64, size: u64 },
    Several(Box<[Extent]>),
}

impl Pieces {
    /// One piece of `size` bytes, which begins at `at` of the only file.
    #[must_use]
    pub fn one(at: u64, size: u64) -> Pieces {
        Pieces(Stored::One { file: FileNumber::default(), at, size })
    }

    /// `pieces`, one behind the other.
    #[must_use]
    pub fn several(pieces: &[Extent]) -> Pieces {
        match pieces {
            [Extent { file, at, size }] => {
                Pieces(Stored::One { file: *file, at: *at, size: *size })
            }
            several => Pieces(Stored::Several(several.into())),
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Extent> {
        let (one, several): (_, &[Extent]) = match &self.0 {
            Stored::One { file, at, size } => {
                (Some(Extent { file: *file, at: *at, size: *size }), &[])
            }
            Stored::Several(pieces) => (None, pieces),
        };
        one.into_iter().chain(several.iter().copied())
    }

    /// How many bytes they have together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.iter().fold(0, |sum, piece| sum.saturating_add(piece.size))
    }

    /// Where the first byte lies, in its file.
    #[must_use]
    pub fn begin(&self) -> u64 {
        self.iter().next().map_or(0, |piece| piece.at)
    }

    /// What they take of memory beyond what every file takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        match &self.0 {
            Stored::One { .. } => 0,
            Stored::Several(pieces) => size_of_val(&**pieces),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_takes_as_little_memory_as_two_numbers_and_a_mark() {
        assert_eq!(size_of::<Pieces>(), 3 * size_of::<u64>());
        assert_eq!(Pieces::one(7, 9).weight(), 0);
    }

    #[test]
    fn pieces_are_as_many_bytes_as_all_of_them() {
        let piece = |file, at, size| Extent { file: FileNumber(file), at, size };
        let several = Pieces::several(&[piece(0, 512, 10), piece(1, 1024, 5)]);

        assert_eq!((several.size(), several.begin()), (15, 512));
        assert_eq!(several.iter().count(), 2);
        assert!(several.weight() > 0);
        assert_eq!(Pieces::several(&[piece(0, 3, 4)]), Pieces::one(3, 4));
        assert_eq!(Pieces::several(&[]).size(), 0);
    }
}
