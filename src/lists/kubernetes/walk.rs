//! [`walk`]: every image that an object names, wherever it does.

use std::sync::Arc;

use super::bearer::Bearer;
use super::naming::{Container, NamedImage};
use super::parts::NameParts;
use super::path::{PathRule, PathStep, spelled};
use super::{hints, known};
use crate::lists::list_text::ListText;
use crate::lists::reading::{MAX_ENTRIES, Reading};
use crate::lists::spot::Spot;
use crate::lists::yaml::Node;

/// Lists whose entries are told by their names, in place of the whole way to them.
const TOLD: [&str; 6] =
    ["containers", "initContainers", "ephemeralContainers", "steps", "sidecars", "volumes"];
/// What kubectl keeps of what it was given: the same images once more.
const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Every image that `object` names, into `namings`; what may be one and is not taken, into the notes of
/// `reading`. What is under `status` is not asked for: it is what runs.
pub(super) fn walk(
    list: &ListText,
    object: &Node,
    bearer: Bearer,
    rules: &[PathRule],
    namings: &mut Vec<NamedImage>,
    reading: &mut Reading,
) {
    let is_text = bearer.api == "v1" && matches!(bearer.kind.as_str(), "ConfigMap" | "Secret");
    let is_schema = bearer.kind == "CustomResourceDefinition";
    if known::installs(&bearer.kind, bearer.group()) {
        let spot = list.spot(object.line(), bearer.whole());
        reading.note(spot, "it installs a chart, whose images are not named here");
    }
    let bearer = Arc::new(bearer);
    let mut walk = ObjectWalk {
        list,
        rules,
        bearer,
        is_text,
        is_schema,
        path: Vec::new(),
        told: Vec::new(),
        namings,
        reading,
    };
    for (key, value) in object.members().filter(|(key, _)| *key != "status") {
        walk.member(object, key, value);
    }
}

struct ObjectWalk<'a, 'r> {
    list: &'a ListText,
    rules: &'a [PathRule],
    bearer: Arc<Bearer>,
    /// Whether its members are texts for programs, and no wishes of the cluster.
    is_text: bool,
    /// Whether it says what other objects look like.
    is_schema: bool,
    path: Vec<PathStep<'a>>,
    /// Where in the path an entry of a list is that has a name.
    told: Vec<(usize, &'a str)>,
    namings: &'r mut Vec<NamedImage>,
    reading: &'r mut Reading,
}

impl<'a> ObjectWalk<'a, '_> {
    fn member(&mut self, map: &'a Node, key: &'a str, value: &'a Node) {
        self.path.push(PathStep::Key(key));
        if self.rules.iter().any(|rule| rule.means(&self.bearer, &self.path)) {
            self.ruled(value);
        } else if self.is_schema {
            self.schema(key, value);
        } else if self.is_text {
            self.text(key, value);
        } else if known::LABELS.contains(&key) {
            self.labels(value);
        } else if key == "image" {
            self.image(map, value);
        } else if key == "name" && map.text_of("kind") == Some("DockerImage") {
            // OpenShift's references to images.
            self.take(value, value.word());
        } else if key == "baseImage" && self.bearer.group() == "monitoring.coreos.com" {
            self.base_image(map, value);
        } else {
            self.other(map, key, value);
        }
        self.path.pop();
    }

    fn below(&mut self, node: &'a Node) {
        for (key, value) in node.members() {
            self.member(node, key, value);
        }
        for (at, entry) in node.list().iter().enumerate() {
            self.path.push(PathStep::Entry(at));
            let name = entry.text_of("name");
            if let Some(name) = name {
                self.told.push((self.path.len(), name));
            }
            match self.rules.iter().any(|rule| rule.means(&self.bearer, &self.path)) {
                true => self.ruled(entry),
                false => self.below(entry),
            }
            if name.is_some() {
                self.told.pop();
            }
            self.path.pop();
        }
    }

    /// What a rule means: a name, parts of one, or a list of these.
    fn ruled(&mut self, value: &'a Node) {
        if let Some(text) = value.text() {
            return self.take(value, text.strip_prefix("docker://").unwrap_or(text));
        }
        match NameParts::of(value) {
            Some(parts) => self.take(value, &parts.name()),
            None => {
                for (at, entry) in value.list().iter().enumerate() {
                    self.path.push(PathStep::Entry(at));
                    self.ruled(entry);
                    self.path.pop();
                }
            }
        }
    }

    /// A member that is called `image`.
    fn image(&mut self, map: &'a Node, value: &'a Node) {
        if value.is_list() {
            return self.entries_named(value);
        }
        if value.is_map() {
            // A volume out of an image.
            if let Some(reference) = value.get("reference") {
                self.path.push(PathStep::Key("reference"));
                self.take(reference, reference.word());
                self.path.pop();
                return;
            }
            return match NameParts::of(value) {
                Some(parts) if parts.is_pinned() => self.take(value, &parts.name()),
                Some(parts) => {
                    let text = format!("not taken: {:?} has no tag here", parts.name());
                    self.note(value.line(), text);
                    self.below(value);
                }
                None => self.below(value),
            };
        }
        let text = value.word();
        if !value.is_quoted() && matches!(text, "true" | "false") {
            return self.note(value.line(), format!("not taken: {text} is no name of an image"));
        }
        if value.is_null() && !self.bearer.is_own() {
            return;
        }
        match NameParts::around(map, text) {
            Some(parts) => self.take(value, &parts.name()),
            None => self.take(value, if value.is_null() { "" } else { text }),
        }
    }

    /// A list that is called `image`.
    fn entries_named(&mut self, list: &'a Node) {
        for (at, entry) in list.list().iter().enumerate() {
            self.path.push(PathStep::Entry(at));
            match entry.text() {
                Some(text) => self.take(entry, text),
                None => self.below(entry),
            }
            self.path.pop();
        }
    }

    /// The Prometheus operator's older way to name one.
    fn base_image(&mut self, map: &'a Node, value: &'a Node) {
        let Some(base) = value.text().filter(|_| map.text_of("image").is_none()) else { return };
        let text = |key| map.text_of(key).map(ToOwned::to_owned);
        let parts = NameParts {
            registry: None,
            repository: base.to_owned(),
            tag: text("tag").or_else(|| text("version")),
            digest: text("sha").map(|hex| format!("sha256:{hex}")),
        };
        match parts.is_pinned() {
            true => self.take(value, &parts.name()),
            false => self.note(value.line(), format!("not taken: {base:?} has no tag here")),
        }
    }

    /// A member that names none by itself; but something below may, and it may be one in disguise.
    fn other(&mut self, map: &'a Node, key: &'a str, value: &'a Node) {
        if let Some(text) = value.text() {
            // Looked up for few members alone: a mapping may have a hundred thousand.
            let is_variable = matches!(key, "value" | "default");
            match if is_variable { map.text_of("name") } else { None } {
                Some(name) => self.hint(value, hints::of_variable(name, text)),
                None => self.hint(value, hints::of_member(key, text)),
            }
            return self.texts(value, text);
        }
        if matches!(key, "args" | "command") {
            let mut before = None;
            for entry in value.list() {
                let text = entry.text().unwrap_or_default();
                self.hint(entry, hints::of_argument(text, before));
                before = Some(text);
            }
        }
        if value.is_list() {
            let texts = value.list().iter().filter_map(|it| Some((it, it.text()?)));
            for (entry, text) in texts.filter(|_| !matches!(key, "args" | "command")) {
                self.hint(entry, hints::of_member(key, text));
                self.texts(entry, text);
            }
        }
        self.below(value);
    }

    fn labels(&mut self, value: &'a Node) {
        for (key, value) in value.members().filter(|(key, _)| *key != APPLIED) {
            self.path.push(PathStep::Key(key));
            if let Some(text) = value.text() {
                self.hint(value, hints::of_member(key, text));
                self.texts(value, text);
            }
            self.path.pop();
        }
    }

    /// A member of a schema: of images it has defaults at most.
    fn schema(&mut self, key: &str, value: &'a Node) {
        match value.text() {
            Some(text) if key == "default" => {
                let of_image = self.path.iter().rev().nth(1);
                let Some(PathStep::Key(name)) = of_image else { return };
                let name = if *name == "image" { "an image" } else { name };
                self.hint(value, hints::of_member(name, text));
            }
            Some(_) => {}
            None => self.below(value),
        }
    }

    /// A member of what is text for programs.
    fn text(&mut self, key: &str, value: &'a Node) {
        match value.text() {
            Some(text) if key == "image" || hints::of_member(key, text).is_some() => {
                self.hint(value, Some(text));
            }
            Some(text) => self.texts(value, text),
            None => self.below(value),
        }
    }

    /// Says what `text` names that is YAML or JSON for itself.
    fn texts(&mut self, node: &Node, text: &str) {
        // A block is said to begin on its first line that is not empty.
        let empty = text.len() - text.trim_start_matches('\n').len();
        for (at, image) in hints::within(text) {
            let lines = if node.is_block() { at.saturating_sub(empty) } else { 0 };
            self.note(node.line() + lines, format!("not taken: {image:?} stands within a text"));
        }
    }

    fn hint(&mut self, node: &Node, image: Option<&str>) {
        if let Some(image) = image {
            self.note(node.line(), format!("not taken: {image:?} may be an image"));
        }
    }

    fn take(&mut self, node: &Node, image: &str) {
        // One more than there may be is told as one too many.
        if self.namings.len() > MAX_ENTRIES {
            return;
        }
        let spot = self.spot(node.line());
        self.namings.push(NamedImage {
            image: image.to_owned(),
            spot,
            bearer: Arc::clone(&self.bearer),
            container: self.container(),
        });
    }

    /// The container that the path leads to the image of.
    fn container(&self) -> Option<Container> {
        let [.., PathStep::Key(list), PathStep::Entry(at), PathStep::Key("image")] = self.path[..]
        else {
            return None;
        };
        let name = self.told.last().filter(|(depth, _)| depth + 1 == self.path.len());
        let name = name.map(|(_, name)| (*name).to_owned()).unwrap_or_default();
        Some(Container { list: list.to_owned(), at, name })
    }

    fn note(&mut self, line: usize, text: String) {
        let spot = self.spot(line);
        self.reading.note(spot, text);
    }

    /// As in `Deployment default/web: containers[0] nginx`, or with the whole path.
    fn spot(&self, line: usize) -> Spot {
        let at = self.path.windows(2).rposition(
            |two| matches!(two, [PathStep::Key(key), PathStep::Entry(_)] if TOLD.contains(key)),
        );
        let mut place = match (at, &self.path[..]) {
            (Some(at), [.., PathStep::Key("image")]) => {
                spelled(&self.path[at..self.path.len() - 1])
            }
            (Some(at), _) => spelled(&self.path[at..]),
            (None, _) => spelled(&self.path),
        };
        if let Some((_, name)) = self.told.last() {
            place = format!("{place} {name}");
        }
        self.list.spot(line, self.bearer.at(&place))
    }
}
