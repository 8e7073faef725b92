//! [`MirrorReport`]: the files, and what is to be known of them.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::words::error::Error;
use crate::words::reference::{Reference, Registry};
use crate::work::mirror::{MirrorClient, MirrorConfig, MirrorFile};

/// The files for all clients.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MirrorReport {
    /// Whether all went well.
    #[serde(skip)]
    pub ok: bool,
    /// The private registry.
    pub registry: Registry,
    /// How many images they lead to.
    pub images: usize,
    /// The folder that they were written to, if they were.
    #[serde(serialize_with = "shown")]
    pub output: Option<PathBuf>,
    /// What is there for each client.
    pub clients: Vec<ClientMirror>,
    #[serde(skip)]
    pub(super) failure: Option<Error>,
}

/// The files for a client.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ClientMirror {
    /// The client.
    pub client: MirrorClient,
    /// Its files.
    #[serde(flatten)]
    pub config: MirrorConfig,
    /// The names that were pulled through them; nothing where that was not asked for, or cannot be done.
    pub pulled: Option<Vec<Reference>>,
}

impl MirrorReport {
    /// That clients could not pull through their files, if some could not.
    #[must_use]
    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Every file, with the name of its client.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &MirrorFile)> {
        self.clients.iter().flat_map(ClientMirror::files)
    }
}

impl ClientMirror {
    /// Its files, each with its name.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &MirrorFile)> {
        self.config.files.iter().map(|file| (self.client.name(), file))
    }
}

fn shown<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(Path::to_string_lossy).serialize(to)
}
