//! [`Node`]: a value of a YAML document.

use std::sync::Arc;

use granit_parser::ScalarStyle;

/// A value of a YAML document. A clone costs nothing.
#[derive(Debug, Clone)]
pub struct Node(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    line: usize,
    tag: Option<Box<str>>,
    weight: usize,
    depth: usize,
    value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Text { text: Box<str>, style: ScalarStyle },
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    pub(super) fn new(line: usize, tag: Option<&str>, value: Value) -> Node {
        let (mut weight, mut depth): (usize, usize) = (1, 0);
        let mut add = |node: &Node| {
            weight = weight.saturating_add(node.weight());
            depth = depth.max(node.depth());
        };
        match &value {
            Value::Text { .. } => {}
            Value::List(nodes) => nodes.iter().for_each(add),
            Value::Map(members) => members.iter().for_each(|(key, node)| {
                add(key);
                add(node);
            }),
        }
        let (tag, depth) = (tag.map(Into::into), depth + 1);
        Node(Arc::new(Inner { line, tag, weight, depth, value }))
    }

    /// How many levels there are from here on down.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.depth
    }

    /// How many nodes there are from here on down, repeated ones as often as they are there.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.0.weight
    }

    /// The line that it begins on, from 1 on.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.line
    }

    /// Its tag, as in `!reset`, where it has one of its own.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.0.tag.as_deref()
    }

    /// Whether it is nothing: not written, `~` or `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.0.value, Value::Text { text, style: ScalarStyle::Plain } if matches!(&**text, "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Its text, where it is a scalar and not nothing: numbers and truth values as they are spelled.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.0.value {
            Value::Text { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Whether it is the plain word `true`.
    #[must_use]
    pub fn is_true(&self) -> bool {
        matches!(&self.0.value, Value::Text { text, style: ScalarStyle::Plain } if text.eq_ignore_ascii_case("true"))
    }

    /// Whether it is text in quotes, or in a block.
    #[must_use]
    pub fn is_quoted(&self) -> bool {
        matches!(&self.0.value, Value::Text { style, .. } if *style != ScalarStyle::Plain)
    }

    /// Whether it is text in a block (`|` or `>`), whose line is the first that is not empty.
    #[must_use]
    pub fn is_block(&self) -> bool {
        matches!(
            &self.0.value,
            Value::Text { style: ScalarStyle::Literal | ScalarStyle::Folded, .. }
        )
    }

    /// Whether it is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(&self.0.value, Value::List(_))
    }

    /// Whether it is a mapping.
    #[must_use]
    pub fn is_map(&self) -> bool {
        matches!(&self.0.value, Value::Map(_))
    }

    /// Its entries, where it is a list; else none.
    #[must_use]
    pub fn list(&self) -> &[Node] {
        match &self.0.value {
            Value::List(nodes) => nodes,
            _ => &[],
        }
    }

    /// Its members, each key (a scalar) with its value, where it is a mapping; else none.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.keyed().map(|(key, value)| (key.word(), value))
    }

    /// As [`members`](Node::members), with the keys as nodes that have their lines.
    pub fn keyed(&self) -> impl Iterator<Item = (&Node, &Node)> {
        let members: &[(Node, Node)] = match &self.0.value {
            Value::Map(members) => members,
            _ => &[],
        };
        members.iter().map(|(key, value)| (key, value))
    }

    /// Its text as it is spelled, whatever it means; nothing where it is no scalar.
    #[must_use]
    pub fn word(&self) -> &str {
        match &self.0.value {
            Value::Text { text, .. } => text,
            _ => "",
        }
    }

    /// The member called `key`, where it is a mapping that has one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.members().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The text of the member called `key`.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// What is below, key by key.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// A text that is written on `line`, as with quotes.
    #[must_use]
    pub fn written(line: usize, text: &str) -> Node {
        Node::new(line, None, Value::Text { text: text.into(), style: ScalarStyle::DoubleQuoted })
    }

    /// A mapping that is written on `line`. No key stands in `members` twice.
    #[must_use]
    pub fn mapping(line: usize, members: Vec<(Node, Node)>) -> Node {
        Node::new(line, None, Value::Map(members))
    }

    /// The same mapping with other members. No key stands there twice.
    #[must_use]
    pub fn with_members(&self, members: Vec<(Node, Node)>) -> Node {
        Node::new(self.line(), self.tag(), Value::Map(members))
    }

    /// The same list with other entries.
    #[must_use]
    pub fn with_list(&self, entries: Vec<Node>) -> Node {
        Node::new(self.line(), self.tag(), Value::List(entries))
    }

    /// The same mapping with the member `key` being `value`, in its place or at the end.
    #[must_use]
    pub fn with(&self, key: &str, value: Node) -> Node {
        let mut members: Vec<(Node, Node)> =
            self.keyed().map(|(key, value)| (key.clone(), value.clone())).collect();
        match members.iter_mut().find(|(name, _)| name.word() == key) {
            Some((_, old)) => *old = value,
            None => members.push((Node::written(value.line(), key), value)),
        }
        self.with_members(members)
    }
}
