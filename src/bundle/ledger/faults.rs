//! What can be wrong with a ledger, each with the way out.

use std::io;
use std::path::Path;

use crate::words::error::{Class, Error, Subject};
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// The ledger, or its head, cannot be read.
pub(super) fn unreadable(path: &Path, error: io::Error) -> Error {
    let text = format!("cannot read the ledger {}", path.display());
    let error = match error.kind() {
        io::ErrorKind::InvalidData => Error::new(Class::Usage, text).source(error),
        _ => Error::io(text, error),
    };
    error
        .subject(Subject::Path(path.to_owned()))
        .hint(phrase!["see who may read it, or name another file with ", Remedy::Ledger])
}

/// Nothing can be noted in the ledger `path`, because of `error`.
pub(super) fn unwritable(path: &Path, error: Error) -> Error {
    let error = error
        .context(format!("cannot write the ledger {}", path.display()))
        .subject(Subject::Path(path.to_owned()));
    match error.class() {
        Class::NoRoom | Class::Busy | Class::Interrupted => error,
        _ => error
            .hint(phrase!["see who may write there, or name another file with ", Remedy::Ledger]),
    }
}

/// As [`unwritable`], of a fault of the disk.
pub(super) fn disk(path: &Path, error: io::Error) -> Error {
    match Error::from_io(error) {
        Ok(told) => unwritable(path, told),
        Err(error) => unwritable(path, Error::io("the disk refuses", error)),
    }
}

/// The ledger `path` is not as it was left, which is `what`: nothing is noted behind that.
pub(super) fn not_as_left(path: &Path, what: &str) -> Error {
    let text = format!("the ledger {} {what}", path.display());
    Error::new(Class::Damaged, text).subject(Subject::Path(path.to_owned())).hint(way_out())
}

/// What stands in the place of a head is none.
pub(super) fn no_head(path: &Path) -> Error {
    let text = format!("{} is no head of a ledger", path.display());
    Error::new(Class::Damaged, text).subject(Subject::Path(path.to_owned())).hint(way_out())
}

fn way_out() -> Phrase {
    phrase![
        Remedy::VerifyLedger,
        " says what is wrong; keep the file and its head for whoever looks into that, and go on in \
         another one with ",
        Remedy::Ledger
    ]
}

/// There is nothing to put aside.
pub(super) fn nothing(path: &Path) -> Error {
    let text = format!("the ledger {} has no entry to put aside", path.display());
    Error::new(Class::Usage, text).subject(Subject::Path(path.to_owned()))
}
