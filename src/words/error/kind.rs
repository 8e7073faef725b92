//! [`ErrorKind`]: what a failure is, for code that has to decide by it.

use serde::{Serialize, Serializer};

/// What a failure is, where code goes on differently because of it. A [`Class`](super::Class) is for
/// scripts; this is finer, and says nothing of the exit code.
///
/// It will grow: whoever matches one or two of them is not told of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ErrorKind {
    /// None that any code has to know.
    #[default]
    Other,
    /// The other end refuses a document because it does not have all its parts.
    PartsLacking,
    /// The other end turns away whoever asks: others may be let in.
    AccessDenied,
    /// The other end takes no documents of this type.
    TypeNotTaken,
    /// The other end, or what stands before it, takes no body of this size.
    BodyTooLarge,
    /// A medium has what was to be read and does not give it, or it may not be read.
    Unreadable,
    /// What was to be sent is not what it was to be, or cannot be read.
    ContentAtFault,
    /// What was to be read was changed or replaced meanwhile.
    Replaced,
    /// A disk, or a quota, is full.
    NoSpace,
    /// No file may have the size that is wanted.
    FileTooLarge,
    /// A medium, or a share, fails or is not there any more.
    MediumFault,
    /// A medium takes nothing: it is read-only.
    ReadOnly,
    /// Nobody was reached at an address.
    Unreachable,
    /// Two things that were compared differ, where somebody asked whether they do.
    Differs,
    /// What the other end answers is nothing that is answered there: a page for people, or too much.
    AnswerUnusable,
    /// Bytes that were encrypted are not as they were.
    CiphertextDamaged,
    /// It goes on when another medium is there, and nobody was there to change it.
    NextMedium,
}

impl ErrorKind {
    /// The name that programs know it by. It never changes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Other => "other",
            ErrorKind::PartsLacking => "parts-lacking",
            ErrorKind::AccessDenied => "access-denied",
            ErrorKind::TypeNotTaken => "type-not-taken",
            ErrorKind::BodyTooLarge => "body-too-large",
            ErrorKind::Unreadable => "unreadable",
            ErrorKind::ContentAtFault => "content-at-fault",
            ErrorKind::Replaced => "replaced",
            ErrorKind::NoSpace => "no-space",
            ErrorKind::FileTooLarge => "file-too-large",
            ErrorKind::MediumFault => "medium-fault",
            ErrorKind::ReadOnly => "read-only",
            ErrorKind::Unreachable => "unreachable",
            ErrorKind::Differs => "differs",
            ErrorKind::AnswerUnusable => "answer-unusable",
            ErrorKind::CiphertextDamaged => "ciphertext-damaged",
            ErrorKind::NextMedium => "next-medium",
        }
    }
}

impl Serialize for ErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_name_stands_on_the_page() {
        let page = include_str!("../../../docs/json.md");
        let kinds = page.lines().find(|line| line.starts_with("| `kind` | string | the same more"));
        let names = include_str!("kind.rs").lines().filter_map(|line| {
            line.trim().strip_prefix("ErrorKind::")?.split_once(" => \"")?.1.strip_suffix("\",")
        });
        let names: Vec<&str> = names.collect();

        assert!(names.contains(&"other") && names.len() > 5, "{names:?}");
        for name in names {
            assert!(kinds.unwrap().contains(&format!("`{name}`")), "{name}");
        }
    }
}
