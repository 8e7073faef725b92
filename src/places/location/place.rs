//! [`Place`]: a place as a whole, with all the images in it.

use std::fmt;
use std::str::FromStr;

use super::source::Source;
use super::transport::split_engine;
use crate::places::engine::{Agent, Engine};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Reference, Registry, Repository};

/// A place with images, of which all are meant or, where it says so, one.
///
/// ```
/// use sealift::places::location::Place;
///
/// let place: Place = "docker://harbor.example/group".parse()?;
/// assert!(matches!(place, Place::Registry { path: Some(_), .. }));
/// assert!(matches!("containers-storage:".parse()?, Place::Engine(_)));
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// `docker://HOST[/PATH]`: every repository, or those that are called so or lie below.
    Registry {
        /// The registry.
        registry: Registry,
        /// Where in it.
        path: Option<Repository>,
    },
    /// `docker://HOST/REPOSITORY:TAG`, or with a digest: one image.
    Image(Reference),
    /// `oci:`, `oci-archive:` or `docker-archive:`, with a path; or one image of an engine.
    Local(Source),
    /// `containers-storage:`, `docker-daemon:` or `containerd:`; `k3s:`, `rke2:` or `k0s:` for the containerd
    /// that such an agent runs.
    Engine(Engine),
}

impl FromStr for Place {
    type Err = Error;

    fn from_str(text: &str) -> Result<Place> {
        let bad = || {
            Error::new(Class::Usage, format!("{text:?} is no place with images")).hint(
                "write docker://HOST[/PATH], oci:DIR, oci-archive:FILE, docker-archive:FILE, \
                 containers-storage:, docker-daemon:, containerd:, k3s:, rke2: or k0s:",
            )
        };
        if let Some(rest) = text.strip_prefix("docker://") {
            let rest = rest.trim_end_matches('/');
            return Ok(match rest.split_once('/') {
                None => Place::Registry { registry: rest.parse()?, path: None },
                Some((_, path)) if path.contains([':', '@']) => Place::Image(rest.parse()?),
                Some((host, path)) => {
                    Place::Registry { registry: host.parse()?, path: Some(path.parse()?) }
                }
            });
        }
        if let Some(agent) = Agent::named(text)? {
            return Ok(Place::Engine(agent.engine()));
        }
        if let Some((engine, "")) = split_engine(text)? {
            return Ok(Place::Engine(engine));
        }
        match text.parse()? {
            Source::Registry(_) | Source::Chart(_) | Source::File { .. } => Err(bad()),
            source => Ok(Place::Local(source)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Registry { registry, path: None } => write!(f, "docker://{registry}"),
            Place::Registry { registry, path: Some(path) } => {
                write!(f, "docker://{registry}/{path}")
            }
            Place::Image(name) => write!(f, "docker://{name}"),
            Place::Local(source) => source.fmt(f),
            Place::Engine(engine) => engine.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_as_sources_and_destinations_are() {
        for (text, shown) in [
            ("docker://h.example:5000", "docker://h.example:5000"),
            ("docker://h.example/", "docker://h.example"),
            ("docker://h.example/a/b", "docker://h.example/a/b"),
            ("docker://h.example/a/b:1", "docker://h.example/a/b:1"),
            ("oci:x/y", "oci:x/y"),
            ("oci-archive:x.tar:a:1", "oci-archive:x.tar:a:1"),
            ("docker-archive:x.tar", "docker-archive:x.tar"),
            ("docker-daemon:", "docker-daemon:"),
            ("docker-daemon:alpine", "docker-daemon:alpine"),
            ("containerd:[k8s.io]", "containerd:[k8s.io]"),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), shown);
        }
        for bad in ["", "alpine", "h.example/a", "docker://", "docker://h/UPPER", "oci:", "dir:x"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
