//! [`FileSums`]: what is known of a file, so that damage to it is found, slice by slice.

use flate2::Crc;
use md5::{Digest as _, Md5};

/// An MD5 digest. It finds damage; whom to believe is not decided by it.
pub type Md5Sum = [u8; 16];

/// How many bytes at the beginning of a file have a digest of their own.
const START: u64 = 16 << 10;

/// The MD5 digest of `parts`, one behind the other.
#[must_use]
pub fn md5<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Md5Sum {
    let mut sum = Md5::new();
    parts.into_iter().for_each(|part| sum.update(part));
    sum.finalize().into()
}

/// An MD5 digest of bytes that come bit by bit.
#[derive(Debug, Default)]
pub struct Md5Adding(Md5);

impl Md5Adding {
    /// Takes the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that it took.
    #[must_use]
    pub fn sum(self) -> Md5Sum {
        self.0.finalize().into()
    }
}

/// What a slice has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceSum {
    /// The digest of its bytes, with zeros behind the end of the file.
    pub md5: Md5Sum,
    /// The CRC-32 of the same.
    pub crc: u32,
}

/// A file of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSums {
    /// Its name, as the set has it: text from outside.
    pub name: String,
    /// How many bytes it has.
    pub len: u64,
    /// The digest of all of them.
    pub md5: Md5Sum,
    /// The digest of the first 16 KiB.
    pub start: Md5Sum,
    /// Its slices.
    pub slices: Vec<SliceSum>,
}

impl FileSums {
    /// What it is called within the set.
    #[must_use]
    pub fn id(&self) -> Md5Sum {
        md5([&self.start[..], &self.len.to_le_bytes(), self.name.as_bytes()])
    }
}

/// [`FileSums`] in the making.
#[derive(Debug)]
pub struct Summing {
    whole: Md5,
    parts: Parts,
}

/// All of it but the digest of the whole.
#[derive(Debug)]
struct Parts {
    slice_size: u64,
    len: u64,
    start: Md5,
    slice: Md5,
    crc: Crc,
    slices: Vec<SliceSum>,
}

impl Summing {
    /// A file in slices of `slice_size`.
    #[must_use]
    pub fn new(slice_size: u64) -> Summing {
        let (start, slice, crc) = (Md5::new(), Md5::new(), Crc::new());
        let parts = Parts { slice_size, len: 0, start, slice, crc, slices: Vec::new() };
        Summing { whole: Md5::new(), parts }
    }

    /// Takes the next bytes of it. The digest of the whole is made beside those of slices, on a thread of
    /// its own: it is as much work.
    pub fn update(&mut self, bytes: &[u8]) {
        std::thread::scope(|scope| {
            scope.spawn(|| self.whole.update(bytes));
            self.parts.update(bytes);
        });
    }

    /// All bytes were taken: the file is called `name`.
    #[must_use]
    pub fn finish(mut self, name: String) -> FileSums {
        self.parts.pad();
        let Parts { len, start, slices, .. } = self.parts;
        let (md5, start) = (self.whole.finalize().into(), start.finalize().into());
        FileSums { name, len, md5, start, slices }
    }
}

impl Parts {
    fn update(&mut self, mut bytes: &[u8]) {
        let of_start = START.saturating_sub(self.len).min(bytes.len() as u64);
        self.start.update(&bytes[..usize::try_from(of_start).unwrap_or(0)]);
        while !bytes.is_empty() {
            let room = self.slice_size - self.len % self.slice_size;
            let taken = usize::try_from(room).unwrap_or(bytes.len()).min(bytes.len());
            let (these, rest) = bytes.split_at(taken);
            self.slice.update(these);
            self.crc.update(these);
            self.len += taken as u64;
            if self.len.is_multiple_of(self.slice_size) {
                self.end_slice();
            }
            bytes = rest;
        }
    }

    fn end_slice(&mut self) {
        let md5 = std::mem::take(&mut self.slice).finalize().into();
        self.slices.push(SliceSum { md5, crc: self.crc.sum() });
        self.crc.reset();
    }

    /// Takes the zeros that the last slice has behind the end of the file.
    fn pad(&mut self) {
        let begun = self.len % self.slice_size;
        if begun == 0 {
            return;
        }
        let (mut ahead, zeros) = (self.slice_size - begun, [0; 4_096]);
        while ahead > 0 {
            let some = usize::try_from(ahead).unwrap_or(zeros.len()).min(zeros.len());
            self.slice.update(&zeros[..some]);
            self.crc.update(&zeros[..some]);
            ahead -= some as u64;
        }
        self.end_slice();
    }
}
