//! [`Problem`]: one thing that is wrong with a bundle, and whom it touches.

use std::fmt;

use serde::Serialize;

use crate::words::error::{Class, Error};

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Bytes differ from what was signed.
    Damaged,
    /// Something that was signed is not there.
    Missing,
    /// Something is there that was not signed.
    Extra,
    /// A link, a pipe or a device stands where a file should.
    NotAFile,
    /// The medium itself cannot be read there.
    Unreadable,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What kind of thing.
    pub kind: Fault,
    /// The file, or an empty string for the bundle as a whole.
    pub path: String,
    /// What exactly, for people.
    pub detail: String,
    /// The images that cannot be used because of it.
    pub images: Vec<String>,
    /// How many further images, where they are too many to be named.
    #[serde(rename = "moreImages", skip_serializing_if = "is_none")]
    pub more_images: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl Problem {
    /// A problem with `path`.
    pub fn new(kind: Fault, path: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem {
            kind,
            path: path.into(),
            detail: detail.into(),
            images: Vec::new(),
            more_images: 0,
        }
    }

    /// What `error`, met while reading `path`, amounts to.
    pub fn reading(path: impl Into<String>, error: &Error) -> Problem {
        let kind = match error.class() {
            // A document of Docker's schema 1 is refused for what it is.
            Class::Damaged | Class::Refused => Fault::Damaged,
            Class::Incomplete => Fault::Missing,
            _ => Fault::Unreadable,
        };
        Problem::new(kind, path, error.to_string())
    }
}

/// Most image names that one line shows.
const SHOWN: usize = 5;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Fault::Damaged => "damaged",
            Fault::Missing => "missing",
            Fault::Extra => "not signed for",
            Fault::NotAFile => "not a file",
            Fault::Unreadable => "unreadable",
        };
        let path = if self.path.is_empty() { "the bundle" } else { &self.path };
        write!(f, "{what}: {path}: {}", self.detail)?;
        if let Some((first, rest)) = self.images.split_first() {
            write!(f, " (needed by {first}")?;
            for name in rest.iter().take(SHOWN - 1) {
                write!(f, ", {name}")?;
            }
            match self.images.len().saturating_sub(SHOWN) + self.more_images {
                0 => {}
                more => write!(f, " and {more} more")?,
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// The failure that `problems` amount to: damage weighs more than absence, because what is
/// missing can simply be brought.
#[must_use]
pub fn failure(bundle: &str, problems: &[Problem]) -> Error {
    let missing_only = problems.iter().all(|problem| problem.kind == Fault::Missing);
    let unreadable = problems.iter().all(|problem| problem.kind == Fault::Unreadable);
    let (class, what, hint) = match missing_only {
        _ if unreadable && !problems.is_empty() => {
            (Class::Other, "unreadable", "check the permissions, and the medium")
        }
        true => (Class::Incomplete, "incomplete", "copy it from its origin again"),
        false => (
            Class::Damaged,
            "damaged",
            "use nothing from it; copy it from its origin again and verify the copy",
        ),
    };
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        n => format!("{n} problems"),
    };
    Error::new(class, format!("bundle {bundle} is {what}: {count}"))
        .hint(hint)
        .details(problems.iter().map(Problem::to_string))
}
