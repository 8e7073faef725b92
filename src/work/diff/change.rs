//! What became of names, and what that weighs.

use serde::Serialize;

use crate::words::digest::Digest;
use crate::words::platform::Platform;
use crate::words::reference::Reference;
use crate::work::plan::Count;

/// What became of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// It is there after, and was not before.
    Added,
    /// It was there before, and is not after.
    Removed,
    /// It stands for another digest.
    Moved,
    /// It stands for the same digest, of which other parts are held.
    Parts,
    /// It is the same.
    Unchanged,
    /// It is in both, and one of them does not say for which digest.
    Undecided,
}

/// What a name stands for on one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImageState {
    /// The digest of its manifest or index, where that is known.
    pub digest: Option<Digest>,
    /// Bytes of everything that it consists of, where that is known.
    pub bytes: Option<u64>,
    /// What it runs on, where that is known.
    pub platforms: Option<Vec<Platform>>,
}

/// What became of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImageChange {
    /// The name.
    pub name: Reference,
    /// What became of it.
    pub change: ChangeKind,
    /// What it stood for before, if it was there.
    pub before: Option<ImageState>,
    /// What it stands for after, if it is there.
    pub after: Option<ImageState>,
    /// Bytes that it alone adds: nothing of before has them, and no other image of after. Nothing
    /// where that cannot be told.
    pub adds: Option<u64>,
    /// Bytes that it alone frees: nothing of after has them, and no other image of before. Nothing
    /// where that cannot be told.
    pub frees: Option<u64>,
    /// Platforms that it has after and had not before, where it was there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gained: Vec<Platform>,
    /// Platforms that it had before and has not after, where it still is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<Platform>,
}

/// Blobs and manifests that are on one side and not on the other, by who needs them there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OneSided {
    /// All of them.
    #[serde(flatten)]
    pub all: Count,
    /// Those of them that one image alone needs; nothing where it is not known of what the images
    /// consist, and so for the others.
    pub of_one: Option<Count>,
    /// Those that several images need, or an image and what refers to one: no image alone adds them.
    pub of_several: Option<Count>,
    /// Those that only signatures, SBOMs and the like need.
    pub of_referrers: Option<Count>,
}

/// How many names there are of each kind of change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChangeCounts {
    /// [`ChangeKind::Added`].
    pub added: u64,
    /// [`ChangeKind::Removed`].
    pub removed: u64,
    /// [`ChangeKind::Moved`].
    pub moved: u64,
    /// [`ChangeKind::Parts`].
    pub parts: u64,
    /// [`ChangeKind::Unchanged`].
    pub unchanged: u64,
    /// [`ChangeKind::Undecided`].
    pub undecided: u64,
}

impl ChangeCounts {
    pub(super) fn count(&mut self, kind: ChangeKind) {
        *match kind {
            ChangeKind::Added => &mut self.added,
            ChangeKind::Removed => &mut self.removed,
            ChangeKind::Moved => &mut self.moved,
            ChangeKind::Parts => &mut self.parts,
            ChangeKind::Unchanged => &mut self.unchanged,
            ChangeKind::Undecided => &mut self.undecided,
        } += 1;
    }
}
