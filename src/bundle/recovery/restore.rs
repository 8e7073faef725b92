//! What was repaired is written: to a copy, or in the place of what is damaged.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::survey::Survey;
use super::ward::Ward;
use crate::bundle::check::Trust;
use crate::bundle::draft::taken;
use crate::medium::Medium;
use crate::tools::file::{AtomicFile, nameless, open_regular};
use crate::tools::folder::{FileInfo, Folder, Replace, SHARED};
use crate::tools::lock::{lock, lock_folder};
use crate::tools::room;
use crate::tools::uncached::sync;
use crate::tools::withheld;
use crate::words::error::{Error, Result};
use crate::words::progress::{Event, Progress};

/// Permissions of files of a bundle, where none are there to be kept.
pub(super) const MODE: u32 = 0o644;
/// What is behind the name of what is not finished.
const UNFINISHED: &str = ".repairing";

/// What a repair is held against before it gets its name.
pub type Check<'c> = dyn Fn(&Medium) -> Result<()> + 'c;

/// How a repair is done.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a check has nothing to show")]
pub struct Restoring<'r> {
    /// Whom to believe about the list of files.
    pub trust: &'r Trust,
    /// What is made has to pass it before it gets its name.
    pub check: &'r Check<'r>,
    /// Threads.
    pub jobs: usize,
    /// What is told of it.
    pub progress: &'r dyn Progress,
}

impl Survey {
    /// Writes the repaired bundle to `copy`, where nothing may be; it gets its name when it is right.
    ///
    /// # Errors
    /// Those of the disk and of the check, and where something is there already.
    pub fn copy_to(&self, copy: &Medium, how: &Restoring<'_>) -> Result<()> {
        let (folder, name) = Folder::making(copy.path())?;
        if copy.is_taken().map_err(|e| Error::io(format!("cannot look at {copy}"), e))? {
            return Err(taken(copy.path()));
        }
        let [ward] = self.wards.as_slice() else { return self.copy_volumes(&folder, &name, how) };
        match ward.sources().is_packed() && !self.is_in_volumes {
            true => ward.write_packed(&folder, &name, Replace::No, how),
            false if self.is_in_volumes => self.copy_volumes(&folder, &name, how),
            false => ward.copy_folder(&folder, &name, how),
        }
    }

    /// Puts what is repaired in the place of what is damaged, each file at once.
    ///
    /// # Errors
    /// As [`copy_to`](Survey::copy_to).
    pub fn in_place(&self, how: &Restoring<'_>) -> Result<()> {
        for ward in self.wards.iter().filter(|ward| ward.is_damaged()) {
            let named = ward.medium.path();
            // A link stays, and what it leads to is replaced.
            let path = std::fs::canonicalize(named).unwrap_or_else(|_| named.to_owned());
            match ward.sources().is_packed() {
                true => {
                    let (folder, name) = Folder::holding(&path)?;
                    ward.write_packed(&folder, &name, Replace::Yes, how)?;
                }
                false => {
                    ward.mend_folder(&path, how)?;
                    (how.check)(&ward.medium)?;
                }
            }
        }
        Ok(())
    }

    fn copy_volumes(&self, above: &Folder, name: &OsStr, how: &Restoring<'_>) -> Result<()> {
        make_folder(above, name, |root| {
            for ward in &self.wards {
                ward.write_packed(root, ward.name(0).as_ref(), Replace::No, how)?;
            }
            self.others.iter().try_for_each(|other| copy(other, root, how))
        })
    }
}

impl Ward {
    /// The lost slices, in a file without a name in `folder`, where `more` bytes are to come.
    pub(super) fn scratch(&self, folder: &Folder, more: u64, how: &Restoring<'_>) -> Result<File> {
        let lost = self.lost() as u64 * self.slice_size();
        room::check(folder.path(), lost.saturating_add(more), "for what is repaired")?;
        let scratch = nameless(folder.path())?;
        self.rebuild(&scratch, how.jobs, how.progress)?;
        Ok(scratch)
    }

    fn write_packed(
        &self,
        folder: &Folder,
        name: &OsStr,
        replace: Replace,
        how: &Restoring<'_>,
    ) -> Result<()> {
        let temp = unfinished(name);
        let path = folder.at(&temp);
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        let there = folder.look(name).map_err(fault)?;
        let mode = there.map_or(MODE, |about| about.permissions());
        let file = match folder.file_to_write(&temp) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => folder.create(&temp, mode),
            other => other,
        };
        let mut file = file.map_err(fault)?;
        FileInfo::of(&file).map_err(fault)?.refuse_foreign(folder, &path)?;
        lock(&file, folder, &temp)?;
        let made = self.fill(&mut file, folder, &path, how);
        if let Err(error) = made.and_then(|()| (how.check)(&self.medium.beside(path.as_path()))) {
            // Nothing better can be done about a leftover than to leave it: the next run writes it anew.
            let _ = folder.remove(&temp);
            return Err(error);
        }
        folder.rename(&temp, name, &file, replace).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => taken(&folder.at(name)),
            _ => Error::io(format!("cannot rename {}", path.display()), e),
        })?;
        folder.sync()?;
        folder.is_found()
    }

    /// Writes the only file of the set to `file`, which is called `path` and empty afterwards but for that.
    fn fill(
        &self,
        file: &mut File,
        folder: &Folder,
        path: &Path,
        how: &Restoring<'_>,
    ) -> Result<()> {
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        file.set_len(0).map_err(fault)?;
        room::check_file(path, self.len(0), "what is repaired")?;
        let scratch = self.scratch(folder, self.len(0), how)?;
        how.progress.event(writing(self.len(0), 1));
        self.write(0, &scratch, file, how.progress)?;
        sync(file).map_err(fault)?;
        how.progress.event(Event::Done);
        Ok(())
    }
}

/// That so many bytes of so many files are written from now on.
pub(super) fn writing(bytes: u64, items: u64) -> Event {
    Event::Phase { name: "writing what was repaired", bytes, items }
}

/// Copies the volume `from`, which has no recovery data, into `root`, if it is right.
fn copy(from: &Medium, root: &Folder, how: &Restoring<'_>) -> Result<()> {
    let read = |e| withheld::reading(format!("cannot read {from}"), e);
    let mut file = open_regular(from.path()).map_err(read)?;
    let (_, name) = Folder::holding(from.path())?;
    (how.check)(from)?;
    let len = file.metadata().map_err(read)?.len();
    room::check(root.path(), len, "for a copy")?;
    how.progress.event(writing(len, 1));
    let mut to = AtomicFile::within(root, name, MODE)?;
    let mut chunk = vec![0; 1 << 20];
    loop {
        how.progress.check()?;
        let got = file.read(&mut chunk).map_err(read)?;
        if got == 0 {
            break;
        }
        let fault = |e| Error::io(format!("cannot write into {}", root.path().display()), e);
        to.write_all(&chunk[..got]).map_err(fault)?;
        how.progress.event(Event::Advanced { digest: None, bytes: got as u64 });
    }
    how.progress.event(Event::Done);
    to.commit_new()
}

/// What is called `name` once it is finished.
fn unfinished(name: &OsStr) -> OsString {
    let mut temp = name.to_owned();
    temp.push(UNFINISHED);
    temp
}

/// Makes the folder `name` in `above`, in which nobody else writes and which gets its name when it was
/// filled. What is left in it of another run goes, and so does all of it when it cannot be filled.
pub(super) fn make_folder(
    above: &Folder,
    name: &OsStr,
    fill: impl FnOnce(&Folder) -> Result<()>,
) -> Result<()> {
    let temp = unfinished(name);
    let path = above.at(&temp);
    let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
    let root = above.make_below(&temp, SHARED).map_err(fault)?;
    FileInfo::of(root.handle()).map_err(fault)?.refuse_foreign(above, &path)?;
    lock_folder(&root)?;
    root.clear().map_err(fault)?;
    if let Err(error) = fill(&root) {
        // Nothing better can be done about a leftover than to leave it: the next run clears it.
        let _ = above.remove_folder(&temp, &root);
        return Err(error);
    }
    // It may have its name where that fails, and stays as it is.
    above.rename(&temp, name, root.handle(), Replace::No).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => taken(&above.at(name)),
        _ => Error::io(format!("cannot rename {}", path.display()), e),
    })?;
    above.sync()?;
    above.is_found()
}
