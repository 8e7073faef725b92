//! A ledger is read, line by line.

use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::chain::LedgerChain;
use super::entry::{LedgerEntry, MAX_LINE};
use super::faults;
use super::head::LedgerHead;
use super::state::LedgerState;
use crate::tools::file::open_regular;
use crate::words::digest::Digest;
use crate::words::error::Result;

/// How much is read at a time.
pub(super) const BUFFER: usize = 1 << 20;

impl LedgerState {
    /// Reads `files`, each of which goes on from the one before, and hands `each` entry on that is as
    /// it was written. The last file is held against its head, where that lies beside it.
    ///
    /// # Errors
    /// When a file cannot be read, or `each` fails. What is wrong with them is in
    /// [`findings`](LedgerState::findings).
    pub fn read(
        files: &[PathBuf],
        mut each: impl FnMut(&LedgerEntry, &Digest) -> Result<()>,
    ) -> Result<LedgerState> {
        let mut chain = LedgerChain::new();
        let mut end = 0;
        for path in files {
            let file = open_regular(path).map_err(|e| faults::unreadable(path, e))?;
            end = file.metadata().map_err(|e| faults::unreadable(path, e))?.len();
            // What is added meanwhile is not looked at.
            let reader = BufReader::with_capacity(BUFFER, file.take(end));
            chain.begin(path);
            read_lines(reader, path, &mut |line| chain.line(line, &mut each))?;
        }
        let head = match files.last() {
            Some(path) => LedgerHead::beside(path)?,
            None => None,
        };
        Ok(chain.end(head.as_ref(), end))
    }
}

/// Hands each line of `reader`, which reads `path`, to `each`, with its line feed where it has one. Of
/// a line that is longer than any, as much as that.
pub(super) fn read_lines(
    mut reader: impl BufRead,
    path: &Path,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut reader).take(MAX_LINE);
        limited.read_until(b'\n', &mut line).map_err(|e| faults::unreadable(path, e))?;
        if line.is_empty() {
            return Ok(());
        }
        each(&line)?;
    }
}
