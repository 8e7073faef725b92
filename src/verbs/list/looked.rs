//! [`look`]: what one place, bundle, list or cluster has.

use super::at::ListedAt;
use super::clusters;
use super::engines;
use super::held::HeldImage;
use super::listing::PlaceListing;
use super::registries;
use super::request::{Depth, Listable, Request};
use super::unnamable::Unnamable;
use crate::bundle::receipt::ReadReceipt;
use crate::bundle::record::Record;
use crate::places::location::{Place, Source};
use crate::places::registry::Client;
use crate::verbs::described::described;
use crate::verbs::inventory::opened;
use crate::words::document::Kind;
use crate::words::error::{Class, Result};
use crate::words::progress::Progress;
use crate::work::mapping::Naming;

/// What `what` has.
///
/// # Errors
/// When it cannot be asked.
pub(super) fn look(
    what: &Listable,
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<PlaceListing> {
    match what {
        Listable::Place(place) => of_place(place, request, client, progress),
        Listable::Cluster(cluster) => clusters::all(cluster, request.stdin, progress),
        Listable::Bundle(medium) => {
            let record = Record::read(medium, &request.trust)?;
            let mut listing = PlaceListing::new(medium, Naming::FullNames);
            let contents = record.contents();
            for image in &contents.images {
                let manifests = contents.manifests(image.digest);
                let config = |kind: &Kind| match kind {
                    Kind::Manifest { config: Some(config), .. } => Some(config.digest),
                    _ => None,
                };
                let own = contents.documents.get(&image.digest);
                listing.add(HeldImage {
                    digest: Some(image.digest),
                    config: own.and_then(|own| config(own.kind())),
                    parts: manifests.iter().map(|it| it.descriptor().digest).collect(),
                    platforms: image.platforms.clone(),
                    at: vec![ListedAt::of(medium)],
                    is_pinned: false,
                    ..HeldImage::named(&image.name)
                })?;
            }
            Ok(listing)
        }
        Listable::Receipt(path) => {
            let read = ReadReceipt::at(path, &request.trust.any_of())?;
            let naming = Naming::of_receipt(&read.receipt.about).unwrap_or(Naming::FullNames);
            let mut listing = PlaceListing::new(path.display(), naming);
            for (digest, name) in &read.receipt.content.names {
                let at = vec![ListedAt::of(path.display())];
                listing.add(HeldImage {
                    digest: Some(*digest),
                    is_pinned: false,
                    at,
                    ..HeldImage::named(name)
                })?;
            }
            Ok(listing)
        }
        Listable::Names { path, names } => {
            let mut listing = PlaceListing::new(path.display(), Naming::FullNames);
            for name in names {
                let at = vec![ListedAt::of(path.display())];
                listing.add(HeldImage { at, ..HeldImage::named(name) })?;
            }
            Ok(listing)
        }
    }
}

fn of_place(
    place: &Place,
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<PlaceListing> {
    let listing = PlaceListing::new(place, Naming::at(place));
    match place {
        Place::Registry { registry, path } => {
            registries::all((registry, path.as_ref()), listing, request, client, progress)
        }
        Place::Image(name) => registries::one(name, listing, request, client, progress),
        Place::Engine(engine) => engines::all(engine, listing, progress),
        Place::Local(Source::Engine { engine, name }) => {
            engines::one(engine, name, listing, progress)
        }
        Place::Local(source) => of_files(source, listing, request, client, progress),
    }
}

/// What layouts and archives hold.
fn of_files(
    source: &Source,
    mut listing: PlaceListing,
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<PlaceListing> {
    let mut opened = opened(source, client, request.stdin, progress)?;
    if let Some(fault) = opened.faults.pop() {
        return Err(fault.error);
    }
    for lost in opened.unreadable {
        let at = ListedAt::of(lost.source);
        listing.lack(Unnamable::new(lost.image, at, &lost.error))?;
    }
    for wanted in &opened.wanted {
        progress.check()?;
        let source = &opened.origins[wanted.origin.place()].source;
        let document = match source.resolve(&wanted.name) {
            Ok(document) => document,
            Err(error) if matches!(error.class(), Class::Damaged | Class::Incomplete) => {
                let at = ListedAt::of(&wanted.text);
                listing.lack(Unnamable::new(wanted.name.to_string(), at, &error))?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let digest = document.descriptor().digest;
        let about = match request.depth() {
            Depth::Names | Depth::Digests => Default::default(),
            Depth::Contents => described(&**source, &document, &progress.handle())?,
        };
        let name = wanted.name.kept();
        // What has no name is called after the file and its digest.
        let is_unnamed = name.tag.is_none() && name.registry.as_str() == "localhost";
        let from = match (wanted.is_one_of_all, is_unnamed) {
            (false, _) => wanted.text.clone(),
            (true, true) => format!("{}:@{digest}", wanted.text),
            (true, false) => format!("{}:{name}", wanted.text),
        };
        listing.add(HeldImage {
            name: (!is_unnamed).then_some(name),
            digest: Some(digest),
            config: about.config,
            parts: about.parts,
            platforms: about.platforms,
            at: vec![ListedAt { source: Some(from), ..ListedAt::of(&wanted.text) }],
            ..HeldImage::default()
        })?;
    }
    Ok(listing)
}
