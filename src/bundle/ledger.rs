//! [`LedgerBook`]: what sealift did on this side, entry behind entry, in a file that is only ever added to.
//!
//! A line is an entry. Each has the digest of the one before it and its own, so that none can be
//! changed, taken out or moved unnoticed; where the file ends says its head, which is kept beside it.
//! `docs/FORMAT.md` describes both.

mod chain;
mod entry;
mod event;
mod extract;
mod faults;
mod finding;
mod head;
mod rotation;
mod settled;

use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use self::chain::LedgerChain;
pub use self::entry::{LedgerEntry, LedgerScribe, MAX_LINE};
pub use self::event::{
    LedgerEvent, LedgerFailure, LedgerImage, LedgerMapping, LedgerOverride, LedgerStage,
    LedgerTorn, LedgerTrust, LedgerVerb,
};
pub use self::extract::{LedgerExtract, LedgerSpan};
pub use self::finding::{LedgerFault, LedgerFinding};
pub use self::head::LedgerHead;
use self::settled::Settled;
use crate::tools::file::open_regular;
use crate::tools::ground;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::error::Result;

/// How much is read at a time.
const BUFFER: usize = 1 << 20;

/// A ledger, which need not be there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerBook {
    path: PathBuf,
}

/// What was found of a ledger.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LedgerState {
    /// Its last entry, by number and digest.
    pub last: Option<(u64, Digest)>,
    /// How many entries it has.
    pub entries: u64,
    /// How many times what a crash left was accounted for.
    pub mended: u64,
    /// How many bytes a crash left at its end, for which the next entry accounts.
    pub torn: u64,
    /// Whether something says where it ends.
    pub anchored: bool,
    /// All that is wrong.
    pub findings: Vec<LedgerFinding>,
}

impl LedgerBook {
    /// The ledger in the file `path`.
    pub fn at(path: impl Into<PathBuf>) -> LedgerBook {
        LedgerBook { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Fails as [`append`](LedgerBook::append) will, where that can be known.
    ///
    /// # Errors
    /// [`Class::Refused`](crate::words::error::Class::Refused) where nothing can be written.
    pub fn check(&self) -> Result<()> {
        ground::check(&self.path).map_err(|error| faults::unwritable(&self.path, error))
    }

    /// Adds `event`, noted by `scribe`, and gives its number. It is on the disk then. What a crash left
    /// of another entry is accounted for first.
    ///
    /// # Errors
    /// [`Class::Damaged`](crate::words::error::Class::Damaged) where the file does not end as its head
    /// says; [`Class::Busy`](crate::words::error::Class::Busy) where another one writes for long; when
    /// the disk refuses.
    pub fn append(
        &self,
        event: LedgerEvent,
        scribe: &LedgerScribe,
        cancel: &Cancel,
    ) -> Result<u64> {
        let mut settled = Settled::open(&self.path, cancel)?;
        settled.finish_rotation(scribe)?;
        settled.mend(scribe)?;
        settled.write(event, scribe)
    }

    /// Puts the file aside under a name that says which entries it has, and begins a new one that goes
    /// on from it. Gives the name.
    ///
    /// # Errors
    /// As [`append`](LedgerBook::append); [`Class::Usage`](crate::words::error::Class::Usage) where
    /// there is nothing to put aside.
    pub fn rotate(&self, scribe: &LedgerScribe, cancel: &Cancel) -> Result<PathBuf> {
        let mut settled = Settled::open(&self.path, cancel)?;
        settled.finish_rotation(scribe)?;
        settled.mend(scribe)?;
        settled.rotate(scribe)
    }

    /// The files that were put aside of it, the oldest first, and it itself.
    ///
    /// # Errors
    /// When its folder cannot be read.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        rotation::files(&self.path)
    }
}

impl LedgerState {
    /// Reads `files`, each of which goes on from the one before, and hands `each` entry on that is as
    /// it was written. The last file is held against its head, where that lies beside it.
    ///
    /// # Errors
    /// When a file cannot be read, or `each` fails. What is wrong with them is in
    /// [`findings`](LedgerState::findings).
    pub fn read(
        files: &[PathBuf],
        mut each: impl FnMut(&LedgerEntry, &Digest) -> Result<()>,
    ) -> Result<LedgerState> {
        let mut chain = LedgerChain::new();
        let mut end = 0;
        for path in files {
            let file = open_regular(path).map_err(|e| faults::unreadable(path, e))?;
            end = file.metadata().map_err(|e| faults::unreadable(path, e))?.len();
            // What is added meanwhile is not looked at.
            let reader = BufReader::with_capacity(BUFFER, file.take(end));
            chain.begin(path);
            read_lines(reader, path, &mut |line| chain.line(line, &mut each))?;
        }
        let head = match files.last() {
            Some(path) => LedgerHead::beside(path)?,
            None => None,
        };
        Ok(chain.end(head.as_ref(), end))
    }
}

/// Hands each line of `reader`, which reads `path`, to `each`, with its line feed where it has one. Of
/// a line that is longer than any, as much as that.
fn read_lines(
    mut reader: impl BufRead,
    path: &Path,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut reader).take(MAX_LINE);
        limited.read_until(b'\n', &mut line).map_err(|e| faults::unreadable(path, e))?;
        if line.is_empty() {
            return Ok(());
        }
        each(&line)?;
    }
}

#[cfg(test)]
mod tests;
