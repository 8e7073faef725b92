//! `import`: a bundle into a registry, a layout, archives or an engine. Verifying and copying are
//! one pass: every byte is hashed on its way, and nothing is unpacked.

mod archives;
mod elsewhere;
mod engine;
mod failed;
mod filing;
mod foreign;
mod halt;
mod job;
mod landing;
mod layout;
mod leave_behind;
mod names;
mod outcome;
mod partly;
mod portion;
mod ready;
mod registry;
mod repositories;
mod request;
mod rewritten;
mod single;
mod summary;
mod surveyed;
mod unread;
mod usable;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use self::archives::ToArchives;
use self::engine::ToEngine;
pub use self::failed::Failed;
pub use self::filing::Filing;
use self::job::Job;
use self::landing::Landing;
use self::layout::ToLayout;
pub use self::leave_behind::LeaveBehind;
use self::names::tell_idle;
pub use self::outcome::Outcome;
use self::partly::Rest;
use self::ready::Ready;
use self::registry::ToRegistry;
pub use self::request::Request;
use self::rewritten::{Rewritten, rewritten};
pub use self::summary::{Landed, Summary};
use self::usable::usable;
use crate::bundle::bases::Bases;
use crate::bundle::check::{self, Examined};
use crate::bundle::subset::{Referring, subset};
use crate::places::location::Destination;
use crate::places::registry::Client;
use crate::verbs::evidence::Evidence;
use crate::verbs::freshness::Fresh;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::plan::Plan;
use crate::work::transfer::Tally;

/// The kind of destination that `to` is.
fn landing<'d>(to: &'d Destination, client: &'d Client) -> Box<dyn Landing + 'd> {
    match to {
        Destination::Registry { registry, prefix } => {
            Box::new(ToRegistry { registry, prefix: prefix.as_ref(), client })
        }
        Destination::Layout { path } => Box::new(ToLayout { path }),
        Destination::Archive { format, path } => Box::new(ToArchives { format: *format, path }),
        Destination::Engine(engine) => Box::new(ToEngine { engine }),
    }
}

/// Imports as `request` says. With what came of it goes which bundle it was.
///
/// ```no_run
/// use std::sync::Arc;
/// use std::time::SystemTime;
///
/// use sealift::bundle::check::Trust;
/// use sealift::bundle::keys::PublicKey;
/// use sealift::places::registry::{Client, Settings};
/// use sealift::verbs::import::{Outcome, Request, import};
/// use sealift::words::progress::Silent;
///
/// let pem = std::fs::read_to_string("transfer.pub.pem").unwrap();
/// let trust = Trust::Keys(vec![PublicKey::from_pem(&pem)?]);
/// let client = Client::new(Settings::default(), Arc::new(Silent))?;
///
/// let to = "docker://harbor.example/group".parse()?;
/// let mut request = Request::new("june.tar", to, trust, SystemTime::now().try_into()?);
/// request.dry_run = true;
/// let (evidence, outcome) = import(&request, &client, &Silent)?;
/// if let Outcome::Planned(plan) = outcome {
///     println!("{} bytes of {} would go", plan.copy.bytes, evidence.statement);
/// }
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// Everything about the signature, the list of files and the manifests comes before the
/// destination is touched. A layer that turns out damaged ends the import before any name is
/// published. Running the same import again goes on from where it stopped.
pub fn import(
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<(Evidence, Outcome)> {
    // 1. Believe the bundle: signature, list of files, manifests, and that it is no old one.
    let examined = believe(request)?;
    examined.volumes_twice().iter().for_each(|text| progress.event(Event::note(text.clone())));
    let fresh = request.demands.judge(&examined, request.now, true)?;

    // 2. Bring it.
    let (mut evidence, outcome) = bring(request, examined, client, progress)?;

    // 3. Last of all: that it was taken.
    evidence.freshness = match (&fresh, &outcome) {
        (Some(fresh), Outcome::Done(Summary { ok: true, .. })) => {
            let remembered = fresh.remember(&progress.handle());
            Some(
                remembered
                    .map_err(|e| e.context("every image arrived, and that is not known here"))?,
            )
        }
        (fresh, _) => fresh.as_ref().map(Fresh::told),
    };
    Ok((evidence, outcome))
}

/// What an import as `request` says would do, whatever was taken of the bundle's stream before: one
/// looks, and takes nothing.
///
/// # Errors
/// As [`import`].
pub(super) fn outlook(
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Outcome> {
    bring(request, believe(request)?, client, progress).map(|(_, outcome)| outcome)
}

fn believe(request: &Request) -> Result<Examined> {
    check::examine(&request.bundle, &request.trust, request.now)
        .map_err(|error| request.choice.misread().unwrap_or(error))
}

/// Brings of the bundle that was `examined` what `request` says.
fn bring(
    request: &Request,
    examined: Examined,
    client: &Client,
    progress: &dyn Progress,
) -> Result<(Evidence, Outcome)> {
    // 1. Which of its images? What is beside it?
    let chosen = request.choice.of(examined.contents())?;
    let (bundle, unsound) = usable(examined, chosen.as_ref(), request, progress)?;
    let bundle = bundle.beside(Bases::open(&request.bases, &request.bundle, &progress.handle())?);
    let sound = bundle.contents();
    let chosen = chosen.map(|chosen| {
        let names: BTreeSet<&Reference> = chosen.images.iter().map(|image| &image.name).collect();
        subset(sound, &Referring::among(sound), |image| names.contains(&image.name))
    });
    let landing = &*landing(&request.to, client);
    keep_apart(request, landing.path())?;

    // 2. What has to be written anew for the destination?
    let ready = Ready { bundle: Arc::new(bundle), tally: Tally::default() };
    let contents = chosen.as_ref().unwrap_or(ready.bundle.contents());
    let Rewritten { contents, failed } = rewritten(request, contents, progress)?;
    let failed = [unsound, failed].concat();
    tell_idle(request, landing.naming(), &contents, progress);

    // 3. Bring it there, all at once; then, where that is wanted, what can be brought.
    let job = Job { request, ready: &ready, contents: &contents, progress };
    let outcome = match contents.images.is_empty() && !failed.is_empty() {
        true if request.dry_run => Ok(Outcome::Planned(Plan::empty(ready.statement()))),
        true => Ok(Outcome::Done(ready.nothing(request))),
        false => landing.bring(job),
    };
    let outcome = match outcome {
        Ok(Outcome::Planned(mut plan)) => {
            plan.obstacles.splice(0..0, Failed::obstacle(&failed));
            Outcome::Planned(plan)
        }
        Ok(Outcome::Done(summary)) => {
            Outcome::Done(Summary { ok: failed.is_empty(), failed, ..summary })
        }
        Err(halt) if halt.is_left(request.leave_behind) && !request.dry_run => {
            let rest = Rest { request, ready: &ready, landing, progress, failed };
            Outcome::Done(rest.bring(&contents, halt)?)
        }
        Err(halt) => return Err(halt.stopping(&contents)),
    };
    Ok((Evidence::of(&request.bundle, ready.bundle.about(), request.now), outcome))
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

#[cfg(test)]
mod tests;
