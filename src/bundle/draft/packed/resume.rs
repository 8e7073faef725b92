//! Layers of which a part is in the file: what an interrupted export wrote of one is not moved
//! again.

use std::io;
use std::os::unix::fs::FileExt as _;

use super::super::written::Reached;
use super::{PackedDraft, Slot};
use crate::storage::content::Content;
use crate::tools::buffer::BUFFER;
use crate::words::document::Descriptor;
use crate::words::error::Result;

impl PackedDraft {
    /// The place of the layer in `slot`.
    pub(super) fn place<'f>(&'f self, slot: &Slot) -> Reached<'f> {
        Reached { file: &self.file, start: slot.data(), size: slot.size }
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
        let place = self.place(slot);
        let there = || Ok(place.first(place.there().map_err(|e| self.fault(e))?));
        let write = |from, content: &mut dyn Content| self.write(slot, from, content);
        self.spoilt.go_on(&blob.digest, there, content, write)
    }
}
