//! What making a bundle takes, wherever its images come from.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use crate::bundle::check::Trust;
use crate::bundle::contents::Contents;
use crate::bundle::cut::{Cut, ToCut};
use crate::bundle::docker::{self, Configs};
use crate::bundle::draft::{BlobOrder, Draft, Proven};
use crate::bundle::head::{Head, MAX_CONFIG, small_configs};
use crate::medium::Medium;
use crate::places::at_hand::AtHand;
use crate::storage::reading::read_small;
use crate::storage::store::BlobSources;
use crate::tools::pace::Jobs;
use crate::tools::parallel;
use crate::tools::room;
use crate::tools::uncached::ReadBack;
use crate::words::cancel::Cancel;
use crate::words::document::{Descriptor, Kind};
use crate::words::error::{Result, Side};
use crate::words::progress::{Event, Progress, Silent};
use crate::work::plan::{Count, PlaceRoom, PlanSizes};
use crate::work::transfer::{Fetched, fetch, fetch_in_turn, name_images};

/// The configs that are small enough to be looked into, from what is here or the source.
pub(super) fn read_configs(
    contents: &Contents,
    sources: &dyn BlobSources,
    draft: Option<&Draft>,
    at_hand: &AtHand,
    jobs: usize,
    cancel: &Cancel,
) -> Result<(Configs, Count, Count)> {
    let sources = (contents, sources, draft, at_hand);
    read_these_configs(small_configs(contents), sources, jobs, cancel)
}

/// As [`read_configs`], of those alone that tell what images run on: where an index lists it, none.
pub(super) fn read_telling_configs(
    contents: &Contents,
    sources: &dyn BlobSources,
    at_hand: &AtHand,
    jobs: usize,
    cancel: &Cancel,
) -> Result<Configs> {
    let mut telling = BTreeSet::new();
    for image in &contents.images {
        let listed = contents.listed_for(image.digest);
        let mut untold = contents.manifests(image.digest);
        untold.retain(|manifest| !listed.contains_key(&manifest.descriptor().digest));
        telling.extend(untold.into_iter().filter_map(|manifest| match manifest.kind() {
            Kind::Manifest { config: Some(config), .. } => Some(config.digest),
            _ => None,
        }));
    }
    let mut small = small_configs(contents);
    small.retain(|config| telling.contains(&config.digest));
    let sources = (contents, sources, None, at_hand);
    read_these_configs(small, sources, jobs, cancel).map(|(configs, ..)| configs)
}

/// What configs are read from: the images, their sources, what was left of an export, and what is here.
type ConfigSources<'s> = (&'s Contents, &'s dyn BlobSources, Option<&'s Draft>, &'s AtHand);

fn read_these_configs(
    mut small: Vec<&Descriptor>,
    (contents, sources, draft, at_hand): ConfigSources<'_>,
    jobs: usize,
    cancel: &Cancel,
) -> Result<(Configs, Count, Count)> {
    // In the order of the source, which may be a stream.
    let position =
        |blob: &Descriptor| sources.source_of(&blob.digest).map(|it| it.0.position(blob));
    small.sort_by_cached_key(|blob| position(blob).unwrap_or(0));
    let read = parallel::map(jobs, &small, |blob| {
        let here = match draft.and_then(|draft| left_behind(draft, blob)) {
            None => at_hand.small(blob, MAX_CONFIG, cancel)?,
            left => left,
        };
        match here {
            Some(bytes) => Ok((bytes, true)),
            None => {
                let (source, place) = sources.source_of(&blob.digest)?;
                let read = read_small(source, blob, MAX_CONFIG, &format!("source {place}"), cancel);
                let read = read.map_err(|e| e.on_unless_noted(Side::Source));
                Ok((read.map_err(|e| name_images(e, blob, contents))?, false))
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

/// Fills in what each image runs on, as its configs say, beside what is known already. What an index
/// lists for several platforms counts for all of those.
pub(super) fn set_platforms(contents: &mut Contents, configs: &Configs) {
    set_platforms_listed(contents, configs, 2);
}

/// As [`set_platforms`], where those configs alone were read that tell what no index lists.
pub(super) fn set_told_platforms(contents: &mut Contents, telling: &Configs) {
    set_platforms_listed(contents, telling, 1);
}

/// Where an index lists a manifest for at `least` so many platforms, those count, too.
fn set_platforms_listed(contents: &mut Contents, configs: &Configs, least: usize) {
    let platforms: Vec<_> = contents
        .images
        .iter()
        .map(|image| {
            let manifests = contents.manifests(image.digest);
            let all = manifests.iter().filter_map(|m| docker::platform(m, configs));
            let listed = contents.listed_for(image.digest);
            let listed = listed.into_values().filter(|platforms| platforms.len() >= least);
            let known: BTreeSet<_> = all
                .chain(listed.flatten().cloned())
                .chain(image.platforms.iter().cloned())
                .filter(|platform| !platform.is_unknown())
                .collect();
            known.into_iter().collect()
        })
        .collect();
    for (image, platforms) in contents.images.iter_mut().zip(platforms) {
        image.platforms = platforms;
    }
}

/// Refuses what would have a file that is too large for where it goes: the packed one, or the
/// largest layer's.
pub(super) fn too_large(output: &Medium, head: &Head) -> Result<()> {
    Draft::check(output, head)?;
    let (size, what) = Draft::largest_file(output, head);
    room::check_file(output.ground(), size, &what)
}

/// Refuses what does not fit on the disk of `output`, of which `needed` bytes are to come.
pub(super) fn no_room(output: &Path, needed: u64) -> Result<()> {
    room::check(output, needed, "for the bundle").map_err(|e| {
        e.hint("free some, or name an output on another disk; the export goes on from here")
    })
}

/// The layers that are not there yet. What is there was hashed again.
pub(super) fn missing_layers(
    draft: &Draft,
    layers: &[Descriptor],
    jobs: usize,
    progress: &dyn Progress,
    reused: &mut Count,
) -> Result<Vec<Descriptor>> {
    let bytes = total(layers);
    let items = layers.len() as u64;
    progress.event(Event::Phase { name: "looking for what is there", bytes, items });
    let there = parallel::map(jobs, layers, |layer| {
        // Another export's leftovers are copied to their new place, and checked on the way.
        Ok(draft.holds(layer, progress)? || draft.take_over(layer, progress)?)
    })?;
    progress.event(Event::Done);
    let mut missing = Vec::new();
    for (layer, there) in layers.iter().zip(there) {
        match there {
            true => reused.add(layer),
            false => missing.push(layer.clone()),
        }
    }
    Ok(missing)
}

/// Copies the layers of `head`, which `contents` needs, from `sources` to their place in `draft`, but for those
/// that are there: these are added to `reused`.
pub(super) fn copy_layers(
    draft: &Draft,
    head: &Head,
    (contents, sources): (&Contents, &dyn BlobSources),
    jobs: Jobs,
    progress: &dyn Progress,
    reused: &mut Count,
) -> Result<Fetched> {
    let missing = missing_layers(draft, &head.layers, jobs.large, progress, reused)?;
    no_room(draft.place(), draft.needs(&missing))?;
    match draft.order() {
        BlobOrder::Any => fetch(contents, sources, &missing, draft.sink(), jobs, progress),
        // What is written front to back has one writer.
        _ => fetch_in_turn(contents, sources, &missing, draft.sink(), progress),
    }
}

/// Says that what an interrupted run left is of no use.
pub(super) fn tell_anew(draft: &Draft, progress: &dyn Progress) {
    if draft.begins_anew() {
        let text = "what an interrupted run left is encrypted, and its key was kept nowhere: it is begun \
                    anew";
        progress.event(Event::note(text));
    }
}

/// Into how many volumes a bundle of `head` is cut on `output`, where it is.
pub(super) fn volumes(output: &Medium, head: &Head) -> Result<Option<usize>> {
    let cut = output.cutting().map(|by| Cut::of(&ToCut::of(head), by)).transpose()?;
    Ok(cut.map(|cut| cut.0.len()))
}

/// Refuses what has no room on `output`, of which an interrupted run `left` so many bytes. Media that are
/// changed are asked one by one, when they are there.
pub(super) fn no_room_for(output: &Medium, head: &Head, left: u64) -> Result<()> {
    match output.drive() {
        Some(_) => Ok(()),
        None => no_room(output.path(), Draft::size(output, head).saturating_sub(left)),
    }
}

/// What a bundle of `head` takes on `output`, of which an interrupted run `left` so many bytes.
pub(super) fn sizes(output: &Medium, head: &Head, left: u64) -> PlanSizes {
    let carry = Draft::size(output, head);
    let write = carry.saturating_sub(left);
    let at_once = match output.drive() {
        Some(_) => Draft::largest_file(output, head).0,
        None => write,
    };
    let room = vec![PlaceRoom::on_disk(output.ground(), at_once)];
    PlanSizes { carry, write, room, ..PlanSizes::default() }
}

/// Reads the finished bundle back from its medium, if that `is_asked`, and says how where that is not
/// from the device.
pub(super) fn read_back(
    is_asked: bool,
    proven: &Proven,
    trust: &Trust,
    progress: &dyn Progress,
) -> Result<Option<ReadBack>> {
    if !is_asked {
        return Ok(None);
    }
    let way = proven.read_back(trust, parallel::all_cores(), progress)?;
    tell(way, progress);
    Ok(way)
}

/// Says what is to be known of how a bundle was read back.
pub(super) fn tell(way: Option<ReadBack>, progress: &dyn Progress) {
    let encrypted =
        "the bundle is encrypted, and was read as the system has it, not past its memory";
    if let Some(caveat) = way.map_or(Some(encrypted), ReadBack::caveat) {
        progress.event(Event::note(caveat));
    }
}

fn total(blobs: &[Descriptor]) -> u64 {
    blobs.iter().fold(0, |sum, blob| sum.saturating_add(blob.size))
}
