//! [`Next`]: a document of the next level.

use super::asked::Origin;
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;

/// A document that is to be fetched.
pub(super) struct Next {
    pub(super) origin: At<Origin>,
    pub(super) descriptor: Descriptor,
    /// The index that it is a part of, if it is.
    pub(super) index: Option<Digest>,
}

impl Next {
    /// A part of an index.
    pub(super) fn part(origin: At<Origin>, descriptor: Descriptor, index: Digest) -> Next {
        Next { origin, descriptor, index: Some(index) }
    }

    /// Something that refers to what was fetched before.
    pub(super) fn referrer(origin: At<Origin>, descriptor: Descriptor) -> Next {
        Next { origin, descriptor, index: None }
    }

    pub(super) fn key(&self) -> (At<Origin>, Digest) {
        (self.origin, self.descriptor.digest)
    }
}
