//! [`Gzip`]: a gzip stream that is as small as `gzip -6` would make it, or smaller, but for some bytes in
//! ten thousand.
//!
//! What goes into archives is mostly compressed already, or code. No one level of the compressor is
//! best at all of that: the highest finds the short repetitions of code, the one below does better
//! with text, and what is compressed is smallest as it is. So the stream is made twice, side by side,
//! and of each stretch the smallest form is written. The window is the same in all of them.

use std::io::{self, Write};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// The levels that are tried.
const LEVELS: [u32; 2] = [9, 7];
/// How much of the compressed stream is held back to choose from.
const STRETCH: usize = 64 << 10;
/// Most bytes that a stretch stands for.
const LONGEST: u64 = 64 << 20;
/// Up to this size a stretch may be written as it is; a longer one is smaller compressed.
const MAX_RAW: usize = 1 << 20;
/// How many bytes are compressed in one go.
const PIECE: usize = 64 << 10;
/// From this size on another thread is worth its while.
const WORTHWHILE: usize = 32 << 10;
/// Most bytes of a stored block (RFC 1951, 3.2.4).
const MAX_STORED: usize = 65_535;
/// The head of a stream without a name or a time, from an unknown system (RFC 1952, 2.3.1): who
/// wrote it, when and where makes no difference.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// One way in which the stream is compressed.
struct Way {
    deflate: Compress,
    out: Vec<u8>,
}

impl Way {
    fn take(&mut self, mut bytes: &[u8], flush: FlushCompress) -> io::Result<()> {
        loop {
            self.out.reserve(bytes.len().max(64 << 10));
            let before = self.deflate.total_in();
            let status = self.deflate.compress_vec(bytes, &mut self.out, flush)?;
            let taken = usize::try_from(self.deflate.total_in() - before).unwrap_or(bytes.len());
            bytes = bytes.get(taken..).unwrap_or_default();
            let is_full = self.out.len() == self.out.capacity();
            let is_done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => bytes.is_empty() && !is_full,
            };
            if is_done {
                return Ok(());
            }
        }
    }
}

/// Compresses what is written into it. Dropped before [`finish`](Gzip::finish), it writes no end.
pub struct Gzip<W> {
    out: W,
    crc: Crc,
    ways: [Way; LEVELS.len()],
    /// The bytes of the stretch, as long as they are few.
    raw: Vec<u8>,
    /// How many bytes the stretch stands for.
    length: u64,
    begun: bool,
}

impl<W: Write> Gzip<W> {
    /// A stream that goes to `out`.
    pub fn new(out: W) -> Gzip<W> {
        let way =
            |level| Way { deflate: Compress::new(Compression::new(level), false), out: Vec::new() };
        let (crc, raw) = (Crc::new(), Vec::new());
        Gzip { out, crc, ways: LEVELS.map(way), raw, length: 0, begun: false }
    }

    /// Where it goes.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes what is held back, and the end.
    ///
    /// # Errors
    /// Those of the place that it goes to.
    pub fn finish(&mut self) -> io::Result<()> {
        self.cut(FlushCompress::Finish)?;
        self.out.write_all(&self.crc.sum().to_le_bytes())?;
        self.out.write_all(&self.crc.amount().to_le_bytes())
    }

    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.length += bytes.len() as u64;
        if self.length <= MAX_RAW as u64 {
            self.raw.extend_from_slice(bytes);
        }
        self.each(bytes, FlushCompress::None)?;
        let held = self.ways.iter().map(|way| way.out.len()).max().unwrap_or(0);
        match held >= STRETCH || self.length >= LONGEST {
            true => self.cut(FlushCompress::Sync),
            false => Ok(()),
        }
    }

    /// Compresses in all ways at once.
    fn each(&mut self, bytes: &[u8], flush: FlushCompress) -> io::Result<()> {
        let [one, other] = &mut self.ways;
        if bytes.len() < WORTHWHILE {
            return one.take(bytes, flush).and_then(|()| other.take(bytes, flush));
        }
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| other.take(bytes, flush));
            let here = one.take(bytes, flush);
            beside.join().unwrap_or_else(|_| Err(io::Error::other("a thread failed"))).and(here)
        })
    }

    /// Ends the stretch, and writes the smallest form of it.
    fn cut(&mut self, flush: FlushCompress) -> io::Result<()> {
        if !std::mem::replace(&mut self.begun, true) {
            self.out.write_all(&HEAD)?;
        }
        self.each(&[], flush)?;
        let last = matches!(flush, FlushCompress::Finish);
        let is_whole = self.raw.len() as u64 == self.length && !self.raw.is_empty();
        let stored = self.raw.len() + 5 * self.raw.len().div_ceil(MAX_STORED);
        let smallest = self.ways.iter().map(|way| way.out.as_slice()).min_by_key(|out| out.len());
        match smallest {
            Some(out) if !is_whole || out.len() <= stored => self.out.write_all(out)?,
            _ => {
                let blocks = self.raw.len().div_ceil(MAX_STORED);
                for (at, block) in self.raw.chunks(MAX_STORED).enumerate() {
                    let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
                    self.out.write_all(&[u8::from(last && at + 1 == blocks)])?;
                    self.out.write_all(&length.to_le_bytes())?;
                    self.out.write_all(&(!length).to_le_bytes())?;
                    self.out.write_all(block)?;
                }
            }
        }
        self.ways.iter_mut().for_each(|way| way.out.clear());
        self.raw.clear();
        self.length = 0;
        Ok(())
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = bytes.get(..PIECE).unwrap_or(bytes);
        self.take(piece).map(|()| piece.len())
    }

    /// Nothing is written before its time: that would cost room.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W> std::fmt::Debug for Gzip<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gzip")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// Bytes that nothing compresses.
    fn noise(count: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        };
        (0..count.div_ceil(8)).flat_map(|_| next()).take(count).collect()
    }

    fn packed(bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut gzip = Gzip::new(Vec::new());
        bytes.chunks(piece).for_each(|piece| gzip.write_all(piece).unwrap());
        gzip.finish().unwrap();
        gzip.out
    }

    /// What looks like the code of a program of so many instructions, and is the same in every build: how
    /// small the tests' own program gets changes with it, by more than the two packers differ.
    fn code(instructions: u32) -> Vec<u8> {
        let one = |n: u32| {
            let mixed = n.wrapping_mul(2_654_435_761) >> 7;
            let operand = (mixed % 5_000 * 8).to_le_bytes();
            match mixed % 5 {
                0 => [&[0x48, 0x8b, 0x05][..], &operand].concat(),
                1 => [&[0xe8][..], &operand].concat(),
                2 => vec![0x48, 0x89, 0xc0 | (mixed >> 9) as u8 & 0x3f],
                3 => vec![0x0f, 0x84, operand[0], operand[1], 0, 0],
                _ => vec![0x48, 0x83, 0xc4, operand[0]],
            }
        };
        (0..instructions).flat_map(one).collect()
    }

    fn samples() -> Vec<Vec<u8>> {
        let text: String =
            (0..60_000).map(|n| format!("{n} some words {:x}\n", n * 7919)).collect();
        let noise = noise(3_000_000);
        let code = code(400_000);
        let mixed = [&text.as_bytes()[..200_000], &noise[..700_000], &[0; 5_000][..]].concat();
        vec![Vec::new(), b"a".to_vec(), vec![0; 3_000_000], text.into_bytes(), noise, code, mixed]
    }

    #[test]
    fn what_was_packed_is_unpacked_whatever_the_pieces() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let own = own[..own.len().min(8 << 20)].to_vec();
        for bytes in samples().into_iter().chain([own]) {
            for piece in [1 << 20, 64 << 10, 999] {
                let packed = packed(&bytes, piece);
                let mut back = Vec::new();
                flate2::bufread::GzDecoder::new(&packed[..]).read_to_end(&mut back).unwrap();
                assert!(back == bytes, "{} bytes in pieces of {piece}", bytes.len());
            }
        }
    }

    #[test]
    fn it_is_never_larger_than_by_gzip_6() {
        let folder = tempfile::tempdir().unwrap();
        for bytes in samples() {
            let path = folder.path().join("x");
            std::fs::write(&path, &bytes).unwrap();
            let Ok(theirs) =
                std::process::Command::new("gzip").args(["-6", "-n", "-c"]).arg(&path).output()
            else {
                return;
            };
            let (ours, theirs) = (packed(&bytes, 1 << 20).len(), theirs.stdout.len());
            assert!(ours <= theirs, "{} bytes: {ours} and {theirs}", bytes.len());
        }
    }
}
