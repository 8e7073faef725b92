//! [`Target`]: which objects a patch is for.

use regex_lite::Regex;

use super::object::BuildObject;
use crate::lists::yaml::Node;

/// The namespace of objects that name none.
const DEFAULT: &str = "default";

/// What a part of a target says.
#[derive(Debug)]
enum Part {
    Any,
    Word(String),
    Expression(Regex),
}

impl Part {
    fn of(target: &Node, key: &str) -> Result<Part, String> {
        let text = target.text_of(key).unwrap_or_default();
        if text.is_empty() {
            return Ok(Part::Any);
        }
        if text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':')) {
            return Ok(Part::Word(text.to_owned()));
        }
        match Regex::new(&format!("^(?:{text})$")) {
            Ok(expression) => Ok(Part::Expression(expression)),
            Err(_) => Err(format!("{key} {text:?} is no regular expression")),
        }
    }

    fn means(&self, text: &str) -> bool {
        match self {
            Part::Any => true,
            Part::Word(word) => word == text,
            Part::Expression(expression) => expression.is_match(text),
        }
    }
}

/// Which objects a patch is for.
#[derive(Debug)]
pub(super) struct Target {
    group: Part,
    version: Part,
    kind: Part,
    name: Part,
    namespace: Part,
    /// Whether it asks for labels or annotations, which are not looked at here.
    pub(super) is_by_labels: bool,
}

impl Target {
    /// Reads the member `target` of a patch.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of(target: &Node) -> Result<Target, String> {
        let has = |key| target.text_of(key).is_some_and(|text| !text.is_empty());
        Ok(Target {
            group: Part::of(target, "group")?,
            version: Part::of(target, "version")?,
            kind: Part::of(target, "kind")?,
            name: Part::of(target, "name")?,
            namespace: Part::of(target, "namespace")?,
            is_by_labels: has("labelSelector") || has("annotationSelector"),
        })
    }

    /// Whether it means `object`, by what it was called at first or is now.
    pub(super) fn means(&self, object: &BuildObject) -> bool {
        let (first, now) = (object.first(), &object.now);
        let (group, version) = object.group_and_version();
        let namespace = |text: &str| self.namespace.means(or_default(text));
        (self.name.means(&first.name) || self.name.means(&now.name))
            && (namespace(&first.namespace) || namespace(&now.namespace))
            && self.kind.means(&now.kind)
            && self.group.means(group)
            && self.version.means(version)
    }
}

/// `namespace`, or the one that is meant where none is written.
pub(super) fn or_default(namespace: &str) -> &str {
    if namespace.is_empty() { DEFAULT } else { namespace }
}
