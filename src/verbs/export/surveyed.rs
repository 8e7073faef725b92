//! What an export would carry, for who only asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::open_places::{OpenPlaces, all_there};
use super::readable::{self, Gathered};
use super::request::Request;
use super::sources;
use crate::bundle::contents::Contents;
use crate::places::at_hand::AtHand;
use crate::places::registry::Client;
use crate::verbs::admission::{PartReading, facts_of};
use crate::verbs::making::{read_configs, read_telling_configs, set_platforms, set_told_platforms};
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::words::reference::Reference;
use crate::work::graph::{self, Origin};
use crate::work::policy::{AdmissionPolicy, ImageFacts};

/// What `policies` ask of the images that the export would carry, and how many bytes that would be. No layer is
/// fetched, and nothing written.
///
/// # Errors
/// As the export.
pub(in crate::verbs) fn survey(
    request: &Request,
    policies: &[AdmissionPolicy],
    client: &Client,
    progress: &dyn Progress,
) -> Result<(Vec<ImageFacts>, u64)> {
    let at_hand = Arc::<AtHand>::default();
    let (origins, images) = gathered(request, &at_hand, client, progress)?;
    let (mut graph, _) = readable::walk(&origins, images, request, &|_| false, progress)?;
    let (jobs, cancel) = (request.jobs.most, progress.handle());
    let (configs, ..) = read_configs(&graph.contents, &graph, None, &at_hand, jobs, &cancel)?;
    set_platforms(&mut graph.contents, &configs);
    let reading = PartReading::of_sources(&configs, (&at_hand, &graph), jobs, &cancel);
    let facts = facts_of(&graph.contents, policies, &reading)?;
    Ok((facts, graph.contents.bytes()))
}

/// What the export would carry, to be weighed and named. Of configs only those are read that tell what an image
/// runs on; no layer is fetched, and nothing written.
///
/// # Errors
/// As the export.
pub(in crate::verbs) fn contents_of(
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Contents> {
    let at_hand = Arc::<AtHand>::default();
    let (origins, images) = gathered(request, &at_hand, client, progress)?;
    let (mut graph, _) = readable::walk(&origins, images, request, &|_| false, progress)?;
    let (jobs, cancel) = (request.jobs.most, progress.handle());
    let configs = read_telling_configs(&graph.contents, &graph, &at_hand, jobs, &cancel)?;
    set_told_platforms(&mut graph.contents, &configs);
    Ok(graph.contents)
}

/// The images of `request`, with what their names stand for.
fn gathered(
    request: &Request,
    at_hand: &Arc<AtHand>,
    client: &Client,
    progress: &dyn Progress,
) -> Result<(Vec<Origin>, Gathered)> {
    let OpenPlaces { origins, wanted, faults, unreadable } =
        sources::open(request, at_hand, client, progress)?;
    let found = graph::find(&origins, &wanted, request.jobs.most, progress)?;
    let mut images = Gathered::new(wanted, found.roots, unreadable);
    let faults = images.take_faults(faults, found.faults, request);
    all_there(faults, request.images.len())?;
    Ok((origins, images))
}

/// The names of the images that `request` asks for, each once. Of places that are asked for as a whole the lists are
/// read; no registry is asked.
///
/// # Errors
/// As the export, of its places.
pub(in crate::verbs) fn names_of(
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Vec<Reference>> {
    let OpenPlaces { wanted, faults, .. } =
        sources::open(request, &Arc::default(), client, progress)?;
    let faults = faults.into_iter().map(|fault| fault.error).collect();
    all_there(faults, request.images.len())?;
    let names: BTreeSet<Reference> = wanted.into_iter().map(|it| it.name).collect();
    Ok(names.into_iter().collect())
}
