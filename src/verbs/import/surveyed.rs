//! [`Surveyed`]: a destination that was looked at, and the one way to import into it.

use std::collections::{BTreeMap, BTreeSet};

use super::halt::Halt;
use super::job::Job;
use super::landing::Ahead;
use super::noted;
use super::outcome::Outcome;
use crate::bundle::contents::Contents;
use crate::storage::holdings::{Held, Holdings};
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::Result;
use crate::words::reference::Reference;
use crate::work::plan::{Delivery, Obstacle, OnExisting, Plan, Sibling};
use crate::work::transfer::{Carrier, Unfinished};

/// A destination that was looked at. Its steps come in the order in which they stand here;
/// up to [`judge`](Surveyed::judge) nothing is changed there.
pub(super) trait Surveyed {
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

    /// What stands under `name` now, of which not everything need be there.
    ///
    /// # Errors
    /// When the destination cannot tell.
    fn stands(there: &Self::There, name: &Reference) -> Result<Held> {
        there.held(name)
    }

    /// Which others at the destination have any of `blobs`, which are not carried, and which none has that
    /// needs them.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn elsewhere(&self, _plan: &Plan, _blobs: &[&Descriptor]) -> Result<BTreeMap<Digest, Sibling>> {
        Ok(BTreeMap::new())
    }

    /// Enters into `plan` what else is in its way, and what becomes of what was found.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    fn judge(&self, plan: &mut Plan, deliveries: &[Delivery<Self::There>]) -> Result<()>;

    /// Whether whatever a plan says is sent is read for that out of the bundle.
    fn reads_all_it_sends(&self) -> bool {
        true
    }

    /// Makes what has to be there before anything moves.
    ///
    /// # Errors
    /// When that cannot be made.
    fn prepare(&self, _plan: &mut Plan, _deliveries: &[Delivery<Self::There>]) -> Result<()> {
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

/// Imports into `place`, of which `deliveries` say where everything goes.
///
/// # Errors
/// As [`import`](super::import).
pub(super) fn land<S: Surveyed>(
    place: &S,
    deliveries: &[Delivery<S::There>],
) -> Result<Outcome, Halt> {
    let Job { request, ready, .. } = place.job();
    let mut plan = plan(place, deliveries)?;
    if request.dry_run {
        return Ok(Outcome::Planned(plan));
    }
    let brought = bring(place, &mut plan, deliveries);
    brought.map_err(|unfinished| Halt::of(ready.located(unfinished), place.contents()))?;
    Ok(Outcome::Done(ready.summary(request, plan)))
}

/// Brings the blobs to `place` that the bundle carries and that are not there, and nothing that anybody
/// could see.
///
/// # Errors
/// As [`land`].
pub(super) fn ahead<S: Surveyed>(
    place: &S,
    deliveries: &[Delivery<S::There>],
) -> Result<Ahead, Halt> {
    let Job { request, ready, contents, progress } = place.job();
    let (existing, questions) = (place.existing(), place.questions());
    let cancel = progress.handle();
    let mut plan =
        Plan::new(ready.statement(), contents, deliveries, existing, questions, &cancel)?;
    place.judge(&mut plan, deliveries)?;
    if let Some(error) = Obstacle::failure(&plan.obstacles) {
        return Err(error.into());
    }
    place.prepare(&mut plan, deliveries)?;
    let mut ahead = Ahead { lacking: plan.keep_carried_blobs(contents), unsound: None };
    if plan.copy.blobs + plan.mount.blobs > 0 {
        // One that is damaged keeps no other from being brought: its medium may be brought again.
        let carrier = Carrier { go_on: true, ..ready.carrier(request, contents, progress) };
        if let Err(unfinished) = place.carry(&mut plan, deliveries, &carrier) {
            let unfinished = ready.located(unfinished);
            let Unfinished::Blobs(blobs) = &unfinished else {
                return Err(Halt::of(unfinished, contents));
            };
            ahead.lacking.extend(blobs.iter().map(|(digest, _)| *digest));
            ahead.unsound = unfinished.error();
        }
    }
    Ok(ahead)
}

/// What is to be done at `place`, with everything that is in its way.
///
/// # Errors
/// When it cannot be asked.
pub(super) fn plan<S: Surveyed>(place: &S, deliveries: &[Delivery<S::There>]) -> Result<Plan> {
    let (statement, existing) = (place.job().ready.statement(), place.existing());
    let (contents, questions) = (place.contents(), place.questions());
    let cancel = place.job().progress.handle();
    let sharing = place.job().request.sharing;
    let mut plan = match sharing.shard() {
        Some(shard) => {
            let of = (statement, contents);
            Plan::of_shard(of, deliveries, existing, shard, questions, &cancel)?
        }
        None => Plan::new(statement, contents, deliveries, existing, questions, &cancel)?,
    };
    plan.prove(contents, |plan, blobs| place.elsewhere(plan, blobs))?;
    plan.sizes.carry = sharing.carried(contents);
    let unshared = sharing.obstacle(&plan);
    if unshared.is_some() {
        plan.leave_sent();
    }
    place.judge(&mut plan, deliveries)?;
    plan.obstacles.extend(unshared);
    Ok(plan)
}

/// Does what `plan` says, if nothing is in its way.
///
/// # Errors
/// What is in the way; what stopped it.
pub(super) fn bring<S: Surveyed>(
    place: &S,
    plan: &mut Plan,
    deliveries: &[Delivery<S::There>],
) -> Result<(), Unfinished> {
    if let Some(error) = Obstacle::failure(&plan.obstacles) {
        return Err(error.into());
    }
    let Job { request, ready, progress, .. } = place.job();
    if request.every_byte {
        let sent = plan.sent().filter(|_| place.reads_all_it_sends());
        let sent: BTreeSet<Digest> = sent.map(|blob| blob.digest).collect();
        let jobs = request.jobs.large;
        ready.bundle.verify_others(|digest| sent.contains(digest), jobs, progress)?;
    }
    ready.run.begin(noted::images(plan))?;
    place.prepare(plan, deliveries)?;
    place.carry(plan, deliveries, &ready.carrier(request, place.contents(), progress))
}
