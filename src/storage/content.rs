//! [`Content`]: bytes for a sink, from which it can go back and send a part again.

use std::io::{self, Read};

use crate::words::error::{Class, Error, Result};

/// A stream of bytes that may be able to go to another position in itself.
///
/// A receiver that takes a blob in pieces goes back to where the other end stopped listening, and
/// forward over what the other end has kept from an earlier run.
pub trait Content: Read {
    /// Makes `offset`, counted from the first byte, the position of the next byte to be read.
    ///
    /// # Errors
    /// When the bytes can be had only once, which is what the default says, or not any more.
    fn seek(&mut self, _offset: u64) -> Result<()> {
        Err(Error::new(Class::Other, "the content can be read only once"))
    }

    /// Takes `there` for its own first bytes, as an earlier run has left them with the receiver,
    /// and goes on behind them; gives how many it took. They are judged with the rest, at the end.
    /// What can be had only once takes none.
    ///
    /// # Errors
    /// When it cannot go on there.
    fn resume(&mut self, _there: &mut dyn Read) -> Result<u64> {
        Ok(0)
    }
}

/// Content that can be had only once.
#[derive(Debug)]
pub struct Once<R>(pub R);

impl<R: Read> Read for Once<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Content for Once<R> {}
impl Content for &[u8] {}

impl<T: AsRef<[u8]>> Content for io::Cursor<T> {
    fn seek(&mut self, offset: u64) -> Result<()> {
        self.set_position(offset);
        Ok(())
    }
}
