//! [`Verified`]: no byte from outside is used without having passed through it.

mod raw;

use std::io::{self, Read};

pub use self::raw::Raw;
use super::content::Content;
use super::store::BlobSource;
use crate::tools::buffer::BUFFER;
use crate::tools::interrupt;
use crate::tools::retry::Retry;
use crate::words::digest::{Digest, Hasher};
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};

/// How far apart the places are from which [`Verified`] can hash again at first.
const MARK_EVERY: u64 = 8 << 20;
/// How many such places are kept; when there are more, every second one goes. A hash in the
/// middle of its work has about a hundred bytes.
const MAX_MARKS: usize = 1024;

/// Reads exactly the bytes of one descriptor: fails on the first byte too many, on a short body,
/// and, at the end, on a wrong digest. Also where progress is counted and interrupts are seen.
///
/// As [`Content`] it goes back and forth. The digest is over all bytes of the blob in their
/// order, whichever of them were handed out: what is skipped is read and hashed, and what is read
/// again is hashed again from a place that was marked on the way.
pub struct Verified<'a, R> {
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
    /// What was hashed up to certain places, the first one excepted, which is 0.
    marks: Vec<(u64, Hasher)>,
    apart: u64,
    progress: &'a dyn Progress,
}

impl<R> std::fmt::Debug for Verified<'_, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified").field("blob", self.blob).field("left", &self.left).finish()
    }
}

impl<'a, R: Read> Verified<'a, R> {
    /// Reads `blob` from `inner`. `what` names the end the bytes come from in an error, as in
    /// `source registry docker.io`.
    pub fn new(
        inner: R,
        blob: &'a Descriptor,
        what: &'a str,
        progress: &'a dyn Progress,
    ) -> Verified<'a, R> {
        Verified {
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

    /// Remembers this place if the last one is far enough away.
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

impl<'a> Verified<'a, Resuming<'a>> {
    /// Reads `blob` from `source`, and goes on from where it was when the connection drops.
    pub fn from_source(
        source: &'a dyn BlobSource,
        blob: &'a Descriptor,
        what: &'a str,
        progress: &'a dyn Progress,
    ) -> Verified<'a, Resuming<'a>> {
        Verified::new(Resuming::new(source, blob, progress), blob, what, progress)
    }
}

impl<R: Read> Verified<'_, R> {
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

impl<R: Read> Read for Verified<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check().map_err(Error::into_io)?;
        let got = self.read_on(buffer);
        self.failed |= got.is_err();
        got
    }
}

impl<R: Content> Content for Verified<'_, R> {
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
                0 => return Err(Error::new(Class::Other, "no such place in the content")),
                got => skip - got as u64,
            };
        }
        Ok(())
    }

    /// The last byte is always taken from the place itself, so that there is something to ask for.
    fn resume(&mut self, there: &mut dyn Read) -> Result<u64> {
        let mut buffer = vec![0; BUFFER];
        while self.left > 1 {
            interrupt::check()?;
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

/// Reads a blob from a place and, when the connection drops, goes on from where it was.
pub struct Resuming<'a> {
    source: &'a dyn BlobSource,
    blob: &'a Descriptor,
    inner: Option<Raw<'a>>,
    offset: u64,
    faults: u32,
    /// Bytes since the last drop.
    since: u64,
    progress: &'a dyn Progress,
}

impl std::fmt::Debug for Resuming<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resuming").field("blob", self.blob).field("offset", &self.offset).finish()
    }
}

/// How many drops in a row, with next to nothing in between, end a download.
const MAX_FAULTS: u32 = 5;
/// How many bytes between two drops are something: with less, a source that gives a byte and
/// breaks off could keep a download busy for ever.
const SOMETHING: u64 = 64 << 10;

impl<'a> Resuming<'a> {
    fn new(
        source: &'a dyn BlobSource,
        blob: &'a Descriptor,
        progress: &'a dyn Progress,
    ) -> Resuming<'a> {
        Resuming { source, blob, inner: None, offset: 0, faults: 0, since: 0, progress }
    }

    fn attempt(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.inner.is_none() {
            self.inner = Some(self.source.open(self.blob, self.offset)?);
        }
        let Some(inner) = &mut self.inner else { return Ok(0) };
        let got = inner.0.read(buffer).map_err(|e| match Error::from_io(e) {
            Ok(error) => error,
            Err(error) => {
                Error::io(format!("reading blob {}", self.blob.digest), error).transient()
            }
        })?;
        if got == 0 && self.offset < self.blob.size && !buffer.is_empty() {
            let text = format!("blob {} broke off at byte {}", self.blob.digest, self.offset);
            return Err(Error::new(Class::Incomplete, text).transient());
        }
        Ok(got)
    }
}

impl Read for Resuming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.attempt(buffer) {
                Ok(got) => {
                    self.offset += got as u64;
                    self.since += got as u64;
                    if self.since >= SOMETHING {
                        self.faults = 0;
                    }
                    return Ok(got);
                }
                Err(error) if error.is_transient() && self.faults < MAX_FAULTS => {
                    (self.inner, self.since) = (None, 0);
                    self.faults += 1;
                    Retry::default()
                        .wait(self.faults, &error, self.progress)
                        .map_err(Error::into_io)?;
                }
                // Whoever retries around this reader must not start over.
                Err(error) => return Err(error.settled().into_io()),
            }
        }
    }
}

impl Content for Resuming<'_> {
    fn seek(&mut self, offset: u64) -> Result<()> {
        if offset != self.offset {
            (self.inner, self.offset, self.faults) = (None, offset, 0);
        }
        Ok(())
    }
}

/// Reads `blob` whole, checked, when it has at most `limit` bytes.
///
/// # Errors
/// [`Class::Damaged`] when it is larger or its bytes are wrong.
pub fn read_small(
    source: &dyn BlobSource,
    blob: &Descriptor,
    limit: u64,
    what: &str,
) -> Result<Vec<u8>> {
    if blob.size > limit {
        let text = format!("{what}: {} has {} bytes, more than {limit}", blob.digest, blob.size);
        return Err(Error::new(Class::Damaged, text));
    }
    let silent = &crate::words::progress::Silent;
    from_all_places(source, blob, || {
        let mut bytes = Vec::with_capacity(usize::try_from(blob.size).unwrap_or(0));
        Verified::from_source(source, blob, what, silent)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io(format!("{what}: reading {}", blob.digest), e))?;
        Ok(bytes)
    })
}

/// Runs `read`, which reads `blob` from `source`; again when its bytes prove wrong, as often as
/// the source has another place for it.
///
/// # Errors
/// The last failure of `read`.
pub fn from_all_places<T>(
    source: &dyn BlobSource,
    blob: &Descriptor,
    mut read: impl FnMut() -> Result<T>,
) -> Result<T> {
    loop {
        match read() {
            Err(error) if error.class() == Class::Damaged && source.distrust(blob) => {}
            done => return done,
        }
    }
}

/// The digest of all that `reader` gives.
///
/// # Errors
/// Those of `reader`, and [`Class::Interrupted`] when the user asks to stop.
pub fn digest_of(reader: &mut dyn Read) -> io::Result<Digest> {
    let (mut hasher, mut buffer) = (Hasher::new(), vec![0; BUFFER]);
    loop {
        interrupt::check().map_err(Error::into_io)?;
        match reader.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            got => hasher.update(&buffer[..got]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::digest::Digest;
    use crate::words::progress::{Recorder, Silent};

    fn read(bytes: &[u8], blob: &Descriptor) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Verified::new(bytes, blob, "test", &Silent).read_to_end(&mut out)?;
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

        assert!(Verified::new(&b"hello"[..], &blob, "test", &Silent).read(&mut five).is_err());
    }

    #[test]
    fn content_goes_back_and_forth_and_its_digest_is_judged_all_the_same() {
        use std::io::Cursor;
        let bytes: Vec<u8> = (0..20u32 << 20).map(|n| (n % 251) as u8).collect();
        let (blob, progress) = (Descriptor::of("a/b", &bytes), Recorder::default());
        let mut content = Verified::new(Cursor::new(&bytes), &blob, "test", &progress);
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
        let mut content = Verified::new(Cursor::new(&bad), &blob, "test", &Silent);
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
            let mut content = Verified::new(inner, &blob, "test", &Silent);
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

        let mut content = Verified::new(io::Cursor::new(&bytes), &blob, "test", &Silent);
        content.resume(&mut &rotten[..]).unwrap();
        content.seek(0).unwrap();
        assert_eq!(io::copy(&mut content, &mut io::sink()).unwrap(), 3_000_000, "from the start");
    }

    #[test]
    fn marks_stay_few_however_long_the_content() {
        let blob = Descriptor::new("a/b", Digest::of(b""), u64::MAX);
        let mut content = Verified::new(io::repeat(0), &blob, "test", &Silent);

        for n in 0..10_000 {
            content.left = u64::MAX - n * MARK_EVERY;
            content.mark();
        }

        assert!(content.marks.len() <= MAX_MARKS);
        assert!(content.marks.is_sorted_by_key(|(at, _)| *at));
    }

    /// Breaks off after every second byte.
    struct Shaky(&'static [u8]);

    impl BlobSource for Shaky {
        fn open(&self, _: &Descriptor, offset: u64) -> Result<Raw<'_>> {
            let rest = &self.0[usize::try_from(offset).unwrap()..];
            Ok(Raw::new(rest.take(2)))
        }
    }

    /// Refuses every second connection, gives so many bytes over each other one, and asks to be
    /// left alone for no time. Counts the connections.
    struct Stingy(usize, std::sync::atomic::AtomicU32);

    impl BlobSource for Stingy {
        fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
            let before = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if before % 2 == 1 || self.0 == 0 {
                let error = Error::new(Class::Other, "reset").transient();
                return Err(error.retry_after(Some(std::time::Duration::ZERO)));
            }
            let rest = io::repeat(b'x').take(blob.size - offset);
            match rest.limit() <= self.0 as u64 {
                true => Ok(Raw::new(rest)),
                false => Ok(Raw::new(rest.take(self.0 as u64).chain(Reset))),
            }
        }
    }

    struct Reset;

    impl Read for Reset {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            let error = Error::new(Class::Other, "reset").transient();
            Err(error.retry_after(Some(std::time::Duration::ZERO)).into_io())
        }
    }

    #[test]
    fn a_download_ends_after_drops_without_progress_and_not_before() {
        let enough = usize::try_from(SOMETHING).unwrap();
        let blob = Descriptor::of("a/b", &vec![b'x'; 8 * enough]);
        let stingy = |bytes| Stingy(bytes, 0.into());
        let read = |source: &Stingy| {
            let mut out = Vec::new();
            let resuming = Resuming::new(source, &blob, &Silent);
            Verified::new(resuming, &blob, "", &Silent).read_to_end(&mut out)
        };

        let (slow, trickling, dead) = (stingy(enough), stingy(enough - 1), stingy(0));
        assert_eq!(read(&slow).unwrap(), 8 * enough);
        read(&trickling).unwrap_err();
        read(&dead).unwrap_err();
        assert!(slow.1.into_inner() > 2 * MAX_FAULTS);
        assert_eq!(trickling.1.into_inner(), MAX_FAULTS + 1);
        assert_eq!(dead.1.into_inner(), MAX_FAULTS + 1);
    }

    #[test]
    fn what_is_to_be_small_is_not_read_when_it_is_not() {
        let blob = Descriptor::of("a/b", b"hello");

        assert_eq!(read_small(&Shaky(b"hello"), &blob, 5, "test").unwrap(), b"hello");
        let error = read_small(&Shaky(b"hello"), &blob, 4, "test").unwrap_err();
        assert_eq!(error.class(), Class::Damaged);
    }

    #[test]
    fn a_dropped_download_goes_on_from_where_it_was() {
        let (source, progress) = (Shaky(b"hello"), Recorder::default());
        let blob = Descriptor::of("a/b", b"hello");

        let mut out = Vec::new();
        let resuming = Resuming::new(&source, &blob, &progress);
        Verified::new(resuming, &blob, "test", &Silent).read_to_end(&mut out).unwrap();

        assert_eq!(out, b"hello");
        assert_eq!(progress.events().len(), 2, "two drops were reported");
    }
}
