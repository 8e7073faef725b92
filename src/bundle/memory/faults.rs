//! Why nobody can tell or remember which bundles were taken, each with the way out.

use std::io;
use std::path::Path;

use crate::bundle::position::StreamPosition;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Subject};
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// What is remembered in `path` is `what`, and not to be understood.
pub(super) fn unusable(path: &Path, what: &str) -> Error {
    let text = format!("{} {what}: nobody can tell which bundles were taken", path.display());
    stale(text).subject(Subject::Path(path.to_owned())).hint(phrase![
        "put back a copy of it, or name another folder with ",
        Remedy::State,
        "; once it is removed, the next bundle of the stream is taken as the first one"
    ])
}

/// What is remembered in `path` was written by a newer version.
pub(super) fn of_later_version(path: &Path, version: u64) -> Error {
    let text = format!("{} is of version {version}, which is newer than this one", path.display());
    stale(text)
        .subject(Subject::Path(path.to_owned()))
        .hint("a newer sealift wrote it; use that version")
}

/// What is remembered cannot be read.
pub(super) fn unreadable(path: &Path, error: io::Error) -> Error {
    let text = format!("cannot read {}, which tells what bundles were taken", path.display());
    Error::io(text, error)
        .subject(Subject::Path(path.to_owned()))
        .hint(phrase!["see who may read it, or name another folder with ", Remedy::State])
}

/// Nothing can be remembered in `folder`, for this `error`.
pub(super) fn unwritable(folder: &Path, error: Error) -> Error {
    let error = error
        .context("cannot remember which bundle was taken")
        .subject(Subject::Path(folder.to_owned()));
    match error.class() {
        Class::NoRoom => error,
        _ => error
            .hint(phrase!["see who may write there, or name another folder with ", Remedy::State]),
    }
}

pub(super) fn stale(text: String) -> Error {
    Error::new(Class::Stale, text)
}

/// Another bundle of the same number was taken meanwhile.
pub(super) fn overtaken(path: &Path, at: &StreamPosition, statement: &Digest) -> Error {
    let text =
        format!("another bundle that is {at} was taken meanwhile, with statement {statement}");
    stale(text).subject(Subject::Path(path.to_owned())).hint(ask())
}

/// What to do about two bundles of one number.
pub(super) fn ask() -> Phrase {
    phrase![
        "somebody made two bundles with one number: ask the sender which one counts, and to begin a \
         new epoch if this one does"
    ]
}
