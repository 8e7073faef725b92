//! An export never leaves an image behind in silence: what was asked for as a whole (an archive,
//! a layout, a folder of archives) arrives, or is named with the reason.

use super::open_places::{self, Lost, PlaceFault, is_about_content};
use super::request::Request;
use crate::bundle::contents::{Contents, Skipped};
use crate::bundle::docker;
use crate::bundle::head::MAX_CONFIG;
use crate::storage::reading::read_small;
use crate::storage::store::BlobSources;
use crate::words::at::At;
use crate::words::cancel::Cancel;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::{Phrase, phrase};
use crate::words::progress::{Cancellable, Progress, Silent};
use crate::words::remedy::Remedy;
use crate::work::graph::{self, Graph, Origin, Wanted};

/// The images of an export that are there, and those that are lost.
#[derive(Debug)]
pub(super) struct Gathered {
    /// Each with what its name stands for; nothing where that could not be had.
    there: Vec<(Wanted, Option<Document>)>,
    lost: Vec<Lost>,
}

impl Gathered {
    pub(super) fn new(
        wanted: Vec<Wanted>,
        roots: Vec<Option<Document>>,
        lost: Vec<Lost>,
    ) -> Gathered {
        Gathered { there: wanted.into_iter().zip(roots).collect(), lost }
    }

    /// Takes the `faults` of images that may be left behind: those that were asked for with all of a place,
    /// and any where the `request` says so. Gives the others back.
    pub(super) fn take_faults(
        &mut self,
        places: Vec<PlaceFault>,
        faults: Vec<(At<Wanted>, Error)>,
        request: &Request,
    ) -> Vec<Error> {
        let mut others = Vec::new();
        for PlaceFault { source, error } in places {
            match request.skip_missing && is_missing(&error) {
                true => self.lost.push(Lost { image: source.clone(), source, error }),
                false => others.push(error),
            }
        }
        for (at, error) in faults {
            let is_left = |wanted: &Wanted| {
                (wanted.is_one_of_all && is_about_content(&error))
                    || (request.skip_missing && is_missing(&error))
            };
            match self.there.get(at.place()).map(|(wanted, _)| wanted) {
                Some(wanted) if is_left(wanted) => self.lost.push(lost(wanted, error)),
                _ => others.push(error),
            }
        }
        others
    }
}

/// Fails with all `faults` of what `request` names, with a way to go on where some are there and the others are
/// only missing.
pub(super) fn all_there(faults: Vec<Error>, request: &Request) -> Result<()> {
    let asked = request.images.len();
    let has_others = faults.len() < asked && faults.iter().all(is_missing);
    open_places::all_there(faults, asked).map_err(|error| match has_others {
        true if !request.skip_missing => error.hint_too("; ", way_out(Remedy::SkipMissing)),
        _ => error,
    })
}

/// That `remedy` goes on without what cannot be had.
fn way_out(remedy: Remedy) -> Phrase {
    phrase![remedy, " exports the others, and names these in the bundle"]
}

/// Whether `error` says that something is not there, or that nobody may know whether it is: registries
/// answer so for names that they do not have.
fn is_missing(error: &Error) -> bool {
    matches!(error.class(), Class::Incomplete | Class::Refused)
}

fn lost(wanted: &Wanted, error: Error) -> Lost {
    Lost { source: wanted.text.clone(), image: wanted.name.to_string(), error }
}

/// Walks all images, as [`graph::walk`] does, and sees that local places hold all of them, but for
/// blobs that are `elsewhere`. Those that cannot be read are left out if the request says so; what was skipped is given back.
///
/// # Errors
/// Those of the walk. For images of a place that was asked for as a whole, all at once.
pub(super) fn walk<'o>(
    origins: &'o [Origin],
    images: Gathered,
    request: &Request,
    elsewhere: &dyn Fn(&Descriptor) -> bool,
    progress: &dyn Progress,
) -> Result<(Graph<'o>, Vec<Skipped>)> {
    let Gathered { there, mut lost } = images;
    let there = there.into_iter().filter_map(|(wanted, root)| Some((wanted, root?)));
    let (wanted, roots): (Vec<Wanted>, Vec<Document>) = there.unzip();
    let attempt = |wanted: &[Wanted], roots: &[Document], progress: &dyn Progress| {
        let graph = graph::walk(
            origins,
            wanted,
            roots.to_vec(),
            &request.select,
            request.jobs.most,
            progress,
        )?;
        see_all(&graph, request, elsewhere, progress)?;
        Ok(graph)
    };
    let error = match attempt(&wanted, &roots, progress) {
        Ok(graph) if lost.is_empty() => return Ok((graph, Vec::new())),
        Err(error) if !is_about_content(&error) => return Err(error),
        whole => whole.err(),
    };
    let (mut kept, mut kept_roots) = (wanted, roots);
    let silent = Cancellable::new(Silent, progress.handle());
    if let Some(error) = error {
        let before = lost.len();
        let (wanted, roots) = (std::mem::take(&mut kept), std::mem::take(&mut kept_roots));
        for (one, root) in wanted.into_iter().zip(roots) {
            let single = (std::slice::from_ref(&one), std::slice::from_ref(&root));
            let alone = match one.is_one_of_all || request.skip_missing {
                true => attempt(single.0, single.1, &silent).err(),
                false => None,
            };
            match alone {
                Some(error)
                    if (one.is_one_of_all && is_about_content(&error))
                        || (request.skip_missing && is_missing(&error)) =>
                {
                    lost.push(self::lost(&one, error));
                }
                _ => {
                    kept.push(one);
                    kept_roots.push(root);
                }
            }
        }
        if lost.len() == before {
            return Err(error);
        }
    }
    let skipped = skip(lost, kept.is_empty(), request)?;
    Ok((attempt(&kept, &kept_roots, progress)?, skipped))
}

/// Leaves `lost` behind, if the request says so and something is left.
///
/// # Errors
/// What is lost, all at once.
fn skip(lost: Vec<Lost>, is_all: bool, request: &Request) -> Result<Vec<Skipped>> {
    if !(request.skip_unreadable || request.skip_missing) || is_all {
        return Err(all(lost, is_all));
    }
    let skipped = lost.into_iter().map(|lost| {
        let reason = lost.error.spelled();
        Skipped { source: lost.source, image: lost.image, reason }
    });
    Ok(skipped.collect())
}

/// Sees that local places hold what `graph` needs and is not `elsewhere`.
fn see_all(
    graph: &Graph<'_>,
    request: &Request,
    elsewhere: &dyn Fn(&Descriptor) -> bool,
    progress: &dyn Progress,
) -> Result<()> {
    for blob in graph.contents.blobs.carried().filter(|blob| !elsewhere(blob)) {
        graph.source_of(&blob.digest)?.0.look(blob).map_err(|e| {
            let users = graph.contents.touched_by(&blob.digest);
            let e = e.details(users.into_iter().map(|name| format!("needed by {name}")));
            match graph::without_attestation(&graph.contents, &request.select, &blob.digest) {
                Some(hint) => e.hint(hint),
                None => e,
            }
        })?;
    }
    look_into_configs(graph, &progress.handle())
}

/// Refuses images of local places whose manifests and configs are for another number of layers. In
/// the order of the source, which may be a stream.
fn look_into_configs(graph: &Graph<'_>, cancel: &Cancel) -> Result<()> {
    let mut local = Vec::new();
    for document in graph.contents.documents.values() {
        if let Kind::Manifest { config: Some(config), .. } = document.kind()
            && config.size <= MAX_CONFIG
        {
            let (source, place) = graph.source_of(&config.digest)?;
            // One that is elsewhere is looked into when it was read from there.
            if source.is_at_hand() && source.look(config).is_ok() {
                local.push((place, source.position(config), source, config, document));
            }
        }
    }
    local.sort_by_key(|(place, position, ..)| (*place, *position));
    for (place, _, source, config, document) in local {
        let bytes = read_small(source, config, MAX_CONFIG, &format!("source {place}"), cancel)?;
        refuse_unlike(&graph.contents, document, &bytes)?;
    }
    Ok(())
}

/// Refuses an image whose manifest and config are for another number of layers.
///
/// # Errors
/// [`Class::Damaged`], with what needs it.
pub(super) fn refuse_unlike(contents: &Contents, document: &Document, config: &[u8]) -> Result<()> {
    let Some(why) = docker::unlike_config(document, config) else { return Ok(()) };
    let digest = document.descriptor().digest;
    let users = contents.touched_by(&digest);
    Err(Error::new(Class::Damaged, format!("source: image {digest} {why}"))
        .details(users.into_iter().map(|name| format!("needed by {name}")))
        .hint("it is broken where it is, and runs nowhere; build and push or save it again"))
}

/// One error of all: a single one as it is, but with the image's name.
fn all(lost: Vec<Lost>, is_all: bool) -> Error {
    let way_out = way_out(Remedy::SkipUnreadable);
    let first = lost.first().map_or(Class::Incomplete, |lost| lost.error.class());
    let same = lost.iter().all(|lost| lost.error.class() == first);
    let class = if same { first } else { Class::Incomplete };
    let mut lost = lost;
    if lost.len() == 1
        && let Some(Lost { image, error, .. }) = lost.pop()
    {
        let error = match error.names(&image) {
            true => error,
            false => error.context(format!("image {image}")),
        };
        let error = error.subject(Subject::Image(image));
        return if is_all { error } else { error.hint_too("; ", way_out) };
    }
    let text =
        format!("{} of what was asked for cannot be taken, and nothing was written", lost.len());
    let error =
        Error::new(class, text).details(lost.iter().map(
            |lost| match lost.error.names(&lost.image) {
                true => lost.error.spelled(),
                false => format!("{}: {}", lost.image, lost.error.spelled()),
            },
        ));
    let error = match lost.iter().find_map(|lost| lost.error.advice()) {
        Some(hint) => error.hint(hint.clone()),
        None => error,
    };
    let error = error.about(lost.into_iter().map(|lost| Subject::Image(lost.image)));
    if is_all { error } else { error.hint_too("; ", way_out) }
}
