//! [`Since`]: what tells what the other side holds already, as the user names it.

mod receipt;

use std::fmt;
use std::path::{Path, PathBuf};

use super::heard::bundle_of_line;
use crate::bundle::base::MAX_ON;
use crate::bundle::check::Trust;
use crate::bundle::history::History;
use crate::bundle::keys::PublicKey;
use crate::bundle::known::Known;
use crate::bundle::line::HeldLine;
use crate::bundle::receipt::ReadReceipt;
use crate::bundle::record::Record;
use crate::medium::Medium;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::words::remedy::Remedy;

/// What tells what the other side holds already.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Since {
    /// An earlier bundle, or its record: it is taken to have arrived.
    Bundle(Medium),
    /// A receipt of the other side.
    Receipt(PathBuf),
    /// A line that the other side read out, of a bundle that the history knows.
    Line(HeldLine, History),
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Since::Bundle(medium) => medium.fmt(f),
            Since::Receipt(path) => path.display().fmt(f),
            Since::Line(line, _) => line.fmt(f),
        }
    }
}

impl From<Medium> for Since {
    /// A receipt, where the file begins as one.
    fn from(medium: Medium) -> Since {
        match ReadReceipt::is_at(medium.path()) {
            true => Since::Receipt(medium.path().to_owned()),
            false => Since::Bundle(medium),
        }
    }
}

impl<P: AsRef<Path>> From<P> for Since {
    /// As of the [`Medium`] there.
    fn from(path: P) -> Since {
        Since::from(Medium::at(path.as_ref()))
    }
}

/// What `all` tell, each once. What was signed by `own` is believed; what anybody else signed as well,
/// and that is said: the other side proves that it has what a delta lacks.
///
/// A receipt is the word of another side; where `keys` are given, of one who has one of these.
///
/// # Errors
/// For what is no bundle and no receipt, and for a bundle of which the manifests cannot be read; for a
/// receipt that none of the `keys` signed; for a line of a bundle that the history does not have; for
/// too many.
pub(super) fn ask(
    all: &[Since],
    own: &PublicKey,
    keys: &[PublicKey],
    progress: &dyn Progress,
) -> Result<Vec<Known>> {
    if all.len() > MAX_ON {
        let text = format!("a delta leans on {MAX_ON} things at most, and {} are given", all.len());
        return Err(Error::new(Class::Usage, text)
            .hint("a newer bundle holds what the ones before it brought; leave those out"));
    }
    let mut known: Vec<Known> = Vec::new();
    for since in all {
        progress.check()?;
        let told = match since {
            Since::Bundle(medium) => by_record(medium, own, progress)?,
            Since::Receipt(path) => receipt::ask(path, keys, progress)?,
            Since::Line(line, history) => Known::by_line(&bundle_of_line(line, history)?),
        };
        if !known.iter().any(|other| other.on == told.on) {
            known.push(told);
        }
    }
    Ok(known)
}

/// Says that the bundle is to be of no stream, where it leans on one that is of some: who forgot that
/// would carry what the other side does not take.
pub(super) fn tell_streamless(in_stream: bool, known: &[Known], progress: &dyn Progress) {
    let position = known.iter().find_map(|it| it.on.position.as_ref());
    if let (Some(position), false) = (position, in_stream) {
        progress.event(Event::note(phrase![
            format!("it leans on {position}, and belongs to no stream itself: "),
            Remedy::Stream,
            format!(" {} makes it the next one there", position.stream)
        ]));
    }
}

fn by_record(medium: &Medium, own: &PublicKey, progress: &dyn Progress) -> Result<Known> {
    let record = match Record::read(medium, &Trust::Keys(vec![own.clone()])) {
        Err(error) if error.class() == Class::Untrusted => {
            let other = Record::read(medium, &Trust::UnsafeAnySigner)?;
            let claimed = other.claimed_signers().join(", ");
            progress.event(Event::note(format!(
                "{medium} says that it is signed by {claimed}, and not by the key of this export; \
                 what it lists is left out all the same, and the import proves that it is there"
            )));
            other
        }
        record => record?,
    };
    Ok(Known::by_record(&record))
}
