//! `import` into a folder of files: charts and other artifacts as what they were made of.

mod becoming;

use std::path::Path;

use self::becoming::{Becomes, Becoming};
use super::halt::Halt;
use super::job::Job;
use super::landing::Landing;
use super::outcome::Outcome;
use super::read_back::read_back;
use super::request::Request;
use super::surveyed::{self, Surveyed};
use super::there_now::{CameAs, ThereNow};
use crate::bundle::contents::Contents;
use crate::bundle::subset::{Referring, Subset};
use crate::places::files::{FileSet, FileThere, FileToBe};
use crate::storage::store::ImageSink;
use crate::tools::file::sweep;
use crate::tools::{ground, room};
use crate::words::at::At;
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::progress::Event;
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;
use crate::work::clash::Clash;
use crate::work::plan::{
    Delivery, MissingBlob, Obstacle, OnExisting, PlaceRoom, Plan, RepositoryPlan,
};
use crate::work::transfer::{self, Carrier, Unfinished};

/// A folder of files, as a destination.
pub(super) struct ToFiles<'d> {
    /// The folder.
    pub(super) path: &'d Path,
}

impl Landing for ToFiles<'_> {
    fn path(&self) -> Option<&Path> {
        Some(self.path)
    }

    fn check(&self, request: &Request) -> Result<()> {
        if matches!(request.existing, OnExisting::KeepDigest | OnExisting::DigestTag) {
            let text = "a folder of files has no images without their names to keep a digest in";
            let hint = phrase!["use ", Remedy::Existing, " overwrite or skip"];
            return Err(Error::new(Class::Usage, text).hint(hint));
        }
        ground::folder(self.path)
    }

    fn look_back(
        &self,
        job: Job<'_>,
        names: Vec<Reference>,
        came_as: CameAs<'_>,
    ) -> Result<ThereNow, Halt> {
        let (place, deliveries) = AtFiles::look(job, self.path, &names)?;
        Ok(read_back(&place, &deliveries, came_as)?)
    }

    fn land(&self, job: Job<'_>, names: Vec<Reference>) -> Result<Outcome, Halt> {
        let (place, deliveries) = AtFiles::look(job, self.path, &names)?;
        surveyed::land(&place, &deliveries)
    }
}

/// A folder that was looked at.
struct AtFiles<'i> {
    job: Job<'i>,
    path: &'i Path,
    /// The artifacts, without what refers to them.
    contents: Contents,
    /// Those that are left as they are, since something else stands in their place.
    left: Vec<(At<RepositoryPlan>, String)>,
    /// What is known to be in the way.
    obstacles: Vec<Obstacle>,
    /// Configs that charts have no name without, and that nobody has.
    unread: Vec<MissingBlob>,
}

impl<'i> AtFiles<'i> {
    /// The folder `path`: which files each image becomes, and what is there now.
    ///
    /// # Errors
    /// For files that would be one another, and when what is there cannot be read.
    fn look(
        job: Job<'i>,
        path: &'i Path,
        to: &[Reference],
    ) -> Result<(AtFiles<'i>, Vec<Delivery>), Halt> {
        // 1. What becomes of each image?
        let (all, handle) = (job.contents, job.progress.handle());
        let Becoming { sets, mut obstacles, unread } =
            Becoming::of(&*job.ready.bundle, all, job.progress)?;
        let unread = MissingBlob::among(all, &unread);
        let clashes = clashes(&sets, to);
        if !clashes.is_empty() {
            return Err(Halt::apart(clashes, all, true));
        }
        let alone = Subset::of(all, &Referring::default(), &all.images);
        let contents = alone.cut(all, all.images.clone(), Vec::new());

        // 2. What stands in its place?
        let (mut deliveries, mut left, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        for (at, Becomes { document, images, files }) in At::along(sets) {
            let look = |(name, blob)| FileToBe::look(path, name, blob, &handle);
            let files = files.into_iter().map(look).collect::<Result<Vec<_>>>()?;
            let shown = |file: &FileToBe| path.join(&file.name).display().to_string();
            let name = files.first().map(shown).unwrap_or_default();
            let others = files.iter().filter(|file| file.there == FileThere::Other).map(shown);
            let others: Vec<String> = others.collect();
            match job.request.existing {
                OnExisting::Overwrite => {}
                OnExisting::Skip => left.extend(others.into_iter().map(|name| (at, name))),
                _ => taken.extend(others),
            }
            let images = images.into_iter().map(|image| (image, image.beside(to).clone()));
            let there: Box<dyn ImageSink> = Box::new(FileSet::new(path, document, files));
            let (images, is_file) = (images.collect(), true);
            deliveries.push(Delivery { images, is_file, ..Delivery::to(there, name) });
        }
        obstacles.extend(in_the_way(taken));
        Ok((AtFiles { job, path, contents, left, obstacles, unread }, deliveries))
    }
}

impl Surveyed for AtFiles<'_> {
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

    fn judge(&self, plan: &mut Plan, _: &[Delivery]) -> Result<()> {
        let Job { request, progress, .. } = self.job;
        for (at, name) in &self.left {
            plan.leave(*at);
            let text = format!("{name} is something else and is left as it is");
            progress.event(Event::note(text));
        }
        plan.obstacles.extend(self.obstacles.iter().cloned());
        plan.obstacles.extend(MissingBlob::obstacle(&self.unread, None));
        plan.sizes.write = plan.copy.bytes;
        plan.sizes.room = vec![PlaceRoom::on_disk(self.path, plan.sizes.write)];
        if !request.dry_run && plan.obstacles.is_empty() {
            sweep(self.path)?;
        }
        plan.obstacles.extend(shortage(self.path, plan));
        Ok(())
    }

    fn carry(
        &self,
        plan: &mut Plan,
        deliveries: &[Delivery],
        carrier: &Carrier<'_>,
    ) -> Result<(), Unfinished> {
        transfer::run(plan, deliveries, carrier)
    }
}

/// The images of `sets` that would become the same files. A medium from a camera shop tells A and a
/// apart no more than Windows does.
fn clashes(sets: &[Becomes], to: &[Reference]) -> Vec<Clash> {
    let files = sets.iter().flat_map(|set| {
        let first = set.images.first().copied();
        let each = move |(name, _): &(String, _)| Some((first?, name.to_lowercase()));
        set.files.iter().filter_map(each)
    });
    let landing = files.map(|(at, file)| (at, at.beside(to), format!("become the file {file}")));
    let hint = phrase!["bring them into folders of their own, chosen with ", Remedy::Only];
    Clash::find(landing, hint)
}

fn in_the_way(taken: Vec<String>) -> Option<Obstacle> {
    let message = format!("the destination has {} with something else", count(taken.len(), "file"));
    let hint = phrase![
        Remedy::Existing,
        " overwrite replaces them, and skip leaves those images behind; or name another place"
    ];
    (!taken.is_empty()).then(|| Obstacle::new(Class::Refused, message, hint).about(taken))
}

/// Why what is to come does not fit into the folder at `path`, if it does not.
fn shortage(path: &Path, plan: &Plan) -> Vec<Obstacle> {
    let what = format!("at the destination {}", path.display());
    let room = room::check(path, plan.copy.bytes, &what)
        .map_err(|e| e.hint("free some, or name a folder on another disk"));
    let largest = plan.sent().map(|blob| blob.size).max().unwrap_or(0);
    let file = room::check_file(path, largest, &format!("the largest file of {}", path.display()));
    [room, file].into_iter().filter_map(Result::err).map(|e| Obstacle::known(&e)).collect()
}
