//! [`InFolder`]: files in a folder, listed and opened from its handle, without following links.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;

use super::entries::{Entries, MAX_LISTING, TOO_MANY, listing};
use super::fault::{FaultKind, MAX_FAULTS, TreeFault};
use super::holder::Holder;
use super::pieces::Pieces;
use super::reader::TreeReader;
use crate::tools::folder::Folder;
use crate::tools::named_file::NamedFile;
use crate::tools::stretch::Stretch;
use crate::tools::withheld;
use crate::words::error::{Class, Error, Result};

/// Deepest folder that is looked into; a layout needs three levels.
const MAX_DEPTH: usize = 8;

/// A folder, whose files have each a file of their own.
#[derive(Debug)]
pub(super) struct InFolder(pub(super) Folder);

impl Holder for InFolder {
    fn open(&self, tree: &Path, path: &str, pieces: &Pieces, offset: u64) -> Result<TreeReader> {
        let fault = |e| withheld::reading(format!("cannot open {}/{path}", tree.display()), e);
        let file = Arc::new(open(&self.0, path).map_err(fault)?);
        let stretch = Stretch::new(file, 0, pieces.size());
        Ok(TreeReader::placed(&stretch, offset, format!("{}: {path}", tree.display())))
    }

    fn named(&self, path: &str) -> Option<NamedFile> {
        named(&self.0, path).ok()
    }

    fn is_folder(&self) -> bool {
        true
    }
}

/// A folder that is to be looked into: a name in another one, under that path, so many deep.
struct Ahead {
    folder: Folder,
    name: OsString,
    path: String,
    depth: usize,
}

/// A list that grows.
struct FolderWalk {
    entries: Entries,
    ahead: Vec<Ahead>,
    with_links: bool,
}

/// Lists the regular files below `root`, its symbolic links if asked to, and what is neither.
pub(super) fn list(root: &Folder, with_links: bool) -> Result<Entries> {
    let (entries, ahead) = Default::default();
    let mut walk = FolderWalk { entries, ahead, with_links };
    walk.look_into(root, "", 1)
        .map_err(|e| withheld::reading(format!("cannot list {}", root.path().display()), e))?;
    // The last one first, so that only the folders on the way to it are open.
    while let Some(Ahead { folder, name, path, depth }) = walk.ahead.pop() {
        if walk.is_full() {
            break;
        }
        let listed = folder.below(&name).and_then(|it| walk.look_into(&it, &path, depth));
        // Systems keep folders of their own on a medium.
        if let Err(e) = listed {
            walk.entries.unseen.insert(path.clone());
            walk.fault(path, FaultKind::Unreadable, &format!("cannot be listed: {e}"));
        }
    }
    if walk.entries.listed > MAX_LISTING {
        let text = format!("{} {TOO_MANY}", root.path().display());
        return Err(Error::new(Class::Damaged, text));
    }
    if walk.entries.faults.len() >= MAX_FAULTS {
        walk.fault(String::new(), FaultKind::Unacceptable, "has further faults");
    }
    Ok(walk.entries)
}

impl FolderWalk {
    fn is_full(&self) -> bool {
        self.entries.faults.len() >= MAX_FAULTS || self.entries.listed > MAX_LISTING
    }

    fn fault(&mut self, path: String, kind: FaultKind, what: &str) {
        let what = what.to_owned();
        self.entries.faults.push(TreeFault { path, kind, what });
    }

    /// Notes what is in `folder`, whose path is `above` and whose names are so many deep.
    fn look_into(&mut self, folder: &Folder, above: &str, depth: usize) -> io::Result<()> {
        for name in folder.each_name()? {
            if self.is_full() {
                break;
            }
            let name = name?;
            let shown = name.to_string_lossy();
            let path = match above.is_empty() {
                true => shown.into_owned(),
                false => format!("{above}/{shown}"),
            };
            self.entries.listed += listing(&path);
            self.note(folder, &name, path, depth)?;
        }
        Ok(())
    }

    fn note(
        &mut self,
        folder: &Folder,
        name: &OsStr,
        path: String,
        depth: usize,
    ) -> io::Result<()> {
        let about = match folder.look(name) {
            Ok(Some(about)) => about,
            // It may go away meanwhile.
            Ok(None) => return Ok(()),
            // Then it is the folder that keeps everything from being seen.
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Err(e),
            Err(e) => {
                self.fault(path, FaultKind::Unreadable, &format!("cannot be looked at: {e}"));
                return Ok(());
            }
        };
        match about.kind {
            _ if name.to_str().is_none() => {
                self.fault(path, FaultKind::Unacceptable, "has a name that is not UTF-8")
            }
            FileType::Directory if depth == MAX_DEPTH => {
                self.fault(path, FaultKind::Unacceptable, "is nested too deep");
            }
            FileType::Directory => {
                let (folder, name) = (folder.clone(), name.to_owned());
                self.ahead.push(Ahead { folder, name, path, depth: depth + 1 });
            }
            FileType::RegularFile => {
                self.entries.files.insert(path, Pieces::one(0, about.size));
            }
            FileType::Symlink if self.with_links => match folder.link(name) {
                Some(to) => drop(self.entries.links.insert(path, to)),
                None => self.fault(path, FaultKind::Unacceptable, "is a link that cannot be read"),
            },
            FileType::Symlink => {
                self.fault(path, FaultKind::NotAFile, "is a symbolic link, not a file")
            }
            _ => self.fault(path, FaultKind::NotAFile, "is a device, pipe or socket, not a file"),
        }
        Ok(())
    }
}

/// Opens the regular file `path` beneath `root`. No component may be a link, so that nothing on
/// the medium can point elsewhere; a pipe put in place of a file does not block.
fn open(root: &Folder, path: &str) -> io::Result<File> {
    named(root, path)?.open()
}

/// The file `path` beneath `root`, whose folders are opened, and no links.
fn named(root: &Folder, path: &str) -> io::Result<NamedFile> {
    let (folders, name) = path.rsplit_once('/').map_or((None, path), |(f, n)| (Some(f), n));
    let mut folder = root.clone();
    for part in folders.into_iter().flat_map(|f| f.split('/')) {
        folder = folder.below(part)?;
    }
    Ok(NamedFile::new(folder, name))
}
