//! [`InAge`]: files in one tar that was encrypted with age. It is read by position, and decrypted on the
//! way; nothing lies in a file as it is, so there is no stretch of it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::decrypted::entries;
use super::holder::Holder;
use super::no_tar::{NoTar, SNIFF, no_tar};
use super::pieces::Pieces;
use super::reader::TreeReader;
use super::tree::Tree;
use crate::tools::cipher::{Plain, Unlocked};
use crate::tools::withheld;
use crate::words::error::Result;

/// An encrypted tar that is open.
#[derive(Debug)]
struct InAge(Arc<Unlocked>);

impl Holder for InAge {
    fn open(&self, _tree: &Path, _path: &str, pieces: &Pieces, offset: u64) -> Result<TreeReader> {
        let begin = pieces.begin();
        let end = begin.saturating_add(pieces.size());
        Ok(TreeReader::coming(Plain::new(Arc::clone(&self.0), begin + offset, end)))
    }

    fn file(&self) -> Option<&Arc<File>> {
        Some(self.0.file())
    }

    fn no_tar(&self) -> io::Result<Option<NoTar>> {
        let mut head = Vec::new();
        let end = self.0.length().min(SNIFF as u64);
        Plain::new(Arc::clone(&self.0), 0, end).read_to_end(&mut head)?;
        Ok(no_tar(&head))
    }
}

/// Lists the tar that is in `unlocked`, strictly; `path` is only shown.
///
/// # Errors
/// Any fault of the disk. What is wrong inside is listed by [`faults`](Tree::faults).
pub(crate) fn list(path: &Path, unlocked: Arc<Unlocked>) -> Result<Tree> {
    let fault = |e| withheld::reading(format!("cannot read {}", path.display()), e);
    let entries = entries(&unlocked).map_err(fault)?;
    Ok(Tree::of(path, InAge(unlocked), entries))
}
