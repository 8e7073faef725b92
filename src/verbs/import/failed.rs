//! [`Failed`]: an image that did not arrive.

use serde::Serialize;

use crate::words::count::count;
use crate::words::error::{Class, Error};
use crate::words::phrase::{Phrase, phrase};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;
use crate::work::plan::Obstacle;

/// How many findings the reason of one image shows.
const SHOWN: usize = 5;

/// An image that did not arrive.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Failed {
    /// Its name in the bundle.
    pub name: Reference,
    /// The class of the failure.
    pub class: Class,
    /// Why.
    pub reason: Phrase,
    /// What a person can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<Phrase>,
    /// All of it, for whoever tells of it as a failure.
    #[serde(skip)]
    pub(super) error: Error,
}

impl Failed {
    pub(super) fn new(name: &Reference, error: &Error) -> Failed {
        // Its own name stands in front of it.
        let own = format!("needed by {name}");
        let is_own = |finding: &&Phrase| !error.is_about_content() && **finding == own;
        let all: Vec<&Phrase> = error.findings().iter().filter(|it| !is_own(it)).collect();
        let shown = all.iter().take(SHOWN).map(|finding| phrase!["; ", finding.trimmed()]);
        let more = all.len().checked_sub(SHOWN + 1).map(|n| format!("; and {} more", n + 1).into());
        Failed {
            name: name.clone(),
            class: error.class(),
            reason: shown.chain(more).fold(error.words(), Phrase::and),
            hint: error.advice().cloned(),
            error: error.clone(),
        }
    }

    /// Those that failed, as what is in the way of a plan.
    pub(super) fn obstacle(failed: &[Failed]) -> Option<Obstacle> {
        let class = class(failed)?;
        let hint = failed.iter().filter(|it| it.class == class).find_map(|it| it.hint.clone());
        let findings = failed.iter().map(|it| phrase![it.name.to_string(), ": ", &it.reason]);
        let hint = hint.unwrap_or_else(|| phrase!["leave them behind with ", Remedy::Except]);
        let message = format!("{} cannot be brought", count(failed.len(), "image"));
        Some(Obstacle::new(class, message, hint).about(findings))
    }
}

/// The class of several failures: that of damage, if there is any, else that of the first.
pub(super) fn class(failed: &[Failed]) -> Option<Class> {
    let damaged = failed.iter().find(|failed| failed.class == Class::Damaged);
    damaged.or(failed.first()).map(|failed| failed.class)
}
