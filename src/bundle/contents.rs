//! [`Contents`]: what is in a bundle, as pure data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::blob_list::BlobList;
pub use super::referrer::Referrer;
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::foreign::Foreign;
use crate::words::media::Role;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// Deepest chain of documents: indexes in indexes, and referrers of referrers of them.
pub const MAX_LEVELS: usize = 16;
/// Most that all documents may weigh ([`Document::weight`]), which are held in memory: a hostile
/// registry or medium would otherwise choose the number. Those of twelve thousand images with ten
/// layers each, or of five thousand with twenty of their own, weigh 100 MiB.
pub const MAX_DOCUMENTS_WEIGHT: u64 = 128 << 20;

/// An image or artifact with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
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
    /// Whether its manifest was made on export, from an archive or an engine that keeps none, so
    /// that its digest is no registry's. Made twice from the same image, it is the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made: bool,
}

impl Image {
    /// A sentence about its foreign layers, where it has any.
    #[must_use]
    pub fn about_foreign(&self) -> Option<String> {
        let layers = self.left_out.iter().filter(|left| left.reason == Reason::Foreign).count();
        let foreign = Foreign { layers, owners: Vec::new() };
        foreign.is_any().then(|| foreign.about(&self.name))
    }
}

/// An image that was asked for with all others of a place, and could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Skipped {
    /// The place, as the user named it.
    pub source: String,
    /// What the image is called there; the place itself where it could not be read at all.
    pub image: String,
    /// Why.
    pub reason: String,
}

/// Something that was left behind on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
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
#[non_exhaustive]
pub enum Reason {
    /// It is for a platform that was not selected.
    Platform,
    /// It is a foreign layer, which its owner does not allow registries to hand on.
    Foreign,
}

/// Which of the documents a walk begins with: those that have a name or came along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RootAt {
    /// That of an image.
    Image(At<Image>),
    /// That of a referrer.
    Referrer(At<Referrer>),
}

/// Everything in a bundle.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Contents {
    /// The images, sorted by name.
    pub images: Vec<Image>,
    /// What came along with them, sorted.
    pub referrers: Vec<Referrer>,
    /// Every manifest and index.
    pub documents: BTreeMap<Digest, Document>,
    /// Every other blob: configs and layers.
    pub blobs: BlobList,
    /// For each document that was written anew, the digest of the one that it stands for.
    pub replaced: BTreeMap<Digest, Digest>,
    /// The roots of trust that a new bundle is to carry, by the names of their files.
    pub roots: BTreeMap<String, Arc<[u8]>>,
}

impl Contents {
    /// The digests of the documents that have a name or came along: where a walk begins.
    pub fn roots(&self) -> impl Iterator<Item = Digest> {
        let images = self.images.iter().map(|image| image.digest);
        images.chain(self.referrers.iter().map(|referrer| referrer.digest))
    }

    /// Everything reachable from `root`, itself first, that the bundle holds; and what that stands
    /// for, so that what refers to the one belongs to the other.
    #[must_use]
    pub fn closure(&self, root: Digest) -> BTreeSet<Digest> {
        let mut seen = BTreeSet::new();
        let mut ahead = vec![root];
        while let Some(digest) = ahead.pop() {
            if seen.insert(digest)
                && let Some(document) = self.documents.get(&digest)
            {
                ahead.extend(document.children().iter().map(|child| child.digest));
                seen.extend(self.replaced.get(&digest));
            }
        }
        seen
    }

    /// The documents below `roots` in the order in which a registry takes them: children first,
    /// each once.
    #[must_use]
    pub fn children_first(&self, roots: impl IntoIterator<Item = Digest>) -> Vec<&Document> {
        self.below_first(roots, |document| document.children())
    }

    /// The documents that walking `below` from `roots` reaches, each once and behind all that are
    /// below it. Whoever made them chose how long a chain of them is, so this keeps its own stack.
    pub fn below_first<'a>(
        &'a self,
        roots: impl IntoIterator<Item = Digest>,
        below: impl Fn(&'a Document) -> Vec<&'a Descriptor>,
    ) -> Vec<&'a Document> {
        let mut seen = BTreeSet::new();
        let mut order = Vec::new();
        for root in roots {
            let mut open = vec![vec![root].into_iter()];
            let mut above: Vec<&Document> = Vec::new();
            while let Some(siblings) = open.last_mut() {
                let Some(digest) = siblings.next() else {
                    open.pop();
                    order.extend(above.pop());
                    continue;
                };
                if let Some(document) = self.documents.get(&digest)
                    && seen.insert(digest)
                {
                    let next: Vec<Digest> = below(document).iter().map(|d| d.digest).collect();
                    open.push(next.into_iter());
                    above.push(document);
                }
            }
        }
        order
    }

    /// For each of `digests` what needs it.
    #[must_use]
    pub fn needed_by(&self, digests: &BTreeSet<Digest>) -> BTreeMap<Digest, Vec<RootAt>> {
        let images = At::each(&self.images).map(|(at, it)| (RootAt::Image(at), it.digest));
        let referrers = At::each(&self.referrers);
        let referrers = referrers.map(|(at, it)| (RootAt::Referrer(at), it.digest));
        let mut users: BTreeMap<Digest, Vec<RootAt>> = BTreeMap::new();
        for (at, root) in images.chain(referrers) {
            for digest in self.closure(root).intersection(digests) {
                users.entry(*digest).or_default().push(at);
            }
        }
        users
    }

    /// What the root `at` is called: an image's name, or a referrer's digest.
    #[must_use]
    pub fn root_name(&self, at: RootAt) -> String {
        match at {
            RootAt::Image(at) => at.of(&self.images).name.to_string(),
            RootAt::Referrer(at) => {
                let referrer = at.of(&self.referrers);
                format!("{}@{}", referrer.repository, referrer.digest)
            }
        }
    }

    /// The names of the images and referrers that need `digest`.
    #[must_use]
    pub fn touched_by(&self, digest: &Digest) -> Vec<String> {
        let users = self.needed_by(&BTreeSet::from([*digest])).remove(digest).unwrap_or_default();
        let mut names: Vec<String> = users.into_iter().map(|at| self.root_name(at)).collect();
        names.dedup();
        names
    }

    /// Bytes of all documents, and of the blobs that are carried.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let documents = self.documents.values().map(|document| document.descriptor().size);
        documents.chain(self.blobs.carried().map(|blob| blob.size)).fold(0, u64::saturating_add)
    }

    /// Lets go of the documents that no root reaches, and lists the blobs of the others.
    pub fn keep_reached(&mut self) {
        let roots: Vec<Digest> = self.roots().collect();
        let reached = self.children_first(roots).into_iter().map(|d| d.descriptor().digest);
        let reached: BTreeSet<Digest> = reached.collect();
        self.documents.retain(|digest, _| reached.contains(digest));
        self.blobs = self.blobs.of_these(self.walk_blobs());
    }

    /// Lists every blob that walking `roots` over `documents` meets, in that order, each once: what
    /// the images need, but for foreign layers, which only their owners hand out.
    #[must_use]
    pub fn walk_blobs(&self) -> Vec<Descriptor> {
        let (mut seen, mut blobs) = (BTreeSet::new(), Vec::new());
        for document in self.children_first(self.roots()) {
            for child in document.children() {
                let is_blob = !child.is_foreign() && !child.is_document();
                if is_blob
                    && !self.documents.contains_key(&child.digest)
                    && seen.insert(child.digest)
                {
                    blobs.push(child.clone());
                }
            }
        }
        blobs.shrink_to_fit();
        blobs
    }

    /// Digests of which two documents, or the list of images, say different things: another size,
    /// or for a document another type. Whoever believes the one cannot use the other.
    #[must_use]
    pub fn contradictions(&self) -> BTreeMap<Digest, String> {
        let mut said: BTreeMap<Digest, u64> = BTreeMap::new();
        let mut found = BTreeMap::new();
        let images = self.images.iter().map(|i| (i.digest, i.size, i.media_type.as_str()));
        let referrers = self.referrers.iter().map(|r| (r.digest, r.size, r.media_type.as_str()));
        let children = self.documents.values().flat_map(Document::children);
        let children = children.map(|child| (child.digest, child.size, &*child.media_type));
        for (digest, size, media_type) in images.chain(referrers).chain(children) {
            let other = match self.documents.get(&digest).map(Document::descriptor) {
                Some(own) if Role::of(media_type).is_document() && own.media_type != media_type => {
                    let why = format!("is listed as {media_type} and is {}", own.media_type);
                    found.entry(digest).or_insert(why);
                    continue;
                }
                Some(own) => own.size,
                None => *said.entry(digest).or_insert(size),
            };
            if other != size {
                let why = format!("is listed with {size} bytes and with {other}");
                found.entry(digest).or_insert(why);
            }
        }
        found
    }

    /// The image manifests below `root`, in the order of their indexes, each once.
    #[must_use]
    pub fn manifests(&self, root: Digest) -> Vec<&Document> {
        let entries = |document: &'_ Document| matches!(document.kind(), Kind::Index { .. });
        let below = |document| if entries(document) { document.children() } else { Vec::new() };
        let mut found = self.below_first([root], below);
        found.retain(|document| !entries(document));
        found
    }

    /// What the indexes below `root` list each manifest that is held for.
    #[must_use]
    pub fn listed_for(&self, root: Digest) -> BTreeMap<Digest, BTreeSet<&Platform>> {
        let mut listed: BTreeMap<Digest, BTreeSet<&Platform>> = BTreeMap::new();
        let entries = self.children_first([root]).into_iter().flat_map(Document::children);
        for entry in entries.filter(|entry| self.documents.contains_key(&entry.digest)) {
            if let Some(platform) = &entry.platform {
                listed.entry(entry.digest).or_default().insert(platform);
            }
        }
        listed
    }

    /// The foreign layers below `root`.
    #[must_use]
    pub fn foreign(&self, root: Digest) -> Foreign {
        Foreign::among(self.children_first([root]).into_iter().flat_map(Document::children))
    }

    /// A sentence about the foreign layers of each image that has any.
    pub fn about_foreign(&self) -> impl Iterator<Item = String> {
        self.images.iter().filter_map(|image| {
            let foreign = self.foreign(image.digest);
            foreign.is_any().then(|| foreign.about(&image.name))
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::media::{OCI_INDEX, OCI_MANIFEST};
    use serde_json::json;

    fn index(children: &[&Document]) -> Document {
        let manifests: Vec<&Descriptor> = children.iter().map(|c| c.descriptor()).collect();
        let raw = json!({"schemaVersion": 2, "manifests": manifests});
        Document::parse(raw.to_string().into_bytes(), OCI_INDEX).unwrap()
    }

    fn manifest(text: &str) -> Document {
        let config = Descriptor::of("a/b", text.as_bytes());
        let raw = json!({"schemaVersion": 2, "config": config, "layers": []});
        Document::parse(raw.to_string().into_bytes(), OCI_MANIFEST).unwrap()
    }

    fn holding(documents: Vec<Document>) -> Contents {
        let documents = documents.into_iter().map(|d| (d.descriptor().digest, d)).collect();
        Contents { documents, ..Contents::default() }
    }

    #[test]
    fn a_chain_of_any_length_is_walked_on_a_small_stack() {
        let mut chain = vec![manifest("end")];
        for _ in 0..20_000 {
            chain.push(index(&[&chain[chain.len() - 1]]));
        }
        let top = chain[chain.len() - 1].descriptor().digest;
        let contents = holding(chain);

        let walk = move || (contents.children_first([top]).len(), contents.manifests(top).len());
        let small = std::thread::Builder::new().stack_size(256 << 10).spawn(walk);

        assert_eq!(small.unwrap().join().unwrap(), (20_001, 1));
    }

    #[test]
    fn a_graph_with_more_paths_than_atoms_is_walked_once() {
        let mut level = vec![manifest("a"), manifest("b")];
        let mut all = level.clone();
        for turn in 0..40 {
            let (one, other) = (&level[0], &level[1]);
            level = vec![index(&[one, other]), index(&[other, one, one])];
            assert_eq!(level[0].children().len(), 2, "{turn}");
            all.extend(level.iter().cloned());
        }
        let top = all[all.len() - 2].descriptor().digest;
        let contents = holding(all);

        assert_eq!(contents.manifests(top).len(), 2);
        assert_eq!(contents.children_first([top]).len(), 81);
    }

    #[test]
    fn what_refers_to_an_image_is_called_what_it_is() {
        let subject = Digest::of(b"s");
        let tag = |ending: &str| format!("sha256-{}.{ending}", subject.hex());
        let image = "application/vnd.oci.image.config.v1+json";
        for (tag, artifact_type, expected) in [
            (Some(tag("sig")), Some(image), Some("cosign signature")),
            (Some(tag("att")), Some(image), Some("cosign attestation")),
            (Some(tag("sbom")), None, Some("cosign SBOM")),
            (None, Some("application/vnd.dev.sigstore.bundle.v0.3+json"), Some("sigstore bundle")),
            (None, Some("application/vnd.cncf.notary.signature"), Some("notation signature")),
            (None, Some(image), Some("image")),
            (None, Some("application/vnd.example"), None),
            (None, None, None),
        ] {
            let referrer = Referrer {
                repository: "x.example/a".to_owned(),
                tag: tag.as_deref().map(|tag| tag.parse().unwrap()),
                digest: Digest::of(b"d"),
                media_type: "m".to_owned(),
                size: 1,
                subject,
                artifact_type: artifact_type.map(str::to_owned),
            };
            assert_eq!(referrer.kind(), expected, "{tag:?} {artifact_type:?}");
        }
    }
}
