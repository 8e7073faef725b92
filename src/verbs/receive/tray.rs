//! [`Tray`]: where parcels go that were taken or refused, whole, though it be interrupted.

use std::ffi::{OsStr, OsString};
use std::io;

use serde::{Deserialize, Serialize};

use super::parcel::Parcel;
use crate::tools::file::write_whole;
use crate::tools::folder::{Folder, Replace};
use crate::words::error::{Class, Error, Result};

/// Permissions of the folders and files that are made.
const FOLDER_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
/// Names that are tried for a further parcel of the same name: monthly for centuries.
const MAX_NAMES: u32 = 10_000;
/// What the names of packed bundles end in, the longest first.
const ENDINGS: [&str; 2] = [".tar.age", ".tar"];
/// What the name of the note ends in that says which volumes are being moved.
const MOVING: &str = ".moving";
/// Largest such note: more names than a set can have volumes, each as long as it can be.
const MAX_NOTE: u64 = 4 << 20;

/// A folder beside the parcels, into which they are moved.
#[derive(Debug)]
pub(super) struct Tray {
    folder: Folder,
}

/// Which volumes are being moved, and whereto.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moving {
    into: String,
    names: Vec<String>,
}

impl Tray {
    /// The folder `name` in the drop folder `drop`, which is made where it is not there. What was being moved
    /// when somebody stopped it is moved.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub(super) fn open(drop: &Folder, name: &str) -> Result<Tray> {
        let path = drop.at(name);
        let fault = |e: io::Error| match e.kind() {
            io::ErrorKind::NotADirectory => {
                let text = format!("{} is a file, not a folder", path.display());
                Error::new(Class::Usage, text)
                    .hint("give it another name: what was dealt with is put into that folder")
            }
            _ => Error::io(format!("cannot write {}", path.display()), e),
        };
        let tray = Tray { folder: drop.make_below(name, FOLDER_MODE).map_err(fault)? };
        for name in tray.folder.names().map_err(fault)? {
            if name.as_encoded_bytes().ends_with(MOVING.as_bytes()) {
                tray.go_on(drop, &name).map_err(fault)?;
            }
        }
        Ok(tray)
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What a parcel of this `name` is called in it: the same, or with a number in front of its ending where there is
    /// one already, or where a name `is_kept`.
    ///
    /// # Errors
    /// When it cannot be looked at.
    pub(super) fn free_name(
        &self,
        name: &OsStr,
        is_kept: impl Fn(&OsStr) -> bool,
    ) -> Result<OsString> {
        let text = name.to_str().unwrap_or_default();
        let ending = ENDINGS.iter().find(|ending| text.ends_with(**ending)).copied();
        let ending = ending.unwrap_or_default();
        for number in 1..=MAX_NAMES {
            let free = match (number, text.strip_suffix(ending)) {
                (1, _) => name.to_owned(),
                (_, Some(stem)) if !stem.is_empty() => format!("{stem}.{number}{ending}").into(),
                _ => {
                    let mut free = name.to_owned();
                    free.push(format!(".{number}"));
                    free
                }
            };
            let taken = self.folder.look(&free);
            let path = self.folder.at(&free);
            match taken.map_err(|e| Error::io(format!("cannot look at {}", path.display()), e))? {
                None if !is_kept(&free) => return Ok(free),
                _ => {}
            }
        }
        let text = format!("{} has too many of one name", self.folder.path().display());
        Err(Error::new(Class::NoRoom, text).hint("move some of them elsewhere"))
    }

    /// Writes what is told of a parcel beside it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn tell(&self, name: &str, bytes: &[u8]) -> Result<()> {
        write_whole(&self.folder, name, FILE_MODE, bytes)
    }

    /// Moves `parcel` from the drop folder `drop` under the name `to`. Of several volumes it is noted first
    /// which they are, so that none is left behind.
    ///
    /// # Errors
    /// When the disk refuses; the rest is moved when the folder is opened again.
    pub(super) fn take(&self, drop: &Folder, parcel: &Parcel, to: &OsStr) -> Result<()> {
        let (from, path) = (drop.at(&parcel.name), self.folder.at(to));
        let fault = |e: io::Error| {
            let is_denied = e.kind() == io::ErrorKind::PermissionDenied;
            let text = format!("cannot move {} to {}", from.display(), path.display());
            let error = Error::io(text, e);
            match is_denied {
                true => error.hint(
                    "let this user write it (a folder is moved by one who may), or move it by hand",
                ),
                false => error,
            }
        };
        let is_volumes = !parcel.is_folder && parcel.names != [parcel.name.clone()];
        if !is_volumes {
            return move_into(drop, &parcel.name, (&self.folder, to)).map_err(fault);
        }
        let utf8 =
            |name: &OsStr| name.to_str().map(str::to_owned).ok_or(io::ErrorKind::InvalidInput);
        let names = parcel.names.iter().map(|name| utf8(name)).collect::<Result<Vec<_>, _>>();
        let noted = utf8(to).and_then(|into| Ok(Moving { into, names: names? }));
        let noted = noted.map_err(|kind| fault(kind.into()))?;
        let note = format!("{}{MOVING}", noted.into);
        let bytes = serde_json::to_vec(&noted).map_err(|e| fault(e.into()))?;
        self.tell(&note, &bytes)?;
        self.go_on(drop, OsStr::new(&note)).map_err(fault)
    }

    fn go_on(&self, drop: &Folder, note: &OsStr) -> io::Result<()> {
        let file = self.folder.file(note)?;
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "a note that is none");
        if file.metadata()?.len() > MAX_NOTE {
            return Err(bad());
        }
        let Moving { into, names } = serde_json::from_reader(file).map_err(|_| bad())?;
        let there = self.folder.make_below(&into, FOLDER_MODE)?;
        for name in names.iter().map(OsStr::new) {
            if drop.look(name)?.is_some() {
                move_into(drop, name, (&there, name))?;
            }
        }
        there.sync().map_err(io::Error::other)?;
        self.folder.remove(note)
    }
}

/// Moves what is called `name` from one folder into another, never over something else.
fn move_into(drop: &Folder, name: &OsStr, (folder, to): (&Folder, &OsStr)) -> io::Result<()> {
    let is_folder = drop.look(name)?.is_some_and(|it| it.kind.is_dir());
    match is_folder {
        true => {
            let open = drop.below(name)?;
            drop.rename_into(name, (folder, to), open.handle(), Replace::No)?;
        }
        false => drop.rename_into(name, (folder, to), &drop.file(name)?, Replace::No)?,
    }
    folder.sync().and_then(|()| drop.sync()).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verbs::receive::parcel::list;

    #[test]
    fn volumes_of_which_some_were_moved_are_brought_together_when_it_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let drop = Folder::open(dir.path()).unwrap();
        for name in ["june.001.tar", "june.002.tar"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        let done = Tray::open(&drop, "done").unwrap();
        let parcel = list(&drop, &["done"]).unwrap().remove(0);
        // As it is when the first one was moved.
        let note = r#"{"into":"june","names":["june.001.tar","june.002.tar"]}"#;
        std::fs::write(dir.path().join("done/june.moving"), note).unwrap();
        std::fs::create_dir(dir.path().join("done/june")).unwrap();
        std::fs::rename(dir.path().join("june.001.tar"), dir.path().join("done/june/june.001.tar"))
            .unwrap();

        Tray::open(&drop, "done").unwrap();

        assert_eq!(list(&drop, &["done"]).unwrap(), []);
        assert!(dir.path().join("done/june/june.002.tar").exists());
        assert!(!dir.path().join("done/june.moving").exists());
        assert_eq!(done.free_name(&parcel.name, |_| false).unwrap(), "june.2");
    }

    #[test]
    fn a_further_one_of_a_name_keeps_its_ending() {
        let dir = tempfile::tempdir().unwrap();
        let tray = Tray::open(&Folder::open(dir.path()).unwrap(), "done").unwrap();
        for (name, second, third) in [
            ("a.tar", "a.2.tar", "a.3.tar"),
            ("a.tar.age", "a.2.tar.age", "a.3.tar.age"),
            ("june", "june.2", "june.3"),
        ] {
            for expected in [name, second, third] {
                assert_eq!(tray.free_name(OsStr::new(name), |_| false).unwrap(), expected);
                std::fs::write(dir.path().join("done").join(expected), "").unwrap();
            }
        }
        let is_kept = |name: &OsStr| name == "new.tar";
        assert_eq!(tray.free_name(OsStr::new("new.tar"), is_kept).unwrap(), "new.2.tar");
    }

    #[test]
    fn a_note_that_leads_elsewhere_moves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let drop = Folder::open(dir.path()).unwrap();
        std::fs::create_dir(dir.path().join("done")).unwrap();
        for note in
            [r#"{"into":"../x","names":["a"]}"#, r#"{"into":"x","names":["../a"]}"#, "{}", "x"]
        {
            std::fs::write(dir.path().join("a"), "").unwrap();
            std::fs::write(dir.path().join("done/x.moving"), note).unwrap();

            Tray::open(&drop, "done").unwrap_err();

            assert!(dir.path().join("a").exists());
        }
    }
}
