//! [`ArchiveImage`]: an image of a docker archive, and all that is found in one.

use std::collections::BTreeMap;

use crate::places::layout::Unreadable;
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::Class;
use crate::words::reference::Reference;

/// An image of the archive.
#[derive(Debug)]
pub(super) struct ArchiveImage {
    /// Its position in `manifest.json`, if it is listed there.
    pub(super) position: Option<usize>,
    /// What it is called; one name at least.
    pub(super) names: Vec<Reference>,
    pub(super) root: Document,
}

/// Which of `images` have which name.
pub(super) fn by_name(images: &[ArchiveImage]) -> BTreeMap<Reference, Vec<usize>> {
    let mut by_name: BTreeMap<Reference, Vec<usize>> = BTreeMap::new();
    for (at, image) in images.iter().enumerate() {
        for name in &image.names {
            by_name.entry(name.clone()).or_default().push(at);
        }
    }
    by_name
}

/// What is found in an archive.
#[derive(Debug, Default)]
pub(super) struct FoundImages {
    pub(super) images: Vec<ArchiveImage>,
    pub(super) made: BTreeMap<Digest, Document>,
    pub(super) paths: BTreeMap<Digest, String>,
    pub(super) notes: Vec<String>,
    pub(super) unreadable: Vec<Unreadable>,
}

/// Whether a failure says something of one image, and nothing of the disk or the person.
pub(super) fn is_about_content(class: Class) -> bool {
    matches!(class, Class::Damaged | Class::Incomplete | Class::Refused)
}
