//! [`Landing`]: a kind of destination as an import sees it; and [`Job::land`], the one way to import.

use super::{Halt, Outcome, Ready, Request, names};
use crate::bundle::contents::Contents;
use crate::storage::holdings::Holdings;
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::words::reference::Reference;
use crate::work::plan::{Delivery, Obstacle, OnExisting, Plan};
use crate::work::transfer::{Carrier, Unfinished};

/// A kind of destination that was looked at. Its steps come in the order in which they stand here;
/// up to [`judge`](Landing::judge) nothing is changed there.
pub(super) trait Landing {
    /// What tells what is there.
    type There: Holdings + ?Sized;

    /// What is imported there.
    fn job(&self) -> Job<'_>;

    /// What is taken there of the contents: all of it, where nothing else is said.
    fn contents(&self) -> &Contents {
        self.job().contents
    }

    /// What to do about names that stand for other images: what is asked for.
    fn existing(&self) -> OnExisting {
        self.job().request.existing
    }

    /// How much is asked at a time.
    fn questions(&self) -> usize {
        self.job().request.jobs.most
    }

    /// Enters into `plan` what else is in its way, and what becomes of what was found.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    fn judge(&self, plan: &mut Plan, deliveries: &[Delivery<Self::There>]) -> Result<()>;

    /// Makes what has to be there before anything moves.
    ///
    /// # Errors
    /// When that cannot be made.
    fn prepare(&self, _plan: &mut Plan, _scopes: &[Delivery<Self::There>]) -> Result<()> {
        Ok(())
    }

    /// Brings what `plan` says.
    ///
    /// # Errors
    /// What stopped it.
    fn carry(
        &self,
        plan: &mut Plan,
        deliveries: &[Delivery<Self::There>],
        carrier: &Carrier<'_>,
    ) -> Result<(), Unfinished>;
}

/// What is imported, and how.
#[derive(Clone, Copy)]
pub(super) struct Job<'i> {
    pub(super) request: &'i Request,
    pub(super) ready: &'i Ready,
    /// A part of the bundle.
    pub(super) contents: &'i Contents,
    pub(super) progress: &'i dyn Progress,
}

impl Job<'_> {
    /// Does it. `look` is given the names at the destination, and says where everything goes.
    ///
    /// # Errors
    /// As [`import`](super::import).
    pub(super) fn land<L: Landing>(
        self,
        look: impl FnOnce(Vec<Reference>) -> Result<(L, Vec<Delivery<L::There>>), Halt>,
    ) -> Result<Outcome, Halt> {
        // 1. Where does everything go, and what is there?
        let (landing, deliveries) = look(names(self.request, self.contents)?)?;
        let (statement, existing) = (self.ready.statement(), landing.existing());
        let contents = landing.contents();
        let mut plan = Plan::new(statement, contents, &deliveries, existing, landing.questions())?;

        // 2. What is in the way?
        landing.judge(&mut plan, &deliveries)?;
        if self.request.dry_run {
            return Ok(Outcome::Planned(plan));
        }
        if let Some(error) = Obstacle::failure(&plan.obstacles) {
            return Err(error.into());
        }

        // 3. Make room, and bring it.
        landing.prepare(&mut plan, &deliveries)?;
        let carrier = self.ready.carrier(self.request, contents, self.progress);
        let carried = landing.carry(&mut plan, &deliveries, &carrier);
        carried.map_err(|stop| Halt::of(stop, contents))?;
        Ok(Outcome::Done(self.ready.summary(self.request, plan)))
    }
}
