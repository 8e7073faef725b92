//! [`Since`]: what tells what the other side holds already, as the user names it.

use std::fmt;
use std::path::Path;

use crate::bundle::base::MAX_ON;
use crate::bundle::check::Trust;
use crate::bundle::keys::PublicKey;
use crate::bundle::known::Known;
use crate::bundle::record::Record;
use crate::medium::Medium;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};

/// What tells what the other side holds already.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Since {
    /// An earlier bundle, or its record: it is taken to have arrived.
    Bundle(Medium),
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Since::Bundle(medium) => medium.fmt(f),
        }
    }
}

impl<P: AsRef<Path>> From<P> for Since {
    fn from(path: P) -> Since {
        Since::Bundle(path.as_ref().into())
    }
}

/// What `all` tell, each once. What was signed by `own` is believed; what anybody else signed as well,
/// and that is said: the other side proves that it has what a delta lacks.
///
/// # Errors
/// For what is no bundle, and for one of which the manifests cannot be read; for too many.
pub(super) fn ask(all: &[Since], own: &PublicKey, progress: &dyn Progress) -> Result<Vec<Known>> {
    if all.len() > MAX_ON {
        let text = format!("a delta leans on {MAX_ON} things at most, and {} are given", all.len());
        return Err(Error::new(Class::Usage, text)
            .hint("a newer bundle holds what the ones before it brought; leave those out"));
    }
    let mut known: Vec<Known> = Vec::new();
    for since in all {
        progress.check()?;
        let Since::Bundle(medium) = since;
        let told = by_record(medium, own, progress)?;
        if !known.iter().any(|other| other.on == told.on) {
            known.push(told);
        }
    }
    Ok(known)
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
