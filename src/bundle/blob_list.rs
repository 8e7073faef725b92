//! [`BlobList`]: the configs and layers of a bundle, of which there are two kinds: those that its
//! images need, and those of them that its medium carries.

use std::collections::BTreeSet;
use std::iter;

use crate::words::digest::Digest;
use crate::words::document::Descriptor;

/// Blobs, in the order in which walking the images meets them. Whoever asks for them says which: a
/// bundle may carry fewer than it needs, where the other side has the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlobList {
    needed: Vec<Descriptor>,
    /// Which of them the medium does not carry, one for each; nothing where it carries all.
    lacks: Vec<bool>,
}

impl BlobList {
    /// `needed` blobs, all of which are carried.
    #[must_use]
    pub fn whole(needed: Vec<Descriptor>) -> BlobList {
        BlobList { needed, lacks: Vec::new() }
    }

    /// `needed` blobs, of which only those are carried that `is_carried`.
    #[must_use]
    pub fn carrying(needed: Vec<Descriptor>, is_carried: impl Fn(&Descriptor) -> bool) -> BlobList {
        let lacks: Vec<bool> = needed.iter().map(|blob| !is_carried(blob)).collect();
        match lacks.contains(&true) {
            true => BlobList { needed, lacks },
            false => BlobList::whole(needed),
        }
    }

    /// `needed` blobs, of which those are carried that this list does not lack.
    #[must_use]
    pub fn of_these(&self, needed: Vec<Descriptor>) -> BlobList {
        let lacking: BTreeSet<&Digest> = self.lacking().map(|blob| &blob.digest).collect();
        BlobList::carrying(needed, |blob| !lacking.contains(&blob.digest))
    }

    /// What the images need, wherever it is: what a destination has to have in the end.
    #[must_use]
    pub fn needed(&self) -> &[Descriptor] {
        &self.needed
    }

    /// What the medium carries of that: what can be read from it.
    pub fn carried(&self) -> impl Iterator<Item = &Descriptor> {
        self.each().filter(|(_, lacks)| !lacks).map(|(blob, _)| blob)
    }

    /// What is needed and not carried.
    pub fn lacking(&self) -> impl Iterator<Item = &Descriptor> {
        self.each().filter(|(_, lacks)| *lacks).map(|(blob, _)| blob)
    }

    fn each(&self) -> impl Iterator<Item = (&Descriptor, bool)> {
        self.needed.iter().zip(self.lacks.iter().copied().chain(iter::repeat(false)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_and_what_is_carried_are_told_apart() {
        let blobs = ["a", "b", "c"].map(|text| Descriptor::of("x/y", text.as_bytes()));
        let all = blobs.to_vec();

        let whole = BlobList::whole(all.clone());
        let delta = BlobList::carrying(all.clone(), |blob| *blob == blobs[1]);

        assert_eq!(whole.carried().count(), 3);
        assert_eq!(whole, BlobList::carrying(all, |_| true));
        assert_eq!(delta.needed(), blobs);
        assert!(delta.carried().eq([&blobs[1]]));
        assert!(delta.lacking().eq([&blobs[0], &blobs[2]]));
        let part = delta.of_these(blobs[1..].to_vec());
        assert_eq!((part.needed().len(), part.carried().count()), (2, 1));
    }
}
