//! The only loops that move bytes: [`fetch`] into a bundle, and [`run`] a plan.

mod blob;
mod carrier;
mod fault;
mod fetch;
mod lists;
mod owners;
mod part;
mod tally;
mod unfinished;

use std::time::Duration;

pub use self::carrier::Carrier;
use self::carrier::Load;
pub use self::fault::{at_fault, name_images, no_foreign};
use self::fault::{explain_foreign, explain_sparse, name_stopped, name_unnamed};
pub use self::fetch::{Fetched, fetch, fetch_in_turn, sort};
use self::part::{document, each};
pub use self::tally::{Fate, Moved, Tally};
pub use self::unfinished::Unfinished;
use super::plan::{Action, Delivery, DocumentStep, NameAction, Plan};
use crate::storage::holdings::Held;
use crate::tools::pace::{Gate, Jobs};
use crate::tools::parallel;
use crate::tools::retry::Retry;
use crate::tools::sound::Sound;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Reference, Tag};

/// How patiently a blob or a name is looked for after it was sent: storage behind a registry may
/// show it a moment later.
const LOOK_BACK: Retry =
    Retry { attempts: 4, first: Duration::from_millis(500), longest: Duration::from_secs(4) };

/// Runs `plan` with `carrier`: blobs, then documents with children before parents, then lists of
/// referrers, then names; then reads every name back.
///
/// # Errors
/// The first failure; all blobs that cannot be read or are damaged. Until the names, nothing at the
/// destination is visible but what nobody refers to; running the same import again goes on from
/// there.
pub fn run(plan: &Plan, deliveries: &[Delivery], carrier: &Carrier<'_>) -> Result<(), Unfinished> {
    let Carrier { jobs, progress, .. } = *carrier;
    let items = plan.copy.blobs + plan.mount.blobs;
    progress.event(Event::Phase { name: "sending", bytes: plan.copy.bytes, items });
    let load = Load::of(carrier, plan);
    copy_blobs(plan, &load, deliveries, jobs)?;
    mount_blobs(plan, &load, deliveries, carrier)?;
    progress.event(Event::Done);
    load.judge()?;
    look_back(plan, deliveries, jobs.most, progress)?;
    let noted = put_documents(plan, deliveries, carrier)?;
    lists::keep(plan, deliveries, &noted, carrier)?;
    publish_names(plan, deliveries, carrier)?;
    deliveries.iter().try_for_each(|delivery| delivery.there.finish())?;
    for (at, transfer) in each(plan, |r| r.blobs.as_slice()) {
        if transfer.action == Action::Present {
            let blob = &transfer.blob;
            carrier.tally.blob(&at.beside(deliveries).name, &blob.digest, blob.size, Fate::Present);
        }
    }
    Ok(())
}

/// Reads the blobs that `plan` would send, and writes nothing. What was found right is noted in
/// `sound`, where there is one.
///
/// # Errors
/// All blobs that cannot be read or are damaged.
pub fn check(plan: &Plan, carrier: &Carrier<'_>, sound: Option<&Sound>) -> Result<(), Unfinished> {
    let (bytes, items) = (plan.copy.bytes, plan.copy.blobs);
    carrier.progress.event(Event::Phase { name: "verifying", bytes, items });
    let load = Load::of(carrier, plan);
    let mut ahead = each(plan, |r| r.blobs.as_slice());
    ahead.retain(|(_, transfer)| transfer.action == Action::Copy);
    parallel::map(carrier.jobs.large, &ahead, |(_, transfer)| load.check(&transfer.blob, sound))?;
    carrier.progress.event(Event::Done);
    load.judge()
}

fn copy_blobs(plan: &Plan, load: &Load<'_>, deliveries: &[Delivery], jobs: Jobs) -> Result<()> {
    let mut ahead = each(plan, |r| r.blobs.as_slice());
    ahead.retain(|(_, transfer)| transfer.action == Action::Copy);
    let gate = Gate::steady(jobs);
    parallel::map(jobs.most, &ahead, |(at, transfer)| {
        let _pass = gate.enter(transfer.blob.size);
        load.send(&transfer.blob, &at.beside(deliveries).name, &*at.beside(deliveries).there)
    })?;
    Ok(())
}

fn mount_blobs(
    plan: &Plan,
    load: &Load<'_>,
    deliveries: &[Delivery],
    carrier: &Carrier<'_>,
) -> Result<()> {
    let ahead = each(plan, |r| r.blobs.as_slice());
    let gate = Gate::steady(carrier.jobs);
    parallel::map(carrier.jobs.most, &ahead, |(at, transfer)| {
        let Action::Mount { from } = &transfer.action else { return Ok(()) };
        let (delivery, blob) = (at.beside(deliveries), &transfer.blob);
        carrier.progress.check()?;
        if load.is_halted() {
            return Ok(());
        }
        let stopped = |e| name_stopped(e, &blob.digest, carrier.contents);
        match delivery.there.mount(blob, from).map_err(stopped)? {
            true => {
                carrier.progress.event(Event::Finished { digest: blob.digest });
                carrier.tally.blob(&delivery.name, &blob.digest, blob.size, Fate::Mounted);
                Ok(())
            }
            false => {
                let _pass = gate.enter(blob.size);
                load.send_unmounted(blob, &delivery.name, &*delivery.there, from)
            }
        }
    })?;
    Ok(())
}

/// Looks at every blob that was taken, since a 201 is only a promise, and not every registry
/// looks for itself when it gets the manifests.
fn look_back(
    plan: &Plan,
    deliveries: &[Delivery],
    jobs: usize,
    progress: &dyn Progress,
) -> Result<()> {
    let mut taken = each(plan, |r| r.blobs.as_slice());
    taken.retain(|(_, transfer)| transfer.action != Action::Present);
    parallel::map(jobs, &taken, |(at, transfer)| {
        let (delivery, blob) = (at.beside(deliveries), &transfer.blob);
        LOOK_BACK.run(progress, || match delivery.there.has_taken(blob)? {
            true => Ok(()),
            false => {
                let text = format!(
                    "destination: {} took blob {} and has it not",
                    delivery.name, blob.digest
                );
                Err(Error::new(Class::Refused, text)
                    .hint("the registry does not keep what it is given; ask whoever runs it")
                    .transient())
            }
        })
    })?;
    Ok(())
}

/// Sends the documents that are not there, rank by rank. Gives, for each repository, the referrers
/// of which the place took notice by itself.
fn put_documents(
    plan: &Plan,
    deliveries: &[Delivery],
    carrier: &Carrier<'_>,
) -> Result<Vec<Vec<Digest>>> {
    let Carrier { contents, progress, jobs, .. } = *carrier;
    let mut steps = each(plan, |r| r.documents.as_slice());
    steps.sort_by_key(|(_, step)| step.rank);
    let mut noted = vec![Vec::new(); plan.repositories.len()];
    for rank in steps.chunk_by(|(_, one), (_, other)| one.rank == other.rank) {
        let wanted = |(_, step): &&(_, &DocumentStep)| !step.present;
        let now: Vec<_> = rank.iter().filter(wanted).collect();
        let listed = parallel::map(jobs.most, &now, |(at, step)| {
            progress.check()?;
            let document = document(contents, &step.document.digest)?;
            at.beside(deliveries)
                .there
                .put_document(document)
                .map_err(|e| explain_sparse(e, document, contents))
                .map_err(|e| explain_foreign(e, document))
                .map_err(|e| name_stopped(e, &step.document.digest, contents))
        })?;
        for ((at, step), listed) in now.into_iter().zip(listed) {
            if step.subject.is_some() && listed {
                noted[at.place()].push(step.document.digest);
            }
        }
    }
    Ok(noted)
}

/// Names last, and each is read back: only a name that stands for the right digest counts. None is
/// read before all are there, since a place may want to see the signatures first.
fn publish_names(plan: &Plan, deliveries: &[Delivery], carrier: &Carrier<'_>) -> Result<()> {
    let Carrier { contents, progress, .. } = *carrier;
    let jobs = carrier.jobs.most;
    let mut ahead = each(plan, |r| r.names.as_slice());
    ahead.retain(|(_, step)| {
        // Fallback lists are merged with what is there, and only where they are needed.
        let list = step.to.tag.as_ref().and_then(Tag::subject).is_some();
        !list && !matches!(step.action, NameAction::Present | NameAction::Keep)
    });
    parallel::map(jobs, &ahead, |(at, step)| {
        progress.check()?;
        at.beside(deliveries)
            .there
            .publish(&step.arrives_as(), document(contents, &step.digest)?)
            .map_err(|e| name_unnamed(e, &step.name))?;
        carrier.tally.name(&at.beside(deliveries).name, step);
        Ok(())
    })?;
    let withheld = parallel::map(jobs, &ahead, |(at, step)| {
        progress.check()?;
        let name = step.arrives_as();
        let withheld = LOOK_BACK
            .run(progress, || {
                read_back(&name, step.digest, at.beside(deliveries).there.held(&name)?)
            })
            .map_err(|e| name_unnamed(e, &step.name))?;
        Ok(withheld.then_some(name))
    })?;
    for name in withheld.into_iter().flatten() {
        progress.event(Event::note(format!(
            "{name} is there, and a policy of its project keeps it from being pulled until it is \
             scanned or signed"
        )));
    }
    Ok(())
}

/// Whether the name is there but may not be read. Then its digest is that of the place's own list,
/// or else what it answered when it took the image.
fn read_back(name: &Reference, wanted: Digest, found: Held) -> Result<bool> {
    match found {
        Held::Known(found) if found == wanted => Ok(false),
        Held::Withheld(found) if found.is_none_or(|found| found == wanted) => Ok(true),
        found => {
            let found = match found {
                Held::Known(found) | Held::Withheld(Some(found)) => found.to_string(),
                Held::Nothing | Held::Withheld(None) => "nothing".to_owned(),
            };
            let text =
                format!("destination: {name} was pushed as {wanted} and reads back as {found}");
            Err(Error::new(Class::Refused, text)
                .hint("the registry does not keep what it is given, or somebody else pushed")
                .transient())
        }
    }
}

#[cfg(test)]
mod tests;
