//! [`Look`]: an engine as a plan sees it. It answers what is there; bringing what is not is the
//! engine's own work.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::chosen::Chosen;
use crate::bundle::head::MAX_CONFIG;
use crate::places::engine::{Driver, EngineImage, EngineInfo, EngineLayers};
use crate::storage::holdings::{BlobHoldings, Holdings, KeptList};
use crate::storage::reading::read_small;
use crate::storage::store::BlobSource;
use crate::words::cancel::Cancel;
use crate::words::config::{ImageConfig, chain_ids};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::Result;
use crate::words::reference::{Reference, Tag};

/// What an engine has of what was chosen for it.
#[derive(Debug, Clone)]
pub(super) struct Look {
    engine: Driver,
    about: EngineInfo,
    chosen: Arc<Chosen>,
    /// Blobs and documents; those of an image join when it is found under its name.
    there: Arc<Mutex<BTreeSet<Digest>>>,
}

impl Look {
    /// Asks `engine` which layers it has; configs are read from `bundle`.
    ///
    /// # Errors
    /// When it cannot tell, or a config cannot be read.
    pub(super) fn at(
        engine: &Driver,
        about: &EngineInfo,
        chosen: &Arc<Chosen>,
        bundle: &dyn BlobSource,
    ) -> Result<Look> {
        let kept = engine.kept()?;
        let lacking = chosen.contents.blobs.lacking().map(|blob| blob.digest).collect();
        let mut there = BTreeSet::new();
        for manifest in chosen.contents.documents.values() {
            there.extend(layers_there(manifest, &kept, &lacking, bundle, engine.cancel())?);
        }
        there.extend(kept.blobs);
        Ok(Look {
            engine: engine.clone(),
            about: about.clone(),
            chosen: Arc::clone(chosen),
            there: Arc::new(Mutex::new(there)),
        })
    }

    /// Whether the engine has that blob or document.
    pub(super) fn is_there(&self, digest: &Digest) -> bool {
        self.there.lock().is_ok_and(|there| there.contains(digest))
    }

    /// What `name` stands for: the digest in the bundle, where the engine has that image, of which not
    /// everything need be there; else what it calls the other one.
    pub(super) fn stands(&self, name: &Reference) -> Result<Option<Digest>> {
        if let Some(found) = self.published(name)? {
            return Ok(Some(found.digest));
        }
        let held = self.engine.held(name)?;
        let is_it = |held: &EngineImage| self.chosen.is_it(&self.about, name, held);
        Ok(held.filter(is_it).and_then(|_| self.chosen.root(name)))
    }

    /// What tells `held` from the image that is to come under `name`. The digest of an index does
    /// not, where the engine has another of its platforms.
    fn other(&self, name: &Reference, held: &EngineImage) -> Option<Digest> {
        let root = self.chosen.root(name);
        let by_digest = held.digests.iter().find(|digest| Some(**digest) != root);
        by_digest.filter(|_| self.about.keeps_manifests).copied().or(held.id)
    }
}

/// The layers of `manifest` that the engine has unpacked, and will not pull again. The `lacking` blobs
/// cannot be read.
fn layers_there(
    manifest: &Document,
    kept: &EngineLayers,
    lacking: &BTreeSet<Digest>,
    bundle: &dyn BlobSource,
    cancel: &Cancel,
) -> Result<Vec<Digest>> {
    let Kind::Manifest { config: Some(config), layers } = manifest.kind() else {
        return Ok(Vec::new());
    };
    if kept.chains.is_empty() || config.size > MAX_CONFIG {
        return Ok(Vec::new());
    }
    if kept.images.contains(&config.digest) {
        return Ok(layers.iter().map(|layer| layer.digest).collect());
    }
    // Which layers an image is made of stands in its config, and only there.
    if lacking.contains(&config.digest) {
        return Ok(Vec::new());
    }
    let config = read_small(bundle, config, MAX_CONFIG, "bundle", cancel)?;
    // What is no config of an image's says nothing; the engine will have its own opinion of it.
    let config = ImageConfig::read(&config).unwrap_or_default();
    let diff_ids = config.diff_ids().and_then(|ids| ids.digests.as_deref()).unwrap_or_default();
    let chains = chain_ids(diff_ids);
    let pairs = layers.iter().zip(chains);
    Ok(pairs.filter(|(l, chain)| kept.has(&l.digest, chain)).map(|(l, _)| l.digest).collect())
}

impl BlobHoldings for Look {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        Ok(self.is_there(&blob.digest))
    }
}

impl Holdings for Look {
    fn has_document(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(self.is_there(&descriptor.digest))
    }

    /// The digest in the bundle, where the engine has the very image; else what it calls the
    /// other one.
    fn published(&self, name: &Reference) -> Result<Option<Descriptor>> {
        let Some(held) = self.engine.held(name)? else { return Ok(None) };
        let found = |digest| Descriptor::new("", digest, 0);
        let Some(root) =
            self.chosen.root(name).filter(|_| self.chosen.is_it(&self.about, name, &held))
        else {
            return Ok(self.other(name, &held).map(found));
        };
        let parts = self.chosen.parts(root);
        // containerd calls an index whole that has its own platform; another one may be wanted.
        let here = !self.about.keeps_packed || parts.iter().all(|part| self.is_there(part));
        if !held.whole || !here {
            return Ok(None);
        }
        if let Ok(mut there) = self.there.lock() {
            there.extend(parts);
        }
        Ok(Some(found(root)))
    }

    fn keeps_untagged(&self) -> bool {
        false
    }

    fn own_id(&self, name: &Reference) -> Option<Digest> {
        self.chosen.id(name).filter(|_| !self.about.keeps_manifests)
    }

    fn referrers_list(&self, _tag: &Tag) -> Result<Option<KeptList>> {
        Ok(None)
    }
}
