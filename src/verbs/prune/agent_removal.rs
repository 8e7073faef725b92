//! [`AgentRemoval`]: a node of K3s, RKE2 or k0s, to take images away from: first their archives, from which it
//! would import them again, then what its containerd has, where that runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::medium::tree::Tree;
use crate::places::engine::{Agent, EngineRemoval};
use crate::places::layout::Layout;
use crate::storage::holdings::Held;
use crate::storage::removal::ImageRemoval;
use crate::tools::folder::Folder;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Error, Result};
use crate::words::reference::Reference;
use crate::work::template::Template;

/// A node that images are taken away from.
pub(super) struct AgentRemoval {
    /// Its folder of archives.
    images: PathBuf,
    template: Template,
    /// Its containerd, where that runs.
    now: Option<EngineRemoval>,
    /// The names that it is asked for, each with what was brought under it last.
    names: BTreeMap<Reference, Digest>,
}

impl AgentRemoval {
    /// The folder of `agent`, and its containerd `now`, if that runs: asked for `names`, each with what was
    /// brought under it last.
    ///
    /// # Errors
    /// When this user may not ask whether it runs.
    pub(super) fn of(
        agent: &Agent,
        now: EngineRemoval,
        names: BTreeMap<Reference, Digest>,
    ) -> Result<AgentRemoval> {
        let now = agent.runs()?.then_some(now);
        let template = Template::parse(agent.file_names())?;
        Ok(AgentRemoval { images: agent.images(), template, now, names })
    }

    /// The archive of `name`.
    fn archive(&self, name: &Reference, last: &Digest) -> Result<PathBuf> {
        Ok(self.images.join(self.template.file_name(name, last)?))
    }
}

/// What the archive at `path` has under `name`; nothing where it is not there, or is none of ours.
fn filed(path: &Path, name: &Reference) -> Result<Option<Digest>> {
    if !path.exists() {
        return Ok(None);
    }
    let (folder, file) = Folder::holding(path)?;
    let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
    let tar = folder.file(&file).map_err(fault)?;
    let layout = Tree::of_tar(path, tar.into()).and_then(Layout::open);
    let Ok(layout) = layout else { return Ok(None) };
    let mut entries = layout.entries().iter();
    let found = entries.find(|entry| entry.name.as_ref() == Some(name));
    Ok(found.map(|entry| entry.descriptor.digest))
}

impl ImageRemoval for AgentRemoval {
    fn names(&self) -> Result<Vec<Reference>> {
        Ok(self.names.keys().cloned().collect())
    }

    /// What both have, or what one of them has that was not brought last.
    fn stands_for(&self, name: &Reference) -> Result<Held> {
        let Some(last) = self.names.get(name) else { return Ok(Held::Nothing) };
        let filed = filed(&self.archive(name, last)?, name)?;
        let now = self.now.as_ref().map_or(Ok(Held::Nothing), |now| now.stands_for(name))?;
        Ok(match (now, filed) {
            (Held::Nothing, Some(filed)) => Held::Known(filed),
            (Held::Known(now), Some(filed)) if now == *last => Held::Known(filed),
            (now, _) => now,
        })
    }

    fn look_into(&self, _: &Digest) -> Result<Option<Document>> {
        Ok(None)
    }

    fn is_there(&self, _: &Descriptor) -> Result<bool> {
        Ok(false)
    }

    fn referring(&self, _: &Descriptor) -> Result<Vec<Digest>> {
        Ok(Vec::new())
    }

    fn parts_names(&self) -> Result<bool> {
        Ok(true)
    }

    fn unname(&self, name: &Reference) -> Result<()> {
        let Some(last) = self.names.get(name) else { return Ok(()) };
        let path = self.archive(name, last)?;
        if filed(&path, name)?.is_some() {
            let fault = |e| Error::io(format!("cannot remove {}", path.display()), e);
            let (folder, file) = Folder::holding(&path)?;
            folder.remove(file).map_err(fault)?;
            folder.sync()?;
        }
        self.now.as_ref().map_or(Ok(()), |now| now.unname(name))
    }

    fn remove(&self, _: &Descriptor) -> Result<()> {
        Ok(())
    }
}
