//! The files that `skopeo sync --src yaml` takes: registries, each with its images and rules for tags.
//!
//! skopeo-sync(1), "YAML file content".

use super::around::Around;
use super::entry::{Asked, Entry};
use super::format::ListFormat;
use super::list_text::ListText;
use super::ranges;
use super::reading::Reading;
use super::tag_rule::TagRule;
use super::yaml::Node;
use crate::words::error::Result;

const IMAGES: &str = "images";
const BY_REGEX: &str = "images-by-tag-regex";
const BY_SEMVER: &str = "images-by-semver";
/// How a registry is reached: places and credentials are said elsewhere.
const MANNERS: [&str; 3] = ["tls-verify", "cert-dir", "credentials"];

/// A file for `skopeo sync`.
#[derive(Debug)]
pub(super) struct SkopeoSync;

impl ListFormat for SkopeoSync {
    fn name(&self) -> &'static str {
        "skopeo-sync"
    }

    fn title(&self) -> &'static str {
        "a file for skopeo sync"
    }

    /// All its members are registries, and one of them says images.
    fn is(&self, list: &ListText) -> bool {
        list.first().is_some_and(|node| {
            node.members().all(|(_, registry)| is_registry(registry))
                && node.members().any(|(_, registry)| says_images(registry))
        })
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            for document in reading.documents(list) {
                for (key, registry) in document.keyed() {
                    read_registry(list, key, registry, &mut reading);
                }
            }
        }
        reading
    }
}

fn is_registry(node: &Node) -> bool {
    let known =
        |name: &str| [IMAGES, BY_REGEX, BY_SEMVER].contains(&name) || MANNERS.contains(&name);
    let lists = |node: &Node| node.members().all(|(_, tags)| tags.is_list() || tags.is_null());
    node.is_null()
        || (node.is_map()
            && node.members().all(|(name, _)| known(name))
            && node.get(IMAGES).is_none_or(|it| it.is_null() || (it.is_map() && lists(it))))
}

fn says_images(node: &Node) -> bool {
    [IMAGES, BY_REGEX, BY_SEMVER].iter().any(|name| node.get(name).is_some_and(Node::is_map))
}

fn read_registry(list: &ListText, key: &Node, node: &Node, reading: &mut Reading) {
    let registry = key.word();
    if !says_images(node) {
        reading.note(list.spot(key.line(), registry), "says no images");
    }
    for (name, value) in node.keyed() {
        let spot = || list.spot(name.line(), registry);
        match name.word() {
            IMAGES => read_images(list, registry, value, reading),
            BY_REGEX => {
                let rule = |text: &str| TagRule::matching([text], []);
                read_rules(list, registry, value, rule, reading);
            }
            BY_SEMVER => read_rules(list, registry, value, ranges::of_masterminds, reading),
            "credentials" => {
                let text = "credentials are taken from where engines keep them, and not from here";
                reading.note(spot(), text);
            }
            manner if MANNERS.contains(&manner) => {
                reading.note(spot(), format!("{manner} is not taken from here"));
            }
            other => {
                let text = format!("{other:?} is no member of a registry");
                reading.wrong(spot(), text, format!("it has {IMAGES}, {BY_REGEX} and {BY_SEMVER}"));
            }
        }
    }
}

/// The repository called `name` at `registry`, or that it is none.
fn repository(
    list: &ListText,
    registry: &str,
    name: &Node,
    reading: &mut Reading,
) -> Option<String> {
    let spelled = name.word();
    if spelled.is_empty() || spelled.contains([':', '@']) {
        let text = format!("{spelled:?} is no repository");
        let out = "write its name alone, and tags and digests as a list below it";
        reading.wrong(list.spot(name.line(), registry), text, out);
        return None;
    }
    Some(format!("{registry}/{spelled}"))
}

fn read_images(list: &ListText, registry: &str, images: &Node, reading: &mut Reading) {
    if !images.is_map() && !images.is_null() {
        let spot = list.spot(images.line(), registry);
        reading.wrong(spot, "images are no mapping of names", "write NAME: [TAG, ...]");
    }
    for (name, tags) in images.keyed() {
        let Some(repository) = repository(list, registry, name, reading) else { continue };
        let spot = list.spot(name.line(), registry);
        if tags.is_null() || (tags.is_list() && tags.list().is_empty()) {
            reading.add(Entry::new(Asked::Tags { repository, rule: TagRule::all() }, spot));
        } else if !tags.is_list() {
            reading.wrong(
                spot,
                format!("the tags of {repository} are no list"),
                "write [TAG, ...]",
            );
        } else {
            for tag in tags.list() {
                let spot = list.spot(tag.line(), registry);
                match tag.text() {
                    Some(tag) if tag.contains(':') => {
                        reading.image(format!("{repository}@{tag}"), spot);
                    }
                    Some(tag) => reading.image(format!("{repository}:{tag}"), spot),
                    None => reading.wrong(
                        spot,
                        format!("a tag of {repository} is none"),
                        "write a tag or a digest",
                    ),
                }
            }
        }
    }
}

fn read_rules(
    list: &ListText,
    registry: &str,
    rules: &Node,
    read: impl Fn(&str) -> Result<TagRule>,
    reading: &mut Reading,
) {
    for (name, text) in rules.keyed() {
        let Some(repository) = repository(list, registry, name, reading) else { continue };
        let spot = list.spot(text.line(), registry);
        match text.text().map(&read) {
            Some(Ok(rule)) => reading.add(Entry::new(Asked::Tags { repository, rule }, spot)),
            Some(Err(error)) => reading.fault(spot, error),
            None => {
                let text = format!("{repository} has no rule for its tags");
                reading.wrong(spot, text, format!("write one, or list its tags in {IMAGES}"));
            }
        }
    }
}
