//! Streaming images into an engine's `load`: for one on another machine, or in a network of its own.

use std::collections::BTreeMap;

use super::super::archives::portion::listing;
use super::super::archives::single::single_platform;
use super::chosen::Chosen;
use super::{changes, read_back};
use crate::bundle::check::Trusted;
use crate::bundle::contents::Contents;
use crate::bundle::docker::to_json;
use crate::bundle::part::referring;
use crate::places::engine::{About, Engine};
use crate::places::layout::archive::Archive;
use crate::seams::pace::Jobs;
use crate::seams::store::ImageSink;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress, Silent};
use crate::words::reference::Reference;
use crate::work::plan::{Action, Obstacle, OnExisting, Plan, Scope};
use crate::work::transfer;

/// Images by their place in the contents, with their new names.
type Named = Vec<(usize, Reference)>;

/// Streams the images that `plan` brings, which are sent whole: a `load` cannot be asked what is
/// there. Gives the blobs that moved, with their bytes.
///
/// # Errors
/// Those of the bundle, after which the engine saw no end of an archive; those of the engine.
pub(super) fn load(
    engine: &Engine,
    about: &About,
    plan: &Plan,
    chosen: &Chosen,
    bundle: &Trusted,
    why: &str,
    progress: &dyn Progress,
) -> Result<BTreeMap<Digest, u64>> {
    progress.event(Event::Note(format!(
        "{engine} cannot pull from this machine ({why}); the images are streamed to it whole"
    )));
    let wanted: Vec<&Reference> = changes(plan).map(|step| &step.to).collect();
    let mut names = chosen.names.clone();
    let of = |names: &[Reference]| -> Named {
        let all = names.iter().cloned().enumerate();
        all.filter(|(at, _)| wanted.contains(&&chosen.names[*at])).collect()
    };
    let mut moved = BTreeMap::new();
    match engine {
        Engine::Docker => {
            // One archive, since layers that several images share are in it once.
            let contents = &chosen.contents;
            let (single, obstacles) = single_platform(bundle, contents, &mut names, None, &Silent)?;
            if let Some(error) = Obstacle::failure(&obstacles) {
                return Err(error);
            }
            let images = of(&names);
            let docker = to_json(&single.entries(&images));
            let stream = Stream { engine, bundle, plan, contents: &single.contents };
            moved.extend(stream.run(images, Some(docker), progress)?);
        }
        Engine::Podman { .. } => {
            // An archive an image: podman loads no more than one of a layout, and from a layout
            // alone it keeps the manifest.
            for image in of(&names) {
                let stream = Stream { engine, bundle, plan, contents: &chosen.contents };
                moved.extend(stream.run(vec![image], None, progress)?);
            }
        }
        Engine::Containerd { .. } => {
            let text = format!("{engine} cannot pull from this machine: {why}");
            return Err(Error::new(Class::Other, text)
                .hint("write an archive into it: --to oci-archive:- | ctr images import -"));
        }
    }
    wanted.into_iter().try_for_each(|name| read_back(engine, about, chosen, name))?;
    Ok(moved)
}

/// What is streamed, and where to.
struct Stream<'a> {
    engine: &'a Engine,
    bundle: &'a Trusted,
    plan: &'a Plan,
    contents: &'a Contents,
}

impl Stream<'_> {
    /// Streams one archive of `images`, with docker's list if there is one.
    fn run(
        &self,
        images: Named,
        docker: Option<Vec<u8>>,
        progress: &dyn Progress,
    ) -> Result<Vec<(Digest, u64)>> {
        let (listing, _) = listing(self.contents, &referring(self.contents), &images, docker)?;
        let mut moved = Vec::new();
        self.engine.load(|out| {
            let name = self.engine.to_string();
            let archive = Archive::to_writer(out, &name, listing, false);
            let there: Box<dyn ImageSink> = Box::new(archive);
            let referrers = Vec::new();
            let scopes = [Scope { there, name, path: None, images, referrers, absent: false }];
            let (statement, existing) = (self.plan.statement, OnExisting::Overwrite);
            let plan = Plan::new(statement, self.contents, &scopes, existing, 1)?;
            let all = plan.repositories.iter().flat_map(|repository| &repository.blobs);
            let sent = all.filter(|transfer| transfer.action == Action::Copy);
            moved.extend(sent.map(|transfer| (transfer.blob.digest, transfer.blob.size)));
            transfer::run(&plan, self.contents, self.bundle, &scopes, Jobs::up_to(1), progress)
                .map(drop)
        })?;
        Ok(moved)
    }
}
