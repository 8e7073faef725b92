//! [`Count`]: how many blobs, and how large they are.

use serde::Serialize;

use crate::words::document::Descriptor;

/// Counted blobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Count {
    /// How many.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Count {
    /// Adds one blob.
    pub fn add(&mut self, blob: &Descriptor) {
        // A claim of whoever made the image, until the bytes are there.
        self.weigh(blob.size);
    }

    /// Adds one blob of `size` bytes.
    pub fn weigh(&mut self, size: u64) {
        self.blobs += 1;
        self.bytes = self.bytes.saturating_add(size);
    }

    /// Adds other blobs that were counted.
    pub fn join(&mut self, other: Count) {
        self.blobs += other.blobs;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// All of some blobs.
impl<'b> FromIterator<&'b Descriptor> for Count {
    fn from_iter<I: IntoIterator<Item = &'b Descriptor>>(blobs: I) -> Count {
        let mut count = Count::default();
        blobs.into_iter().for_each(|blob| count.add(blob));
        count
    }
}
