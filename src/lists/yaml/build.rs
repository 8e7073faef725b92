//! [`documents`]: nodes from a parser's events.

use std::collections::{HashMap, HashSet};

use granit_parser::{Event, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::fault::Fault;
use super::node::{Node, Value};

/// Most nodes of a document, what its aliases repeat among them: the pods of a cluster of a thousand nodes
/// have some 300,000.
pub const MAX_NODES: usize = 1_000_000;
/// How deep documents are nested at most; real ones are below 30.
pub const MAX_DEPTH: usize = 100;
/// The key whose value another mapping has, or several.
const MERGE: &str = "<<";

/// The documents in `text`, in order; each is built when it is asked for. After a fault there is none.
///
/// A key that stands twice in one mapping is a fault, and so is one that is no scalar, an anchor in itself,
/// and a document with more than [`MAX_NODES`] nodes, aliases written out, or deeper than [`MAX_DEPTH`].
/// Merge keys (`<<`) are merged.
pub fn documents(text: &str) -> Documents<'_> {
    documents_after(text, 0)
}

/// As [`documents`], of a text that has so many lines `above` it.
pub fn documents_after(text: &str, above: usize) -> Documents<'_> {
    // A template is told from broken YAML where it broke.
    let is_template = text.contains("{{");
    Documents { parser: Some(Parser::new_from_str(text)), is_template, lines: Lines::Below(above) }
}

/// The documents in the text that `node` is, with the lines that they have in the file around it.
pub fn documents_within(node: &Node) -> Documents<'_> {
    let text = node.word();
    // A block is said to begin on its first line that is not empty.
    let empty = text.len() - text.trim_start_matches('\n').len();
    let lines = match (node.is_block(), node.line().checked_sub(empty + 1)) {
        (true, Some(above)) => Lines::Among(above, text.lines().count().max(1)),
        _ => Lines::At(node.line()),
    };
    Documents { lines, ..documents(text) }
}

/// Where the lines of a text are.
#[derive(Debug, Clone, Copy)]
enum Lines {
    /// Below so many others.
    Below(usize),
    /// The same, and no more than so many: what is missing at their end is told on the last one.
    Among(usize, usize),
    /// All on this one.
    At(usize),
}

impl Lines {
    fn of(self, line: usize) -> usize {
        match self {
            Lines::Below(above) => above.saturating_add(line),
            Lines::Among(above, lines) => above.saturating_add(line.min(lines)),
            Lines::At(line) => line,
        }
    }
}

/// The documents of a text; see [`documents`].
#[allow(missing_debug_implementations)]
pub struct Documents<'a> {
    parser: Option<Parser<'a, StrInput<'a>>>,
    is_template: bool,
    lines: Lines,
}

impl Iterator for Documents<'_> {
    type Item = Result<Node, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let parser = self.parser.as_mut()?;
        let found = Builder::default().document(parser, self.lines);
        match found {
            Ok(Some(node)) => Some(Ok(node)),
            Ok(None) => {
                self.parser = None;
                None
            }
            Err(fault) => {
                self.parser = None;
                Some(Err(match self.is_template {
                    true => fault
                        .hint("it seems to be a template: render it first, as with helm template"),
                    false => fault,
                }))
            }
        }
    }
}

/// A list or mapping that is not at its end yet.
struct Open {
    line: usize,
    tag: Option<String>,
    anchor: usize,
    held: Held,
}

enum Held {
    List(Vec<Node>),
    Map {
        members: Vec<(Node, Node)>,
        seen: HashSet<Box<str>>,
        merged: Vec<Node>,
        key: Option<Node>,
    },
}

#[derive(Default)]
pub(super) struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    count: usize,
}

impl Builder {
    /// The next document; nothing at the end.
    fn document<'a>(
        mut self,
        parser: &mut Parser<'a, StrInput<'a>>,
        lines: Lines,
    ) -> Result<Option<Node>, Fault> {
        let mut root = None;
        loop {
            let Some(next) = parser.next() else {
                return Ok(root);
            };
            let (event, span) = next.map_err(|error| misread(&error, lines))?;
            let line = lines.of(span.start.line());
            if matches!(event, Event::DocumentEnd) {
                return Ok(Some(root.unwrap_or_else(|| nothing(line))));
            }
            root = self.take(event, line)?.or(root);
        }
    }

    /// The value that begins with the next event.
    pub(super) fn value<'a>(
        mut self,
        parser: &mut Parser<'a, StrInput<'a>>,
    ) -> Result<Option<Node>, Fault> {
        for next in parser {
            let (event, span) = next.map_err(|error| misread(&error, Lines::Below(0)))?;
            if let Some(root) = self.take(event, span.start.line())? {
                return Ok(Some(root));
            }
        }
        Ok(None)
    }

    /// Takes `event`, which stands on `line`; gives the value that is whole by it and lies in nothing.
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<Option<Node>, Fault> {
        let done = match event {
            Event::Scalar(text, style, anchor, tag) => {
                // Whoever writes !!str means text, as with quotes.
                let is_text = tag.as_deref().is_some_and(|it| it.is_yaml_core_schema_tag("str"));
                let style = match style {
                    ScalarStyle::Plain if is_text => ScalarStyle::DoubleQuoted,
                    style => style,
                };
                let value = Value::Text { text: text.into(), style };
                let node = Node::new(line, own(tag.as_deref()).as_deref(), value);
                self.remember(anchor, &node);
                Some(node)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.begin(line, anchor, tag.as_deref(), Held::List(Vec::new()))?;
                None
            }
            Event::MappingStart(_, anchor, tag) => {
                let held = Held::Map {
                    members: Vec::new(),
                    seen: HashSet::new(),
                    merged: Vec::new(),
                    key: None,
                };
                self.begin(line, anchor, tag.as_deref(), held)?;
                None
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => Some(self.anchors.get(&anchor).cloned().ok_or_else(|| {
                Fault::new(line, "an alias (*) stands within what it is an alias of")
            })?),
            _ => None,
        };
        match done {
            Some(node) => self.place(node, line),
            None => Ok(None),
        }
    }

    fn remember(&mut self, anchor: usize, node: &Node) {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
    }

    fn begin(
        &mut self,
        line: usize,
        anchor: usize,
        tag: Option<&Tag>,
        held: Held,
    ) -> Result<(), Fault> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Fault::new(line, format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        self.open.push(Open { line, tag: own(tag), anchor, held });
        Ok(())
    }

    /// The list or mapping that ends here.
    fn end(&mut self) -> Option<Node> {
        let Open { line, tag, anchor, held } = self.open.pop()?;
        let value = match held {
            Held::List(nodes) => Value::List(nodes),
            Held::Map { mut members, mut seen, merged, .. } => {
                // What stands here itself goes first, then the mappings in their order.
                for (key, value) in merged.iter().flat_map(Node::keyed) {
                    if seen.insert(key.word().into()) {
                        members.push((key.clone(), value.clone()));
                    }
                }
                Value::Map(members)
            }
        };
        let node = Node::new(line, tag.as_deref(), value);
        self.remember(anchor, &node);
        Some(node)
    }

    /// Puts `node` into what is open; gives it back where nothing is.
    fn place(&mut self, node: Node, line: usize) -> Result<Option<Node>, Fault> {
        self.count = self.count.saturating_add(1);
        if node.weight().max(self.count) > MAX_NODES {
            return Err(Fault::new(
                line,
                format!("it has more than {MAX_NODES} values, aliases written out"),
            ));
        }
        // Aliases nest, too.
        if node.depth() + self.open.len() > MAX_DEPTH {
            return Err(Fault::new(line, format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        let Some(Open { held, .. }) = self.open.last_mut() else {
            return Ok(Some(node));
        };
        match held {
            Held::List(nodes) => nodes.push(node),
            Held::Map { members, seen, merged, key } => match key.take() {
                None => {
                    if node.is_list() || node.is_map() {
                        return Err(Fault::new(line, "a key is a list or a mapping"));
                    }
                    let merges = node.word() == MERGE && !node.is_quoted();
                    if !merges && !seen.insert(node.word().into()) {
                        let text = format!("the key {:?} stands twice in one mapping", node.word());
                        return Err(Fault::new(line, text).hint("keep the one that counts"));
                    }
                    *key = Some(node);
                }
                Some(name) if name.word() == MERGE && !name.is_quoted() => {
                    match (node.is_map(), node.list()) {
                        (true, _) => merged.push(node),
                        (false, all) if node.is_list() && all.iter().all(Node::is_map) => {
                            merged.extend(all.iter().cloned());
                        }
                        _ => return Err(Fault::new(line, "what << merges is no mapping")),
                    }
                }
                Some(name) => members.push((name, node)),
            },
        }
        Ok(None)
    }
}

fn nothing(line: usize) -> Node {
    Node::new(line, None, Value::Text { text: "".into(), style: ScalarStyle::Plain })
}

/// A tag that is none of YAML's own.
fn own(tag: Option<&Tag>) -> Option<String> {
    let tag = tag?;
    (!tag.is_yaml_core_schema()).then(|| tag.to_string())
}

/// What is wrong with a text that stands in no other.
pub(super) fn misread_whole(error: &ScanError) -> Fault {
    misread(error, Lines::Below(0))
}

fn misread(error: &ScanError, lines: Lines) -> Fault {
    Fault::new(lines.of(error.marker().line()), format!("cannot be read as YAML: {}", error.info()))
}
