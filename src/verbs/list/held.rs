//! [`HeldImage`]: one image as a place or a cluster tells of it.

use std::collections::BTreeSet;

use super::at::ListedAt;
use crate::words::digest::Digest;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// One image.
#[derive(Debug, Clone, Default)]
pub(super) struct HeldImage {
    /// Its name, with the tag or, where it has none, the digest.
    pub(super) name: Option<Reference>,
    /// The digest of its manifest or index.
    pub(super) digest: Option<Digest>,
    /// The digest of its config.
    pub(super) config: Option<Digest>,
    /// Further digests of manifests that belong to it.
    pub(super) parts: BTreeSet<Digest>,
    /// What it runs on, as far as that is known.
    pub(super) platforms: Vec<Platform>,
    /// Whether somebody asks for it by this name, whatever that stands for.
    pub(super) is_asked: bool,
    /// Whether somebody asks for this very digest.
    pub(super) is_pinned: bool,
    /// Where it is.
    pub(super) at: Vec<ListedAt>,
}

impl HeldImage {
    /// The image `name`, with the digest that this pins, if it does.
    pub(super) fn named(name: &Reference) -> HeldImage {
        let digest = name.digest;
        HeldImage {
            name: Some(name.kept()),
            digest,
            is_pinned: digest.is_some(),
            ..HeldImage::default()
        }
    }

    /// The digests that stand for it as a whole.
    pub(super) fn roots(&self) -> impl Iterator<Item = Digest> {
        self.digest.into_iter().chain(self.config)
    }

    /// Those, and those of what belongs to it.
    pub(super) fn all(&self) -> impl Iterator<Item = Digest> {
        self.roots().chain(self.parts.iter().copied())
    }

    /// Whether it has a name that says more than its digest.
    pub(super) fn tagged(&self) -> Option<&Reference> {
        self.name.as_ref().filter(|name| name.tag.is_some())
    }

    /// Adds what `other`, the same image, tells.
    pub(super) fn join(&mut self, other: HeldImage) {
        self.config = self.config.or(other.config);
        self.parts.extend(other.parts);
        if self.platforms.is_empty() {
            self.platforms = other.platforms;
        }
        self.is_asked |= other.is_asked;
        self.is_pinned |= other.is_pinned;
        self.at.extend(other.at);
    }
}
