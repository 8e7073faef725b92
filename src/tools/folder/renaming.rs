//! Giving what was written another name, and seeing that it has it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;

use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{FileInfo, Folder, Replace, one};
use crate::words::error::{Class, Error};

impl Folder {
    /// Calls `from` by the name `to` instead, if it is what is open as `written`: before and
    /// after, since a name can be exchanged in between.
    ///
    /// # Errors
    /// `AlreadyExists` where something stands under `to` that may not go; [`Class::Refused`]
    /// inside for what is something else than was written; and when the disk refuses.
    pub fn rename(
        &self,
        from: impl AsRef<OsStr>,
        to: impl AsRef<OsStr>,
        written: impl AsFd,
        replace: Replace,
    ) -> io::Result<()> {
        self.rename_into(from, (self, to), written, replace)
    }

    /// As [`rename`](Folder::rename), to a name in another folder of the same file system.
    ///
    /// # Errors
    /// As there; `CrossesDevices` where it is another file system.
    pub fn rename_into(
        &self,
        from: impl AsRef<OsStr>,
        (folder, to): (&Folder, impl AsRef<OsStr>),
        written: impl AsFd,
        replace: Replace,
    ) -> io::Result<()> {
        let (from, to) = (one(from.as_ref())?, one(to.as_ref())?);
        let written = FileInfo::of(written)?;
        self.compare(from, &written)?;
        let (here, there) = (&*self.handle, &*folder.handle);
        match replace {
            Replace::Yes => rustix::fs::renameat(here, from, there, to)?,
            Replace::No => {
                let flags = RenameFlags::NOREPLACE;
                match renameat_with(here, from, there, to, flags) {
                    // FAT, NFS and old kernels cannot promise it; a look just before has to do.
                    Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match folder.look(to)? {
                        Some(_) => return Err(io::ErrorKind::AlreadyExists.into()),
                        None => rustix::fs::renameat(here, from, there, to)?,
                    },
                    other => other?,
                }
            }
        }
        self.settled(from, (folder, to), &written)
    }

    /// Fails when `to`, which was `from`, is not what was written; then it does not keep the name.
    pub(super) fn settled(
        &self,
        from: &OsStr,
        (folder, to): (&Folder, &OsStr),
        written: &FileInfo,
    ) -> io::Result<()> {
        // Where the system does not tell, it keeps it: what stood there before may be gone.
        let there = folder.look(to)?;
        folder.same(to, there, written).inspect_err(|_| {
            let handles = (&*folder.handle, &*self.handle);
            // Nothing better can be done where that fails: the error is told in any case.
            let _ = renameat_with(handles.0, to, handles.1, from, RenameFlags::NOREPLACE);
        })
    }

    pub(super) fn compare(&self, name: &OsStr, written: &FileInfo) -> io::Result<()> {
        self.same(name, self.look(name)?, written)
    }

    /// Fails unless `there`, which has the `name`, is what was written.
    pub(super) fn same(
        &self,
        name: &OsStr,
        there: Option<FileInfo>,
        written: &FileInfo,
    ) -> io::Result<()> {
        if there.is_some_and(|there| there.identity == written.identity) {
            return Ok(());
        }
        let text = format!("{} is not what was written there", self.at(name).display());
        let hint = "somebody else writes into that folder: use nothing from it, and choose one \
                    that only you may write";
        Err(Error::new(Class::Refused, text).hint(hint).into_io())
    }
}
