//! What an export would carry, for who only asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::open_places::OpenPlaces;
use super::readable::{self, Gathered};
use super::request::Request;
use super::{all_there, sources};
use crate::bundle::contents::Contents;
use crate::bundle::docker::Configs;
use crate::places::at_hand::AtHand;
use crate::places::registry::Client;
use crate::verbs::making::{read_configs, set_platforms};
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::words::reference::Reference;
use crate::work::graph;

/// What the export would carry that `request` asks for, with the configs of its images. No layer is fetched, and
/// nothing written.
///
/// # Errors
/// As the export.
pub(in crate::verbs) fn survey(
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<(Contents, Configs)> {
    let at_hand = Arc::<AtHand>::default();
    let OpenPlaces { origins, wanted, mut faults, unreadable } =
        sources::open(request, &at_hand, client, progress)?;
    let found = graph::find(&origins, &wanted, request.jobs.most, progress)?;
    let mut images = Gathered::new(wanted, found.roots, unreadable);
    faults.extend(images.take_faults(found.faults));
    all_there(faults, request.images.len())?;
    let (mut graph, _) = readable::walk(&origins, images, request, &|_| false, progress)?;
    let (jobs, cancel) = (request.jobs.most, progress.handle());
    let (configs, ..) = read_configs(&graph.contents, &graph, None, &at_hand, jobs, &cancel)?;
    set_platforms(&mut graph.contents, &configs);
    Ok((graph.contents, configs))
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
    all_there(faults, request.images.len())?;
    let names: BTreeSet<Reference> = wanted.into_iter().map(|it| it.name).collect();
    Ok(names.into_iter().collect())
}
