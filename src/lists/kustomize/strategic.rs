//! Strategic merge patches, as kustomize applies them.

use std::collections::{HashMap, HashSet};

use super::object::group_and_version;
use crate::lists::yaml::Node;

/// The patch's own members.
const DIRECTIVE: &str = "$patch";
/// Lists whose entries are told apart by their names, as far as images may be in them. In other lists there
/// are none: whether they are merged or replaced makes no difference here.
const BY_NAME: [&str; 5] =
    ["containers", "initContainers", "ephemeralContainers", "volumes", "env"];

/// What cannot be done, and the line of the patch that says it.
pub(super) type Wrong = (usize, String);

/// `object` with `patch` over it; nothing where the patch takes it away.
///
/// # Errors
/// Where kustomize would not do it either, or does what is not done here.
pub(super) fn merge(object: &Node, patch: &Node) -> Result<Option<Node>, Wrong> {
    Merge { has_names: is_known(object) }.node("", Some(object), patch)
}

/// Whether kustomize knows of the kind of `object` which of its lists have names.
fn is_known(object: &Node) -> bool {
    let kind = object.text_of("kind").unwrap_or_default();
    match group_and_version(object) {
        ("", "v1") => matches!(kind, "Pod" | "PodTemplate" | "ReplicationController"),
        ("apps", "v1") => {
            matches!(kind, "DaemonSet" | "Deployment" | "ReplicaSet" | "StatefulSet")
        }
        ("batch", "v1") => matches!(kind, "CronJob" | "Job"),
        ("batch", "v1beta1") => kind == "CronJob",
        _ => false,
    }
}

struct Merge {
    has_names: bool,
}

impl Merge {
    /// The member `key`, which was `old`.
    fn node(&self, key: &str, old: Option<&Node>, patch: &Node) -> Result<Option<Node>, Wrong> {
        if patch.is_null() {
            return Ok(None);
        }
        let old = old.filter(|old| !old.is_null());
        let is_other =
            |old: &&Node| old.is_map() != patch.is_map() || old.is_list() != patch.is_list();
        if old.filter(is_other).is_some() {
            let text = format!("{key} is of another kind than what it goes over");
            return Err((patch.line(), text));
        }
        if patch.is_map() {
            return self.members(old, patch);
        }
        let is_named = self.has_names && BY_NAME.contains(&key);
        match is_named && patch.list().iter().all(Node::is_map) && patch.is_list() {
            true => self.entries(old, patch).map(Some),
            false => Ok(Some(patch.clone())),
        }
    }

    fn members(&self, old: Option<&Node>, patch: &Node) -> Result<Option<Node>, Wrong> {
        let old = match patch.text_of(DIRECTIVE) {
            Some("delete") => return Ok(None),
            Some("replace") => None,
            None | Some("merge") => old,
            Some(other) => return Err((patch.line(), format!("$patch: {other} is not known"))),
        };
        let mut members: Vec<Option<(Node, Node)>> = old
            .into_iter()
            .flat_map(Node::keyed)
            .map(|(key, value)| Some((key.clone(), value.clone())))
            .collect();
        let places: HashMap<&str, usize> = old
            .into_iter()
            .flat_map(Node::keyed)
            .enumerate()
            .map(|(at, (key, _))| (key.word(), at))
            .collect();
        for (key, value) in patch.keyed().filter(|(key, _)| key.word() != DIRECTIVE) {
            if key.word().starts_with('$') {
                return Err((key.line(), format!("{} is not read here", key.word())));
            }
            let place = places.get(key.word());
            let was = place.and_then(|at| members[*at].clone()).map(|(_, value)| value);
            let merged = self.node(key.word(), was.as_ref(), value)?;
            let merged = merged.map(|value| (key.clone(), value));
            match place {
                Some(at) => members[*at] = merged,
                None => members.push(merged),
            }
        }
        let base = old.unwrap_or(patch);
        Ok(Some(base.with_members(members.into_iter().flatten().collect())))
    }

    /// A list whose entries have names. Those of the patch come first.
    fn entries(&self, old: Option<&Node>, patch: &Node) -> Result<Node, Wrong> {
        let is_directive = |entry: &&Node| entry.text_of(DIRECTIVE) == Some("replace");
        let directive = patch.list().iter().find(is_directive);
        if let Some(directive) = directive
            && (directive.members().count() > 1 || old.is_none())
        {
            // Kustomize itself makes of those what nobody means.
            let text = "$patch: replace stands beside other members, or where there is no list";
            return Err((directive.line(), text.to_owned()));
        }
        let old = old.filter(|_| directive.is_none());
        let mut was: HashMap<&str, &Node> = HashMap::new();
        for entry in old.into_iter().flat_map(Node::list) {
            if let Some(name) = entry.text_of("name")
                && was.insert(name, entry).is_some()
            {
                let text = format!("goes over a list in which {name} stands twice");
                return Err((patch.line(), text));
            }
        }
        let mut named = HashSet::new();
        let mut entries = Vec::new();
        for entry in patch.list().iter().filter(|entry| !is_directive(entry)) {
            let Some(name) = entry.text_of("name") else {
                return Err((entry.line(), "an entry has no name to find it by".to_owned()));
            };
            if !named.insert(name) {
                return Err((entry.line(), format!("{name} stands twice")));
            }
            entries.extend(self.node("", was.get(name).copied(), entry)?);
        }
        let rest = old.into_iter().flat_map(Node::list);
        let is_kept =
            |entry: &&Node| entry.text_of("name").is_none_or(|name| !named.contains(name));
        entries.extend(rest.filter(is_kept).cloned());
        Ok(old.unwrap_or(patch).with_list(entries))
    }
}
