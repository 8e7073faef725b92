//! Kubernetes manifests: objects as YAML or JSON, several in one file, lists of them, and what a rendered
//! chart prints.

mod bearer;
pub(super) mod hints;
mod known;
mod naming;
pub(super) mod parts;
pub(super) mod path;
#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use self::bearer::Bearer;
use self::naming::NamedImage;
use self::path::PathRule;
use super::around::Around;
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::{MAX_ENTRIES, Reading};
use super::yaml::{self, Node};

/// How many broken documents of a list are told, each of which costs reading the rest anew.
const MAX_BROKEN: usize = 20;
/// Most values that are looked at in one list, what aliases repeat among them: the pods of ten thousand
/// nodes.
pub(super) const MAX_WALKED: usize = 20_000_000;
/// Lists within lists; those that are seen are never deeper than two.
pub(super) const MAX_LISTS: usize = 4;

/// Objects of a cluster's API.
#[derive(Debug)]
pub(super) struct Kubernetes;

impl ListFormat for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn title(&self) -> &'static str {
        "Kubernetes manifests"
    }

    fn is(&self, list: &ListText) -> bool {
        match list.first_document() {
            Ok(Some(node)) => is_object(node) || node.list().first().is_some_and(is_object),
            // What a chart prints of which everything is switched off.
            Ok(None) => list.text().lines().any(|line| line.trim_end() == "---"),
            Err(_) => begins_as_object(list.text()),
        }
    }

    fn read(&self, lists: &[ListText], around: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            let mut own = Reading::default();
            let rules = rules(list, around, &mut own);
            for naming in namings(list, &rules, &mut own) {
                naming.settle(&mut own);
            }
            own.notes.sort_by_key(|(spot, _)| spot.line);
            own.faults.sort_by_key(|(spot, _)| spot.line);
            reading.join(own);
        }
        reading
    }
}

/// Whether `node` is an object of the API.
/// A kustomization names images for other files' objects, and is none of them.
fn is_object(node: &Node) -> bool {
    let api = node.text_of("apiVersion");
    node.text_of("kind").is_some() && api.is_some_and(|api| !api.starts_with("kustomize.config."))
}

/// Whether what is broken YAML further down begins as an object.
fn begins_as_object(text: &str) -> bool {
    let mut keys = text.lines().filter_map(|line| Some(line.split_once(':')?.0)).take(1000);
    let (mut api, mut kind) = (false, false);
    keys.any(|key| {
        api |= key == "apiVersion";
        kind |= key == "kind";
        api && kind
    })
}

/// Takes the images of `objects`, which are in `list`, each as it is.
pub(super) fn read_objects(
    list: &ListText,
    objects: impl Iterator<Item = Node>,
    around: &dyn Around,
    reading: &mut Reading,
) {
    let rules = rules(list, around, reading);
    let mut namings = Vec::new();
    for object in objects {
        let bearer = Bearer::of(&object, "", "", None);
        walk::walk(list, &object, bearer, &rules, &mut namings, reading);
    }
    namings.into_iter().for_each(|naming| naming.settle(reading));
}

/// The rules that are known, and those that the user gave.
fn rules(list: &ListText, around: &dyn Around, reading: &mut Reading) -> Vec<PathRule> {
    let mut rules = known::rules();
    for text in around.image_paths() {
        match text.parse() {
            Ok(rule) => rules.push(rule),
            Err(error) => reading.fault(list.spot(1, ""), error),
        }
    }
    rules
}

/// Every image that an object in `list` names, as it is written. What is wrong or worth knowing goes to
/// `reading`.
fn namings(list: &ListText, rules: &[PathRule], reading: &mut Reading) -> Vec<NamedImage> {
    let mut objects = Objects {
        list,
        rules,
        sources: sources(list.text()),
        walked: 0,
        namings: Vec::new(),
        reading,
    };
    objects.read();
    objects.namings
}

/// The templates that the parts of a rendered chart came of, each with the line from which on it holds.
fn sources(text: &str) -> Vec<(usize, Option<Arc<str>>)> {
    let mut sources = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(source) = line.strip_prefix("# Source: ") {
            sources.push((at + 1, Some(source.trim().into())));
        } else if line.starts_with("---") && sources.last().is_some_and(|(_, it)| it.is_some()) {
            sources.push((at + 1, None));
        }
    }
    sources
}

struct Objects<'a, 'r> {
    list: &'a ListText,
    rules: &'a [PathRule],
    sources: Vec<(usize, Option<Arc<str>>)>,
    walked: usize,
    namings: Vec<NamedImage>,
    reading: &'r mut Reading,
}

impl Objects<'_, '_> {
    /// Reads all documents. One that is broken ends at the next line that begins one.
    fn read(&mut self) {
        let text = self.list.text();
        let mut rest = String::new();
        for _ in 0..MAX_BROKEN {
            let from = if rest.is_empty() { text } else { &rest };
            let Some(fault) = self.documents(from) else {
                return;
            };
            let broken = fault.line.max(1);
            self.reading.fault(self.list.spot(broken, ""), fault.into_error());
            let next = from.split_inclusive('\n').enumerate().skip(broken).find(|(_, line)| {
                line.strip_prefix("---")
                    .is_some_and(|it| it.is_empty() || it.starts_with(char::is_whitespace))
            });
            let Some((next, _)) = next else { return };
            // The lines keep their numbers.
            let kept: String = from.split_inclusive('\n').skip(next).collect();
            rest = "\n".repeat(next) + &kept;
        }
    }

    /// Reads the documents of `text`; gives back what is wrong with one, which is the last then.
    fn documents(&mut self, text: &str) -> Option<yaml::Fault> {
        for document in yaml::documents(text) {
            let document = match document {
                Ok(document) => document,
                Err(fault) => return Some(fault),
            };
            self.walked = self.walked.saturating_add(document.weight());
            if self.walked > MAX_WALKED {
                let text = format!("there are more than {MAX_WALKED} values up to here");
                self.reading.wrong(self.list.spot(document.line(), ""), text, "make several lists");
                return None;
            }
            match document.is_list() {
                true => self.items(document.list(), "", "", 1),
                false => self.object(&document, "", "", 0),
            }
            if self.namings.len() > MAX_ENTRIES {
                return None;
            }
        }
        None
    }

    fn items(&mut self, items: &[Node], kind: &str, api: &str, depth: usize) {
        for item in items {
            self.object(item, kind, api, depth);
        }
    }

    fn object(&mut self, object: &Node, kind: &str, api: &str, depth: usize) {
        if object.is_null() {
            return;
        }
        if !object.is_map() {
            let spot = self.list.spot(object.line(), "");
            return self.reading.note(spot, "this document is no object, and names no images");
        }
        let source = self.sources.partition_point(|(line, _)| *line <= object.line());
        let source = source.checked_sub(1).and_then(|at| self.sources[at].1.clone());
        let bearer = Bearer::of(object, kind, api, source.as_ref());
        let of_items = bearer.kind.strip_suffix("List").map(ToOwned::to_owned);
        if let (Some(of_items), Some(items)) = (of_items, object.get("items"))
            && depth < MAX_LISTS
        {
            let api = if of_items.is_empty() { String::new() } else { bearer.api };
            return self.items(items.list(), &of_items, &api, depth + 1);
        }
        walk::walk(self.list, object, bearer, self.rules, &mut self.namings, self.reading);
    }
}
