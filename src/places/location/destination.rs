//! [`Destination`]: where images go.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::transport::{OTHER_TRANSPORTS, split_engine, unsupported};
use crate::places::engine::{Agent, Engine};
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::reference::{Registry, Repository};
use crate::words::remedy::Remedy;

/// The kinds of archive that images can be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArchiveFormat {
    /// What `docker save` writes and `docker load` takes: one platform of each image.
    Docker,
    /// An OCI image layout in a tar.
    Oci,
}

/// Where images go.
///
/// ```
/// use sealift::places::location::Destination;
///
/// let to: Destination = "docker://harbor.example/group".parse()?;
/// assert!(matches!(to, Destination::Registry { prefix: Some(_), .. }));
/// assert!("harbor.example/group".parse::<Destination>().is_err());
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destination {
    /// `docker://HOST[/PREFIX]`.
    Registry {
        /// The registry.
        registry: Registry,
        /// What every repository name begins with there.
        prefix: Option<Repository>,
    },
    /// `oci:DIR`.
    Layout {
        /// The folder.
        path: PathBuf,
    },
    /// `docker-archive:PATH` or `oci-archive:PATH`.
    Archive {
        /// Which of the two.
        format: ArchiveFormat,
        /// One file for all images; a folder (it exists, or the path ends in a slash) for a file
        /// an image; `-` for standard output.
        path: PathBuf,
    },
    /// `containers-storage:`, `docker-daemon:` or `containerd:`.
    Engine(Engine),
    /// `k3s:`, `rke2:` or `k0s:`: the folder of images of such an agent, and its containerd.
    Agent(Agent),
    /// `file:DIR`: charts and other artifacts as the files that they were.
    Files {
        /// The folder.
        path: PathBuf,
    },
}

impl Destination {
    /// Why nothing of a registry is to be had there, for people; nothing where it is one.
    #[must_use]
    pub fn beside_registries(&self) -> Option<&'static str> {
        match self {
            Destination::Registry { .. } => None,
            Destination::Layout { .. } => Some("a layout is no registry"),
            Destination::Archive { .. } => Some("an archive is no registry"),
            Destination::Engine(_) => Some("the engine is not reached as a registry"),
            Destination::Agent(_) => Some("a node is not reached as a registry"),
            Destination::Files { .. } => Some("a folder of files is no registry"),
        }
    }

    /// The same, with images labelled as pinned: the garbage collection of a Kubernetes node keeps those.
    ///
    /// # Errors
    /// [`Class::Usage`] where there are no such labels.
    pub fn pinned(self) -> Result<Destination> {
        match self {
            Destination::Agent(_) => Ok(self),
            Destination::Engine(Engine::Containerd { namespace, agent, .. }) => {
                Ok(Destination::Engine(Engine::Containerd { namespace, pins: true, agent }))
            }
            _ => Err(Error::new(Class::Usage, format!("{self} has no labels that pin images"))
                .hint(
                    "images are pinned in containerd alone, for Kubernetes in containerd:[k8s.io]",
                )),
        }
    }
}

/// Whether a name seems to stand behind the path of a destination: a colon means one, but in the
/// name of a file or folder that is there.
fn is_named(path: &str) -> bool {
    path.contains(':') && !Path::new(path).exists()
}

impl FromStr for Destination {
    type Err = Error;

    fn from_str(text: &str) -> Result<Destination> {
        let bad = || {
            Error::new(Class::Usage, format!("{text:?} is not a destination")).hint(
                "write docker://HOST[/PREFIX], containers-storage:, docker-daemon:, \
                 containerd:, k3s:, rke2:, k0s:, docker-archive:PATH, oci-archive:PATH, oci:FOLDER or \
                 file:FOLDER",
            )
        };
        if let Some(rest) = text.strip_prefix("docker://") {
            let (host, prefix) = match rest.trim_end_matches('/').split_once('/') {
                Some((host, prefix)) => (host, Some(prefix.parse()?)),
                None => (rest.trim_end_matches('/'), None),
            };
            return Ok(Destination::Registry { registry: host.parse()?, prefix });
        }
        if let Some(agent) = Agent::named(text)? {
            return Ok(Destination::Agent(agent));
        }
        if let Some((engine, rest)) = split_engine(text)? {
            return match (engine, rest) {
                (engine, "") => Ok(Destination::Engine(engine)),
                // A namespace can hardly be taken for anything else here.
                (Engine::Containerd { namespace: None, .. }, namespace) => {
                    let engine = Engine::of("containerd", Some(namespace))?;
                    engine.map(Destination::Engine).ok_or_else(bad)
                }
                _ => Err(bad().hint(phrase![
                    "name no image; ",
                    Remedy::Rules,
                    " gives images other names"
                ])),
            };
        }
        match text.split_once(':') {
            Some((transport @ ("docker-archive" | "oci-archive"), path)) => {
                let format = match transport {
                    "docker-archive" => ArchiveFormat::Docker,
                    _ => ArchiveFormat::Oci,
                };
                match path.is_empty() || is_named(path) {
                    true => Err(bad().hint(phrase![
                        "write a file or folder, without a name; ",
                        Remedy::Rules,
                        " gives other names"
                    ])),
                    false => Ok(Destination::Archive { format, path: path.into() }),
                }
            }
            Some(("oci", path)) if !path.is_empty() && !is_named(path) => {
                Ok(Destination::Layout { path: path.into() })
            }
            Some(("oci", _)) => Err(bad().hint(phrase![
                "write oci:FOLDER without a name; ",
                Remedy::Rules,
                " gives images other names"
            ])),
            Some(("file", path)) if !path.is_empty() => {
                Ok(Destination::Files { path: path.into() })
            }
            Some((transport, _)) if OTHER_TRANSPORTS.contains(&transport) => {
                Err(unsupported(text, "destination"))
            }
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Registry { registry, prefix: None } => write!(f, "docker://{registry}"),
            Destination::Registry { registry, prefix: Some(prefix) } => {
                write!(f, "docker://{registry}/{prefix}")
            }
            Destination::Layout { path } => write!(f, "oci:{}", path.display()),
            Destination::Archive { format: ArchiveFormat::Docker, path } => {
                write!(f, "docker-archive:{}", path.display())
            }
            Destination::Archive { format: ArchiveFormat::Oci, path } => {
                write!(f, "oci-archive:{}", path.display())
            }
            Destination::Engine(engine) => engine.fmt(f),
            Destination::Agent(agent) => agent.fmt(f),
            Destination::Files { path } => write!(f, "file:{}", path.display()),
        }
    }
}
