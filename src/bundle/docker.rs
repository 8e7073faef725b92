//! `manifest.json`: docker's own index, so that `docker load` and `podman load` take a packed
//! bundle without sealift.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::contents::{Contents, Image};
use crate::places::layout::blob_path;
use crate::words::config::ImageConfig;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::media::Role;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

pub use crate::places::docker_archive::DOCKER_INDEX;

/// The bytes of image configurations.
pub type Configs = BTreeMap<Digest, Arc<[u8]>>;

/// One image of the file. The members have the names that docker gave them.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LoadedImage {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

impl LoadedImage {
    /// How `document` is listed, under `name` if that has a tag; nothing when docker cannot load
    /// it. `configs` holds the bytes of its config.
    #[must_use]
    pub fn new(document: &Document, configs: &Configs, name: &Reference) -> Option<LoadedImage> {
        let Kind::Manifest { config: Some(config), .. } = document.kind() else { return None };
        Some(LoadedImage {
            config: blob_path(&config.digest),
            repo_tags: name.tag.iter().map(|_| name.to_string()).collect(),
            layers: layers(document, configs)?.iter().map(|l| blob_path(&l.digest)).collect(),
        })
    }
}

/// Why nobody can run the image `document`, whose config is `config`: it promises another number of
/// layers than there are; foreign ones may count or not. Nothing for what is no image, whatever its types
/// say.
#[must_use]
pub fn unlike_config(document: &Document, config: &[u8]) -> Option<String> {
    let Kind::Manifest { config: Some(about), layers } = document.kind() else { return None };
    let fits = |layer: &Descriptor| layer.is_foreign() || layer.media_type.role().is_known_layer();
    if about.media_type.role() != Role::Config || !layers.iter().all(fits) {
        return None;
    }
    let config = sound(config).filter(ImageConfig::has_rootfs)?;
    let promised = config.diff_ids().map_or(0, |ids| ids.count);
    let there = layers.len();
    // What its owner hands out may be beside what the config is for; all else has to be there.
    let carried = layers.iter().filter(|layer| !layer.is_foreign()).count();
    let fits = (carried..=there).contains(&promised);
    (!fits).then(|| format!("has {}, and its config is for {promised}", count(there, "layer")))
}

/// The file for `contents`. Of a multi-platform image it lists linux/amd64, else the first; what
/// docker could not load, or what is not carried whole, is not listed, since one bad entry makes it
/// refuse the whole file.
#[must_use]
pub fn docker_index(contents: &Contents, configs: &Configs) -> Vec<u8> {
    let lacking: BTreeSet<Digest> = contents.blobs.lacking().map(|blob| blob.digest).collect();
    let is_whole = |document: &Document| {
        !document.children().iter().any(|child| lacking.contains(&child.digest))
    };
    let entry = |image: &Image| {
        let document = choose(&loadable(contents, configs, image.digest), None)?.0;
        LoadedImage::new(document, configs, &image.name).filter(|_| is_whole(document))
    };
    to_json(&contents.images.iter().filter_map(entry).collect::<Vec<_>>())
}

/// The file with `entries`.
#[must_use]
pub fn to_json(entries: &[LoadedImage]) -> Vec<u8> {
    // Plain text members cannot fail to be written.
    serde_json::to_vec(entries).unwrap_or_default()
}

/// A manifest that docker could load.
#[derive(Debug, Clone)]
pub struct Loadable<'c> {
    /// The manifest.
    pub document: &'c Document,
    /// What it runs on: as its config says, with the variant that its index may give beside that.
    pub platform: Option<Platform>,
}

/// The manifests below `root` that docker could load, in the order of their indexes: one that is
/// listed for several platforms once for each.
#[must_use]
pub fn loadable<'c>(contents: &'c Contents, configs: &Configs, root: Digest) -> Vec<Loadable<'c>> {
    let listed = contents.listed_for(root);
    let mut documents = contents.manifests(root);
    documents.retain(|document| layers(document, configs).is_some());
    let known = |document: &'c Document| -> Vec<Option<Platform>> {
        let listed = listed.get(&document.descriptor().digest);
        if let Some(several) = listed.filter(|listed| listed.len() > 1) {
            return several.iter().map(|platform| Some((*platform).clone())).collect();
        }
        let Some(own) = platform(document, configs) else { return vec![None] };
        let entry = listed.and_then(|listed| listed.first());
        let variant = entry.filter(|entry| entry.any_variant() == own.any_variant());
        let variant = variant.and_then(|entry| entry.variant.clone());
        vec![Some(Platform { variant: variant.or(own.variant), ..own })]
    };
    let with =
        |document| known(document).into_iter().map(move |platform| Loadable { document, platform });
    documents.into_iter().flat_map(with).collect()
}

/// The one of `images`, all of one name, that stands for it where there is room for one only, and
/// how many would have fitted as well as to their platform: of those for `wanted` the one that
/// runs on most machines, the first of several. When no platform is wanted, linux/amd64 is, or
/// else that of the first.
#[must_use]
pub fn choose<'c>(
    images: &[Loadable<'c>],
    wanted: Option<&Platform>,
) -> Option<(&'c Document, usize)> {
    let best = |wanted: &Platform| {
        let fits = |image: &&Loadable| image.platform.as_ref().is_some_and(|p| wanted.takes(p));
        let rank = |image: &&Loadable| image.platform.as_ref().map(Platform::rank);
        let best = images.iter().filter(fits).min_by_key(rank)?;
        let own = best.document.descriptor().digest;
        let is_other = |image: &&Loadable| image.document.descriptor().digest != own;
        Some((best.document, images.iter().filter(fits).filter(is_other).count()))
    };
    let amd64 = Platform { os: "linux".into(), architecture: "amd64".into(), variant: None };
    match wanted {
        Some(wanted) => best(wanted),
        None => best(&amd64)
            .or_else(|| best(&images.first()?.platform.as_ref()?.any_variant()))
            .or_else(|| Some((images.first()?.document, 0))),
    }
}

/// The layers of an image that docker can load: since version 20.10 those of zstd among them. It looks
/// at the bytes and not at the type, which tells a layer from an artifact's content.
fn layers<'a>(document: &'a Document, configs: &Configs) -> Option<&'a [Descriptor]> {
    let Kind::Manifest { config: Some(config), layers } = document.kind() else { return None };
    let promised = sound(configs.get(&config.digest)?)?.diff_ids()?.count;
    let fine = config.media_type.role() == Role::Config
        && promised == layers.len()
        && layers.iter().all(|layer| layer.media_type.role().is_known_layer());
    fine.then_some(layers.as_slice())
}

/// What an image runs on, as its config says.
#[must_use]
pub fn platform(document: &Document, configs: &Configs) -> Option<Platform> {
    let Kind::Manifest { config: Some(config), .. } = document.kind() else { return None };
    if config.media_type.role() != Role::Config {
        return None;
    }
    // Only one that can be asked for: its words are the config's.
    sound(configs.get(&config.digest)?)?.platform()?.to_string().parse().ok()
}

/// The config that `bytes` are, where docker could read it.
fn sound(bytes: &[u8]) -> Option<ImageConfig> {
    ImageConfig::read(bytes).filter(|config| !config.is_odd())
}

#[cfg(test)]
mod tests;
