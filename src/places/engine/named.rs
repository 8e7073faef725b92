//! [`Engine`]: which engine is meant, and the command that speaks to it.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;

use super::agent::Agent;
use crate::words::error::{Class, Error, Result};

/// Which container engine and, where it was named, which storage. A [`Driver`](super::Driver) speaks to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
        /// Whether images get the label by which the garbage collection of a node keeps them.
        pins: bool,
        /// Whose it is, where that is no containerd of the machine's own.
        agent: Option<Agent>,
    },
}

/// A storage of podman's as skopeo names it: `[DRIVER@]GRAPHROOT[+RUNROOT]` (containers-transports,
/// "containers-storage").
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Storage {
    /// The storage driver.
    pub driver: Option<String>,
    /// Where images are.
    pub graphroot: PathBuf,
    /// Where its locks and mounts are.
    pub runroot: Option<PathBuf>,
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
                namespace => Ok(Some(Engine::containerd(namespace))),
            },
            _ => Ok(None),
        }
    }

    /// The containerd of this machine, with its `namespace` if not the one that `ctr` itself would take.
    #[must_use]
    pub fn containerd(namespace: Option<&str>) -> Engine {
        let namespace = namespace.map(str::to_owned);
        Engine::Containerd { namespace, pins: false, agent: None }
    }

    /// Whether images are pinned in it.
    #[must_use]
    pub fn pins(&self) -> bool {
        matches!(self, Engine::Containerd { pins: true, .. })
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
        let mut command = match self {
            Engine::Containerd { agent: Some(agent), .. } => agent.ctr(),
            _ => Command::new(self.program()),
        };
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
            Engine::Containerd { namespace: Some(namespace), .. } => {
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
            Engine::Containerd { agent: Some(agent), .. } => agent.fmt(f),
            Engine::Containerd { namespace: None, .. } => f.write_str("containerd:"),
            Engine::Containerd { namespace: Some(namespace), .. } => {
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
