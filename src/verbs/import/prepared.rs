//! [`prepared`]: a bundle that is believed, made ready for its destination.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::admitted::admitted;
use super::archives::ToArchives;
use super::engine::{ToAgent, ToEngine};
use super::failed::Failed;
use super::files::ToFiles;
use super::job::Job;
use super::landing::Landing;
use super::layout::ToLayout;
use super::names::tell_idle;
use super::ready::Ready;
use super::registry::ToRegistry;
use super::request::Request;
use super::rewritten::{Rewritten, rewritten};
use super::scanned;
use super::signed;
use super::usable::usable;
use crate::bundle::bases::Bases;
use crate::bundle::check::Examined;
use crate::bundle::subset::{Referring, subset};
use crate::places::location::Destination;
use crate::places::registry::Client;
use crate::verbs::recording::LedgerRun;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;
use crate::words::reference::Reference;
use crate::work::transfer::Tally;

/// The kind of destination that `to` is.
pub(super) fn landing<'d>(to: &'d Destination, client: &'d Client) -> Box<dyn Landing + 'd> {
    match to {
        Destination::Registry { registry, prefix } => {
            Box::new(ToRegistry { registry, prefix: prefix.as_ref(), client })
        }
        Destination::Layout { path } => Box::new(ToLayout { path }),
        Destination::Archive { format, path } => Box::new(ToArchives { format: *format, path }),
        Destination::Engine(engine) => Box::new(ToEngine { engine }),
        Destination::Agent(agent) => Box::new(ToAgent::of(agent)),
        Destination::Files { path } => Box::new(ToFiles { path }),
    }
}

/// Makes ready of the bundle that was `examined` what `request` says, and does `then` with it, to which goes
/// what will not arrive. What was moved of it before stands in `tally`, and what is done is noted by `run`; given is what was moved in all.
pub(super) fn prepared<T>(
    request: &Request,
    examined: Examined,
    (tally, run): (Tally, &LedgerRun<'_>),
    client: &Client,
    progress: &dyn Progress,
    then: impl FnOnce(Job<'_>, &dyn Landing, Vec<Failed>) -> Result<T>,
) -> Result<(T, Tally)> {
    // 1. Which of its images? What is beside it?
    let chosen = request.choice.of(examined.contents())?;
    let is_less = request.receipt.is_some() && !examined.problems().is_empty();
    let whole = is_less.then(|| examined.contents().clone());
    let (bundle, unsound) = usable(examined, chosen.as_ref(), request, progress)?;
    let bundle = bundle.beside(Bases::open(&request.bases, &request.bundle, &progress.handle())?);
    let sound = bundle.contents();
    let chosen = chosen.map(|chosen| {
        let names: BTreeSet<&Reference> = chosen.images.iter().map(|image| &image.name).collect();
        subset(sound, &Referring::among(sound), |image| names.contains(&image.name))
    });
    let landing = &*landing(&request.to, client);
    keep_apart(request, landing.path())?;

    // 2. Are they signed as is demanded, let in, and clean? What has to be written anew for the destination?
    let ready = Ready { bundle: Arc::new(bundle), tally, run, whole };
    let contents = chosen.as_ref().unwrap_or(ready.bundle.contents());
    signed::screen(request, &ready, contents, progress)?;
    admitted(request, &ready, contents, progress)?;
    scanned::scan(request, &ready, contents, progress)?;
    let Rewritten { contents, failed } = rewritten(request, contents, progress)?;
    let failed = [unsound, failed].concat();
    tell_idle(request, landing.naming(), &contents, progress);

    // 3. Do it.
    let job = Job { request, ready: &ready, contents: &contents, progress };
    let done = then(job, landing, failed)?;
    drop(contents);
    Ok((done, ready.tally))
}

/// Nothing is written into the bundle itself, which would be no signed one any more.
fn keep_apart(request: &Request, path: Option<&Path>) -> Result<()> {
    match path.filter(|path| request.bundle.contains(path)) {
        Some(path) => {
            let text = format!("{} lies in the bundle itself", path.display());
            Err(Error::new(Class::Usage, text).hint("name another place"))
        }
        None => Ok(()),
    }
}
