//! `import` into podman, docker or containerd: the bundle is served to the engine, which pulls
//! from it what it does not have.

mod chosen;
mod load;
mod look;
mod needs;
mod unpacked;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::chosen::Chosen;
use self::look::Look;
use super::{Halt, Outcome, Request, names, summary};
use crate::bundle::check::Trusted;
use crate::bundle::contents::Contents;
use crate::bundle::problem::{self, Problem};
use crate::places::engine::{About, Engine, Pull, Scratch};
use crate::places::layout::blob_path;
use crate::seams::sound::Sound;
use crate::seams::store::BlobSource as _;
use crate::seams::stream::Verified;
use crate::seams::{interrupt, parallel};
use crate::verbs::serve::Loopback;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::plan::{
    Action, Count, NameAction, NameStep, Obstacle, OnExisting, Plan, Scope, Transfer,
};
use crate::work::transfer::Moved;

/// Imports as `request` says, into `engine`.
///
/// # Errors
/// As [`import`](super::import). Bytes that turn out wrong on the way break off the pull they are
/// for; the name of that image then stands for what it stood for.
pub(super) fn import(
    request: &Request,
    engine: &Engine,
    bundle: &Arc<Trusted>,
    contents: &Contents,
    progress: &dyn Progress,
) -> Result<Outcome, Halt> {
    if matches!(request.existing, OnExisting::KeepDigest | OnExisting::DigestTag) {
        let text = format!("{engine} has no images beside names: --on-existing keep-digest");
        let error = Error::new(Class::Usage, text)
            .hint("leave such images behind with skip, or give them other tags with --map");
        return Err(error.into());
    }

    // 1. Names in the engine, and what of each image it takes.
    let names = names(request, contents)?;
    let about = engine.about()?;
    let platform = request.platform.as_ref();
    let chosen = Arc::new(Chosen::of(contents, names, engine, &about, platform));
    chosen.notes.iter().for_each(|note| progress.event(Event::Note(note.clone())));

    // 2. What it has of that, and what is in the way.
    let look = Look::at(engine, &about, &chosen, &**bundle)?;
    let scope = Scope {
        sink: Box::new(look.clone()),
        name: engine.to_string(),
        path: None,
        images: chosen.names.iter().cloned().enumerate().collect(),
        referrers: Vec::new(),
        absent: false,
    };
    let statement = bundle.about().statement().digest;
    let kept = &chosen.contents;
    let mut plan = Plan::new(statement, kept, &[scope], request.existing, 1)?;
    plan.obstacles.splice(0..0, chosen.obstacles.iter().cloned());
    plan.obstacles.extend(needs::shortage(&about, &plan, &chosen, &look, &**bundle));
    if request.dry_run {
        // Engines ask for configs again and again; a summary does not count them either.
        plan.count_without(&chosen.contents.configs());
        return Ok(Outcome::Planned(plan));
    }
    if let Some(error) = Obstacle::failure(&plan.obstacles) {
        return Err(error.into());
    }

    // 3. Have it pull, one image after the other; then remove what runs that were killed left.
    let brought = match changes(&plan).next() {
        Some(_) => bring(engine, &about, &plan, &chosen, bundle, request, progress),
        None => Ok(BTreeMap::new()),
    };
    engine.tidy(&about);
    let (copied, present) = counted(&plan, &chosen, &brought?);
    let signers = bundle.about().signers().to_vec();
    let moved = Moved { copied, mounted: Count::default(), present };
    Ok(Outcome::Done(summary(request, plan, moved, signers)))
}

/// The names that are not done yet.
fn changes(plan: &Plan) -> impl Iterator<Item = &NameStep> {
    let all = plan.repositories.iter().flat_map(|repository| &repository.names);
    all.filter(|step| matches!(step.action, NameAction::Create | NameAction::Replace))
}

/// Serves what was chosen until the engine has it all; streams it into one that cannot reach what
/// is served here. Gives the blobs that moved, and how many bytes of each.
fn bring(
    engine: &Engine,
    about: &About,
    plan: &Plan,
    chosen: &Chosen,
    bundle: &Arc<Trusted>,
    request: &Request,
    progress: &dyn Progress,
) -> Result<BTreeMap<Digest, u64>> {
    let stream = |why: &str| load::load(engine, about, plan, chosen, bundle, why, progress);
    if let Some(place) = &about.remote {
        return stream(&format!("it is at {place}"));
    }
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
            return stream(&why);
        }
        read_back(engine, about, chosen, name)?;
    }
    progress.event(Event::Done);
    Ok(server.ledger().blobs())
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
            Some(file) => Box::new(file.reader(0)),
            None => bundle.open(blob, 0)?,
        };
        let mut reader = Verified::new(raw, blob, "bundle", progress);
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

/// After the pull the name has to stand for what was promised.
fn read_back(engine: &Engine, about: &About, chosen: &Chosen, name: &Reference) -> Result<()> {
    match engine.held(name)? {
        Some(held) if chosen.is_it(about, name, &held) => Ok(()),
        Some(_) => {
            let text = format!("{engine}: {name} stands for another image than was pulled");
            Err(Error::new(Class::Other, text).hint("somebody else may be naming images there"))
        }
        None => {
            let text = format!("{engine}: {name} is not there, although it was pulled");
            Err(Error::new(Class::Other, text).hint("see what the engine says for itself"))
        }
    }
}

/// Layers that were given out, with their bytes, and those that nobody asked for. Configs are
/// small, and docker asks for them every time.
fn counted(plan: &Plan, chosen: &Chosen, given: &BTreeMap<Digest, u64>) -> (Count, Count) {
    let configs = chosen.contents.configs();
    let (mut copied, mut present) = (Count::default(), Count::default());
    let all = plan.repositories.iter().flat_map(|repository| &repository.blobs);
    for transfer in all.filter(|transfer| !configs.contains(&transfer.blob.digest)) {
        match given.get(&transfer.blob.digest) {
            Some(bytes) => {
                copied.blobs += 1;
                copied.bytes += bytes;
            }
            None => present.add(&transfer.blob),
        }
    }
    (copied, present)
}
