//! [`ListText`]: a list as it was read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::spot::Spot;
use super::yaml::{self, Node};
use crate::words::digest::Digest;

/// A list as it was read: its name and its text, of which lines end as on Unix.
#[derive(Debug, Clone)]
pub struct ListText {
    name: Arc<str>,
    path: Option<PathBuf>,
    text: Arc<str>,
    digest: Option<Digest>,
    first: Arc<OnceLock<Result<Option<Node>, yaml::Fault>>>,
}

impl ListText {
    /// The `text` of a list that is called `name`. It lies at `path`, where it is a file.
    #[must_use]
    pub fn new(name: &str, path: Option<&Path>, text: &str) -> ListText {
        ListText {
            name: name.into(),
            path: path.map(Path::to_owned),
            text: text.into(),
            digest: None,
            first: Arc::default(),
        }
    }

    /// The same, of a file whose bytes have this `digest`.
    #[must_use]
    pub fn of_file(self, digest: Digest) -> ListText {
        ListText { digest: Some(digest), ..self }
    }

    /// The digest of the bytes that it was read from, where whoever read them said so.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Where it lies, if it is a file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The last part of its path, or nothing.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.path
            .as_deref()
            .and_then(Path::file_name)
            .and_then(|it| it.to_str())
            .unwrap_or_default()
    }

    /// What it says.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its `line`, where `what` asks.
    #[must_use]
    pub fn spot(&self, line: usize, what: impl Into<String>) -> Spot {
        Spot::new(&self.name, line, what)
    }

    /// The first document in it that is not empty, where it is YAML (or JSON, which is YAML, too).
    #[must_use]
    pub fn first(&self) -> Option<&Node> {
        self.first_document().ok().flatten()
    }

    /// As [`first`](ListText::first).
    ///
    /// # Errors
    /// What is wrong with the YAML up to there.
    pub fn first_document(&self) -> Result<Option<&Node>, &yaml::Fault> {
        let read = || match yaml::documents(&self.text)
            .find(|it| !matches!(it, Ok(node) if node.is_null()))
        {
            None => Ok(None),
            Some(found) => found.map(Some),
        };
        match self.first.get_or_init(read) {
            Ok(node) => Ok(node.as_ref()),
            Err(fault) => Err(fault),
        }
    }
}
