//! Sources for the tests of the streams.

use std::io::Read as _;

use super::raw::Raw;
use super::store::BlobSource;
use crate::words::document::Descriptor;
use crate::words::error::Result;

/// Breaks off after every second byte.
pub(super) struct Shaky(pub(super) &'static [u8]);

impl BlobSource for Shaky {
    fn open(&self, _: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        let rest = &self.0[usize::try_from(offset).unwrap()..];
        Ok(Raw::new(rest.take(2)))
    }
}
