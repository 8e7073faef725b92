//! [`ComposeFile`]: one YAML document of a Compose file, as far as it has a say in which images there are.

use std::sync::Arc;

use super::template::fill;
use super::value::{ComposeValue, Members, Resets, ScalarText, Spoken, Where};
use crate::lists::yaml::Node;

/// What has a say at the top.
const TOP: [&str; 4] = ["include", "models", "name", "services"];
/// What has a say in a service.
const OF_SERVICE: [&str; 9] = [
    "build",
    "extends",
    "image",
    "models",
    "pre_start",
    "profiles",
    "provider",
    "pull_policy",
    "volumes",
];
/// What has a say in how a service is built.
const OF_BUILD: [&str; 3] = ["additional_contexts", "context", "dockerfile"];

/// A document's members, and what it takes out of those below it.
#[derive(Debug)]
pub(super) struct ComposeFile {
    pub(super) members: Members,
    pub(super) resets: Resets,
}

impl ComposeFile {
    /// Reads a mapping of the file with number `file`, with the variables that `known` knows.
    pub(super) fn read(
        node: &Node,
        file: usize,
        known: &dyn Fn(&str) -> Option<String>,
    ) -> ComposeFile {
        let mut reader = Reader { file, known, resets: Resets::default(), path: Vec::new() };
        let members = reader.members(node);
        ComposeFile { members, resets: reader.resets.sorted() }
    }
}

struct Reader<'a> {
    file: usize,
    known: &'a dyn Fn(&str) -> Option<String>,
    resets: Resets,
    path: Vec<Arc<str>>,
}

impl Reader<'_> {
    /// A value; nothing where it only takes out what is below.
    fn value(&mut self, node: &Node) -> Option<ComposeValue> {
        match node.tag() {
            Some("!reset") => {
                self.resets.push(&self.path);
                return None;
            }
            Some("!override") => self.resets.push(&self.path),
            _ => {}
        }
        let at = Where { file: self.file, line: node.line() };
        let said = if node.is_map() {
            Spoken::Map(self.members(node))
        } else if node.is_list() {
            Spoken::List(node.list().iter().filter_map(|inner| self.element(inner)).collect())
        } else if node.is_null() {
            Spoken::Nothing
        } else {
            self.text(node)
        };
        Some(self.long_form(ComposeValue { at, said }))
    }

    /// An entry of a list: what is said of those below it has no effect.
    fn element(&mut self, node: &Node) -> Option<ComposeValue> {
        if node.tag() == Some("!reset") {
            return None;
        }
        let resets = std::mem::take(&mut self.resets);
        let value = self.value(node);
        self.resets = resets;
        value
    }

    fn members(&mut self, node: &Node) -> Members {
        let mut members = Members::new();
        for (name, value) in node.members() {
            if !self.counts(name) {
                continue;
            }
            let name: Arc<str> = name.into();
            self.path.push(Arc::clone(&name));
            if let Some(value) = self.value(value) {
                members.insert(name, value);
            }
            self.path.pop();
        }
        members
    }

    /// Whether the member called `name` has a say, here.
    fn counts(&self, name: &str) -> bool {
        match self.path.as_slice() {
            [] => TOP.contains(&name),
            [top, _] if **top == *"services" => OF_SERVICE.contains(&name),
            [_, _, build] if **build == *"build" => OF_BUILD.contains(&name),
            _ => true,
        }
    }

    fn text(&self, node: &Node) -> Spoken {
        let spelled = node.word();
        let is_bare = !node.is_quoted()
            && node.tag().is_none()
            && (spelled.parse::<f64>().is_ok() || matches!(spelled, "true" | "false"));
        match fill(spelled, self.known) {
            Ok(filled) => {
                let (text, unset) = (filled.text, filled.unset);
                Spoken::Text(Arc::new(ScalarText { text, unset, is_bare }))
            }
            Err(why) => Spoken::Unfilled(Arc::new(why)),
        }
    }

    /// `value` in its long form, where it may be short: only so can one go over another.
    fn long_form(&self, value: ComposeValue) -> ComposeValue {
        let path: Vec<&str> = self.path.iter().map(AsRef::as_ref).collect();
        let of = |name: &str, value: ComposeValue| {
            ComposeValue::map(value.at, Members::from([(Arc::from(name), value)]))
        };
        match (path.as_slice(), &value.said) {
            (["services", _, "build"], Spoken::Text(_) | Spoken::Unfilled(_)) => {
                of("context", value)
            }
            (["services", _, "extends"], Spoken::Text(_) | Spoken::Unfilled(_)) => {
                of("service", value)
            }
            (["services", _, "build", "additional_contexts"], Spoken::List(entries)) => {
                let named = entries.iter().filter_map(|entry| {
                    let Spoken::Text(text) = &entry.said else { return None };
                    let (name, place) = text.text.split_once('=')?;
                    let text = ScalarText { text: place.to_owned(), ..ScalarText::clone(text) };
                    let said = Spoken::Text(Arc::new(text));
                    Some((Arc::from(name), ComposeValue { at: entry.at, said }))
                });
                ComposeValue::map(value.at, named.collect())
            }
            _ => value,
        }
    }
}
