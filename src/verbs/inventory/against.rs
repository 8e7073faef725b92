//! What a place holds of one bundle, and nothing else of it.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{BundleHeld, MissingImage};
use super::request::{Against, Request};
use super::{engine, look};
use crate::bundle::contents::Contents;
use crate::bundle::receipt::HeldContent;
use crate::bundle::record::Record;
use crate::places::location::Place;
use crate::places::registry::{Client, RegistryRepository};
use crate::storage::holdings::{BlobHoldings as _, Holdings as _};
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Reference, Registry, Repository};
use crate::work::mapping::{Mapping, Naming};

/// What of a bundle is held.
pub(super) struct HeldOfBundle {
    pub(super) content: HeldContent,
    pub(super) bundle: BundleHeld,
}

/// What a place has of what a bundle brought.
#[derive(Default)]
struct There {
    /// For each image and each referrer, those of its manifests that are not where it is.
    absent: Vec<Vec<Digest>>,
    /// The blobs that are there.
    blobs: BTreeSet<Digest>,
}

/// An image of the bundle, or what came along with one, in its repository.
struct Root {
    digest: Digest,
    name: Reference,
    /// The manifests and the blobs that it has.
    documents: Vec<Digest>,
    blobs: Vec<Digest>,
}

impl Root {
    /// Leaves it the manifests that are `held`, with what these need, if any is.
    fn keep(&mut self, contents: &Contents, held: &HeldContent) {
        let is_held = |it: &&Document| held.manifests.contains_key(&it.descriptor().digest);
        let kept: Vec<&Document> =
            contents.manifests(self.digest).into_iter().filter(is_held).collect();
        if kept.is_empty() {
            return;
        }
        let parts: BTreeSet<Digest> =
            kept.iter().flat_map(|it| it.children()).map(|child| child.digest).collect();
        self.blobs.retain(|digest| parts.contains(digest));
        self.documents = kept.into_iter().map(|it| it.descriptor().digest).collect();
    }
}

/// Looks for all that `record` tells of at `place`.
///
/// # Errors
/// When the place cannot be asked.
pub(super) fn of_bundle(
    record: &Record,
    against: &Against,
    place: &Place,
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<HeldOfBundle> {
    let contents = record.contents();
    let needed: BTreeMap<Digest, &Descriptor> =
        contents.blobs.needed().iter().map(|blob| (blob.digest, blob)).collect();
    let mut roots = roots(contents, &needed)?;
    let there = match place {
        Place::Registry { registry, path } => {
            let naming = Naming::Registry { registry: registry.clone(), prefix: path.clone() };
            let rules = against.rules.clone();
            let mapping = Mapping { rules, flatten: against.flatten, ..Mapping::new(naming) };
            at_registry((contents, &needed), &roots, &mapping, client, request, progress)?
        }
        Place::Engine(engine) => {
            let held = engine::of_bundle(engine, contents, progress)?;
            // An engine takes of each image what it can run.
            roots.iter_mut().for_each(|root| root.keep(contents, &held));
            of_content(&roots, &held)
        }
        place => of_content(&roots, &look::all(place, request, client, progress)?.content),
    };
    Ok(told(record, &needed, &roots, &there))
}

/// Everything that was brought, by its name.
fn roots(contents: &Contents, needed: &BTreeMap<Digest, &Descriptor>) -> Result<Vec<Root>> {
    let root = |digest: Digest, name: Reference| {
        let all = contents.closure(digest);
        let is_document = |digest: &&Digest| contents.documents.contains_key(digest);
        let documents = all.iter().filter(is_document).copied().collect();
        let blobs = all.iter().filter(|digest| needed.contains_key(digest)).copied().collect();
        Root { digest, name, documents, blobs }
    };
    let images = contents.images.iter().map(|image| Ok(root(image.digest, image.name.clone())));
    let referrers = contents.referrers.iter();
    let referrers = referrers.map(|referrer| Ok(root(referrer.digest, referrer.called()?)));
    images.chain(referrers).collect()
}

/// Asks a registry for each manifest where its image was imported to, and for each blob in all
/// repositories that need it, until one has it.
fn at_registry(
    (contents, needed): (&Contents, &BTreeMap<Digest, &Descriptor>),
    roots: &[Root],
    mapping: &Mapping,
    client: &Client,
    request: &Request,
    progress: &dyn Progress,
) -> Result<There> {
    let mut homes: BTreeMap<(Registry, Repository), RegistryRepository> = BTreeMap::new();
    let (mut of_documents, mut of_blobs) = (BTreeSet::new(), BTreeMap::new());
    let mut keys = Vec::new();
    for root in roots {
        let name = mapping.apply(&root.name)?;
        let key = (name.registry, name.repository);
        homes.entry(key.clone()).or_insert_with(|| client.itself(&key.0, &key.1));
        of_documents.extend(root.documents.iter().map(|digest| (key.clone(), *digest)));
        for digest in &root.blobs {
            of_blobs.entry(*digest).or_insert_with(BTreeSet::new).insert(key.clone());
        }
        keys.push(key);
    }
    let items = (of_documents.len() + of_blobs.len()) as u64;
    progress.event(Event::Phase { name: "looking for what is there", bytes: 0, items });
    let asked: Vec<_> = of_documents.into_iter().collect();
    let found = parallel::map(request.jobs.most, &asked, |(key, digest)| {
        progress.check()?;
        let (Some(home), Some(document)) = (homes.get(key), contents.documents.get(digest)) else {
            return Ok(false);
        };
        let found = home.has_document(document.descriptor())?;
        progress.event(Event::Finished { digest: *digest });
        Ok(found)
    })?;
    let there = asked.iter().zip(found).filter(|(_, found)| *found).map(|(it, _)| it);
    let documents: BTreeSet<_> = there.collect();
    let asked: Vec<_> = of_blobs.into_iter().collect();
    let found = parallel::map(request.jobs.most, &asked, |(digest, keys)| {
        progress.check()?;
        let Some(blob) = needed.get(digest) else { return Ok(false) };
        let mut found = false;
        for home in keys.iter().filter_map(|key| homes.get(key)) {
            found = found || home.has(blob)?;
        }
        progress.event(Event::Finished { digest: *digest });
        Ok(found)
    })?;
    progress.event(Event::Done);
    let blobs = asked.iter().zip(found).filter(|(_, found)| *found).map(|((it, _), _)| *it);
    let absent = |(root, key): (&Root, &(Registry, Repository))| {
        let is_absent = |digest: &&Digest| !documents.contains(&(key.clone(), **digest));
        root.documents.iter().filter(is_absent).copied().collect()
    };
    Ok(There { blobs: blobs.collect(), absent: roots.iter().zip(&keys).map(absent).collect() })
}

/// The same of a place of which all is known.
fn of_content(roots: &[Root], held: &HeldContent) -> There {
    let is_absent = |digest: &&Digest| !held.manifests.contains_key(digest);
    There {
        blobs: held.blobs.keys().copied().collect(),
        absent: roots
            .iter()
            .map(|root| root.documents.iter().filter(is_absent).copied().collect())
            .collect(),
    }
}

/// What is held of the bundle, in its own words.
fn told(
    record: &Record,
    needed: &BTreeMap<Digest, &Descriptor>,
    roots: &[Root],
    there: &There,
) -> HeldOfBundle {
    let contents = record.contents();
    let (mut content, mut missing) = (HeldContent::default(), Vec::new());
    for (root, absent) in roots.iter().zip(&there.absent) {
        let is_held = |digest: &&Digest| there.blobs.contains(digest);
        let documents = root.documents.iter().filter(|digest| !absent.contains(digest));
        for document in documents.filter_map(|digest| contents.documents.get(digest)) {
            content.manifest(document.descriptor().digest, document.descriptor().size);
        }
        for blob in root.blobs.iter().filter(is_held).filter_map(|digest| needed.get(digest)) {
            content.blob(blob.digest, blob.size);
        }
        let mut lacks = absent.clone();
        lacks.extend(root.blobs.iter().filter(|digest| !is_held(digest)));
        match lacks.is_empty() {
            true => {
                content.names.insert((root.digest, root.name.clone()));
            }
            false => missing.push(MissingImage::new(&root.name, lacks)),
        }
    }
    let statement = record.statement();
    let images = contents.images.len() as u64;
    let position = statement.predicate.position();
    let bundle = BundleHeld::of(position, statement.digest, images, missing);
    HeldOfBundle { content, bundle }
}

/// The failure that some of `bundles` are not all held.
#[must_use]
pub fn not_held(bundles: &[BundleHeld]) -> Option<Error> {
    let parts = bundles.iter().flat_map(|bundle| &bundle.missing);
    let details: Vec<String> = parts
        .map(|image| {
            let first = image.lacks.first().map(ToString::to_string).unwrap_or_default();
            match image.lacks.len() {
                1 => format!("{} lacks {first}", image.name),
                more => format!("{} lacks {first} and {} more", image.name, more - 1),
            }
        })
        .collect();
    let lacking = bundles.iter().filter(|bundle| !bundle.complete).count();
    let text = match bundles.len() {
        1 => "the bundle is not all held".to_owned(),
        all => format!("{lacking} of {all} bundles are not all held"),
    };
    (lacking > 0).then(|| {
        Error::new(Class::Incomplete, text)
            .details(details)
            .hint("import it again, or hand on a receipt, which says what is held")
    })
}
