//! [`Packing`]: how a tar is compressed.

use std::fmt;

/// How a tar is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packing {
    /// Not at all.
    Plain,
    /// With gzip (RFC 1952), of any number of members.
    Gzip,
    /// With Zstandard (RFC 8878), of any number of frames.
    Zstd,
}

impl fmt::Display for Packing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Packing::Plain => "tar",
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
        })
    }
}
