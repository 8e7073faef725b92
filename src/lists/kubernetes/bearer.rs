//! [`Bearer`]: the object that names images.

use std::fmt;
use std::sync::Arc;

use crate::lists::yaml::Node;

/// Groups whose kinds the cluster itself runs; none is the first one of all.
const OWN_GROUPS: [&str; 4] = ["", "apps", "batch", "extensions"];

/// The object that names images: an object of a cluster's API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bearer {
    /// Its `apiVersion`.
    pub(super) api: String,
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    /// The template that it came of, and the hook that it is, where it came out of a chart.
    of_chart: String,
}

impl Bearer {
    /// Reads who `object` is. Within a list of a kind it may be silent about its own, which is `kind` then.
    pub(super) fn of(object: &Node, kind: &str, api: &str, source: Option<&Arc<str>>) -> Bearer {
        let text =
            |path: &[&str]| object.at(path).and_then(Node::text).unwrap_or_default().to_owned();
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        let name = match text(&["metadata", "name"]) {
            name if name.is_empty() => match text(&["metadata", "generateName"]) {
                begin if begin.is_empty() => begin,
                begin => format!("{begin}*"),
            },
            name => name,
        };
        let hook = text(&["metadata", "annotations", "helm.sh/hook"]);
        let mut of_chart = String::new();
        if let Some(source) = source {
            of_chart = format!(", of {source}");
        }
        if !hook.is_empty() {
            of_chart = format!("{of_chart}, hook {hook}");
        }
        Bearer {
            api: or(text(&["apiVersion"]), api),
            kind: or(text(&["kind"]), kind),
            namespace: text(&["metadata", "namespace"]),
            name,
            of_chart,
        }
    }

    #[cfg(test)]
    pub(super) fn of_kind(api: &str, kind: &str) -> Bearer {
        Bearer { api: api.to_owned(), kind: kind.to_owned(), ..Bearer::default() }
    }

    /// The group of its kind; that of the first kinds has no name.
    pub(super) fn group(&self) -> &str {
        self.api.split_once('/').map_or("", |(group, _)| group)
    }

    /// Whether the cluster itself runs it, and not an operator.
    pub(super) fn is_own(&self) -> bool {
        !self.kind.is_empty() && OWN_GROUPS.contains(&self.group())
    }

    /// With the place `at` in it.
    pub(super) fn at(&self, at: &str) -> String {
        format!("{self}: {at}{}", self.of_chart)
    }

    /// As a whole.
    pub(super) fn whole(&self) -> String {
        format!("{self}{}", self.of_chart)
    }
}

impl fmt::Display for Bearer {
    /// As in `Deployment default/web`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.kind.is_empty() { "no kind" } else { &self.kind })?;
        match (self.namespace.is_empty(), self.name.is_empty()) {
            (_, true) => Ok(()),
            (true, false) => write!(f, " {}", self.name),
            (false, false) => write!(f, " {}/{}", self.namespace, self.name),
        }
    }
}
