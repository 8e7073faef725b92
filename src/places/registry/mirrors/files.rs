//! [`MirrorFiles`]: which files say where images are fetched from, and how such a file is read.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::words::error::{Class, Error, Result};

/// Largest configuration file that is read. Real ones have a few KiB.
const MAX_FILE: u64 = 1 << 20;

/// Files that say where images are fetched from.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct MirrorFiles {
    /// `registries.conf` files, each with its folders of further ones, in the manner of
    /// containers-registries.conf(5). The first file that is there counts; where none is, the
    /// folders of all.
    pub registries_conf: Vec<(PathBuf, Vec<PathBuf>)>,
    /// Whether the first of those files has to be there.
    pub required: bool,
    /// Folders in the manner of `/etc/containerd/certs.d`: each may hold `HOST/hosts.toml`. Read
    /// only where there is no `registries.conf` at all.
    pub hosts: Vec<PathBuf>,
}

/// The text of a configuration file; `None` when it is not there.
///
/// # Errors
/// [`Class::Usage`] when it cannot be read, is too large or no text.
pub(super) fn read_text(path: &Path) -> Result<Option<String>> {
    let file = match std::fs::File::open(path) {
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound) => return Ok(None),
        other => other.map_err(|e| broken(path, &e.to_string()))?,
    };
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text).map_err(|e| broken(path, &e.to_string()))?;
    match text.len() as u64 > MAX_FILE {
        true => Err(broken(path, "larger than 1 MiB")),
        false => Ok(Some(text)),
    }
}

pub(super) fn broken(path: &Path, why: &str) -> Error {
    Error::new(Class::Usage, format!("{}: {why}", path.display()))
        .hint("repair the file; docs/registries.md says what is read of it")
}

/// A fault of the syntax, with its line. The text itself is not repeated: it may hold secrets.
pub(super) fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> Error {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.as_bytes()[..start].iter().filter(|c| **c == b'\n').count() + 1;
    broken(path, &format!("line {line}: {}", error.message()))
}
