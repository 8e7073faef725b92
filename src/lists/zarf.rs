//! Zarf's packages (`zarf.yaml`): the images of their components.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

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

/// How many files and components are imported at most: packages have a few, and each may import others.
const MAX_IMPORTS: usize = 1_000;
/// How many files lead to each other at most.
const MAX_DEPTH: usize = 20;

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

    fn read(&self, lists: &[ListText], around: &dyn Around) -> Reading {
        let mut reading = Reading::default();
        for list in lists {
            let mut package = Package {
                around,
                reading: &mut reading,
                files: HashMap::new(),
                seen: HashSet::new(),
                depth: 0,
            };
            for component in package.components(list) {
                package.read(list, &component);
            }
        }
        reading
    }
}

/// A package on its way, with what it imports.
struct Package<'a> {
    around: &'a dyn Around,
    reading: &'a mut Reading,
    /// The components of each file that was read.
    files: HashMap<Arc<str>, Vec<Node>>,
    /// What was imported, by file and name.
    seen: HashSet<(Arc<str>, String)>,
    depth: usize,
}

impl Package<'_> {
    /// The components in `list`.
    fn components(&mut self, list: &ListText) -> Vec<Node> {
        if let Some(known) = self.files.get(list.name()) {
            return known.clone();
        }
        let documents = self.reading.documents(list);
        let own = documents.iter().filter_map(|it| it.get("component"));
        let listed = documents.iter().filter_map(|it| it.get("components")).flat_map(Node::list);
        let components: Vec<Node> = own.chain(listed).cloned().collect();
        self.files.insert(Arc::clone(list.name()), components.clone());
        components
    }

    fn read(&mut self, list: &ListText, component: &Node) {
        read_images(list, component, self.reading);
        let Some(import) = component.get("import").filter(|it| !it.is_null()) else { return };
        let name = component.text_of("name").unwrap_or_default();
        let what = format!("component {name}");
        if let Some(path) = import.get("path").filter(|it| it.text().is_some()) {
            let name = import.text_of("name").unwrap_or(name);
            self.import(list, path, Some(name), &what);
        }
        for local in import.get("local").map_or(&[][..], Node::list) {
            if let Some(path) = local.get("path") {
                self.import(list, path, None, &what);
            }
        }
        let remote = import.get("remote").map_or(&[][..], Node::list);
        for url in import.get("url").into_iter().chain(remote.iter().filter_map(|it| it.get("url")))
        {
            let text = format!("is imported from {}, and its images are not taken", url.word());
            self.reading.note(list.spot(url.line(), &*what), text);
        }
    }

    /// Takes the component called `name`, or all, of the file at `path`.
    fn import(&mut self, list: &ListText, path: &Node, name: Option<&str>, what: &str) {
        let spot = list.spot(path.line(), what);
        let folder = path.word().trim_end_matches('/');
        let is_file = [".yaml", ".yml"].iter().any(|end| folder.ends_with(end));
        let file = if is_file { folder.to_owned() } else { format!("{folder}/zarf.yaml") };
        let other = match self.around.beside(list, &file) {
            Ok(other) => other,
            Err(error) => return self.reading.fault(spot, error),
        };
        if self.seen.len() >= MAX_IMPORTS || self.depth >= MAX_DEPTH {
            let text = format!(
                "more than {MAX_IMPORTS} components are imported, or by more than {MAX_DEPTH} files in a row"
            );
            return self.reading.wrong(spot, text, "name the images in a plain list");
        }
        if !self.seen.insert((Arc::clone(other.name()), name.unwrap_or_default().to_owned())) {
            return;
        }
        let mut is_there = false;
        for component in self.components(&other) {
            if name.is_none_or(|name| component.text_of("name") == Some(name)) {
                is_there = true;
                self.depth += 1;
                self.read(&other, &component);
                self.depth -= 1;
            }
        }
        if !is_there {
            let text = format!("{file} has no component {}", name.unwrap_or_default());
            self.reading.wrong(spot, text, "name one that is there");
        }
    }
}

fn read_images(list: &ListText, component: &Node, reading: &mut Reading) {
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
}
