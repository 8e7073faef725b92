//! What podman and docker tell of images in the same way.

use serde::Deserialize;

use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};

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
