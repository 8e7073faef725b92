//! [`Source`] and [`Destination`]: places as the command line names them, with skopeo's
//! transport names.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Reference, Registry, Repository};

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `docker://NAME`, or a bare image name.
    Registry(Reference),
    /// `oci:DIR[:NAME]` or `oci-archive:FILE[:NAME]`: a layout, read in place. Without a name,
    /// every image in it.
    Layout {
        /// The folder or file.
        path: PathBuf,
        /// The image, as its `ref.name` annotation or its full name has it.
        name: Option<String>,
        /// Whether the text said `oci-archive:`.
        archive: bool,
    },
}

/// Where images go.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}

/// Transports of skopeo's that name a place sealift does not reach.
const OTHER_TRANSPORTS: &[&str] = &[
    "docker-archive",
    "docker-daemon",
    "containers-storage",
    "containerd",
    "dir",
    "ostree",
    "sif",
];

fn unsupported(transport: &str, what: &str) -> Error {
    Error::new(Class::Usage, format!("{what} {transport}: is not supported"))
        .hint("use docker://, oci: or oci-archive:; skopeo can convert others to oci:")
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Source> {
        if let Some(name) = text.strip_prefix("docker://") {
            return Ok(Source::Registry(name.parse()?));
        }
        if text.contains("://") {
            return Err(Error::new(Class::Usage, format!("{text:?} is not an image name"))
                .hint("write docker://HOST/REPOSITORY:TAG, without http:// or https://"));
        }
        match text.split_once(':') {
            Some((transport @ ("oci" | "oci-archive"), rest)) => {
                // As for skopeo, the path ends at the first colon.
                let (path, name) = match rest.split_once(':') {
                    Some((path, name)) => (path, Some(name.to_owned())),
                    None => (rest, None),
                };
                if path.is_empty() {
                    return Err(Error::new(Class::Usage, format!("{text:?} names no path")));
                }
                let archive = transport == "oci-archive";
                Ok(Source::Layout { path: path.into(), name, archive })
            }
            Some((transport, _)) if OTHER_TRANSPORTS.contains(&transport) => {
                Err(unsupported(transport, "source"))
            }
            _ => Ok(Source::Registry(text.parse()?)),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Registry(name) => write!(f, "docker://{name}"),
            Source::Layout { path, name, archive } => {
                let transport = if *archive { "oci-archive" } else { "oci" };
                write!(f, "{transport}:{}", path.display())?;
                name.as_ref().map_or(Ok(()), |name| write!(f, ":{name}"))
            }
        }
    }
}

impl FromStr for Destination {
    type Err = Error;

    fn from_str(text: &str) -> Result<Destination> {
        let bad = || {
            Error::new(Class::Usage, format!("{text:?} is not a destination"))
                .hint("write docker://HOST[/PREFIX] or oci:FOLDER")
        };
        if let Some(rest) = text.strip_prefix("docker://") {
            let (host, prefix) = match rest.trim_end_matches('/').split_once('/') {
                Some((host, prefix)) => (host, Some(prefix.parse()?)),
                None => (rest.trim_end_matches('/'), None),
            };
            return Ok(Destination::Registry { registry: host.parse()?, prefix });
        }
        match text.split_once(':') {
            Some(("oci", path)) if !path.is_empty() && !path.contains(':') => {
                Ok(Destination::Layout { path: path.into() })
            }
            Some(("oci", _)) => {
                Err(bad().hint("write oci:FOLDER without a name; --map gives images other names"))
            }
            Some((transport @ "oci-archive", _)) => Err(unsupported(transport, "destination")
                .hint("a packed bundle (export -o NAME.tar) is an oci-archive already")),
            Some((transport, _)) if OTHER_TRANSPORTS.contains(&transport) => {
                Err(unsupported(transport, "destination"))
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_skopeos_names() {
        for (text, shown) in [
            ("alpine", "docker://docker.io/library/alpine:latest"),
            ("docker://alpine:3.20", "docker://docker.io/library/alpine:3.20"),
            ("localhost:5000/a", "docker://localhost:5000/a:latest"),
            ("oci:/x/y", "oci:/x/y"),
            ("oci:/x/y:docker.io/library/a:1", "oci:/x/y:docker.io/library/a:1"),
            ("oci-archive:x.tar:a", "oci-archive:x.tar:a"),
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), shown);
        }
        for bad in ["https://x.io/a", "oci:", "docker-daemon:x", "dir:x", ""] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }

    #[test]
    fn destinations_are_hosts_with_a_prefix_or_folders() {
        for (text, shown) in [
            ("docker://h.example/group", "docker://h.example/group"),
            ("docker://localhost:5000/", "docker://localhost:5000"),
            ("oci:x/y", "oci:x/y"),
        ] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), shown);
        }
        for bad in ["docker://", "docker://h/UPPER", "h.example/group", "oci:", "oci:x:y", "x"] {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
    }
}
