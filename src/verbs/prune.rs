//! `prune`: what a stream once brought to a place, and no kept bundle names, taken away there.

mod places;
mod request;
mod sizes;
mod summary;

use self::places::open;
pub use self::request::Request;
pub use self::summary::{PruneEvidence, Summary};
use crate::bundle::contents::Contents;
use crate::bundle::record::Record;
use crate::medium::Medium;
use crate::places::location::Destination;
use crate::places::registry::Client;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;
use crate::words::reference::Reference;
use crate::work::graph;
use crate::work::mapping::{Mapping, Naming};
use crate::work::prune::{Claims, PrunePlan, run};

/// Shows what goes, and takes it away where `request` says so: what is shown is what goes.
///
/// # Errors
/// Those of the bundles and records; when the place cannot tell, or refuses. After any of them the
/// same call goes on from there.
pub fn prune(request: &Request, client: &Client, progress: &dyn Progress) -> Result<Summary> {
    // 1. What was brought, and what of that is kept?
    let keep = read(&request.keep, request, progress)?;
    let brought = read(&request.brought, request, progress)?;
    one_stream(keep.iter().chain(&brought))?;
    let (keeps, keep): (Vec<_>, Vec<_>) = keep.into_iter().unzip();
    let (brings, brought): (Vec<_>, Vec<_>) = brought.into_iter().unzip();

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
        true => run(&plan, &places, request.jobs.large, progress)?,
        false => sizes = Some(sizes::sizes(request, &claims, &plan, client)?),
    }
    Ok(Summary {
        place: request.place.to_string(),
        keep: keeps,
        brought: brings,
        plan,
        removed: request.yes,
        sizes,
    })
}

/// What the bundles and records `all` say, rewritten as an import was told to. The oldest comes first:
/// the one of the lowest number, where all have one, else the one that was made first.
fn read(
    all: &[Medium],
    request: &Request,
    progress: &dyn Progress,
) -> Result<Vec<(PruneEvidence, Contents)>> {
    let mut read = Vec::new();
    for medium in all {
        progress.check()?;
        let record = Record::read(medium, &request.trust)?;
        let mut contents = record.contents().clone();
        if request.rewrite.smaller || request.rewrite.to_oci {
            graph::rewrite(&mut contents, request.rewrite)?;
            contents.keep_reached();
        }
        let statement = record.statement();
        let evidence = PruneEvidence {
            bundle: medium.clone(),
            statement: statement.digest,
            position: statement.predicate.position(),
        };
        read.push((statement.predicate.created_at, evidence, contents));
    }
    read.sort_by_key(|(made, ..)| *made);
    if read.iter().all(|(_, evidence, _)| evidence.position.is_some()) {
        read.sort_by(|(_, one, _), (_, other, _)| one.position.cmp(&other.position));
    }
    Ok(read.into_iter().map(|(_, evidence, contents)| (evidence, contents)).collect())
}

/// Refuses bundles of two streams: what the one brought would go for the sake of the other.
fn one_stream<'r>(all: impl Iterator<Item = &'r (PruneEvidence, Contents)>) -> Result<()> {
    let mut known: Option<&PruneEvidence> = None;
    for (evidence, _) in all {
        let Some(position) = &evidence.position else { continue };
        let other = known.and_then(|it| it.position.as_ref());
        match (known, other) {
            (Some(first), Some(other)) if other.stream != position.stream => {
                let text = format!(
                    "{} is of the stream {}, and {} of {}",
                    first.bundle, other.stream, evidence.bundle, position.stream
                );
                return Err(Error::new(Class::Usage, text).hint("prune one stream at a time"));
            }
            (None, _) => known = Some(evidence),
            _ => {}
        }
    }
    Ok(())
}
