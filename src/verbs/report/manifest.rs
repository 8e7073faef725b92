//! [`ReportedManifest`]: one platform of an image, with what its config says.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::bundle::check::Verified;
use crate::bundle::contents::Contents;
use crate::storage::reading::read_small;
use crate::words::cancel::Cancel;
use crate::words::config::ImageConfig;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::Result;
use crate::words::media::Role;
use crate::words::moment::Moment;
use crate::words::platform::Platform;
use crate::words::run_config::{RunConfig, cut};

/// Largest config that is read: those of real images have tens of kilobytes, and read they take ten
/// times that.
const MAX_CONFIG: u64 = 1 << 20;
/// Under what a manifest, an index or a label names the image that another was made from
/// (image-spec, annotations.md).
const BASE_NAME: &str = "org.opencontainers.image.base.name";
/// The same, its digest.
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";
/// What BuildKit marks the entry of an attestation with, which stands among the platforms.
const BUILDKIT: &str = "vnd.docker.reference.type";
/// Of which manifest that is.
const BUILDKIT_OF: &str = "vnd.docker.reference.digest";
const DAY: i64 = 24 * 60 * 60;

/// The image that another was made from, as its maker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NamedBase {
    /// Its name.
    pub name: Option<String>,
    /// Its digest.
    pub digest: Option<String>,
}

/// A manifest of an image: one platform of it, an artifact, or what BuildKit says of another.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReportedManifest {
    /// Its digest.
    pub digest: Digest,
    /// What it runs on, as the index says, or its config where that is silent.
    pub platform: Option<Platform>,
    /// What it is, if it is no image that runs.
    pub artifact_type: Option<String>,
    /// The manifest that it is an attestation of, where BuildKit put it into the index.
    pub attests: Option<String>,
    /// How many layers it has.
    pub layers: u64,
    /// Bytes of it, of its config and of its layers.
    pub bytes: u64,
    /// What it was made from, where its maker says that.
    pub base: Option<NamedBase>,
    /// What it runs; nothing of what does not run, and where its config is not at hand or too large.
    pub run: Option<RunConfig>,
}

impl ReportedManifest {
    /// How many days before `now` it was made; nothing where that is not told, in the future, or the
    /// beginning of time, which builders write that are to make the same image again.
    #[must_use]
    pub fn days(&self, now: Moment) -> Option<i64> {
        let created = self.run.as_ref()?.created.filter(|it| it.unix() > DAY)?;
        (created <= now).then(|| (now.unix() - created.unix()) / DAY)
    }
}

/// Reads the manifests of a bundle, with their configs.
pub(super) struct ManifestReader<'b> {
    bundle: &'b Verified,
    contents: &'b Contents,
    /// What the bundle, or a base beside it, has.
    carried: BTreeSet<Digest>,
    cancel: &'b Cancel,
}

impl<'b> ManifestReader<'b> {
    pub(super) fn new(bundle: &'b Verified, cancel: &'b Cancel) -> ManifestReader<'b> {
        let contents = bundle.trusted().contents();
        let carried = contents.blobs.carried().map(|blob| blob.digest).collect();
        ManifestReader { bundle, contents, carried, cancel }
    }

    /// Those below `root`.
    pub(super) fn all(&self, root: Digest) -> Result<Vec<ReportedManifest>> {
        let entries = self.entries(root);
        let index = self.contents.documents.get(&root);
        let manifests = self.contents.manifests(root);
        manifests.into_iter().map(|it| self.one(it, index, &entries)).collect()
    }

    /// The entries of the indexes below `root`.
    fn entries(&self, root: Digest) -> BTreeMap<Digest, &'b Descriptor> {
        let documents = self.contents.children_first([root]).into_iter();
        let indexes = documents.filter(|it| matches!(it.kind(), Kind::Index { .. }));
        indexes.flat_map(Document::children).map(|entry| (entry.digest, entry)).collect()
    }

    fn one(
        &self,
        manifest: &Document,
        index: Option<&Document>,
        entries: &BTreeMap<Digest, &Descriptor>,
    ) -> Result<ReportedManifest> {
        let digest = manifest.descriptor().digest;
        let entry = entries.get(&digest);
        let mark = |key: &str| entry.and_then(|entry| entry.annotations.get(key));
        let is_attestation = mark(BUILDKIT).as_deref() == Some("attestation-manifest");
        let (config, layers) = parts(manifest);
        let image = config.filter(|it| it.media_type.role() == Role::Config && !is_attestation);
        let read = image.map(|config| self.config(config)).transpose()?.flatten();
        let (run, own) = read.unzip();
        let platform = entry.and_then(|entry| entry.platform.as_deref().cloned()).or(own.flatten());
        let blobs = config.into_iter().chain(layers).map(|blob| blob.size);
        Ok(ReportedManifest {
            digest,
            platform: platform.filter(|it| !it.is_unknown()),
            artifact_type: match image {
                Some(_) => None,
                None if is_attestation => Some("BuildKit attestation".to_owned()),
                None => Some(cut(manifest.artifact_type().unwrap_or("no type is given"))),
            },
            attests: mark(BUILDKIT_OF).filter(|_| is_attestation).map(|of| cut(&of)),
            layers: layers.len() as u64,
            bytes: blobs.fold(manifest.descriptor().size, u64::saturating_add),
            base: base([Some(manifest), index], run.as_ref()),
            run,
        })
    }

    /// What `config` says, and for what platform it is, where it is at hand.
    fn config(&self, config: &Descriptor) -> Result<Option<(RunConfig, Option<Platform>)>> {
        if config.size > MAX_CONFIG || !self.carried.contains(&config.digest) {
            return Ok(None);
        }
        let bytes = read_small(self.bundle, config, MAX_CONFIG, "the bundle", self.cancel)?;
        let platform = ImageConfig::read(&bytes).and_then(|it| it.platform().cloned());
        Ok(RunConfig::read(&bytes).map(|run| (run, platform)))
    }
}

fn parts(manifest: &Document) -> (Option<&Descriptor>, &[Descriptor]) {
    match manifest.kind() {
        Kind::Manifest { config, layers } => (config.as_ref(), layers),
        Kind::Index { .. } => (None, &[]),
    }
}

/// What the annotations of one of `documents` name as their base, else the labels.
fn base(documents: [Option<&Document>; 2], run: Option<&RunConfig>) -> Option<NamedBase> {
    let told = documents.into_iter().flatten().map(|document| {
        let [name, digest] = [BASE_NAME, BASE_DIGEST].map(|key| document.annotations().get(key));
        NamedBase { name: name.map(|it| cut(&it)), digest: digest.map(|it| cut(&it)) }
    });
    let labels = run.map(|run| {
        let [name, digest] = [BASE_NAME, BASE_DIGEST].map(|key| run.label(key).map(str::to_owned));
        NamedBase { name, digest }
    });
    told.chain(labels).find(|base| base.name.is_some() || base.digest.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::moment::moment;

    #[test]
    fn an_age_is_told_where_there_is_one() {
        let days = |created: &str| {
            let config = format!(r#"{{"created":"{created}"}}"#);
            let made = ReportedManifest {
                digest: Digest::of(b""),
                platform: None,
                artifact_type: None,
                attests: None,
                layers: 0,
                bytes: 0,
                base: None,
                run: RunConfig::read(config.as_bytes()),
            };
            made.days(moment("2026-11-26T00:00:00Z"))
        };

        assert_eq!(days("2026-11-25T12:00:00Z"), Some(0));
        assert_eq!(days("2025-11-26T00:00:01.9Z"), Some(364));
        // The beginning of time, as builders write it that make the same image again.
        for none in ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "2027-01-01T00:00:00Z", ""] {
            assert_eq!(days(none), None, "{none}");
        }
    }
}
