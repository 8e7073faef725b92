//! Layers of which a part is in the file: what an interrupted export wrote of one is not moved
//! again.
//!
//! Nobody notes how far a layer got. It was written front to back into a file that had nothing
//! there, so its last byte that is not zero tells: it may have got further, never less far. What
//! is there is hashed again, and the digest of the whole decides.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::PoisonError;

use rustix::fs::{SeekFrom, seek};

use super::{PackedDraft, Slot};
use crate::storage::content::Content;
use crate::tools::buffer::BUFFER;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Result};

impl PackedDraft {
    /// Where the bytes end that were written of `slot`, at most: at a hole, or where the file ends.
    fn reached(&self, slot: &Slot) -> Result<u64> {
        let end = self.length()?.min(slot.data() + slot.size);
        // File systems without holes have none; behind the end of the file there is nothing.
        let hole = match end > slot.data() {
            true => seek(&*self.file, SeekFrom::Hole(slot.data())).unwrap_or(end),
            false => end,
        };
        Ok(end.min(hole).max(slot.data()))
    }

    /// Whether all bytes of `slot` were written, whatever they are.
    pub(super) fn is_written(&self, slot: &Slot) -> Result<bool> {
        Ok(self.reached(slot)? == slot.data() + slot.size)
    }

    /// How many bytes of `slot` were written, at least.
    fn there(&self, slot: &Slot) -> Result<u64> {
        let (start, mut end) = (slot.data(), self.reached(slot)?);
        let mut buffer = vec![0; BUFFER];
        while end > start {
            let want = usize::try_from(end - start).unwrap_or(BUFFER).min(BUFFER);
            let part = &mut buffer[..want];
            // What cannot be read is not there.
            if self.file.read_exact_at(part, end - want as u64).is_err() {
                return Ok(0);
            }
            end -= want as u64;
            if let Some(last) = part.iter().rposition(|byte| *byte != 0) {
                return Ok(end + last as u64 + 1 - start);
            }
        }
        Ok(0)
    }

    /// Writes what comes, from byte `from` of `slot` on. What does not fit is not written: behind
    /// the slot lies somebody else's.
    pub(super) fn write(&self, slot: &Slot, from: u64, content: &mut dyn Content) -> Result<()> {
        let (mut at, end) = (slot.data() + from, slot.data() + slot.size);
        let mut buffer = vec![0; BUFFER];
        loop {
            let got = content.read(&mut buffer).map_err(|e| self.fault(e))?;
            if got == 0 {
                return Ok(());
            }
            if got as u64 > end.saturating_sub(at) {
                let text = format!("{} bytes are planned there, and more came", slot.size);
                return Err(self.fault(io::Error::new(io::ErrorKind::InvalidData, text)));
            }
            self.file.write_all_at(&buffer[..got], at).map_err(|e| self.fault(e))?;
            at += got as u64;
        }
    }

    /// Puts the bytes of `blob` into `slot`, behind those that are there.
    pub(super) fn fill(
        &self,
        slot: &Slot,
        blob: &Descriptor,
        content: &mut dyn Content,
    ) -> Result<()> {
        let spoilt = || self.spoilt.lock().unwrap_or_else(PoisonError::into_inner);
        let there = match spoilt().contains(&blob.digest) {
            true => 0,
            false => self.there(slot)?,
        };
        let mut taken = 0;
        if there > 0 {
            taken = content.resume(&mut self.written(slot, there).reader(0))?;
        }
        let mut done = self.write(slot, taken, content);
        if taken > 0 && done.as_ref().is_err_and(|e| e.class() == Class::Damaged) {
            // It may be what was left that is wrong, and not what came.
            content.seek(0)?;
            done = self.write(slot, 0, content);
        }
        if done.as_ref().is_err_and(|e| e.class() == Class::Damaged) {
            spoilt().insert(blob.digest);
        }
        done
    }
}
