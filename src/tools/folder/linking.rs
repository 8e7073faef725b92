//! A second name for a file, in place of a copy of its bytes.

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use rustix::fs::{AtFlags, Mode, fchmod, linkat};

use super::about::FileInfo;
use super::{Folder, one};

/// Permissions by which anybody writes.
const WRITE: u32 = 0o222;

impl Folder {
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
        // What the second name promises has to be on the disk.
        file.sync_data()?;
        to.remove(new)?;
        if linkat(self.handle(), name, to.handle(), new, AtFlags::empty()).is_err() {
            return Ok(false);
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
