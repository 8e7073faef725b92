//! What podman and docker tell of images in the same way.

use serde::Deserialize;

use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// How many images one question is about.
pub(super) const AT_ONCE: usize = 50;

/// What an image consists of.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RootFs {
    #[serde(default)]
    pub(super) layers: Option<Vec<Digest>>,
}

/// What an engine said, as JSON.
pub(super) fn parsed<T: for<'de> Deserialize<'de>>(said: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(said)
        .map_err(|e| Error::new(Class::Other, format!("{what} is not understood")).source(e))
}

/// The digest in `NAME@DIGEST`.
pub(super) fn digest_of(name: &str) -> Option<Digest> {
    name.rsplit_once('@')?.1.parse().ok()
}

/// Each of the names with a tag, with the digest that goes with its repository, else the image's
/// `own`.
pub(super) fn named(
    tags: &Option<Vec<String>>,
    pinned: &Option<Vec<String>>,
    own: Option<Digest>,
) -> Vec<(Reference, Option<Digest>)> {
    let read = |names: &Option<Vec<String>>| -> Vec<Reference> {
        names.iter().flatten().filter_map(|name| name.parse().ok()).collect()
    };
    let pinned = read(pinned);
    let digest = |name: &Reference| {
        pinned.iter().find(|pin| pin.name() == name.name()).and_then(|pin| pin.digest).or(own)
    };
    let pair = |name: Reference| {
        let digest = digest(&name);
        (name, digest)
    };
    read(tags).into_iter().map(pair).collect()
}
