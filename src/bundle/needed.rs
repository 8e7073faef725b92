//! Which blobs the images of a bundle need, and which of them it carries.

use std::collections::BTreeSet;

use super::blob_list::BlobList;
use super::contents::Contents;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};

impl Contents {
    /// What was left out on purpose, and may be: no config or layer of a manifest that is there. A layer
    /// that is foreign to one image may be one of another's own.
    #[must_use]
    pub fn left_out(&self) -> BTreeSet<Digest> {
        let images = self.images.iter();
        let mut left_out: BTreeSet<Digest> =
            images.flat_map(|image| image.left_out.iter().map(|left| left.digest)).collect();
        if left_out.is_empty() {
            return left_out;
        }
        let manifests = self.documents.values();
        let manifests = manifests.filter(|it| matches!(it.kind(), Kind::Manifest { .. }));
        for part in manifests.flat_map(Document::children) {
            if !part.is_document() && !part.is_foreign() {
                left_out.remove(&part.digest);
            }
        }
        left_out
    }

    /// Lists the blobs that the images need, of which those are carried that `is_carried`. What was
    /// left out on purpose is not needed, unless it is carried all the same.
    pub fn list_blobs(&mut self, is_carried: impl Fn(&Descriptor) -> bool) {
        let left_out = self.left_out();
        let mut needed = self.walk_blobs();
        needed.retain(|blob| is_carried(blob) || !left_out.contains(&blob.digest));
        self.blobs = BlobList::carrying(needed, is_carried);
    }
}
