//! [`described`]: what a manifest or an index says of its image, without a layer of it.

use std::collections::BTreeSet;

use crate::bundle::head::MAX_CONFIG;
use crate::storage::reading::read_small;
use crate::storage::store::BlobSource;
use crate::words::cancel::Cancel;
use crate::words::config::ImageConfig;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::Result;
use crate::words::media::Role;
use crate::words::platform::Platform;

/// What is known of an image.
#[derive(Debug, Default)]
pub(in crate::verbs) struct DescribedImage {
    /// The digest of its config, where it is one image.
    pub(in crate::verbs) config: Option<Digest>,
    /// The digests of the manifests below it.
    pub(in crate::verbs) parts: BTreeSet<Digest>,
    /// What it runs on, in the order of the index.
    pub(in crate::verbs) platforms: Vec<Platform>,
}

/// What `document`, which came from `source`, says of its image. Of one that is no index the config is
/// read; what runs nowhere has none.
///
/// # Errors
/// When the config cannot be read.
pub(in crate::verbs) fn described(
    source: &dyn BlobSource,
    document: &Document,
    cancel: &Cancel,
) -> Result<DescribedImage> {
    match document.kind() {
        Kind::Index { manifests } => {
            let platforms = manifests.iter().filter_map(|it| it.platform.as_deref());
            let mut seen = BTreeSet::new();
            Ok(DescribedImage {
                config: None,
                parts: manifests.iter().map(|it| it.digest).collect(),
                platforms: platforms
                    .filter(|it| !it.is_unknown() && seen.insert(*it))
                    .cloned()
                    .collect(),
            })
        }
        Kind::Manifest { config: Some(config), .. } if config.media_type.role() == Role::Config => {
            let platform = platform(source, config, cancel)?;
            let platforms = platform.into_iter().collect();
            Ok(DescribedImage {
                config: Some(config.digest),
                platforms,
                ..DescribedImage::default()
            })
        }
        Kind::Manifest { .. } => Ok(DescribedImage::default()),
    }
}

/// What the image with this `config` runs on, if that says so.
///
/// # Errors
/// When it cannot be read.
pub(in crate::verbs) fn platform(
    source: &dyn BlobSource,
    config: &Descriptor,
    cancel: &Cancel,
) -> Result<Option<Platform>> {
    let bytes = read_small(source, config, MAX_CONFIG, "the config of an image", cancel)?;
    Ok(ImageConfig::read(&bytes).and_then(|config| config.platform().cloned()))
}
