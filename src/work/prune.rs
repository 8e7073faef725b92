//! What of a place is not needed any more of what a stream once brought there: [`Claims`] says what
//! that was, a [`PrunePlan`] what goes, and [`run`] takes exactly that away.

mod claims;
mod known;
mod lot;
mod name;
mod plan;
mod survey;

use std::collections::BTreeSet;

use crate::storage::holdings::Held;
use crate::storage::removal::ImageRemoval;
use crate::tools::pace::Jobs;
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;

pub use self::claims::Claims;
pub use self::lot::Lot;
pub use self::name::{PruneAction, PruneName};
pub use self::plan::{PruneLot, PrunePlan};

/// Takes away what `plan` says, of which `places` are open, one for each of its lots: names first, then
/// documents, those that name others before what they name, then blobs.
///
/// # Errors
/// The first failure. The same plan made again goes on from there.
pub fn run(
    plan: &PrunePlan,
    places: &[Box<dyn ImageRemoval + '_>],
    jobs: Jobs,
    progress: &dyn Progress,
) -> Result<()> {
    let (items, bytes) = plan.weight();
    progress.event(Event::Phase { name: "removing", bytes, items });
    let lots: Vec<_> = plan.lots.iter().zip(places).collect();
    parallel::map(jobs.large, &lots, |(lot, place)| take(lot, &***place, jobs.most, progress))?;
    progress.event(Event::Done);
    Ok(())
}

/// Takes away what goes of one repository.
fn take(
    lot: &PruneLot,
    place: &dyn ImageRemoval,
    questions: usize,
    progress: &dyn Progress,
) -> Result<()> {
    let going: Vec<&PruneName> = lot.going().collect();
    if going.is_empty() && lot.documents.is_empty() && lot.blobs.is_empty() {
        return Ok(());
    }
    not_named_since(lot, place, questions)?;
    for name in &going {
        progress.check()?;
        still(name, place)?;
        if lot.parts_names {
            place.unname(&name.name)?;
        }
    }
    place.settle(&lot.documents)?;
    for about in lot.documents.iter().chain(&lot.blobs) {
        progress.check()?;
        place.remove(about)?;
        progress.event(Event::Advanced { digest: Some(about.digest), bytes: about.size });
        progress.event(Event::Finished { digest: about.digest });
    }
    Ok(())
}

/// Fails where a name that stays stands by now for a document that goes: where names cannot be parted
/// from what they stand for, it would go with that.
fn not_named_since(lot: &PruneLot, place: &dyn ImageRemoval, questions: usize) -> Result<()> {
    if lot.documents.is_empty() {
        return Ok(());
    }
    let going: BTreeSet<&Reference> = lot.going().map(|name| &name.name).collect();
    let mut names = place.names()?;
    names.retain(|name| !going.contains(name));
    parallel::map(questions, &names, |name| match place.stands_for(name)? {
        Held::Known(digest) | Held::Withheld(Some(digest))
            if lot.documents.iter().any(|it| it.digest == digest) =>
        {
            Err(just_now(name, &digest))
        }
        _ => Ok(()),
    })?;
    Ok(())
}

/// Fails where `name` stands for something else by now, or nobody may know for what.
fn still(name: &PruneName, place: &dyn ImageRemoval) -> Result<()> {
    match place.stands_for(&name.name)? {
        Held::Known(digest) | Held::Withheld(Some(digest)) if digest != name.digest => {
            Err(just_now(&name.name, &digest))
        }
        Held::Withheld(None) => {
            let text = format!("what {} stands for is not shown any more, and it stays", name.name);
            Err(Error::new(Class::Refused, text).hint("run the same command again"))
        }
        _ => Ok(()),
    }
}

/// That somebody moved `name` to `digest` after it was looked at.
fn just_now(name: &Reference, digest: &Digest) -> Error {
    let text = format!("{name} was moved to {digest} just now, and stays");
    Error::new(Class::Refused, text).hint("run the same command again")
}

#[cfg(test)]
mod tests;
