//! [`Lot`]: what a stream brought to one repository.

use std::collections::{BTreeMap, BTreeSet};

use crate::words::digest::Digest;
use crate::words::reference::Reference;

/// What bundles brought to one repository of a place, which may be its only one.
#[derive(Debug)]
#[non_exhaustive]
pub struct Lot {
    /// A name in it.
    pub at: Reference,
    /// The names that were brought, each with all that it was brought for, the newest last.
    pub brought: BTreeMap<Reference, Vec<Digest>>,
    /// Those of them that are kept.
    pub kept: BTreeSet<Reference>,
    /// The documents that were brought.
    pub documents: BTreeSet<Digest>,
    /// Everything that is needed by what is kept.
    pub needed: BTreeSet<Digest>,
    /// What came along because it refers to others of them, with those.
    pub subjects: BTreeMap<Digest, BTreeSet<Digest>>,
    /// What is kept by its digest alone.
    pub pinned: BTreeSet<Digest>,
}

impl Lot {
    pub(super) fn at(name: &Reference) -> Lot {
        Lot {
            at: name.clone(),
            brought: BTreeMap::new(),
            kept: BTreeSet::new(),
            documents: BTreeSet::new(),
            needed: BTreeSet::new(),
            subjects: BTreeMap::new(),
            pinned: BTreeSet::new(),
        }
    }

    /// Notes that `name` was brought for `digest`, later than what was noted before, and whether it is
    /// kept.
    pub(super) fn claim(&mut self, name: Reference, digest: Digest, is_kept: bool) {
        if is_kept {
            self.kept.insert(name.clone());
        }
        let all = self.brought.entry(name).or_default();
        all.retain(|known| *known != digest);
        all.push(digest);
    }

    /// The names that may go, each with all that it was brought for, the newest last.
    pub fn candidates(&self) -> impl Iterator<Item = (&Reference, &[Digest])> {
        let free = self.brought.iter().filter(|(name, _)| !self.kept.contains(*name));
        free.map(|(name, digests)| (name, digests.as_slice()))
    }

    /// What `name`, which may go, was brought for last; nothing where it may not, or was never brought.
    pub(super) fn last_brought(&self, name: &Reference) -> Option<Digest> {
        let brought = self.brought.get(name).filter(|_| !self.kept.contains(name))?;
        brought.last().copied()
    }
}
