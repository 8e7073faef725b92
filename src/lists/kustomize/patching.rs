//! Patches of a kustomization, read and applied.

use std::path::Path;

use super::build::{Build, entries};
use super::object::{BuildObject, id};
use super::patch::{Body, Patch};
use super::replacement::names_image;
use super::target::or_default;
use super::{json_patch, strategic};
use crate::lists::around::joined;
use crate::lists::yaml::{self, MAX_DEPTH, MAX_NODES, Node};

/// The way out where a patch cannot be applied.
const OUT: &str = "mend it, or hand over what kustomize build prints";
/// What operations never change an image by.
const BESIDE: [&str; 4] = ["/metadata/labels", "/metadata/annotations", "/spec/replicas", "/data"];

impl Build<'_> {
    /// Applies the patches in the member `key` of the kustomization in `folder`.
    pub(super) fn patch(
        &mut self,
        folder: &Path,
        top: &Node,
        key: &str,
        objects: &mut Vec<BuildObject>,
    ) {
        for (at, entry) in entries(top, key).iter().enumerate() {
            let what = format!("{key}[{at}]");
            let Some(body) = self.body(folder, entry, &what) else {
                continue;
            };
            match Patch::of(what.clone(), entry, body) {
                Ok(patch) => self.apply(&patch, objects),
                Err((line, text)) => self.wrong(line, &what, text, OUT),
            }
        }
    }

    /// What a patch says, in its place or in a file.
    fn body(&mut self, folder: &Path, entry: &Node, what: &str) -> Option<Body> {
        let read = match entry.get("patch").or_else(|| entry.get("jsonOp")) {
            Some(inline) if entry.is_map() => {
                Body::of(yaml::documents_within(inline), inline.line())
            }
            _ => {
                let named = if entry.is_map() { entry.get("path").unwrap_or(entry) } else { entry };
                // What names no file is a patch itself, as in patchesStrategicMerge.
                let is_text = named.word().contains('\n') || named.word().starts_with('{');
                match is_text {
                    true => Body::of(yaml::documents_within(named), named.line()),
                    false => {
                        let path = joined(folder, &self.path(named, what)?);
                        let (list, above) = self.file(named.line(), what, &path)?;
                        Body::of(yaml::documents_after(list.text(), above), above + 1)
                    }
                }
            }
        };
        read.map_err(|(line, text)| self.wrong(line, what, text, OUT)).ok()
    }

    fn apply(&mut self, patch: &Patch, objects: &mut Vec<BuildObject>) {
        if !self.charge(patch.line, objects.len()) {
            return;
        }
        match (&patch.body, &patch.target) {
            (Body::Strategic(nodes), None) => {
                for node in nodes {
                    self.merge_named(patch, node, objects);
                }
            }
            (body, Some(target)) => {
                let nodes = match body {
                    Body::Strategic(nodes) | Body::Json(nodes) => nodes,
                };
                if target.is_by_labels && nodes.iter().any(may_matter) {
                    let text = "its target is found by labels, which is not done here".to_owned();
                    return self.wrong(patch.line, &patch.what, text, OUT);
                }
                let meant: Vec<usize> = objects
                    .iter()
                    .enumerate()
                    .filter(|(_, object)| !target.is_by_labels && target.means(object))
                    .map(|(at, _)| at)
                    .collect();
                let mut gone = Vec::new();
                for at in meant {
                    for node in nodes {
                        let is_kept = match body {
                            Body::Strategic(_) => self.merge(patch, node, &mut objects[at]),
                            Body::Json(_) => self.operate(patch, node, &mut objects[at]),
                        };
                        if !is_kept {
                            gone.push(at);
                            break;
                        }
                    }
                }
                let mut at = 0;
                objects.retain(|_| {
                    at += 1;
                    gone.binary_search(&(at - 1)).is_err()
                });
            }
            (Body::Json(_), None) => {
                let text = "is a list of operations, and has no target".to_owned();
                self.wrong(patch.line, &patch.what, text, "write target: with a kind and a name");
            }
        }
    }

    /// Merges `node` into the object that it names itself.
    fn merge_named(&mut self, patch: &Patch, node: &Node, objects: &mut Vec<BuildObject>) {
        let Some(wanted) = id(node) else { return };
        let group = |node: &Node| node.text_of("apiVersion").unwrap_or_default().to_owned();
        let is_meant = |object: &BuildObject| {
            group(&object.node) == group(node)
                && object.ids().any(|id| {
                    id.kind == wanted.kind
                        && id.name == wanted.name
                        && or_default(&id.namespace) == or_default(&wanted.namespace)
                })
        };
        let meant: Vec<usize> = objects
            .iter()
            .enumerate()
            .filter(|(_, object)| is_meant(object))
            .map(|(at, _)| at)
            .collect();
        match meant[..] {
            [at] => {
                if !self.merge(patch, node, &mut objects[at]) {
                    objects.remove(at);
                }
            }
            // It may be for a map that a generator makes, or for what is wrong already.
            _ if !may_matter(node) => {}
            [] => {
                let text = format!("there is no {} {} to patch", wanted.kind, wanted.name);
                self.wrong(node.line(), &patch.what, text, OUT);
            }
            _ => {
                let text = format!("there are several {} {} to patch", wanted.kind, wanted.name);
                self.wrong(node.line(), &patch.what, text, "name the namespace, too");
            }
        }
    }

    /// Merges `node` into `object`; whether that is there still.
    fn merge(&mut self, patch: &Patch, node: &Node, object: &mut BuildObject) -> bool {
        let cost = object.node.weight().saturating_add(node.weight());
        if !self.charge(patch.line, cost) {
            return true;
        }
        match strategic::merge(&object.node, node) {
            Ok(None) => return false,
            Ok(Some(merged)) => {
                let mut named = id(&merged).unwrap_or_else(|| object.now.clone());
                named.namespace.clone_from(&object.now.namespace);
                if !patch.may_rename {
                    named.name.clone_from(&object.now.name);
                }
                if !patch.may_change_kind {
                    named.kind.clone_from(&object.now.kind);
                }
                // Unless it may change them, the kind stays as it was.
                let merged = match (patch.may_change_kind, object.node.get("kind")) {
                    (false, Some(kind)) => merged.with("kind", kind.clone()),
                    _ => merged,
                };
                if self.is_bounded(patch, &merged) {
                    object.node = merged;
                    object.call(named);
                }
            }
            Err((line, text)) => self.wrong(line, &patch.what, text, OUT),
        }
        true
    }

    /// Applies one operation to `object`, which stays there.
    fn operate(&mut self, patch: &Patch, op: &Node, object: &mut BuildObject) -> bool {
        if !self.charge(patch.line, object.node.weight()) {
            return true;
        }
        match json_patch::apply(&object.node, op) {
            Ok(changed) => {
                if self.is_bounded(patch, &changed) {
                    object.node = changed;
                }
            }
            // What transformers add for labels and the like is not there.
            Err(_) if !may_matter(op) => {}
            Err(text) => {
                let text =
                    format!("cannot be done to {} {}: {text}", object.now.kind, object.now.name);
                self.wrong(op.line(), &patch.what, text, OUT);
            }
        }
        true
    }

    fn is_bounded(&mut self, patch: &Patch, node: &Node) -> bool {
        let is = node.depth() <= MAX_DEPTH && node.weight() <= MAX_NODES;
        if !is {
            let text = format!("makes more than {MAX_NODES} values, or {MAX_DEPTH} levels");
            self.wrong(patch.line, &patch.what, text, OUT);
        }
        is
    }
}

/// Whether a patch, or an operation of one, may change which images there are.
fn may_matter(node: &Node) -> bool {
    match node.get("op") {
        None => names_image(node),
        Some(_) => {
            let is_beside = |path: &str| {
                BESIDE.iter().any(|it| {
                    path.strip_prefix(it)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                })
            };
            !node.text_of("path").is_some_and(is_beside)
        }
    }
}
