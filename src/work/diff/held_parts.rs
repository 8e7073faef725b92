//! [`HeldParts`]: of what the images of a place consist, as its manifests say.

use std::collections::{BTreeMap, BTreeSet};

use crate::words::digest::Digest;

/// Of what the manifests at a place consist, and which of them are there because they refer to others.
#[derive(Debug, Clone, Default)]
pub struct HeldParts {
    /// The manifests and blobs that each manifest names, and that are there.
    children: BTreeMap<Digest, Box<[Digest]>>,
    /// The manifests that refer to others.
    referring: BTreeSet<Digest>,
}

impl HeldParts {
    /// Notes the manifests and blobs that `manifest` names.
    pub fn note(&mut self, manifest: Digest, children: impl IntoIterator<Item = Digest>) {
        self.children.insert(manifest, children.into_iter().collect());
    }

    /// Notes a manifest that is there because it refers to another.
    pub fn refers(&mut self, manifest: Digest) {
        self.referring.insert(manifest);
    }

    /// Adds all of `other`.
    pub fn join(&mut self, other: HeldParts) {
        self.children.extend(other.children);
        self.referring.extend(other.referring);
    }

    /// Whether it is known of what the manifest `digest` consists.
    #[must_use]
    pub fn knows(&self, digest: &Digest) -> bool {
        self.children.contains_key(digest)
    }

    /// `root`, and all that is below it.
    pub(super) fn closure(&self, root: Digest) -> BTreeSet<Digest> {
        let (mut seen, mut ahead) = (BTreeSet::new(), vec![root]);
        while let Some(digest) = ahead.pop() {
            if seen.insert(digest) {
                ahead.extend(self.children.get(&digest).into_iter().flatten());
            }
        }
        seen
    }

    /// What belongs to manifests that are there because they refer to others.
    pub(super) fn of_referring(&self) -> BTreeSet<Digest> {
        self.referring.iter().flat_map(|digest| self.closure(*digest)).collect()
    }
}
