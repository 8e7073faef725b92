//! [`InTar`]: files in one tar, read where they lie.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::holder::{Holder, PastMemory};
use super::no_tar::{NoTar, SNIFF, no_tar};
use super::pieces::{Extent, Pieces};
use super::reader::TreeReader;
use super::scan;
use super::tar_bytes::PastCache;
use crate::tools::stretch::Stretch;
use crate::tools::withheld;
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

    fn file(&self) -> Option<&Arc<File>> {
        Some(&self.0)
    }

    fn list_past_cache(&self, tree: &Path) -> Result<Option<PastMemory>> {
        let fault = |e| withheld::reading(format!("cannot read {}", tree.display()), e);
        let mut bytes = PastCache::new(&self.0).map_err(fault)?;
        let entries = scan::list(&mut bytes, false).map_err(fault)?;
        Ok(Some(PastMemory { entries, holder: None }))
    }

    fn no_tar(&self) -> io::Result<Option<NoTar>> {
        let mut head = Vec::new();
        Stretch::new(Arc::clone(&self.0), 0, SNIFF as u64).reader(0).read_to_end(&mut head)?;
        Ok(no_tar(&head))
    }
}
