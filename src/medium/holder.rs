//! [`Holder`]: what holds the bytes of a tree's files. Each kind of medium has its own, in a file of
//! its own, with the list of what it holds.

use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::entries::Entries;
use super::no_tar::NoTar;
use super::pieces::Pieces;
use super::reader::TreeReader;
use super::volumes::Volumes;
use crate::tools::named_file::NamedFile;
use crate::words::error::{Error, Result};

/// What the device says of a tree.
pub(super) struct PastMemory {
    pub entries: Entries,
    /// What holds these, where it is not what held the others.
    pub holder: Option<Box<dyn Holder>>,
}

/// Gives the bytes of files that it has listed.
pub(super) trait Holder: Debug + Send + Sync {
    /// Opens the file `path`, which lies in `pieces`, from byte `offset` on (at most its size). The
    /// tree is shown as `tree`.
    ///
    /// # Errors
    /// When it cannot be opened, or is no longer what was listed.
    fn open(&self, tree: &Path, path: &str, pieces: &Pieces, offset: u64) -> Result<TreeReader>;

    /// The first bytes of the file in `pieces`, where they are known without opening it.
    fn head(&self, _pieces: &Pieces) -> Option<&[u8]> {
        None
    }

    /// The file `path`, where it is one of its own that can be given another name.
    fn named(&self, _path: &str) -> Option<NamedFile> {
        None
    }

    /// The file that all of it lies in, packed or encrypted, where it is one.
    fn file(&self) -> Option<&Arc<File>> {
        None
    }

    /// Whether it is a folder.
    fn is_folder(&self) -> bool {
        false
    }

    /// The volumes that it is, where it is a set of them.
    fn volumes(&self) -> Option<&Volumes> {
        None
    }

    /// What it holds as the device says it, past memory, where that lies in files. The tree is shown as
    /// `tree`.
    ///
    /// # Errors
    /// Those of the disk.
    fn list_past_cache(&self, _tree: &Path) -> Result<Option<PastMemory>> {
        Ok(None)
    }

    /// Why no more is to be had of it, where it broke down altogether.
    fn failure(&self) -> Option<Error> {
        None
    }

    /// What it is, where it is one file and no tar.
    ///
    /// # Errors
    /// Those of the disk.
    fn no_tar(&self) -> io::Result<Option<NoTar>> {
        Ok(None)
    }
}
