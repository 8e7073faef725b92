//! [`MirrorConfig`]: the files for one client, and what is to be known of them.

use serde::Serialize;

use super::routes::{MirrorMisfit, MirrorRoutes};

/// How every file begins that may have a comment, after what makes it one: what is written over is known by it.
pub const WRITTEN: &str = "# Written by sealift mirror-config";

/// A file for a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MirrorFile {
    /// Its path below the folder of all that is written for the client, of plain names joined by `/`.
    pub path: String,
    /// Where it belongs on the client's machine, or what is done with it.
    pub install: String,
    /// What it says.
    pub text: String,
}

/// The files for a client, and what is to be known of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MirrorConfig {
    /// The files.
    pub files: Vec<MirrorFile>,
    /// What nobody may miss: where the client would ask another registry all the same.
    pub warnings: Vec<String>,
    /// What else has to be done.
    pub notes: Vec<String>,
}

/// Who writes the files of a client.
pub(super) trait MirrorWriter {
    /// The files that lead it along `routes`.
    ///
    /// # Errors
    /// All images that it cannot be led to.
    fn config(&self, routes: &MirrorRoutes) -> Result<MirrorConfig, Vec<MirrorMisfit>>;
}

impl MirrorFile {
    /// The file `path`, which belongs to `install`.
    pub(super) fn new(path: impl Into<String>, install: impl Into<String>, text: String) -> Self {
        MirrorFile { path: path.into(), install: install.into(), text }
    }
}
