//! [`Contents`]: what is in a bundle, as pure data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind, is_document};
use crate::words::platform::Platform;
use crate::words::reference::{Reference, Tag};

/// An image or artifact with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// Its full name, with a tag or, where it had none, a digest.
    pub name: Reference,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The type of that document.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// What the carried manifests run on.
    pub platforms: Vec<Platform>,
    /// Where it was exported from.
    pub source: String,
    /// What its documents point at and the bundle does not hold.
    pub left_out: Vec<LeftOut>,
    /// The digest of the original index, where a filtered one was made from it.
    pub rewritten_from: Option<Digest>,
}

/// Something that was left behind on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeftOut {
    /// What.
    pub digest: Digest,
    /// Its type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// What it runs on, if it is an image.
    pub platform: Option<Platform>,
    /// Why.
    pub reason: Reason,
}

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// It is for a platform that was not selected.
    Platform,
    /// It is a foreign layer, which its owner does not allow registries to hand on.
    Foreign,
}

/// A manifest that came along because it refers to another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Referrer {
    /// `host/path` of the repository it belongs to.
    pub repository: String,
    /// Its tag, where it has one made from the subject's digest.
    pub tag: Option<Tag>,
    /// The digest of the manifest.
    pub digest: Digest,
    /// Its type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// What it refers to.
    pub subject: Digest,
    /// What it is, for people.
    pub artifact_type: Option<String>,
}

impl Referrer {
    /// The name it is published under, where it has a tag.
    #[must_use]
    pub fn name(&self) -> Option<Reference> {
        format!("{}:{}", self.repository, self.tag.as_ref()?).parse().ok()
    }
}

/// Everything in a bundle.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// The images, sorted by name.
    pub images: Vec<Image>,
    /// What came along with them, sorted.
    pub referrers: Vec<Referrer>,
    /// Every manifest and index.
    pub documents: BTreeMap<Digest, Document>,
    /// Every other blob, in the order in which walking the images meets them: configs and layers.
    pub blobs: Vec<Descriptor>,
}

impl Contents {
    /// The digests of the documents that have a name or came along: where a walk begins.
    pub fn roots(&self) -> impl Iterator<Item = Digest> {
        let images = self.images.iter().map(|image| image.digest);
        images.chain(self.referrers.iter().map(|referrer| referrer.digest))
    }

    /// Everything reachable from `root`, itself first, that the bundle holds.
    #[must_use]
    pub fn closure(&self, root: Digest) -> BTreeSet<Digest> {
        let mut seen = BTreeSet::new();
        let mut ahead = vec![root];
        while let Some(digest) = ahead.pop() {
            if seen.insert(digest)
                && let Some(document) = self.documents.get(&digest)
            {
                ahead.extend(document.children().iter().map(|child| child.digest));
            }
        }
        seen
    }

    /// The documents below `root` in the order in which a registry takes them: children first.
    #[must_use]
    pub fn children_first(&self, root: Digest) -> Vec<&Document> {
        let mut order = Vec::new();
        self.visit(root, &mut BTreeSet::new(), &mut order);
        order
    }

    // The depth is bounded where documents enter: by the walk of an export, and by the check.
    fn visit<'a>(
        &'a self,
        digest: Digest,
        seen: &mut BTreeSet<Digest>,
        order: &mut Vec<&'a Document>,
    ) {
        let Some(document) = self.documents.get(&digest) else { return };
        if !seen.insert(digest) {
            return;
        }
        for child in document.children() {
            self.visit(child.digest, seen, order);
        }
        order.push(document);
    }

    /// The names of the images and referrers' subjects that need `digest`.
    #[must_use]
    pub fn touched_by(&self, digest: &Digest) -> Vec<String> {
        let images = self.images.iter().filter(|image| self.closure(image.digest).contains(digest));
        let mut names: Vec<String> = images.map(|image| image.name.to_string()).collect();
        for referrer in &self.referrers {
            if self.closure(referrer.digest).contains(digest) {
                names.push(format!("{}@{}", referrer.repository, referrer.digest));
            }
        }
        names.dedup();
        names
    }

    /// Bytes of all blobs and documents.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let documents = self.documents.values().map(|document| document.descriptor().size);
        documents.chain(self.blobs.iter().map(|blob| blob.size)).sum()
    }

    /// Lists every blob that walking `roots` over `documents` meets, in that order, each once:
    /// what [`Contents::blobs`] has to hold. Children that are documents and not held, and
    /// foreign layers, are handed to `absent`.
    pub fn walk_blobs(&self, mut absent: impl FnMut(&Descriptor)) -> Vec<Descriptor> {
        let (mut seen, mut blobs) = (BTreeSet::new(), Vec::new());
        for root in self.roots() {
            for document in self.children_first(root) {
                if !seen.insert(document.descriptor().digest) {
                    continue;
                }
                for child in document.children() {
                    if self.documents.contains_key(&child.digest) {
                        continue;
                    }
                    if child.is_foreign() || is_document(&child.media_type) {
                        absent(child);
                    } else if seen.insert(child.digest) {
                        blobs.push(child.clone());
                    }
                }
            }
        }
        blobs
    }

    /// The image manifests below `root`, in the order of their index.
    #[must_use]
    pub fn manifests(&self, root: Digest) -> Vec<&Document> {
        let Some(document) = self.documents.get(&root) else { return Vec::new() };
        match document.kind() {
            Kind::Manifest { .. } => vec![document],
            Kind::Index { manifests } => {
                manifests.iter().flat_map(|child| self.manifests(child.digest)).collect()
            }
        }
    }

    /// The digests of all configurations.
    #[must_use]
    pub fn configs(&self) -> BTreeSet<Digest> {
        let config = |document: &Document| match document.kind() {
            Kind::Manifest { config: Some(config), .. } => Some(config.digest),
            _ => None,
        };
        self.documents.values().filter_map(config).collect()
    }
}
