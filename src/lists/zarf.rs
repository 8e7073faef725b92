//! Zarf's packages (`zarf.yaml`): the images of their components.

use super::around::Around;
use super::entry::{Asked, Entry};
use super::format::ListFormat;
use super::list_text::ListText;
use super::reading::Reading;
use super::yaml::Node;

const KINDS: [&str; 3] = ["ZarfPackageConfig", "ZarfInitConfig", "ZarfComponentConfig"];
/// What a component has besides images that may name some, too.
const OTHERS: [(&str, &str); 5] = [
    ("charts", "name"),
    ("manifests", "name"),
    ("imageArchives", "path"),
    ("repos", "url"),
    ("repositories", "url"),
];

/// A package of Zarf.
#[derive(Debug)]
pub(super) struct Zarf;

impl ListFormat for Zarf {
    fn name(&self) -> &'static str {
        "zarf"
    }

    fn title(&self) -> &'static str {
        "a package of Zarf"
    }

    fn is(&self, list: &ListText) -> bool {
        list.first().and_then(|it| it.text_of("kind")).is_some_and(|kind| KINDS.contains(&kind))
    }

    fn read(&self, lists: &[ListText], _: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            for document in reading.documents(list) {
                let own = document.get("component").into_iter();
                let components = document.get("components").map_or(&[][..], Node::list);
                for component in own.chain(components) {
                    read_component(list, component, &mut reading);
                }
            }
        }
        reading
    }
}

fn read_component(list: &ListText, component: &Node, reading: &mut Reading) {
    let name = component.text_of("name").unwrap_or_default();
    let what = format!("component {name}");
    for image in component.get("images").map_or(&[][..], Node::list) {
        // A name, or a mapping with one.
        let node = image.get("name").unwrap_or(image);
        let spot = list.spot(node.line(), &*what);
        match node.text() {
            Some(text) if text.contains("###ZARF_") => reading.wrong(
                spot,
                format!("{text} has a variable of Zarf, which is not known here"),
                "write its value, or name the image in a plain list",
            ),
            Some(text) if image.text_of("source") == Some("daemon") => {
                reading.add(Entry::new(Asked::Place(format!("docker-daemon:{text}")), spot));
            }
            _ => reading.image_at(list, node, what.clone()),
        }
    }
    for (key, label) in OTHERS {
        let others = component.get(key).map_or(&[][..], Node::list);
        let names: Vec<&str> =
            others.iter().filter_map(|it| it.text_of(label).or_else(|| it.text())).collect();
        if let Some(first) = others.first() {
            let text = format!("{key} are not taken: {}", names.join(", "));
            reading.note(list.spot(first.line(), &*what), text);
        }
    }
    if let Some(import) = component.get("import").filter(|it| !it.is_null()) {
        let mut from = Vec::new();
        texts(import, &mut from);
        let text = format!(
            "is imported from {}, whose images are not taken: name that file as a list of its own",
            from.join(", ")
        );
        reading.note(list.spot(import.line(), what), text);
    }
}

/// The paths and addresses that an import names.
fn texts<'a>(import: &'a Node, found: &mut Vec<&'a str>) {
    for (key, value) in import.members() {
        match value.text() {
            Some(text) if matches!(key, "path" | "url") => found.push(text),
            Some(_) => {}
            None => {
                found.extend(
                    value
                        .list()
                        .iter()
                        .flat_map(|it| [it.text_of("path"), it.text_of("url")])
                        .flatten(),
                );
            }
        }
    }
}
