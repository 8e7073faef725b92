//! [`InStream`]: files in a tar that has to be read from its beginning.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use super::holder::Holder;
use super::pieces::Pieces;
use super::reader::TreeReader;
use super::stream::{Passing, TarStream};
use crate::words::error::Result;

/// A stream that was listed.
#[derive(Debug)]
pub(super) struct InStream(pub(super) Arc<TarStream>);

impl Holder for InStream {
    fn open(&self, _tree: &Path, path: &str, pieces: &Pieces, offset: u64) -> Result<TreeReader> {
        let at = pieces.begin();
        Ok(match self.0.kept(at) {
            Some(bytes) => {
                let mut kept = Cursor::new(bytes);
                kept.set_position(offset);
                TreeReader::coming(kept)
            }
            None => {
                let (stream, size) = (Arc::clone(&self.0), pieces.size());
                TreeReader::coming(Passing::new(stream, path, at, size, offset))
            }
        })
    }

    fn head(&self, pieces: &Pieces) -> Option<&[u8]> {
        Some(self.0.head(pieces.begin()))
    }
}
