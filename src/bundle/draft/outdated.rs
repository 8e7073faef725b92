//! [`Outdated`]: a bundle that is a folder, in whose place another one comes.
//!
//! The new one is made beside it, of the same files where they stay, and both are exchanged in one
//! step of the file system: at any moment the one or the other has the name, and is whole.

use std::ffi::OsStr;
use std::io;

use rustix::fs::FileType;

use super::left::{BLOBS, SIGNATURES, cannot_list, look_through};
use super::site::Site;
use crate::tools::disk_fault::is_disk_fault;
use crate::tools::folder::{FileInfo, Folder};
use crate::tools::lock::lock;
use crate::tools::named_file::NamedFile;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// A bundle that stands until another one comes in its place.
#[derive(Debug)]
pub(super) struct Outdated(Folder);

impl Outdated {
    /// Fails where the bundle at `site` cannot be exchanged.
    pub(super) fn check(site: &Site) -> Result<()> {
        let folder = look(site)?;
        only_ours(&folder)?;
        // What is tried is tried by one at a time.
        lock(folder.handle(), &site.folder, &site.name)?;
        match can(site, folder.handle()) {
            Ok(None) => Ok(()),
            Ok(Some(why)) => Err(cannot(site, why)),
            Err(e) => {
                Err(Error::io(format!("cannot write into {}", site.folder.path().display()), e))
            }
        }
    }

    /// The one at `site`, locked.
    pub(super) fn open(site: &Site) -> Result<Outdated> {
        Outdated::check(site)?;
        let folder = look(site)?;
        lock(folder.handle(), &site.folder, &site.name)?;
        Ok(Outdated(folder))
    }

    /// Exchanges it for `new`, which is at the partial name of `site`, whole and synced; then it goes.
    pub(super) fn give_way(&self, site: &Site, new: &Folder) -> Result<()> {
        // What somebody has put there in the meantime is not taken away.
        only_ours(&self.0)?;
        let (from, to) = (&site.partial, &site.name);
        site.folder.exchange((from, new.handle()), (to, self.0.handle())).map_err(|e| {
            let (from, to) = (site.folder.at(from), site.folder.at(to));
            Error::io(format!("cannot exchange {} and {}", from.display(), to.display()), e)
        })?;
        site.folder.sync()?;
        site.folder.is_found()?;
        remove(site, &self.0)
    }

    /// Removes what a run left that was killed behind the exchange.
    pub(super) fn tidy_up(site: &Site) -> Result<()> {
        if site.left(&site.partial, FileType::Directory)?.is_none() {
            return Ok(());
        }
        let path = site.folder.at(&site.partial);
        let left = site.folder.below(&site.partial).map_err(|e| cannot_list(&path, e))?;
        lock(left.handle(), &site.folder, &site.partial)?;
        remove(site, &left)
    }
}

/// The folder at `site`, which is one of ours and no link.
fn look(site: &Site) -> Result<Folder> {
    let path = site.folder.at(&site.name);
    let fault = |e| Error::io(format!("cannot look at {}", path.display()), e);
    let about = site.folder.look(&site.name).map_err(fault)?;
    match about.map(|about| about.kind) {
        Some(FileType::Directory) => {}
        Some(FileType::Symlink) => {
            let text = format!("{} is a link, and what it leads to stays", path.display());
            return Err(Error::new(Class::Usage, text).hint("name the folder itself"));
        }
        _ => {
            let text = format!("{} is no folder, and cannot be brought up to date", path.display());
            return Err(Error::new(Class::Usage, text).hint("name another output"));
        }
    }
    let folder = site.folder.below(&site.name).map_err(fault)?;
    let about = FileInfo::of(folder.handle()).map_err(fault)?;
    about.refuse_foreign(&site.folder, &path)?;
    Ok(folder)
}

/// Refuses what is no part of a bundle, and would go with it.
fn only_ours(folder: &Folder) -> Result<()> {
    match look_through(folder) {
        Err(e) if e.class() == Class::Usage => Err(e
            .context("what goes away with the old bundle would take this along")
            .hint("move it elsewhere, and run the same command again; nothing was changed")),
        other => other.map(drop),
    }
}

/// Why the file system of `site` cannot exchange `folder` for another, or not keep a file under two
/// names meanwhile; nothing where it can.
fn can(site: &Site, folder: impl std::os::fd::AsFd) -> io::Result<Option<&'static str>> {
    let beside = &site.folder;
    if !beside.is_beside(folder)? {
        return Ok(Some("a medium of its own is mounted there"));
    }
    let names = ["a", "b", "c"].map(|which| {
        let mut name = site.partial.clone();
        name.push(format!("-{which}"));
        name
    });
    // What a run left that was killed in the middle of this.
    for name in &names {
        let about = beside.look(name)?;
        let is_left = |it: FileInfo| it.kind == FileType::RegularFile && it.size == 0;
        if about.is_some_and(|about| is_left(about) && about.is_own(beside)) {
            beside.remove(name)?;
        }
    }
    let [one, other, third] = names.each_ref();
    let tried = (|| {
        let (first, second) = (beside.create(one, 0o600)?, beside.create(other, 0o600)?);
        match beside.exchange((one, &first), (other, &second)) {
            Ok(()) => {}
            Err(e) if is_disk_fault(&e) => return Err(e),
            Err(_) => {
                return Ok(Some("its file system cannot exchange two folders in one step"));
            }
        }
        Ok(match NamedFile::new(beside.clone(), one).link(beside, third, true)? {
            true => None,
            false => Some("its file system keeps no file under two names"),
        })
    })();
    // Each of them, whatever becomes of the others.
    let removed: Vec<io::Result<()>> = names.iter().map(|name| beside.remove(name)).collect();
    removed.into_iter().collect::<io::Result<()>>()?;
    tried
}

fn cannot(site: &Site, why: &str) -> Error {
    let path = site.folder.at(&site.name);
    let text = format!("{} cannot be brought up to date in place: {why}", path.display());
    Error::new(Class::Usage, text).hint(phrase![
        "make another one from what is in it, and remove it then: ",
        Remedy::Reuse,
        format!(" {} ", path.display()),
        Remedy::Output,
        " NEW",
    ])
}

/// Removes `old`, which is at the partial name of `site`, file by file: what somebody put there in
/// this moment stays.
fn remove(site: &Site, old: &Folder) -> Result<()> {
    let path = site.folder.at(&site.partial);
    let fault = |e| Error::io(format!("cannot remove {}, which was replaced", path.display()), e);
    for left in look_through(old)? {
        left.folder.remove(&left.name).map_err(fault)?;
    }
    let empty = |folder: &Folder, name: &OsStr| folder.remove_empty(name).map_err(fault);
    let (outer, inner) = BLOBS.split_once('/').unwrap_or((BLOBS, BLOBS));
    if let Ok(blobs) = old.below(outer) {
        empty(&blobs, inner.as_ref())?;
    }
    for name in [outer, SIGNATURES] {
        empty(old, name.as_ref())?;
    }
    empty(&site.folder, &site.partial)?;
    site.folder.sync()
}
