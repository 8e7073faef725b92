//! An import that goes on without the images that cannot be brought.

use std::collections::BTreeSet;

use super::failed::Failed;
use super::halt::Halt;
use super::job::Job;
use super::landing::Landing;
use super::outcome::Outcome;
use super::ready::Ready;
use super::request::Request;
use super::summary::Summary;
use crate::bundle::contents::Contents;
use crate::bundle::subset::{Referring, subset};
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::plan::{Obstacle, OnExisting, Plan};

/// How many images in a row fail with what is no refusal, until the destination itself counts as
/// failing: each of them was waited for.
const PATIENCE: usize = 3;

/// Lets remarks be: they were made when all was tried at once.
pub(super) struct Unremarked<'p>(pub(super) &'p dyn Progress);

impl Progress for Unremarked<'_> {
    fn event(&self, event: Event) {
        if !matches!(event, Event::Note(_)) {
            self.0.event(event);
        }
    }

    fn stopped_by(&self) -> Option<&Cancel> {
        self.0.stopped_by()
    }
}

/// What is left to be brought, after something kept all of it from being brought at once.
pub(super) struct Rest<'r> {
    pub(super) request: &'r Request,
    pub(super) ready: &'r Ready<'r>,
    /// Where to.
    pub(super) landing: &'r dyn Landing,
    pub(super) progress: &'r dyn Progress,
    /// What will not arrive.
    pub(super) failed: Vec<Failed>,
}

impl Rest<'_> {
    /// Brings `all`, of which `halt` kept everything from being imported at once, if anything did
    /// yet: what clashes or is damaged is left behind, then what cannot be planned, and if the
    /// others do not arrive together, they go one by one.
    ///
    /// # Errors
    /// What is about no image alone, and what is wrong with one file for all.
    pub(super) fn bring(mut self, all: &Contents, halt: Halt) -> Result<Summary> {
        let quiet = Unremarked(self.progress);
        let (mut halt, mut kept, mut planned) = (halt, all.clone(), false);
        let mut quietly = true;
        loop {
            if !halt.is_left(self.request.leave_behind) {
                return Err(halt.into());
            }
            let before = kept.images.len();
            match halt {
                Halt::Apart { clashes, remarked } => {
                    quietly &= remarked;
                    for (names, clash) in clashes {
                        self.leave(&mut kept, names.iter().map(|name| (name, &clash.reason)));
                    }
                }
                Halt::Unsound { images, error } => {
                    self.leave(&mut kept, images.iter().map(|(name, error)| (name, error)));
                    if kept.images.len() == before {
                        return Err(error);
                    }
                }
                Halt::Whole(error)
                    if matches!(error.class(), Class::Usage | Class::Interrupted) =>
                {
                    return Err(error);
                }
                Halt::Whole(error) => {
                    if !std::mem::replace(&mut planned, true) {
                        let alone = self.unplannable(&kept)?;
                        self.leave(&mut kept, alone.iter().map(|(name, error)| (name, error)));
                    }
                    if kept.images.len() == before {
                        return match self.landing.is_one_file() {
                            true => Err(error),
                            false => self.one_by_one(&kept),
                        };
                    }
                }
            }
            if kept.images.is_empty() {
                let nothing = self.ready.nothing(self.request);
                return Ok(Summary { ok: false, failed: self.failed, ..nothing });
            }
            let heard: &dyn Progress = if quietly { &quiet } else { self.progress };
            match self.run(self.request, &kept, heard) {
                Ok(Outcome::Done(summary)) => {
                    return Ok(Summary {
                        ok: self.failed.is_empty(),
                        failed: self.failed,
                        ..summary
                    });
                }
                Ok(Outcome::Planned(plan)) => return Err(unplanned(&plan)),
                Err(next) => halt = next,
            }
            quietly = true;
        }
    }

    /// Takes `images` out of `kept`, and enters why.
    fn leave<'i>(
        &mut self,
        kept: &mut Contents,
        images: impl Iterator<Item = (&'i Reference, &'i Error)>,
    ) {
        let mut behind = BTreeSet::new();
        for (name, error) in images {
            self.failed.push(Failed::new(name, error));
            behind.insert(name);
        }
        *kept = subset(kept, &Referring::among(kept), |image| !behind.contains(&image.name));
    }

    /// Imports `contents` as `request` says.
    fn run(
        &self,
        request: &Request,
        contents: &Contents,
        progress: &dyn Progress,
    ) -> Result<Outcome, Halt> {
        self.landing.bring(Job { request, ready: self.ready, contents, progress })
    }

    /// Those of `all` that could not be imported even alone, each with why.
    fn unplannable(&self, all: &Contents) -> Result<Vec<(Reference, Error)>> {
        let (quiet, referrers) = (Unremarked(self.progress), Referring::among(all));
        let plans = Request { dry_run: true, ..self.request.clone() };
        // One file for all is taken or not as a whole.
        let plans = match self.landing.is_one_file() {
            true => Request { existing: OnExisting::Overwrite, ..plans },
            false => plans,
        };
        let mut found = Vec::new();
        for image in &all.images {
            self.progress.check()?;
            let alone = subset(all, &referrers, |other| other.name == image.name);
            let error = match self.run(&plans, &alone, &quiet) {
                Ok(Outcome::Planned(plan)) => Obstacle::failure(&plan.obstacles),
                Ok(Outcome::Done(_)) => None,
                Err(halt) => Some(Error::from(halt)),
            };
            match error {
                Some(error) if error.class() == Class::Interrupted => return Err(error),
                Some(error) => found.push((image.name.clone(), error)),
                None => {}
            }
        }
        Ok(found)
    }

    /// Brings each image of `all` by itself.
    fn one_by_one(mut self, all: &Contents) -> Result<Summary> {
        let (quiet, referrers) = (Unremarked(self.progress), Referring::among(all));
        let nothing = self.ready.nothing(self.request);
        let mut done = Summary { failed: std::mem::take(&mut self.failed), ..nothing };
        let mut in_a_row = 0;
        for image in &all.images {
            self.progress.check()?;
            if in_a_row >= PATIENCE {
                let error = Error::new(Class::Other, "not tried, since the destination fails");
                done.failed.push(Failed::new(&image.name, &error));
                continue;
            }
            let alone = subset(all, &referrers, |other| other.name == image.name);
            match self.run(self.request, &alone, &quiet).map_err(Error::from) {
                Ok(Outcome::Done(summary)) => {
                    in_a_row = 0;
                    done.add(summary);
                }
                Ok(Outcome::Planned(_)) => {}
                Err(error) if error.class() == Class::Interrupted => return Err(error),
                Err(error) => {
                    let waited = error.class() == Class::Other && !error.is_about_content();
                    in_a_row = if waited { in_a_row + 1 } else { 0 };
                    done.failed.push(Failed::new(&image.name, &error));
                }
            }
        }
        // What moved for images that did not arrive in the end moved all the same.
        let moved = self.ready.tally.moved();
        (done.copied, done.mounted, done.present) = (moved.copied, moved.mounted, moved.present);
        done.ok = done.failed.is_empty();
        Ok(done)
    }
}

/// What was to be done, and was only planned.
fn unplanned(plan: &Plan) -> Error {
    Obstacle::failure(&plan.obstacles)
        .unwrap_or_else(|| Error::new(Class::Other, "nothing was imported"))
}
