//! `export`: chosen images into a signed bundle.

mod misnamed;
mod names;
mod open_places;
mod quota;
mod readable;
mod request;
mod sources;
mod summary;
mod there;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

pub use self::misnamed::misnamed;
use self::open_places::OpenPlaces;
use self::readable::Gathered;
pub use self::request::Request;
pub use self::summary::Summary;
use self::there::There;
use crate::bundle::blob_list::BlobList;
use crate::bundle::check;
use crate::bundle::contents::{Contents, Reason, Skipped};
use crate::bundle::docker::{self, Configs};
use crate::bundle::draft::Draft;
use crate::bundle::head::{Head, MAX_CONFIG};
use crate::bundle::keys::{KeyId, PrivateKey};
use crate::bundle::limits;
use crate::bundle::statement::Predicate;
use crate::medium::Medium;
use crate::places::registry::Client;
use crate::storage::reading::read_small;
use crate::tools::ground;
use crate::tools::parallel;
use crate::tools::room;
use crate::words::cancel::Cancel;
use crate::words::document::{Descriptor, Kind};
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::platform::Platform;
use crate::words::progress::{Event, Progress, Silent};
use crate::words::remedy::Remedy;
use crate::work::graph::{self, Graph, Selection};
use crate::work::plan::Count;
use crate::work::transfer::{self, name_images};

/// Most bytes of configs that are held in memory; further ones move as layers do. Those of five
/// thousand images have twenty megabytes.
const MAX_CONFIGS: u64 = 48 << 20;

/// Exports as `request` says, signed with `key`, which is wiped from memory as soon as it has
/// signed: layers may take hours after that.
///
/// ```no_run
/// use std::sync::Arc;
/// use std::time::SystemTime;
///
/// use sealift::bundle::keys::PrivateKey;
/// use sealift::places::registry::{Client, Settings};
/// use sealift::verbs::export::{Request, export};
/// use sealift::words::cancel::Cancel;
/// use sealift::words::progress::{Cancellable, Silent};
///
/// // Kept by whoever may want to stop it: `cancel.cancel()`, from any thread.
/// let cancel = Cancel::default();
/// let progress = Arc::new(Cancellable::new(Silent, cancel.clone()));
/// let client = Client::new(Settings::default(), progress.clone())?;
///
/// let images = vec!["alpine:3.20".parse()?];
/// let request = Request::new(images, "june.tar", SystemTime::now().try_into()?);
/// let summary = export(&request, PrivateKey::generate()?, &client, &*progress)?;
/// assert_eq!(summary.images.len(), 1);
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
///
/// # Errors
/// Those of the source (missing images, refused access, wrong bytes) and of the disk. After any
/// of them, `NAME.partial` holds what was finished, and the same call goes on from there.
pub fn export(
    request: &Request,
    key: PrivateKey,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Summary> {
    // 1. Where to, is it free, and can anything be made there?
    let there = There::look(request, key.public())?;
    if there.is_none() {
        ground::check(request.output.path())?;
    }

    // 2. Where from, and what belongs to the images?
    let OpenPlaces { origins, wanted, mut faults, unreadable } =
        sources::open(request, client, progress)?;
    limits::room_for(wanted.iter().map(|wanted| (wanted.name.kept(), wanted.text.as_str())))?;
    quota::look_ahead(&wanted, client, progress);
    let found = graph::find(&origins, &wanted, request.jobs.most, progress)?;
    let mut images = Gathered::new(wanted, found.roots, unreadable);
    faults.extend(images.take_faults(found.faults));
    all_there(faults, request.images.len())?;
    let (mut graph, skipped) = readable::walk(&origins, images, request, progress)?;

    // 3. What do the images run on, and what did an interrupted export leave?
    let draft = match request.dry_run || there.is_some() {
        true => None,
        false => Some(Draft::open(&request.output)?),
    };
    let (configs, mut reused, mut fetched) =
        read_configs(&graph, draft.as_ref(), request.jobs.most, &progress.handle())?;
    refuse_unlike(&graph.contents, &configs)?;
    set_platforms(&mut graph.contents, &configs);
    check_selection(&graph.contents, &request.select, progress)?;
    graph.contents.about_foreign().for_each(|text| progress.event(Event::note(text)));

    if let Some(there) = there {
        return there.same(request, graph.contents, skipped);
    }

    // 4. Describe and sign: all digests are known, and so is all that a reader will ask for.
    let predicate =
        Predicate::of(&graph.contents, request.created_at, request.expires_at).without(skipped);
    let head = Head::make(&graph.contents, &configs, &predicate, &key);
    let signer = key.public().clone();
    drop(key);
    if draft.is_some() {
        // From here on the head has the list of what is to be fetched.
        graph.contents.blobs = BlobList::default();
    }
    check::promise(&head, &signer)?;
    too_large(&request.output, &head)?;
    let Some(mut draft) = draft else {
        let left = Draft::left(&request.output)?;
        no_room(request.output.path(), total(&head.layers).saturating_sub(left))?;
        return Ok(dry(request, graph.contents, predicate.skipped, signer.id()));
    };
    draft.begin(&head)?;

    // 5. Fetch what is missing, straight to its place.
    let missing = missing_layers(&draft, &head, request.jobs.large, progress, &mut reused)?;
    no_room(draft.place(), draft.needs(&missing))?;
    let more = transfer::fetch(&graph, &missing, draft.sink(), request.jobs, progress)?;
    fetched.join(more.came);

    let (signed, statement) = (head.signer, head.statement);
    let (images, referrers) = (graph.contents.images, graph.contents.referrers.len());
    // What is held of the manifests is read once more, from the disk, to be checked.
    drop((head, graph.contents.documents, configs, missing));

    // 6. Only now, and checked as its readers will check it, does it get its name.
    draft.seal(&signer)?;
    Ok(Summary {
        ok: true,
        bundle: request.output.clone(),
        images,
        skipped: predicate.skipped,
        referrers,
        fetched,
        reused,
        continued: more.continued,
        key: signed,
        statement: Some(statement),
        dry_run: false,
        already_complete: false,
    })
}

/// Refuses what would have a file that is too large for where it goes: the packed one, or the
/// largest layer's.
fn too_large(output: &Medium, head: &Head) -> Result<()> {
    let (size, what) = Draft::largest_file(output, head);
    room::check_file(output.path(), size, &what)
}

/// Refuses what does not fit on the disk of `output`, of which `needed` bytes are to come.
fn no_room(output: &Path, needed: u64) -> Result<()> {
    room::check(output, needed, "for the bundle").map_err(|e| {
        e.hint("free some, or name an output on another disk; the export goes on from here")
    })
}

/// Fails with all `faults` of the places and names at once.
fn all_there(faults: Vec<Error>, asked: usize) -> Result<()> {
    let class = faults.first().map_or(Class::Incomplete, Error::class);
    let summary = |count| (class, format!("{count} of the {asked} names asked for cannot be had"));
    Error::all(faults, summary).map_or(Ok(()), Err)
}

fn dry(request: &Request, contents: Contents, skipped: Vec<Skipped>, key: KeyId) -> Summary {
    let mut fetched = Count::default();
    contents.blobs.carried().for_each(|blob| fetched.add(blob));
    Summary {
        ok: true,
        bundle: request.output.clone(),
        images: contents.images,
        skipped,
        referrers: contents.referrers.len(),
        fetched,
        reused: Count::default(),
        continued: 0,
        key,
        statement: None,
        dry_run: true,
        already_complete: false,
    }
}

/// The configs that are small enough to be looked into, from what was left behind or the source.
fn read_configs(
    graph: &Graph<'_>,
    draft: Option<&Draft>,
    jobs: usize,
    cancel: &Cancel,
) -> Result<(Configs, Count, Count)> {
    let configs = graph.contents.configs();
    let mut small: Vec<&Descriptor> = graph
        .contents
        .blobs
        .needed()
        .iter()
        .filter(|blob| configs.contains(&blob.digest) && blob.size <= MAX_CONFIG)
        .collect();
    let mut room = MAX_CONFIGS;
    small.retain(|blob| {
        let fits = blob.size <= room;
        room -= if fits { blob.size } else { 0 };
        fits
    });
    // In the order of the source, which may be a stream.
    let position = |blob: &Descriptor| graph.source_of(&blob.digest).map(|it| it.0.position(blob));
    small.sort_by_cached_key(|blob| position(blob).unwrap_or(0));
    let read = parallel::map(jobs, &small, |blob| {
        match draft.and_then(|draft| left_behind(draft, blob)) {
            Some(bytes) => Ok((bytes, true)),
            None => {
                let (source, place) = graph.source_of(&blob.digest)?;
                let read = read_small(source, blob, MAX_CONFIG, &format!("source {place}"), cancel);
                Ok((read.map_err(|e| name_images(e, blob, &graph.contents))?, false))
            }
        }
    })?;
    let (mut reused, mut fetched) = (Count::default(), Count::default());
    let mut bytes = BTreeMap::new();
    for (blob, (content, old)) in small.into_iter().zip(read) {
        if old { &mut reused } else { &mut fetched }.add(blob);
        bytes.insert(blob.digest, content.into());
    }
    Ok((bytes, reused, fetched))
}

/// The bytes of `blob` in an unfinished export, if they are there and right.
fn left_behind(draft: &Draft, blob: &Descriptor) -> Option<Vec<u8>> {
    let reader = draft.found().open(blob, 0).ok()?;
    let mut bytes = Vec::new();
    reader.verified(blob, "", &Silent).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Refuses images whose manifests and configs are for another number of layers.
fn refuse_unlike(contents: &Contents, configs: &Configs) -> Result<()> {
    let mut documents = contents.documents.values();
    documents.try_for_each(|document| match document.kind() {
        Kind::Manifest { config: Some(config), .. } => match configs.get(&config.digest) {
            Some(bytes) => readable::refuse_unlike(contents, document, bytes),
            None => Ok(()),
        },
        _ => Ok(()),
    })
}

/// Fills in what each image runs on, as its configs say. What an index lists for several platforms
/// counts for all of those.
fn set_platforms(contents: &mut Contents, configs: &Configs) {
    let platforms: Vec<_> = contents
        .images
        .iter()
        .map(|image| {
            let manifests = contents.manifests(image.digest);
            let all = manifests.iter().filter_map(|m| docker::platform(m, configs));
            let listed = contents.listed_for(image.digest);
            let several = listed.into_values().filter(|platforms| platforms.len() > 1);
            let known: BTreeSet<_> = all
                .chain(several.flatten().cloned())
                .filter(|platform| !platform.is_unknown())
                .collect();
            known.into_iter().collect()
        })
        .collect();
    for (image, platforms) in contents.images.iter_mut().zip(platforms) {
        image.platforms = platforms;
    }
}

/// An image that has none of the selected platforms is a wrong selection; one that lacks some is
/// taken, but not in silence. Nor is an index that was not carried whole.
fn check_selection(contents: &Contents, select: &Selection, progress: &dyn Progress) -> Result<()> {
    let mut nothing = Vec::new();
    for image in contents.images.iter().filter(|_| !select.platforms.is_empty()) {
        let there: Vec<String> = image.platforms.iter().map(ToString::to_string).collect();
        let lacks = |wanted: &&Platform| !image.platforms.iter().any(|there| wanted.takes(there));
        let lacking: Vec<String> =
            select.platforms.iter().filter(lacks).map(ToString::to_string).collect();
        let text = format!("{} is not there for {}", image.name, lacking.join(", "));
        match lacking.len() {
            _ if there.is_empty() || lacking.is_empty() => {}
            n if n == select.platforms.len() => nothing.push((image.name.to_string(), there)),
            _ => progress.event(Event::note(text)),
        }
        if image.left_out.iter().any(|left| left.reason == Reason::Platform) {
            progress.event(Event::note(phrase![
                format!("the index of {} is kept as it is and names platforms that ", image.name),
                "are left out; docker's registry refuses to import it, ",
                Remedy::RewriteIndex,
                " makes one that it takes"
            ]));
        }
    }
    graph::none_lacks(&select.platforms, nothing)
}

/// The layers that are not there yet. What is there was hashed again.
fn missing_layers(
    draft: &Draft,
    head: &Head,
    jobs: usize,
    progress: &dyn Progress,
    reused: &mut Count,
) -> Result<Vec<Descriptor>> {
    let bytes = total(&head.layers);
    let items = head.layers.len() as u64;
    progress.event(Event::Phase { name: "looking for what is there", bytes, items });
    let there = parallel::map(jobs, &head.layers, |layer| {
        // Another export's leftovers are copied to their new place, and checked on the way.
        Ok(draft.holds(layer, progress)? || draft.take_over(layer, progress)?)
    })?;
    progress.event(Event::Done);
    let mut missing = Vec::new();
    for (layer, there) in head.layers.iter().zip(there) {
        match there {
            true => reused.add(layer),
            false => missing.push(layer.clone()),
        }
    }
    Ok(missing)
}

fn total(blobs: &[Descriptor]) -> u64 {
    blobs.iter().fold(0, |sum, blob| sum.saturating_add(blob.size))
}

#[cfg(test)]
mod tests;
