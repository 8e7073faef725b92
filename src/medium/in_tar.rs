//! [`InTar`]: files in one tar, read where they lie.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::entries::Entries;
use super::holder::Holder;
use super::no_tar::{NoTar, SNIFF, no_tar};
use super::pieces::{Extent, Pieces};
use super::reader::TreeReader;
use super::scan;
use super::tar_bytes::PastCache;
use crate::tools::stretch::Stretch;
use crate::words::error::Result;

/// A tar that is open.
#[derive(Debug)]
pub(super) struct InTar(pub(super) Arc<File>);

impl Holder for InTar {
    fn open(&self, tree: &Path, path: &str, pieces: &Pieces, offset: u64) -> Result<TreeReader> {
        let piece = |it: Extent| Stretch::new(Arc::clone(&self.0), it.at, it.size);
        let stretch = Stretch::joined(pieces.iter().map(piece));
        Ok(TreeReader::placed(&stretch, offset, format!("{}: {path}", tree.display())))
    }

    fn list_past_cache(&self) -> io::Result<Option<Entries>> {
        scan::list(&mut PastCache::new(&self.0)?, false).map(Some)
    }

    fn no_tar(&self) -> io::Result<Option<NoTar>> {
        let mut head = Vec::new();
        Stretch::new(Arc::clone(&self.0), 0, SNIFF as u64).reader(0).read_to_end(&mut head)?;
        Ok(no_tar(&head))
    }
}
