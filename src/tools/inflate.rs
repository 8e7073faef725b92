//! [`Inflate`]: gzip and zstd unpacked while they are read, within bounds.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::buffer::BUFFER;
use super::frames::{Frames, TooWide};
use super::members::{Behind, GzipMembers};
use crate::words::error::{Class, Error};
use crate::words::packing::Packing;

/// How many bytes of a file tell how it is compressed.
pub const HEAD: usize = 10;
/// Largest window that a zstd stream may ask for, as a power of two: what `zstd --long` makes and
/// what `zstd -d` takes without being told. Its 128 MiB are used by such streams only.
const MAX_WINDOW_LOG: u32 = 27;
/// How much more may come out of one archive. Layers that are mostly zeros are real, and small.
const FREE: u64 = 1 << 30;
/// How many times its size may come out of something larger. Real layers have a tenth of it;
/// gzip reaches 1032, and zstd far more.
const MAX_RATIO: u64 = 256;

/// How what begins with `head`, of which four bytes are enough, is packed; none for anything that is
/// not compressed in one of the ways that are unpacked here.
#[must_use]
pub fn packing_of(head: &[u8]) -> Option<Packing> {
    match head {
        [0x1f, 0x8b, ..] => Some(Packing::Gzip),
        // A skippable frame stands in front of what pzstd writes.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Packing::Zstd),
        _ => None,
    }
}

/// How what begins with `head`, of which [`HEAD`] bytes are enough, is compressed, where that is a
/// way which is known and not unpacked here.
#[must_use]
pub fn unread_packing(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some("xz"),
        // Behind the level stands a number that no file name has.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some("bzip2"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some("lz4"),
        [b'L', b'Z', b'I', b'P', 1, ..] => Some("lzip"),
        _ => None,
    }
}

/// How many bytes may still come out beyond the ratio that is always granted; shared by everything
/// that one archive holds, so that many small bombs are no way around it.
#[derive(Debug, Clone)]
pub struct Allowance(Arc<AtomicU64>);

impl Default for Allowance {
    fn default() -> Allowance {
        Allowance(Arc::new(AtomicU64::new(FREE)))
    }
}

impl Allowance {
    /// Takes `bytes` off; says whether there were as many.
    fn spend(&self, bytes: u64) -> bool {
        let less = |left: u64| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// Unpacks what it reads. Broken and immodest streams fail with [`Class::Damaged`], cut ones with
/// [`Class::Incomplete`], as errors inside [`io::Error`]; those of the source come through as they
/// are.
pub struct Inflate<'a> {
    inner: Box<dyn Read + Send + 'a>,
    packing: Packing,
    what: String,
    taken: Arc<AtomicU64>,
    given: u64,
    allowance: Allowance,
    /// What it took from the allowance.
    spent: u64,
}

impl fmt::Debug for Inflate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inflate").field("what", &self.what).field("given", &self.given).finish()
    }
}

impl<'a> Inflate<'a> {
    /// Unpacks `source`, which errors call `what`. What comes out of it without measure is taken
    /// from `allowance`.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new(
        packing: Packing,
        source: impl Read + Send + 'a,
        what: &str,
        allowance: &Allowance,
    ) -> io::Result<Inflate<'a>> {
        let taken = Arc::new(AtomicU64::new(0));
        let source = Counted { source, taken: Arc::clone(&taken), what: what.to_owned() };
        let source = BufReader::with_capacity(BUFFER, source);
        let inner: Box<dyn Read + Send + 'a> = match packing {
            Packing::Plain => Box::new(source),
            Packing::Gzip => Box::new(GzipMembers::new(source)),
            Packing::Zstd => Box::new(Frames::new(source, MAX_WINDOW_LOG)?),
        };
        let (what, allowance) = (what.to_owned(), allowance.clone());
        Ok(Inflate { inner, packing, what, taken, given: 0, allowance, spent: 0 })
    }

    fn fault(&self, error: io::Error) -> io::Error {
        let error = match Error::from_io(error) {
            Ok(error) => return error.into_io(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return error,
            Err(error) => error,
        };
        let Inflate { packing, what, .. } = self;
        let inner = error.get_ref();
        let too_wide = inner.is_some_and(|inner| inner.is::<TooWide>());
        let is_behind = inner.is_some_and(|inner| inner.is::<Behind>());
        let fault = match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                // What is there too much of is taken for another beginning of zstd.
                let or_more = match packing {
                    Packing::Plain | Packing::Gzip => "",
                    Packing::Zstd => ", or has other bytes behind it",
                };
                let why = format!("ends in the middle of its {packing}{or_more}");
                Error::new(Class::Incomplete, format!("{what}: {why}"))
                    .hint("it was probably cut off; copy it again from where it was made")
            }
            _ if is_behind => {
                Error::new(Class::Damaged, format!("{what}: has other bytes behind its {packing}"))
                    .hint("copy it again from where it was made")
            }
            _ => Error::new(Class::Damaged, format!("{what}: is broken {packing}")).source(error),
        };
        match too_wide {
            true => fault.hint("unpack it with zstd -d --long=31, if you trust it"),
            false => fault,
        }
        .into_io()
    }
}

impl Read for Inflate<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer).map_err(|error| self.fault(error))?;
        self.given += got as u64;
        let taken = self.taken.load(Ordering::Relaxed);
        let beyond = self.given.saturating_sub(taken.saturating_mul(MAX_RATIO));
        let more = beyond.saturating_sub(self.spent);
        self.spent += more;
        if !self.allowance.spend(more) {
            let text = format!(
                "{}: unpacks to more than {MAX_RATIO} times its size ({taken} bytes so far)",
                self.what
            );
            return Err(Error::new(Class::Damaged, text)
                .hint("if it is meant to, unpack it by hand first")
                .into_io());
        }
        Ok(got)
    }
}

/// Counts what is read from the source, and names it where it fails.
struct Counted<R> {
    source: R,
    taken: Arc<AtomicU64>,
    what: String,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.source.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => Error::io(format!("cannot read {}", self.what), error).into_io(),
        })?;
        self.taken.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn unpack(packed: &[u8]) -> Result<Vec<u8>, Error> {
        let packing = packing_of(packed).unwrap();
        let mut out = Vec::new();
        match Inflate::new(packing, packed, "x", &Allowance::default())
            .unwrap()
            .read_to_end(&mut out)
        {
            Ok(_) => Ok(out),
            Err(error) => Err(Error::io("x", error)),
        }
    }

    #[test]
    fn several_members_and_frames_are_one_content() {
        for pack in [gzip, zstd] {
            assert_eq!(unpack(&pack(b"")).unwrap(), b"");
            assert_eq!(
                unpack(&[pack(b"hello "), pack(b"world")].concat()).unwrap(),
                b"hello world"
            );
        }
        let skipped = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7];
        assert_eq!(unpack(&[&skipped[..], &zstd(b"x")].concat()).unwrap(), b"x");
        let between = [&zstd(b"x")[..], &skipped, &zstd(b"y"), &skipped].concat();
        assert_eq!(unpack(&between).unwrap(), b"xy");
    }

    #[test]
    fn every_cut_and_everything_behind_the_end_is_told() {
        for pack in [gzip, zstd] {
            let packed = pack(b"hello hello hello");
            for cut in 4..packed.len() {
                let error = unpack(&packed[..cut]).unwrap_err();
                assert_eq!(error.class(), Class::Incomplete, "{cut}: {error}");
                assert!(error.way_out().unwrap().contains("copy it again"), "{error}");
            }
            for garbage in [&b"garbage"[..], &[1; 512], b"\0\0x"] {
                assert!(unpack(&[&packed[..], garbage].concat()).is_err());
            }
        }
        let packed = gzip(b"hello");
        let more = unpack(&[&packed[..], b"garbage"].concat()).unwrap_err();
        assert_eq!(more.message(), "x: has other bytes behind its gzip");
        // Another member that is cut, and one behind zeros, which gzip(1) does not read.
        let cut = unpack(&[&packed[..], &packed[..6]].concat()).unwrap_err();
        assert_eq!(cut.class(), Class::Incomplete, "{cut}");
        let behind = unpack(&[&packed[..], &[0; 9], &packed[..]].concat()).unwrap_err();
        assert_eq!(behind.class(), Class::Damaged, "{behind}");
    }

    #[test]
    fn zeros_behind_gzip_are_read_over() {
        let two = [gzip(b"hello "), gzip(b"world")].concat();
        for zeros in [1, 512, BUFFER * 2 + 1] {
            let packed = [&two[..], &vec![0; zeros]].concat();
            assert_eq!(unpack(&packed).unwrap(), b"hello world", "{zeros}");
        }
    }

    #[test]
    fn what_is_not_unpacked_is_called_what_it_is() {
        for (head, name) in [
            (&b"\xfd7zXZ\0\0\x04\xe6\xd6"[..], Some("xz")),
            (b"BZh91AY&SY", Some("bzip2")),
            (b"BZh9\x17rE8P\x90", Some("bzip2")),
            (b"\x04\x22\x4d\x18\x64\x40", Some("lz4")),
            (b"LZIP\x01\x0c", Some("lzip")),
            (b"BZh9.txt\0\0", None),
            (b"BZh9", None),
            (b"\x1f\x8b\x08", None),
            (b"etc/\0\0\0\0\0\0", None),
            (b"", None),
        ] {
            assert_eq!(unread_packing(head), name, "{}", head.escape_ascii());
        }
    }

    #[test]
    fn a_bomb_goes_off_within_bounds() {
        let zeros = vec![0; 8 << 20];
        for pack in [gzip, zstd] {
            let packed = pack(&zeros);
            let allowance = Allowance(Arc::new(AtomicU64::new(4 << 20)));
            let mut inflate =
                Inflate::new(packing_of(&packed).unwrap(), &packed[..], "x", &allowance).unwrap();
            let mut out = Vec::new();

            let error = Error::io("", inflate.read_to_end(&mut out).unwrap_err());

            assert_eq!(error.class(), Class::Damaged);
            assert!(error.way_out().unwrap().contains("by hand"), "{error}");
            assert!(out.len() < 7 << 20, "{}", out.len());
            assert_eq!(unpack(&packed).unwrap(), zeros, "little of it is fine");
        }
    }

    #[test]
    fn many_small_bombs_share_one_allowance() {
        let packed = gzip(&vec![0; 4 << 20]);
        let allowance = Allowance(Arc::new(AtomicU64::new(8 << 20)));
        let go_off = || {
            let inflate = Inflate::new(Packing::Gzip, &packed[..], "x", &allowance);
            io::copy(&mut inflate.unwrap(), &mut io::sink()).map_err(|e| Error::io("", e))
        };

        assert_eq!(go_off().unwrap(), 4 << 20);
        let last = (0..4).map(|_| go_off()).find_map(Result::err).unwrap();
        assert_eq!(last.class(), Class::Damaged);
    }

    #[test]
    fn a_window_that_fills_the_memory_is_refused() {
        // A frame header that asks for a window of 2 GiB (RFC 8878, 3.1.1.1.2).
        let error = unpack(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0]).unwrap_err();

        assert_eq!(error.class(), Class::Damaged);
        assert!(error.way_out().unwrap().contains("--long"), "{error:?}");
    }
}
