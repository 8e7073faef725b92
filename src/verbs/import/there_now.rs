//! [`ThereNow`]: what of the images of an import is at its destination.

use crate::bundle::receipt::{HeldContent, ReceivedState};
use crate::words::digest::Digest;
use crate::words::reference::Reference;

/// Under which name an image came to its repository, of which those in the bundle and there are given.
pub(super) type CameAs<'c> = &'c dyn Fn(&Reference, &Reference) -> Reference;

/// What of the images of an import is there.
#[derive(Debug, Default)]
pub(super) struct ThereNow {
    /// The images, and what refers to them.
    pub(super) seen: Vec<Seen>,
    /// The manifests and blobs of them that are there.
    pub(super) content: HeldContent,
}

/// An image, or what refers to one, as it was found.
#[derive(Debug)]
pub(super) struct Seen {
    /// Its name in the bundle; one by digest of what has no tag.
    pub(super) name: Reference,
    /// Whether it is no image, but refers to one.
    pub(super) refers: bool,
    /// Its name there.
    pub(super) to: Reference,
    /// What it was to be there.
    pub(super) wanted: Digest,
    /// What the name stands for.
    pub(super) there: Option<Digest>,
    pub(super) state: ReceivedState,
    /// What of it is not there, manifests first.
    pub(super) lacks: Vec<Digest>,
}

impl ThereNow {
    /// Adds all of `other`.
    pub(super) fn join(&mut self, other: ThereNow) {
        self.seen.extend(other.seen);
        self.content.join(other.content);
    }
}
