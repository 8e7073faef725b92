//! [`Parcel`]: what lies in a drop folder and may be a bundle.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use rustix::fs::FileType;

use crate::bundle::inventory::SUMS;
use crate::medium::Medium;
use crate::medium::in_volumes::names;
use crate::tools::file::is_part;
use crate::tools::file_state::FileState;
use crate::tools::folder::Folder;
use crate::words::digest::{Digest, Hasher};

/// Endings that tools give to what they have not finished: browsers, rsync and most senders of diodes.
const UNFINISHED: [&str; 6] = [".part", ".partial", ".tmp", ".crdownload", ".filepart", "~"];
/// No bundle is smaller: its index, the list of its files and what is signed have a header and a block of a tar each.
/// What is, has only begun to come, and nobody can tell what it will be.
const SMALLEST: u64 = 4096;
/// What every bundle in a folder has.
const SIGNED: [&str; 2] = [SUMS, "sig"];
/// What a folder has something of once a bundle has begun to come; it comes in any order.
const OF_A_BUNDLE: [&str; 5] = [SUMS, "sig", "oci-layout", "index.json", "blobs"];
/// Folders that systems make on a medium, in small letters. Not all of them may be looked into.
const OF_SYSTEMS: [&str; 3] = ["lost+found", "system volume information", "$recycle.bin"];
/// How deep the folders of a bundle are: blobs/sha256 and some to spare. What is deeper is no bundle.
const MAX_DEPTH: usize = 8;

/// What lies in a drop folder and may be a bundle: a folder, a packed file, or the volumes of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parcel {
    /// What it is called: the name of the folder or file, or what those of its volumes begin with.
    pub(super) name: OsString,
    /// The names in the drop folder that are its own.
    pub(super) names: Vec<OsString>,
    /// Whether it is a folder.
    pub(super) is_folder: bool,
}

impl Parcel {
    /// The bundle that it may be, opened as `like`.
    pub(super) fn medium(&self, folder: &Folder, like: &Medium) -> Medium {
        let mut paths = self.names.iter().map(|name| folder.at(name));
        let medium = like.beside(paths.next().unwrap_or_default());
        medium.with_volumes_at(paths.collect::<Vec<PathBuf>>())
    }

    /// Why nobody can tell yet what it will be, if so: of a file or a volume there is too little, and a
    /// folder may get its signatures last.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(super) fn has_begun(&self, folder: &Folder) -> io::Result<Option<String>> {
        if !self.is_folder {
            return too_small(folder, &self.names);
        }
        let inside = folder.below(&self.name)?;
        // What is no name of a volume of a set is said by whoever reads it.
        let volumes = names(&inside).unwrap_or_default();
        let lacks = |name: &&&str| inside.look(name).is_ok_and(|found| found.is_none());
        match SIGNED.iter().find(lacks) {
            Some(_) if !volumes.is_empty() => too_small(&inside, &volumes),
            Some(lacking) => {
                Ok(Some(format!("{} has no {lacking} so far", self.name.to_string_lossy())))
            }
            None => Ok(None),
        }
    }

    /// What the system says of its files: as long as that is the same, nobody writes them.
    ///
    /// # Errors
    /// When the system does not tell: somebody takes it away again.
    pub(super) fn stamp(&self, folder: &Folder) -> io::Result<Digest> {
        let mut stamp = Hasher::new();
        for name in &self.names {
            match self.is_folder {
                true => of_folder(folder, name, &mut stamp, MAX_DEPTH)?,
                false => of_file(folder, name, &mut stamp)?,
            }
        }
        Ok(stamp.finish())
    }
}

/// Which of the files `names` is too small to be anything, if one is.
fn too_small<N: AsRef<OsStr>>(folder: &Folder, names: &[N]) -> io::Result<Option<String>> {
    for name in names.iter().map(AsRef::as_ref) {
        let size = folder.look(name)?.map_or(0, |about| about.size);
        if size < SMALLEST {
            let shown = name.to_string_lossy();
            return Ok(Some(format!("{shown} has {size} bytes so far, which are no bundle")));
        }
    }
    Ok(None)
}

fn of_file(folder: &Folder, name: &OsStr, stamp: &mut Hasher) -> io::Result<()> {
    let open = match folder.file(name) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return of_closed(folder, name, stamp),
        open => open?,
    };
    let state = FileState::of(&open);
    let state = state.ok_or_else(|| io::Error::other("the system says nothing of it"))?;
    of_name(name, stamp);
    stamp.update(&state.to_bytes());
    Ok(())
}

fn of_folder(folder: &Folder, name: &OsStr, stamp: &mut Hasher, depth: usize) -> io::Result<()> {
    let inside = folder.below(name).and_then(|inside| Ok((inside.names()?, inside)));
    let (mut names, inside) = match inside {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return of_closed(folder, name, stamp),
        inside => inside?,
    };
    of_name(name, stamp);
    names.sort();
    for name in names {
        match inside.look(&name).map(|about| about.map(|it| it.kind)) {
            Ok(Some(FileType::Directory)) if depth > 0 => {
                of_folder(&inside, &name, stamp, depth - 1)?;
            }
            Ok(Some(FileType::RegularFile)) => of_file(&inside, &name, stamp)?,
            // Whoever reads it as a bundle says what is wrong with it.
            _ => of_name(&name, stamp),
        }
    }
    Ok(())
}

/// What is told of one that cannot be opened. It is no less there for that: whoever reads it as a bundle says why.
fn of_closed(folder: &Folder, name: &OsStr, stamp: &mut Hasher) -> io::Result<()> {
    of_name(name, stamp);
    // In a folder that may only be listed nothing is told of anything.
    if let Ok(about) = folder.look(name) {
        let about = about.ok_or(io::ErrorKind::NotFound)?;
        stamp.update(&about.size.to_le_bytes());
        stamp.update(&about.changed.to_le_bytes());
    }
    Ok(())
}

fn of_name(name: &OsStr, stamp: &mut Hasher) {
    stamp.update(&(name.len() as u64).to_le_bytes());
    stamp.update(name.as_encoded_bytes());
}

/// Whether in the folder `name` something of a bundle is. One that cannot be looked into may have all of it.
fn may_be_a_bundle(folder: &Folder, name: &OsStr) -> bool {
    let Ok(inside) = folder.below(name) else { return true };
    let is_there = |name: &&str| inside.look(name).map_or(true, |found| found.is_some());
    OF_A_BUNDLE.iter().any(is_there) || names(&inside).map_or(true, |volumes| !volumes.is_empty())
}

/// What lies in `folder` and may be bundles, by name, without what is called as `own` are.
///
/// # Errors
/// When it cannot be listed.
pub(super) fn list(folder: &Folder, own: &[&str]) -> io::Result<Vec<Parcel>> {
    let mut parcels: BTreeMap<OsString, Parcel> = BTreeMap::new();
    for name in folder.names()? {
        let text = name.to_string_lossy();
        let lower = text.to_ascii_lowercase();
        let is_unfinished = UNFINISHED.iter().any(|ending| lower.ends_with(ending));
        if text.starts_with('.') || is_unfinished || is_part(&name) || own.contains(&&*text) {
            continue;
        }
        let Some(about) = folder.look(&name)? else { continue };
        let (called, is_folder) = match about.kind {
            FileType::Directory if OF_SYSTEMS.contains(&&*lower) => continue,
            FileType::Directory if !may_be_a_bundle(folder, &name) => continue,
            FileType::Directory => (name.clone(), true),
            FileType::RegularFile => match stem(&lower) {
                Some(length) => (text[..length].to_owned().into(), false),
                None if lower.ends_with(".tar") || lower.ends_with(".tar.age") => {
                    (name.clone(), false)
                }
                None => continue,
            },
            // A link may lead anywhere.
            _ => continue,
        };
        let parcel = parcels.entry(called.clone()).or_insert_with(|| Parcel {
            name: called,
            names: Vec::new(),
            is_folder,
        });
        // A folder that is called as volumes begin is another parcel, whose turn comes once those are gone.
        if parcel.is_folder == is_folder {
            parcel.names.push(name);
        }
    }
    let mut parcels: Vec<Parcel> = parcels.into_values().collect();
    parcels.iter_mut().for_each(|parcel| parcel.names.sort());
    Ok(parcels)
}

/// How much of `name` is what a volume's set is called, as `NAME.001.tar` has it.
fn stem(name: &str) -> Option<usize> {
    let rest = name.strip_suffix(".age").unwrap_or(name).strip_suffix(".tar")?;
    let (stem, number) = rest.rsplit_once('.')?;
    let is_number = number.len() >= 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !stem.is_empty()).then_some(stem.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_are_one_arrival_and_what_is_unfinished_or_hidden_is_none() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "june.001.tar",
            "june.002.tar",
            "May.001.tar.age",
            "july.tar",
            "july.tar.part",
            "x.tar~",
            ".y.tar",
            "readme.txt",
            "v1.2.tar",
            "done.tar",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        for name in ["folder/blobs", "volumes", "photos/june", "empty", "lost+found/blobs"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        std::fs::write(dir.path().join("volumes/june.002.tar"), "").unwrap();
        std::fs::create_dir(dir.path().join("done")).unwrap();
        std::os::unix::fs::symlink("july.tar", dir.path().join("link.tar")).unwrap();
        let folder = Folder::open(dir.path()).unwrap();

        let found = list(&folder, &["done"]).unwrap();

        let shown: Vec<(&str, usize)> =
            found.iter().map(|it| (it.name.to_str().unwrap(), it.names.len())).collect();
        let expected = [
            ("May", 1),
            ("done.tar", 1),
            ("folder", 1),
            ("july.tar", 1),
            ("june", 2),
            ("v1.2.tar", 1),
            ("volumes", 1),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_written_has_another_stamp() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("b/blobs/sha256")).unwrap();
        std::fs::write(dir.path().join("b/blobs/sha256/x"), "one").unwrap();
        let folder = Folder::open(dir.path()).unwrap();
        let parcel = list(&folder, &[]).unwrap().remove(0);

        let before = parcel.stamp(&folder).unwrap();
        assert_eq!(parcel.stamp(&folder).unwrap(), before);
        std::fs::write(dir.path().join("b/blobs/sha256/x"), "more").unwrap();
        let after = parcel.stamp(&folder).unwrap();
        assert_ne!(after, before);
        std::fs::write(dir.path().join("b/blobs/sha256/y"), "").unwrap();
        assert_ne!(parcel.stamp(&folder).unwrap(), after);
    }
}
