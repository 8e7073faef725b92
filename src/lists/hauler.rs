//! Manifests of Hauler: the images among what it fetches.

use super::around::Around;
use super::entry::{Asked, Entry};
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;
use super::yaml::Node;

const GROUPS: [&str; 2] = ["content.hauler.cattle.io/", "collection.hauler.cattle.io/"];
/// The annotation with the registry of images that name none.
const REGISTRY: &str = "hauler.dev/registry";

/// A manifest of Hauler.
#[derive(Debug)]
pub(super) struct Hauler;

impl ListFormat for Hauler {
    fn name(&self) -> &'static str {
        "hauler"
    }

    fn title(&self) -> &'static str {
        "a manifest of Hauler"
    }

    fn is(&self, list: &ListText) -> bool {
        list.first().is_some_and(is_haulers)
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            for document in reading.documents(list) {
                read_document(list, &document, &mut reading);
            }
        }
        reading
    }
}

fn is_haulers(node: &Node) -> bool {
    let version = node.text_of("apiVersion").unwrap_or_default();
    GROUPS.iter().any(|group| version.starts_with(group))
}

fn read_document(list: &ListText, document: &Node, reading: &mut Reading) {
    let kind = document.text_of("kind").unwrap_or_default();
    let name = document.at(&["metadata", "name"]).and_then(Node::text).unwrap_or_default();
    let what = format!("{kind} {name}");
    let items = |key: &str| document.at(&["spec", key]).map_or(&[][..], Node::list);
    let text_of = |item: &Node, key: &str| item.text_of(key).unwrap_or_default().to_owned();
    match kind {
        _ if !is_haulers(document) => {
            let text = "is none of Hauler's kinds, and nothing of it is taken";
            reading.note(list.spot(document.line(), what), text);
        }
        "Images" => {
            let registry =
                document.at(&["metadata", "annotations"]).and_then(|it| it.text_of(REGISTRY));
            for (at, image) in items("images").iter().enumerate() {
                read_image(list, format!("{what}: images[{at}]"), image, registry, reading);
            }
        }
        "Charts" => {
            for chart in items("charts") {
                let (chart_name, version) = (text_of(chart, "name"), text_of(chart, "version"));
                let text = format!("the chart {chart_name} {version}");
                let text = format!("{} is not taken, nor what it deploys", text.trim_end());
                reading.note(list.spot(chart.line(), &*what), text);
            }
        }
        "Files" => {
            for file in items("files") {
                let text = format!("the file {} is not taken", text_of(file, "path"));
                reading.note(list.spot(file.line(), &*what), text);
            }
        }
        _ => {
            let text = format!("is of the kind {kind:?}, and nothing of it is taken");
            reading.note(list.spot(document.line(), what), text);
        }
    }
}

fn read_image(
    list: &ListText,
    what: String,
    image: &Node,
    registry: Option<&str>,
    reading: &mut Reading,
) {
    let Some(node) = image.get("name").filter(|it| it.text().is_some()) else {
        reading.wrong(list.spot(image.line(), what), "has no name", "write name: IMAGE");
        return;
    };
    let name = node.text().unwrap_or_default();
    let spot = list.spot(node.line(), &*what);
    for (key, means) in [
        ("platform", "is wanted for {}; platforms are chosen for all images together"),
        ("key", "is to be signed with {}, which is not looked at here"),
    ] {
        if let Some(value) = image.text_of(key) {
            reading.note(spot.clone(), format!("{name} {}", means.replace("{}", value)));
        }
    }
    match registry.filter(|_| !has_registry(name)) {
        _ if image.get("local").is_some_and(Node::is_true) => {
            reading.add(Entry::new(Asked::Place(format!("docker-daemon:{name}")), spot));
        }
        Some(registry) if !name.contains("{{") => {
            reading.image(format!("{registry}/{name}"), spot);
        }
        _ => reading.image_at(list, node, what),
    }
}

/// Whether the first part of `name` is a registry.
fn has_registry(name: &str) -> bool {
    name.split_once('/')
        .is_some_and(|(first, _)| first.contains(['.', ':']) || first == "localhost")
}
