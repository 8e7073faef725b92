//! `prune`: what a stream once brought to a place, and no kept bundle names, taken away there.

mod agent_removal;
mod places;
mod request;
mod sizes;
mod summary;
mod told;

use self::places::open;
pub use self::request::Request;
pub use self::summary::{PruneEvidence, Summary};
use self::told::{Told, one_stream, recall};
use crate::bundle::contents::Contents;
use crate::bundle::ledger::{LedgerEvent, LedgerImage, LedgerVerb};
use crate::places::location::Destination;
use crate::places::registry::Client;
use crate::verbs::recording::{LedgerRun, of_request};
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::words::reference::Reference;
use crate::work::mapping::{Mapping, Naming};
use crate::work::prune::{Claims, PruneLot, PrunePlan, run as remove};

/// Shows what goes, and takes it away where `request` says so: what is shown is what goes.
///
/// # Errors
/// Those of the bundles and records; when the place cannot tell, or refuses. After any of them the
/// same call goes on from there.
pub fn prune(request: &Request, client: &Client, progress: &dyn Progress) -> Result<Summary> {
    let run = LedgerRun::new(request.ledger.as_ref().filter(|_| request.yes), LedgerVerb::Prune);
    let result = take_away(request, &run, client, progress);
    run.end(result, progress, |summary, event| {
        let going = summary.plan.lots.iter().flat_map(PruneLot::going).count();
        let frees = summary.plan.frees;
        let event = event.count("images", going as u64);
        (event.count("blobs", frees.blobs).count("bytes", frees.bytes), None)
    })
}

/// As [`prune`], which notes how this `run` ended.
fn take_away(
    request: &Request,
    run: &LedgerRun<'_>,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Summary> {
    // 1. What was brought, and what of that is kept? What was never imported brought nothing.
    run.check()?;
    let keep = Told::each(&request.keep, request, progress)?;
    let mut brought = Told::each(&request.brought, request, progress)?;
    one_stream(keep.iter().chain(&brought))?;
    let state = recall(request, &keep, &mut brought)?;
    let (keeps, keep) = apart(keep);
    let (brings, brought) = apart(brought);

    // 2. Under which names, and in which repositories?
    let (naming, is_registry) = match &request.place {
        Destination::Registry { registry, prefix } => {
            (Naming::Registry { registry: registry.clone(), prefix: prefix.clone() }, true)
        }
        _ => (Naming::FullNames, false),
    };
    let (flatten, rules) = (request.flatten, request.rules.clone());
    let mapping = Mapping { flatten, rules, ..Mapping::new(naming) };
    let key = |name: &Reference| if is_registry { name.name() } else { String::new() };
    let claims = Claims::of(&keep, &brought, &mapping, key)?;
    let shown = |name: &Reference| match is_registry {
        true => name.name(),
        false => request.place.to_string(),
    };
    let repositories = claims.lots.iter().map(|lot| shown(&lot.at)).collect();

    // 3. What stands there now, and what of it is nobody else's?
    let places = open(request, &claims, client, progress)?;
    let plan = PrunePlan::make(&claims, &places, repositories, request.jobs.most)?;

    // 4. Take it away, or say what that needs.
    let mut sizes = None;
    match request.yes {
        true => {
            run.know(|event| noted(event, request, keeps.iter().chain(&brings)));
            let going = plan.lots.iter().flat_map(PruneLot::going);
            run.begin(going.map(|it| LedgerImage::new(&it.name, it.digest)))?;
            remove(&plan, &places, request.jobs, progress)?;
        }
        false => sizes = Some(sizes::sizes(request, &claims, &plan, client)?),
    }
    Ok(Summary {
        place: request.place.to_string(),
        state,
        keep: keeps,
        brought: brings,
        plan,
        removed: request.yes,
        sizes,
    })
}

/// Enters what was asked for, and what the bundles say of themselves that were named.
fn noted<'e>(
    event: &mut LedgerEvent,
    request: &Request,
    bundles: impl Iterator<Item = &'e PruneEvidence>,
) {
    let named: Vec<&PruneEvidence> = bundles.collect();
    let newest = named.iter().max_by_key(|it| &it.position);
    if let Some(newest) = newest {
        of_request(event, newest.bundle.path(), &request.trust);
        (event.statement, event.position) = (Some(newest.statement), newest.position.clone());
    }
    event.place = Some(request.place.to_string());
}

/// The evidence of `all`, and what those of them say that count.
fn apart(all: Vec<Told>) -> (Vec<PruneEvidence>, Vec<Contents>) {
    let (mut evidence, mut contents) = (Vec::new(), Vec::new());
    for told in all {
        let counts = told.counts();
        evidence.push(told.evidence);
        contents.extend(counts.then_some(told.contents));
    }
    (evidence, contents)
}
