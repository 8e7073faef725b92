//! The size of the buffers in which bytes move.

/// Larger ones measured no faster; sixteen of them stay far below the memory that a transfer may use.
pub const BUFFER: usize = 256 << 10;
