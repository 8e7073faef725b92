//! [`Source`]: where an image comes from.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::chart::ChartAddress;
use super::transport::{OTHER_TRANSPORTS, is_stream, split_engine, unsupported};
use crate::places::engine::Engine;
use crate::words::digest::{Digest, DigestError};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

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
    /// `chart:https://REPOSITORY/NAME[:VERSION][=CALLED]`: a chart of a Helm repository.
    Chart(ChartAddress),
    /// `file:PATH[=NAME]`: a regular file, which becomes an artifact.
    File {
        /// The file.
        path: PathBuf,
        /// What the artifact is called; else by the file's name.
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
#[non_exhaustive]
pub enum Pick {
    /// By its name.
    Name(Reference),
    /// By its position in the list of images, from 0 on.
    Index(usize),
    /// By the digest of its manifest.
    Digest(Digest),
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Source> {
        if let Some(name) = text.strip_prefix("docker://") {
            return Ok(Source::Registry(name.parse()?));
        }
        if let Some(chart) = text.strip_prefix("chart:") {
            return Ok(Source::Chart(chart.parse()?));
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
            Some(("file", rest)) => {
                let (path, called) = split_file(rest)?;
                match path.is_empty() {
                    true => Err(Error::new(Class::Usage, format!("{text:?} names no path"))),
                    false => Ok(Source::File { path: path.into(), called }),
                }
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

/// The path of a file that `rest` begins with, and what it is to be called. The longest beginning that is
/// there is the path, else it ends at the last `=`.
fn split_file(rest: &str) -> Result<(&str, Option<Reference>)> {
    if Path::new(rest).exists() {
        return Ok((rest, None));
    }
    let there = rest.rmatch_indices('=').find(|(at, _)| Path::new(&rest[..*at]).exists());
    let ends = there.or_else(|| rest.rmatch_indices('=').next());
    match ends {
        Some((at, _)) => Ok((&rest[..at], Some(rest[at + 1..].parse()?))),
        None => Ok((rest, None)),
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
            | Source::DockerArchive { called: called @ None, .. }
            | Source::File { called: called @ None, .. }
            | Source::Chart(ChartAddress { called: called @ None, .. }) => *called = Some(name),
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
const KINDS: &str = "oci:, oci-archive:, docker-archive:, docker-daemon:, containers-storage:, \
                     containerd:, chart: and file:";

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
            Source::Chart(chart) => write!(f, "chart:{chart}"),
            Source::File { path, called } => {
                write!(f, "file:{}", path.display())?;
                called.as_ref().map_or(Ok(()), |called| write!(f, "={called}"))
            }
            Source::Engine { engine, name } => write!(f, "{engine}{name}"),
        }
    }
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
