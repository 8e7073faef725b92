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
    /// The names that were brought, each with all that it was brought for.
    pub brought: BTreeMap<Reference, BTreeSet<Digest>>,
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

    /// Notes that `name` was brought for `digest`, and whether it is kept.
    pub(super) fn claim(&mut self, name: Reference, digest: Digest, is_kept: bool) {
        if is_kept {
            self.kept.insert(name.clone());
        }
        self.brought.entry(name).or_default().insert(digest);
    }

    /// The names that may go.
    pub fn candidates(&self) -> impl Iterator<Item = (&Reference, &BTreeSet<Digest>)> {
        self.brought.iter().filter(|(name, _)| !self.kept.contains(*name))
    }
}
