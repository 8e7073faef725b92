//! A ledger is put aside: the file gets a name that says which entries it has, and the next one goes on
//! from it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use super::entry::{LedgerEntry, LedgerScribe};
use super::event::{LedgerEvent, LedgerStage, LedgerVerb};
use super::faults;
use super::head::{LedgerHead, MODE};
use super::settled::Settled;
use crate::tools::folder::{Folder, Replace};
use crate::words::error::Result;

impl Settled {
    /// Puts the file aside, begins the next, and gives the name of the one that was put aside.
    pub(super) fn rotate(&mut self, scribe: &LedgerScribe) -> Result<PathBuf> {
        let nothing = || faults::nothing(&self.path);
        let (last, _) = self.last.ok_or_else(nothing)?;
        let disk = |e: io::Error| faults::disk(&self.path, e);
        let old = self.folder.file(&self.name).map_err(disk)?;
        // What a crash left in the first line has no number, and there is none before 1.
        let first = LedgerEntry::first_in(&old).map_err(disk)?.map_or(1, |it| it.sequence);
        let aside = aside(&self.name, first, last);
        self.folder.rename(&self.name, &aside, &old, Replace::No).map_err(disk)?;
        self.folder.sync()?;
        let file = self.folder.create(&self.name, MODE).map_err(disk)?;
        self.go_on_in(file);
        self.begin(scribe)?;
        Ok(self.folder.at(&aside))
    }

    /// Begins the next file where something ended that.
    pub(super) fn finish_rotation(&mut self, scribe: &LedgerScribe) -> Result<()> {
        match self.is_put_aside {
            true => {
                self.is_put_aside = false;
                self.begin(scribe)
            }
            false => Ok(()),
        }
    }

    fn begin(&mut self, scribe: &LedgerScribe) -> Result<()> {
        self.write(LedgerEvent::new(LedgerVerb::Rotate, LedgerStage::Done), scribe)?;
        self.folder.sync()
    }
}

/// What the ledger `name` is called once it is put aside, with the entries `first` to `last`.
fn aside(name: &OsStr, first: u64, last: u64) -> OsString {
    let path = Path::new(name);
    let mut aside = path.file_stem().unwrap_or(name).to_owned();
    aside.push(format!(".{first}-{last}"));
    if let Some(extension) = path.extension() {
        aside.push(".");
        aside.push(extension);
    }
    aside
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
    let mut aside: Vec<(u64, PathBuf)> = names
        .iter()
        .filter_map(|other| Some((span(name, other)?.0, path.with_file_name(other))))
        .collect();
    aside.sort();
    Ok(aside.into_iter().map(|(_, path)| path).chain([path.to_owned()]).collect())
}
