//! [`Difference`]: how two sets of images differ. Pure: what is held in, what changes out.

mod change;
mod held_parts;
mod image_set;
mod weighed;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::change::{ChangeCounts, ChangeKind, ImageChange, ImageState, OneSided};
pub use self::held_parts::HeldParts;
pub use self::image_set::{ImageSet, SetImage};
use self::weighed::weigh;
use super::plan::Count;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

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
        let adds = |place: usize| new.as_ref().and_then(|new| new.alone.get(place).copied());
        let frees = |place: usize| gone.as_ref().and_then(|gone| gone.alone.get(place).copied());
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
