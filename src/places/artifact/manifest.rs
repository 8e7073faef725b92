//! The manifest of an artifact.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::media::OCI_MANIFEST;

/// The manifest as it is written. The order of the members is part of its digest: it stays.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestText<'a> {
    schema_version: u8,
    media_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    config: &'a Descriptor,
    layers: &'a [Descriptor],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<&'a str, &'a str>,
}

/// The manifest of an artifact of `config` and `layers`, with its type where the config does not say
/// that, and what is said of it. It says nothing of when it was made, so that it is always the same.
///
/// # Errors
/// When it cannot be written, which no real one makes happen.
pub(super) fn make(
    artifact_type: Option<&str>,
    config: &Descriptor,
    layers: &[Descriptor],
    annotations: &BTreeMap<&str, &str>,
) -> Result<Document> {
    let media_type = OCI_MANIFEST;
    let text =
        ManifestText { schema_version: 2, media_type, artifact_type, config, layers, annotations };
    let bytes = serde_json::to_vec(&text)
        .map_err(|e| Error::new(Class::Other, "cannot write a manifest").source(e))?;
    Document::parse(bytes, OCI_MANIFEST)
}
