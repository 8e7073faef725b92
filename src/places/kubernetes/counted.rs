//! [`Counted`]: a reader of objects, none of which may be endless.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Most bytes of one object. etcd takes 1.5 MiB of one by default, and printed with its indents it has a
/// multiple of that.
pub(super) const MAX_OBJECT: u64 = 16 << 20;

/// How far reading is within an object.
#[derive(Debug, Clone)]
pub(super) struct Within {
    most: u64,
    so_far: Rc<Cell<u64>>,
}

impl Within {
    /// Objects may have `most` bytes.
    pub(super) fn at_most(most: u64) -> Within {
        Within { most, so_far: Rc::default() }
    }

    /// Says that another object begins.
    pub(super) fn begin(&self) {
        self.so_far.set(0);
    }
}

/// Gives what `inner` gives, as long as the object is not too large.
#[derive(Debug)]
pub(super) struct Counted<R> {
    inner: R,
    within: Within,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R, within: Within) -> Counted<R> {
        Counted { inner, within }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        let sum = self.within.so_far.get().saturating_add(got as u64);
        self.within.so_far.set(sum);
        match sum > self.within.most {
            false => Ok(got),
            true => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("an object has more than {} bytes", self.within.most),
            )),
        }
    }
}
