//! [`ArchiveFile`]: an archive that is to be written, and the room that it takes.

use std::path::{Path, PathBuf};

use super::super::filing::Filing;
use crate::bundle::contents::{Contents, Image};
use crate::tools::room;
use crate::words::at::At;
use crate::words::error::Result;
use crate::words::reference::Reference;
use crate::work::plan::{Obstacle, Plan};

/// One archive that is to be written.
pub(super) struct ArchiveFile {
    /// Its file; standard output if none.
    pub(super) path: Option<PathBuf>,
    /// Its images, with their new names.
    pub(super) images: Vec<(At<Image>, Reference)>,
}

impl ArchiveFile {
    /// Its name, for people.
    pub(super) fn name(&self) -> String {
        self.path.as_ref().map_or("standard output".to_owned(), |path| path.display().to_string())
    }

    /// Its images of `contents`, with the names that its list has for them: `by_digest` too, where that is
    /// wanted.
    pub(super) fn listed(
        &self,
        contents: &Contents,
        by_digest: bool,
    ) -> Vec<(At<Image>, Reference)> {
        let pinned = self.images.iter().filter(|(_, to)| by_digest && to.tag.is_some());
        let pinned = pinned.map(|(at, to)| {
            let digest = Some(at.of(&contents.images).digest);
            (*at, Reference { tag: None, digest, ..to.clone() })
        });
        self.images.iter().cloned().chain(pinned).collect()
    }
}

/// How many bytes go into files of which each has its size in `rooms`, but for what nobody has.
pub(super) fn sent(rooms: &[u64], plan: &Plan) -> u64 {
    let sent = At::along(rooms).filter(|(at, _)| plan.sends(*at));
    let sent = sent.fold(0u64, |sum, (_, size)| sum.saturating_add(*size));
    sent.saturating_sub(plan.lacking.bytes)
}

/// Why what is to come does not fit into `folder`, if it does not. How much of it gzip saves is not
/// known before.
pub(super) fn shortage(
    folder: &Path,
    filing: &Filing,
    path: &Path,
    files: &[ArchiveFile],
    rooms: &[u64],
    plan: &Plan,
) -> Vec<Obstacle> {
    let sent = At::along(files.iter().zip(rooms)).filter(|(at, _)| plan.sends(*at));
    let plain = sent.filter(|_| !filing.gzip);
    let fits = plain.map(|(_, (file, size))| room::check_file(folder, *size, &file.name()));
    let what = format!("at the destination {}", path.display());
    let room = room::check(folder, needed(files, rooms, plan), &what)
        .map_err(|e| e.hint("free some, or name a place on another disk"));
    fits.chain([room]).filter_map(Result::err).map(|e| Obstacle::known(&e)).collect()
}

/// The most bytes that the files need at any moment beyond what is there: each is written beside
/// the one that it replaces.
pub(super) fn needed(files: &[ArchiveFile], rooms: &[u64], plan: &Plan) -> u64 {
    let (mut most, mut grown) = (0, 0);
    for (at, (file, size)) in At::along(files.iter().zip(rooms)) {
        if !plan.sends(at) {
            continue;
        }
        let old = file.path.as_ref().and_then(|path| std::fs::symlink_metadata(path).ok());
        let with = i128::from(*size) + grown;
        most = most.max(with);
        grown = with - old.map_or(0, |old| i128::from(old.len()));
    }
    u64::try_from(most.max(0)).unwrap_or(u64::MAX)
}
