//! [`PolicyKeys`]: keys of which one has to have signed.

use std::collections::BTreeSet;

use crate::bundle::image_signature::ImageKey;
use crate::bundle::keys::KeyId;

/// Keys of which one has to have signed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PolicyKeys {
    /// The keys.
    pub keys: Vec<ImageKey>,
}

impl PolicyKeys {
    /// Their ids, by which verdicts are found again.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<KeyId> {
        self.keys.iter().map(ImageKey::id).collect()
    }
}
