//! [`Source`] and [`Destination`]: places as the command line names them, with skopeo's
//! transport names.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::engine::Engine;
use crate::words::digest::{Digest, DigestError};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Reference, Registry, Repository};

/// Where an image comes from.
///
/// ```
/// use sealift::places::location::Source;
///
/// let image: Source = "quay.io/org/app:1.2".parse()?;
/// assert_eq!(image.to_string(), "docker://quay.io/org/app:1.2");
/// assert!(matches!("oci:build/layout".parse()?, Source::Layout { name: None, .. }));
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
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
        /// What the one image is called from now on.
        called: Option<Reference>,
    },
    /// `docker-archive:PATH[:NAME|:@INDEX|:@DIGEST]`: what `docker save` writes, plain, gzip or
    /// zstd; or a folder of such files. Without a name, every image in it.
    DockerArchive {
        /// The file or folder; `-` for standard input.
        path: PathBuf,
        /// One of its images.
        image: Option<Pick>,
        /// What the one image is called from now on.
        called: Option<Reference>,
    },
    /// `containers-storage:NAME`, `docker-daemon:NAME` or `containerd:NAME`.
    Engine {
        /// Who has it.
        engine: Engine,
        /// The image as the engine calls it: a name or an id.
        name: String,
    },
}

/// An image of an archive with several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// By its name.
    Name(Reference),
    /// By its place in the list of images, from 0 on.
    Index(usize),
    /// By the digest of its manifest.
    Digest(Digest),
}

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
        }
    }
}

/// Whether `path`, of an archive, stands for a standard stream. A file of that name is `./-`.
#[must_use]
pub fn is_stream(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Transports of skopeo's that name a place sealift does not reach.
const OTHER_TRANSPORTS: &[&str] = &["dir", "ostree", "sif"];

fn unsupported(text: &str, what: &str) -> Error {
    let (transport, path) = text.split_once(':').unwrap_or((text, ""));
    let error = Error::new(Class::Usage, format!("{what} {transport}: is not supported"));
    match (what, transport) {
        ("source", "dir") => error.hint(format!(
            "write it anew with skopeo copy --all dir:{path} oci:NEW:TAG, and name oci:NEW"
        )),
        _ => error.hint("use docker://, oci: or oci-archive:; skopeo can convert others to oci:"),
    }
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Source> {
        if let Some(name) = text.strip_prefix("docker://") {
            return Ok(Source::Registry(name.parse()?));
        }
        // The images of a layout may be called anything.
        let is_local = |place: &str| text.starts_with(place);
        if text.contains("://") && !["oci:", "oci-archive:"].into_iter().any(is_local) {
            return Err(Error::new(Class::Usage, format!("{text:?} is not an image name"))
                .hint("write docker://HOST/REPOSITORY:TAG, without http:// or https://"));
        }
        if let Some((engine, name)) = split_engine(text)? {
            return match name.is_empty() {
                true => Err(Error::new(Class::Usage, format!("{text:?} names no image"))
                    .hint("write the image's name or id behind it")),
                false => Ok(Source::Engine { engine, name: name.to_owned() }),
            };
        }
        match text.split_once(':') {
            Some((transport @ ("docker-archive" | "oci" | "oci-archive"), rest)) => {
                let (path, rest) = split_path(rest);
                if path.is_empty() {
                    return Err(Error::new(Class::Usage, format!("{text:?} names no path")));
                }
                let (name, called) = split_called(rest)?;
                let path = path.into();
                Ok(match transport {
                    "docker-archive" => {
                        let image = name.map(str::parse).transpose()?;
                        Source::DockerArchive { path, image, called }
                    }
                    _ => {
                        let (name, archive) = (name.map(str::to_owned), transport != "oci");
                        Source::Layout { path, name, archive, called }
                    }
                })
            }
            Some((transport, _)) if OTHER_TRANSPORTS.contains(&transport) => {
                Err(unsupported(text, "source"))
            }
            Some((transport, rest)) if is_transport(transport, rest) => {
                Err(Error::new(Class::Usage, format!("{transport:?} is no kind of place"))
                    .hint(format!("write one of {KINDS}, or docker://NAME for an image")))
            }
            _ => Ok(Source::Registry(text.parse()?)),
        }
    }
}

/// The path that `rest` begins with, and what is behind it. File names may hold colons, names of
/// images do: the longest beginning that is there is the path, else it ends at the first colon, as
/// for skopeo.
fn split_path(rest: &str) -> (&str, &str) {
    let ends = || rest.match_indices([':', '=']).map(|(at, _)| at);
    let is_there = |end: &usize| {
        let path = Path::new(&rest[..*end]);
        is_stream(path) || path.exists()
    };
    let mut all: Vec<usize> = ends().collect();
    all.push(rest.len());
    let end = all.into_iter().rev().find(is_there).or_else(|| ends().next());
    rest.split_at(end.unwrap_or(rest.len()))
}

/// Of what stands behind a path: the image, and what it is to be called.
fn split_called(rest: &str) -> Result<(Option<&str>, Option<Reference>)> {
    if let Some(called) = rest.strip_prefix('=') {
        return Ok((None, Some(called.parse()?)));
    }
    let Some(rest) = rest.strip_prefix(':') else { return Ok((None, None)) };
    match rest.rsplit_once('=') {
        Some((name, called)) => Ok((Some(name), Some(called.parse()?))),
        None => Ok((Some(rest), None)),
    }
}

impl Source {
    /// The same place, whose one image is called `name` from now on.
    ///
    /// # Errors
    /// [`Class::Usage`] for a place whose images have their names, and where it has one already.
    pub fn called(mut self, name: Reference) -> Result<Source> {
        match &mut self {
            Source::Layout { called: called @ None, .. }
            | Source::DockerArchive { called: called @ None, .. } => *called = Some(name),
            _ => {
                let text = format!("{self} has its name");
                return Err(Error::new(Class::Usage, text)
                    .hint("an image of an archive or a layout can be given another one"));
            }
        }
        Ok(self)
    }
}

/// Whether `transport:rest` can hardly mean an image and its tag: no tag has a slash or a colon.
fn is_transport(transport: &str, rest: &str) -> bool {
    let word =
        !transport.is_empty() && transport.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let path = rest.contains('/') || rest.contains(':') || rest.is_empty();
    let port = rest
        .split('/')
        .next()
        .is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    word && path && !port
}

/// The kinds of places besides registries.
const KINDS: &str = "oci:, oci-archive:, docker-archive:, docker-daemon:, containers-storage: and \
                     containerd:";

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Registry(name) => write!(f, "docker://{name}"),
            Source::Layout { path, name, archive, called } => {
                let transport = if *archive { "oci-archive" } else { "oci" };
                write!(f, "{transport}:{}", path.display())?;
                name.as_ref().map_or(Ok(()), |name| write!(f, ":{name}"))?;
                called.as_ref().map_or(Ok(()), |called| write!(f, "={called}"))
            }
            Source::DockerArchive { path, image, called } => {
                write!(f, "docker-archive:{}", path.display())?;
                image.as_ref().map_or(Ok(()), |image| write!(f, ":{image}"))?;
                called.as_ref().map_or(Ok(()), |called| write!(f, "={called}"))
            }
            Source::Engine { engine, name } => write!(f, "{engine}{name}"),
        }
    }
}

/// The engine that `text` begins with, and what comes behind it: `TRANSPORT:` and, in brackets, a
/// storage or a namespace.
fn split_engine(text: &str) -> Result<Option<(Engine, &str)>> {
    let Some((transport, rest)) = text.split_once(':') else { return Ok(None) };
    let (brackets, rest) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((brackets, rest)) => (Some(brackets), rest),
        None => (None, rest),
    };
    Ok(Engine::of(transport, brackets)?.map(|engine| (engine, rest)))
}

impl FromStr for Pick {
    type Err = Error;

    fn from_str(text: &str) -> Result<Pick> {
        let Some(index) = text.strip_prefix('@') else {
            return match text.parse::<Digest>() {
                Ok(digest) => Ok(Pick::Digest(digest)),
                Err(e @ DigestError::Algorithm(_)) => Err(e.into_error(Class::Usage)),
                Err(DigestError::Grammar) => Ok(Pick::Name(text.parse()?)),
            };
        };
        let bad = || Error::new(Class::Usage, format!("{text:?} is no place in an archive"));
        match index.parse::<Digest>() {
            Ok(digest) => return Ok(Pick::Digest(digest)),
            Err(e @ DigestError::Algorithm(_)) => return Err(e.into_error(Class::Usage)),
            Err(DigestError::Grammar) => {}
        }
        index.parse().map(Pick::Index).map_err(|_| bad().hint("write @0 for the first image"))
    }
}

impl fmt::Display for Pick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pick::Name(name) => write!(f, "{name}"),
            Pick::Index(index) => write!(f, "@{index}"),
            Pick::Digest(digest) => write!(f, "@{digest}"),
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
                       containerd:, docker-archive:PATH, oci-archive:PATH or oci:FOLDER",
            )
        };
        if let Some(rest) = text.strip_prefix("docker://") {
            let (host, prefix) = match rest.trim_end_matches('/').split_once('/') {
                Some((host, prefix)) => (host, Some(prefix.parse()?)),
                None => (rest.trim_end_matches('/'), None),
            };
            return Ok(Destination::Registry { registry: host.parse()?, prefix });
        }
        if let Some((engine, rest)) = split_engine(text)? {
            return match (engine, rest) {
                (engine, "") => Ok(Destination::Engine(engine)),
                // A namespace can hardly be taken for anything else here.
                (Engine::Containerd { namespace: None }, namespace) => {
                    let engine = Engine::of("containerd", Some(namespace))?;
                    engine.map(Destination::Engine).ok_or_else(bad)
                }
                _ => Err(bad().hint("name no image; --map gives images other names")),
            };
        }
        match text.split_once(':') {
            Some((transport @ ("docker-archive" | "oci-archive"), path)) => {
                let format = match transport {
                    "docker-archive" => ArchiveFormat::Docker,
                    _ => ArchiveFormat::Oci,
                };
                match path.is_empty() || is_named(path) {
                    true => Err(bad()
                        .hint("write a file or folder, without a name; --map gives other names")),
                    false => Ok(Destination::Archive { format, path: path.into() }),
                }
            }
            Some(("oci", path)) if !path.is_empty() && !is_named(path) => {
                Ok(Destination::Layout { path: path.into() })
            }
            Some(("oci", _)) => {
                Err(bad().hint("write oci:FOLDER without a name; --map gives images other names"))
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
            ("oci:x:http://host/x:1", "oci:x:http://host/x:1"),
            ("docker-archive:x.img", "docker-archive:x.img"),
            ("docker-archive:-", "docker-archive:-"),
            ("docker-archive:x:alpine", "docker-archive:x:docker.io/library/alpine:latest"),
            ("docker-archive:x:@2", "docker-archive:x:@2"),
            ("docker-daemon:alpine:3.20", "docker-daemon:alpine:3.20"),
            ("containers-storage:91ef0af61f39", "containers-storage:91ef0af61f39"),
            ("containers-storage:[vfs@/a+/b]x", "containers-storage:[vfs@/a+/b]x"),
            ("containerd:[k8s.io]quay.io/a/b:1", "containerd:[k8s.io]quay.io/a/b:1"),
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), shown);
        }
        for bad in [
            "https://x.io/a",
            "oci:",
            "docker-daemon:",
            "docker-daemon:[x]y",
            "docker-archive:",
            "docker-archive:x:@y",
            "containers-storage:[relative]x",
            "containers-storage:[a b@/x]y",
            "containerd:[-]x",
            "dir:x",
            "docker-archve:x/y.tar",
            "podman:quay.io/a/b:1",
            "",
        ] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_with_colons_is_one_where_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["app:1.0.tar", "reg:5000_a=b.tar", "both", "both:1"] {
            std::fs::write(at(name), "").unwrap();
        }
        let read = |text: &str| match text.parse().unwrap() {
            Source::DockerArchive { path, image, called } => {
                let image = image.map(|image| image.to_string());
                (path.display().to_string(), image, called.map(|called| called.to_string()))
            }
            other => panic!("{other}"),
        };
        let some = |text: &str| Some(text.to_owned());
        for (text, name, image, called) in [
            ("app:1.0.tar", "app:1.0.tar", None, None),
            ("app:1.0.tar:@0", "app:1.0.tar", some("@0"), None),
            (
                "reg:5000_a=b.tar:a:1=c:2",
                "reg:5000_a=b.tar",
                some(A),
                some("docker.io/library/c:2"),
            ),
            ("both:1", "both:1", None, None),
            ("both:1:@1", "both:1", some("@1"), None),
            ("both:2", "both", some("docker.io/library/2:latest"), None),
            ("both=c:2", "both", None, some("docker.io/library/c:2")),
            ("none:1", "none", some("docker.io/library/1:latest"), None),
            ("none=c:2", "none", None, some("docker.io/library/c:2")),
        ] {
            let found = read(&format!("docker-archive:{}", at(text)));
            assert_eq!(found, (at(name), image, called), "{text}");
        }
        assert_eq!(read("docker-archive:-=c:2").0, "-");
        for text in ["oci-archive", "docker-archive", "oci"] {
            let is_fine =
                |name: &str| format!("{text}:{}", at(name)).parse::<Destination>().is_ok();
            assert!(is_fine("app:1.0.tar") && !is_fine("none:1"), "{text}");
        }
        let named = "oci:x".parse::<Source>().unwrap().called("a:1".parse().unwrap()).unwrap();
        assert_eq!(named.to_string(), format!("oci:x={A}"));
        assert_eq!(named.called("b:1".parse().unwrap()).unwrap_err().class(), Class::Usage);
    }

    const A: &str = "docker.io/library/a:1";

    #[test]
    fn a_dash_is_a_stream_and_a_path_with_a_dash_is_not() {
        let stream = |text: &str| is_stream(Path::new(text));

        assert!(stream("-"));
        assert!(!stream("-/") && !stream("./-") && !stream("--"));
    }

    #[test]
    fn destinations_are_hosts_with_a_prefix_folders_archives_or_engines() {
        for (text, shown) in [
            ("docker://h.example/group", "docker://h.example/group"),
            ("docker://localhost:5000/", "docker://localhost:5000"),
            ("oci:x/y", "oci:x/y"),
            ("docker-archive:x/", "docker-archive:x/"),
            ("oci-archive:-", "oci-archive:-"),
            ("containers-storage:", "containers-storage:"),
            ("containers-storage:[overlay@/a]", "containers-storage:[overlay@/a]"),
            ("docker-daemon:", "docker-daemon:"),
            ("containerd:", "containerd:"),
            ("containerd:k8s.io", "containerd:[k8s.io]"),
            ("containerd:[k8s.io]", "containerd:[k8s.io]"),
        ] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), shown);
        }
        for bad in [
            "docker://",
            "docker://h/UPPER",
            "h.example/group",
            "oci:",
            "oci:x:y",
            "docker-archive:x:y",
            "docker-daemon:x",
            "containers-storage:x",
            "containerd:a/b",
            "x",
        ] {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
    }
}
