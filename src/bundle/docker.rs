//! `manifest.json`: docker's own index, so that `docker load` and `podman load` take a packed
//! bundle without sealift.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::contents::{Contents, Image};
use crate::places::layout::blob_path;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::platform::Platform;

pub use crate::places::docker_archive::DOCKER_INDEX;

/// Layer types that docker unpacks, since version 20.10 those of zstd among them. It looks at the
/// bytes and not at the type; the type tells a layer from an artifact's content.
const LAYERS: &[&str] = &[
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
];

/// Config types of images that run.
const CONFIGS: &[&str] =
    &["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// One image of the file. The members have the names that docker gave them.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

/// The file for `contents`. Of a multi-platform image it lists linux/amd64, else the first; what
/// docker could not load is not listed, since one bad entry makes it refuse the whole file.
#[must_use]
pub fn docker_index(contents: &Contents, configs: &BTreeMap<Digest, Vec<u8>>) -> Vec<u8> {
    let entries: Vec<Entry> =
        contents.images.iter().filter_map(|image| entry(contents, configs, image)).collect();
    // Plain text members cannot fail to be written.
    serde_json::to_vec(&entries).unwrap_or_default()
}

fn entry(contents: &Contents, configs: &BTreeMap<Digest, Vec<u8>>, image: &Image) -> Option<Entry> {
    let loadable = |document: &&Document| layers(document, configs).is_some();
    let documents = contents.manifests(image.digest);
    let amd64 = Platform { os: "linux".into(), architecture: "amd64".into(), variant: None };
    let is_amd64 = |document: &&&Document| {
        platform(document, configs).is_some_and(|platform| amd64.takes(&platform))
    };
    let document = documents
        .iter()
        .filter(|d| loadable(d))
        .find(is_amd64)
        .or_else(|| documents.iter().find(|d| loadable(d)))?;
    let Kind::Manifest { config: Some(config), .. } = document.kind() else { return None };
    Some(Entry {
        config: blob_path(&config.digest),
        repo_tags: image.name.tag.iter().map(|_| image.name.to_string()).collect(),
        layers: layers(document, configs)?.iter().map(|l| blob_path(&l.digest)).collect(),
    })
}

/// The layers of an image that docker can load.
fn layers<'a>(
    document: &'a Document,
    configs: &BTreeMap<Digest, Vec<u8>>,
) -> Option<&'a [Descriptor]> {
    let Kind::Manifest { config: Some(config), layers } = document.kind() else { return None };
    let about: Value = serde_json::from_slice(configs.get(&config.digest)?).ok()?;
    let diff_ids = about["rootfs"]["diff_ids"].as_array()?;
    let fine = CONFIGS.contains(&config.media_type.as_str())
        && diff_ids.len() == layers.len()
        && layers.iter().all(|layer| LAYERS.contains(&layer.media_type.as_str()));
    fine.then_some(layers.as_slice())
}

/// What an image runs on, as its config says.
#[must_use]
pub fn platform(document: &Document, configs: &BTreeMap<Digest, Vec<u8>>) -> Option<Platform> {
    let Kind::Manifest { config: Some(config), .. } = document.kind() else { return None };
    if !CONFIGS.contains(&config.media_type.as_str()) {
        return None;
    }
    let about: Value = serde_json::from_slice(configs.get(&config.digest)?).ok()?;
    let text = |key: &str| about[key].as_str().filter(|text| !text.is_empty());
    let variant = text("variant").map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", text("os")?, text("architecture")?).parse().ok()
}

#[cfg(test)]
mod tests;
