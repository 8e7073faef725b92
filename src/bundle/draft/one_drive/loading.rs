//! [`load`]: looks at the medium that is in the drive, and whether a volume can be written onto it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::medium::in_volumes;
use crate::medium::volume_table::VolumeTable;
use crate::tools::folder::{FileInfo, Folder};
use crate::tools::ground;
use crate::tools::lock::lock;
use crate::tools::room::{Disk, largest_file};
use crate::words::bytes::Bytes;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};

/// Permissions of a volume: whoever carries it may read it, and nobody else writes it.
const MODE: u32 = 0o644;

/// What is to be written.
pub(super) struct ToWrite<'w> {
    /// What its file is called in the end, and as long as it is in the making.
    pub name: &'w str,
    pub partial: &'w str,
    /// Which one of which set it is, and how many bytes it has.
    pub number: u32,
    pub set: Digest,
    pub size: u64,
}

/// What there is in the drive.
pub(super) enum Fit {
    /// A medium with room, and the file there.
    Open(Folder, File),
    /// One that has the volume already, as its name says.
    Finished(File, VolumeTable),
    /// One that does not do, and why.
    Not(String),
}

/// Looks at the medium in `drive` for a volume that is `wanted`. Media are mounted at `mounted`, where
/// that is known.
///
/// # Errors
/// Those of a file that is there and not ours, or cannot be made.
pub(super) fn load(drive: &Path, mounted: Option<&Path>, wanted: &ToWrite<'_>) -> Result<Fit> {
    let folder = match Folder::open(drive) {
        Ok(folder) => folder,
        Err(e) => return not(format!("it cannot be opened: {e}")),
    };
    if mounted.is_some_and(|before| mount_point(drive).as_deref() != Some(before)) {
        return not("nothing is mounted there".to_owned());
    }
    let fault = |name: &str, e| Error::io(format!("cannot write {}", folder.at(name).display()), e);
    let mut former = Vec::new();
    for name in folder.names().map_err(|e| fault("", e))? {
        let Some(name) = name.to_str() else { continue };
        let is_wanted = name == wanted.name;
        let file = match folder.file(name) {
            _ if !name.ends_with(".tar") => continue,
            Ok(file) => file,
            Err(_) if !is_wanted => continue,
            Err(e) => return not(format!("{name} is there already, and cannot be read: {e}")),
        };
        match in_volumes::table_of(&file) {
            Some(table) if table.set != wanted.set => {
                return not(format!("it has {} of another set, {name}", table.name()));
            }
            Some(table) if is_wanted && table.number == wanted.number => {
                return Ok(Fit::Finished(file, table));
            }
            _ if is_wanted => return not(format!("{name} is there already, and is not that")),
            Some(table) => former.push(table.name()),
            None => {}
        }
    }
    if let Err(e) = ground::folder(drive) {
        return not(e.to_string());
    }
    if let Some(most) = largest_file(drive).filter(|most| *most < wanted.size) {
        return not(format!("a file there can have {} at most", Bytes(most)));
    }
    let there = folder.look(wanted.partial).map_err(|e| fault(wanted.partial, e))?;
    let there = there.map_or(0, |about| about.allocated);
    let free = Disk::of(drive).map(|disk| disk.free.saturating_add(there));
    if let Some(free) = free.filter(|free| *free < wanted.size) {
        let has = match former.is_empty() {
            true => String::new(),
            false => format!("it still has {}, and ", former.join(", ")),
        };
        let (free, size) = (Bytes(free), Bytes(wanted.size));
        return not(format!("{has}there is room for {free}, where {size} are needed"));
    }
    let path = folder.at(wanted.partial);
    let opened = match folder.create(wanted.partial, MODE) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => folder.file_to_write(wanted.partial),
        other => other,
    };
    let file = opened.map_err(|e| fault(wanted.partial, e))?;
    let about = FileInfo::of(&file).map_err(|e| fault(wanted.partial, e))?;
    about.refuse_foreign(&folder, &path)?;
    lock(&file, &folder, wanted.partial)?;
    Ok(Fit::Open(folder, file))
}

fn not(why: String) -> Result<Fit> {
    Ok(Fit::Not(why))
}

/// The highest folder above `path` that is on the same disk.
pub(super) fn mount_point(path: &Path) -> Option<PathBuf> {
    let real = std::fs::canonicalize(path).ok()?;
    let disk = Disk::of(&real)?.number;
    let same = |above: &&Path| Disk::of(above).is_some_and(|it| it.number == disk);
    real.ancestors().take_while(same).last().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(size: u64) -> ToWrite<'static> {
        let set = Digest::of(b"set");
        ToWrite { name: "june.002.tar", partial: "june.002.tar.partial", number: 2, set, size }
    }

    fn why(drive: &Path, mounted: Option<&Path>, size: u64) -> String {
        match load(drive, mounted, &wanted(size)).unwrap() {
            Fit::Not(why) => why,
            _ => String::new(),
        }
    }

    #[test]
    fn what_does_not_do_is_told_and_nothing_is_left_there() {
        let folder = tempfile::tempdir().unwrap();
        let drive = folder.path();

        assert!(why(&drive.join("gone"), None, 1).starts_with("it cannot be opened"));
        assert_eq!(why(drive, Some(Path::new("/nowhere")), 1), "nothing is mounted there");
        assert!(why(drive, None, u64::MAX / 2).contains("there is room for"));
        std::fs::write(drive.join("june.002.tar"), "something else").unwrap();
        assert!(why(drive, None, 1).contains("june.002.tar is there already, and is not that"));
        assert_eq!(std::fs::read_dir(drive).unwrap().count(), 1);

        // What is in no volume's way is of no concern.
        std::fs::rename(drive.join("june.002.tar"), drive.join("other.tar")).unwrap();
        assert!(matches!(load(drive, None, &wanted(1)).unwrap(), Fit::Open(..)));
    }
}
