//! [`Obstacle`]: a reason, known beforehand, for which an import would fail.

use serde::Serialize;

use crate::words::count::count;
use crate::words::error::{Class, Error};

/// Why a plan cannot be run as it is. A dry run shows all of them; a real one ends with them
/// before it changes anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Obstacle {
    /// The class of the failure, and so its exit code.
    pub class: Class,
    /// What is in the way.
    pub message: String,
    /// Each thing that it concerns.
    pub findings: Vec<String>,
    /// What a person can do about it.
    pub hint: String,
}

impl Obstacle {
    /// Something in the way, and what can be done about it.
    #[must_use]
    pub fn new(class: Class, message: impl Into<String>, hint: impl Into<String>) -> Obstacle {
        Obstacle { class, message: message.into(), findings: Vec::new(), hint: hint.into() }
    }

    /// Names that stand for other images, and that the destination lets nobody move.
    pub(super) fn immutable(findings: Vec<String>) -> Obstacle {
        let message = format!(
            "the destination has {} with other images, and they are immutable",
            count(findings.len(), "name")
        );
        let hint = "give the images other tags with --map, leave them behind with --on-existing \
                    skip, or bring them without their tags with --on-existing keep-digest, or under \
                    tags made from their digests with digest-tag";
        Obstacle { class: Class::Refused, message, findings, hint: hint.to_owned() }
    }

    /// Names that stand for other images. `untagged` says whether images may come without names.
    pub(super) fn taken(findings: Vec<String>, untagged: bool) -> Obstacle {
        let names = count(findings.len(), "name");
        let message = format!("the destination has {names} with other images");
        let hint = match untagged {
            true => {
                "--on-existing overwrite replaces them, skip leaves those images behind, keep-digest \
                 brings them without their tags, and digest-tag under tags made from their digests"
            }
            false => "--on-existing overwrite replaces them, and skip leaves those images behind",
        };
        Obstacle { class: Class::Refused, message, findings, hint: hint.to_owned() }
    }

    /// What `error` says, met in looking ahead.
    #[must_use]
    pub fn known(error: &Error) -> Obstacle {
        let hint = error.way_out().unwrap_or_default().to_owned();
        let (message, findings) = (error.spelled(), error.findings().to_vec());
        Obstacle { class: error.class(), message, findings, hint }
    }

    /// This one as a failure.
    #[must_use]
    pub fn error(&self) -> Error {
        let error = Error::new(self.class, self.message.as_str()).hint(self.hint.as_str());
        error.details(self.findings.iter().cloned())
    }

    /// All `obstacles` as one failure, of the class of the first; nothing when there are none.
    #[must_use]
    pub fn failure(obstacles: &[Obstacle]) -> Option<Error> {
        let (first, others) = obstacles.split_first()?;
        let mut details = Vec::new();
        for other in others {
            details.push(format!("also: {} ({})", other.message, other.hint));
            details.extend(other.findings.iter().map(|finding| format!("  {finding}")));
        }
        Some(first.error().details(details))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obstacle(class: Class, message: &str) -> Obstacle {
        let (findings, hint) = (vec![format!("{message} here")], format!("mend {message}"));
        Obstacle { class, message: message.to_owned(), findings, hint }
    }

    #[test]
    fn several_obstacles_are_one_failure_that_names_them_all() {
        assert!(Obstacle::failure(&[]).is_none());

        let both = [obstacle(Class::NoRoom, "quota"), obstacle(Class::Refused, "tag")];
        let error = Obstacle::failure(&both).unwrap();

        assert_eq!(error.class(), Class::NoRoom);
        assert_eq!(error.way_out(), Some("mend quota"));
        assert_eq!(error.findings(), ["quota here", "also: tag (mend tag)", "  tag here"]);
    }
}
