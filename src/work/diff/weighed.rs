//! What one side has and the other has not, and who needs it.

use std::collections::BTreeMap;

use super::OneSided;
use super::image_set::ImageSet;
use crate::words::digest::Digest;
use crate::work::plan::Count;

/// What one side has beyond the other.
pub(super) struct Weighed {
    /// For each of its images, the bytes that no other image has and nothing of the other side.
    pub(super) alone: Vec<u64>,
    /// All of that, by who needs it.
    pub(super) sides: OneSided,
    /// What both have.
    pub(super) shared: Count,
}

/// What `set` has beyond `other`; nothing where either does not say of what it consists.
pub(super) fn weigh(set: &ImageSet, other: &ImageSet) -> Option<Weighed> {
    let (sizes, others) = (set.sizes()?, other.sizes()?);
    let is_new = |digest: &&Digest| !others.contains_key(*digest);
    // Who needs each: images are counted, and what refers to them is one more.
    let mut users: BTreeMap<Digest, u32> = BTreeMap::new();
    let parts = || set.images().iter().map(|image| image.parts.as_deref().unwrap_or_default());
    for digest in parts().flatten().chain(set.referring()).filter(is_new) {
        *users.entry(*digest).or_default() += 1;
    }
    let referring = set.referring();
    let is_alone = |digest: &&Digest| {
        users.get(*digest).is_some_and(|users| *users == 1) && !referring.contains(*digest)
    };
    let size = |digest: &Digest| sizes.get(digest).copied().unwrap_or(0);
    let alone = parts().map(|parts| {
        let own = parts.iter().filter(is_alone).map(size);
        own.fold(0, u64::saturating_add)
    });
    let (mut sides, mut shared) = (OneSided::default(), Count::default());
    for (digest, size) in sizes {
        let Some(users) = users.get(digest) else {
            if others.contains_key(digest) {
                shared.weigh(*size);
            }
            continue;
        };
        sides.all.weigh(*size);
        match (users, referring.contains(digest)) {
            (1, false) => sides.of_one.weigh(*size),
            (1, true) => sides.of_referrers.weigh(*size),
            _ => sides.of_several.weigh(*size),
        }
    }
    Some(Weighed { alone: alone.collect(), sides, shared })
}
