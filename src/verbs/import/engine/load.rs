//! Streaming images into an engine's `load`: for one on another machine, or in a network of its own.

use super::super::archives::portion::listing;
use super::super::archives::single::single_platform;
use super::{Pulling, changes};
use crate::bundle::docker::to_json;
use crate::bundle::part::referring;
use crate::places::engine::Engine;
use crate::places::layout::archive::Archive;
use crate::storage::store::ImageSink;
use crate::tools::pace::Jobs;
use crate::words::error::{Class, Error};
use crate::words::progress::{Event, Silent};
use crate::words::reference::Reference;
use crate::work::plan::{Action, Delivery, Obstacle, OnExisting, Plan};
use crate::work::transfer::{self, Carrier, Fate, Tally, Unfinished};

/// Images by their place in the contents, with their new names.
type NamedImages = Vec<(usize, Reference)>;

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
    progress.event(Event::Note(format!(
        "{engine} cannot pull from this machine ({why}); the images are streamed to it whole"
    )));
    let wanted: Vec<&Reference> = changes(plan).map(|step| &step.to).collect();
    let mut names = chosen.names.clone();
    let of = |names: &[Reference]| -> NamedImages {
        let all = names.iter().cloned().enumerate();
        all.filter(|(at, _)| wanted.contains(&&chosen.names[*at])).collect()
    };
    match engine {
        Engine::Docker => {
            // One archive, since layers that several images share are in it once.
            let contents = &chosen.contents;
            let (single, obstacles) = single_platform(source, contents, &mut names, None, &Silent)?;
            if let Some(error) = Obstacle::failure(&obstacles) {
                return Err(error.into());
            }
            let images = of(&names);
            let docker = to_json(&single.entries(&images));
            let carrier = Carrier { contents: &single.contents, ..*carrier };
            stream(engine, plan, &carrier, images, Some(docker))?;
        }
        Engine::Podman { .. } => {
            // An archive an image: podman loads no more than one of a layout, and from a layout
            // alone it keeps the manifest.
            for image in of(&names) {
                stream(engine, plan, carrier, vec![image], None)?;
            }
        }
        Engine::Containerd { .. } => {
            let text = format!("{engine} cannot pull from this machine: {why}");
            let hint = "write an archive into it: --to oci-archive:- | ctr images import -";
            return Err(Error::new(Class::Other, text).hint(hint).into());
        }
    }
    for step in changes(plan) {
        pulling.read_back(&step.to)?;
        carrier.tally.name(&engine.to_string(), step);
    }
    Ok(())
}

/// Streams one archive of `images`, with docker's list if there is one. After a blob that proves
/// wrong the engine sees no end of it.
fn stream(
    engine: &Engine,
    plan: &Plan,
    carrier: &Carrier<'_>,
    images: NamedImages,
    docker: Option<Vec<u8>>,
) -> Result<(), Unfinished> {
    let contents = carrier.contents;
    let (listing, _) = listing(contents, &referring(contents), &images, docker)?;
    let (tally, configs) = (Tally::default(), contents.configs());
    let mut moved = Vec::new();
    let mut stop = None;
    let loaded = engine.load(|out| {
        let name = engine.to_string();
        let archive = Archive::to_writer(out, &name, listing, false);
        let there: Box<dyn ImageSink> = Box::new(archive);
        let referrers = Vec::new();
        let deliveries = [Delivery { there, name, path: None, images, referrers, absent: false }];
        let (statement, existing) = (plan.statement, OnExisting::Overwrite);
        let plan = Plan::new(statement, contents, &deliveries, existing, 1)?;
        let all = plan.repositories.iter().flat_map(|repository| &repository.blobs);
        let sent = all.filter(|transfer| transfer.action == Action::Copy);
        moved.extend(sent.map(|transfer| transfer.blob.clone()));
        let one = Carrier { jobs: Jobs::up_to(1), go_on: false, tally: &tally, ..*carrier };
        transfer::run(&plan, &deliveries, &one).map_err(|stopped| match stopped {
            Unfinished::Whole(error) => error,
            blobs => {
                stop = Some(blobs);
                Error::new(Class::Damaged, "the bundle is damaged")
            }
        })
    });
    if let Some(stop) = stop {
        return Err(stop);
    }
    loaded?;
    for blob in moved.iter().filter(|blob| !configs.contains(&blob.digest)) {
        carrier.tally.blob(&engine.to_string(), &blob.digest, blob.size, Fate::Copied);
    }
    Ok(())
}
