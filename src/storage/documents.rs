//! [`DocumentsAtHand`]: manifests that are on this side already, for a place that would have to
//! fetch them.

use std::fmt::Debug;

use crate::words::digest::Digest;

/// Gives manifests and indexes that an earlier run brought here.
pub trait DocumentsAtHand: Debug + Send + Sync {
    /// The bytes of the document `digest`, which were hashed just now; nothing where they are not
    /// there, or not right any more.
    fn bytes(&self, digest: &Digest) -> Option<Vec<u8>>;
}
