//! What a ledger is called that was put aside: by the entries that it has.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::faults;
use super::head::LedgerHead;
use crate::tools::folder::Folder;
use crate::words::error::Result;

/// What the ledger `name` is called once it is put aside, with the entries `first` to `last`.
pub(super) fn aside(name: &OsStr, first: u64, last: u64) -> OsString {
    let path = Path::new(name);
    let mut put = path.file_stem().unwrap_or(name).to_owned();
    put.push(format!(".{first}-{last}"));
    if let Some(extension) = path.extension() {
        put.push(".");
        put.push(extension);
    }
    put
}

/// The entries that `other` has, if it is the ledger `name` that was put aside.
fn span(name: &OsStr, other: &OsStr) -> Option<(u64, u64)> {
    let text = other.to_str()?;
    let path = Path::new(name);
    let text = text.strip_prefix(path.file_stem()?.to_str()?)?.strip_prefix('.')?;
    let text = match path.extension() {
        Some(extension) => text.strip_suffix(extension.to_str()?)?.strip_suffix('.')?,
        None => text,
    };
    let (first, last) = text.split_once('-')?;
    let span = (first.parse().ok()?, last.parse().ok()?);
    (aside(name, span.0, span.1) == other).then_some(span)
}

/// Whether the ledger `name` in `folder`, of which `head` is the head, was put aside as it ends there.
pub(super) fn is_put_aside(folder: &Folder, name: &OsStr, head: &LedgerHead) -> io::Result<bool> {
    let names = folder.names()?;
    Ok(names.iter().filter_map(|other| span(name, other)).any(|it| it.1 == head.sequence))
}

/// What was put aside of the ledger `path`, the oldest first, and it itself.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let name = path.file_name().unwrap_or_default();
    let (folder, _) = match Folder::holding(path) {
        Ok(found) => found,
        // That there is none is told where it is read.
        Err(_) => return Ok(vec![path.to_owned()]),
    };
    let names = folder.names().map_err(|e| faults::unreadable(path, e))?;
    let mut found: Vec<(u64, PathBuf)> = names
        .iter()
        .filter_map(|other| Some((span(name, other)?.0, path.with_file_name(other))))
        .collect();
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).chain([path.to_owned()]).collect())
}
