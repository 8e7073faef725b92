//! A folder as a [`Tree`](super::Tree): listed and opened from its handle, without following links.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;

use super::{Fault, Found, MAX_FAULTS, MAX_LISTING, Place, TOO_MANY, listing};
use crate::tools::folder::Folder;
use crate::tools::withheld;
use crate::words::error::{Class, Error, Result};

/// Deepest folder that is looked into; a layout needs three levels.
const MAX_DEPTH: usize = 8;

/// A folder that is to be looked into: a name in another one, under that path, so many deep.
struct Ahead {
    folder: Folder,
    name: OsString,
    path: String,
    depth: usize,
}

/// A list that grows.
struct Walk {
    found: Found,
    ahead: Vec<Ahead>,
    with_links: bool,
    /// What the list takes of memory.
    listed: usize,
}

/// Lists the regular files below `root`, its symbolic links if asked to, and what is neither.
pub(super) fn list(root: &Folder, with_links: bool) -> Result<Found> {
    let (found, ahead, listed) = Default::default();
    let mut walk = Walk { found, ahead, with_links, listed };
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
            walk.found.unseen.insert(path.clone());
            walk.fault(path, &format!("cannot be listed: {e}"), true);
        }
    }
    if walk.listed > MAX_LISTING {
        let text = format!("{} {TOO_MANY}", root.path().display());
        return Err(Error::new(Class::Damaged, text));
    }
    if walk.found.faults.len() >= MAX_FAULTS {
        walk.fault(String::new(), "has further faults", false);
    }
    Ok(walk.found)
}

impl Walk {
    fn is_full(&self) -> bool {
        self.found.faults.len() >= MAX_FAULTS || self.listed > MAX_LISTING
    }

    fn fault(&mut self, path: String, what: &str, unreadable: bool) {
        let what = what.to_owned();
        self.found.faults.push(Fault { path, unreadable, what, ..Fault::default() });
    }

    fn no_file(&mut self, path: String, kind: &str) {
        let what = format!("is a {kind}, not a file");
        self.found.faults.push(Fault { path, no_file: true, what, ..Fault::default() });
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
            self.listed += listing(&path);
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
                self.fault(path, &format!("cannot be looked at: {e}"), true);
                return Ok(());
            }
        };
        match about.kind {
            _ if name.to_str().is_none() => self.fault(path, "has a name that is not UTF-8", false),
            FileType::Directory if depth == MAX_DEPTH => {
                self.fault(path, "is nested too deep", false);
            }
            FileType::Directory => {
                let (folder, name) = (folder.clone(), name.to_owned());
                self.ahead.push(Ahead { folder, name, path, depth: depth + 1 });
            }
            FileType::RegularFile => {
                self.found.files.insert(path, Place { offset: None, size: about.size });
            }
            FileType::Symlink if self.with_links => match folder.link(name) {
                Some(to) => drop(self.found.links.insert(path, to)),
                None => self.fault(path, "is a link that cannot be read", false),
            },
            FileType::Symlink => self.no_file(path, "symbolic link"),
            _ => self.no_file(path, "device, pipe or socket"),
        }
        Ok(())
    }
}

/// Opens the regular file `path` beneath `root`. No component may be a link, so that nothing on
/// the medium can point elsewhere; a pipe put in place of a file does not block.
pub(super) fn open(root: &Folder, path: &str) -> io::Result<File> {
    let (folders, name) = path.rsplit_once('/').map_or((None, path), |(f, n)| (Some(f), n));
    let mut folder = root.clone();
    for part in folders.into_iter().flat_map(|f| f.split('/')) {
        folder = folder.below(part)?;
    }
    folder.file(name)
}

/// Opens the folder `path`, which the user named.
pub(super) fn named(path: &Path) -> Result<Folder> {
    Folder::open(path).map_err(|e| withheld::reading(format!("cannot read {}", path.display()), e))
}

/// Opens the file `path`; nothing where it is a folder.
pub(super) fn file(path: &Path) -> Result<Option<Arc<File>>> {
    let fault = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => {
            Error::new(Class::Incomplete, format!("{}: no such file or folder", path.display()))
                .hint("check the path, and whether the medium is mounted")
        }
        _ => withheld::reading(format!("cannot read {}", path.display()), e),
    };
    let kind = std::fs::metadata(path).map_err(fault)?.file_type();
    if !kind.is_dir() && !kind.is_file() {
        let text = format!("{} is neither a folder nor a file", path.display());
        return Err(Error::new(Class::Usage, text));
    }
    let file = (!kind.is_dir()).then(|| File::open(path).map_err(fault)).transpose()?;
    Ok(file.map(Arc::new))
}
