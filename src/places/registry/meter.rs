//! [`Meter`]: where the bytes of blobs are counted and slowed down, in both directions.

use std::io::{self, Read};

use super::shared::Shared;
use crate::tools::pace::{Gate, Pass};
use crate::tools::rate::{Bucket, read_limited};
use crate::words::error::{Class, Error};

/// A transfer's place among those of its host, and its share of the rate.
#[derive(Debug)]
pub(super) struct Meter<'a> {
    bucket: Option<&'a Bucket>,
    pass: Pass<'a>,
}

impl<'a> Meter<'a> {
    /// Waits for a place at `gate` for so many bytes.
    pub(super) fn enter(shared: &'a Shared, gate: &'a Gate, bytes: u64) -> Meter<'a> {
        Meter { bucket: shared.bucket.as_ref(), pass: gate.enter(bytes) }
    }

    /// Reads once from `reader`.
    pub(super) fn read(&self, reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
        let got = read_limited(reader, buffer, self.bucket)?;
        self.pass.moved(got as u64);
        Ok(got)
    }
}

/// Reads exactly so many bytes, and keeps the fault that ended it: ureq would report it as one of
/// its own, and the wrong end would be blamed.
pub(super) struct Exact<'a> {
    inner: &'a mut dyn Read,
    size: u64,
    left: u64,
    meter: &'a Meter<'a>,
    fault: Option<io::Error>,
}

impl<'a> Exact<'a> {
    /// Expects `size` bytes of `inner`.
    pub(super) fn new(inner: &'a mut dyn Read, size: u64, meter: &'a Meter<'a>) -> Exact<'a> {
        Exact { inner, size, left: size, meter, fault: None }
    }

    /// How many bytes it is about.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// How many of them were handed out.
    pub(super) fn sent(&self) -> u64 {
        self.size - self.left
    }

    /// The reader's own fault, if it had one.
    pub(super) fn take_fault(&mut self) -> Option<io::Error> {
        self.fault.take()
    }

    fn fail(&mut self, fault: io::Error) -> io::Error {
        self.fault = Some(fault);
        io::Error::other("the source of an upload failed")
    }
}

impl Read for Exact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        loop {
            return match self.meter.read(self.inner, &mut buffer[..want]) {
                Ok(0) => {
                    let why = format!("the content ends {} bytes early", self.left);
                    Err(self.fail(Error::new(Class::Incomplete, why).into_io()))
                }
                Ok(got) => {
                    self.left -= got as u64;
                    Ok(got)
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => Err(self.fail(e)),
            };
        }
    }
}
