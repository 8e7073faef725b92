//! [`LedgerBook`]: what sealift did on this side, entry behind entry, in a file that is only ever added to.
//!
//! A line is an entry. Each has the digest of the one before it and its own, so that none can be
//! changed, taken out or moved unnoticed; where the file ends says its head, which is kept beside it.
//! `docs/FORMAT.md` describes both.

mod aside;
mod chain;
mod entry;
mod event;
mod extract;
mod faults;
mod finding;
mod head;
mod reading;
mod refused;
mod rotation;
mod settled;
mod state;

use std::path::{Path, PathBuf};

pub use self::entry::{LedgerEntry, LedgerScribe, MAX_LINE};
pub use self::event::{
    LedgerEvent, LedgerFailure, LedgerImage, LedgerMapping, LedgerOverride, LedgerStage,
    LedgerTorn, LedgerTrust, LedgerVerb,
};
pub use self::extract::{LedgerExtract, LedgerSpan};
pub use self::finding::{LedgerFault, LedgerFinding};
pub use self::head::LedgerHead;
use self::settled::Settled;
pub use self::state::LedgerState;
use crate::tools::ground;
use crate::words::cancel::Cancel;
use crate::words::error::Result;

/// A ledger, which need not be there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerBook {
    path: PathBuf,
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

    /// Fails as [`append`](LedgerBook::append) will, where that can be known. Nothing is added, and none is
    /// made where there is none.
    ///
    /// # Errors
    /// [`Class::Refused`](crate::words::error::Class::Refused) where nothing can be written; as
    /// [`append`](LedgerBook::append) for what stands there already.
    pub fn check(&self, cancel: &Cancel) -> Result<()> {
        ground::check(&self.path).map_err(|error| faults::unwritable(&self.path, error))?;
        match self.is_begun() {
            true => Settled::open(&self.path, cancel).map(drop),
            false => Ok(()),
        }
    }

    /// Whether anything of it is there, whatever that is.
    fn is_begun(&self) -> bool {
        [&self.path, &head::place(&self.path)].into_iter().any(|it| it.symlink_metadata().is_ok())
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
        if !self.is_begun() {
            return Err(faults::nothing(&self.path));
        }
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
        aside::files(&self.path)
    }
}

#[cfg(test)]
mod tests;
