//! `import` into archives: one file for all images, a file an image, or a stream.

pub(super) mod portion;
pub(super) mod single;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::portion::listing;
use self::single::single_platform;
use super::{Halt, Outcome, Ready, Request, names};
use crate::bundle::contents::Contents;
use crate::bundle::docker::to_json;
use crate::bundle::part::referring;
use crate::places::layout::archive::{Archive, Found, Listing, look};
use crate::places::location::{ArchiveFormat, is_stream};
use crate::seams::file::{lies_in, sweep};
use crate::seams::folder::{Folder, SHARED};
use crate::seams::pace::Jobs;
use crate::seams::store::ImageSink;
use crate::seams::{ground, interrupt, room};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::clash::Clash;
use crate::work::plan::{Obstacle, OnExisting, Plan, Scope};
use crate::work::template::Template;
use crate::work::transfer::{self, Carrier, Stop, Tally};

/// How archives are written.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filing {
    /// How the files are called, where each image has one; the standard template if none.
    pub template: Option<Template>,
    /// Whether they are compressed.
    pub gzip: bool,
    /// Standard output, where the path is `-`.
    pub stdout: Option<Arc<File>>,
}

/// One archive that is to be written.
struct Shelf {
    /// Its file; standard output if none.
    path: Option<PathBuf>,
    /// Its images by their place in the contents, with their new names.
    images: Vec<(usize, Reference)>,
}

impl Shelf {
    /// Its name, for people.
    fn name(&self) -> String {
        self.path.as_ref().map_or("standard output".to_owned(), |path| path.display().to_string())
    }
}

/// Imports the `contents` of `bundle` into archives at `path`, written as `filing` says: that of
/// the request, or one whose standard output is the `load` of an engine.
///
/// # Errors
/// As [`import`](super::import). Each file appears when it is whole; those that were finished
/// before a failure stay, and the same import leaves them as they are.
pub(super) fn import(
    request: &Request,
    filing: &Filing,
    (format, path): (ArchiveFormat, &Path),
    ready: &Ready,
    contents: &Contents,
    progress: &dyn Progress,
) -> Result<Outcome, Halt> {
    let bundle = &*ready.bundle;
    // 1. What fits: a docker archive holds one platform of each image, and images only.
    let mut to = names(request, contents)?;
    let (single, obstacles) = match format {
        ArchiveFormat::Docker => {
            let wanted = request.platform.as_ref();
            let (single, obstacles) = single_platform(bundle, contents, &mut to, wanted, progress)?;
            (Some(single), obstacles)
        }
        ArchiveFormat::Oci => (None, Vec::new()),
    };
    let contents = single.as_ref().map_or(contents, |single| &single.contents);
    if format == ArchiveFormat::Docker
        && contents.blobs.iter().any(|b| b.media_type.ends_with("zstd"))
    {
        let text = "some layers are compressed by zstd, which docker loads from 23.0 on".to_owned();
        progress.event(Event::Note(text));
    }

    // 2. Which file each image goes to, and what is there now.
    if let Some(folder) = folder_of(path) {
        ground::folder(&folder)?;
    }
    let shelves = shelves(request, filing, path, contents, to)?;
    let (mut scopes, mut rooms) = (Vec::new(), Vec::new());
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    let referring = referring(contents);
    for (at, shelf) in shelves.iter().enumerate() {
        interrupt::check()?;
        let docker = single.as_ref().map(|single| to_json(&single.entries(&shelf.images)));
        let (listing, referrers) = listing(contents, &referring, &shelf.images, docker)?;
        rooms.push(listing.size());
        let (sink, found) = open(&request.bundle, filing, shelf, listing)?;
        if let Found::Other { what, .. } = found {
            match request.existing {
                OnExisting::Skip => left.push(at),
                OnExisting::Overwrite => {}
                _ => taken.push(format!("{} {what}", shelf.name())),
            }
        }
        let (name, images) = (shelf.name(), shelf.images.clone());
        let there: Box<dyn ImageSink> = Box::new(sink);
        scopes.push(Scope { there, name, path: None, images, referrers, absent: false });
    }

    // 3. What is to be done, and what is in the way. Files are taken whole: what becomes of their
    //    names is settled.
    let statement = ready.statement();
    let mut plan =
        Plan::new(statement, contents, &scopes, OnExisting::Overwrite, request.jobs.large)?;
    for at in left {
        plan.leave(at);
        let text = format!("{} holds something else and is left as it is", shelves[at].name());
        progress.event(Event::Note(text));
    }
    plan.obstacles.extend(obstacles);
    plan.look_for_sparse(contents, &scopes, request.jobs.large)?;
    plan.obstacles.extend(in_the_way(taken));
    if let Some(folder) = folder_of(path) {
        if !request.dry_run && plan.obstacles.is_empty() {
            sweep(&folder)?;
        }
        plan.obstacles.extend(shortage(&folder, filing, path, &shelves, &rooms, &plan));
    }
    if request.dry_run {
        return Ok(Outcome::Planned(plan));
    }
    if let Some(error) = Obstacle::failure(&plan.obstacles) {
        return Err(error.into());
    }

    // 4. Make room for it.
    if let Some(folder) = folder_of(path) {
        Folder::make(&folder, SHARED)
            .map_err(|e| Error::io(format!("cannot make {}", folder.display()), e))?;
    }

    // 5. Do it: file by file, each finished before the next is begun, front to back.
    let carrier = ready.carrier(request, contents, progress);
    fill(&plan, &scopes, &carrier, path).map_err(|stop| Halt::of(stop, contents))?;
    Ok(Outcome::Done(ready.summary(request, plan)))
}

/// Fills the files of `scopes`. Of blobs that are damaged all are told; where the carrier goes on,
/// the files that need none of them are there by then.
fn fill(plan: &Plan, scopes: &[Scope], carrier: &Carrier<'_>, path: &Path) -> Result<(), Stop> {
    // What went into a stream cannot be taken back, so that it is read before it is begun.
    if carrier.go_on && is_stream(path) {
        transfer::check(plan, carrier, None)?;
    }
    let mut faults = Vec::new();
    for (at, scope) in scopes.iter().enumerate() {
        // What is in a file that gets no name does not count.
        let tally = Tally::default();
        let one = Carrier { jobs: Jobs::up_to(1), go_on: false, tally: &tally, ..*carrier };
        let plan = plan.alone(at);
        let done = match faults.is_empty() || carrier.go_on {
            true => transfer::run(&plan, std::slice::from_ref(scope), &one),
            false => transfer::check(&plan, &one, None),
        };
        match done {
            Ok(()) => carrier.tally.join(tally),
            Err(Stop::Blobs(more)) => faults.extend(more),
            whole => return whole,
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Stop::blobs(faults)),
    }
}

/// Why what is to come does not fit into `folder`, if it does not. How much of it gzip saves is not
/// known before.
fn shortage(
    folder: &Path,
    filing: &Filing,
    path: &Path,
    shelves: &[Shelf],
    rooms: &[u64],
    plan: &Plan,
) -> Vec<Obstacle> {
    let sent = shelves.iter().zip(rooms).enumerate().filter(|(at, _)| plan.sends(*at));
    let plain = sent.filter(|_| !filing.gzip);
    let files = plain.map(|(_, (shelf, size))| room::check_file(folder, *size, &shelf.name()));
    let what = format!("at the destination {}", path.display());
    let room = room::check(folder, needed(shelves, rooms, plan), &what)
        .map_err(|e| e.hint("free some, or name a place on another disk"));
    files.chain([room]).filter_map(Result::err).map(|e| Obstacle::known(&e)).collect()
}

/// The archives that `path` stands for, with the images that go there.
fn shelves(
    request: &Request,
    filing: &Filing,
    path: &Path,
    contents: &Contents,
    to: Vec<Reference>,
) -> Result<Vec<Shelf>, Halt> {
    if matches!(request.existing, OnExisting::KeepDigest | OnExisting::DigestTag) {
        let text = "an archive has no images without their names to keep a digest in";
        let error = Error::new(Class::Usage, text).hint("use --on-existing overwrite or skip");
        return Err(error.into());
    }
    let images = to.into_iter().enumerate();
    if !is_folder(path) {
        if filing.template.is_some() {
            let text = format!("{} is one file for all images, which has its name", path.display());
            let hint = "end it with a slash to fill a folder by --name-template";
            return Err(Error::new(Class::Usage, text).hint(hint).into());
        }
        let path = (!is_stream(path)).then(|| path.to_owned());
        return Ok(vec![Shelf { path, images: images.collect() }]);
    }
    let standard = Template::standard(filing.gzip);
    let template = filing.template.as_ref().unwrap_or(&standard);
    let (mut files, mut wrong) = (Vec::new(), Vec::new());
    for (at, to) in images {
        match template.file_name(&to, &contents.images[at].digest) {
            Ok(file) => files.push((file, at, to)),
            Err(error) => wrong.push(Clash::alone(at, error)),
        }
    }
    // A medium from a camera shop tells A and a apart no more than Windows does.
    files.sort_by_cached_key(|(file, ..)| file.to_lowercase());
    let landing = files.iter().map(|(file, at, to)| (*at, to, file.to_lowercase()));
    let landing = landing.map(|(at, to, file)| (at, to, format!("be in the file {file}")));
    let hint = "tell them apart in --name-template, by {tag}, {repo}, {host} or {digest}";
    wrong.extend(Clash::find(landing, hint));
    if !wrong.is_empty() {
        return Err(Halt::apart(wrong, contents, true));
    }
    let shelf = |(file, at, to)| Shelf { path: Some(path.join(file)), images: vec![(at, to)] };
    Ok(files.into_iter().map(shelf).collect())
}

/// Whether `path` is to be filled with a file an image.
pub(super) fn is_folder(path: &Path) -> bool {
    let slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    slash || (path.is_dir() && !is_stream(path))
}

/// The folder that is written into; none for standard output.
fn folder_of(path: &Path) -> Option<PathBuf> {
    match path.parent() {
        _ if is_stream(path) => None,
        _ if is_folder(path) => Some(path.to_owned()),
        Some(parent) if !parent.as_os_str().is_empty() => Some(parent.to_owned()),
        _ => Some(PathBuf::from(".")),
    }
}

/// The sink for a shelf, and what is there now.
fn open(
    bundle: &Path,
    filing: &Filing,
    shelf: &Shelf,
    listing: Listing,
) -> Result<(Archive, Found)> {
    let gzip = filing.gzip;
    let Some(path) = &shelf.path else {
        let fault = |e| Error::io("cannot write standard output", e);
        let stdout = filing.stdout.as_ref().map(|stdout| stdout.try_clone()).transpose();
        let Some(stdout) = stdout.map_err(fault)? else {
            return Err(Error::new(Class::Usage, "there is no standard output to write to"));
        };
        let archive = Archive::to_writer(Box::new(stdout), &shelf.name(), listing, gzip);
        return Ok((archive, Found::Nothing));
    };
    if lies_in(path, bundle) {
        let text = format!("{} is the bundle itself", path.display());
        return Err(Error::new(Class::Usage, text).hint("name another place"));
    }
    let found = look(path, &listing, gzip).map_err(|e| e.context("destination"))?;
    Ok((Archive::at(path, listing, gzip, found.clone()), found))
}

fn in_the_way(taken: Vec<String>) -> Option<Obstacle> {
    let message = format!("the destination has {} with something else", count(taken.len(), "file"));
    let hint = "--on-existing overwrite replaces them, and skip leaves those images behind; or \
                name another place";
    let obstacle =
        Obstacle { class: Class::Refused, message, findings: taken, hint: hint.to_owned() };
    (!obstacle.findings.is_empty()).then_some(obstacle)
}

/// The most bytes that the files need at any moment beyond what is there: each is written beside
/// the one that it replaces.
fn needed(shelves: &[Shelf], rooms: &[u64], plan: &Plan) -> u64 {
    let (mut most, mut grown) = (0, 0);
    for (at, (shelf, size)) in shelves.iter().zip(rooms).enumerate() {
        if !plan.sends(at) {
            continue;
        }
        let old = shelf.path.as_ref().and_then(|path| std::fs::symlink_metadata(path).ok());
        let with = i128::from(*size) + grown;
        most = most.max(with);
        grown = with - old.map_or(0, |old| i128::from(old.len()));
    }
    u64::try_from(most.max(0)).unwrap_or(u64::MAX)
}
