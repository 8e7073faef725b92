//! [`Halt`]: why nothing was imported.

use std::collections::{BTreeMap, BTreeSet};

use super::leave_behind::{LeaveBehind, whole_too};
use super::sharing::Sharing;
use crate::bundle::contents::{Contents, Image};
use crate::bundle::subset::needing;
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error};
use crate::words::phrase::Phrase;
use crate::words::reference::Reference;
use crate::work::clash::Clash;
use crate::work::transfer::Unfinished;

/// Why nothing was imported.
pub(super) enum Halt {
    /// For what may be about all images.
    Whole(Error),
    /// Because of these images, of which none is brought.
    Apart {
        /// Why not, once for all that have the same reason, with their names in the bundle.
        clashes: Vec<(Vec<Reference>, Clash)>,
        /// Whether remarks on the images were made before.
        remarked: bool,
    },
    /// Because of these images, parts of which are damaged or cannot be read.
    Unsound {
        /// Why, one by one, with their names in the bundle.
        images: Vec<(Reference, Error)>,
        /// All of it.
        error: Error,
    },
}

impl Halt {
    /// Because of those of `contents` that clash.
    pub(super) fn apart(clashes: Vec<Clash>, contents: &Contents, remarked: bool) -> Halt {
        let name = |at: &At<Image>| at.get(&contents.images).map(|image| image.name.clone());
        let named = |clash: Clash| (clash.images.iter().filter_map(name).collect(), clash);
        Halt::Apart { clashes: clashes.into_iter().map(named).collect(), remarked }
    }

    /// The same with another way out for images that clash.
    pub(super) fn with_way_out(self, way_out: &Phrase) -> Halt {
        let Halt::Apart { mut clashes, remarked } = self else { return self };
        for (_, clash) in &mut clashes {
            clash.error = clash.error.clone().hint(way_out);
            clash.reason = clash.reason.clone().hint(way_out);
        }
        Halt::Apart { clashes, remarked }
    }

    /// Whether what it is about is left behind, as `wanted`.
    pub(super) fn is_left(&self, wanted: LeaveBehind) -> bool {
        match wanted {
            LeaveBehind::Nothing => false,
            LeaveBehind::Unsound => matches!(self, Halt::Unsound { .. }),
            LeaveBehind::Anything => true,
        }
    }

    /// As one failure, with the way to bring those of `contents` that it is not about.
    pub(super) fn stopping(self, contents: &Contents, sharing: Sharing) -> Error {
        match self {
            Halt::Unsound { images, error } => {
                whole_too(error, contents.images.len().saturating_sub(images.len()), sharing)
            }
            other => other.into(),
        }
    }

    /// What `stop` amounts to for the images of `contents`.
    pub(super) fn of(stop: Unfinished, contents: &Contents) -> Halt {
        let Unfinished::Blobs(blobs) = &stop else { return Halt::from(whole(stop)) };
        let wrong: BTreeMap<Digest, &Error> =
            blobs.iter().map(|(it, error)| (*it, error)).collect();
        let reason = |digests: BTreeSet<Digest>| {
            let own = digests.iter().filter_map(|digest| wrong.get(digest));
            let own: Vec<Error> = own.map(|error| (*error).clone().without_findings()).collect();
            let damaged = own.iter().any(|error| error.class() == Class::Damaged);
            let class = if damaged { Some(Class::Damaged) } else { own.first().map(Error::class) };
            let class = class.unwrap_or(Class::Damaged);
            Error::all(own, |n| (class, format!("{n} of its blobs cannot be used")))
        };
        let needing = needing(contents, &wrong.keys().copied().collect());
        let images = needing.into_iter().filter_map(|(at, digests)| {
            Some((at.of(&contents.images).name.clone(), reason(digests)?))
        });
        Halt::Unsound { images: images.collect(), error: whole(stop) }
    }
}

/// `stop` as one failure.
fn whole(stop: Unfinished) -> Error {
    stop.error().unwrap_or_else(|| Error::new(Class::Other, "nothing was imported"))
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Whole(error)
    }
}

impl From<Halt> for Error {
    fn from(halt: Halt) -> Error {
        match halt {
            Halt::Whole(error) | Halt::Unsound { error, .. } => error,
            Halt::Apart { clashes, .. } => {
                let clashes = clashes.into_iter().map(|(_, clash)| clash).collect();
                let nothing = || Error::new(Class::Other, "no image can be brought");
                Clash::failure(clashes).unwrap_or_else(nothing)
            }
        }
    }
}
