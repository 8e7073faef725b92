//! A ledger is put aside, and goes on in the next file.

use std::io;
use std::path::PathBuf;

use super::aside::aside;
use super::entry::{LedgerEntry, LedgerScribe};
use super::event::{LedgerEvent, LedgerStage, LedgerVerb};
use super::faults;
use super::head::MODE;
use super::settled::Settled;
use crate::tools::folder::Replace;
use crate::words::error::Result;

impl Settled {
    /// Puts the file aside, begins the next, and gives the name of the one that was put aside.
    pub(super) fn rotate(&mut self, scribe: &LedgerScribe) -> Result<PathBuf> {
        let nothing = || faults::nothing(&self.path);
        let (last, _) = self.last.ok_or_else(nothing)?;
        let disk = |e: io::Error| faults::disk(&self.path, e);
        let old = self.folder.file(&self.name).map_err(disk)?;
        // What a crash left in the first line has no number, and there is none before 1.
        let first = LedgerEntry::first_in(&old).map_err(disk)?.map_or(1, |it| it.sequence);
        let put = aside(&self.name, first, last);
        self.folder.rename(&self.name, &put, &old, Replace::No).map_err(disk)?;
        self.folder.sync()?;
        let file = self.folder.create(&self.name, MODE).map_err(disk)?;
        self.go_on_in(file);
        self.begin(scribe)?;
        Ok(self.folder.at(&put))
    }

    /// Begins the next file where something ended that.
    pub(super) fn finish_rotation(&mut self, scribe: &LedgerScribe) -> Result<()> {
        match self.is_put_aside {
            true => {
                self.is_put_aside = false;
                self.begin(scribe)
            }
            false => Ok(()),
        }
    }

    fn begin(&mut self, scribe: &LedgerScribe) -> Result<()> {
        self.write(LedgerEvent::new(LedgerVerb::Rotate, LedgerStage::Done), scribe)?;
        self.folder.sync()
    }
}
