//! `manifest.json`, which lists the images of a docker archive.

use std::collections::BTreeSet;

use serde_json::Value;

use super::DOCKER_INDEX;
use crate::places::tree::Tree;
use crate::words::document::MAX_DOCUMENT;
use crate::words::error::{Class, Error, Result};
use crate::words::json::parse_strict_with;
use crate::words::reference::Reference;

/// What docker 1.9 and older call an image that has lost its name to another.
const NO_NAME: &str = "<none>:<none>";

/// Most images that are listed, and most names: a list may be no larger than 4 MiB, and real entries have 200
/// bytes. Smaller ones would only serve to fill the memory.
const MAX_IMAGES: usize = 20_000;
/// Most layers in the list. Their real paths have 64 bytes and more.
const MAX_LAYERS: usize = 100_000;

/// One image as it is listed.
#[derive(Debug)]
pub(super) struct Listed {
    /// The file of its config.
    pub(super) config: String,
    /// Its names, each once.
    pub(super) tags: Vec<Reference>,
    /// The files of its layers, base first, where links lead.
    pub(super) layers: Vec<String>,
}

/// Reads the list.
///
/// # Errors
/// [`Class::Damaged`] for anything but docker's form of it; those of
/// [`Tree::resolve`] for a file that it names.
pub(super) fn read(tree: &Tree) -> Result<Vec<Listed>> {
    let shown = tree.path().display();
    let bad = |why: &str| Error::new(Class::Damaged, format!("{shown}: {DOCKER_INDEX} {why}"));
    if tree.size(DOCKER_INDEX).is_none() {
        let error = Error::new(Class::Damaged, format!("{shown}: is no docker archive"));
        return Err(match tree.size("oci-layout").is_some() {
            true => error.hint("it is an OCI layout: write oci-archive: or oci: before it"),
            false if tree.size("repositories").is_some() => {
                error.hint("a docker older than 1.10 wrote it; load and save it with a newer one")
            }
            false => error.hint("docker save and podman save write one"),
        });
    }
    let bytes = tree.read_small(DOCKER_INDEX, MAX_DOCUMENT)?;
    let value = parse_strict_with(&bytes, &["Config", "RepoTags", "Layers"])
        .map_err(|e| e.context(format!("{shown}: {DOCKER_INDEX}")))?;
    let entries = value.as_array().ok_or_else(|| bad("is no list of images"))?;
    let many = |what: &str| bad(&format!("lists too many {what}"));
    if entries.len() > MAX_IMAGES {
        return Err(many("images"));
    }
    let (mut all_tags, mut all_layers) = (0, 0);
    entries
        .iter()
        .map(|entry| {
            let config = entry["Config"].as_str().ok_or_else(|| bad("names no config"))?;
            let (mut tags, mut known) = (Vec::new(), BTreeSet::new());
            let names = texts(&entry["RepoTags"]).ok_or_else(|| bad("has no list of names"))?;
            all_tags += names.len();
            if all_tags > MAX_IMAGES {
                return Err(many("names"));
            }
            for text in names {
                if text == NO_NAME {
                    continue;
                }
                let name: Reference = text
                    .parse()
                    .map_err(|_| bad(&format!("has {text:?}, which is no image name")))?;
                if name.digest.is_some() {
                    return Err(bad(&format!("has {text:?}, which is no name with a tag")));
                }
                if known.insert(name.clone()) {
                    tags.push(name);
                }
            }
            let layers = texts(&entry["Layers"]).ok_or_else(|| bad("has no list of layers"))?;
            all_layers += layers.len();
            if all_layers > MAX_LAYERS {
                return Err(many("layers"));
            }
            let layers =
                layers.into_iter().map(|path| tree.resolve(path)).collect::<Result<_>>()?;
            Ok(Listed { config: tree.resolve(config)?, tags, layers })
        })
        .collect()
}

/// The texts of a list; none where there is nothing, as Go writes an empty list.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
