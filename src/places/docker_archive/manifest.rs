//! The manifest that is made for an image which has none.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::Arc;

use serde::Serialize;

use super::image::is_about_content;
use super::listing::DockerImageFiles;
use crate::medium::tree::Tree;
use crate::tools::buffer::BUFFER;
use crate::tools::inflate::{Allowance, Inflate, packing_of, unread_packing};
use crate::words::config::ImageConfig;
use crate::words::count::{are, count};
use crate::words::digest::{Digest, Hasher};
use crate::words::document::{Descriptor, Document, MAX_DOCUMENT};
use crate::words::error::{Class, Error, Result};
use crate::words::json::check_strict_with;
use crate::words::media::{self, OCI_CONFIG, OCI_MANIFEST};
use crate::words::platform::Platform;

use crate::words::packing::Packing;

/// A config: what describes it, and the layers that it promises.
#[derive(Debug)]
pub(super) struct ListedConfig {
    pub(super) digest: Digest,
    /// What it says that it runs on.
    pub(super) platform: Option<Platform>,
    size: u64,
    diff_ids: Vec<Digest>,
}

/// The configs that were read, by their files. Each has as many diff IDs as layers are listed for
/// it, of which there is a bound.
#[derive(Debug, Default)]
pub(super) struct ListedConfigs(BTreeMap<String, Arc<ListedConfig>>);

impl ListedConfigs {
    /// The config of `listed`, read once.
    ///
    /// # Errors
    /// [`Class::Damaged`] when it is another one than its name says, for what is no config, and
    /// when it is for another number of layers.
    pub(super) fn of(
        &mut self,
        tree: &Tree,
        listed: &DockerImageFiles,
    ) -> Result<Arc<ListedConfig>> {
        let path = &listed.config;
        let config = match self.0.get(path) {
            Some(known) => Arc::clone(known),
            None => Arc::new(config(tree, path)?),
        };
        let (ids, there) = (config.diff_ids.len(), listed.layers.len());
        if ids != there {
            let shown = tree.path().display();
            let why = format!("is for {}, and {there} {} listed", count(ids, "layer"), are(there));
            return Err(Error::new(Class::Damaged, format!("{shown}: config {path} {why}")));
        }
        self.0.entry(path.clone()).or_insert_with(|| Arc::clone(&config));
        Ok(config)
    }
}

/// Reads the config in the file `path`. The digest in its name is not believed.
fn config(tree: &Tree, path: &str) -> Result<ListedConfig> {
    let bad = |why: &str| {
        Error::new(Class::Damaged, format!("{}: config {path} {why}", tree.path().display()))
    };
    let bytes = tree.read_small(path, MAX_DOCUMENT)?;
    let digest = Digest::of(&bytes);
    let name = path.rsplit('/').next().unwrap_or(path);
    let name = name.strip_suffix(".json").unwrap_or(name);
    let name = name.strip_prefix("sha256:").unwrap_or(name);
    if Digest::from_hex(name).is_ok_and(|named| named != digest) {
        return Err(bad(&format!("does not match the digest in its name; it has {digest}")));
    }
    check_strict_with(&bytes, &["rootfs", "diff_ids"])
        .map_err(|e| e.context(format!("{}: config {path}", tree.path().display())))?;
    let said = ImageConfig::read(&bytes).ok_or_else(|| bad("is no config of an image"))?;
    // An image without layers may leave the list out.
    let diff_ids = match said.diff_ids() {
        Some(ids) => ids.digests.clone().ok_or_else(|| bad("has a diff ID that is no digest"))?,
        None => Vec::new(),
    };
    let platform = said.platform().cloned();
    Ok(ListedConfig { digest, platform, size: bytes.len() as u64, diff_ids })
}

/// The layers that are compressed in the archive, by their files.
#[derive(Debug)]
pub(super) struct PackedLayers(BTreeMap<String, Result<Unpacked>>);

/// A compressed layer, and what is in it.
#[derive(Debug)]
struct Unpacked {
    packing: Packing,
    digest: Digest,
    diff_id: Digest,
}

impl PackedLayers {
    /// Finds the compressed ones among the layers of `listed`, and unpacks each once, in the
    /// order of the archive. One that is broken is told to the images that need it.
    ///
    /// # Errors
    /// Those of the disk.
    pub(super) fn look<'l>(
        tree: &Tree,
        listed: impl Iterator<Item = &'l DockerImageFiles>,
    ) -> Result<PackedLayers> {
        let all: BTreeSet<&str> =
            listed.flat_map(|image| &image.layers).map(String::as_str).collect();
        let (mut packed, mut layers) = (Vec::new(), BTreeMap::new());
        for path in all {
            let head = tree.head(path)?;
            if let Some(packing) = packing_of(&head) {
                packed.push((tree.position(path), path, packing));
            } else if let Some(other) = unread_packing(&head) {
                layers.insert(path.to_owned(), Err(unread(tree, path, other)));
            }
        }
        packed.sort_unstable_by_key(|(position, path, _)| (*position, *path));
        let allowance = Allowance::default();
        for (_, path, packing) in packed {
            let unpacked = match unpack(tree, path, packing, &allowance) {
                Err(error) if !is_about_content(error.class()) => return Err(error),
                unpacked => unpacked,
            };
            layers.insert(path.to_owned(), unpacked);
        }
        Ok(PackedLayers(layers))
    }
}

/// Docker unpacks more than is known here, and than manifests have types for.
fn unread(tree: &Tree, path: &str, packing: &str) -> Error {
    let text = format!("layer {path} is compressed with {packing}, and not with gzip or zstd");
    Error::new(Class::Refused, format!("{}: {text}", tree.path().display())).hint(
        "load the archive into docker or podman and save it again, or write it anew with \
         skopeo copy docker-archive:FILE docker-archive:NEW:NAME",
    )
}

fn unpack(tree: &Tree, path: &str, packing: Packing, allowance: &Allowance) -> Result<Unpacked> {
    let what = format!("{}: layer {path}", tree.path().display());
    let fault = |e| Error::io(format!("cannot read {what}"), e);
    let mut packed = Hashing { inner: tree.open_file(path, 0)?, hasher: Hasher::new() };
    let mut plain = Hasher::new();
    let mut inflate = Inflate::new(packing, &mut packed, &what, allowance).map_err(fault)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        tree.cancel().check()?;
        match inflate.read(&mut buffer).map_err(fault)? {
            0 => break,
            got => plain.update(&buffer[..got]),
        }
    }
    drop(inflate);
    // To the end, so that nothing of the file is left out of its digest.
    io::copy(&mut packed, &mut io::sink()).map_err(fault)?;
    Ok(Unpacked { packing, digest: packed.hasher.finish(), diff_id: plain.finish() })
}

/// Hashes what passes.
struct Hashing<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..got]);
        Ok(got)
    }
}

/// A made manifest, and which files it is made of.
#[derive(Debug)]
pub(super) struct MadeManifest {
    pub(super) document: Document,
    pub(super) paths: Vec<(Digest, String)>,
}

/// The manifest as it is written. The order of the members is part of its digest: it stays.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestText<'a> {
    schema_version: u8,
    media_type: &'a str,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
}

/// The layers of `listed`, whose config is `config`.
///
/// # Errors
/// [`Class::Damaged`] when they are not those of the config, as far as that can be told without
/// reading those that are not compressed.
pub(super) fn parts(
    tree: &Tree,
    listed: &DockerImageFiles,
    config: &ListedConfig,
    layers: &PackedLayers,
) -> Result<Vec<Descriptor>> {
    let bad = |why: String| {
        let shown = tree.path().display();
        Error::new(Class::Damaged, format!("{shown}: config {} {why}", listed.config))
    };
    let mut parts = Vec::new();
    for (diff_id, file) in config.diff_ids.iter().zip(&listed.layers) {
        let size = tree.size(file).unwrap_or(0);
        let layer = match layers.0.get(file) {
            Some(Err(error)) => return Err(error.clone()),
            Some(Ok(layer)) if layer.diff_id != *diff_id => {
                return Err(bad(format!("promises {diff_id}, and {file} unpacks to another")));
            }
            Some(Ok(layer)) => Descriptor::new(media::layer(layer.packing), layer.digest, size),
            None => Descriptor::new(media::layer(Packing::Plain), *diff_id, size),
        };
        // The name of a blob is its digest; with an ending to it (rules_oci) it is any file's.
        let blob = file.strip_prefix("blobs/sha256/").and_then(|hex| Digest::from_hex(hex).ok());
        if blob.is_some_and(|blob| blob != layer.digest) {
            return Err(bad(format!("promises {diff_id}, and lists {file} for it")));
        }
        parts.push(layer);
    }
    Ok(parts)
}

/// Makes the manifest of `listed`, whose config is `config`, of its layers `parts`.
///
/// # Errors
/// When it cannot be written, which no real one makes happen.
pub(super) fn make(
    listed: &DockerImageFiles,
    config: &ListedConfig,
    parts: &[Descriptor],
) -> Result<MadeManifest> {
    let mut paths = vec![(config.digest, listed.config.clone())];
    paths.extend(parts.iter().map(|part| part.digest).zip(listed.layers.iter().cloned()));
    let config = Descriptor::new(OCI_CONFIG, config.digest, config.size);
    let text = ManifestText {
        schema_version: 2,
        media_type: OCI_MANIFEST,
        config: &config,
        layers: parts,
    };
    let bytes = serde_json::to_vec(&text)
        .map_err(|e| Error::new(Class::Other, "cannot write a manifest").source(e))?;
    Ok(MadeManifest { document: Document::parse(bytes, OCI_MANIFEST)?, paths })
}
