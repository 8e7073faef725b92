//! [`LockedList`]: names of images, and what they stood for when they were frozen.
//!
//! It is a file for people, for diffs and for programs, in TOML or in JSON, with the same members:
//! docs/lists.md describes them. No time stands in it: the same images make the same bytes.

mod image;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::image::{LockedImage, LockedReferrer, LockedWish};
use self::image::{SpelledImage, platform};
use super::list_text::ListText;
use crate::words::error::{Class, Error, Result};
use crate::words::json::check_strict_with;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// Largest lock: some thirty thousand images. Every list that is read may be as large.
pub const MAX_LOCK: u64 = 16 << 20;
/// Most dots, commas, equals signs and opening brackets of a lock in TOML. Each may be a value, which takes two
/// hundred bytes while it is read; a lock as large as they may be has 1.2 million.
const MAX_MARKS: usize = 1_500_000;
/// The member that tells a lock from all else.
const VERSION_MEMBER: &str = "lockVersion";
/// The one version that there is.
const VERSION: u64 = 1;
/// What a lock in TOML begins with.
const ABOUT: &str =
    "# What names of images stood for. Written by `sealift lock`, and read by `-f`.\n";

/// How a lock is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockForm {
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

impl LockForm {
    /// The one for the file at `path`: JSON where it is called `.json`, else TOML.
    #[must_use]
    pub fn of(path: &Path) -> LockForm {
        match path.extension().is_some_and(|it| it.eq_ignore_ascii_case("json")) {
            true => LockForm::Json,
            false => LockForm::Toml,
        }
    }
}

impl fmt::Display for LockForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockForm::Toml => "TOML",
            LockForm::Json => "JSON",
        })
    }
}

/// Names of images, frozen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockedList {
    /// The platforms that were asked for, of which the sizes are; all where there is none.
    pub platforms: Vec<Platform>,
    /// The images, sorted by name, each once.
    pub images: Vec<LockedImage>,
}

/// As it stands in the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File<I> {
    lock_version: u64,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<String>,
    #[serde(rename = "image", default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    images: Vec<I>,
}

/// What is read of a lock of any version.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    lock_version: u64,
}

impl LockedList {
    /// These `images`, as they were asked for on `platforms`, in order.
    #[must_use]
    pub fn new(platforms: Vec<Platform>, mut images: Vec<LockedImage>) -> LockedList {
        let platforms: BTreeSet<Platform> = platforms.into_iter().collect();
        images.iter_mut().for_each(LockedImage::sort);
        images.sort_by(|one, other| one.name.cmp(&other.name));
        LockedList { platforms: platforms.into_iter().collect(), images }
    }

    /// Which spelling of a lock `list` has; nothing where it is none.
    #[must_use]
    pub fn form_of(list: &ListText) -> Option<LockForm> {
        let mut lines = list.text().lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'))?;
        if first.strip_prefix(VERSION_MEMBER).is_some_and(|rest| rest.trim_start().starts_with('='))
        {
            return Some(LockForm::Toml);
        }
        let is_json = first.starts_with('{') && list.first()?.get(VERSION_MEMBER).is_some();
        is_json.then_some(LockForm::Json)
    }

    /// The image called `name`, if there is one.
    #[must_use]
    pub fn get(&self, name: &Reference) -> Option<&LockedImage> {
        self.images.iter().find(|image| image.name == *name)
    }

    /// The lock that `list` is.
    ///
    /// # Errors
    /// [`Class::Usage`] with the list and the line, for what is no lock, for another version, a member that
    /// is unknown or stands twice, a name that stands twice, and for a name, digest or platform that is not
    /// spelled as it is written.
    pub fn read(list: &ListText) -> Result<LockedList> {
        let read = LockedList::read_lines(list);
        read.map(|(lock, _)| lock).map_err(|(line, error)| error.context(list.spot(line, "")))
    }

    /// As [`read`](LockedList::read), with the line of each image, and that of an error.
    pub(super) fn read_lines(
        list: &ListText,
    ) -> std::result::Result<(LockedList, Vec<usize>), (usize, Error)> {
        let Some(form) = LockedList::form_of(list) else {
            let error = Error::new(Class::Usage, "is no lock");
            return Err((1, error.hint("name a file that lock wrote")));
        };
        let (file, lines) = match form {
            LockForm::Toml => of_toml(list.text())?,
            LockForm::Json => of_json(list)?,
        };
        let line = |at: usize| lines.get(at).copied().unwrap_or(1);
        let platforms = file.platforms.iter().map(|text| platform(text));
        let platforms = platforms.collect::<std::result::Result<Vec<_>, _>>();
        let platforms = platforms.map_err(|why| (1, fault(&why)))?;
        let mut names = BTreeSet::new();
        let read = file.images.into_iter().enumerate().map(|(at, written)| {
            let image = written.read().map_err(|why| (line(at), fault(&why)))?;
            match names.insert(image.name.clone()) {
                true => Ok(image),
                false => Err((line(at), fault(&format!("{} stands twice", image.name)))),
            }
        });
        let images = read.collect::<std::result::Result<Vec<_>, _>>()?;
        let lines = (0..images.len()).map(line).collect();
        Ok((LockedList { platforms, images }, lines))
    }

    /// Its bytes in `form`, which [`read`](LockedList::read) takes.
    ///
    /// # Errors
    /// [`Class::Usage`] where it is too large to be read again.
    pub fn to_bytes(&self, form: LockForm) -> Result<Vec<u8>> {
        let images: Vec<SpelledImage> = self.images.iter().map(SpelledImage::of).collect();
        let platforms = self.platforms.iter().map(ToString::to_string).collect();
        let file = File { lock_version: VERSION, platforms, images };
        let bad = |e: String| Error::new(Class::Other, format!("the lock cannot be written: {e}"));
        let text = match form {
            LockForm::Toml => {
                format!("{ABOUT}{}", toml::to_string(&file).map_err(|e| bad(e.to_string()))?)
            }
            LockForm::Json => {
                serde_json::to_string_pretty(&file).map_err(|e| bad(e.to_string()))? + "\n"
            }
        };
        let too_large = || {
            let text = format!("a lock of {} images is too large to be read", self.images.len());
            Error::new(Class::Usage, text).hint("make several, each of some of the images")
        };
        if text.len() as u64 > MAX_LOCK {
            return Err(too_large());
        }
        // What its readers would refuse is not handed out.
        match LockedList::read(&ListText::new("the lock", None, &text)) {
            Ok(same) if same == *self => Ok(text.into_bytes()),
            Ok(_) => Err(bad("it would be read as another one".to_owned())),
            // JSON may have only so many values.
            Err(_) if form == LockForm::Json => Err(too_large()),
            Err(e) => Err(bad(e.spelled())),
        }
    }
}

/// That a lock is broken, since `why`.
fn fault(why: &str) -> Error {
    let hint = "make the lock again; docs/lists.md says what stands in one";
    Error::new(Class::Usage, why).hint(hint)
}

/// That of these versions none is known here but the last.
fn known(head: &Head) -> std::result::Result<(), (usize, Error)> {
    let version = head.lock_version;
    let why = format!("the lock is of version {version}, and only {VERSION} is known here");
    match version == VERSION {
        true => Ok(()),
        false => Err((1, fault(&why).hint("a newer sealift may have made it; use that version"))),
    }
}

/// What a lock says, with the line of each image; else a line, and what is wrong there.
type Lined = std::result::Result<(File<SpelledImage>, Vec<usize>), (usize, Error)>;

fn of_toml(text: &str) -> Lined {
    let marks = text.bytes().filter(|byte| b".,=[{".contains(byte)).count();
    if marks > MAX_MARKS {
        return Err((1, fault("the lock has more values than one of its size may have")));
    }
    let at = Lines::of(text);
    let bad =
        |e: toml::de::Error| (at.line(e.span().map_or(0, |span| span.start)), fault(e.message()));
    known(&toml::from_str(text).map_err(bad)?)?;
    let file: File<toml::Spanned<SpelledImage>> = toml::from_str(text).map_err(bad)?;
    let lines = file.images.iter().map(|image| at.line(image.span().start)).collect();
    let images = file.images.into_iter().map(toml::Spanned::into_inner).collect();
    let (lock_version, platforms) = (file.lock_version, file.platforms);
    Ok((File { lock_version, platforms, images }, lines))
}

fn of_json(list: &ListText) -> Lined {
    let text = list.text();
    let bad = |e: serde_json::Error| (e.line().max(1), fault(&without_place(&e)));
    check_strict_with(text.as_bytes(), &[]).map_err(|e| (1, fault(&e.spelled())))?;
    known(&serde_json::from_str(text).map_err(bad)?)?;
    let file: File<SpelledImage> = serde_json::from_str(text).map_err(bad)?;
    let nodes = list.first().and_then(|node| node.get("image"));
    let lines = nodes.map_or(&[][..], |node| node.list()).iter().map(|node| node.line());
    Ok((file, lines.collect()))
}

/// Where the lines of a text begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Lines(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    /// The line of the byte `at`, from 1 on.
    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|begin| *begin <= at)
    }
}

/// What is wrong, without the line, which is told in front.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(why, _)| why.to_owned())
}

#[cfg(test)]
mod tests;
