//! An import that goes on without the images that the destination does not take.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Outcome, Ready, Request, Summary};
use crate::bundle::contents::Contents;
use crate::bundle::part::referring;
use crate::places::location::Destination;
use crate::places::registry::Client;
use crate::seams::interrupt;
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::choice::part;
use crate::work::clash::Clash;
use crate::work::plan::{Obstacle, OnExisting, Plan};

/// How many images in a row fail with what is no refusal, until the destination itself counts as
/// failing: each of them was waited for.
const PATIENCE: usize = 3;

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
}

impl Halt {
    /// Because of those of `contents` that clash.
    pub(super) fn apart(clashes: Vec<Clash>, contents: &Contents, remarked: bool) -> Halt {
        let name = |at: &usize| contents.images.get(*at).map(|image| image.name.clone());
        let named = |clash: Clash| (clash.images.iter().filter_map(name).collect(), clash);
        Halt::Apart { clashes: clashes.into_iter().map(named).collect(), remarked }
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Whole(error)
    }
}

impl From<Halt> for Error {
    fn from(halt: Halt) -> Error {
        match halt {
            Halt::Whole(error) => error,
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
    fn new(name: &Reference, error: &Error) -> Failed {
        let details = error.findings().iter().map(|finding| format!("; {}", finding.trim()));
        Failed {
            name: name.clone(),
            class: error.class(),
            reason: error.spelled() + &details.collect::<String>(),
            hint: error.way_out().map(str::to_owned),
        }
    }
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

/// Goes on after `halt` kept `all` of `ready` from being imported at once: what clashes is left
/// behind, then what cannot be planned, and if the rest does not arrive together, it goes image by
/// image.
///
/// # Errors
/// What is about no image alone, and what is wrong with one file for all.
pub(super) fn rest(
    request: &Request,
    ready: &Ready,
    all: &Contents,
    halt: Halt,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Summary> {
    // 1. What clashes is left behind: which of those was meant, nobody can know.
    let mut failed = Vec::new();
    let (mut halt, mut kept) = (halt, None);
    let error = loop {
        let (clashes, remarked) = match halt {
            Halt::Apart { clashes, remarked } => (clashes, remarked),
            Halt::Whole(error) => break error,
        };
        let left = without(kept.as_ref().unwrap_or(all), clashes, &mut failed);
        if left.images.is_empty() {
            return Ok(Summary { ok: false, failed, ..ready.nothing(request) });
        }
        let quiet = Unremarked(progress);
        match ready.run(request, &left, client, if remarked { &quiet } else { progress }) {
            Ok(Outcome::Done(summary)) => return Ok(Summary { ok: false, failed, ..summary }),
            Ok(Outcome::Planned(plan)) => break unplanned(&plan),
            Err(next) => halt = next,
        }
        kept = Some(left);
    };
    if matches!(error.class(), Class::Usage | Class::Interrupted) {
        return Err(error);
    }
    let all = kept.as_ref().unwrap_or(all);
    one_by_one(request, ready, all, (failed, error), client, progress)
}

/// `all` without what `clashes`, which is entered into `failed`.
fn without(
    all: &Contents,
    clashes: Vec<(Vec<Reference>, Clash)>,
    failed: &mut Vec<Failed>,
) -> Contents {
    let mut behind = BTreeSet::new();
    for (names, clash) in clashes {
        failed.extend(names.iter().map(|name| Failed::new(name, &clash.reason)));
        behind.extend(names);
    }
    part(all, &referring(all), |image| !behind.contains(&image.name))
}

/// What was to be done, and was only planned.
fn unplanned(plan: &Plan) -> Error {
    Obstacle::failure(&plan.obstacles)
        .unwrap_or_else(|| Error::new(Class::Other, "nothing was imported"))
}

/// Brings of `all`, which could not be brought at once for an error, what can be brought, beside
/// what failed already.
fn one_by_one(
    request: &Request,
    ready: &Ready,
    all: &Contents,
    (failed, error): (Vec<Failed>, Error),
    client: &Client,
    progress: &dyn Progress,
) -> Result<Summary> {
    let quiet = Unremarked(progress);
    let run = |request: &Request, contents: &Contents| {
        ready.run(request, contents, client, &quiet).map_err(Error::from)
    };
    let one_file =
        matches!(&request.to, Destination::Archive { path, .. } if !super::is_folder(path));

    // 1. Which of them could be imported at all?
    let referrers = referring(all);
    let (clashing, mut failed, mut left) = (failed.len(), failed, Vec::new());
    let plans = Request { dry_run: true, ..request.clone() };
    // One file for all is taken or not as a whole.
    let plans = match one_file {
        true => Request { existing: OnExisting::Overwrite, ..plans },
        false => plans,
    };
    for image in &all.images {
        interrupt::check()?;
        let alone = part(all, &referrers, |other| other.name == image.name);
        match run(&plans, &alone) {
            Ok(Outcome::Planned(plan)) => match Obstacle::failure(&plan.obstacles) {
                Some(error) => failed.push(Failed::new(&image.name, &error)),
                None => left.push(image),
            },
            Ok(Outcome::Done(_)) => left.push(image),
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Err(error) => failed.push(Failed::new(&image.name, &error)),
        }
    }
    let all_planned = failed.len() == clashing;
    if all_planned && one_file {
        return Err(error);
    }

    // 2. Those together, if that was not tried yet.
    let names: Vec<&Reference> = left.iter().map(|image| &image.name).collect();
    if !all_planned && !left.is_empty() {
        let rest = part(all, &referrers, |image| names.contains(&&image.name));
        match run(request, &rest) {
            Ok(Outcome::Done(summary)) => return Ok(Summary { ok: false, failed, ..summary }),
            Ok(Outcome::Planned(_)) => return Err(error),
            Err(error) if one_file || error.class() == Class::Interrupted => return Err(error),
            Err(_) => {}
        }
    }

    // 3. Else one by one.
    let mut done = Summary { ok: false, failed, ..ready.nothing(request) };
    let mut in_a_row = 0;
    for image in left {
        interrupt::check()?;
        if in_a_row >= PATIENCE {
            let error = Error::new(Class::Other, "not tried, since the destination fails");
            done.failed.push(Failed::new(&image.name, &error));
            continue;
        }
        let alone = part(all, &referrers, |other| other.name == image.name);
        match run(request, &alone) {
            Ok(Outcome::Done(summary)) => {
                in_a_row = 0;
                done.add(summary);
            }
            Ok(Outcome::Planned(_)) => {}
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Err(error) => {
                in_a_row = if error.class() == Class::Other { in_a_row + 1 } else { 0 };
                done.failed.push(Failed::new(&image.name, &error));
            }
        }
    }
    done.ok = done.failed.is_empty();
    Ok(done)
}

impl Summary {
    /// Adds what another part of the same import did.
    fn add(&mut self, other: Summary) {
        self.images.extend(other.images);
        for project in other.projects {
            if !self.projects.iter().any(|known| known.project == project.project) {
                self.projects.push(project);
            }
        }
        self.copied.join(other.copied);
        self.mounted.join(other.mounted);
        self.present.join(other.present);
    }

    /// What did not arrive, as one failure: of the class of damage, if there is any, else that of
    /// the first reason.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        let first = self.failed.first()?;
        let damaged = self.failed.iter().any(|failed| failed.class == Class::Damaged);
        let class = if damaged { Class::Damaged } else { first.class };
        let all = self.images.len() + self.failed.len();
        let text = format!("{} of {} did not arrive", self.failed.len(), count(all, "image"));
        let details = self.failed.iter().map(|it| format!("{}: {}", it.name, it.reason));
        let error = Error::new(class, text).details(details);
        Some(match self.failed.iter().find_map(|failed| failed.hint.clone()) {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }
}
