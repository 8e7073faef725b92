//! [`Fault`]: what is wrong with a tree before any content is looked at.

use super::Tree;
use crate::words::error::{Class, Error, ErrorKind, Result, UNREADABLE};

/// What is wrong with a tree before any content is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault {
    /// The entry, or an empty string for the tree itself.
    pub path: String,
    /// Whether bytes are merely missing at the end, as after a broken-off copy.
    pub truncated: bool,
    /// Whether the system lets nobody see what is there.
    pub unreadable: bool,
    /// Whether something else stands where a file should.
    pub no_file: bool,
    /// What is wrong, for people.
    pub what: String,
}

impl Tree {
    /// Everything that is no regular file, stands twice, or cannot be read one way only.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.found.faults
    }

    /// Whether `path` lies in a folder that cannot be seen, so that it may be there.
    #[must_use]
    pub fn hides(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        !self.found.unseen.is_empty() && above.into_iter().any(|it| self.found.unseen.contains(it))
    }

    /// Fails with the first fault, if there is one, or that bytes are missing at the end.
    ///
    /// # Errors
    /// [`Class::Incomplete`] for what was cut off, [`Class::Refused`] for what cannot be read, else
    /// [`Class::Damaged`].
    pub fn refuse_faults(&self) -> Result<()> {
        let faults = &self.found.faults;
        let cut = faults.iter().find(|fault| fault.truncated);
        // What is wrong for sure before what only cannot be seen.
        let wrong = cut.or_else(|| faults.iter().find(|fault| !fault.unreadable));
        let Some(fault) = wrong.or(faults.first()) else { return Ok(()) };
        let path = self.path.display();
        let text = match fault.path.is_empty() {
            true => format!("{path}: {}", fault.what),
            false => format!("{path}: {} {}", fault.path, fault.what),
        };
        Err(match fault.truncated {
            true => Error::new(Class::Incomplete, text)
                .hint("it was cut off; copy it again from where it was made"),
            false if fault.unreadable => {
                Error::new(Class::Refused, text).hint(UNREADABLE).of_kind(ErrorKind::Unreadable)
            }
            false => Error::new(Class::Damaged, text).hint(
                "a tar may be plain, gzip or zstd, and holds files under plain names, each once",
            ),
        })
    }
}
