//! `import` into podman, docker or containerd: the bundle is served to the engine, which pulls
//! from it what it does not have. A build without the feature `serve` streams it into the engine.

mod agent;
mod chosen;
mod load;
mod look;
mod needs;
#[cfg_attr(not(feature = "serve"), path = "engine/unserved.rs")]
mod pulled;
mod pulling;
mod unpacked;
mod untagged;

pub(super) use self::agent::ToAgent;
use self::look::Look;
use self::pulled::Pulled;
use self::pulling::Pulling;
use super::halt::Halt;
use super::job::Job;
use super::landing::Landing;
use super::outcome::Outcome;
use super::read_back::read_back;
use super::request::Request;
use super::surveyed::{self, Surveyed};
use super::there_now::{CameAs, ThereNow};
use crate::bundle::contents::Contents;
use crate::places::engine::Engine;
use crate::storage::holdings::Held;
use crate::words::error::Result;
use crate::words::reference::Reference;
use crate::work::plan::{Delivery, PlaceRoom, Plan};
use crate::work::transfer::{Carrier, Unfinished};

/// An engine, as a destination.
pub(super) struct ToEngine<'d> {
    /// Which.
    pub(super) engine: &'d Engine,
}

impl Landing for ToEngine<'_> {
    fn check(&self, request: &Request) -> Result<()> {
        untagged::refuse(self.engine, request)
    }

    fn look_back(
        &self,
        job: Job<'_>,
        names: Vec<Reference>,
        came_as: CameAs<'_>,
    ) -> Result<ThereNow, Halt> {
        let (pulling, delivery) = Pulling::look(job, self.engine, names)?;
        Ok(read_back(&pulling, &[delivery], came_as)?)
    }

    fn land(&self, job: Job<'_>, names: Vec<Reference>) -> Result<Outcome, Halt> {
        let (pulling, delivery) = Pulling::look(job, self.engine, names)?;
        surveyed::land(&pulling, &[delivery])
    }
}

impl Surveyed for Pulling<'_> {
    type There = Look;

    fn job(&self) -> Job<'_> {
        self.job
    }

    fn contents(&self) -> &Contents {
        &self.chosen.contents
    }

    /// An engine fetches what it wants to.
    fn reads_all_it_sends(&self) -> bool {
        false
    }

    fn questions(&self) -> usize {
        1
    }

    fn stands(there: &Look, name: &Reference) -> Result<Held> {
        Ok(there.stands(name)?.map_or(Held::Nothing, Held::Known))
    }

    fn judge(&self, plan: &mut Plan, _: &[Delivery<Look>]) -> Result<()> {
        let bundle = &*self.job.ready.bundle;
        plan.obstacles.splice(0..0, self.chosen.obstacles.iter().cloned());
        let (rooms, short) = needs::room(
            &self.about,
            plan,
            &self.chosen,
            &self.look,
            bundle,
            &self.job.progress.handle(),
        );
        plan.obstacles.extend(short);
        if self.job.request.dry_run {
            // Engines ask for configs again and again; a summary does not count them either.
            plan.count_without(&self.chosen.contents.configs());
        }
        let engine = || PlaceRoom::new(self.engine.to_string(), plan.copy.bytes, None);
        plan.sizes.send = plan.copy.bytes;
        plan.sizes.write = rooms.iter().fold(0, |sum, room| sum.saturating_add(room.needed));
        plan.sizes.room = if rooms.is_empty() { vec![engine()] } else { rooms };
        Ok(())
    }

    /// Has it pull, one image after the other; then removes what runs that were killed left.
    fn carry(
        &self,
        plan: &mut Plan,
        _: &[Delivery<Look>],
        carrier: &Carrier<'_>,
    ) -> Result<(), Unfinished> {
        let brought = match plan.changes().next() {
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
}
