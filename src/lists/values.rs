//! Values of charts (`values.yaml`): the images that they name, whether the chart would run them or not.
//!
//! What a chart makes of its values only its templates know. What is taken is what charts agree on; the rest
//! is a fault or a note, and nothing is guessed.

use super::around::Around;
use super::format::ListFormat;
use super::kubernetes::hints;
use super::kubernetes::parts::{NameParts, is_name, is_whole, looks_so};
use super::kubernetes::path::{PathStep, spelled};
use super::list_text::ListText;
use super::reading::Reading;
use super::yaml::Node;

/// Members that say of a mapping with a `repository` that it is an image.
const OF_IMAGE: [&str; 9] = [
    "digest",
    "imageTag",
    "pullPolicy",
    "imagePullPolicy",
    "pullSecrets",
    "registry",
    "sha",
    "tag",
    "useDigest",
];
/// What says so in the name of a member, in small letters.
const IMAGE: &str = "image";

/// A chart's values.
#[derive(Debug)]
pub(super) struct Values;

impl ListFormat for Values {
    fn name(&self) -> &'static str {
        "values"
    }

    fn title(&self) -> &'static str {
        "values of a chart"
    }

    /// Any YAML might be some: they are so only where somebody says so.
    fn is(&self, _: &ListText) -> bool {
        false
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            let Some(values) = reading.only_document(list) else { continue };
            if !values.is_map() {
                let out = "name the chart's values.yaml";
                reading.wrong(list.spot(values.line(), ""), "is no mapping of values", out);
                continue;
            }
            let mut walk = Walk { list, registry: None, path: Vec::new(), reading: &mut reading };
            walk.globals(&values);
            walk.below(&values);
        }
        reading
    }
}

struct Walk<'a, 'r> {
    list: &'a ListText,
    /// `global.imageRegistry`, which stands for the registry of every image that has one.
    registry: Option<String>,
    path: Vec<PathStep<'a>>,
    reading: &'r mut Reading,
}

impl<'a> Walk<'a, '_> {
    /// Looks for what holds for all images.
    fn globals(&mut self, values: &'a Node) {
        let Some(global) = values.get("global") else { return };
        for (key, value) in global.members() {
            let Some(text) = value.text().filter(|text| !text.trim().is_empty()) else { continue };
            if key == "imageRegistry" {
                self.registry = Some(text.trim().trim_end_matches('/').to_owned());
            } else if ["registry", "hub", "repository", "tag"]
                .iter()
                .any(|word| key.to_ascii_lowercase().ends_with(word))
            {
                let text = format!("{text:?} may hold for all images, and is not put before any");
                self.reading.note(self.list.spot(value.line(), format!("global.{key}")), text);
            }
        }
    }

    fn below(&mut self, node: &'a Node) {
        let is_image = self.parts(node);
        for (key, value) in node.members() {
            self.path.push(PathStep::Key(key));
            match value.text() {
                Some(_) if is_image => {}
                Some(text) => self.text(node, key, value, text),
                None if key == IMAGE && value.is_null() && !is_image => {
                    self.note(
                        value,
                        "the image is empty: the chart has its own, or none".to_owned(),
                    );
                }
                None => self.below(value),
            }
            self.path.pop();
        }
        let mut before = None;
        for (at, entry) in node.list().iter().enumerate() {
            self.path.push(PathStep::Entry(at));
            match entry.text() {
                Some(text) => {
                    self.entry(entry, text, before);
                    before = Some(text);
                }
                None => self.below(entry),
            }
            self.path.pop();
        }
    }

    /// Takes `map` where it is an image whose name is in parts, and says whether it is one.
    fn parts(&mut self, map: &'a Node) -> bool {
        let called_so = self.is_within_image();
        let has = |keys: &[&str]| keys.iter().any(|key| map.get(key).is_some());
        let whole = map.text_of("override").filter(|text| called_so && is_name(text));
        if let (Some(whole), Some(node)) = (whole, map.get("override")) {
            self.name(node, whole, true);
            return true;
        }
        let repository = match map.get("repository") {
            Some(node) if called_so || has(&OF_IMAGE) => node,
            None if called_so && has(&["tag", "digest", "sha", "registry"]) => {
                match map.get("name").or_else(|| map.get(IMAGE)).filter(|it| it.text().is_some()) {
                    Some(node) => node,
                    None => return false,
                }
            }
            _ => return false,
        };
        let text = repository.word().trim();
        if text.is_empty() || repository.is_null() {
            self.note(repository, "the image is empty: the chart has its own, or none".to_owned());
            return true;
        }
        // A repository of charts, or of what git has.
        if text.contains("://") || text.starts_with("git@") {
            return false;
        }
        let Some(mut parts) = NameParts::of(map) else { return false };
        parts.repository = text.to_owned();
        if map.get("useDigest").is_some_and(|it| it.text() == Some("false")) {
            parts.digest = None;
        }
        for key in ["tag", "imageTag"] {
            if let Some(tag) = map.get(key)
                && let Some(number) = number(tag)
            {
                let text =
                    format!("the tag {} is a number, and charts make {number} of it", tag.word());
                let spot = self.spot(tag);
                self.reading.wrong(spot, text, "put it in quotes");
                return true;
            }
        }
        if let Some(tag) = parts.tag.take_if(|tag| tag.starts_with("sha256:")) {
            parts.digest.get_or_insert(tag);
        }
        if let Some(registry) = &self.registry {
            match map.get("registry").is_some() {
                true => parts.registry = Some(registry.clone()),
                false => {
                    let text =
                        format!("{text} has no member registry: {registry} is not put before it");
                    self.note(repository, text);
                }
            }
        }
        let says_digest = map.get("useDigest").is_some_and(Node::is_true);
        let pinned = parts.is_pinned() && (!says_digest || parts.digest.is_some());
        let name = parts.name();
        self.name(repository, &name, pinned);
        true
    }

    /// A member that is a text.
    fn text(&mut self, map: &'a Node, key: &'a str, value: &'a Node, text: &str) {
        if key == IMAGE {
            if text.trim().is_empty() {
                return self
                    .note(value, "the image is empty: the chart has its own, or none".to_owned());
            }
            if !value.is_quoted() && matches!(text, "true" | "false") {
                return;
            }
            let (name, pinned) = match NameParts::around(map, text) {
                Some(parts) => (parts.name(), parts.is_pinned()),
                None => (text.trim().to_owned(), is_whole(text)),
            };
            return self.name(value, &name, pinned);
        }
        let called_so = key.to_ascii_lowercase().ends_with(IMAGE);
        let among_images = self.path.iter().any(|step| matches!(step, PathStep::Key("images")));
        if (called_so && is_whole(text) && is_name(text)) || (among_images && looks_so(text, false))
        {
            return self.name(value, text.trim(), true);
        }
        // Looked up for few members alone: a mapping may have a hundred thousand.
        let variable = if key == "value" { map.text_of("name") } else { None };
        let hint = match variable {
            Some(name) => hints::of_variable(name, text),
            None => hints::of_member(key, text),
        };
        let bare = called_so && !text.is_empty() && (text.contains("{{") || is_name(text));
        self.hint(value, hint.or(bare.then_some(text)));
        self.texts(value, text);
    }

    /// An entry of a list that is a text, with the one `before` it.
    fn entry(&mut self, entry: &'a Node, text: &str, before: Option<&str>) {
        let [.., PathStep::Key(key), PathStep::Entry(_)] = self.path[..] else { return };
        let is_listed = matches!(key, "image" | "images") && is_name(text);
        if is_listed && is_whole(text) {
            return self.name(entry, text.trim(), true);
        }
        let hint = match matches!(key, "args" | "command" | "extraArgs") {
            _ if is_listed => Some(text),
            true => hints::of_argument(text, before),
            false => hints::of_member(key, text),
        };
        self.hint(entry, hint);
        self.texts(entry, text);
    }

    /// Asks for the image called `name`, which says which one it is where it is `pinned`.
    fn name(&mut self, node: &Node, name: &str, pinned: bool) {
        let spot = self.spot(node);
        if name.contains("{{") {
            return self.reading.image_named(Some(name), spot);
        }
        if name.contains('$') {
            let out = "write its value, or name the image in a plain list";
            return self.reading.wrong(spot, format!("{name} has a variable in it"), out);
        }
        if !pinned {
            let text = format!(
                "{name} lacks a tag or digest, and which one the chart gives it is not known"
            );
            let out = "write it (many charts have their appVersion there), or render the chart, \
                       as with helm template, and take what that prints";
            return self.reading.wrong(spot, text, out);
        }
        self.reading.image(name, spot);
    }

    /// Whether the mapping that the path leads to is called an image, or is an entry of such a list.
    fn is_within_image(&self) -> bool {
        let named = self.path.iter().rev().find_map(|step| match step {
            PathStep::Key(key) => Some(key.to_ascii_lowercase()),
            PathStep::Entry(_) => None,
        });
        named.is_some_and(|key| key.ends_with(IMAGE) || key.ends_with("images"))
            || matches!(self.path[..], [.., PathStep::Key("images"), PathStep::Key(_)])
    }

    fn texts(&mut self, node: &Node, text: &str) {
        for (_, image) in hints::within(text) {
            self.note(node, format!("not taken: {image:?} stands within a text"));
        }
    }

    fn hint(&mut self, node: &Node, image: Option<&str>) {
        if let Some(image) = image {
            self.note(node, format!("not taken: {image:?} may be an image"));
        }
    }

    fn note(&mut self, node: &Node, text: String) {
        let spot = self.spot(node);
        self.reading.note(spot, text);
    }

    fn spot(&self, node: &Node) -> super::spot::Spot {
        self.list.spot(node.line(), spelled(&self.path))
    }
}

/// What charts read a plain `tag` as that is a number and looks another way then: 1.10 as 1.1.
fn number(tag: &Node) -> Option<String> {
    let text = tag.text().filter(|_| !tag.is_quoted())?;
    let is_number = text.starts_with(|c: char| c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-' | '_'))
        && text.chars().filter(|c| *c == '.').count() <= 1;
    let value: f64 = text.replace('_', "").parse().ok().filter(|_| is_number)?;
    let has_point = text.contains(['.', 'e', 'E', '_']);
    let leads = text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
    let shown = format!("{value}");
    ((has_point && shown != text) || leads).then_some(shown)
}

#[cfg(test)]
mod tests;
