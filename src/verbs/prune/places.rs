//! The places that images are taken away from, opened.

use std::collections::BTreeMap;
use std::path::Path;

use super::agent_removal::AgentRemoval;
use super::request::Request;
use crate::bundle::inventory::SUMS;
use crate::places::engine::{Driver, Engine, EngineRemoval};
use crate::places::layout::LayoutRemoval;
use crate::places::location::Destination;
use crate::places::registry::Client;
use crate::storage::removal::ImageRemoval;
use crate::words::digest::Digest;
use crate::words::document::{Document, Kind};
use crate::words::error::{Class, Error, Result, Side};
use crate::words::progress::Progress;
use crate::words::reference::{Reference, Tag};
use crate::work::prune::{Claims, Lot};

/// Opens the place of `request`, once for each lot of `claims`.
///
/// # Errors
/// [`Class::Usage`] for what nothing is taken away from; those of the place.
pub(super) fn open<'p>(
    request: &'p Request,
    claims: &Claims<'_>,
    client: &'p Client,
    progress: &dyn Progress,
) -> Result<Vec<Box<dyn ImageRemoval + 'p>>> {
    let each = claims.lots.iter().map(|lot| -> Result<Box<dyn ImageRemoval + 'p>> {
        Ok(match &request.place {
            Destination::Registry { .. } => {
                let (registry, repository) = (&lot.at.registry, &lot.at.repository);
                Box::new(client.repository(registry, repository, Side::Destination))
            }
            Destination::Layout { path } => {
                no_bundle(path)?;
                Box::new(LayoutRemoval::open(path, progress.handle())?)
            }
            Destination::Engine(engine) => Box::new(of_engine(engine, lot, claims, progress)),
            Destination::Files { .. } => {
                let text = format!("{} is a folder of files", request.place);
                return Err(Error::new(Class::Usage, text).hint("delete those that nobody needs"));
            }
            Destination::Agent(agent) => {
                let last = |(name, digests): (&Reference, &[Digest])| {
                    Some((name.clone(), *digests.last()?))
                };
                let names = lot.candidates().filter_map(last).collect();
                let now = of_engine(&agent.engine(), lot, claims, progress);
                Box::new(AgentRemoval::of(agent, now, names)?)
            }
            Destination::Archive { .. } => {
                let text = format!("{} is written once, as a whole", request.place);
                return Err(Error::new(Class::Usage, text)
                    .hint("delete it, and import what is to be in it into a new one"));
            }
        })
    });
    each.collect()
}

/// Refuses a bundle, which would be none any more.
fn no_bundle(path: &Path) -> Result<()> {
    match std::fs::symlink_metadata(path.join(SUMS)) {
        Ok(_) => {
            let text = format!("{} is a bundle: nothing is taken away from one", path.display());
            Err(Error::new(Class::Usage, text)
                .hint("delete it as a whole, or squash it to another"))
        }
        Err(_) => Ok(()),
    }
}

/// An engine, which is asked for what `lot` brought and is not kept.
fn of_engine(
    engine: &Engine,
    lot: &Lot,
    claims: &Claims<'_>,
    progress: &dyn Progress,
) -> EngineRemoval {
    let is_own = |name: &Reference, digest: &Digest| name.tag != Some(Tag::of_digest(digest));
    let mut names = BTreeMap::new();
    for (name, digests) in lot.candidates() {
        let mut called: BTreeMap<Digest, Digest> = BTreeMap::new();
        // What several have in common is the newest one's.
        for image in digests.iter().rev().filter(|digest| is_own(name, digest)) {
            calls(*image, *image, claims, &mut called);
        }
        if !called.is_empty() {
            names.insert(name.clone(), called);
        }
    }
    EngineRemoval::of(Driver::new(engine.clone(), progress.handle()), names)
}

/// Enters what engines may call the image `image`, where that is no other one's yet: its index, a manifest
/// below it, its config.
fn calls(
    digest: Digest,
    image: Digest,
    claims: &Claims<'_>,
    called: &mut BTreeMap<Digest, Digest>,
) {
    if called.contains_key(&digest) {
        return;
    }
    called.insert(digest, image);
    let Some(document) = claims.documents.get(&digest) else { return };
    match document.kind() {
        Kind::Manifest { config, .. } => {
            if let Some(config) = config {
                called.entry(config.digest).or_insert(image);
            }
        }
        Kind::Index { .. } => {
            Document::children(document)
                .iter()
                .for_each(|part| calls(part.digest, image, claims, called));
        }
    }
}
