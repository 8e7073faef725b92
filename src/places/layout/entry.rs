//! [`LayoutEntry`]: one image as a layout lists it.

use crate::words::document::Descriptor;
use crate::words::reference::Reference;

/// An image listed in `index.json`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LayoutEntry {
    /// Its full name, where its annotations give one.
    pub name: Option<Reference>,
    /// What the list says about it.
    pub descriptor: Descriptor,
    /// Its position in the list, from 0 on.
    pub(super) position: usize,
}

/// Whether `entries` are all of one image.
pub(super) fn are_one(entries: &[&LayoutEntry]) -> bool {
    let mut digests = entries.iter().map(|entry| entry.descriptor.digest);
    let first = digests.next();
    digests.all(|digest| Some(digest) == first)
}
