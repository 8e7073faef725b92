//! [`EngineRemoval`]: an engine, to take names away from. What they stood for it removes by itself,
//! where nothing else needs it.

use std::collections::BTreeMap;

use super::containerd::has_other_tag;
use super::driver::Driver;
use super::named::Engine;
use crate::storage::holdings::Held;
use crate::storage::removal::ImageRemoval;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::Result;
use crate::words::reference::Reference;

/// An engine that names are taken away from.
#[derive(Debug)]
pub struct EngineRemoval {
    driver: Driver,
    /// The names that it is asked for, each with all that an image may be called that was brought
    /// under it, and the digest of that image.
    names: BTreeMap<Reference, BTreeMap<Digest, Digest>>,
}

impl EngineRemoval {
    /// The engine that `driver` speaks to. It is asked for `names` alone: each with the digests of
    /// manifests, indexes and configs that an image was brought under it with, and what that is.
    #[must_use]
    pub fn of(
        driver: Driver,
        names: BTreeMap<Reference, BTreeMap<Digest, Digest>>,
    ) -> EngineRemoval {
        EngineRemoval { driver, names }
    }
}

impl ImageRemoval for EngineRemoval {
    fn names(&self) -> Result<Vec<Reference>> {
        Ok(self.names.keys().cloned().collect())
    }

    /// The image as bundles call it, where it is one that was brought; else what the engine calls it.
    fn stands_for(&self, name: &Reference) -> Result<Held> {
        let Some(held) = self.driver.held(name)? else { return Ok(Held::Nothing) };
        let called = || held.digests.iter().chain(&held.id);
        let brought = self.names.get(name);
        let known = called().find_map(|digest| brought?.get(digest));
        let found = known.or_else(|| called().next()).copied();
        Ok(found.map_or(Held::Withheld(None), Held::Known))
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
        let Some(held) = self.driver.held(name)? else { return Ok(()) };
        self.forget(name)?;
        if matches!(self.driver.engine(), Engine::Containerd { .. })
            && let Some(digest) = held.id
        {
            // An import gives each image a second name, by its digest.
            let other = Reference { tag: None, digest: Some(digest), ..name.clone() };
            if other != *name && !has_other_tag(&self.driver, name, &digest)? {
                self.forget(&other)?;
            }
        }
        Ok(())
    }

    fn remove(&self, _: &Descriptor) -> Result<()> {
        Ok(())
    }
}

impl EngineRemoval {
    /// Has the engine forget `name`, without force: what a container uses stays.
    fn forget(&self, name: &Reference) -> Result<()> {
        let mut command = self.driver.command();
        match self.driver.engine() {
            Engine::Podman { .. } | Engine::Docker => command.args(["image", "rm"]),
            Engine::Containerd { .. } => command.args(["images", "rm"]),
        };
        command.arg(name.to_string());
        let what = format!("{} cannot remove {name}", self.driver.engine().program());
        self.driver.answer(command, &what).map(drop)
    }
}
