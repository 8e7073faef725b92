//! [`entries`]: what is in a tar that is decrypted where it is read.

use std::io::{self, Read as _};
use std::sync::Arc;

use super::entries::Entries;
use super::fault::{FaultKind, TreeFault};
use super::scan;
use super::tar_bytes::TarBytes;
use crate::tools::cipher::{Plain, Unlocked};

/// What is in the tar that is in `unlocked`, and what is wrong with it.
///
/// # Errors
/// Any fault of the disk.
pub(super) fn entries(unlocked: &Arc<Unlocked>) -> io::Result<Entries> {
    let mut entries = scan::list(&mut Decrypted::new(unlocked), false)?;
    if !unlocked.is_whole() && !entries.faults.iter().any(TreeFault::is_truncated) {
        let what = "what was encrypted last is not as it was".to_owned();
        let kind = FaultKind::Unacceptable;
        entries.faults.push(TreeFault { path: String::new(), kind, what });
    }
    Ok(entries)
}

/// The tar in an encrypted file.
struct Decrypted {
    plain: Plain,
    length: u64,
}

impl Decrypted {
    fn new(unlocked: &Arc<Unlocked>) -> Decrypted {
        let length = unlocked.length();
        Decrypted { plain: Plain::new(Arc::clone(unlocked), 0, length), length }
    }
}

impl TarBytes for Decrypted {
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(at)).unwrap_or(usize::MAX);
        let got = left.min(buffer.len());
        self.plain.go_to(at);
        self.plain.read_exact(&mut buffer[..got])?;
        Ok(got)
    }

    fn reaches(&mut self, end: u64) -> io::Result<bool> {
        Ok(end <= self.length)
    }

    fn end(&self) -> u64 {
        self.length
    }
}
