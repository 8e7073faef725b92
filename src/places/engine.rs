//! [`Engine`]: podman, docker or containerd on this machine, spoken to through its own command.
//!
//! The command is the interface: it finds storage, sockets, contexts and remote machines exactly
//! as the user's own calls of it do (`storage.conf`, `CONTAINER_HOST`, `DOCKER_HOST`,
//! `CONTAINERD_ADDRESS`), and it is what runs as the right user.

mod address;
mod containerd;
pub mod content;
mod docker;
mod driver;
mod load;
mod podman;
mod quota;
pub mod save;
mod scratch;

use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;

pub use self::address::Address;
pub use self::driver::Driver;
pub use self::quota::left as quota_left;
pub use self::scratch::Scratch;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// Which container engine and, where it was named, which storage. A [`Driver`] speaks to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Engine {
    /// `containers-storage:[STORAGE]`: podman's.
    Podman {
        /// Where it keeps images, if not where podman itself would.
        storage: Option<Storage>,
    },
    /// `docker-daemon:`.
    Docker,
    /// `containerd:[NAMESPACE]`.
    Containerd {
        /// The namespace, if not the one that `ctr` itself would take.
        namespace: Option<String>,
    },
}

/// A storage of podman's as skopeo names it: `[DRIVER@]GRAPHROOT[+RUNROOT]` (containers-transports,
/// "containers-storage").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The storage driver.
    pub driver: Option<String>,
    /// Where images are.
    pub graphroot: PathBuf,
    /// Where its locks and mounts are.
    pub runroot: Option<PathBuf>,
}

/// What there is to know about an engine before anything is brought to it.
#[derive(Debug, Clone)]
pub struct About {
    /// Of multi-platform images, what it takes by itself.
    pub platform: Platform,
    /// Where it is, when that is another machine: it cannot reach what is served here.
    pub remote: Option<String>,
    /// Where layers are unpacked to; nothing where that is not known, or not here.
    pub unpacked: Option<PathBuf>,
    /// Where layers lie as they came; nothing where that is not known, or not here.
    pub packed: Option<PathBuf>,
    /// Whether they stay there once they were unpacked.
    pub keeps_packed: bool,
    /// Whether it keeps what came of a blob that was broken off, for a day, and goes on from there.
    pub keeps_partial: bool,
    /// Whether its storage is the user's own, and so counts in the user's quota.
    pub owned: bool,
    /// Whether every layer is stored together with all those below it.
    pub stacks: bool,
    /// Whether manifests are kept, and with them the digests that registries know.
    pub keeps_manifests: bool,
    /// Whether an image may go by its digest alone.
    pub takes_untagged: bool,
    /// Whether layers compressed by zstd are unpacked.
    pub takes_zstd: bool,
    /// Whether indexes in indexes are followed.
    pub takes_nested: bool,
    /// Where a pull may keep files of its own.
    pub scratch: Option<PathBuf>,
}

/// What an engine has under a name.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// What it calls the image.
    pub id: Option<Digest>,
    /// The digests of manifests and indexes that stand for it.
    pub digests: BTreeSet<Digest>,
    /// Whether it is there whole, as far as the engine tells, under all the names it should have.
    pub whole: bool,
}

/// The layers that an engine has.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Blobs as they came.
    pub blobs: BTreeSet<Digest>,
    /// Layers unpacked, by the chain of diff IDs that ends with them (image-spec, "ChainID").
    pub chains: BTreeSet<Digest>,
    /// The blobs for which it takes what it has unpacked, if not for all: others it pulls again.
    pub pulled: Option<BTreeSet<Digest>>,
    /// Images, by their ids, of which it pulls nothing again, whatever they are called.
    pub images: BTreeSet<Digest>,
}

impl Kept {
    /// Whether it takes the layer that it has unpacked as `chain` for the blob `layer`.
    #[must_use]
    pub fn has(&self, layer: &Digest, chain: &Digest) -> bool {
        self.chains.contains(chain)
            && self.pulled.as_ref().is_none_or(|pulled| pulled.contains(layer))
    }
}

/// One image for an engine to pull.
#[derive(Debug, Clone, Copy)]
pub struct Pull<'a> {
    /// What it is to be called.
    pub name: &'a Reference,
    /// Its digest.
    pub digest: &'a Digest,
    /// Where the repositories of its host are.
    pub from: &'a Address,
    /// Which of several platforms; the engine's own when absent.
    pub platform: Option<&'a Platform>,
}

/// Asked all the while that an engine works: whether something moved, or why it is to stop.
pub type Watch<'a> = &'a mut dyn FnMut() -> Result<bool>;

/// After how many seconds, in which nothing moved, an engine is taken to hang. Unpacking a large
/// layer to a slow disk takes long, and moves nothing here.
const HANGS: u64 = 3600;

/// Whether a line of an engine's is the id of an image, and so cannot be read as an option.
fn is_id(line: &str) -> bool {
    Digest::from_hex(line.strip_prefix("sha256:").unwrap_or(line)).is_ok()
}

/// The chain IDs of layers from their diff IDs (image-spec, config.md, "Layer ChainID").
#[must_use]
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff_id in diff_ids {
        chain.push(match chain.last() {
            Some(below) => Digest::of(format!("{below} {diff_id}").as_bytes()),
            None => *diff_id,
        });
    }
    chain
}

impl Driver {
    /// What it is like, and where it keeps things.
    ///
    /// # Errors
    /// When its program is not there, or cannot reach it.
    pub fn about(&self) -> Result<About> {
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
    pub fn held(&self, name: &Reference) -> Result<Option<Held>> {
        match self.engine() {
            Engine::Podman { .. } => podman::held(self, name),
            Engine::Docker => docker::held(self, name),
            Engine::Containerd { .. } => containerd::held(self, name),
        }
    }

    /// The layers of all that it has.
    ///
    /// # Errors
    /// When it cannot tell.
    pub fn kept(&self) -> Result<Kept> {
        match self.engine() {
            Engine::Podman { .. } => podman::kept(self),
            Engine::Docker => docker::kept(self),
            Engine::Containerd { .. } => containerd::kept(self),
        }
    }

    /// Pulls an image and gives it its name, which is moved if it stands for another one. Files
    /// that it needs for that are in `scratch`, which is there if [`About::scratch`] was.
    ///
    /// # Errors
    /// The engine's own, and those of `watch`. Then the name stands for what it stood for.
    pub fn pull(&self, pull: Pull<'_>, scratch: Option<&Scratch>, watch: Watch<'_>) -> Result<()> {
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

    /// Removes what imports that were killed left behind, in it and in [`About::scratch`].
    pub fn tidy(&self, about: &About) {
        if *self.engine() == Engine::Docker {
            docker::tidy(self);
        }
        if let Some(folder) = &about.scratch {
            scratch::sweep(folder);
        }
    }
}

impl Engine {
    /// The engine of `transport`, with what its brackets held, if it is one's.
    ///
    /// # Errors
    /// [`Class::Usage`] when the brackets hold what the engine has none of.
    pub fn of(transport: &str, brackets: Option<&str>) -> Result<Option<Engine>> {
        let bad = |why: String| Err(Error::new(Class::Usage, why));
        match (transport, brackets) {
            ("containers-storage", storage) => {
                let storage = storage.map(Storage::from_str).transpose()?;
                Ok(Some(Engine::Podman { storage }))
            }
            ("docker-daemon", None) => Ok(Some(Engine::Docker)),
            ("docker-daemon", Some(_)) => bad("docker-daemon: takes no brackets".to_owned()),
            ("containerd", namespace) => match namespace {
                Some(namespace) if !is_namespace(namespace) => {
                    bad(format!("{namespace:?} is not a namespace of containerd's"))
                }
                namespace => {
                    Ok(Some(Engine::Containerd { namespace: namespace.map(str::to_owned) }))
                }
            },
            _ => Ok(None),
        }
    }

    /// The program that speaks to it.
    #[must_use]
    pub fn program(&self) -> &'static str {
        match self {
            Engine::Podman { .. } => "podman",
            Engine::Docker => "docker",
            Engine::Containerd { .. } => "ctr",
        }
    }

    /// A call of its program, up to where the verb goes. It reads nothing from standard input.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.program());
        command.stdin(Stdio::null());
        match self {
            Engine::Podman { storage: Some(storage) } => {
                command.arg("--root").arg(&storage.graphroot);
                if let Some(runroot) = &storage.runroot {
                    command.arg("--runroot").arg(runroot);
                }
                if let Some(driver) = &storage.driver {
                    command.arg("--storage-driver").arg(driver);
                }
            }
            Engine::Containerd { namespace: Some(namespace) } => {
                command.arg("--namespace").arg(namespace);
            }
            _ => {}
        }
        command
    }
}

/// Namespaces as containerd takes them (containerd, `pkg/identifiers`).
fn is_namespace(text: &str) -> bool {
    let parts = text.split(['.', '_', '-']);
    let fine = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
    text.len() <= 76 && parts.into_iter().all(fine)
}

impl FromStr for Storage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Storage> {
        let bad = || {
            Error::new(Class::Usage, format!("{text:?} names no storage of podman's"))
                .hint("write containers-storage:[DRIVER@GRAPHROOT+RUNROOT], both full paths")
        };
        let (driver, rest) = match text.split_once('@') {
            Some((driver, rest)) => (Some(driver), rest),
            None => (None, text),
        };
        let (graphroot, runroot) = match rest.split_once('+') {
            Some((graphroot, runroot)) => (graphroot, Some(runroot)),
            None => (rest, None),
        };
        let is_word = |word: &str| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let is_path = |path: &str| path.starts_with('/') && !path.contains(['+', ':', ',']);
        let fine = driver.is_none_or(|driver| !driver.is_empty() && is_word(driver))
            && is_path(graphroot)
            && runroot.is_none_or(is_path);
        match fine {
            true => Ok(Storage {
                driver: driver.map(str::to_owned),
                graphroot: graphroot.into(),
                runroot: runroot.map(PathBuf::from),
            }),
            false => Err(bad()),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Engine::Podman { storage: None } => f.write_str("containers-storage:"),
            Engine::Podman { storage: Some(storage) } => {
                write!(f, "containers-storage:[{storage}]")
            }
            Engine::Docker => f.write_str("docker-daemon:"),
            Engine::Containerd { namespace: None } => f.write_str("containerd:"),
            Engine::Containerd { namespace: Some(namespace) } => {
                write!(f, "containerd:[{namespace}]")
            }
        }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(driver) = &self.driver {
            write!(f, "{driver}@")?;
        }
        write!(f, "{}", self.graphroot.display())?;
        match &self.runroot {
            Some(runroot) => write!(f, "+{}", runroot.display()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_id_is_that_of_the_image_specification() {
        let [a, b, c] = [b"a", b"b", b"c"].map(|layer| Digest::of(layer));
        let ab = Digest::of(format!("{a} {b}").as_bytes());

        assert_eq!(chain_ids(&[a, b, c]), [a, ab, Digest::of(format!("{ab} {c}").as_bytes())]);
        assert!(chain_ids(&[]).is_empty());
    }
}
