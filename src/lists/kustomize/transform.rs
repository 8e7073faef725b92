//! What a kustomization does to its objects.

use std::path::Path;

use super::build::{Build, OUT, entries};
use super::image_rule::{self, ImageRule};
use super::object::{BuildObject, Id};
use super::{members, replacement};
use crate::lists::around::joined;
use crate::lists::yaml::{self, Node};

/// Kinds whose names are never changed.
const KEPT: [&str; 3] = ["CustomResourceDefinition", "APIService", "Namespace"];

impl Build<'_> {
    /// 3. Names, patches, images and replacements, in kustomize's order.
    pub(super) fn transform(&mut self, folder: &Path, top: &Node, objects: &mut Vec<BuildObject>) {
        self.patch(folder, top, "patchesStrategicMerge", objects);
        self.patch(folder, top, "patches", objects);
        self.rename(top, objects);
        self.patch(folder, top, "patchesJson6902", objects);
        let mut rules = self.rules(top);
        let found = self.reading.faults.is_empty();
        if !rules.is_empty() {
            for object in objects.iter_mut() {
                let cost = object.node.weight().saturating_mul(2 + rules.len() / 4);
                if self.charge(top.line(), cost) {
                    object.node = image_rule::apply(&object.node, &mut rules);
                }
            }
            for rule in rules.iter().filter(|rule| !rule.met && found) {
                let text = format!("no image is called {} there", rule.name);
                let spot = self.root.spot(rule.line, "images");
                self.reading.note(spot, text);
            }
        }
        self.replacements(folder, top, objects);
    }

    /// The images that a kustomization without objects says to take.
    pub(super) fn images_alone(&mut self, top: &Node) {
        self.tell_unknown(top);
        for rule in self.rules(top) {
            let spot = self.root.spot(rule.line, format!("images {}", rule.name));
            match rule.image() {
                Some(image) => self.reading.image(image, spot),
                None => {
                    let out = "write newTag or digest, or name the file with its resources";
                    self.reading.wrong(
                        spot,
                        "has no tag, and there are no resources to find one in",
                        out,
                    );
                }
            }
        }
    }

    fn rules(&mut self, top: &Node) -> Vec<ImageRule> {
        let mut rules = Vec::new();
        for key in ["images", "imageTags"] {
            for (at, entry) in entries(top, key).iter().enumerate() {
                match ImageRule::of(entry) {
                    Ok(rule) => rules.push(rule),
                    Err((line, text, out)) => {
                        self.wrong(line, &format!("{key}[{at}]"), text, out);
                    }
                }
            }
        }
        rules
    }

    /// What objects are called from here on.
    fn rename(&mut self, top: &Node, objects: &mut [BuildObject]) {
        let text = |key: &str| top.text_of(key).unwrap_or_default();
        let (namespace, prefix, suffix) =
            (text("namespace"), text("namePrefix"), text("nameSuffix"));
        for object in objects {
            let mut id = object.now.clone();
            if !namespace.is_empty() {
                namespace.clone_into(&mut id.namespace);
            }
            object.call(id);
            if !KEPT.contains(&&*object.first().kind) && (!prefix.is_empty() || !suffix.is_empty())
            {
                let name = format!("{prefix}{}{suffix}", object.now.name);
                object.call(Id { name, ..object.now.clone() });
            }
        }
    }

    fn replacements(&mut self, folder: &Path, top: &Node, objects: &[BuildObject]) {
        for (at, entry) in entries(top, "replacements").iter().enumerate() {
            let what = format!("replacements[{at}]");
            let mut all = vec![entry.clone()];
            if let Some(path) = entry.get("path") {
                let Some(text) = self.path(path, &what) else {
                    continue;
                };
                let Some((list, above)) = self.file(path.line(), &what, &joined(folder, &text))
                else {
                    continue;
                };
                for document in yaml::documents_after(list.text(), above) {
                    match document {
                        Ok(node) if node.is_list() => all.extend(node.list().iter().cloned()),
                        Ok(node) => all.push(node),
                        Err(fault) => self.fault(fault.line, &what, fault.into_error()),
                    }
                }
            }
            for replacement in &all {
                let cost = objects.len().saturating_mul(replacement.weight());
                if !self.charge(entry.line(), cost) {
                    return;
                }
                if let Some((line, field)) = replacement::reaches(replacement, objects) {
                    let text = format!("{field} may be an image, and is not replaced here");
                    self.wrong(line, &what, text, OUT);
                }
            }
        }
    }

    /// Says what the kustomization has that is not done, or not known.
    pub(super) fn tell_unknown(&mut self, top: &Node) {
        for (key, value) in top.keyed() {
            let name = key.word();
            if value.is_null()
                || (value.text().is_none() && value.list().is_empty() && !value.is_map())
            {
                continue;
            }
            if let Some((_, what)) = members::RUN.iter().find(|(run, _)| *run == name) {
                self.wrong(key.line(), name, format!("names {what}, which are not run here"), OUT);
            } else if !members::is_known(name) {
                let out = "see whether it is spelled so";
                self.wrong(key.line(), name, "is no member of a kustomization".to_owned(), out);
            } else if name == "openapi" && value.get("path").is_some() {
                let text = "says how lists are merged, which is not read here".to_owned();
                self.wrong(key.line(), name, text, OUT);
            } else if name == "configurations" {
                let text = "may say where else images stand, which is not read here".to_owned();
                self.wrong(key.line(), name, text, OUT);
            }
        }
        let vars = entries(top, "vars").first();
        if let Some(vars) = vars {
            let text = "vars are not filled in: an image with $(...) in its name is not taken";
            let spot = self.root.spot(vars.line(), "vars");
            self.reading.note(spot, text);
        }
    }
}
