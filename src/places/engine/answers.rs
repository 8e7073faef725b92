//! What an engine tells of itself and of what it has, and what it is asked for.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::address::Address;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// What there is to know about an engine before anything is brought to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineInfo {
    /// Of multi-platform images, what it takes by itself.
    pub platform: Platform,
    /// Where it is, when that is another machine: it cannot reach what is served here.
    pub remote: Option<String>,
    /// Where layers are unpacked to; nothing where that is not known, or not here.
    pub unpacked: Option<PathBuf>,
    /// Where layers lie as they came; nothing where that is not known, or not here.
    pub packed: Option<PathBuf>,
    /// Whether they stay there once they were unpacked.
    pub keeps_packed: bool,
    /// Whether it keeps what came of a blob that was broken off, for a day, and goes on from there.
    pub keeps_partial: bool,
    /// Whether its storage is the user's own, and so counts in the user's quota.
    pub owned: bool,
    /// Whether every layer is stored together with all those below it.
    pub stacks: bool,
    /// Whether manifests are kept, and with them the digests that registries know.
    pub keeps_manifests: bool,
    /// Whether an image may go by its digest alone.
    pub takes_untagged: bool,
    /// Whether layers compressed by zstd are unpacked.
    pub takes_zstd: bool,
    /// Whether indexes in indexes are followed.
    pub takes_nested: bool,
    /// Where a pull may keep files of its own.
    pub scratch: Option<PathBuf>,
}

/// What an engine has under a name.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EngineImage {
    /// What it calls the image.
    pub id: Option<Digest>,
    /// The digests of manifests and indexes that stand for it.
    pub digests: BTreeSet<Digest>,
    /// Whether it is there whole, as far as the engine tells, under all the names it should have.
    pub whole: bool,
}

/// One of all images that an engine has, as far as it tells.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EngineStock {
    /// Its names, each with the digest of the manifest that goes with it, where there is one.
    pub names: Vec<(Reference, Option<Digest>)>,
    /// The digest of its config, where that is what it is called by.
    pub config: Option<Digest>,
    /// Its layers as they are unpacked.
    pub layers: Vec<Digest>,
}

/// The layers that an engine has.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EngineLayers {
    /// Blobs as they came.
    pub blobs: BTreeSet<Digest>,
    /// Layers unpacked, by the chain of diff IDs that ends with them (image-spec, "ChainID").
    pub chains: BTreeSet<Digest>,
    /// The blobs for which it takes what it has unpacked, if not for all: others it pulls again.
    pub pulled: Option<BTreeSet<Digest>>,
    /// Images, by their ids, of which it pulls nothing again, whatever they are called.
    pub images: BTreeSet<Digest>,
}

impl EngineLayers {
    /// Whether it takes the layer that it has unpacked as `chain` for the blob `layer`.
    #[must_use]
    pub fn has(&self, layer: &Digest, chain: &Digest) -> bool {
        self.chains.contains(chain)
            && self.pulled.as_ref().is_none_or(|pulled| pulled.contains(layer))
    }
}

/// One image for an engine to pull.
#[derive(Debug, Clone, Copy)]
pub struct EnginePull<'a> {
    /// What it is to be called.
    pub name: &'a Reference,
    /// Its digest.
    pub digest: &'a Digest,
    /// Where the repositories of its host are.
    pub from: &'a Address,
    /// Which of several platforms; the engine's own when absent.
    pub platform: Option<&'a Platform>,
}

/// Asked all the while that an engine works: whether something moved, or why it is to stop.
pub type Watch<'a> = &'a mut dyn FnMut() -> Result<bool>;

/// After how many seconds, in which nothing moved, an engine is taken to hang. Unpacking a large
/// layer to a slow disk takes long, and moves nothing here.
pub(super) const HANGS: u64 = 3600;

/// Whether a line of an engine's is the id of an image, and so cannot be read as an option.
pub(super) fn is_id(line: &str) -> bool {
    Digest::from_hex(line.strip_prefix("sha256:").unwrap_or(line)).is_ok()
}
