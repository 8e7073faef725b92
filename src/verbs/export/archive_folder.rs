//! A folder in which each file is an archive.

use std::fs::FileType;
use std::path::Path;

use crate::places::docker_archive::DOCKER_INDEX;
use crate::words::error::{Class, Error};

/// Whether `path` is a folder in which each file is an archive, not one archive unpacked; nor a
/// layout, of which opening it as an archive tells.
pub(super) fn is_folder_of_archives(path: &Path) -> bool {
    path.is_dir() && ![DOCKER_INDEX, "oci-layout"].iter().any(|file| path.join(file).exists())
}

/// Why `path`, which is no file, is no archive of the folder that it stands in.
pub(super) fn no_archive(path: &Path, kind: FileType) -> Error {
    let (what, hint) = match kind {
        kind if kind.is_symlink() => ("link", "name what it leads to as a source of its own"),
        kind if kind.is_dir() => ("folder", "name it as a source of its own"),
        _ => ("device, pipe or socket", "move it elsewhere"),
    };
    let text = format!("{} is a {what}, and is not looked into", path.display());
    Error::new(Class::Refused, text).hint(hint)
}

/// Whether nothing can be left behind in `path`.
pub(super) fn is_empty_folder(path: &Path, kind: FileType) -> bool {
    kind.is_dir() && std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
