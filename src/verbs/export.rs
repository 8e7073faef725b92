//! `export`: chosen images into a signed bundle.

mod archive_folder;
mod change;
mod chart_images;
mod charts;
mod heard;
mod in_turn;
mod layers;
mod misnamed;
mod names;
mod open_places;
mod quota;
mod readable;
mod request;
mod reuse;
mod roots;
mod scanned;
mod signed;
mod since;
mod sources;
mod summary;
mod surveyed;
mod there;

use self::layers::bring;
pub use self::misnamed::misnamed;
pub(super) use self::open_places::OpenPlaces;
use self::readable::Gathered;
pub use self::request::Request;
use self::scanned::{Scanned, scan};
pub use self::since::Since;
pub(super) use self::sources::open;
pub use self::summary::Summary;
use self::summary::{held, volume_dir};
pub(super) use self::surveyed::{contents_of, names_of, survey};
use self::there::There;
use crate::bundle::blob_list::BlobList;
use crate::bundle::check::{self, Trust};
use crate::bundle::contents::{Contents, Reason};
use crate::bundle::docker::Configs;
use crate::bundle::draft::{BlobOrder, Draft};
use crate::bundle::head::Head;
use crate::bundle::keys::{KeyId, PrivateKey};
use crate::bundle::known::Known;
use crate::bundle::ledger::LedgerVerb;
use crate::bundle::limits;
use crate::bundle::statement::Predicate;
use crate::places::at_hand::AtHand;
use crate::places::registry::Client;
use crate::tools::ground;
use crate::verbs::admission::PartReading;
use crate::verbs::making::{
    no_room_for, read_back, read_configs, set_platforms, sizes, tell_anew, too_large, volumes,
};
use crate::verbs::numbered;
use crate::verbs::protect::{self, Protected};
use crate::verbs::recording::LedgerRun;
use crate::words::document::{Descriptor, Kind};
use crate::words::error::Result;
use crate::words::phrase::phrase;
use crate::words::platform::Platform;
use crate::words::progress::{Event, Progress};
use crate::words::remedy::Remedy;
use crate::work::graph::{self, Selection};
use crate::work::plan::Count;
use crate::work::transfer;
use crate::work::weights::Weights;

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
    let keeper = request.ledger.as_ref().filter(|_| !request.dry_run);
    let run = LedgerRun::new(keeper, LedgerVerb::Export);
    run.expect(|event| event.bundle = Some(request.output.path().display().to_string()));
    let result = make(request, key, &run, client, progress);
    run.end(result, progress, |summary, event| (summary.noted(event), None))
}

/// As [`export`], which notes how this `run` ended.
fn make(
    request: &Request,
    key: PrivateKey,
    run: &LedgerRun<'_>,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Summary> {
    // 1. Where to, is it free, and can anything be made there? May this key sign it?
    run.check()?;
    let tools = request.scans.tools(&progress.handle())?;
    protect::possible(&request.output, request.redundancy)?;
    let roots = roots::carried(request, key.public())?;
    let there = There::look(request, key.public())?;
    let mut turn = match there {
        Some(_) => None,
        None => {
            ground::check(request.output.path())?;
            numbered::turn(request.stream.as_ref(), key.public(), request.dry_run)?
        }
    };

    // 2. What does the other side hold, and what is on this one already? Where from, and what belongs
    //    to the images?
    let known = since::ask(&request.since, key.public(), &request.since_keys, progress)?;
    since::tell_streamless(request.stream.is_some(), &known, progress);
    let at_hand = reuse::list(request, there.is_some(), key.public(), progress)?;
    let OpenPlaces { origins, wanted, faults, unreadable } =
        sources::open(request, &at_hand, client, progress)?;
    request.admission.of_names(&wanted, request.created_at)?;
    limits::room_for(wanted.iter().map(|wanted| (wanted.name.kept(), wanted.text.as_str())))?;
    quota::look_ahead(&wanted, client, progress);
    let found = graph::find(&origins, &wanted, request.jobs.most, progress)?;
    let mut images = Gathered::new(wanted, found.roots, unreadable);
    let faults = images.take_faults(faults, found.faults, request);
    readable::all_there(faults, request)?;
    let (mut graph, skipped) = {
        let elsewhere = |blob: &Descriptor| {
            at_hand.may_have(blob) || known.iter().any(|it| it.blobs.contains(&blob.digest))
        };
        readable::walk(&origins, images, request, &elsewhere, progress)?
    };
    let screenings = signed::screen(request, &graph, &at_hand, progress)?;

    // 3. What do the images run on, and what did an interrupted export leave?
    // Where it left nothing, nothing is made before the images are let in.
    let is_new = there.is_none() && !request.dry_run;
    let begin = || Draft::open(&request.output);
    let is_left = is_new && Draft::left(&request.output)? > 0;
    let mut draft = is_left.then(begin).transpose()?;
    let (configs, mut reused, mut fetched) = read_configs(
        &graph.contents,
        &graph,
        draft.as_ref(),
        &at_hand,
        request.jobs.most,
        &progress.handle(),
    )?;
    refuse_unlike(&graph.contents, &configs)?;
    set_platforms(&mut graph.contents, &configs);
    check_selection(&graph.contents, &request.select, progress)?;
    graph.contents.about_foreign().for_each(|text| progress.event(Event::note(text)));

    graph.contents.roots = roots;
    let base = Known::leave_out(&known, &mut graph.contents);
    let held = held(&graph.contents);
    drop(known);
    let (from, cancel) = ((&*at_hand, &graph as _), progress.handle());
    let reading = PartReading::of_sources(&configs, from, request.jobs.most, &cancel);
    let admitted = request.admission.of_contents(&graph.contents, &reading, request.created_at)?;
    drop(reading);
    run.know(|event| admitted.enter(event));
    let predicate = Predicate::of(&graph.contents, request.created_at, request.expires_at)
        .without([skipped, request.missing.clone()].concat())
        .screened([screenings, admitted.screenings].concat())
        .locked(request.locks.clone())
        .upon(base);

    if let Some(mut there) = there {
        match there.difference(request, &predicate) {
            None => {
                let read_back = there.read_back(request, progress)?;
                let same = there.same(request, graph.contents, predicate)?;
                request.tidy_up()?;
                return Ok(Summary { read_back, recovery: spare(request, progress)?, ..same });
            }
            Some(error) if !request.update => return Err(error),
            Some(_) => {
                turn = numbered::turn(request.stream.as_ref(), key.public(), request.dry_run)?;
            }
        }
        if !request.dry_run {
            draft = Some(Draft::update(&request.output)?);
        }
    }

    // 4. Have it scanned, describe and sign: all digests are known, and so is all that a reader will ask for.
    if is_new
        && draft.is_none()
        && (request.scans.is_empty() || Draft::takes_ahead(&request.output))
    {
        draft = Some(begin()?);
    }
    let layers = match request.scans.is_empty() {
        true => Vec::new(),
        false => Head::make(&graph.contents, &configs, &predicate, &key).layers,
    };
    let (making, from) = ((draft.as_ref(), &layers[..]), (&*at_hand, &graph));
    let Scanned { screenings, came } = scan(request, &tools, making, from, progress, &mut reused)?;
    if is_new && draft.is_none() {
        draft = Some(begin()?);
    }
    let predicate = predicate.screened_too(screenings);
    let (left, in_place) = (draft.as_ref(), request.update);
    let predicate = numbered::next(predicate, turn.as_ref(), left, key.public(), in_place);
    let mut head = Head::make(&graph.contents, &configs, &predicate, &key);
    if draft.as_ref().is_some_and(|draft| draft.order() == BlobOrder::OfSources) {
        transfer::sort(&mut head.layers, &graph)?;
    }
    draft.iter().for_each(|draft| tell_anew(draft, progress));
    let signer = key.public().clone();
    match draft.as_mut() {
        Some(draft) => draft.keep_key(key),
        None => drop(key),
    }
    if draft.is_some() {
        // From here on the head has the list of what is to be fetched.
        graph.contents.blobs = BlobList::default();
    }
    check::promise(&head, &signer)?;
    too_large(&request.output, &head)?;
    reuse::tell(&at_hand, progress);
    let volumes = volumes(&request.output, &head)?;
    let Some(mut draft) = draft else {
        let left = if request.update {
            reuse::passing(&head.layers, &at_hand)
        } else {
            Draft::left(&request.output)?
        };
        no_room_for(&request.output, &head, left)?;
        let sizes = sizes(&request.output, &head, left);
        let change = change::change(request, &graph.contents)?;
        let dry = dry(request, graph.contents, &at_hand, predicate, signer.id());
        return Ok(Summary { change, volumes, ..dry.with(sizes) });
    };
    reuse::share_head(&draft, &at_hand, &head)?;
    draft.begin(&head)?;

    // 5. Take what is here, and fetch what is missing, straight to its place.
    let from = (&*at_hand, &graph);
    let more = match came {
        Some(more) => more,
        None => bring(request, &draft, &head.layers, from, progress, &mut reused)?,
    };
    fetched.join(more.came);

    let statement = head.statement;
    let (images, referrers) = (graph.contents.images, graph.contents.referrers.len());
    // What is held of the manifests is read once more, from the disk, to be checked.
    drop((head, graph.contents.documents, configs));

    // 6. Only now, and checked as its readers will check it, does it get its name.
    let proven = draft.prove(&signer)?;
    let read_back =
        read_back(request.verify_media, &proven, &Trust::Keys(vec![signer.clone()]), progress)?;
    let skipped = predicate.skipped.len() as u64;
    run.know(|event| request.overrides(skipped).for_each(|it| event.overrides.push(it)));
    numbered::name(proven, turn.as_ref(), &request.output, (run, &signer))?;

    // 7. What makes damage good lies beside it, and is no part of it.
    let recovery =
        request.redundancy.map(|it| protect::add_to_finished(&request.output, it, progress));
    let recovery = recovery.transpose()?;
    Ok(Summary {
        ok: true,
        bundle: request.output.clone(),
        images,
        position: predicate.position(),
        skipped: predicate.skipped,
        screenings: predicate.screenings,
        locks: predicate.locks,
        referrers,
        fetched,
        reused,
        continued: more.continued,
        held,
        leans_on: predicate.base.map(|base| base.on).unwrap_or_default(),
        key: signer.id(),
        statement: Some(statement),
        dry_run: false,
        already_complete: false,
        volumes,
        volume_dir: volume_dir(&request.output),
        read_back,
        recovery,
        sizes: None,
        change: None,
        weights: None,
    })
}

/// Makes recovery data for the bundle that was there already, where that is asked for and is not there. Its
/// layers were not read for that.
fn spare(request: &Request, progress: &dyn Progress) -> Result<Option<Protected>> {
    let Some(redundancy) = request.redundancy.filter(|_| !request.dry_run) else { return Ok(None) };
    let wanted = protect::Request { redundancy, ..protect::Request::new(request.output.clone()) };
    protect::protect(&wanted, progress).map(|made| Some(made.protected))
}

fn dry(
    request: &Request,
    contents: Contents,
    at_hand: &AtHand,
    predicate: Predicate,
    key: KeyId,
) -> Summary {
    let (mut fetched, mut reused) = (Count::default(), Count::default());
    for blob in contents.blobs.carried() {
        if at_hand.may_have(blob) { &mut reused } else { &mut fetched }.add(blob);
    }
    let (held, weights) = (held(&contents), Some(Weights::of(&contents)));
    Summary {
        ok: true,
        bundle: request.output.clone(),
        images: contents.images,
        position: predicate.position(),
        skipped: predicate.skipped,
        screenings: predicate.screenings,
        locks: predicate.locks,
        referrers: contents.referrers.len(),
        fetched,
        reused,
        continued: 0,
        held,
        leans_on: predicate.base.map(|base| base.on).unwrap_or_default(),
        key,
        statement: None,
        dry_run: true,
        already_complete: false,
        volumes: None,
        volume_dir: volume_dir(&request.output),
        read_back: None,
        recovery: None,
        sizes: None,
        change: None,
        weights,
    }
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

#[cfg(test)]
mod tests;
