//! [`LedgerHead`]: where a ledger ends, kept beside it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::faults;
use crate::tools::file::open_regular;
use crate::tools::folder::{Folder, Replace};
use crate::words::digest::Digest;
use crate::words::error::Result;

/// The version of the file.
const VERSION: u64 = 1;
/// Largest head: it has some 150 bytes.
const MAX_HEAD: u64 = 4 << 10;
/// Permissions: what was done is nobody else's business.
pub(super) const MODE: u32 = 0o600;

/// Where a ledger ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerHead {
    version: u64,
    /// The number of its last entry.
    pub sequence: u64,
    /// The digest of that.
    pub digest: Digest,
    /// Where in the file that ends.
    pub size: u64,
}

impl LedgerHead {
    pub(super) fn new((sequence, digest): (u64, Digest), size: u64) -> LedgerHead {
        LedgerHead { version: VERSION, sequence, digest, size }
    }

    /// Which entry is the last.
    pub(super) fn last(&self) -> (u64, Digest) {
        (self.sequence, self.digest)
    }

    /// The head of the ledger `path`, if there is one beside it.
    ///
    /// # Errors
    /// [`Class::Damaged`](crate::words::error::Class::Damaged) for something else in its place; that of
    /// the disk.
    pub fn beside(path: &Path) -> Result<Option<LedgerHead>> {
        let at = path.with_file_name(name(path.file_name().unwrap_or_default()));
        match open_regular(&at) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => LedgerHead::of(opened, &at).map(Some),
        }
    }

    /// That of the ledger `ledger` in `folder`.
    pub(super) fn in_folder(folder: &Folder, ledger: &OsStr) -> Result<Option<LedgerHead>> {
        let head = name(ledger);
        match folder.file(&head) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => LedgerHead::of(opened, &folder.at(&head)).map(Some),
        }
    }

    fn of(opened: io::Result<std::fs::File>, at: &Path) -> Result<LedgerHead> {
        let mut bytes = Vec::new();
        let read = opened.and_then(|file| file.take(MAX_HEAD).read_to_end(&mut bytes));
        read.map_err(|e| faults::unreadable(at, e))?;
        let head: Option<LedgerHead> = serde_json::from_slice(&bytes).ok();
        let head = head.filter(|head| head.version == VERSION && head.to_bytes() == bytes);
        head.ok_or_else(|| faults::no_head(at))
    }

    /// Puts it in the place of the one before, where `ledger` lies in `folder`, which is locked.
    pub(super) fn write(&self, folder: &Folder, ledger: &OsStr) -> io::Result<()> {
        let (head, mut new) = (name(ledger), name(ledger));
        new.push(".new");
        // One that a killed run left.
        folder.remove(&new)?;
        let mut file = folder.create(&new, MODE)?;
        file.write_all(&self.to_bytes())?;
        file.sync_all()?;
        folder.rename(&new, &head, &file, Replace::Yes)?;
        folder.sync().map_err(crate::words::error::Error::into_io)
    }

    fn to_bytes(&self) -> Vec<u8> {
        // Only maps with keys that are no text cannot be written, and there are none.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// What the head of the ledger `ledger` is called.
fn name(ledger: &OsStr) -> OsString {
    let mut name = ledger.to_owned();
    name.push(".head");
    name
}

/// Where the head of the ledger `path` is.
pub(super) fn place(path: &Path) -> PathBuf {
    path.with_file_name(name(path.file_name().unwrap_or_default()))
}
