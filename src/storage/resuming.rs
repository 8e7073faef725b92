//! [`Resuming`]: a blob from a place, over drops of the connection.

use std::io::{self, Read};

use super::content::Content;
use super::raw::Raw;
use super::store::BlobSource;
use super::verifying::Verifying;
use crate::tools::drops::Drops;
use crate::tools::retry::Retry;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

impl<'a> Verifying<'a, Resuming<'a>> {
    /// Reads `blob` from `source`, and goes on from where it was when the connection drops.
    pub fn from_source(
        source: &'a dyn BlobSource,
        blob: &'a Descriptor,
        what: &'a str,
        progress: &'a dyn Progress,
    ) -> Verifying<'a, Resuming<'a>> {
        Verifying::new(Resuming::new(source, blob, progress), blob, what, progress)
    }
}

/// Reads a blob from a place and, when the connection drops, goes on from where it was.
pub struct Resuming<'a> {
    source: &'a dyn BlobSource,
    blob: &'a Descriptor,
    inner: Option<Raw<'a>>,
    offset: u64,
    drops: Drops,
    progress: &'a dyn Progress,
}

impl std::fmt::Debug for Resuming<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resuming").field("blob", self.blob).field("offset", &self.offset).finish()
    }
}

impl<'a> Resuming<'a> {
    fn new(
        source: &'a dyn BlobSource,
        blob: &'a Descriptor,
        progress: &'a dyn Progress,
    ) -> Resuming<'a> {
        Resuming { source, blob, inner: None, offset: 0, drops: Drops::default(), progress }
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
                    self.drops.came(got as u64);
                    return Ok(got);
                }
                Err(error) => {
                    self.inner = None;
                    self.drops.pause(error, Retry::default(), self.progress)?;
                }
            }
        }
    }
}

impl Content for Resuming<'_> {
    fn seek(&mut self, offset: u64) -> Result<()> {
        if offset != self.offset {
            (self.inner, self.offset, self.drops) = (None, offset, Drops::default());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::samples::Shaky;
    use crate::tools::drops::{MAX_DROPS, SOMETHING};
    use crate::words::progress::{Recorder, Silent};

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
            Verifying::new(resuming, &blob, "", &Silent).read_to_end(&mut out)
        };

        let (slow, trickling, dead) = (stingy(enough), stingy(enough - 1), stingy(0));
        assert_eq!(read(&slow).unwrap(), 8 * enough);
        read(&trickling).unwrap_err();
        read(&dead).unwrap_err();
        assert!(slow.1.into_inner() > 2 * MAX_DROPS);
        assert_eq!(trickling.1.into_inner(), MAX_DROPS + 1);
        assert_eq!(dead.1.into_inner(), MAX_DROPS + 1);
    }

    #[test]
    fn a_dropped_download_goes_on_from_where_it_was() {
        let (source, progress) = (Shaky(b"hello"), Recorder::default());
        let blob = Descriptor::of("a/b", b"hello");

        let mut out = Vec::new();
        let resuming = Resuming::new(&source, &blob, &progress);
        Verifying::new(resuming, &blob, "test", &Silent).read_to_end(&mut out).unwrap();

        assert_eq!(out, b"hello");
        assert_eq!(progress.events().len(), 2, "two drops were reported");
    }
}
