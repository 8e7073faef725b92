//! What one side has and the other has not, and who needs it.

use std::collections::BTreeMap;

use super::change::OneSided;
use super::image_set::ImageSet;
use crate::words::digest::Digest;
use crate::work::plan::Count;

/// What one side has beyond the other.
pub(super) struct Weighed {
    /// For each of its images, the bytes that no other image has and nothing of the other side; empty
    /// where it is not known of what they consist.
    pub(super) alone: Vec<u64>,
    /// All of that, by who needs it.
    pub(super) sides: OneSided,
    /// What both have.
    pub(super) shared: Count,
}

/// What `set` has beyond `other`; nothing where either does not say what it has.
pub(super) fn weigh(set: &ImageSet, other: &ImageSet) -> Option<Weighed> {
    let (sizes, others) = (set.sizes()?, other.sizes()?);
    let (mut all, mut shared) = (Count::default(), Count::default());
    let mut new: BTreeMap<Digest, (u64, Users)> = BTreeMap::new();
    for (digest, size) in sizes {
        match others.contains_key(digest) {
            true => shared.weigh(*size),
            false => {
                all.weigh(*size);
                new.insert(*digest, (*size, Users::default()));
            }
        }
    }
    let mut sides = OneSided { all, ..OneSided::default() };
    if !set.has_parts() {
        return Some(Weighed { alone: Vec::new(), sides, shared });
    }
    let parts = || set.images().iter().map(|image| image.parts.as_deref().unwrap_or_default());
    for digest in parts().flatten() {
        new.entry(*digest).and_modify(|(_, users)| users.images += 1);
    }
    for digest in set.referring() {
        new.entry(*digest).and_modify(|(_, users)| users.referring = true);
    }
    let own = |digest: &Digest| {
        new.get(digest).filter(|(_, users)| users.is_one()).map(|(size, _)| *size)
    };
    let alone = parts().map(|parts| parts.iter().filter_map(own).fold(0, u64::saturating_add));
    let alone = alone.collect();
    let of = |is_meant: fn(&Users) -> bool| {
        let mut count = Count::default();
        let meant = new.values().filter(|(_, users)| is_meant(users));
        meant.for_each(|(size, _)| count.weigh(*size));
        Some(count)
    };
    sides.of_one = of(Users::is_one);
    sides.of_referrers = of(|users| users.images == 0);
    sides.of_several = of(|users| users.images > 0 && !users.is_one());
    Some(Weighed { alone, sides, shared })
}

/// Who needs a blob.
#[derive(Default)]
struct Users {
    images: u32,
    /// Whether something that refers to an image does.
    referring: bool,
}

impl Users {
    fn is_one(&self) -> bool {
        self.images == 1 && !self.referring
    }
}
