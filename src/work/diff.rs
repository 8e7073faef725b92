//! [`Difference`]: how two sets of images differ. Pure: what is held in, what changes out.

mod image_set;
mod weighed;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::image_set::{ImageSet, SetImage};
use self::weighed::weigh;
use super::plan::Count;
use crate::words::digest::Digest;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

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
    /// Those of them that one image alone needs.
    pub of_one: Count,
    /// Those that several images need, or an image and what refers to one: no image alone adds them.
    pub of_several: Count,
    /// Those that only signatures, SBOMs and the like need.
    pub of_referrers: Count,
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

/// How two sets of images differ.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Difference {
    /// How many names of each kind.
    pub counts: ChangeCounts,
    /// Every name of either, in order.
    pub images: Vec<ImageChange>,
    /// What after has and before has not; nothing where that cannot be told.
    pub new: Option<OneSided>,
    /// What both have; nothing where that cannot be told.
    pub shared: Option<Count>,
    /// What before had and after has not; nothing where that cannot be told.
    pub gone: Option<OneSided>,
}

impl Difference {
    /// How `after` differs from `before`.
    #[must_use]
    pub fn between(before: &ImageSet, after: &ImageSet) -> Difference {
        let (new, gone) = (weigh(after, before), weigh(before, after));
        let adds = |place: usize| new.as_ref().map(|new| new.alone[place]);
        let frees = |place: usize| gone.as_ref().map(|gone| gone.alone[place]);
        let mut names: BTreeMap<&Reference, [Option<usize>; 2]> = BTreeMap::new();
        for (side, set) in [before, after].into_iter().enumerate() {
            for (place, image) in set.images().iter().enumerate() {
                names.entry(&image.name).or_default()[side] = Some(place);
            }
        }
        let images: Vec<ImageChange> = names
            .into_iter()
            .map(|(name, [was, is])| {
                let (old, now) =
                    (was.map(|at| &before.images()[at]), is.map(|at| &after.images()[at]));
                let (gained, lost) = platforms(old, now);
                ImageChange {
                    name: name.clone(),
                    change: kind(old, now),
                    before: old.map(|image| before.state(image)),
                    after: now.map(|image| after.state(image)),
                    adds: is.map_or(Some(0), adds),
                    frees: was.map_or(Some(0), frees),
                    gained,
                    lost,
                }
            })
            .collect();
        let mut counts = ChangeCounts::default();
        images.iter().for_each(|image| counts.count(image.change));
        Difference {
            counts,
            images,
            shared: new.as_ref().map(|new| new.shared),
            new: new.map(|new| new.sides),
            gone: gone.map(|gone| gone.sides),
        }
    }

    /// Whether the two are known to be the same: every name, what it stands for, and everything
    /// that goes with it.
    #[must_use]
    pub fn is_none(&self) -> bool {
        let empty = |side: &Option<OneSided>| side.is_none_or(|side| side.all.blobs == 0);
        self.images.iter().all(|image| image.change == ChangeKind::Unchanged)
            && empty(&self.new)
            && empty(&self.gone)
    }
}

impl ChangeCounts {
    fn count(&mut self, kind: ChangeKind) {
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

/// What became of a name that is one of these.
fn kind(old: Option<&SetImage>, now: Option<&SetImage>) -> ChangeKind {
    let (old, now) = match (old, now) {
        (None, _) => return ChangeKind::Added,
        (_, None) => return ChangeKind::Removed,
        (Some(old), Some(now)) => (old, now),
    };
    match (&old.digest, &now.digest) {
        (Some(one), Some(other)) if one != other => ChangeKind::Moved,
        (Some(_), Some(_)) => match (&old.parts, &now.parts) {
            (Some(one), Some(other)) if one != other => ChangeKind::Parts,
            _ => ChangeKind::Unchanged,
        },
        // Two lists that say the same are the same.
        (None, None) => ChangeKind::Unchanged,
        _ => ChangeKind::Undecided,
    }
}

/// The platforms that an image which is in both gained and lost.
fn platforms(old: Option<&SetImage>, now: Option<&SetImage>) -> (Vec<Platform>, Vec<Platform>) {
    let known = |image: Option<&SetImage>| image.and_then(|image| image.platforms.clone());
    let (Some(old), Some(now)) = (known(old), known(now)) else { return Default::default() };
    let without = |these: &[Platform], others: &[Platform]| -> Vec<Platform> {
        these.iter().filter(|one| !others.contains(one)).cloned().collect()
    };
    (without(&now, &old), without(&old, &now))
}

#[cfg(test)]
mod tests;
