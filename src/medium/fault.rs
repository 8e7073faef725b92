//! [`TreeFault`]: what is wrong with a tree before any content is looked at.

use std::path::Path;

use crate::words::error::{Class, Error, ErrorKind, Result, UNREADABLE};

/// Most faults that are told. A medium may be made of nothing else, and each is a line.
pub(super) const MAX_FAULTS: usize = 1_000;

/// What is wrong with a tree before any content is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFault {
    /// The entry, or an empty string for the tree itself.
    pub path: String,
    /// What kind of thing.
    pub kind: FaultKind,
    /// What is wrong, for people.
    pub what: String,
}

/// What kind of thing is wrong with a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// Bytes are merely missing at the end, as after a broken-off copy.
    Truncated,
    /// The system lets nobody see what is there.
    Unreadable,
    /// A link, a pipe or a device stands where a file should.
    NotAFile,
    /// It is not as it may be, or cannot be read one way only.
    Unacceptable,
}

impl TreeFault {
    /// Whether bytes are missing at the end.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.kind == FaultKind::Truncated
    }

    /// Whether nobody can see what is there.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.kind == FaultKind::Unreadable
    }
}

/// Fails with the first of `faults` of the tree at `path`, if there is one, or that bytes are missing at
/// the end.
///
/// # Errors
/// [`Class::Incomplete`] for what was cut off, [`Class::Refused`] for what cannot be read, else
/// [`Class::Damaged`].
pub(super) fn refuse(path: &Path, faults: &[TreeFault]) -> Result<()> {
    let cut = faults.iter().find(|fault| fault.is_truncated());
    // What is wrong for sure before what only cannot be seen.
    let wrong = cut.or_else(|| faults.iter().find(|fault| !fault.is_unreadable()));
    let Some(fault) = wrong.or(faults.first()) else { return Ok(()) };
    let path = path.display();
    let text = match fault.path.is_empty() {
        true => format!("{path}: {}", fault.what),
        false => format!("{path}: {} {}", fault.path, fault.what),
    };
    Err(match fault.kind {
        FaultKind::Truncated => Error::new(Class::Incomplete, text)
            .hint("it was cut off; copy it again from where it was made"),
        FaultKind::Unreadable => {
            Error::new(Class::Refused, text).hint(UNREADABLE).of_kind(ErrorKind::Unreadable)
        }
        _ => Error::new(Class::Damaged, text)
            .hint("a tar may be plain, gzip or zstd, and holds files under plain names, each once"),
    })
}
