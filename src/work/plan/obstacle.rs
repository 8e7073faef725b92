//! [`Obstacle`]: a reason, known beforehand, for which an import would fail.

use serde::Serialize;

use crate::words::count::count;
use crate::words::error::{Class, Error, ErrorKind, Side, Subject};
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// Why a plan cannot be run as it is. A dry run shows all of them; a real one ends with them
/// before it changes anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Obstacle {
    /// The class of the failure, and so its exit code.
    pub class: Class,
    /// What is in the way.
    pub message: Phrase,
    /// Each thing that it concerns.
    pub findings: Vec<Phrase>,
    /// What a person can do about it.
    pub hint: Phrase,
    /// What it is, for programs.
    #[serde(skip)]
    kind: ErrorKind,
    /// What it is about, for programs.
    #[serde(skip)]
    subjects: Vec<Subject>,
}

impl Obstacle {
    /// Something in the way, and what can be done about it.
    pub fn new(class: Class, message: impl Into<Phrase>, hint: impl Into<Phrase>) -> Obstacle {
        let (message, hint) = (message.into(), hint.into());
        let (findings, kind, subjects) = Default::default();
        Obstacle { class, message, findings, hint, kind, subjects }
    }

    /// The same with each thing that it concerns.
    #[must_use]
    pub fn about<T: Into<Phrase>>(self, findings: impl IntoIterator<Item = T>) -> Obstacle {
        Obstacle { findings: findings.into_iter().map(Into::into).collect(), ..self }
    }

    /// The same of a `kind`.
    #[must_use]
    pub fn of_kind(self, kind: ErrorKind) -> Obstacle {
        Obstacle { kind, ..self }
    }

    /// The same about `subjects`.
    #[must_use]
    pub fn with_subjects(self, subjects: impl IntoIterator<Item = Subject>) -> Obstacle {
        Obstacle { subjects: subjects.into_iter().collect(), ..self }
    }

    /// Names that stand for other images, and that the destination lets nobody move.
    pub(super) fn immutable(findings: Vec<String>) -> Obstacle {
        let message = format!(
            "the destination has {} with other images, and they are immutable",
            count(findings.len(), "name")
        );
        let hint = phrase![
            "give the images other tags with ",
            Remedy::Rules,
            ", leave them behind with ",
            Remedy::Existing,
            " skip, or bring them without their tags with ",
            Remedy::Existing,
            " keep-digest, or under tags made from their digests with digest-tag"
        ];
        Obstacle::new(Class::Refused, message, hint).about(findings)
    }

    /// Names that stand for other images. `untagged` says whether images may come without names.
    pub(super) fn taken(findings: Vec<String>, untagged: bool) -> Obstacle {
        let names = count(findings.len(), "name");
        let message = format!("the destination has {names} with other images");
        let hint = match untagged {
            true => {
                phrase![
                    Remedy::Existing,
                    " overwrite replaces them, skip leaves those images behind, keep-digest brings them \
                     without their tags, and digest-tag under tags made from their digests"
                ]
            }
            false => phrase![
                Remedy::Existing,
                " overwrite replaces them, and skip leaves those images behind"
            ],
        };
        Obstacle::new(Class::Refused, message, hint).about(findings)
    }

    /// What `error` says, met in looking ahead.
    #[must_use]
    pub fn known(error: &Error) -> Obstacle {
        let hint = error.advice().cloned().unwrap_or_default();
        Obstacle::new(error.class(), error.words(), hint)
            .about(error.findings())
            .of_kind(error.kind())
            .with_subjects(error.subjects().iter().cloned())
    }

    /// This one as a failure.
    #[must_use]
    pub fn error(&self) -> Error {
        let error = Error::new(self.class, &self.message)
            .hint(&self.hint)
            .details(&self.findings)
            .of_kind(self.kind)
            .about(self.subjects.iter().cloned());
        match self.class {
            // It is the destination that refuses, or has no room.
            Class::Refused | Class::NoRoom => error.on(Side::Destination),
            _ => error,
        }
    }

    /// All `obstacles` as one failure, of the class of the first; nothing when there are none.
    #[must_use]
    pub fn failure(obstacles: &[Obstacle]) -> Option<Error> {
        let (first, others) = obstacles.split_first()?;
        let mut details = Vec::new();
        for other in others {
            details.push(phrase!["also: ", &other.message, " (", &other.hint, ")"]);
            details.extend(other.findings.iter().map(|finding| phrase!["  ", finding]));
        }
        Some(first.error().details(details))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obstacle(class: Class, message: &str) -> Obstacle {
        Obstacle::new(class, message, format!("mend {message}")).about([format!("{message} here")])
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
