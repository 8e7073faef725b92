//! [`Head`]: the small files of a bundle. They are all known before the first layer is moved,
//! because manifests name their layers by digest; so a packed bundle can be written in one go.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::contents::{Contents, Referrer};
use super::docker::{Configs, DOCKER_INDEX, docker_index};
use super::envelope::Envelope;
use super::inventory::{Inventory, SUMS};
use super::keys::{KeyId, PrivateKey};
use super::statement::Predicate;
use crate::places::layout::{CONTAINERD_NAME, LAYOUT_MARK, REF_NAME, blob_path};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::media::OCI_INDEX;

/// Largest configuration that goes to the head and is looked into: what docker and
/// containers/image read. Those of images have a few kilobytes, some with large labels more; an
/// artifact may use the config for content of any size, which then moves as a layer.
pub const MAX_CONFIG: u64 = 4 << 20;

/// Most bytes of configs that are held in memory and go to the head; further ones move as layers do.
/// Those of five thousand images have twenty megabytes.
const MAX_CONFIGS: u64 = 48 << 20;

/// The configs of `contents` that go to the head, in the order of its blobs.
#[must_use]
pub fn small_configs(contents: &Contents) -> Vec<&Descriptor> {
    let configs = contents.configs();
    let mut room = MAX_CONFIGS;
    let needed = contents.blobs.needed().iter();
    let small = needed.filter(|it| configs.contains(&it.digest) && it.size <= MAX_CONFIG);
    let fitting = small.filter(|blob| {
        let fits = blob.size <= room;
        room -= if fits { blob.size } else { 0 };
        fits
    });
    fitting.collect()
}

/// The small files of a bundle, signed, and the blobs that follow them.
#[derive(Debug)]
pub struct Head {
    /// Path and bytes, in the order of a packed bundle. Those of manifests and configs are shared
    /// with who has them.
    pub files: Vec<(String, Arc<[u8]>)>,
    /// The manifests and indexes among them, as they were read.
    pub documents: BTreeMap<Digest, Document>,
    /// The remaining blobs, in the order of a packed bundle.
    pub layers: Vec<Descriptor>,
    /// The digest of the signed statement.
    pub statement: Digest,
}

/// The path of `signer`'s envelope.
#[must_use]
pub fn envelope_path(signer: &KeyId) -> String {
    format!("sig/{}.dsse.json", signer.short())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    media_type: String,
    digest: Digest,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'static str, String>,
}

/// `index.json`: every image under its full name, then every referrer once, under its tag if it
/// has one.
#[must_use]
pub fn index_json(contents: &Contents) -> Vec<u8> {
    let named = |name: String| BTreeMap::from([(CONTAINERD_NAME, name.clone()), (REF_NAME, name)]);
    let mut manifests: Vec<Entry> = contents
        .images
        .iter()
        .map(|image| Entry {
            media_type: image.media_type.clone(),
            digest: image.digest,
            size: image.size,
            artifact_type: None,
            annotations: named(image.name.to_string()),
        })
        .collect();
    let mut untagged = std::collections::BTreeSet::new();
    for referrer in &contents.referrers {
        if referrer.tag.is_none() && !untagged.insert(referrer.digest) {
            continue;
        }
        manifests.push(referrer_entry(referrer, named));
    }
    let index = Index { schema_version: 2, media_type: OCI_INDEX, manifests };
    // Plain text members cannot fail to be written.
    serde_json::to_vec(&index).unwrap_or_default()
}

fn referrer_entry(
    referrer: &Referrer,
    named: impl Fn(String) -> BTreeMap<&'static str, String>,
) -> Entry {
    Entry {
        media_type: referrer.media_type.clone(),
        digest: referrer.digest,
        size: referrer.size,
        artifact_type: referrer.artifact_type.clone(),
        annotations: referrer.name().map(|name| named(name.to_string())).unwrap_or_default(),
    }
}

impl Head {
    /// The signatures that it bears, by their files.
    #[must_use]
    pub fn signatures(&self) -> BTreeMap<String, Digest> {
        let signatures = self.files.iter().filter(|(path, _)| path.starts_with("sig/"));
        signatures.map(|(path, bytes)| (path.clone(), Digest::of(bytes))).collect()
    }

    /// Puts one more signature beside those that it bears.
    pub fn add_signature(&mut self, signer: &KeyId, envelope: &Envelope) {
        let path = envelope_path(signer);
        let others = |it: &(String, Arc<[u8]>)| it.0.starts_with("sig/") && it.0 < path;
        let first = self.files.iter().position(|it| it.0.starts_with("sig/"));
        // In the order in which every form has them, whoever signed first.
        let at =
            first.unwrap_or(self.files.len()) + self.files.iter().filter(|it| others(it)).count();
        self.files.insert(at, (path, envelope.to_bytes().into()));
    }

    /// Makes and signs the small files of `contents`. `configs` are the bytes of the image
    /// configurations that are small enough to be looked into.
    /// Whether the result is a bundle that anybody takes, [`promise`](super::check::promise) says.
    #[must_use]
    pub fn make(
        contents: &Contents,
        configs: &Configs,
        predicate: &Predicate,
        key: &PrivateKey,
    ) -> Head {
        let index = index_json(contents);
        let mut files: Vec<(String, Arc<[u8]>)> = vec![
            ("oci-layout".to_owned(), LAYOUT_MARK.as_bytes().into()),
            ("index.json".to_owned(), index.into()),
            (DOCKER_INDEX.to_owned(), docker_index(contents, configs).into()),
        ];
        let documents = contents.documents.values();
        files.extend(documents.map(|d| (blob_path(&d.descriptor().digest), d.shared())));
        let in_head = |blob: &&Descriptor| configs.contains_key(&blob.digest);
        let small = contents.blobs.carried().filter(in_head);
        files.extend(
            small.filter_map(|b| Some((blob_path(&b.digest), configs.get(&b.digest)?.clone()))),
        );
        let mut layers: Vec<Descriptor> =
            contents.blobs.carried().filter(|blob| !in_head(blob)).cloned().collect();
        layers.shrink_to_fit();

        let roots = || contents.roots.iter().map(|(name, bytes)| (name.clone(), Arc::clone(bytes)));
        let mut sums = Inventory::default();
        for (path, bytes) in files.iter().cloned().chain(roots()) {
            sums.insert(path, Digest::of(&bytes));
        }
        for layer in &layers {
            sums.insert(blob_path(&layer.digest), layer.digest);
        }
        let sums = sums.to_bytes();
        let payload = predicate.to_statement(&Digest::of(&sums), &Digest::of(&files[1].1));
        let envelope = Envelope::sign(&payload, key).to_bytes();
        // A reader of the file from its beginning meets what it needs to judge the rest first.
        let signed =
            [(SUMS.to_owned(), sums.into()), (envelope_path(&key.public().id()), envelope.into())];
        files.splice(2..2, signed.into_iter().chain(roots()));
        let documents = contents.documents.clone();
        Head { files, documents, layers, statement: Digest::of(&payload) }
    }
}

#[cfg(test)]
mod tests;
