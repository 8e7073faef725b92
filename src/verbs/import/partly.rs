//! An import that goes on without the images that cannot be brought.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Outcome, Ready, Request, Summary};
use crate::bundle::contents::Contents;
use crate::bundle::part::{needing, referring};
use crate::places::location::Destination;
use crate::places::registry::Client;
use crate::tools::interrupt;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::choice::part;
use crate::work::clash::Clash;
use crate::work::plan::{Obstacle, OnExisting, Plan};
use crate::work::transfer::Unfinished;

/// How many images in a row fail with what is no refusal, until the destination itself counts as
/// failing: each of them was waited for.
const PATIENCE: usize = 3;
/// How many findings the reason of one image shows.
const SHOWN: usize = 5;

/// Why nothing was imported.
pub(super) enum Halt {
    /// For what may be about all images.
    Whole(Error),
    /// Because of these images, of which none is brought.
    Apart {
        /// Why not, once for all that have the same reason, with their names in the bundle.
        clashes: Vec<(Vec<Reference>, Clash)>,
        /// Whether remarks on the images were made before.
        remarked: bool,
    },
    /// Because of these images, parts of which are damaged or cannot be read.
    Unsound {
        /// Why, one by one, with their names in the bundle.
        images: Vec<(Reference, Error)>,
        /// All of it.
        error: Error,
    },
}

impl Halt {
    /// Because of those of `contents` that clash.
    pub(super) fn apart(clashes: Vec<Clash>, contents: &Contents, remarked: bool) -> Halt {
        let name = |at: &usize| contents.images.get(*at).map(|image| image.name.clone());
        let named = |clash: Clash| (clash.images.iter().filter_map(name).collect(), clash);
        Halt::Apart { clashes: clashes.into_iter().map(named).collect(), remarked }
    }

    /// What `stop` amounts to for the images of `contents`.
    pub(super) fn of(stop: Unfinished, contents: &Contents) -> Halt {
        let Unfinished::Blobs(blobs) = &stop else { return Halt::from(whole(stop)) };
        let wrong: BTreeMap<Digest, &Error> =
            blobs.iter().map(|(it, error)| (*it, error)).collect();
        let reason = |digests: BTreeSet<Digest>| {
            let own = digests.iter().filter_map(|digest| wrong.get(digest));
            let own: Vec<Error> = own.map(|error| (*error).clone().without_findings()).collect();
            let damaged = own.iter().any(|error| error.class() == Class::Damaged);
            let class = if damaged { Some(Class::Damaged) } else { own.first().map(Error::class) };
            let class = class.unwrap_or(Class::Damaged);
            Error::all(own, |n| (class, format!("{n} of its blobs cannot be used")))
        };
        let needing = needing(contents, &wrong.keys().copied().collect());
        let images = needing.into_iter().filter_map(|(at, digests)| {
            Some((contents.images.get(at)?.name.clone(), reason(digests)?))
        });
        Halt::Unsound { images: images.collect(), error: whole(stop) }
    }
}

/// `stop` as one failure.
fn whole(stop: Unfinished) -> Error {
    stop.error().unwrap_or_else(|| Error::new(Class::Other, "nothing was imported"))
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Whole(error)
    }
}

impl From<Halt> for Error {
    fn from(halt: Halt) -> Error {
        match halt {
            Halt::Whole(error) | Halt::Unsound { error, .. } => error,
            Halt::Apart { clashes, .. } => {
                let clashes = clashes.into_iter().map(|(_, clash)| clash).collect();
                let nothing = || Error::new(Class::Other, "no image can be brought");
                Clash::failure(clashes).unwrap_or_else(nothing)
            }
        }
    }
}

/// An image that did not arrive.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Failed {
    /// Its name in the bundle.
    pub name: Reference,
    /// The class of the failure.
    #[serde(skip)]
    pub class: Class,
    /// Why.
    pub reason: String,
    /// What a person can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failed {
    pub(super) fn new(name: &Reference, error: &Error) -> Failed {
        let all = error.findings();
        let shown = all.iter().take(SHOWN).map(|finding| format!("; {}", finding.trim()));
        let more = all.len().checked_sub(SHOWN + 1).map(|more| format!("; and {} more", more + 1));
        Failed {
            name: name.clone(),
            class: error.class(),
            reason: error.spelled() + &shown.chain(more).collect::<String>(),
            hint: error.way_out().map(str::to_owned),
        }
    }

    /// Those that failed, as what is in the way of a plan.
    pub(super) fn obstacle(failed: &[Failed]) -> Option<Obstacle> {
        let class = class(failed)?;
        let hint = failed.iter().filter(|it| it.class == class).find_map(|it| it.hint.clone());
        Some(Obstacle {
            class,
            message: format!("{} cannot be brought", count(failed.len(), "image")),
            findings: failed.iter().map(|it| format!("{}: {}", it.name, it.reason)).collect(),
            hint: hint.unwrap_or_else(|| "leave them behind with --except".to_owned()),
        })
    }
}

/// The class of several failures: that of damage, if there is any, else that of the first.
fn class(failed: &[Failed]) -> Option<Class> {
    let damaged = failed.iter().find(|failed| failed.class == Class::Damaged);
    damaged.or(failed.first()).map(|failed| failed.class)
}

/// Lets remarks be: they were made when all was tried at once.
struct Unremarked<'p>(&'p dyn Progress);

impl Progress for Unremarked<'_> {
    fn event(&self, event: Event) {
        if !matches!(event, Event::Note(_)) {
            self.0.event(event);
        }
    }
}

/// What is left to be brought, after something kept all of it from being brought at once.
pub(super) struct Rest<'r> {
    pub(super) request: &'r Request,
    pub(super) ready: &'r Ready,
    pub(super) client: &'r Client,
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
                        return match self.is_one_file() {
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
            match self.ready.run(self.request, &kept, self.client, heard) {
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
        *kept = part(kept, &referring(kept), |image| !behind.contains(&image.name));
    }

    /// Whether all images go into one file.
    fn is_one_file(&self) -> bool {
        matches!(&self.request.to, Destination::Archive { path, .. } if !super::is_folder(path))
    }

    /// Those of `all` that could not be imported even alone, each with why.
    fn unplannable(&self, all: &Contents) -> Result<Vec<(Reference, Error)>> {
        let (quiet, referrers) = (Unremarked(self.progress), referring(all));
        let plans = Request { dry_run: true, ..self.request.clone() };
        // One file for all is taken or not as a whole.
        let plans = match self.is_one_file() {
            true => Request { existing: OnExisting::Overwrite, ..plans },
            false => plans,
        };
        let mut found = Vec::new();
        for image in &all.images {
            interrupt::check()?;
            let alone = part(all, &referrers, |other| other.name == image.name);
            let error = match self.ready.run(&plans, &alone, self.client, &quiet) {
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
    fn one_by_one(self, all: &Contents) -> Result<Summary> {
        let (quiet, referrers) = (Unremarked(self.progress), referring(all));
        let nothing = self.ready.nothing(self.request);
        let mut done = Summary { failed: self.failed, ..nothing };
        let mut in_a_row = 0;
        for image in &all.images {
            interrupt::check()?;
            if in_a_row >= PATIENCE {
                let error = Error::new(Class::Other, "not tried, since the destination fails");
                done.failed.push(Failed::new(&image.name, &error));
                continue;
            }
            let alone = part(all, &referrers, |other| other.name == image.name);
            match self.ready.run(self.request, &alone, self.client, &quiet).map_err(Error::from) {
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

impl Summary {
    /// Adds the images and projects of another part of the same import.
    fn add(&mut self, other: Summary) {
        self.images.extend(other.images);
        for project in other.projects {
            if !self.projects.iter().any(|known| known.project == project.project) {
                self.projects.push(project);
            }
        }
    }

    /// What did not arrive, as one failure: of the class of damage, if there is any, else that of
    /// the first reason. The way out is that of its class; others stand with what they are for.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        let class = class(&self.failed)?;
        let all = self.images.len() + self.failed.len();
        let text = format!("{} of {} did not arrive", self.failed.len(), count(all, "image"));
        let of_class = self.failed.iter().filter(|failed| failed.class == class);
        let hint = of_class.filter_map(|it| it.hint.as_deref()).next();
        let mut told: BTreeSet<&str> = hint.into_iter().collect();
        let details = self.failed.iter().map(|it| match it.hint.as_deref() {
            Some(other) if told.insert(other) => format!("{}: {} ({other})", it.name, it.reason),
            _ => format!("{}: {}", it.name, it.reason),
        });
        let error = Error::new(class, text).details(details.collect::<Vec<_>>());
        Some(match hint {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }
}
