//! `manifest.json`, which lists the images of a docker archive.

use std::collections::BTreeSet;

use serde_json::Value;

use super::DOCKER_INDEX;
use crate::places::tree::Tree;
use crate::words::document::MAX_DOCUMENT;
use crate::words::error::{Class, Error, Result};
use crate::words::json::{member_of_any_case, parse_strict_with};
use crate::words::reference::Reference;

/// What docker 1.9 and older call an image that has lost its name to another.
const NO_NAME: &str = "<none>:<none>";

/// Most images that are listed, and most names: a list may be no larger than 4 MiB, and real entries have 200
/// bytes. Smaller ones would only serve to fill the memory.
const MAX_IMAGES: usize = 20_000;
/// Most layers in the list. Their real paths have 64 bytes and more.
const MAX_LAYERS: usize = 100_000;

/// The list.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Its images, in their order.
    pub(super) images: Vec<Entry>,
    /// Names in it that nobody can read.
    pub(super) notes: Vec<String>,
}

/// An entry of the list.
#[derive(Debug)]
pub(super) struct Entry {
    /// What people know the image by.
    pub(super) label: String,
    /// The image, or why its files cannot be had.
    pub(super) listed: Result<Listed>,
}

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
/// [`Class::Damaged`] for anything but docker's form of it.
pub(super) fn read(tree: &Tree) -> Result<Listing> {
    let shown = tree.path().display();
    let bad = |why: &str| Error::new(Class::Damaged, format!("{shown}: {DOCKER_INDEX} {why}"));
    let bytes = tree.read_small(DOCKER_INDEX, MAX_DOCUMENT)?;
    let within = |e: Error| e.context(format!("{shown}: {DOCKER_INDEX}"));
    let value = parse_strict_with(&bytes, &[]).map_err(within)?;
    let none = Vec::new();
    let entries = match &value {
        Value::Null => &none,
        value => value.as_array().ok_or_else(|| bad("is no list of images"))?,
    };
    let many = |what: &str| bad(&format!("lists too many {what}"));
    if entries.len() > MAX_IMAGES {
        return Err(many("images"));
    }
    let (mut all_tags, mut all_layers) = (0, 0);
    let mut listing = Listing::default();
    for (place, entry) in entries.iter().enumerate() {
        // jib before 2.3 wrote them in small letters, and docker takes those.
        let member = |name: &str| member_of_any_case(entry, name).map_err(within);
        let config = member("Config")?.as_str().ok_or_else(|| bad("names no config"))?;
        let names = texts(member("RepoTags")?).ok_or_else(|| bad("has no list of names"))?;
        all_tags += names.len();
        if all_tags > MAX_IMAGES {
            return Err(many("names"));
        }
        let layers = texts(member("Layers")?).ok_or_else(|| bad("has no list of layers"))?;
        all_layers += layers.len();
        if all_layers > MAX_LAYERS {
            return Err(many("layers"));
        }
        let (mut tags, mut known) = (Vec::new(), BTreeSet::new());
        for text in names.iter().filter(|text| **text != NO_NAME) {
            match text.parse::<Reference>() {
                Ok(name) => {
                    let name = name.kept();
                    if known.insert(name.clone()) {
                        tags.push(name);
                    }
                }
                Err(_) => listing.notes.push(format!(
                    "{shown}: {text:?} is no image name; the image goes by its others or by its \
                     digest"
                )),
            }
        }
        let label = match (names.iter().find(|text| **text != NO_NAME), entries.len()) {
            (Some(name), _) => (*name).to_owned(),
            (None, _) => format!("@{place}"),
        };
        let listed = files(tree, config, &layers);
        let listed = listed.map(|(config, layers)| Listed { config, tags, layers });
        listing.images.push(Entry { label, listed });
    }
    Ok(listing)
}

/// The files of an image: its config and its layers, where links lead.
fn files(tree: &Tree, config: &str, layers: &[&str]) -> Result<(String, Vec<String>)> {
    if layers.iter().any(|path| path.is_empty()) {
        let text = format!("{}: the archive lacks base layers", tree.path().display());
        return Err(Error::new(Class::Incomplete, text)
            .hint("it was made to be loaded where they are; make it with all layers"));
    }
    let layers = layers.iter().map(|path| tree.resolve(path)).collect::<Result<_>>()?;
    Ok((tree.resolve(config)?, layers))
}

/// The texts of a list; none where there is nothing, as Go writes an empty list.
fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => items.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
