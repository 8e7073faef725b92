//! [`Verified`]: no byte from outside is used without having passed through it.

use std::io::{self, Read};

use super::interrupt;
use super::retry::Retry;
use super::store::BlobSource;
use crate::words::digest::Hasher;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};

/// Size of the buffers in which bytes move. Larger ones measured no faster; sixteen of them stay
/// far below the memory that a transfer may use.
pub const BUFFER: usize = 256 << 10;

/// Reads exactly the bytes of one descriptor: fails on the first byte too many, on a short body,
/// and, at the end, on a wrong digest. Also where progress is counted and interrupts are seen.
pub struct Verified<'a, R> {
    inner: R,
    blob: &'a Descriptor,
    what: &'a str,
    hasher: Option<Hasher>,
    left: u64,
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
        let hasher = Some(Hasher::new());
        Verified { inner, blob, what, hasher, left: blob.size, progress }
    }

    /// How many bytes were handed out.
    pub fn count(&self) -> u64 {
        self.blob.size - self.left
    }

    fn damaged(&self, why: &str) -> io::Error {
        Error::new(Class::Damaged, format!("{}: blob {} {why}", self.what, self.blob.digest))
            .into_io()
    }

    /// At the end of the bytes: nothing may follow, and the digest must fit.
    fn finish(&mut self) -> io::Result<usize> {
        let Some(hasher) = self.hasher.take() else { return Ok(0) };
        if self.inner.read(&mut [0])? != 0 {
            return Err(self.damaged(&format!("is longer than its {} bytes", self.blob.size)));
        }
        if hasher.finish() != self.blob.digest {
            return Err(self.damaged("does not match its digest"));
        }
        Ok(0)
    }
}

impl<R: Read> Read for Verified<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        interrupt::check().map_err(Error::into_io)?;
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            return self.finish();
        }
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let got = self.inner.read(&mut buffer[..want])?;
        if got == 0 {
            let got = self.count();
            return Err(self.damaged(&format!("ends after {got} of {} bytes", self.blob.size)));
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..got]);
        }
        self.left -= got as u64;
        self.progress.event(Event::Advanced { bytes: got as u64 });
        // The verdict comes with the last bytes, not one call later: a receiver that counts to
        // the length (an HTTP body) never asks again.
        if self.left == 0 {
            self.finish()?;
        }
        Ok(got)
    }
}

/// Reads a blob from a place and, when the connection drops, goes on from where it was.
pub struct Resuming<'a> {
    source: &'a dyn BlobSource,
    blob: &'a Descriptor,
    inner: Option<Box<dyn Read + Send + 'a>>,
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
    /// Reads `blob` from `source`.
    pub fn new(
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
        let got = inner.read(buffer).map_err(|e| match Error::from_io(e) {
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
                Err(error) => return Err(error.lasting().into_io()),
            }
        }
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
    let mut bytes = Vec::with_capacity(usize::try_from(blob.size).unwrap_or(0));
    let reader = Resuming::new(source, blob, silent);
    Verified::new(reader, blob, what, silent)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::io(format!("{what}: reading {}", blob.digest), e))?;
    Ok(bytes)
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

    /// Breaks off after every second byte.
    struct Shaky(&'static [u8]);

    impl BlobSource for Shaky {
        fn open(&self, _: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
            let rest = &self.0[usize::try_from(offset).unwrap()..];
            Ok(Box::new(rest.take(2)))
        }
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
