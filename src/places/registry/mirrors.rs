//! Where an image is really fetched from: mirrors first, then the registry, as podman's
//! `registries.conf` or containerd's `hosts.toml` say. Nothing here is used to push.
//!
//! Which mirror answers changes no byte: all content is checked against its digest. A tag is what
//! its mirror says it is, which is why a mirror can be limited to digests.

pub(super) mod alternatives;
mod conf;
pub(super) mod files;
mod hosts;
pub(super) mod order;

use std::path::PathBuf;

use self::files::MirrorFiles;
use self::order::PullOrder;
use crate::words::error::Result;
use crate::words::reference::{Registry, Repository};

/// What those files say.
#[derive(Debug)]
pub(super) struct Mirrors {
    rules: Option<conf::Rules>,
    hosts: Vec<PathBuf>,
}

impl Mirrors {
    /// Reads `files`.
    ///
    /// # Errors
    /// [`Class::Usage`](crate::words::error::Class::Usage) for a `registries.conf` that cannot be read or understood. Files of single
    /// hosts are read when the host is asked for.
    pub(super) fn read(files: &MirrorFiles) -> Result<Mirrors> {
        let rules = conf::read(files)?;
        Ok(Mirrors { rules, hosts: files.hosts.clone() })
    }

    /// Where `repository` at `registry` is read from.
    ///
    /// # Errors
    /// As [`read`](Mirrors::read), and [`Class::Refused`](crate::words::error::Class::Refused) where
    /// nothing may be read from it.
    pub(super) fn order(&self, registry: &Registry, repository: &Repository) -> Result<PullOrder> {
        match &self.rules {
            Some(rules) => rules.order(registry, repository),
            None => hosts::order(&self.hosts, registry, repository),
        }
    }
}
