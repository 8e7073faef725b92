//! [`Verifying`]: no byte from outside is used without having passed through it.

use std::io::{self, Read};

use super::content::Content;
use super::raw::Raw;
use crate::tools::buffer::BUFFER;
use crate::words::digest::Hasher;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::progress::{Event, Progress};

/// How far apart the positions are from which [`Verifying`] can hash again at first.
const MARK_EVERY: u64 = 8 << 20;
/// How many such positions are kept; when there are more, every second one goes. A hash in the
/// middle of its work has about a hundred bytes.
const MAX_MARKS: usize = 1024;

/// Reads exactly the bytes of one descriptor: fails on the first byte too many, on a short body,
/// and, at the end, on a wrong digest. Also where progress is counted and a stop is seen.
///
/// As [`Content`] it goes back and forth. The digest is over all bytes of the blob in their
/// order, whichever of them were handed out: what is skipped is read and hashed, and what is read
/// again is hashed again from a position that was marked on the way.
pub struct Verifying<'a, R> {
    inner: R,
    blob: &'a Descriptor,
    what: &'a str,
    hasher: Hasher,
    judged: bool,
    /// Whether reading failed.
    failed: bool,
    left: u64,
    /// How many of the first bytes came from an earlier run.
    taken: u64,
    /// What was hashed up to certain positions, the first one excepted, which is 0.
    marks: Vec<(u64, Hasher)>,
    apart: u64,
    progress: &'a dyn Progress,
}

impl<R> std::fmt::Debug for Verifying<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifying").field("blob", self.blob).field("left", &self.left).finish()
    }
}

impl<'a, R: Read> Verifying<'a, R> {
    /// Reads `blob` from `inner`. `what` names the end the bytes come from in an error, as in
    /// `source registry docker.io`.
    pub fn new(
        inner: R,
        blob: &'a Descriptor,
        what: &'a str,
        progress: &'a dyn Progress,
    ) -> Verifying<'a, R> {
        Verifying {
            inner,
            blob,
            what,
            hasher: Hasher::new(),
            judged: false,
            failed: false,
            left: blob.size,
            taken: 0,
            marks: Vec::new(),
            apart: MARK_EVERY,
            progress,
        }
    }

    /// What it reads the bytes of.
    pub fn about(&self) -> &Descriptor {
        self.blob
    }

    /// How many bytes lie before the next one.
    pub fn count(&self) -> u64 {
        self.blob.size - self.left
    }

    /// How many of the first bytes an earlier run had left with the receiver.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the bytes could not be read, or were not those of the blob.
    pub fn is_at_fault(&self) -> bool {
        self.failed
    }

    fn damaged(&self, why: &str) -> io::Error {
        Error::new(Class::Damaged, format!("{}: blob {} {why}", self.what, self.blob.digest))
            .subject(Subject::Digest(self.blob.digest))
            .into_io()
    }

    /// At the end of the bytes: nothing may follow, and the digest must fit.
    fn finish(&mut self) -> io::Result<usize> {
        if std::mem::replace(&mut self.judged, true) {
            return Ok(0);
        }
        if self.inner.read(&mut [0])? != 0 {
            return Err(self.damaged(&format!("is longer than its {} bytes", self.blob.size)));
        }
        if self.hasher.clone().finish() != self.blob.digest {
            return Err(self.damaged("does not match its digest"));
        }
        Ok(0)
    }

    /// Remembers this position if the last one is far enough away.
    fn mark(&mut self) {
        let here = self.count();
        if here < self.marks.last().map_or(0, |(at, _)| *at) + self.apart {
            return;
        }
        self.marks.push((here, self.hasher.clone()));
        if self.marks.len() >= MAX_MARKS {
            let mut kept = false;
            self.marks.retain(|_| {
                kept = !kept;
                !kept
            });
            self.apart *= 2;
        }
    }
}

impl<'a> Raw<'a> {
    /// Reads them as the bytes of `blob`; see [`Verifying::new`].
    pub fn verified<'b>(
        self,
        blob: &'b Descriptor,
        what: &'b str,
        progress: &'b dyn Progress,
    ) -> Verifying<'b, Box<dyn Read + Send + 'a>> {
        Verifying::new(self.0, blob, what, progress)
    }
}

impl<R: Read> Verifying<'_, R> {
    fn read_on(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.finish();
        }
        self.mark();
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let got = self.inner.read(&mut buffer[..want])?;
        if got == 0 {
            let got = self.count();
            return Err(self.damaged(&format!("ends after {got} of {} bytes", self.blob.size)));
        }
        self.hasher.update(&buffer[..got]);
        self.left -= got as u64;
        let digest = Some(self.blob.digest);
        self.progress.event(Event::Advanced { digest, bytes: got as u64 });
        // The verdict comes with the last bytes, not one call later: a receiver that counts to
        // the length (an HTTP body) never asks again.
        if self.left == 0 {
            self.finish()?;
        }
        Ok(got)
    }
}

impl<R: Read> Read for Verifying<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.progress.check().map_err(Error::into_io)?;
        let got = self.read_on(buffer);
        self.failed |= got.is_err();
        got
    }
}

impl<R: Content> Content for Verifying<'_, R> {
    fn seek(&mut self, offset: u64) -> Result<()> {
        let here = self.count();
        if offset < here {
            while self.marks.last().is_some_and(|(at, _)| *at > offset) {
                self.marks.pop();
            }
            let (at, hasher) = self.marks.last().cloned().unwrap_or_default();
            self.inner.seek(at)?;
            (self.hasher, self.judged, self.left) = (hasher, false, self.blob.size - at);
            self.taken = self.taken.min(at);
            let digest = self.blob.digest;
            self.progress.event(Event::Rewound { digest, bytes: here - at });
        }
        let mut skip = offset.saturating_sub(self.count());
        let mut buffer = vec![0; BUFFER.min(usize::try_from(skip).unwrap_or(BUFFER))];
        while skip > 0 {
            let want = usize::try_from(skip).unwrap_or(BUFFER).min(buffer.len());
            let got = self.read(&mut buffer[..want]).map_err(|e| {
                Error::io(format!("{}: going on with blob {}", self.what, self.blob.digest), e)
            })?;
            skip = match got {
                0 => return Err(Error::new(Class::Other, "no such position in the content")),
                got => skip - got as u64,
            };
        }
        Ok(())
    }

    /// The last byte is always taken from the source itself, so that there is something to ask for.
    fn resume(&mut self, there: &mut dyn Read) -> Result<u64> {
        let mut buffer = vec![0; BUFFER];
        while self.left > 1 {
            self.progress.check()?;
            let want = usize::try_from(self.left - 1).unwrap_or(usize::MAX).min(buffer.len());
            // What cannot be read is not there.
            let got = there.read(&mut buffer[..want]).unwrap_or(0);
            if got == 0 {
                break;
            }
            self.mark();
            self.hasher.update(&buffer[..got]);
            self.left -= got as u64;
            let digest = Some(self.blob.digest);
            self.progress.event(Event::Advanced { digest, bytes: got as u64 });
        }
        self.inner.seek(self.count())?;
        self.taken = self.count();
        Ok(self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::digest::Digest;
    use crate::words::progress::{Recorder, Silent};

    fn read(bytes: &[u8], blob: &Descriptor) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Verifying::new(bytes, blob, "test", &Silent).read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn only_the_exact_bytes_pass() {
        let blob = Descriptor::of("a/b", b"hello");

        assert_eq!(read(b"hello", &blob).unwrap(), b"hello");
        for bad in [&b"hellO"[..], b"hell", b"hello!", b""] {
            let error = Error::io("", read(bad, &blob).unwrap_err());
            assert_eq!(error.class(), Class::Damaged, "{bad:?}");
            assert!(error.to_string().contains(&blob.digest.to_string()), "{error}");
        }
        let empty = Descriptor::of("a/b", b"");
        assert_eq!(read(b"", &empty).unwrap(), b"");
        assert!(read(b"x", &empty).is_err());
    }

    #[test]
    fn the_last_good_byte_is_not_handed_out_before_the_verdict() {
        let blob = Descriptor::new("a/b", Digest::of(b"other"), 5);

        let mut five = [0; 5];

        assert!(Verifying::new(&b"hello"[..], &blob, "test", &Silent).read(&mut five).is_err());
    }

    #[test]
    fn content_goes_back_and_forth_and_its_digest_is_judged_all_the_same() {
        use std::io::Cursor;
        let bytes: Vec<u8> = (0..20u32 << 20).map(|n| (n % 251) as u8).collect();
        let (blob, progress) = (Descriptor::of("a/b", &bytes), Recorder::default());
        let mut content = Verifying::new(Cursor::new(&bytes), &blob, "test", &progress);
        let mut piece = vec![0; 1 << 20];

        for at in [0, 5 << 20, 17 << 20, 16 << 20, 3, 9 << 20] {
            content.seek(at as u64).unwrap();
            content.read_exact(&mut piece).unwrap();
            assert!(piece == bytes[at..at + piece.len()], "at {at}");
        }
        content.seek(blob.size).unwrap();
        assert_eq!(content.read(&mut piece).unwrap(), 0);

        let net: i64 = progress
            .events()
            .iter()
            .map(|event| match event {
                Event::Advanced { bytes, .. } => *bytes as i64,
                Event::Rewound { bytes, .. } => -(*bytes as i64),
                _ => 0,
            })
            .sum();
        assert_eq!(net, 20 << 20, "progress is where the content is");

        let mut bad = bytes.clone();
        bad[7 << 20] ^= 1;
        let mut content = Verifying::new(Cursor::new(&bad), &blob, "test", &Silent);
        let error = content.seek(blob.size).unwrap_err();
        assert_eq!(error.class(), Class::Damaged, "a skipped byte counts: {error}");
    }

    #[test]
    fn what_is_there_already_is_hashed_and_not_asked_for() {
        let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
        let blob = Descriptor::of("a/b", &bytes);
        let mut lacking = bytes.clone();
        lacking[..2_000_000].fill(0);
        let rest = |there: &[u8]| {
            let inner = io::Cursor::new(&lacking);
            let mut content = Verifying::new(inner, &blob, "test", &Silent);
            let taken = content.resume(&mut &there[..]).unwrap();
            let mut rest = Vec::new();
            content.read_to_end(&mut rest).map(|_| (taken, rest))
        };

        let (taken, after) = rest(&bytes[..2_000_000]).unwrap();
        assert!(taken == 2_000_000 && after == bytes[2_000_000..]);
        let (taken, after) = rest(&bytes).unwrap();
        assert_eq!((taken, after.as_slice()), (2_999_999, &bytes[2_999_999..]));
        let mut rotten = bytes[..2_000_000].to_vec();
        rotten[7] ^= 1;
        assert_eq!(Error::io("", rest(&rotten).unwrap_err()).class(), Class::Damaged);

        let mut content = Verifying::new(io::Cursor::new(&bytes), &blob, "test", &Silent);
        content.resume(&mut &rotten[..]).unwrap();
        content.seek(0).unwrap();
        assert_eq!(io::copy(&mut content, &mut io::sink()).unwrap(), 3_000_000, "from the start");
    }

    #[test]
    fn marks_stay_few_however_long_the_content() {
        let blob = Descriptor::new("a/b", Digest::of(b""), u64::MAX);
        let mut content = Verifying::new(io::repeat(0), &blob, "test", &Silent);

        for n in 0..10_000 {
            content.left = u64::MAX - n * MARK_EVERY;
            content.mark();
        }

        assert!(content.marks.len() <= MAX_MARKS);
        assert!(content.marks.is_sorted_by_key(|(at, _)| *at));
    }
}
