//! `import` into podman, docker or containerd: the bundle is served to the engine, which pulls
//! from it what it does not have. A build without the feature `serve` streams it into the engine.

mod chosen;
mod load;
mod look;
mod needs;
#[cfg_attr(not(feature = "serve"), path = "engine/unserved.rs")]
mod pulled;
mod unpacked;

use std::sync::Arc;

use self::chosen::Chosen;
use self::look::Look;
use self::pulled::Pulled;
use super::Halt;
use super::landing::{Job, Landing};
use crate::bundle::contents::Contents;
use crate::places::engine::{About, Engine};
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Event;
use crate::words::reference::Reference;
use crate::work::plan::{Delivery, NameAction, NameStep, OnExisting, Plan, Transfer};
use crate::work::transfer::{Carrier, Fate, Unfinished};

/// An engine, as a destination. Bytes that turn out wrong on the way break off the pull they are
/// for; the name of that image then stands for what it stood for.
pub(super) struct Pulling<'i> {
    job: Job<'i>,
    engine: &'i Engine,
    about: About,
    chosen: Arc<Chosen>,
    look: Look,
}

/// Fails for what is wished and no engine can do.
///
/// # Errors
/// [`Class::Usage`].
pub(super) fn check(engine: &Engine, existing: OnExisting) -> Result<()> {
    if matches!(existing, OnExisting::KeepDigest | OnExisting::DigestTag) {
        let text = format!("{engine} has no images beside names: --on-existing keep-digest");
        return Err(Error::new(Class::Usage, text)
            .hint("leave such images behind with skip, or give them other tags with --map"));
    }
    Ok(())
}

impl<'i> Pulling<'i> {
    /// Into `engine`, under `names`: what of each image it takes, and what it has of that.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(super) fn look(
        job: Job<'i>,
        engine: &'i Engine,
        names: Vec<Reference>,
    ) -> Result<(Pulling<'i>, Vec<Delivery<Look>>), Halt> {
        let about = engine.about()?;
        let platform = job.request.platform.as_ref();
        let chosen = Arc::new(Chosen::of(job.contents, names, engine, &about, platform));
        chosen.notes.iter().for_each(|note| job.progress.event(Event::Note(note.clone())));
        let look = Look::at(engine, &about, &chosen, &*job.ready.bundle)?;
        let delivery = Delivery {
            there: Box::new(look.clone()),
            name: engine.to_string(),
            path: None,
            images: chosen.names.iter().cloned().enumerate().collect(),
            referrers: Vec::new(),
            absent: false,
        };
        Ok((Pulling { job, engine, about, chosen, look }, vec![delivery]))
    }
}

impl Landing for Pulling<'_> {
    type There = Look;

    fn job(&self) -> Job<'_> {
        self.job
    }

    fn contents(&self) -> &Contents {
        &self.chosen.contents
    }

    fn questions(&self) -> usize {
        1
    }

    fn judge(&self, plan: &mut Plan, _: &[Delivery<Look>]) -> Result<()> {
        let bundle = &*self.job.ready.bundle;
        plan.obstacles.splice(0..0, self.chosen.obstacles.iter().cloned());
        let short = needs::shortage(&self.about, plan, &self.chosen, &self.look, bundle);
        plan.obstacles.extend(short);
        if self.job.request.dry_run {
            // Engines ask for configs again and again; a summary does not count them either.
            plan.count_without(&self.chosen.contents.configs());
        }
        Ok(())
    }

    /// Has it pull, one image after the other; then removes what runs that were killed left.
    fn carry(
        &self,
        plan: &mut Plan,
        _: &[Delivery<Look>],
        carrier: &Carrier<'_>,
    ) -> Result<(), Unfinished> {
        let brought = match changes(plan).next() {
            Some(_) => self.bring(plan, carrier),
            None => Ok(()),
        };
        self.engine.tidy(&self.about);
        brought?;
        self.note_present(plan, carrier);
        Ok(())
    }
}

impl Pulling<'_> {
    /// Serves what was chosen until the engine has it all; streams it into one that cannot reach
    /// what is served here.
    ///
    /// # Errors
    /// Where a blob proves wrong, all that are, of those that are to move.
    fn bring(&self, plan: &Plan, carrier: &Carrier<'_>) -> Result<(), Unfinished> {
        if let Some(place) = &self.about.remote {
            return load::load(self, plan, &format!("it is at {place}"), carrier);
        }
        match pulled::pull(self, plan, carrier)? {
            Pulled::All => Ok(()),
            Pulled::Unreachable(why) => load::load(self, plan, &why, carrier),
        }
    }

    /// After the pull the name has to stand for what was promised.
    fn read_back(&self, name: &Reference) -> Result<()> {
        let engine = self.engine;
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
    fn note_present(&self, plan: &Plan, carrier: &Carrier<'_>) {
        let (place, configs) = (self.engine.to_string(), self.chosen.contents.configs());
        let all = plan.repositories.iter().flat_map(|repository| &repository.blobs);
        for Transfer { blob, .. } in all.filter(|it| !configs.contains(&it.blob.digest)) {
            carrier.tally.blob(&place, &blob.digest, blob.size, Fate::Present);
        }
    }
}

/// The names that are not done yet.
fn changes(plan: &Plan) -> impl Iterator<Item = &NameStep> {
    let all = plan.repositories.iter().flat_map(|repository| &repository.names);
    all.filter(|step| matches!(step.action, NameAction::Create | NameAction::Replace))
}
