//! [`BuildObject`]: an object of a cluster's API on its way through kustomizations.

use crate::lists::yaml::Node;

/// What an object was called at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) namespace: String,
    pub(super) kind: String,
    pub(super) name: String,
}

/// An object of a cluster's API on its way through kustomizations.
#[derive(Debug, Clone)]
pub(super) struct BuildObject {
    pub(super) node: Node,
    /// What it was called before, the first one first.
    pub(super) before: Vec<Id>,
    pub(super) now: Id,
}

impl BuildObject {
    /// The object that `node` is, where it is one.
    pub(super) fn of(node: &Node) -> Option<BuildObject> {
        let now = id(node)?;
        Some(BuildObject { node: node.clone(), before: Vec::new(), now })
    }

    /// All names that it has had.
    pub(super) fn ids(&self) -> impl Iterator<Item = &Id> {
        self.before.iter().chain([&self.now])
    }

    pub(super) fn first(&self) -> &Id {
        self.before.first().unwrap_or(&self.now)
    }

    /// Calls it what `id` says from now on.
    pub(super) fn call(&mut self, id: Id) {
        if id != self.now {
            self.before.push(std::mem::replace(&mut self.now, id));
        }
    }

    /// The group and the version of its kind.
    pub(super) fn group_and_version(&self) -> (&str, &str) {
        group_and_version(&self.node)
    }

    /// With its kind, namespace and name of now written in it.
    pub(super) fn named(&self) -> Node {
        let line = self.node.line();
        let text = |text: &str| Node::written(line, text);
        let mut metadata = self.node.get("metadata").filter(|it| it.is_map()).cloned();
        let mut metadata = metadata.take().unwrap_or_else(|| Node::mapping(line, Vec::new()));
        if !self.now.name.is_empty() {
            metadata = metadata.with("name", text(&self.now.name));
        }
        if !self.now.namespace.is_empty() {
            metadata = metadata.with("namespace", text(&self.now.namespace));
        }
        self.node.with("metadata", metadata).with("kind", text(&self.now.kind))
    }
}

/// What `node` says that it is called, where it says its kind.
pub(super) fn id(node: &Node) -> Option<Id> {
    let text = |path: &[&str]| node.at(path).and_then(Node::text).unwrap_or_default().to_owned();
    let kind = node.text_of("kind")?.to_owned();
    Some(Id {
        namespace: text(&["metadata", "namespace"]),
        kind,
        name: text(&["metadata", "name"]),
    })
}

/// The group and the version of the kind of `node`; the first group has no name.
pub(super) fn group_and_version(node: &Node) -> (&str, &str) {
    let api = node.text_of("apiVersion").unwrap_or_default();
    api.split_once('/').unwrap_or(("", api))
}
