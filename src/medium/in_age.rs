//! [`InAge`]: files in one tar that was encrypted with age. It is read by position, and decrypted on the
//! way; nothing lies in a file as it is, so there is no stretch of it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use super::fault::{FaultKind, TreeFault};
use super::holder::Holder;
use super::no_tar::{NoTar, SNIFF, no_tar};
use super::pieces::Pieces;
use super::reader::TreeReader;
use super::scan;
use super::tar_bytes::TarBytes;
use super::tree::Tree;
use crate::tools::cipher::{Identities, Plain, Unlocked};
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

    fn no_tar(&self) -> io::Result<Option<NoTar>> {
        let mut head = Vec::new();
        let end = self.0.length().min(SNIFF as u64);
        Plain::new(Arc::clone(&self.0), 0, end).read_to_end(&mut head)?;
        Ok(no_tar(&head))
    }
}

/// Opens `file` with one of `identities`, and lists the tar that is in it, strictly; `path` is only shown.
///
/// # Errors
/// As [`Unlocked::open`], and any fault of the disk. What is wrong inside is listed by
/// [`faults`](Tree::faults).
pub(super) fn open(path: &Path, file: Arc<File>, identities: Option<&Identities>) -> Result<Tree> {
    let name = path.display().to_string();
    list(path, Arc::new(Unlocked::open(&name, file, identities)?))
}

/// Lists the tar that is in `unlocked`, as [`open`] does.
///
/// # Errors
/// As there.
pub(crate) fn list(path: &Path, unlocked: Arc<Unlocked>) -> Result<Tree> {
    let name = path.display().to_string();
    let fault = |e| withheld::reading(format!("cannot read {name}"), e);
    let mut entries = scan::list(&mut Decrypted::new(&unlocked), false).map_err(fault)?;
    if !unlocked.is_whole() && !entries.faults.iter().any(TreeFault::is_truncated) {
        let what = "what was encrypted last is not as it was".to_owned();
        let kind = FaultKind::Unacceptable;
        entries.faults.push(TreeFault { path: String::new(), kind, what });
    }
    Ok(Tree::of(path, InAge(unlocked), entries))
}

/// The tar in an encrypted file.
struct Decrypted {
    plain: Plain,
    length: u64,
}

impl Decrypted {
    fn new(unlocked: &Arc<Unlocked>) -> Decrypted {
        let length = unlocked.length();
        Decrypted { plain: Plain::new(Arc::clone(unlocked), 0, length), length }
    }
}

impl TarBytes for Decrypted {
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let got = left.min(buffer.len());
        self.plain.go_to(at);
        self.plain.read_exact(&mut buffer[..got])?;
        Ok(got)
    }

    fn reaches(&mut self, end: u64) -> io::Result<bool> {
        Ok(end <= self.length)
    }

    fn end(&self) -> u64 {
        self.length
    }
}
