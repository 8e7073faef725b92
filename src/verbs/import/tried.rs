//! [`tried`]: a command is run in every image that was brought to an engine.

use super::job::Job;
use super::summary::Summary;
use super::tried_image::TriedImage;
use crate::places::engine::{Driver, Engine, Trial};
use crate::places::location::Destination;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Event;
use crate::work::plan::NameAction;

/// Fails for a destination in whose images no command can be run, as [`Request::trial`](super::Request::trial) asks for.
///
/// # Errors
/// [`Class::Usage`].
pub fn check(to: &Destination) -> Result<()> {
    match to {
        Destination::Engine(engine) if engine.tries() => Ok(()),
        _ => Err(Error::new(Class::Usage, format!("no command can be run in images of {to}"))
            .hint("podman (containers-storage:) and docker (docker-daemon:) run them")),
    }
}

/// The `summary` of the `job` with what came of running `trial` in each image, one after the other.
pub(super) fn tried(job: Job<'_>, summary: Summary, trial: &Trial) -> Result<Summary> {
    let Destination::Engine(engine) = &job.request.to else { return Ok(summary) };
    let driver = Driver::new(Engine::clone(engine), job.progress.handle());
    let mut tried = Vec::new();
    for landed in summary.images.iter().filter(|it| it.action != NameAction::Keep) {
        job.progress.check()?;
        let reason = driver.run_trial(&landed.to, trial)?;
        if let Some(reason) = &reason {
            job.progress.event(Event::note(format!("{}: {trial}: {reason}", landed.to)));
        }
        tried.push(TriedImage { image: landed.to.clone(), reason });
    }
    let ok = summary.ok && tried.iter().all(|it| it.reason.is_none());
    Ok(Summary { ok, tried, ..summary })
}
