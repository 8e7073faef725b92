//! [`Document`]: one YAML document of a Compose file, as far as it has a say in which images there are.

use std::sync::Arc;

use super::template::fill;
use super::value::{Members, Resets, Said, Text, Value, Where};
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
pub(super) struct Document {
    pub(super) members: Members,
    pub(super) resets: Resets,
}

impl Document {
    /// Reads a mapping of the file with number `file`, with the variables that `known` knows.
    pub(super) fn read(
        node: &Node,
        file: usize,
        known: &dyn Fn(&str) -> Option<String>,
    ) -> Document {
        let mut reader = Reader { file, known, resets: Resets::default(), path: Vec::new() };
        let members = reader.members(node);
        Document { members, resets: reader.resets.sorted() }
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
    fn value(&mut self, node: &Node) -> Option<Value> {
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
            Said::Map(self.members(node))
        } else if node.is_list() {
            Said::List(node.list().iter().filter_map(|inner| self.element(inner)).collect())
        } else if node.is_null() {
            Said::Nothing
        } else {
            self.text(node)
        };
        Some(self.long_form(Value { at, said }))
    }

    /// An entry of a list: what is said of those below it has no effect.
    fn element(&mut self, node: &Node) -> Option<Value> {
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

    fn text(&self, node: &Node) -> Said {
        let spelled = node.spelled();
        let is_bare = !node.is_quoted()
            && node.tag().is_none()
            && (spelled.parse::<f64>().is_ok() || matches!(spelled, "true" | "false"));
        match fill(spelled, self.known) {
            Ok(filled) => {
                let (text, unset) = (filled.text, filled.unset);
                Said::Text(Arc::new(Text { text, unset, is_bare }))
            }
            Err(why) => Said::Unfilled(Arc::new(why)),
        }
    }

    /// `value` in its long form, where it may be short: only so can one go over another.
    fn long_form(&self, value: Value) -> Value {
        let path: Vec<&str> = self.path.iter().map(AsRef::as_ref).collect();
        let of = |name: &str, value: Value| {
            Value::map(value.at, Members::from([(Arc::from(name), value)]))
        };
        match (path.as_slice(), &value.said) {
            (["services", _, "build"], Said::Text(_) | Said::Unfilled(_)) => of("context", value),
            (["services", _, "extends"], Said::Text(_) | Said::Unfilled(_)) => of("service", value),
            (["services", _, "build", "additional_contexts"], Said::List(entries)) => {
                let named = entries.iter().filter_map(|entry| {
                    let Said::Text(text) = &entry.said else { return None };
                    let (name, place) = text.text.split_once('=')?;
                    let text = Text { text: place.to_owned(), ..Text::clone(text) };
                    let said = Said::Text(Arc::new(text));
                    Some((Arc::from(name), Value { at: entry.at, said }))
                });
                Value::map(value.at, named.collect())
            }
            _ => value,
        }
    }
}
