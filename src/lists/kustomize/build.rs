//! [`Build`]: makes the objects of a kustomization, step by step as kustomize does.

use std::path::{Path, PathBuf};

use super::files::BuildFiles;
use super::object::BuildObject;
use crate::lists::around::{Around, joined};
use crate::lists::kubernetes::{self, MAX_LISTS, MAX_WALKED};
use crate::lists::list_text::ListText;
use crate::lists::reading::Reading;
use crate::lists::yaml::{self, Node};
use crate::words::error::{Class, Error};

/// What kustomizations are called, in folders.
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Most files that a build reads: real ones read some hundreds.
const MAX_FILES: usize = 2_000;
/// Most bytes of those files together: each may be named again and again.
const MAX_BYTES: usize = 64 << 20;
/// How deep kustomizations are in one another; real ones are below ten.
const MAX_NESTED: usize = 50;
/// Most values that patches and rules look at: ten thousand patches of objects with as many values, which
/// is some seconds.
const MAX_WORK: usize = 100_000_000;
/// The way out of all that is not done here.
pub(super) const OUT: &str = "hand over what kustomize build prints";
/// Objects with this annotation are for kustomize alone.
const LOCAL: &str = "config.kubernetes.io/local-config";

/// Makes the objects of a kustomization.
pub(super) struct Build<'a> {
    around: &'a dyn Around,
    /// What all paths begin beside.
    pub(super) root: &'a ListText,
    files: BuildFiles,
    named: usize,
    bytes: usize,
    loaded: usize,
    work: usize,
    /// With lines of all files.
    pub(super) reading: Reading,
}

impl<'a> Build<'a> {
    /// The images of the kustomization that `list` is.
    pub(super) fn of(list: &'a ListText, around: &'a dyn Around) -> Reading {
        let mut build = Build {
            around,
            root: list,
            files: BuildFiles::new(),
            named: 0,
            bytes: 0,
            loaded: 0,
            work: 0,
            reading: Reading::default(),
        };
        let Some(top) = build.top(list) else {
            return build.files.settle(build.reading);
        };
        let mut objects = Vec::new();
        let sources = ["resources", "bases", "components", "generators", "transformers"];
        match sources
            .iter()
            .chain(&["helmCharts", "helmChartInflationGenerator"])
            .any(|key| top.get(key).is_some())
        {
            true => build.kustomization(Path::new(""), &top, &mut objects, &mut Vec::new()),
            false => build.images_alone(&top),
        }
        build.finish(&objects);
        build.files.settle(build.reading)
    }

    /// 1. What the kustomization in `folder` says goes to `objects`.
    fn kustomization(
        &mut self,
        folder: &Path,
        top: &Node,
        objects: &mut Vec<BuildObject>,
        through: &mut Vec<PathBuf>,
    ) {
        if through.iter().any(|it| it == folder) || through.len() >= MAX_NESTED {
            let text = format!("leads back to {}, in a circle", shown(folder));
            return self.wrong(top.line(), "", text, "take one of these lines out");
        }
        through.push(folder.to_owned());
        self.tell_unknown(top);
        for key in ["resources", "bases"] {
            for (at, entry) in entries(top, key).iter().enumerate() {
                let what = format!("{key}[{at}]");
                self.resource(folder, entry, &what, objects, through);
            }
        }
        for (at, entry) in entries(top, "components").iter().enumerate() {
            let what = format!("components[{at}]");
            let Some(text) = self.path(entry, &what) else {
                continue;
            };
            let below = joined(folder, &text);
            match self.file_in(&below) {
                Some(file) => self.folder(&below, &file, entry, "Component", objects, through),
                None => self.not_there(entry, &what, &text, &below.join(NAMES[0])),
            }
        }
        self.transform(folder, top, objects);
        through.pop();
    }

    /// 2. A file of objects, or a folder with a kustomization.
    fn resource(
        &mut self,
        folder: &Path,
        entry: &Node,
        what: &str,
        objects: &mut Vec<BuildObject>,
        through: &mut Vec<PathBuf>,
    ) {
        let Some(text) = self.path(entry, what) else {
            return;
        };
        let path = joined(folder, &text);
        if self.is_there(&path) {
            let Some((list, above)) = self.file(entry.line(), what, &path) else {
                return;
            };
            for document in yaml::documents_after(list.text(), above) {
                match document {
                    Ok(node) => self.object(&node, objects, 0),
                    Err(fault) => self.fault(fault.line, "", fault.into_error()),
                }
            }
            return;
        }
        match self.file_in(&path) {
            Some(file) => {
                let mut inner = Vec::new();
                self.folder(&path, &file, entry, "Kustomization", &mut inner, through);
                objects.append(&mut inner);
            }
            None => self.not_there(entry, what, &text, &path),
        }
    }

    /// 4. The images of all objects.
    fn finish(&mut self, objects: &[BuildObject]) {
        let is_local = |object: &&BuildObject| {
            let local = object.node.at(&["metadata", "annotations", LOCAL]);
            local.and_then(Node::text).is_some_and(|text| text != "false")
        };
        let objects = objects.iter().filter(|it| !is_local(it)).map(BuildObject::named);
        kubernetes::read_objects(self.root, objects, self.around, &mut self.reading);
    }

    /// The kustomization `file` in `folder`, which is of the kind `kind`.
    fn folder(
        &mut self,
        folder: &Path,
        file: &Path,
        entry: &Node,
        kind: &str,
        objects: &mut Vec<BuildObject>,
        through: &mut Vec<PathBuf>,
    ) {
        let Some((list, above)) = self.file(entry.line(), entry.word(), file) else {
            return;
        };
        let mut documents = yaml::documents_after(list.text(), above)
            .filter(|it| !matches!(it, Ok(node) if node.is_null()));
        let top = match documents.next() {
            Some(Ok(top)) if top.is_map() => top,
            Some(Err(fault)) => return self.fault(fault.line, "", fault.into_error()),
            _ => {
                let text = format!("{} says nothing", shown(file));
                return self.wrong(entry.line(), entry.word(), text, "name another one");
            }
        };
        let is = top.text_of("kind").unwrap_or("Kustomization");
        if is != kind {
            let text = format!("{} is of the kind {is}, and is to be a {kind}", shown(file));
            let out = "name components below components:, all else below resources:";
            return self.wrong(entry.line(), entry.word(), text, out);
        }
        self.kustomization(folder, &top, objects, through);
    }

    /// The document that the root is.
    fn top(&mut self, list: &ListText) -> Option<Node> {
        self.files.add(list);
        let top = self.reading.only_document(list)?;
        if !top.is_map() {
            self.wrong(
                top.line(),
                "",
                "is no kustomization".to_owned(),
                "name a kustomization.yaml",
            );
            return None;
        }
        Some(top)
    }

    fn object(&mut self, node: &Node, objects: &mut Vec<BuildObject>, depth: usize) {
        if node.is_null() {
            return;
        }
        let kind = node.text_of("kind").unwrap_or_default();
        if kind.ends_with("List") && node.get("items").is_some() && depth < MAX_LISTS {
            return entries(node, "items")
                .iter()
                .for_each(|it| self.object(it, objects, depth + 1));
        }
        let before = self.loaded;
        self.loaded = before.saturating_add(node.weight());
        match BuildObject::of(node) {
            _ if before > MAX_WALKED => {}
            _ if self.loaded > MAX_WALKED => {
                let text = format!("there are more than {MAX_WALKED} values up to here");
                self.wrong(node.line(), "", text, "take smaller kustomizations, one by one");
            }
            Some(object) => objects.push(object),
            None => self.wrong(
                node.line(),
                "",
                "is no object of Kubernetes: it has no kind".to_owned(),
                "take it out of the resources",
            ),
        }
    }

    /// What `entry` names, where it is a path on this machine.
    pub(super) fn path(&mut self, entry: &Node, what: &str) -> Option<String> {
        match entry.text().map(str::trim).filter(|text| !text.is_empty()) {
            Some(text)
                if text.contains("://") || text.starts_with("git@") || text.contains("?ref=") =>
            {
                let text = format!("{text} is on another machine, and is not fetched");
                self.wrong(entry.line(), what, text, OUT);
                None
            }
            Some(text) => Some(text.to_owned()),
            None => {
                self.wrong(entry.line(), what, "names no file".to_owned(), "write its path");
                None
            }
        }
    }

    fn not_there(&mut self, entry: &Node, what: &str, text: &str, path: &Path) {
        // As in github.com/org/repo/path.
        let host = text.split('/').next().unwrap_or_default();
        if text.contains('/') && host.contains('.') && !host.starts_with('.') {
            let text =
                format!("{text} is not here; if it is on another machine, it is not fetched");
            return self.wrong(entry.line(), what, text, OUT);
        }
        let text = format!("{} is no file, and no folder with a kustomization.yaml", shown(path));
        self.wrong(entry.line(), what, text, "see whether it is there");
    }

    pub(super) fn is_there(&self, path: &Path) -> bool {
        self.around.is_there(self.root, &path.to_string_lossy())
    }

    fn file_in(&self, folder: &Path) -> Option<PathBuf> {
        NAMES.iter().map(|name| folder.join(name)).find(|path| self.is_there(path))
    }

    /// Reads the file at `path`, which is named on `line`, and says how many lines are above it.
    pub(super) fn file(
        &mut self,
        line: usize,
        what: &str,
        path: &Path,
    ) -> Option<(ListText, usize)> {
        self.named += 1;
        if self.named > MAX_FILES || self.bytes > MAX_BYTES {
            if self.bytes != usize::MAX {
                let text = format!("more than {MAX_FILES} files, or {MAX_BYTES} bytes, are named");
                self.wrong(line, what, text, "see whether files name one another");
            }
            self.bytes = usize::MAX;
            return None;
        }
        match self.around.beside(self.root, &path.to_string_lossy()) {
            Ok(list) => {
                self.bytes = self.bytes.saturating_add(list.text().len());
                let above = self.files.add(&list);
                Some((list, above))
            }
            Err(error) => {
                self.fault(line, what, error);
                None
            }
        }
    }

    /// Whether `cost` more values may be looked at.
    pub(super) fn charge(&mut self, line: usize, cost: usize) -> bool {
        let before = self.work;
        self.work = before.saturating_add(cost);
        if self.work > MAX_WORK && before <= MAX_WORK {
            let text = "its patches and images are too many for its objects".to_owned();
            self.wrong(line, "", text, OUT);
        }
        self.work <= MAX_WORK
    }

    pub(super) fn fault(&mut self, line: usize, what: &str, error: Error) {
        self.reading.fault(self.root.spot(line, what), error);
    }

    pub(super) fn wrong(&mut self, line: usize, what: &str, text: String, out: &str) {
        self.fault(line, what, Error::new(Class::Usage, text).hint(out.to_owned()));
    }
}

/// The entries of the member `key`.
pub(super) fn entries<'n>(top: &'n Node, key: &str) -> &'n [Node] {
    top.get(key).map_or(&[], Node::list)
}

fn shown(path: &Path) -> String {
    match path.as_os_str().is_empty() {
        true => ".".to_owned(),
        false => path.display().to_string(),
    }
}
