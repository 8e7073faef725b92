//! [`Entries`]: what listing a medium finds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::fault::{FaultKind, MAX_FAULTS, TreeFault};
use super::pieces::Pieces;
use crate::words::error::{Class, Error};

/// Most memory that the list of a tree's entries may take: room for half a million blobs. It is made
/// before anybody is believed.
pub(super) const MAX_LISTING: usize = 112 << 20;
/// What is wrong with a tree of more entries.
pub(super) const TOO_MANY: &str = "holds more files than any bundle or archive of images has";

/// About what one entry of that name takes there, which is one piece; whoever lists more adds their
/// [`weight`](Pieces::weight).
pub(super) fn listing(name: &str) -> usize {
    name.len() + 128
}

/// What listing a tree finds.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) files: BTreeMap<String, Pieces>,
    /// Where symbolic links lead, where they are no faults.
    pub(super) links: BTreeMap<String, String>,
    /// Files that stand a second time with the same size, in somebody else's archive.
    pub(super) again: Vec<(String, Pieces)>,
    pub(super) faults: Vec<TreeFault>,
    /// Folders of which nobody knows what is in them.
    pub(super) unseen: BTreeSet<String>,
    /// The folders of a tar.
    pub(super) folders: BTreeSet<String>,
    /// What the list of all of it takes of memory.
    pub(super) listed: usize,
}

impl Entries {
    /// Whether `path` lies in a folder that cannot be seen, so that it may be there.
    pub(super) fn hides(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        !self.unseen.is_empty() && above.into_iter().any(|it| self.unseen.contains(it))
    }

    /// Nothing may stand below a file or a link, nor be a folder beside being one: docker unpacks
    /// an archive to a disk, where a later entry would come out elsewhere or replace another.
    pub(super) fn check_parents(&mut self) {
        let is_taken = |path: &str| self.files.contains_key(path) || self.links.contains_key(path);
        let all = self.files.keys().chain(self.links.keys()).chain(&self.folders);
        let below = all.filter(|path| {
            path.match_indices('/').any(|(end, _)| path.get(..end).is_some_and(is_taken))
        });
        let twice = self.folders.iter().filter(|path| is_taken(path));
        let room = MAX_FAULTS.saturating_sub(self.faults.len());
        let wrong: Vec<String> = below.chain(twice).take(room).cloned().collect();
        self.faults.extend(wrong.into_iter().map(|path| {
            let what = "stands below a file or a link, or is one and a folder".to_owned();
            TreeFault { path, kind: FaultKind::Unacceptable, what }
        }));
    }
}

/// That `path` is not in the tree that is shown as `tree`.
pub(super) fn missing(tree: &Path, path: &str) -> Error {
    Error::new(Class::Incomplete, format!("{}: {path} is missing", tree.display()))
}
