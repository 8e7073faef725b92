//! [`Problem`]: one thing that is wrong with a bundle, and whom it touches.

use std::fmt;

use serde::Serialize;

use crate::medium::fault::{FaultKind, TreeFault};
use crate::words::count::count;
use crate::words::error::{Class, Error, ErrorKind, Subject, UNREADABLE};

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// Bytes differ from what was signed.
    Damaged,
    /// Something that was signed is not there.
    Missing,
    /// A volume of the set is not there.
    MissingVolume,
    /// Something is there that was not signed.
    Extra,
    /// A link, a pipe or a device stands where a file should.
    NotAFile,
    /// The medium itself cannot be read there.
    Unreadable,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// The file, or an empty string for the bundle as a whole.
    pub path: String,
    /// What exactly, for people.
    pub detail: String,
    /// The images that cannot be used because of it.
    pub images: Vec<String>,
    /// How many further images, where they are too many to be named.
    #[serde(skip_serializing_if = "is_none")]
    pub more_images: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl Problem {
    /// A problem with `path`.
    pub fn new(kind: ProblemKind, path: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem {
            kind,
            path: path.into(),
            detail: detail.into(),
            images: Vec::new(),
            more_images: 0,
        }
    }

    /// A file that nobody signed for. What systems and programs leave on every medium is called
    /// that.
    pub fn extra(path: impl Into<String>) -> Problem {
        let path = path.into();
        let detail = match litter(&path) {
            Some(whose) => {
                format!("is litter of {whose}, no part of the bundle; it may be deleted")
            }
            None => "is not in the signed list".to_owned(),
        };
        Problem::new(ProblemKind::Extra, path, detail)
    }

    /// What a `fault` of the medium amounts to.
    #[must_use]
    pub fn of(fault: &TreeFault) -> Problem {
        let kind = match fault.kind {
            FaultKind::Truncated => ProblemKind::Missing,
            // Systems keep folders of their own on a medium.
            FaultKind::Unreadable if litter(&fault.path).is_some() => {
                return Problem::extra(fault.path.as_str());
            }
            FaultKind::Unreadable => ProblemKind::Unreadable,
            FaultKind::NotAFile => ProblemKind::NotAFile,
            _ => ProblemKind::Damaged,
        };
        Problem::new(kind, fault.path.as_str(), fault.what.as_str())
    }

    /// Whether it is no more than what systems leave behind.
    #[must_use]
    pub fn is_litter(&self) -> bool {
        self.kind == ProblemKind::Extra && litter(&self.path).is_some()
    }

    /// What `error`, met while reading `path`, amounts to.
    pub fn reading(path: impl Into<String>, error: &Error) -> Problem {
        let kind = match error.class() {
            _ if error.kind() == ErrorKind::Unreadable => ProblemKind::Unreadable,
            // A document of Docker's schema 1 is refused for what it is.
            Class::Damaged | Class::Refused => ProblemKind::Damaged,
            Class::Incomplete => ProblemKind::Missing,
            _ => ProblemKind::Unreadable,
        };
        Problem::new(kind, path, error.to_string())
    }
}

/// Most image names that one line shows.
const SHOWN: usize = 5;

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ProblemKind::Damaged => "damaged",
            ProblemKind::Missing => "missing",
            ProblemKind::Extra => "not signed for",
            ProblemKind::NotAFile => "not a file",
            ProblemKind::Unreadable => "unreadable",
            ProblemKind::MissingVolume => "missing volume",
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

/// The failure that `problems` amount to: damage weighs more than what cannot be read, which may
/// be anything, and that more than absence, because what is missing can simply be brought.
#[must_use]
pub fn failure(bundle: &str, problems: &[Problem]) -> Error {
    let any = |kind| problems.iter().any(|problem| problem.kind == kind);
    let damaged = any(ProblemKind::Damaged) || any(ProblemKind::NotAFile);
    let litter = !problems.is_empty() && problems.iter().all(Problem::is_litter);
    let (class, what, hint) = match damaged {
        true => (
            Class::Damaged,
            "is damaged",
            "use nothing from it; copy it from its origin again and verify the copy",
        ),
        false if litter => (
            Class::Damaged,
            "is not alone",
            "systems leave such files where they look; delete them, and run the same command again",
        ),
        false if any(ProblemKind::Extra) => (
            Class::Damaged,
            "holds what nobody signed for",
            "use nothing from it; copy it from its origin again and verify the copy",
        ),
        false if any(ProblemKind::Unreadable) => (Class::Refused, "is unreadable", UNREADABLE),
        false => (Class::Incomplete, "is incomplete", "copy it from its origin again"),
    };
    let volumes = problems.iter().filter(|it| it.kind == ProblemKind::MissingVolume);
    let volumes: Vec<&str> = volumes.map(|it| it.detail.as_str()).collect();
    let (lacks, hint) = match (volumes.as_slice(), class) {
        ([first, more @ ..], Class::Incomplete) => {
            let more = match more.len() {
                0 => String::new(),
                n => format!(" (and {n} more)"),
            };
            (
                format!("{first}{more}, "),
                "put all volumes of the set into one folder, and name that",
            )
        }
        _ => (String::new(), hint),
    };
    let text = format!("bundle {bundle} {what}: {lacks}{}", count(problems.len(), "problem"));
    let error = Error::new(class, text)
        .hint(hint)
        .details(problems.iter().map(Problem::to_string))
        .subject(Subject::Path(bundle.into()));
    match class {
        Class::Refused => error.of_kind(ErrorKind::Unreadable),
        _ => error,
    }
}

/// Who leaves a file of this path behind wherever it looks. Nothing of a bundle is called so.
fn litter(path: &str) -> Option<&'static str> {
    const APPLE: &[&str] = &[
        ".ds_store",
        ".spotlight-v100",
        ".trashes",
        ".fseventsd",
        ".temporaryitems",
        ".documentrevisions-v100",
        ".volumeicon.icns",
        ".apdisk",
        ".appledouble",
        "__macosx",
        ".metadata_never_index",
    ];
    const WINDOWS: &[&str] = &[
        "system volume information",
        "$recycle.bin",
        "recycler",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "autorun.inf",
        "wpsettings.dat",
        "indexervolumeguid",
    ];
    let of = |part: &str| {
        let part = part.to_lowercase();
        let is = |names: &[&str]| names.contains(&part.as_str());
        match part.as_str() {
            _ if is(APPLE) || part.starts_with("._") => Some("macOS"),
            _ if is(WINDOWS) => Some("Windows"),
            "lost+found" => Some("the file system"),
            ".directory" | ".xdg-volume-info" => Some("the desktop"),
            "@eadir" | ".@__thumb" | "#recycle" => Some("a network drive"),
            _ if part == ".trash" || part.starts_with(".trash-") => Some("the desktop"),
            _ if part.starts_with(".nfs") || part.starts_with(".fuse_hidden") => {
                Some("the file system")
            }
            _ => None,
        }
    };
    path.split('/').find_map(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kinds: &[ProblemKind]) -> Error {
        let problems: Vec<Problem> =
            kinds.iter().map(|kind| Problem::new(*kind, "x", "y")).collect();
        failure("b", &problems)
    }

    #[test]
    fn the_worst_that_is_known_decides_and_is_called_what_it_is() {
        use ProblemKind::{Damaged, Extra, Missing, NotAFile, Unreadable};
        for (kinds, class, word) in [
            (&[Missing][..], Class::Incomplete, "incomplete"),
            (&[Unreadable], Class::Refused, "unreadable"),
            (&[Missing, Unreadable], Class::Refused, "unreadable"),
            (&[Unreadable, Extra], Class::Damaged, "nobody signed for"),
            (&[Missing, Extra], Class::Damaged, "nobody signed for"),
            (&[Unreadable, Damaged], Class::Damaged, "damaged"),
            (&[NotAFile], Class::Damaged, "damaged"),
        ] {
            let error = of(kinds);
            assert_eq!(error.class(), class, "{kinds:?}");
            assert!(error.message().contains(word), "{kinds:?}: {error}");
            assert_eq!(error.message().contains("damaged"), word == "damaged", "{kinds:?}");
        }
    }

    #[test]
    fn what_systems_leave_behind_is_litter_and_nothing_else_is() {
        for path in [
            ".DS_Store",
            "blobs/sha256/.DS_Store",
            "._index.json",
            "System Volume Information/WPSettings.dat",
            "$RECYCLE.BIN/S-1-5-21/desktop.ini",
            "Thumbs.db",
            ".Trash-1000/info/x",
            ".Spotlight-V100/VolumeConfiguration.plist",
            "lost+found/#12",
        ] {
            let problem = Problem::extra(path);
            assert!(problem.detail.contains("litter"), "{path}");
            let error = failure("b", &[problem]);
            assert!(error.way_out().is_some_and(|hint| hint.contains("delete")), "{error:?}");
            assert_eq!(error.class(), Class::Damaged);
        }
        for path in ["readme.txt", "blobs/sha256/00", ".hidden", "DS_Store", "sig.json"] {
            let problem = Problem::extra(path);
            assert!(!problem.detail.contains("litter"), "{path}");
            let error = failure("b", &[problem, Problem::extra(".DS_Store")]);
            assert!(error.way_out().is_some_and(|hint| hint.contains("use nothing")), "{error:?}");
        }
    }
}
