//! The buffers in which bytes move.

use std::io;

/// Larger ones measured no faster; sixteen of them stay far below the memory that a transfer may use.
pub const BUFFER: usize = 256 << 10;

/// `io::copy` with a buffer of our size.
///
/// # Errors
/// Those of both ends.
pub fn copy(from: &mut dyn io::Read, to: &mut dyn io::Write, buffer: &mut [u8]) -> io::Result<u64> {
    let mut count = 0;
    loop {
        let got = from.read(buffer)?;
        if got == 0 {
            return Ok(count);
        }
        to.write_all(&buffer[..got])?;
        count += got as u64;
    }
}
