//! [`Engine`]: podman, docker or containerd on this machine, spoken to through its own command.
//!
//! The command is the interface: it finds storage, sockets, contexts and remote machines exactly
//! as the user's own calls of it do (`storage.conf`, `CONTAINER_HOST`, `DOCKER_HOST`,
//! `CONTAINERD_ADDRESS`), and it is what runs as the right user.

mod address;
mod agent;
mod answers;
mod containerd;
pub mod content;
mod docker;
mod driver;
mod inspect;
mod load;
mod named;
mod pins;
mod podman;
mod quota;
mod removal;
#[cfg(test)]
mod samples;
pub mod save;
mod scratch;
mod through;
mod trial;

use std::io::Write;

pub use self::address::Address;
pub use self::agent::{Agent, AgentKind};
pub use self::answers::{EngineImage, EngineInfo, EngineLayers, EnginePull, EngineStock, Watch};
pub use self::driver::Driver;
pub use self::named::{Engine, Storage};
pub use self::quota::left as quota_left;
pub use self::removal::EngineRemoval;
pub use self::scratch::Scratch;
pub use self::through::{PullFile, pull_through};
pub use self::trial::Trial;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// The namespace of containerd's in which Kubernetes looks.
const KUBERNETES: &str = "k8s.io";

impl Agent {
    /// Its containerd, in which images are pinned.
    #[must_use]
    pub fn engine(&self) -> Engine {
        let namespace = Some(KUBERNETES.to_owned());
        Engine::Containerd { namespace, pins: true, agent: Some(self.clone()) }
    }

    /// What is known of its containerd, which need not run.
    #[must_use]
    pub fn about(&self) -> EngineInfo {
        containerd::unasked()
    }
}

impl Driver {
    /// What it is like, and where it keeps things.
    ///
    /// # Errors
    /// When its program is not there, or cannot reach it.
    pub fn about(&self) -> Result<EngineInfo> {
        match self.engine() {
            Engine::Podman { .. } => podman::about(self),
            Engine::Docker => docker::about(self),
            Engine::Containerd { .. } => containerd::about(self),
        }
    }

    /// What it has under `name`.
    ///
    /// # Errors
    /// When it cannot tell.
    pub fn held(&self, name: &Reference) -> Result<Option<EngineImage>> {
        match self.engine() {
            Engine::Podman { .. } => podman::held(self, name),
            Engine::Docker => docker::held(self, name),
            Engine::Containerd { .. } => containerd::held(self, name),
        }
    }

    /// All images that it has; none of containerd's, whose
    /// [`ContentStore`](content::ContentStore) tells more.
    ///
    /// # Errors
    /// When it cannot tell.
    pub fn all(&self) -> Result<Vec<EngineStock>> {
        match self.engine() {
            Engine::Podman { .. } => podman::all(self),
            Engine::Docker => docker::all(self),
            Engine::Containerd { .. } => Ok(Vec::new()),
        }
    }

    /// The layers of all that it has.
    ///
    /// # Errors
    /// When it cannot tell.
    pub fn kept(&self) -> Result<EngineLayers> {
        match self.engine() {
            Engine::Podman { .. } => podman::kept(self),
            Engine::Docker => docker::kept(self),
            Engine::Containerd { .. } => containerd::kept(self),
        }
    }

    /// Pulls an image and gives it its name, which is moved if it stands for another one. Files
    /// that it needs for that are in `scratch`, which is there if [`EngineInfo::scratch`] was.
    ///
    /// # Errors
    /// The engine's own, and those of `watch`. Then the name stands for what it stood for.
    pub fn pull(
        &self,
        pull: EnginePull<'_>,
        scratch: Option<&Scratch>,
        watch: Watch<'_>,
    ) -> Result<()> {
        match (self.engine(), scratch) {
            (Engine::Docker, _) => docker::pull(self, pull, watch),
            (Engine::Podman { .. }, Some(scratch)) => podman::pull(self, pull, scratch, watch),
            (Engine::Containerd { .. }, Some(scratch)) => {
                containerd::pull(self, pull, scratch, watch)
            }
            (_, None) => Err(Error::new(Class::Other, "no folder to tell the engine from")),
        }
    }

    /// Has it load the archive that `write` writes: for an engine that cannot pull from here.
    ///
    /// # Errors
    /// Those of `write`, after which the engine was ended before it saw an end; else its own.
    pub fn load(&self, write: impl FnOnce(Box<dyn Write + Send>) -> Result<()>) -> Result<()> {
        load::load(self, write)
    }

    /// Removes what imports that were killed left behind, in it and in [`EngineInfo::scratch`].
    pub fn tidy(&self, about: &EngineInfo) {
        if *self.engine() == Engine::Docker {
            docker::tidy(self);
        }
        if let Some(folder) = &about.scratch {
            scratch::sweep(folder);
        }
    }
}
