//! Serving the bundle to an engine on this machine, which pulls from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chosen::Chosen;
use super::pulling::Pulling;
use crate::places::engine::{Driver, EnginePull, Scratch};
use crate::verbs::serve::Loopback;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{ErrorKind, Result};
use crate::words::progress::Event;
use crate::words::reference::Reference;
use crate::work::plan::{NameStep, Plan};
use crate::work::transfer::{self, Carrier, Fate, Unfinished, at_fault, name_images};

/// What came of it.
pub(super) enum Pulled {
    /// The engine has it all.
    All,
    /// It cannot reach what is served here, as it says.
    Unreachable(String),
}

/// Serves what was chosen until the engine has it all, one image after the other.
///
/// # Errors
/// Those of the engine, and of what it has afterwards. Where a blob proves wrong, all that are, of
/// those that are to move.
pub(super) fn pull(
    pulling: &Pulling<'_>,
    plan: &Plan,
    carrier: &Carrier<'_>,
) -> Result<Pulled, Unfinished> {
    let Pulling { job, engine, about, chosen, .. } = pulling;
    let sound = Arc::default();
    if about.keeps_partial {
        // One that would go on from wrong bytes could not take the right ones afterwards.
        transfer::check(plan, carrier, Some(&sound))?;
    }
    let images: Vec<(Reference, Digest)> =
        plan.changes().map(|step| (step.to.clone(), step.digest)).collect();
    let source = Arc::clone(&job.ready.bundle) as _;
    let server = Loopback::open(&images, &chosen.contents, source, sound, job.progress.handle())?;
    let scratch = about.scratch.as_deref().map(Scratch::new).transpose()?;
    let (bytes, items) = (plan.copy.bytes, plan.copy.blobs);
    carrier.progress.event(Event::Phase { name: "importing", bytes, items });
    let pull = |step: &NameStep| -> Result<Option<String>> {
        let (name, digest) = (&step.to, &step.digest);
        let from = server.address(&name.registry);
        let several = chosen.is_index(digest);
        let platform = job.request.platform.as_ref().filter(|_| several);
        let pull = EnginePull { name, digest, from: &from, platform };
        if let Some(why) = fetch(engine, pull, &server, scratch.as_ref(), carrier)? {
            return Ok(Some(why));
        }
        pulling.read_back(name)?;
        carrier.tally.name(&engine.to_string(), step);
        Ok(None)
    };
    let pulled = plan.changes().map(pull).find(|done| !matches!(done, Ok(None)));
    note_moved(engine, chosen, &server.ledger().blobs(), carrier);
    match pulled {
        None => {
            carrier.progress.event(Event::Done);
            Ok(Pulled::All)
        }
        Some(Ok(Some(why))) => Ok(Pulled::Unreachable(why)),
        Some(Err(error)) if error.is_about_content() => {
            // What else is wrong? What only the server saw may be right a moment later.
            transfer::check(plan, carrier, None)?;
            Err(error.into())
        }
        Some(done) => done.map(|_| Pulled::All).map_err(Unfinished::from),
    }
}

/// Notes the layers that were given out, with their bytes. Configs are small, and docker asks for them
/// every time.
fn note_moved(
    engine: &Driver,
    chosen: &Chosen,
    given: &BTreeMap<Digest, u64>,
    carrier: &Carrier<'_>,
) {
    let (place, configs) = (engine.to_string(), chosen.contents.configs());
    for blob in chosen.contents.blobs.needed().iter().filter(|blob| !configs.contains(&blob.digest))
    {
        if let Some(bytes) = given.get(&blob.digest) {
            carrier.tally.blob(&place, &blob.digest, *bytes, Fate::Copied);
        }
    }
}

/// Has the engine pull one image. Gives its complaint when it cannot reach what is served here.
/// What went wrong in the bundle is told before what the engine makes of that.
fn fetch(
    engine: &Driver,
    pull: EnginePull<'_>,
    server: &Loopback,
    scratch: Option<&Scratch>,
    carrier: &Carrier<'_>,
) -> Result<Option<String>> {
    let ledger = server.ledger();
    let (before, mut seen) = (ledger.answered(), ledger.bytes());
    let fault = || {
        let (blob, error) = ledger.take_fault()?;
        let blob = Descriptor::new("", blob, 0);
        Some(name_images(at_fault(error), &blob, carrier.contents))
    };
    let done = engine.pull(pull, scratch, &mut || {
        carrier.progress.check()?;
        if let Some(error) = fault() {
            return Err(error);
        }
        let new = ledger.bytes() - std::mem::replace(&mut seen, ledger.bytes());
        if new > 0 {
            carrier.progress.event(Event::Advanced { digest: None, bytes: new });
        }
        Ok(new > 0)
    });
    let Err(error) = done else { return Ok(None) };
    carrier.progress.check()?;
    if let Some(error) = fault() {
        return Err(error);
    }
    match ledger.answered() == before && error.kind() == ErrorKind::Unreachable {
        // An engine that is down reaches nobody either, and takes no archive.
        true => engine.about().map(|_| Some(error.message().to_owned())),
        false => Err(error),
    }
}
