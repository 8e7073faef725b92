//! `manifest.json`, which lists the images of a docker archive.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::medium::kind;
use crate::medium::tree::Tree;
use crate::words::document::MAX_DOCUMENT;
use crate::words::error::{Class, Error, Result};
use crate::words::json::{member_of_any_case, parse_strict_with};
use crate::words::reference::Reference;

/// The file that lists the images.
pub const DOCKER_INDEX: &str = kind::DOCKER;

/// What docker 1.9 and older call an image that has lost its name to another.
const NO_NAME: &str = "<none>:<none>";

/// Most images that are listed, and most names: a list may be no larger than 4 MiB, and real entries have 200
/// bytes. Smaller ones would only serve to fill the memory.
const MAX_IMAGES: usize = 20_000;
/// Most layers in the list. Their real paths have 64 bytes and more.
const MAX_LAYERS: usize = 100_000;

/// The list.
#[derive(Debug, Default)]
pub(super) struct DockerList {
    /// Its images, in their order.
    pub(super) images: Vec<DockerEntry>,
    /// Names in it that nobody can read.
    pub(super) notes: Vec<String>,
}

/// An entry of the list.
#[derive(Debug)]
pub(super) struct DockerEntry {
    /// What people know the image by.
    pub(super) label: String,
    /// The image, or why its files cannot be had.
    pub(super) listed: Result<DockerImageFiles>,
}

/// One image as it is listed.
#[derive(Debug)]
pub(super) struct DockerImageFiles {
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
pub(super) fn read(tree: &Tree) -> Result<DockerList> {
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
    let mut listing = DockerList::default();
    for (position, entry) in entries.iter().enumerate() {
        let said = members(entry).map_err(within);
        let names = said.as_ref().map_or(&[][..], |(_, names, _)| names);
        all_tags += names.len();
        if all_tags > MAX_IMAGES {
            return Err(many("names"));
        }
        all_layers += said.as_ref().map_or(0, |(.., layers)| layers.len());
        if all_layers > MAX_LAYERS {
            return Err(many("layers"));
        }
        let (mut tags, mut known) = (Vec::new(), BTreeSet::new());
        for text in names {
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
        // Of one that is odd elsewhere, the name may be there all the same.
        let first =
            || texts(member_of_any_case(entry, "RepoTags").ok()?)?.into_iter().find(is_name);
        let first = names.first().copied().or_else(first);
        let label = first.map_or_else(|| format!("@{position}"), str::to_owned);
        let listed = said.and_then(|(config, _, layers)| files(tree, config, &layers));
        let listed = listed.map(|(config, layers)| DockerImageFiles { config, tags, layers });
        listing.images.push(DockerEntry { label, listed });
    }
    Ok(listing)
}

/// The config, the names and the layers of `entry`, as it lists them.
fn members(entry: &Value) -> Result<(&str, Vec<&str>, Vec<&str>)> {
    let bad = |why: &str| Error::new(Class::Damaged, why);
    // jib before 2.3 wrote them in small letters, and docker takes those.
    let member = |name: &str| member_of_any_case(entry, name);
    let config = member("Config")?.as_str().filter(|path| !path.is_empty());
    let config = config.ok_or_else(|| bad("names no config"))?;
    let names = texts(member("RepoTags")?).ok_or_else(|| bad("has no list of names"))?;
    let layers = texts(member("Layers")?).ok_or_else(|| bad("has no list of layers"))?;
    Ok((config, names.into_iter().filter(is_name).collect(), layers))
}

/// Whether `text`, from a list of names, says any.
fn is_name(text: &&str) -> bool {
    !text.is_empty() && *text != NO_NAME
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

/// The texts of a list; none where there is nothing, as Go writes an empty list, and empty ones where
/// it has null.
fn texts<'v>(value: &'v Value) -> Option<Vec<&'v str>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => {
            let text = |item: &'v Value| if item.is_null() { Some("") } else { item.as_str() };
            items.iter().map(text).collect()
        }
        _ => None,
    }
}
