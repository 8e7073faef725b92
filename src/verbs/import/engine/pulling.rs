//! [`Pulling`]: an engine that is to pull.

use std::sync::Arc;

use super::super::job::Job;
use super::chosen::Chosen;
use super::look::Look;
use crate::places::engine::{Driver, Engine, EngineInfo};
use crate::words::at::At;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Event;
use crate::words::reference::Reference;
use crate::work::plan::{Delivery, Plan, Transfer};
use crate::work::transfer::{Carrier, Fate};

/// An engine that was looked at, which pulls. Bytes that turn out wrong on the way break off the
/// pull they are for; the name of that image then stands for what it stood for.
pub(super) struct Pulling<'i> {
    pub(super) job: Job<'i>,
    pub(super) engine: Driver,
    pub(super) about: EngineInfo,
    pub(super) chosen: Arc<Chosen>,
    pub(super) look: Look,
}

impl<'i> Pulling<'i> {
    /// Into `engine`, under `names`: what of each image it takes, and what it has of that.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) fn look(
        job: Job<'i>,
        engine: &Engine,
        names: Vec<Reference>,
    ) -> Result<(Pulling<'i>, Delivery<Look>)> {
        let driver = Driver::new(engine.clone(), job.progress.handle());
        let about = driver.about()?;
        let platform = job.request.platform.as_ref();
        let chosen = Arc::new(Chosen::of(job.contents, names, engine, &about, platform));
        chosen.notes.iter().for_each(|note| job.progress.event(Event::note(note.clone())));
        let look = Look::at(&driver, &about, &chosen, &*job.ready.bundle)?;
        let images = At::along(chosen.names.iter().cloned()).collect();
        let to = Delivery::to(Box::new(look.clone()), engine.to_string());
        let delivery = Delivery { images, ..to };
        Ok((Pulling { job, engine: driver, about, chosen, look }, delivery))
    }

    /// After the pull the name has to stand for what was promised.
    pub(super) fn read_back(&self, name: &Reference) -> Result<()> {
        let engine = &self.engine;
        match engine.held(name)? {
            Some(held) if self.chosen.is_it(&self.about, name, &held) => Ok(()),
            Some(_) => {
                let text = format!("{engine}: {name} stands for another image than was pulled");
                Err(Error::new(Class::Other, text).hint("somebody else may be naming images there"))
            }
            None => {
                let text = format!("{engine}: {name} is not there, although it was pulled");
                Err(Error::new(Class::Other, text).hint("see what the engine says for itself"))
            }
        }
    }

    /// Notes the layers that nobody asked for.
    pub(super) fn note_present(&self, plan: &Plan, carrier: &Carrier<'_>) {
        let (place, configs) = (self.engine.to_string(), self.chosen.contents.configs());
        let all = plan.repositories.iter().flat_map(|repository| &repository.blobs);
        for Transfer { blob, .. } in all.filter(|it| !configs.contains(&it.blob.digest)) {
            carrier.tally.blob(&place, &blob.digest, blob.size, Fate::Present);
        }
    }
}
