//! Which blobs the images of a bundle need, and which of them it carries.

use std::collections::BTreeSet;

use super::blob_list::BlobList;
use super::contents::Contents;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;

impl Contents {
    /// What was left out on purpose.
    #[must_use]
    pub fn left_out(&self) -> BTreeSet<Digest> {
        let images = self.images.iter();
        images.flat_map(|image| image.left_out.iter().map(|left| left.digest)).collect()
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
