//! [`Reached`]: how far the bytes of a layer got into their place, where an interrupted export wrote them.
//! They are not moved again.
//!
//! Nobody notes how far a layer got. It was written front to back into a file that had nothing
//! there, so its last byte that is not zero tells: it may have got further, never less far. What
//! is there is hashed again, and the digest of the whole decides.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{SeekFrom, seek};

use crate::storage::content::Content;
use crate::tools::buffer::BUFFER;
use crate::tools::stretch::Stretch;
use crate::words::digest::Digest;
use crate::words::error::{Class, Result};

/// The place of bytes in a file that is in the making.
pub(in crate::bundle) struct Reached<'f> {
    pub file: &'f Arc<File>,
    pub start: u64,
    pub size: u64,
}

impl Reached<'_> {
    /// Where the bytes end that were written, at most: at a hole, or where the file ends.
    fn reached(&self) -> io::Result<u64> {
        let end = self.file.metadata()?.len().min(self.start + self.size);
        // File systems without holes have none; behind the end of the file there is nothing.
        let hole = match end > self.start {
            true => seek(&**self.file, SeekFrom::Hole(self.start)).unwrap_or(end),
            false => end,
        };
        Ok(end.min(hole).max(self.start))
    }

    /// Whether all bytes were written, whatever they are.
    pub fn is_whole(&self) -> io::Result<bool> {
        Ok(self.reached()? == self.start + self.size)
    }

    /// How many bytes were written, at least.
    pub fn there(&self) -> io::Result<u64> {
        let mut end = self.reached()?;
        let mut buffer = vec![0; BUFFER];
        while end > self.start {
            let want = usize::try_from(end - self.start).unwrap_or(BUFFER).min(BUFFER);
            let part = &mut buffer[..want];
            // What cannot be read is not there.
            if self.file.read_exact_at(part, end - want as u64).is_err() {
                return Ok(0);
            }
            end -= want as u64;
            if let Some(last) = part.iter().rposition(|byte| *byte != 0) {
                return Ok(end + last as u64 + 1 - self.start);
            }
        }
        Ok(0)
    }

    /// The first `size` bytes.
    pub fn first(&self, size: u64) -> Stretch {
        Stretch::new(Arc::clone(self.file), self.start, size)
    }
}

/// Layers of which wrong bytes came: what is there of them is not gone on with.
#[derive(Debug, Default)]
pub(super) struct Spoilt(Mutex<BTreeSet<Digest>>);

impl Spoilt {
    /// Writes the bytes of `blob` behind those that are `there` of it. `write` gets where in the blob it
    /// begins, and `content` at that position.
    pub fn go_on(
        &self,
        blob: &Digest,
        there: impl FnOnce() -> Result<Stretch>,
        content: &mut dyn Content,
        mut write: impl FnMut(u64, &mut dyn Content) -> Result<()>,
    ) -> Result<()> {
        let spoilt = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = 0;
        if !spoilt().contains(blob) {
            let there = there()?;
            if there.size() > 0 {
                taken = content.resume(&mut there.reader(0))?;
            }
        }
        let mut done = write(taken, content);
        if taken > 0 && done.as_ref().is_err_and(|e| e.class() == Class::Damaged) {
            // It may be what was left that is wrong, and not what came.
            content.seek(0)?;
            done = write(0, content);
        }
        if done.as_ref().is_err_and(|e| e.class() == Class::Damaged) {
            spoilt().insert(*blob);
        }
        done
    }
}
