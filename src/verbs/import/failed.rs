//! [`Failed`]: an image that did not arrive.

use serde::Serialize;

use crate::words::count::count;
use crate::words::error::{Class, Error, ErrorKind};
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

/// The class of several failures: that of damage, if there is any, else that of the first. What is
/// unreadable is found before what is missing.
pub(super) fn class(failed: &[Failed]) -> Option<Class> {
    let damaged = failed.iter().find(|failed| failed.class == Class::Damaged);
    let first = failed.first().filter(|failed| failed.class != Class::Incomplete);
    let unreadable = || failed.iter().find(|it| it.error.kind() == ErrorKind::Unreadable);
    damaged.or(first).or_else(unreadable).or(failed.first()).map(|failed| failed.class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_missing_decides_where_nothing_else_is_wrong() {
        let name: Reference = "x.example/a:1".parse().unwrap();
        let missing = Error::new(Class::Incomplete, "is not there");
        let unread = Error::new(Class::Refused, "is unreadable").of_kind(ErrorKind::Unreadable);
        let damaged = Error::new(Class::Damaged, "is damaged");
        let usage = Error::new(Class::Usage, "is taken");
        for (errors, wanted) in [
            (vec![&missing], Class::Incomplete),
            (vec![&missing, &unread], Class::Refused),
            (vec![&missing, &unread, &damaged], Class::Damaged),
            (vec![&usage, &missing, &unread], Class::Usage),
            (vec![&missing, &usage], Class::Incomplete),
        ] {
            let failed: Vec<Failed> = errors.iter().map(|it| Failed::new(&name, it)).collect();
            assert_eq!(class(&failed), Some(wanted), "{errors:?}");
        }
    }
}
