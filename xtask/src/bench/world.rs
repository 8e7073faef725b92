//! A small delivery: eight images in eight repositories, twenty manifests, thirty blobs, every kind
//! of reference among them. What the integration tests count requests with, made here again.

use super::small::Noise;
use crate::image::{self, Descriptor};
use crate::{Result, http};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const CREATED: &str = "2026-01-01T00:00:00Z";
const SIGNATURE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const SBOM: &str = "application/spdx+json";

/// One image with all that its repository holds.
pub struct Image {
    pub repository: String,
    pub digest: String,
    blobs: BTreeMap<String, Vec<u8>>,
    /// Children first.
    documents: Vec<(Descriptor, Vec<u8>)>,
    tags: Vec<(String, Descriptor)>,
}

/// Four images of one platform, one of them with an SBOM and a signature, and four of two or
/// three. All stand on one base, which each repository has for itself.
pub fn make() -> Vec<Image> {
    let mut images = vec![signed()];
    images.extend((1..4).map(single));
    images.extend([multi(4, 3), multi(5, 2), multi(6, 2), multi(7, 2)]);
    images
}

/// Different manifests and blobs of `images`.
#[cfg(test)]
pub fn count(images: &[Image]) -> (usize, usize) {
    let distinct = |mut digests: Vec<&str>| {
        digests.sort_unstable();
        digests.dedup();
        digests.len()
    };
    let documents = images.iter().flat_map(|image| &image.documents);
    let blobs = images.iter().flat_map(|image| image.blobs.keys());
    (
        distinct(documents.map(|(descriptor, _)| descriptor.digest.as_str()).collect()),
        distinct(blobs.map(String::as_str).collect()),
    )
}

impl Image {
    fn new(number: usize) -> Image {
        Image {
            repository: format!("small/app-{number}"),
            digest: String::new(),
            blobs: BTreeMap::new(),
            documents: Vec::new(),
            tags: Vec::new(),
        }
    }

    /// Stores everything in a registry.
    pub fn push(&self, port: u16) -> Result {
        let name = &self.repository;
        self.blobs
            .iter()
            .try_for_each(|(digest, bytes)| http::put_blob(port, name, digest, bytes))?;
        let put = |reference: &str, kind: &str, bytes: &[u8]| {
            http::put_manifest(port, name, reference, kind, bytes)
        };
        for (descriptor, bytes) in &self.documents {
            put(&descriptor.digest, descriptor.media_type, bytes)?;
        }
        for (tag, root) in &self.tags {
            let named = self.documents.iter().find(|(document, _)| document.digest == root.digest);
            let (document, bytes) = named.ok_or("a tag of nothing")?;
            put(tag, document.media_type, bytes)?;
        }
        Ok(())
    }

    fn blob(&mut self, media_type: &'static str, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &bytes);
        self.blobs.insert(descriptor.digest.clone(), bytes);
        descriptor
    }

    fn document(&mut self, media_type: &'static str, bytes: Vec<u8>) -> Descriptor {
        let descriptor = Descriptor::of(media_type, &bytes);
        self.documents.push((descriptor.clone(), bytes));
        descriptor
    }

    fn name(&mut self, tag: &str, root: &Descriptor) {
        self.tags.push((tag.to_owned(), root.clone()));
    }

    /// A manifest of one platform, with its blobs.
    fn platform(&mut self, architecture: &str, layers: &[u64]) -> Descriptor {
        let (mut descriptors, mut diff_ids) = (Vec::new(), Vec::new());
        for layer in layers {
            let mut noise = Noise(100 + layer);
            let content: Vec<u8> = (0..250).flat_map(|_| noise.next().to_le_bytes()).collect();
            let tar = image::tar("noise", 0o644, &content);
            diff_ids.push(image::digest(&tar));
            descriptors.push(self.blob(image::LAYER_GZIP, image::gzip_stored(&tar)));
        }
        let process = json!({"Cmd": ["/bin/true"]});
        let config = image::config(architecture, CREATED, &diff_ids, &process);
        let config = self.blob(image::CONFIG, config);
        self.document(image::MANIFEST, image::manifest(&config, &descriptors))
    }

    fn index(&mut self, entries: &[Value]) -> Descriptor {
        let text = json!({"schemaVersion": 2, "mediaType": image::INDEX, "manifests": entries});
        self.document(image::INDEX, text.to_string().into_bytes())
    }

    fn done(mut self, root: &Descriptor) -> Image {
        self.name("1.0", root);
        self.digest.clone_from(&root.digest);
        self
    }
}

fn single(number: usize) -> Image {
    let mut image = Image::new(number);
    let root = image.platform("amd64", &[0, number as u64]);
    image.done(&root)
}

fn multi(number: usize, platforms: usize) -> Image {
    let mut image = Image::new(number);
    let mut entries = Vec::new();
    for (at, architecture) in ["amd64", "arm64", "s390x"].iter().take(platforms).enumerate() {
        let mut entry = image.platform(architecture, &[0, (10 * number + at) as u64]).json();
        entry["platform"] = json!({"os": "linux", "architecture": architecture});
        entries.push(entry);
    }
    let root = image.index(&entries);
    image.done(&root)
}

/// The base alone, with an SBOM that refers to it and a signature under cosign's tag.
fn signed() -> Image {
    let mut image = Image::new(0);
    let root = image.platform("amd64", &[0]);
    let fallback = root.digest.replace(':', "-");

    let config = image.blob(EMPTY, b"{}".to_vec());
    let sbom = image.blob(SBOM, br#"{"spdxVersion":"SPDX-2.3"}"#.to_vec());
    let text = json!({
        "schemaVersion": 2, "mediaType": image::MANIFEST, "artifactType": SBOM,
        "config": config.json(), "layers": [sbom.json()], "subject": root.json(),
    });
    let referrer = image.document(image::MANIFEST, text.to_string().into_bytes());
    let index = image.index(&[referrer.json()]);
    image.name(&fallback, &index);

    let payload = json!({"critical": {"image": {"docker-manifest-digest": root.digest}}});
    let layer = image.blob(SIGNATURE, payload.to_string().into_bytes());
    let config = image.blob(image::CONFIG, br#"{"config":{}}"#.to_vec());
    let signature = image.document(image::MANIFEST, image::manifest(&config, &[layer]));
    image.name(&format!("{fallback}.sig"), &signature);
    image.done(&root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_eight_images_twenty_manifests_and_thirty_blobs() {
        let images = make();
        assert_eq!((images.len(), count(&images)), (8, (20, 30)));
        let places: usize = images.iter().map(|image| image.blobs.len()).sum();
        assert_eq!(places, 37, "the base is in each repository");
    }
}
