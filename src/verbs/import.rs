//! `import`: a bundle into a registry, a layout, archives, an engine or a node. Verifying and copying are
//! one pass: every byte is hashed on its way, and nothing is unpacked.

mod admitted;
mod agent_state;
mod archives;
mod discs;
mod elsewhere;
mod engine;
mod failed;
mod files;
mod filing;
mod foreign;
mod gather;
mod halt;
mod hold;
mod job;
mod landing;
mod layout;
mod leave_behind;
mod names;
mod noted;
mod outcome;
mod partly;
mod portion;
mod prepared;
mod read_back;
mod ready;
mod receipt;
mod receipted;
mod receipting;
mod registry;
mod repositories;
mod request;
mod rewritten;
mod scanned;
mod shareable;
mod sharing;
mod signed;
mod single;
mod summary;
mod surveyed;
mod there_now;
mod tried;
mod tried_image;
mod unread;
mod usable;

pub use self::agent_state::AgentState;
pub use self::discs::Discs;
pub use self::failed::Failed;
pub use self::filing::Filing;
use self::gather::gather;
use self::job::Job;
use self::landing::Landing;
pub use self::leave_behind::LeaveBehind;
pub use self::outcome::Outcome;
use self::partly::Rest;
use self::prepared::{landing, prepared};
use self::receipt::receipted;
pub use self::receipted::{NotAsBrought, Receipted};
pub use self::receipting::Receipting;
pub use self::request::Request;
pub use self::sharing::Sharing;
pub use self::summary::{Landed, Summary};
pub use self::tried::check as runs_commands;
pub use self::tried_image::TriedImage;
use crate::bundle::check::{self, Examined};
use crate::bundle::ledger::LedgerVerb;
use crate::places::registry::Client;
use crate::verbs::evidence::Evidence;
use crate::verbs::freshness::Fresh;
use crate::verbs::recording::{LedgerRun, of_bundle};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::progress::{Event, Progress};
use crate::work::plan::Plan;
use crate::work::transfer::Tally;

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
    let keeper = request.ledger.as_ref().filter(|_| !request.dry_run);
    let run = LedgerRun::new(keeper, LedgerVerb::Import);
    let result = take(request, &run, client, progress);
    run.end(result, progress, |(_, outcome), event| noted::outcome(event, outcome))
}

/// As [`import`], which notes how this `run` ended.
fn take(
    request: &Request,
    run: &LedgerRun<'_>,
    client: &Client,
    progress: &dyn Progress,
) -> Result<(Evidence, Outcome)> {
    // 1. Believe the bundle: signature, list of files, manifests, and that it is no old one.
    run.check()?;
    if request.trial.is_some() {
        tried::check(&request.to)?;
    }
    if let Some(wanted) = &request.receipt {
        receipt::check(wanted, request, &*landing(&request.to, client))?;
    }
    shareable::check(request, &*landing(&request.to, client))?;
    run.know(|event| noted::asked(event, request));
    let examined = believe(request)?;
    run.know(|event| of_bundle(event, &examined));
    is_the_one(request, &examined)?;
    examined.volumes_twice().iter().for_each(|text| progress.event(Event::note(text.clone())));
    let fresh = request.demands.judge(&examined, request.now, true)?;
    run.know(|event| noted::excepted(event, fresh.as_ref()));

    // 2. Bring of volumes what is there, as long as others are not; then all that is left.
    let (examined, tally) = gather(request, examined, run, client, progress)?;
    let (mut evidence, outcome) = bring(request, examined, (tally, run), client, progress)?;

    // 3. Last of all: that it was taken.
    evidence.freshness = match (&fresh, &outcome) {
        (Some(fresh), Outcome::Done(Summary { ok: true, shard: None, .. })) => {
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
    let run = LedgerRun::new(None, LedgerVerb::Import);
    bring(request, believe(request)?, (Tally::default(), &run), client, progress)
        .map(|(_, outcome)| outcome)
}

fn believe(request: &Request) -> Result<Examined> {
    check::examine(&request.bundle, &request.trust, request.now)
        .map_err(|error| request.choice.misread().unwrap_or(error))
}

/// Fails where the bundle is another one than the one that was asked for by its statement.
fn is_the_one(request: &Request, examined: &Examined) -> Result<()> {
    let is = examined.statement().digest;
    let Some(wanted) = request.statement.filter(|wanted| *wanted != is) else { return Ok(()) };
    let name = examined.name();
    let text = format!(
        "bundle {name} is another one than was asked for: its statement is {is}, and not {wanted}"
    );
    Err(Error::new(Class::Untrusted, text)
        .subject(Subject::Path(name.into()))
        .hint("see which bundle lies there, and put the one there that was meant"))
}

/// Brings of the bundle that was `examined` what `request` says. What was moved of it before stands in
/// `tally`.
fn bring(
    request: &Request,
    examined: Examined,
    moved: (Tally, &LedgerRun<'_>),
    client: &Client,
    progress: &dyn Progress,
) -> Result<(Evidence, Outcome)> {
    let brought = prepared(request, examined, moved, client, progress, bring_prepared)?;
    Ok(brought.0)
}

/// Brings what the `job` is for to its `landing`, all at once; then, where that is wanted, what can be
/// brought. There are images that have `failed` before. Then the destination is read back, where a receipt is wanted.
fn bring_prepared(
    job: Job<'_>,
    landing: &dyn Landing,
    failed: Vec<Failed>,
) -> Result<(Evidence, Outcome)> {
    let Job { request, ready, contents, progress } = job;
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
            let rest = Rest { request, ready, landing, progress, failed };
            Outcome::Done(rest.bring(contents, halt)?)
        }
        Err(halt) => return Err(halt.stopping(contents, request.sharing)),
    };
    // Does it work?
    let outcome = match (outcome, &request.trial) {
        (Outcome::Done(summary), Some(trial)) => Outcome::Done(tried::tried(job, summary, trial)?),
        (outcome, _) => outcome,
    };
    // What is there now?
    let outcome = match (outcome, &request.receipt) {
        (Outcome::Done(summary), Some(wanted)) => {
            Outcome::Done(receipted(job, landing, summary, wanted)?)
        }
        (outcome, _) => outcome,
    };
    Ok((Evidence::of(&request.bundle, ready.bundle.about(), request.now), outcome))
}

#[cfg(test)]
mod tests;
