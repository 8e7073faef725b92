//! An import that goes on without the images that the destination does not take.

use serde::Serialize;

use super::{Outcome, Ready, Request, Summary};
use crate::bundle::contents::{Contents, Image};
use crate::places::location::Destination;
use crate::places::registry::Client;
use crate::seams::interrupt;
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::choice::part;
use crate::work::plan::{Obstacle, OnExisting};

/// How many images in a row fail with what is no refusal, until the destination itself counts as
/// failing: each of them was waited for.
const PATIENCE: usize = 3;

/// An image that did not arrive.
#[derive(Debug, Clone, Serialize)]
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
    fn new(image: &Image, error: &Error) -> Failed {
        let details = error.findings().iter().map(|finding| format!("; {}", finding.trim()));
        Failed {
            name: image.name.clone(),
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

/// Goes on after `error` kept `all` of `ready` from being imported at once: what cannot be planned
/// is left behind, and if the rest does not arrive together, it goes image by image.
///
/// # Errors
/// `error` itself where it is about no image alone, and what is wrong with one file for all.
pub(super) fn rest(
    request: &Request,
    ready: &Ready,
    all: &Contents,
    error: Error,
    client: &Client,
    progress: &dyn Progress,
) -> Result<Summary> {
    if matches!(error.class(), Class::Usage | Class::Interrupted) {
        return Err(error);
    }
    let quiet = Unremarked(progress);
    let one_file =
        matches!(&request.to, Destination::Archive { path, .. } if !super::is_folder(path));

    // 1. Which of them could be imported at all?
    let (mut failed, mut left) = (Vec::new(), Vec::new());
    let plans = Request { dry_run: true, ..request.clone() };
    // One file for all is taken or not as a whole.
    let plans = match one_file {
        true => Request { existing: OnExisting::Overwrite, ..plans },
        false => plans,
    };
    for image in &all.images {
        interrupt::check()?;
        let alone = part(all, |other| other.name == image.name);
        match ready.run(&plans, &alone, client, &quiet) {
            Ok(Outcome::Planned(plan)) => match Obstacle::failure(&plan.obstacles) {
                Some(error) => failed.push(Failed::new(image, &error)),
                None => left.push(image),
            },
            Ok(Outcome::Done(_)) => left.push(image),
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Err(error) => failed.push(Failed::new(image, &error)),
        }
    }
    if failed.is_empty() && one_file {
        return Err(error);
    }

    // 2. Those together, if that was not tried yet.
    let names: Vec<&Reference> = left.iter().map(|image| &image.name).collect();
    if !failed.is_empty() && !left.is_empty() {
        let rest = part(all, |image| names.contains(&&image.name));
        match ready.run(request, &rest, client, &quiet) {
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
            done.failed.push(Failed::new(image, &error));
            continue;
        }
        let alone = part(all, |other| other.name == image.name);
        match ready.run(request, &alone, client, &quiet) {
            Ok(Outcome::Done(summary)) => {
                in_a_row = 0;
                done.add(summary);
            }
            Ok(Outcome::Planned(_)) => {}
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Err(error) => {
                in_a_row = if error.class() == Class::Other { in_a_row + 1 } else { 0 };
                done.failed.push(Failed::new(image, &error));
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
