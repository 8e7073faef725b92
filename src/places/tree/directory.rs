//! A folder as a [`Tree`](super::Tree): listed without following links, opened beneath its root.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
use walkdir::WalkDir;

use super::{Fault, Found, MAX_FAULTS, MAX_LISTING, Place, TOO_MANY, listing};
use crate::words::error::{Class, Error, Result};

/// Deepest folder that is looked into; a layout needs three levels.
const MAX_DEPTH: usize = 8;

/// Lists the regular files below `root`, its symbolic links if asked to, and what is neither.
pub(super) fn list(root: &Path, with_links: bool) -> Result<Found> {
    let Found { mut files, mut links, again, mut faults } = Found::default();
    // The root may be a link that the user named; a trailing slash makes walkdir step into it.
    let walk = WalkDir::new(root.join("")).follow_links(false).min_depth(1).max_depth(MAX_DEPTH);
    let mut listed = 0;
    for entry in walk {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                faults.push(unreadable(root, e)?);
                continue;
            }
        };
        let path = entry.path().strip_prefix(root).unwrap_or(entry.path());
        let fault = |what: &str| Fault {
            path: path.to_string_lossy().into_owned(),
            truncated: false,
            unreadable: false,
            what: what.to_owned(),
        };
        let kind = entry.file_type();
        match path.to_str() {
            None => faults.push(fault("has a name that is not UTF-8")),
            Some(_) if kind.is_dir() && entry.depth() == MAX_DEPTH => {
                faults.push(fault("is nested too deep"));
            }
            Some(_) if kind.is_dir() => {}
            Some(name) if kind.is_file() => {
                let size = entry
                    .metadata()
                    .map_err(|e| {
                        Error::new(Class::Other, format!("cannot list {}", root.display()))
                            .source(e)
                    })?
                    .len();
                files.insert(name.to_owned(), Place { offset: None, size });
            }
            Some(name) if kind.is_symlink() && with_links => {
                match std::fs::read_link(entry.path()).ok().as_deref().and_then(Path::to_str) {
                    Some(to) => drop(links.insert(name.to_owned(), to.to_owned())),
                    None => faults.push(fault("is a link that cannot be read")),
                }
            }
            Some(_) if kind.is_symlink() => faults.push(fault("is a symbolic link, not a file")),
            Some(_) => faults.push(fault("is a device, pipe or socket, not a file")),
        }
        if faults.len() >= MAX_FAULTS {
            let what = "has further faults".to_owned();
            let (path, truncated, unreadable) = (String::new(), false, false);
            faults.push(Fault { path, truncated, unreadable, what });
            break;
        }
        listed += listing(&path.to_string_lossy());
        if listed > MAX_LISTING {
            let text = format!("{} {TOO_MANY}", root.display());
            return Err(Error::new(Class::Damaged, text));
        }
    }
    Ok(Found { files, links, again, faults })
}

/// What cannot be listed below `root`: systems keep folders of their own on a medium.
///
/// # Errors
/// When it is the root itself, or no matter of one folder.
fn unreadable(root: &Path, error: walkdir::Error) -> Result<Fault> {
    let below = error.path().and_then(|path| path.strip_prefix(root).ok());
    let below = below.filter(|path| !path.as_os_str().is_empty());
    let below = below.map(|path| path.to_string_lossy().into_owned());
    let cause = error.into_io_error().unwrap_or_else(|| io::Error::other("a loop of folders"));
    match below {
        Some(path) => {
            let what = format!("cannot be listed: {cause}");
            Ok(Fault { path, truncated: false, unreadable: true, what })
        }
        None => Err(Error::io(format!("cannot list {}", root.display()), cause)),
    }
}

/// Opens the regular file `path` beneath `root`. No component may be a link, so that nothing on
/// the medium can point elsewhere; a pipe put in place of a file does not block.
pub(super) fn open(root: &File, path: &str) -> io::Result<File> {
    let base = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let (folders, name) = path.rsplit_once('/').map_or((None, path), |(f, n)| (Some(f), n));
    let mut folder: Option<OwnedFd> = None;
    for part in folders.into_iter().flat_map(|f| f.split('/')) {
        if matches!(part, "" | "." | "..") {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let above = folder.as_ref().map_or(root.as_fd(), AsFd::as_fd);
        let flags = base | OFlags::DIRECTORY | OFlags::RDONLY;
        folder = Some(openat(above, part, flags, Mode::empty())?);
    }
    let above = folder.as_ref().map_or(root.as_fd(), AsFd::as_fd);
    let flags = base | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = openat(above, name, flags, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a regular file"));
    }
    Ok(File::from(file))
}
