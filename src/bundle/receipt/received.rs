//! [`ReceivedImage`]: what became of an image of a bundle at the destination of an import, one line each.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::content::MAX_NAMES;
use crate::words::digest::Digest;
use crate::words::reference::Reference;

/// The line before the images.
pub(super) const IMAGES: &str = "images";
/// Where there is no digest, and no name.
const NOTHING: &str = "-";

/// What was found at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReceivedState {
    /// The image that was to be there, and all that belongs to it.
    Complete,
    /// That image, and not all that belongs to it.
    Incomplete,
    /// Another image.
    Other,
    /// Nothing.
    Absent,
    /// The destination did not tell.
    Unread,
}

/// An image of a bundle, or what refers to one, as it was found at the destination of an import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReceivedImage {
    /// Its name in the bundle; one by digest of what has no tag.
    pub name: Reference,
    /// Its name at the destination; nothing where it could get none.
    pub to: Option<Reference>,
    /// What was found.
    pub state: ReceivedState,
    /// The digest that was signed.
    pub signed: Digest,
    /// What the name stands for at the destination, as far as that tells.
    pub there: Option<Digest>,
    /// What it stood for before the import looked there first.
    pub before: Option<Digest>,
}

/// How many images were found how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ReceivedTotals {
    /// Those that are there whole.
    pub complete: u64,
    /// Those of which something lacks.
    pub incomplete: u64,
    /// Those under whose names there is another image.
    pub other: u64,
    /// Those that are not there.
    pub absent: u64,
    /// Those of which the destination did not tell.
    pub unread: u64,
}

impl ReceivedState {
    /// All of them.
    const ALL: [ReceivedState; 5] = [
        ReceivedState::Complete,
        ReceivedState::Incomplete,
        ReceivedState::Other,
        ReceivedState::Absent,
        ReceivedState::Unread,
    ];

    /// Its name, as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ReceivedState::Complete => "complete",
            ReceivedState::Incomplete => "incomplete",
            ReceivedState::Other => "other",
            ReceivedState::Absent => "absent",
            ReceivedState::Unread => "unread",
        }
    }
}

impl ReceivedTotals {
    /// Counts `images`.
    #[must_use]
    pub fn of(images: &[ReceivedImage]) -> ReceivedTotals {
        let mut totals = ReceivedTotals::default();
        for image in images {
            *match image.state {
                ReceivedState::Complete => &mut totals.complete,
                ReceivedState::Incomplete => &mut totals.incomplete,
                ReceivedState::Other => &mut totals.other,
                ReceivedState::Absent => &mut totals.absent,
                ReceivedState::Unread => &mut totals.unread,
            } += 1;
        }
        totals
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.complete + self.incomplete + self.other + self.absent + self.unread
    }
}

impl ReceivedImage {
    /// The image `name`, `signed` under that digest, of which nothing was found yet.
    #[must_use]
    pub fn new(name: Reference, signed: Digest) -> ReceivedImage {
        let state = ReceivedState::Absent;
        ReceivedImage { name, to: None, state, signed, there: None, before: None }
    }

    /// Whether its digests are such as go with what was found.
    fn fits(&self) -> bool {
        match self.state {
            ReceivedState::Absent => self.there.is_none(),
            ReceivedState::Unread => true,
            _ => self.there.is_some() && self.to.is_some(),
        }
    }

    fn line(&self) -> String {
        let hex = |digest: &Option<Digest>| digest.map_or(NOTHING.to_owned(), |it| it.hex());
        let to = self.to.as_ref().map_or(NOTHING.to_owned(), ToString::to_string);
        format!(
            "{} {} {} {} {} {to}",
            self.state.name(),
            self.signed.hex(),
            hex(&self.there),
            hex(&self.before),
            self.name,
        )
    }

    fn from_line(line: &str) -> Option<ReceivedImage> {
        let mut words = line.split(' ');
        let state = words.next()?;
        let state = ReceivedState::ALL.into_iter().find(|it| it.name() == state)?;
        let digest = |word: &str| match word {
            NOTHING => Some(None),
            hex => Digest::from_hex(hex).ok().map(Some),
        };
        let signed = digest(words.next()?)??;
        let (there, before) = (digest(words.next()?)?, digest(words.next()?)?);
        let name = words.next()?.parse().ok()?;
        let to = match words.next()? {
            NOTHING => None,
            to => Some(to.parse().ok()?),
        };
        let image = ReceivedImage { name, to, state, signed, there, before };
        (words.next().is_none() && image.fits()).then_some(image)
    }

    /// What its place in the list is decided by.
    fn key(&self) -> (String, Option<String>) {
        (self.name.to_string(), self.to.as_ref().map(ToString::to_string))
    }
}

/// Puts `images` into their order, each name at each place once.
pub(super) fn sort(images: &mut Vec<ReceivedImage>) {
    images.sort_by_cached_key(ReceivedImage::key);
    images.dedup_by_key(|image| image.key());
}

/// The list as text, behind a line that begins it.
pub(super) fn to_text(images: &[ReceivedImage]) -> String {
    // Three digests, a word, and two names.
    let mut text = String::with_capacity(16 + 400 * images.len());
    let _ = writeln!(text, "{IMAGES}");
    for image in images {
        let _ = writeln!(text, "{}", image.line());
    }
    text
}

/// Reads what [`to_text`] wrote of a list in its order, and nothing else.
pub(super) fn from_text(text: &str) -> Result<Vec<ReceivedImage>, String> {
    let mut lines = text.lines();
    if lines.next() != Some(IMAGES) {
        return Err("its images do not begin as such".to_owned());
    }
    let mut images = Vec::new();
    for line in lines {
        let bad = || format!("{:?} is no image of one", line.chars().take(80).collect::<String>());
        if images.len() == MAX_NAMES {
            return Err(format!("it has more than {MAX_NAMES} images"));
        }
        images.push(ReceivedImage::from_line(line).ok_or_else(bad)?);
    }
    let keys: Vec<_> = images.iter().map(ReceivedImage::key).collect();
    match keys.is_sorted_by(|one, next| one < next) && to_text(&images) == text {
        true => Ok(images),
        false => Err("its images are not spelled as sealift writes them".to_owned()),
    }
}
