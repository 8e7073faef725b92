//! `import` into archives: one file for all images, a file an image, or a stream.

mod file;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::file::ArchiveFile;
use super::filing::Filing;
use super::halt::Halt;
use super::job::Job;
use super::landing::Landing;
use super::outcome::Outcome;
use super::portion::listing;
use super::read_back::read_back;
use super::request::Request;
use super::single::{Single, single_platform};
use super::surveyed::{self, Surveyed};
use super::there_now::{CameAs, ThereNow};
use crate::bundle::contents::Contents;
use crate::bundle::docker::to_json;
use crate::bundle::subset::Referring;
use crate::places::layout::archive::{Archive, ArchiveContents, OldFile, look};
use crate::places::location::{ArchiveFormat, is_stream};
use crate::storage::store::ImageSink;
use crate::tools::file::sweep;
use crate::tools::folder::{Folder, SHARED};
use crate::tools::ground;
use crate::tools::pace::Jobs;
use crate::words::at::At;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::packing::Packing;
use crate::words::phrase::phrase;
use crate::words::progress::Event;
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;
use crate::work::clash::Clash;
use crate::work::plan::{
    Delivery, MissingBlob, Obstacle, OnExisting, PlaceRoom, Plan, RepositoryPlan,
};
use crate::work::template::Template;
use crate::work::transfer::{self, Carrier, Tally, Unfinished};

/// Archives at a path, as a destination.
pub(super) struct ToArchives<'d> {
    /// Their kind.
    pub(super) format: ArchiveFormat,
    /// One file, a folder, or standard output.
    pub(super) path: &'d Path,
}

impl Landing for ToArchives<'_> {
    fn path(&self) -> Option<&Path> {
        (!is_stream(self.path)).then_some(self.path)
    }

    fn is_one_file(&self) -> bool {
        !is_folder(self.path)
    }

    /// What went to standard output is with whoever reads that.
    fn can_be_read(&self) -> bool {
        !is_stream(self.path)
    }

    fn look_back(
        &self,
        job: Job<'_>,
        names: Vec<Reference>,
        came_as: CameAs<'_>,
    ) -> Result<ThereNow, Halt> {
        let (archives, deliveries) = AtArchives::look(job, self.format, self.path, names, false)?;
        Ok(read_back(&archives, &deliveries, came_as)?)
    }

    fn land(&self, job: Job<'_>, names: Vec<Reference>) -> Result<Outcome, Halt> {
        let (archives, deliveries) = AtArchives::look(job, self.format, self.path, names, false)?;
        surveyed::land(&archives, &deliveries)
    }
}

/// Archives that were looked at. Each file appears when it is whole; those that were
/// finished before a failure stay, and the same import leaves them as they are.
pub(super) struct AtArchives<'i> {
    job: Job<'i>,
    path: &'i Path,
    contents: Cow<'i, Contents>,
    files: Vec<ArchiveFile>,
    /// How large each of them gets.
    rooms: Vec<u64>,
    /// Those that hold something else and are left as they are.
    left: Vec<At<RepositoryPlan>>,
    /// What is known to be in the way.
    obstacles: Vec<Obstacle>,
    /// Configs that they cannot be made without, and that nobody has.
    unread: Vec<MissingBlob>,
}

impl<'i> AtArchives<'i> {
    /// Those of the kind `format` at `path`: which file each image goes to, and what is there now. They list
    /// each under its digest as well where it is to be found `by_digest`.
    ///
    /// # Errors
    /// For names that give no files, and when what is there cannot be read.
    pub(super) fn look(
        job: Job<'i>,
        format: ArchiveFormat,
        path: &'i Path,
        mut to: Vec<Reference>,
        by_digest: bool,
    ) -> Result<(AtArchives<'i>, Vec<Delivery>), Halt> {
        // 1. What fits: a docker archive holds one platform of each image, and images only.
        let (single, mut obstacles) = match format {
            ArchiveFormat::Docker => {
                let (single, obstacles) = narrow(job, &mut to)?;
                (Some(single), obstacles)
            }
            ArchiveFormat::Oci => (None, Vec::new()),
        };
        let contents = single.as_ref().map_or(job.contents, |single| &single.contents);

        // 2. The files, and what stands in their place.
        if let Some(folder) = folder_of(path) {
            ground::folder(&folder)?;
        }
        let request = job.request;
        let files = files(request, &request.filing, path, contents, to)?;
        let (mut deliveries, mut rooms) = (Vec::new(), Vec::new());
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        let referring = Referring::among(contents);
        for (at, file) in At::along(&files) {
            job.progress.check()?;
            let docker = single.as_ref().map(|single| to_json(&single.entries(&file.images)));
            let listed = file.listed(contents, by_digest);
            let (listing, referrers) = listing(contents, &referring, &listed, docker)?;
            rooms.push(listing.size());
            let (sink, found) = open(&job, file, listing)?;
            if let OldFile::Other { what, .. } = found {
                match request.existing {
                    OnExisting::Skip => left.push(at),
                    OnExisting::Overwrite => {}
                    _ => taken.push(format!("{} {what}", file.name())),
                }
            }
            let (images, sink): (_, Box<dyn ImageSink>) = (file.images.clone(), Box::new(sink));
            let is_file = true;
            let to = Delivery::to(sink, file.name());
            deliveries.push(Delivery { images, referrers, is_file, ..to });
        }
        obstacles.extend(in_the_way(taken));
        let (contents, unread) = match single {
            Some(single) => (Cow::Owned(single.contents), single.unread),
            None => (Cow::Borrowed(job.contents), Vec::new()),
        };
        let there = AtArchives { job, path, contents, files, rooms, left, obstacles, unread };
        Ok((there, deliveries))
    }
}

/// What of the contents of `job` fits into docker archives, under the names `to`.
fn narrow(job: Job<'_>, to: &mut [Reference]) -> Result<(Single, Vec<Obstacle>)> {
    let (bundle, wanted) = (&*job.ready.bundle, job.request.platform.as_ref());
    let (single, obstacles) = single_platform(bundle, job.contents, to, wanted, job.progress)?;
    if single
        .contents
        .blobs
        .needed()
        .iter()
        .any(|blob| blob.media_type.packing() == Some(Packing::Zstd))
    {
        let text = "some layers are compressed by zstd, which docker loads from 23.0 on";
        job.progress.event(Event::note(text.to_owned()));
    }
    Ok((single, obstacles))
}

impl Surveyed for AtArchives<'_> {
    type There = dyn ImageSink;

    fn job(&self) -> Job<'_> {
        self.job
    }

    fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Files are taken whole: what becomes of their names is settled.
    fn existing(&self) -> OnExisting {
        OnExisting::Overwrite
    }

    fn questions(&self) -> usize {
        self.job.request.jobs.large
    }

    fn judge(&self, plan: &mut Plan, deliveries: &[Delivery]) -> Result<()> {
        let Job { request, progress, .. } = self.job;
        for at in &self.left {
            plan.leave(*at);
            let name = at.beside(&self.files).name();
            let text = format!("{name} holds something else and is left as it is");
            progress.event(Event::note(text));
        }
        plan.obstacles.extend(self.obstacles.iter().cloned());
        // An archive takes them: they are no obstacle.
        plan.look_for_sparse(&self.contents, deliveries, self.questions(), &progress.handle())?;
        // What they cannot be made without is told with what else their images lack.
        let told: BTreeSet<Digest> = plan.missing.iter().map(|it| it.digest).collect();
        let untold = self.unread.iter().filter(|it| !told.contains(&it.digest)).cloned();
        plan.obstacles.extend(MissingBlob::obstacle(&untold.collect::<Vec<_>>(), None));
        let sent = file::sent(&self.rooms, plan);
        let Some(folder) = folder_of(self.path) else {
            plan.sizes.send = sent;
            return Ok(());
        };
        plan.sizes.write = sent;
        let needed = file::needed(&self.files, &self.rooms, plan);
        plan.sizes.room = vec![PlaceRoom::on_disk(&folder, needed)];
        if !request.dry_run && plan.obstacles.is_empty() {
            sweep(&folder)?;
        }
        let filing = &request.filing;
        let shortage = file::shortage(&folder, filing, self.path, &self.files, &self.rooms, plan);
        plan.obstacles.extend(shortage);
        Ok(())
    }

    fn prepare(&self, _: &mut Plan, _: &[Delivery]) -> Result<()> {
        if let Some(folder) = folder_of(self.path) {
            Folder::make(&folder, SHARED)
                .map_err(|e| Error::io(format!("cannot make {}", folder.display()), e))?;
        }
        Ok(())
    }

    /// File by file, each finished before the next is begun, front to back.
    fn carry(
        &self,
        plan: &mut Plan,
        deliveries: &[Delivery],
        carrier: &Carrier<'_>,
    ) -> Result<(), Unfinished> {
        fill(plan, deliveries, carrier, self.path)
    }
}

/// Fills the files of `deliveries`. Of blobs that are damaged all are told; where the carrier goes on,
/// the files that need none of them are there by then.
fn fill(
    plan: &Plan,
    deliveries: &[Delivery],
    carrier: &Carrier<'_>,
    path: &Path,
) -> Result<(), Unfinished> {
    // What went into a stream cannot be taken back, so that it is read before it is begun.
    if carrier.go_on && is_stream(path) {
        transfer::check(plan, carrier, None)?;
    }
    let mut faults = Vec::new();
    for (at, delivery) in At::along(deliveries) {
        // What is in a file that gets no name does not count.
        let tally = Tally::default();
        let one = Carrier { jobs: Jobs::up_to(1), go_on: false, tally: &tally, ..*carrier };
        let plan = plan.alone(at);
        let done = match faults.is_empty() || carrier.go_on {
            true => transfer::run(&plan, std::slice::from_ref(delivery), &one),
            false => transfer::check(&plan, &one, None),
        };
        match done {
            Ok(()) => carrier.tally.join(tally),
            Err(Unfinished::Blobs(more)) => faults.extend(more),
            whole => return whole,
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Unfinished::blobs(faults)),
    }
}

/// The archives that `path` stands for, with the images that go there.
fn files(
    request: &Request,
    filing: &Filing,
    path: &Path,
    contents: &Contents,
    to: Vec<Reference>,
) -> Result<Vec<ArchiveFile>, Halt> {
    if matches!(request.existing, OnExisting::KeepDigest | OnExisting::DigestTag) {
        let text = "an archive has no images without their names to keep a digest in";
        let error = Error::new(Class::Usage, text).hint(phrase![
            "use ",
            Remedy::Existing,
            " overwrite or skip"
        ]);
        return Err(error.into());
    }
    let images = At::along(to);
    if !is_folder(path) {
        if filing.template.is_some() {
            let text = format!("{} is one file for all images, which has its name", path.display());
            let hint = phrase!["end it with a slash to fill a folder by ", Remedy::NameTemplate];
            return Err(Error::new(Class::Usage, text).hint(hint).into());
        }
        let path = (!is_stream(path)).then(|| path.to_owned());
        return Ok(vec![ArchiveFile { path, images: images.collect() }]);
    }
    let standard = Template::standard(filing.gzip);
    let template = filing.template.as_ref().unwrap_or(&standard);
    let (mut files, mut wrong) = (Vec::new(), Vec::new());
    for (at, to) in images {
        match template.file_name(&to, &at.of(&contents.images).digest) {
            Ok(file) => files.push((file, at, to)),
            Err(error) => wrong.push(Clash::alone(at, error)),
        }
    }
    // A medium from a camera shop tells A and a apart no more than Windows does.
    files.sort_by_cached_key(|(file, ..)| file.to_lowercase());
    let landing = files.iter().map(|(file, at, to)| (*at, to, file.to_lowercase()));
    let landing = landing.map(|(at, to, file)| (at, to, format!("be in the file {file}")));
    let hint = phrase![
        "tell them apart in ",
        Remedy::NameTemplate,
        ", by {tag}, {repo}, {host} or {digest}"
    ];
    wrong.extend(Clash::find(landing, hint));
    if !wrong.is_empty() {
        return Err(Halt::apart(wrong, contents, true));
    }
    let file = |(file, at, to)| ArchiveFile { path: Some(path.join(file)), images: vec![(at, to)] };
    Ok(files.into_iter().map(file).collect())
}

/// Whether `path` is to be filled with a file an image.
fn is_folder(path: &Path) -> bool {
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

/// The sink for a file, and what is there now.
fn open(job: &Job<'_>, file: &ArchiveFile, listing: ArchiveContents) -> Result<(Archive, OldFile)> {
    let Request { bundle, filing, .. } = job.request;
    let gzip = filing.gzip;
    let Some(path) = &file.path else {
        let fault = |e| Error::io("cannot write standard output", e);
        let stdout = filing.stdout.as_ref().map(|stdout| stdout.try_clone()).transpose();
        let Some(stdout) = stdout.map_err(fault)? else {
            return Err(Error::new(Class::Usage, "there is no standard output to write to"));
        };
        let archive = Archive::to_writer(Box::new(stdout), &file.name(), listing, gzip);
        return Ok((archive, OldFile::Nothing));
    };
    if bundle.contains(path) {
        let text = format!("{} is the bundle itself", path.display());
        return Err(Error::new(Class::Usage, text).hint("name another place"));
    }
    let found =
        look(path, &listing, gzip, &job.progress.handle()).map_err(|e| e.context("destination"))?;
    Ok((Archive::at(path, listing, gzip, found.clone()), found))
}

fn in_the_way(taken: Vec<String>) -> Option<Obstacle> {
    let message = format!("the destination has {} with something else", count(taken.len(), "file"));
    let hint = phrase![
        Remedy::Existing,
        " overwrite replaces them, and skip leaves those images behind; or name another place"
    ];
    let obstacle = Obstacle::new(Class::Refused, message, hint).about(taken);
    (!obstacle.findings.is_empty()).then_some(obstacle)
}
