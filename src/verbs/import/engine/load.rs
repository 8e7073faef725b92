//! Streaming images into an engine's `load`: for one on another machine, or in a network of its own.

use super::super::job::Job;
use super::super::portion::listing;
use super::super::single::single_platform;
use super::super::surveyed::{self, Surveyed};
use super::pulling::Pulling;
use crate::bundle::contents::Image;
use crate::bundle::docker::to_json;
use crate::bundle::subset::Referring;
use crate::places::engine::{Driver, Engine};
use crate::places::layout::archive::Archive;
use crate::storage::store::ImageSink;
use crate::tools::pace::Jobs;
use crate::words::at::At;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::progress::{Cancellable, Event, Silent};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;
use crate::work::plan::{Delivery, MissingBlob, Obstacle, OnExisting, Plan};
use crate::work::transfer::{self, Carrier, Fate, Tally, Unfinished};

/// Images of the contents, with their new names.
type NamedImages = Vec<(At<Image>, Reference)>;

/// Streams the images that `plan` brings, which are sent whole: a `load` cannot be asked what is
/// there.
///
/// # Errors
/// Those of the bundle, after which the engine saw no end of an archive; those of the engine.
pub(super) fn load(
    pulling: &Pulling<'_>,
    plan: &Plan,
    why: &str,
    carrier: &Carrier<'_>,
) -> Result<(), Unfinished> {
    let Pulling { engine, chosen, .. } = pulling;
    let (progress, source) = (carrier.progress, carrier.source);
    progress.event(Event::note(format!(
        "{engine} cannot pull from this machine ({why}); the images are streamed to it whole"
    )));
    let wanted: Vec<&Reference> = plan.changes().map(|step| &step.to).collect();
    let mut names = chosen.names.clone();
    let of = |names: &[Reference]| -> NamedImages {
        let all = At::along(names.iter().cloned());
        all.filter(|(at, _)| wanted.contains(&at.beside(&chosen.names))).collect()
    };
    match engine.engine() {
        Engine::Docker => {
            // One archive, since layers that several images share are in it once.
            let contents = &chosen.contents;
            let silent = Cancellable::new(Silent, progress.handle());
            let (single, mut obstacles) =
                single_platform(source, contents, &mut names, None, &silent)?;
            obstacles.extend(MissingBlob::obstacle(&single.unread, None));
            if let Some(error) = Obstacle::failure(&obstacles) {
                return Err(error.into());
            }
            let images = of(&names);
            let docker = to_json(&single.entries(&images));
            let job = Job { contents: &single.contents, ..pulling.job };
            stream(engine, job, images, Some(docker), carrier.tally)?;
        }
        Engine::Podman { .. } => {
            // An archive an image: podman loads no more than one of a layout, and from a layout
            // alone it keeps the manifest.
            for image in of(&names) {
                let job = Job { contents: &chosen.contents, ..pulling.job };
                stream(engine, job, vec![image], None, carrier.tally)?;
            }
        }
        Engine::Containerd { .. } => {
            let text = format!("{engine} cannot pull from this machine: {why}");
            let hint = phrase![
                "write an archive into it: ",
                Remedy::To,
                " oci-archive:- | ctr images import -"
            ];
            return Err(Error::new(Class::Other, text).hint(hint).into());
        }
    }
    for step in plan.changes() {
        pulling.read_back(&step.to)?;
        carrier.tally.name(&engine.to_string(), step);
    }
    Ok(())
}

/// Streams one archive of `images`, with docker's list if there is one, and notes in `tally` what
/// moved. After a blob that proves wrong the engine sees no end of it.
fn stream(
    engine: &Driver,
    job: Job<'_>,
    images: NamedImages,
    docker: Option<Vec<u8>>,
    tally: &Tally,
) -> Result<(), Unfinished> {
    let contents = job.contents;
    let (listing, _) = listing(contents, &Referring::among(contents), &images, docker)?;
    let (own, configs) = (Tally::default(), contents.configs());
    let (mut moved, mut unfinished) = (Vec::new(), None);
    let loaded = engine.load(|out| {
        let name = engine.to_string();
        let archive: Box<dyn ImageSink> = Box::new(Archive::to_writer(out, &name, listing, false));
        let deliveries = [Delivery { images, ..Delivery::to(archive, name) }];
        let load = OneLoad { job, tally: &own };
        let mut plan = surveyed::plan(&load, &deliveries)?;
        moved.extend(plan.sent().cloned());
        surveyed::bring(&load, &mut plan, &deliveries).map_err(|why| match why {
            Unfinished::Whole(error) => error,
            blobs => {
                unfinished = Some(blobs);
                Error::new(Class::Damaged, "the bundle is damaged")
            }
        })
    });
    if let Some(unfinished) = unfinished {
        return Err(unfinished);
    }
    loaded?;
    for blob in moved.iter().filter(|blob| !configs.contains(&blob.digest)) {
        tally.blob(&engine.to_string(), &blob.digest, blob.size, Fate::Copied);
    }
    Ok(())
}

/// One archive on its way into an engine, where nothing is there yet.
struct OneLoad<'i> {
    job: Job<'i>,
    /// What went into it, which does not count before the engine has taken it.
    tally: &'i Tally,
}

impl Surveyed for OneLoad<'_> {
    type There = dyn ImageSink;

    fn job(&self) -> Job<'_> {
        self.job
    }

    fn existing(&self) -> OnExisting {
        OnExisting::Overwrite
    }

    fn questions(&self) -> usize {
        1
    }

    fn judge(&self, _: &mut Plan, _: &[Delivery]) -> Result<()> {
        Ok(())
    }

    fn carry(
        &self,
        plan: &mut Plan,
        deliveries: &[Delivery],
        carrier: &Carrier<'_>,
    ) -> Result<(), Unfinished> {
        let jobs = Jobs::up_to(1);
        let one = Carrier { jobs, go_on: false, tally: self.tally, ..*carrier };
        transfer::run(plan, deliveries, &one)
    }
}
