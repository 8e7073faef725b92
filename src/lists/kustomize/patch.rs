//! [`Patch`]: an entry of `patches`, and of what was called otherwise before.

use super::target::Target;
use crate::lists::yaml::{Fault, Node};

/// What a patch does.
#[derive(Debug)]
pub(super) enum Body {
    /// Goes over objects, each of the patch over one.
    Strategic(Vec<Node>),
    /// Operations, one after the other.
    Json(Vec<Node>),
}

/// A patch, and what it is for.
#[derive(Debug)]
pub(super) struct Patch {
    /// Where in the kustomization it stands, as in `patches[0]`.
    pub(super) what: String,
    pub(super) line: usize,
    pub(super) body: Body,
    pub(super) target: Option<Target>,
    pub(super) may_rename: bool,
    pub(super) may_change_kind: bool,
}

impl Body {
    /// What the documents of a patch say.
    ///
    /// # Errors
    /// What is wrong, and the line.
    pub(super) fn of(
        documents: impl Iterator<Item = Result<Node, Fault>>,
        line: usize,
    ) -> Result<Body, (usize, String)> {
        let mut nodes = Vec::new();
        for document in documents {
            match document {
                Ok(node) if node.is_null() => {}
                Ok(node) => nodes.push(node),
                Err(fault) => return Err((fault.line, fault.message)),
            }
        }
        match &nodes[..] {
            [] => Err((line, "the patch is empty".to_owned())),
            [first, ..] if first.is_list() => Ok(Body::Json(first.list().to_vec())),
            all if all.iter().all(|node| node.text_of("kind").is_some()) => {
                Ok(Body::Strategic(nodes))
            }
            [first, ..] => Err((
                first.line(),
                "is neither an object with a kind nor a list of operations".to_owned(),
            )),
        }
    }
}

impl Patch {
    /// The patch `what` with what its `entry` says beside `body`.
    ///
    /// # Errors
    /// What is wrong with its target.
    pub(super) fn of(what: String, entry: &Node, body: Body) -> Result<Patch, (usize, String)> {
        let target = entry.get("target").filter(|it| it.is_map());
        let line = target.map_or(entry.line(), Node::line);
        let target = target.map(Target::of).transpose().map_err(|text| (line, text))?;
        let may = |option: &str| entry.at(&["options", option]).is_some_and(Node::is_true);
        Ok(Patch {
            what,
            line: entry.line(),
            body,
            target,
            may_rename: may("allowNameChange"),
            may_change_kind: may("allowKindChange"),
        })
    }
}
