//! The only loops that move bytes: [`fetch`] into a bundle, and [`run`] a plan.

mod carrier;
mod fetch;
mod lists;
mod owners;
mod stop;
mod tally;

use std::time::Duration;

use self::carrier::Load;
pub use self::carrier::{Carrier, at_fault};
pub use self::fetch::{Fetched, fetch};
use self::owners::Owners;
pub use self::stop::Stop;
pub use self::tally::{Fate, Moved, Tally};
use super::plan::{Action, DocumentStep, NameAction, Plan, RepositoryPlan, Scope};
use crate::bundle::contents::Contents;
use crate::storage::holdings::Held;
use crate::storage::reading::from_all_places;
use crate::storage::store::{BlobSink, BlobSource};
use crate::storage::verifying::Verifying;
use crate::tools::pace::{Gate, Jobs};
use crate::tools::retry::Retry;
use crate::tools::sound::Sound;
use crate::tools::{interrupt, parallel};
use crate::words::count::are;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error, Result};
use crate::words::foreign::Foreign;
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Reference, Tag};

/// How patiently a blob or a name is looked for after it was sent: storage behind a registry may
/// show it a moment later.
const LOOK_BACK: Retry =
    Retry { attempts: 4, first: Duration::from_millis(500), longest: Duration::from_secs(4) };

/// Moves one blob of the image `of`, checked on the way, trying again after transient faults. Gives
/// how many of its bytes an earlier run had left with `sink`.
fn move_blob(
    blob: &Descriptor,
    of: &Owners<'_>,
    source: &dyn BlobSource,
    what: &str,
    sink: &dyn BlobSink,
    progress: &dyn Progress,
) -> Result<u64> {
    let of = of.name(&blob.digest);
    progress.event(Event::Started { digest: blob.digest, bytes: blob.size, of });
    let mut again = false;
    // What an attempt that failed had fetched is there for the next one, and came in this run.
    let mut taken = u64::MAX;
    let mut attempt = || {
        // An answer may have got lost after the blob was stored.
        if std::mem::replace(&mut again, true) && sink.kept(blob)? {
            progress.event(Event::Advanced { digest: Some(blob.digest), bytes: blob.size });
            return Ok(());
        }
        let mut content = Verifying::from_source(source, blob, what, progress);
        let done = sink.put(&mut content).map_err(|error| {
            progress.event(Event::Rewound { digest: blob.digest, bytes: content.count() });
            if content.is_at_fault() { at_fault(error) } else { error }
        });
        taken = taken.min(content.taken());
        done
    };
    from_all_places(source, blob, || Retry::default().run(progress, &mut attempt))?;
    progress.event(Event::Finished { digest: blob.digest });
    Ok(if taken > blob.size { 0 } else { taken })
}

/// Runs `plan` with `carrier`: blobs, then documents with children before parents, then lists of
/// referrers, then names; then reads every name back.
///
/// # Errors
/// The first failure; all blobs that cannot be read or are damaged. Until the names, nothing at the
/// destination is visible but what nobody refers to; running the same import again goes on from
/// there.
pub fn run(plan: &Plan, scopes: &[Scope], carrier: &Carrier<'_>) -> Result<(), Stop> {
    let Carrier { contents, jobs, progress, .. } = *carrier;
    let items = plan.copy.blobs + plan.mount.blobs;
    progress.event(Event::Phase { name: "sending", bytes: plan.copy.bytes, items });
    let load = Load::of(carrier, plan);
    copy_blobs(plan, &load, scopes, jobs)?;
    mount_blobs(plan, &load, scopes, carrier)?;
    progress.event(Event::Done);
    load.judge()?;
    look_back(plan, scopes, jobs.most, progress)?;
    let noted = put_documents(plan, contents, scopes, jobs.most)?;
    lists::keep(plan, contents, scopes, &noted, jobs.most)?;
    publish_names(plan, scopes, carrier)?;
    scopes.iter().try_for_each(|scope| scope.there.finish())?;
    for (at, transfer) in each(plan, |r| r.blobs.as_slice()) {
        if transfer.action == Action::Present {
            let blob = &transfer.blob;
            carrier.tally.blob(&scopes[at].name, &blob.digest, blob.size, Fate::Present);
        }
    }
    Ok(())
}

/// Reads the blobs that `plan` would send, and writes nothing. What was found right is noted in
/// `sound`, where there is one.
///
/// # Errors
/// All blobs that cannot be read or are damaged.
pub fn check(plan: &Plan, carrier: &Carrier<'_>, sound: Option<&Sound>) -> Result<(), Stop> {
    let (bytes, items) = (plan.copy.bytes, plan.copy.blobs);
    carrier.progress.event(Event::Phase { name: "verifying", bytes, items });
    let load = Load::of(carrier, plan);
    let mut ahead = each(plan, |r| r.blobs.as_slice());
    ahead.retain(|(_, transfer)| transfer.action == Action::Copy);
    parallel::map(carrier.jobs.large, &ahead, |(_, transfer)| load.check(&transfer.blob, sound))?;
    carrier.progress.event(Event::Done);
    load.judge()
}

/// Says of a blob that is damaged or not there which images need it.
#[must_use]
pub fn name_images(error: Error, blob: &Descriptor, contents: &Contents) -> Error {
    match error.class() {
        Class::Damaged | Class::Incomplete => {
            let images = contents.touched_by(&blob.digest).into_iter();
            error.details(images.map(|image| format!("needed by {image}")))
        }
        _ => error,
    }
}

/// Pairs of a repository's place and one of its parts.
fn each<'p, T>(
    plan: &'p Plan,
    parts: impl Fn(&'p RepositoryPlan) -> &'p [T],
) -> Vec<(usize, &'p T)> {
    let repositories = plan.repositories.iter().enumerate();
    repositories.flat_map(|(at, r)| parts(r).iter().map(move |part| (at, part))).collect()
}

fn copy_blobs(plan: &Plan, load: &Load<'_>, scopes: &[Scope], jobs: Jobs) -> Result<()> {
    let mut ahead = each(plan, |r| r.blobs.as_slice());
    ahead.retain(|(_, transfer)| transfer.action == Action::Copy);
    let gate = Gate::steady(jobs);
    parallel::map(jobs.most, &ahead, |(at, transfer)| {
        let _pass = gate.enter(transfer.blob.size);
        load.send(&transfer.blob, &scopes[*at].name, &*scopes[*at].there)
    })?;
    Ok(())
}

fn mount_blobs(
    plan: &Plan,
    load: &Load<'_>,
    scopes: &[Scope],
    carrier: &Carrier<'_>,
) -> Result<()> {
    let ahead = each(plan, |r| r.blobs.as_slice());
    let gate = Gate::steady(carrier.jobs);
    parallel::map(carrier.jobs.most, &ahead, |(at, transfer)| {
        let Action::Mount { from } = &transfer.action else { return Ok(()) };
        let (scope, blob) = (&scopes[*at], &transfer.blob);
        interrupt::check()?;
        if load.is_halted() {
            return Ok(());
        }
        match scope.there.mount(blob, from)? {
            true => {
                carrier.progress.event(Event::Finished { digest: blob.digest });
                carrier.tally.blob(&scope.name, &blob.digest, blob.size, Fate::Mounted);
                Ok(())
            }
            false => {
                let _pass = gate.enter(blob.size);
                load.send(blob, &scope.name, &*scope.there)
            }
        }
    })?;
    Ok(())
}

/// Looks at every blob that was taken, since a 201 is only a promise, and not every registry
/// looks for itself when it gets the manifests.
fn look_back(plan: &Plan, scopes: &[Scope], jobs: usize, progress: &dyn Progress) -> Result<()> {
    let mut taken = each(plan, |r| r.blobs.as_slice());
    taken.retain(|(_, transfer)| transfer.action != Action::Present);
    parallel::map(jobs, &taken, |(at, transfer)| {
        let (scope, blob) = (&scopes[*at], &transfer.blob);
        LOOK_BACK.run(progress, || match scope.there.has_taken(blob)? {
            true => Ok(()),
            false => {
                let text =
                    format!("destination: {} took blob {} and has it not", scope.name, blob.digest);
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
    contents: &Contents,
    scopes: &[Scope],
    jobs: usize,
) -> Result<Vec<Vec<Digest>>> {
    let mut steps = each(plan, |r| r.documents.as_slice());
    steps.sort_by_key(|(_, step)| step.rank);
    let mut noted = vec![Vec::new(); plan.repositories.len()];
    for rank in steps.chunk_by(|(_, one), (_, other)| one.rank == other.rank) {
        let wanted = |(_, step): &&(_, &DocumentStep)| !step.present;
        let now: Vec<_> = rank.iter().filter(wanted).collect();
        let listed = parallel::map(jobs, &now, |(at, step)| {
            interrupt::check()?;
            let document = document(contents, &step.document.digest)?;
            scopes[*at]
                .there
                .put_document(document)
                .map_err(|e| explain_sparse(e, document, contents))
                .map_err(|e| explain_foreign(e, document))
        })?;
        for ((at, step), listed) in now.into_iter().zip(listed) {
            if step.subject.is_some() && listed {
                noted[*at].push(step.document.digest);
            }
        }
    }
    Ok(noted)
}

/// What can be done where a registry wants the foreign layers of an image.
pub const NO_FOREIGN: &str = "--except NAME leaves them behind; export --platform linux/amd64 \
    --rewrite-index brings other platforms alone; or push the layers there yourself first, from \
    their owner";

/// Says of a manifest that is refused for the sake of its parts that the foreign layers were not
/// carried.
fn explain_foreign(error: Error, document: &Document) -> Error {
    let foreign = Foreign::among(document.children());
    match foreign.is_any() && error.lacks_parts() {
        true => error
            .details([format!(
                "{} of its layers {} foreign, and not carried; only their owner hands them out{}",
                foreign.layers,
                are(foreign.layers),
                foreign.at()
            )])
            .hint(NO_FOREIGN),
        false => error,
    }
}

/// Says of an index that is refused for the sake of its parts that it was not carried whole.
fn explain_sparse(error: Error, document: &Document, contents: &Contents) -> Error {
    let carried = |child: &&Descriptor| contents.documents.contains_key(&child.digest);
    let Kind::Index { manifests } = document.kind() else { return error };
    match manifests.iter().all(|child| carried(&child)) || !error.lacks_parts() {
        true => error,
        false => error.hint(
            "the index names platforms that the bundle leaves out, which this registry does not \
             take; --rewrite-index pushes a smaller one, or export all platforms",
        ),
    }
}

fn document<'c>(contents: &'c Contents, digest: &Digest) -> Result<&'c Document> {
    contents.documents.get(digest).ok_or_else(|| {
        Error::new(Class::Incomplete, format!("manifest {digest} is not in the bundle"))
    })
}

/// Names last, and each is read back: only a name that stands for the right digest counts. None is
/// read before all are there, since a place may want to see the signatures first.
fn publish_names(plan: &Plan, scopes: &[Scope], carrier: &Carrier<'_>) -> Result<()> {
    let Carrier { contents, progress, .. } = *carrier;
    let jobs = carrier.jobs.most;
    let mut ahead = each(plan, |r| r.names.as_slice());
    ahead.retain(|(_, step)| {
        // Fallback lists are merged with what is there, and only where they are needed.
        let list = step.to.tag.as_ref().and_then(Tag::subject).is_some();
        !list && !matches!(step.action, NameAction::Present | NameAction::Keep)
    });
    parallel::map(jobs, &ahead, |(at, step)| {
        interrupt::check()?;
        scopes[*at].there.publish(&step.arrives_as(), document(contents, &step.digest)?)?;
        carrier.tally.name(&scopes[*at].name, step);
        Ok(())
    })?;
    let withheld = parallel::map(jobs, &ahead, |(at, step)| {
        interrupt::check()?;
        let name = step.arrives_as();
        let withheld = LOOK_BACK
            .run(progress, || read_back(&name, step.digest, scopes[*at].there.held(&name)?))?;
        Ok(withheld.then_some(name))
    })?;
    for name in withheld.into_iter().flatten() {
        progress.event(Event::Note(format!(
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
