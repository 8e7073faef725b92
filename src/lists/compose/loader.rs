//! [`Loader`]: makes one project of files, and of those that they name.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::document::ComposeFile;
use super::dotenv::{self, Variables, Why};
use super::environment::Environment;
use super::scope::Scope;
use super::value::{ComposeValue, Members, Spoken, Where, lay};
use crate::lists::around::joined;
use crate::lists::list_text::ListText;
use crate::lists::reading::Reading;
use crate::lists::spot::Spot;
use crate::lists::yaml;
use crate::words::error::{Class, Error};

/// Most files that a project names: real ones name some dozens.
const MAX_FILES: usize = 1_000;
/// Most bytes of those files together: each may be named again and again.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most values that services take from those they extend: a hundred thousand services with ten each.
const MAX_COPIED: usize = 1_000_000;

/// Where a project's paths begin, and what its variables are.
#[derive(Clone)]
pub(super) struct Setting<'a> {
    /// The folder, from that of the first file on.
    pub(super) folder: PathBuf,
    pub(super) environment: Environment<'a>,
    /// The files that were included on the way here, from the first one on.
    pub(super) through: Vec<PathBuf>,
    /// What services were extended from, by file.
    pub(super) extended: HashMap<PathBuf, Option<usize>>,
}

/// Makes one project of files.
pub(super) struct Loader<'a> {
    /// What all paths begin beside.
    root: &'a ListText,
    files: Vec<ListText>,
    named: usize,
    bytes: usize,
    copied: usize,
    pub(super) scopes: Vec<Scope>,
    pub(super) reading: Reading,
}

impl<'a> Loader<'a> {
    pub(super) fn new(root: &'a ListText) -> Loader<'a> {
        Loader {
            root,
            files: Vec::new(),
            named: 0,
            bytes: 0,
            copied: 0,
            scopes: Vec::new(),
            reading: Reading::default(),
        }
    }

    /// The top of the project that `lists` are, each over those before it.
    pub(super) fn project(&mut self, lists: &[ListText], setting: &mut Setting<'_>) -> Members {
        let mut project = Members::new();
        for list in lists {
            self.files.push(list.clone());
            self.lay_file(self.files.len() - 1, &mut project, setting);
        }
        project
    }

    /// Lays the file with number `file` over `project`, document by document.
    pub(super) fn lay_file(
        &mut self,
        file: usize,
        project: &mut Members,
        setting: &mut Setting<'_>,
    ) {
        for mut document in self.documents(file, setting) {
            if let Some(include) = document.members.remove("include") {
                self.include(&include, &mut document, setting);
            }
            self.tell_lost(&document, project);
            document.resets.apply(&[], project);
            self.resolve_extends(&mut document, file, setting);
            self.lay(project, document.members);
        }
    }

    /// The documents of a file that say something.
    pub(super) fn documents(&mut self, file: usize, setting: &Setting<'_>) -> Vec<ComposeFile> {
        let list = self.files[file].clone();
        let known = |name: &str| setting.environment.get(name);
        let mut documents = Vec::new();
        for node in yaml::documents(list.text()) {
            match node {
                Ok(node) if node.is_map() => documents.push(ComposeFile::read(&node, file, &known)),
                Ok(node) if node.is_null() => {}
                Ok(node) => self.wrong(
                    Where { file, line: node.line() },
                    "a Compose file",
                    "is no mapping".to_owned(),
                    "write its services below a line services:",
                ),
                Err(fault) => {
                    self.reading.fault(list.spot(fault.line, ""), fault.into_error());
                }
            }
        }
        documents
    }

    /// Lays `over` over `members`.
    pub(super) fn lay(&mut self, members: &mut Members, over: Members) {
        let mut clashes = Vec::new();
        lay(members, over, &mut |at| clashes.push(at));
        for at in clashes {
            self.wrong(
                at,
                "",
                "is of another kind than what it goes over: a list, or a mapping".to_owned(),
                "write it as it is written there, or put !override before it",
            );
        }
    }

    /// Reads the file at `path`, from the first file's folder on, which is named at `at`.
    pub(super) fn file(&mut self, at: Where, path: &Path, setting: &Setting<'_>) -> Option<usize> {
        let spot = self.spot(at, "");
        let written = path.to_string_lossy();
        self.named += 1;
        if self.named > MAX_FILES || self.bytes > MAX_BYTES {
            if self.named == MAX_FILES + 1 || self.bytes <= MAX_BYTES.saturating_mul(2) {
                let text = format!("more than {MAX_FILES} files, or {MAX_BYTES} bytes, are named");
                let error = Error::new(Class::Usage, text);
                self.reading.fault(spot, error.hint("see whether files name one another"));
                self.bytes = usize::MAX;
            }
            return None;
        }
        match setting.environment.around.beside(self.root, &written) {
            Ok(list) => {
                self.bytes = self.bytes.saturating_add(list.text().len());
                self.files.push(list);
                Some(self.files.len() - 1)
            }
            Err(error) => {
                self.reading.fault(spot, error);
                None
            }
        }
    }

    /// The path that is `written` at `at`, from the first file's folder on; nothing where it is none here.
    pub(super) fn path(
        &mut self,
        at: Where,
        folder: &Path,
        written: &ComposeValue,
    ) -> Option<PathBuf> {
        let text = self.text(written, "a path")?.to_owned();
        if text.contains("://") || text.starts_with("git@") {
            let out = "get it, and name the file instead";
            self.wrong(at, "", format!("{text} is no file on this machine"), out);
            return None;
        }
        Some(joined(folder, &text))
    }

    /// The text of `value`, which is `what`; a fault where it has none.
    pub(super) fn text<'v>(&mut self, value: &'v ComposeValue, what: &str) -> Option<&'v str> {
        match &value.said {
            Spoken::Text(text) if !text.text.is_empty() => Some(&text.text),
            Spoken::Unfilled(why) => {
                let spot = self.spot(value.at, "");
                self.reading.fault(spot, why.as_ref().clone().into_error());
                None
            }
            Spoken::Text(text) if !text.unset.is_empty() => {
                let unset = text.unset.join(", ");
                let out = format!("set {unset}");
                self.wrong(value.at, what, format!("is empty: {unset} is not set"), &out);
                None
            }
            _ => {
                self.wrong(value.at, what, "is missing".to_owned(), "write it as text");
                None
            }
        }
    }

    /// What `.env` beside the project in `folder` sets, or what one of `files` does.
    pub(super) fn variables(
        &mut self,
        at: Where,
        files: &[PathBuf],
        environment: &Environment<'_>,
    ) -> Variables {
        let mut variables = Variables::new();
        for path in files {
            let written = path.to_string_lossy();
            let list = match environment.around.beside(self.root, &written) {
                Ok(list) => list,
                Err(error) => {
                    let spot = self.spot(at, "");
                    self.reading.fault(spot, error);
                    continue;
                }
            };
            let known = |name: &str| environment.get(name);
            if let Err(fault) = dotenv::variables(list.text(), &mut variables, &known) {
                let error = match fault.why {
                    Why::Text(text) => {
                        Error::new(Class::Usage, text).hint("write NAME=VALUE, a line each")
                    }
                    Why::Unfilled(why) => why.into_error(),
                };
                self.reading.fault(list.spot(fault.line, ""), error);
            }
        }
        variables
    }

    /// `.env` in `folder`, where it is there.
    pub(super) fn dotenv(&self, folder: &Path, environment: &Environment<'_>) -> Vec<PathBuf> {
        let path = joined(folder, ".env");
        match environment.around.is_there(self.root, &path.to_string_lossy()) {
            true => vec![path],
            false => Vec::new(),
        }
    }

    /// A copy of `value`; nothing where too much was copied already.
    pub(super) fn copy(&mut self, value: &ComposeValue) -> Option<ComposeValue> {
        let before = self.copied;
        self.copied = self.copied.saturating_add(value.weight());
        if self.copied <= MAX_COPIED {
            return Some(value.clone());
        }
        if before <= MAX_COPIED {
            let text = format!("its services take more than {MAX_COPIED} values from others");
            self.wrong(value.at, "", text, "extend less, or make several projects");
        }
        None
    }

    /// Notes which images go away because a later file takes out the service, or has another one in its stead.
    fn tell_lost(&mut self, document: &ComposeFile, project: &Members) {
        let Some(known) = project.get("services").and_then(ComposeValue::members) else { return };
        let image = |service: &ComposeValue| {
            let image = service.get("image")?;
            Some((image.at, image.text()?.to_owned()))
        };
        let mut lost = Vec::new();
        for name in document.resets.services() {
            let old = known.get(name).and_then(image);
            lost.extend(old.map(|old| (old, name.to_owned(), None)));
        }
        let own = document.members.get("services").and_then(ComposeValue::members);
        for (name, service) in own.into_iter().flatten() {
            let old = known.get(name).and_then(image);
            let new = image(service).filter(|new| old.as_ref().is_some_and(|old| old.1 != new.1));
            let (Some(old), Some(new)) = (old, new) else { continue };
            lost.push((old, name.to_string(), Some(new)));
        }
        for ((at, old), name, new) in lost {
            let text = match new {
                Some((at, new)) => format!("{old} is left out for {new} ({})", self.spot(at, "")),
                None => format!("{old} is left out: a later file takes its service out"),
            };
            let spot = self.spot(at, format!("services.{name}"));
            self.reading.note(spot, text);
        }
    }

    pub(super) fn spot(&self, at: Where, what: impl Into<String>) -> Spot {
        self.files.get(at.file).unwrap_or(self.root).spot(at.line, what)
    }

    /// Says that `text` is wrong with `what`, where it stands.
    pub(super) fn wrong(&mut self, at: Where, what: &str, text: String, out: &str) {
        let text = if what.is_empty() { text } else { format!("{what} {text}") };
        let spot = self.spot(at, "");
        self.reading.wrong(spot, text, out);
    }
}
