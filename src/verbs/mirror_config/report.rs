//! [`MirrorReport`]: the files, and what is to be known of them.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::words::reference::Registry;
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
}

impl MirrorReport {
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
