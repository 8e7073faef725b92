//! Serving the bundle to an engine on this machine, which pulls from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chosen::Chosen;
use super::{changes, read_back};
use crate::bundle::check::Trusted;
use crate::bundle::problem::{self, Problem};
use crate::places::engine::{About, Engine, Pull, Scratch};
use crate::places::layout::blob_path;
use crate::seams::sound::Sound;
use crate::seams::store::BlobSource as _;
use crate::seams::stream::Raw;
use crate::seams::{interrupt, parallel};
use crate::verbs::import::Request;
use crate::verbs::serve::Loopback;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::plan::{Action, Plan, Transfer};

/// What came of it.
pub(super) enum Pulled {
    /// The engine has it all: the blobs that moved, and how many bytes of each.
    All(BTreeMap<Digest, u64>),
    /// It cannot reach what is served here, as it says.
    Unreachable(String),
}

/// Serves what was chosen until the engine has it all, one image after the other.
///
/// # Errors
/// Those of the bundle, of the engine, and of what it has afterwards.
pub(super) fn pull(
    engine: &Engine,
    about: &About,
    plan: &Plan,
    chosen: &Chosen,
    bundle: &Arc<Trusted>,
    request: &Request,
    progress: &dyn Progress,
) -> Result<Pulled> {
    let sound = Arc::default();
    if about.keeps_partial {
        verify(plan, bundle, &sound, request.jobs.large, progress)?;
    }
    let images: Vec<(Reference, Digest)> =
        changes(plan).map(|step| (step.to.clone(), step.digest)).collect();
    let server = Loopback::open(&images, &chosen.contents, Arc::clone(bundle) as _, sound)?;
    let scratch = about.scratch.as_deref().map(Scratch::new).transpose()?;
    let (bytes, items) = (plan.copy.bytes, plan.copy.blobs);
    progress.event(Event::Phase { name: "importing", bytes, items });
    for (name, digest) in &images {
        let from = server.address(&name.registry);
        let several = chosen.is_index(digest);
        let platform = request.platform.as_ref().filter(|_| several);
        let pull = Pull { name, digest, from: &from, platform };
        if let Some(why) = fetch(engine, pull, &server, scratch.as_ref(), bundle, progress)? {
            return Ok(Pulled::Unreachable(why));
        }
        read_back(engine, about, chosen, name)?;
    }
    progress.event(Event::Done);
    Ok(Pulled::All(server.ledger().blobs()))
}

/// Reads the blobs that are to move, before the engine sees any of them: one that would go on from
/// wrong bytes could not take the right ones afterwards.
fn verify(
    plan: &Plan,
    bundle: &Trusted,
    sound: &Sound,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<()> {
    let all = plan.repositories.iter().flat_map(|repository| &repository.blobs);
    let ahead: Vec<&Transfer> = all.filter(|transfer| transfer.action == Action::Copy).collect();
    let (bytes, items) = (plan.copy.bytes, plan.copy.blobs);
    progress.event(Event::Phase { name: "verifying", bytes, items });
    parallel::map(jobs, &ahead, |transfer| {
        let blob = &transfer.blob;
        let file = bundle.stretch(blob)?;
        let before = file.as_ref().and_then(|file| sound.begin(file));
        let raw = match &file {
            Some(file) => Raw::new(file.reader(0)),
            None => bundle.open(blob, 0)?,
        };
        let mut reader = raw.verified(blob, "bundle", progress);
        std::io::copy(&mut reader, &mut std::io::sink()).map_err(|e| {
            wrong(bundle, blob.digest, &Error::io(format!("cannot read blob {}", blob.digest), e))
        })?;
        if let Some(file) = &file {
            sound.found(blob.digest, file, before);
        }
        Ok(())
    })?;
    progress.event(Event::Done);
    Ok(())
}

/// Has the engine pull one image. Gives its complaint when it cannot reach what is served here.
/// What went wrong in the bundle is told before what the engine makes of that.
fn fetch(
    engine: &Engine,
    pull: Pull<'_>,
    server: &Loopback,
    scratch: Option<&Scratch>,
    bundle: &Trusted,
    progress: &dyn Progress,
) -> Result<Option<String>> {
    let ledger = server.ledger();
    let (before, mut seen) = (ledger.answered(), ledger.bytes());
    let fault = || ledger.take_fault().map(|(blob, error)| wrong(bundle, blob, &error));
    let done = engine.pull(pull, scratch, &mut || {
        interrupt::check()?;
        if let Some(error) = fault() {
            return Err(error);
        }
        let new = ledger.bytes() - std::mem::replace(&mut seen, ledger.bytes());
        if new > 0 {
            progress.event(Event::Advanced { digest: None, bytes: new });
        }
        Ok(new > 0)
    });
    let Err(error) = done else { return Ok(None) };
    interrupt::check()?;
    if let Some(error) = fault() {
        return Err(error);
    }
    match ledger.answered() == before && is_about_the_way(&error) {
        true => Ok(Some(error.message().to_owned())),
        false => Err(error),
    }
}

/// Whether the engine complains that it reaches nobody.
fn is_about_the_way(error: &Error) -> bool {
    let lines = error.findings().iter().map(String::as_str).chain([error.message()]);
    let words = ["dial tcp", "connection refused", "no route to host", "network is unreachable"];
    lines.into_iter().any(|line| words.iter().any(|word| line.to_lowercase().contains(word)))
}

/// A blob that proved wrong, with the images that need it.
fn wrong(bundle: &Trusted, blob: Digest, error: &Error) -> Error {
    if error.class() == Class::Interrupted {
        return Error::new(Class::Interrupted, error.message());
    }
    let mut problem = Problem::reading(blob_path(&blob), error);
    problem.images = bundle.contents().touched_by(&blob);
    problem::failure(bundle.about().name(), &[problem])
}
