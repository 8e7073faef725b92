//! What can be wrong with a history, each with the way out.

use std::io;
use std::path::Path;

use crate::bundle::position::StreamPosition;
use crate::words::error::{Class, Error, Subject};
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;
use crate::words::stream::StreamName;

/// There is no history of `stream` in the folder `path`.
pub(super) fn lost(stream: &StreamName, path: &Path) -> Error {
    let text = format!("there is no history of stream {stream} in {}", path.display());
    Error::new(Class::Incomplete, text).subject(Subject::Path(path.to_owned())).hint(phrase![
        "a new stream begins with ",
        Remedy::NewEpoch,
        "; where bundles of it were made before, name the folder of their history with ",
        Remedy::History,
        ", or the last of them with ",
        Remedy::After,
        "; where nothing is left of either, ",
        Remedy::NewEpoch,
        "=N begins an epoch that the other side does not know yet, if N is larger than any before"
    ])
}

/// The record at `path` cannot be gone on from, because of `error`.
pub(super) fn bad_entry(stream: &StreamName, path: &Path, error: &Error) -> Error {
    let subject = Subject::Path(path.to_owned());
    if error.class() == Class::Untrusted {
        let text = format!(
            "the history of stream {stream} is by another key: the last bundle in it, {}, is not \
             signed by the one that was given",
            path.display()
        );
        let hint = phrase![
            "sign with the key that signed it, or begin to count again with ",
            Remedy::NewEpoch
        ];
        return Error::new(Class::Untrusted, text)
            .about(error.subjects().iter().cloned())
            .subject(subject)
            .hint(hint);
    }
    error.clone().context(format!("the history of stream {stream}")).subject(subject).hint(again())
}

/// The record at `path`, which should be that of `position`, is of another bundle.
pub(super) fn misplaced(path: &Path, position: &StreamPosition) -> Error {
    let text = format!("{} is not the record of {position}", path.display());
    Error::new(Class::Damaged, text).subject(Subject::Path(path.to_owned())).hint(again())
}

fn again() -> Phrase {
    phrase![
        "name that bundle with ",
        Remedy::After,
        " if it is at hand, or begin to count again with ",
        Remedy::NewEpoch
    ]
}

/// The history in `path` cannot be read.
pub(super) fn unreadable(stream: &StreamName, path: &Path, error: io::Error) -> Error {
    let text = format!("cannot read the history of stream {stream} in {}", path.display());
    let error = match error.kind() {
        io::ErrorKind::NotADirectory => Error::new(Class::Usage, text).source(error),
        _ => Error::io(text, error),
    };
    error
        .subject(Subject::Path(path.to_owned()))
        .hint(phrase!["see who may read it, or name another folder with ", Remedy::History])
}

/// No history can be written in `path`, because of `error`.
pub(super) fn no_ground(stream: &StreamName, path: &Path, error: Error) -> Error {
    let error = error
        .context(format!("cannot write the history of stream {stream}"))
        .subject(Subject::Path(path.to_owned()));
    error.hint(phrase!["see who may write there, or name another folder with ", Remedy::History])
}

/// The history in `path` cannot be written.
pub(super) fn unwritable(stream: &StreamName, path: &Path, error: io::Error) -> Error {
    let what = format!("cannot write the history of stream {stream}");
    let error = match Error::from_io(error) {
        Ok(told) => told.context(what),
        Err(error) => Error::io(format!("{what} in {}", path.display()), error),
    };
    let error = error.subject(Subject::Path(path.to_owned()));
    match error.class() {
        Class::NoRoom => error,
        _ => error.hint(phrase![
            "see who may write there, or name another folder with ",
            Remedy::History
        ]),
    }
}

/// Another export makes the next bundle.
pub(super) fn busy(stream: &StreamName, path: &Path) -> Error {
    let text =
        format!("another sealift is writing into stream {stream}: it holds {}", path.display());
    Error::new(Class::Busy, text)
        .subject(Subject::Path(path.to_owned()))
        .hint("wait until it has ended; bundles of one stream are made one after the other")
}

/// Two statements have one number.
pub(super) fn forked(position: &StreamPosition, bundle: &str, path: &Path) -> Error {
    let text = format!(
        "two bundles are {position}: {bundle}, and the one of which {} is the record",
        path.display()
    );
    Error::new(Class::Stale, text)
        .subject(Subject::Path(path.to_owned()))
        .hint(phrase!["see which one was carried, or begin to count again with ", Remedy::NewEpoch])
}

/// The history knows a later bundle than the one that is to be gone on from.
pub(super) fn goes_on(bundle: &str, at: &StreamPosition, last: &StreamPosition) -> Error {
    let text = format!("{bundle} is {at}, and the history of the stream goes on to {last}");
    Error::new(Class::Usage, text).hint(phrase!["leave out ", Remedy::After])
}

/// The bundle that is to be gone on from is of another stream, or of none.
pub(super) fn of_another(bundle: &str, is: Option<&StreamPosition>, stream: &StreamName) -> Error {
    let text = match is {
        Some(position) => format!("{bundle} is {position}, not of stream {stream}"),
        None => format!("{bundle} belongs to no stream"),
    };
    Error::new(Class::Usage, text)
        .hint(phrase!["name a bundle of that stream with ", Remedy::After])
}

/// The epoch that was asked for was there before.
pub(super) fn no_new_epoch(stream: &StreamName, epoch: u64, last: u64) -> Error {
    let text = format!("epoch {epoch} of stream {stream} is not new: its history has epoch {last}");
    Error::new(Class::Usage, text).hint(phrase![
        "leave the number to ",
        Remedy::NewEpoch,
        ", or name a larger one"
    ])
}
