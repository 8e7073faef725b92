//! [`Failed`]: an image that did not arrive.

use serde::Serialize;

use crate::words::count::count;
use crate::words::error::{Class, Error};
use crate::words::reference::Reference;
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
pub(super) fn class(failed: &[Failed]) -> Option<Class> {
    let damaged = failed.iter().find(|failed| failed.class == Class::Damaged);
    damaged.or(failed.first()).map(|failed| failed.class)
}
