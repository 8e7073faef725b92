//! A second name for a file, in place of a copy of its bytes.

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use rustix::fs::{AtFlags, Mode, fchmod, linkat, syncfs};
use rustix::io::Errno;

use super::about::FileInfo;
use super::{Folder, one};
use crate::tools::disk_fault::is_disk_fault;
use crate::words::error::{Error, Result};

/// Permissions by which anybody writes.
const WRITE: u32 = 0o222;

impl Folder {
    /// Makes durable all that was written to its file system, by whomever: one step for many files that
    /// others have written. File systems that cannot are taken at their word.
    ///
    /// # Errors
    /// When the disk reports a fault.
    pub fn sync_disk(&self) -> Result<()> {
        match syncfs(self.handle()) {
            Ok(()) | Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(()),
            Err(e) => {
                let text = format!("cannot sync the disk of {}", self.path().display());
                Err(Error::io(text, e.into()))
            }
        }
    }

    /// Calls its file `name`, which is open as `file`, `new` in the folder `to` as well: see
    /// [`NamedFile::link`](crate::tools::named_file::NamedFile::link).
    ///
    /// # Errors
    /// As there.
    pub(in crate::tools) fn link_file(
        &self,
        name: &OsStr,
        file: &File,
        to: &Folder,
        new: &OsStr,
        passes: bool,
    ) -> io::Result<bool> {
        let (name, new) = (one(name)?, one(new)?);
        let about = FileInfo::of(file)?;
        let (device, _) = FileInfo::of(to.handle())?.identity;
        if about.identity.0 != device || !about.is_ours(self) {
            return Ok(false);
        }
        to.remove(new)?;
        match linkat(self.handle(), name, to.handle(), new, AtFlags::empty()) {
            Ok(()) => {}
            Err(e) if is_disk_fault(&e.into()) => return Err(e.into()),
            // As each file system says that it has no such thing.
            Err(_) => return Ok(false),
        }
        let done = to.is(new, file)? && (passes || read_only(file, &about));
        if !done {
            to.remove(new)?;
        }
        Ok(done)
    }
}

/// Keeps `file` from being written by anybody but those who may do anything; whether that is so now.
fn read_only(file: &File, about: &FileInfo) -> bool {
    let mode = about.mode & 0o7777;
    mode & WRITE == 0 || fchmod(file, Mode::from_raw_mode(mode & !WRITE)).is_ok()
}
