//! [`Unfinished`]: why a plan was not run to its end.

use crate::words::digest::Digest;
use crate::words::error::Error;
use crate::words::phrase::phrase;

/// Why a plan was not run to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum Unfinished {
    /// For what may be about everything.
    Whole(Error),
    /// For blobs that cannot be read or are not what they are to be, all of them, each with why.
    Blobs(Vec<(Digest, Error)>),
}

impl From<Error> for Unfinished {
    fn from(error: Error) -> Unfinished {
        Unfinished::Whole(error)
    }
}

impl Unfinished {
    /// For `faults`, of which each blob is told once.
    #[must_use]
    pub fn blobs(mut faults: Vec<(Digest, Error)>) -> Unfinished {
        faults.sort_by_key(|(digest, _)| *digest);
        faults.dedup_by_key(|(digest, _)| *digest);
        Unfinished::Blobs(faults)
    }

    /// As one failure: the first, with the others behind it. Nothing where no blob is named.
    #[must_use]
    pub fn error(self) -> Option<Error> {
        let blobs = match self {
            Unfinished::Whole(error) => return Some(error),
            Unfinished::Blobs(blobs) => blobs,
        };
        let mut errors = blobs.into_iter().map(|(_, error)| error);
        let first = errors.next()?;
        Some(errors.fold(first, |first, other| {
            let findings = other.findings().iter().map(|finding| phrase!["  ", finding]);
            let lines = std::iter::once(phrase!["also: ", other.words()]).chain(findings);
            first.details(lines.collect::<Vec<_>>())
        }))
    }
}
