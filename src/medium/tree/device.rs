//! What the device gives of a tree's files, beside what the system has of them in memory.

use std::io::Read as _;
use std::ops::RangeInclusive;

use super::super::holder::PastMemory;
use super::Tree;
use crate::tools::buffer::BUFFER;
use crate::tools::uncached::{ReadBack, forget};
use crate::words::error::Result;

impl Tree {
    /// The same, every byte of which is from now on read as the device gives it, past what the system
    /// has of it in memory, as far as the file system lets it be: its list too, where that is made of
    /// bytes of files. See [`read_back`](Tree::read_back).
    ///
    /// # Errors
    /// Those of the disk.
    pub fn past_cache(self) -> Result<Tree> {
        let Some(PastMemory { mut entries, holder }) = self.holder.list_past_cache(&self.path)?
        else {
            return Ok(Tree { past_cache: true, ..self });
        };
        let Some(holder) = holder else {
            return Ok(Tree { entries, past_cache: true, ..self });
        };
        // What was no volume, or could not be opened, is so still.
        for fault in self.entries.faults {
            if !entries.faults.iter().any(|it| (&it.path, &it.what) == (&fault.path, &fault.what)) {
                entries.faults.push(fault);
            }
        }
        Ok(Tree { entries, holder, past_cache: true, ..self })
    }

    /// Whether it is [read past memory](Tree::past_cache).
    #[must_use]
    pub fn is_past_cache(&self) -> bool {
        self.past_cache
    }

    /// How its bytes are read back, where they are [read past memory](Tree::past_cache).
    #[must_use]
    pub fn read_back(&self) -> Option<ReadBack> {
        let (first, _) = self.files().find(|(_, size)| self.past_cache && *size > 0)?;
        let stretch = self.open_file(first, 0).ok()?.stretch()?;
        stretch.position(0).map(|it| ReadBack::of(it.file))
    }

    /// From which byte of the file `path` to which one the device gives others than the system has in
    /// memory; nothing where it is not read past memory, or nothing differs.
    #[must_use]
    pub fn differing(&self, path: &str) -> Option<RangeInclusive<u64>> {
        let pieces = self.entries.files.get(path).filter(|_| self.past_cache)?;
        let mut memory = self.holder.open(&self.path, path, pieces, 0).ok()?;
        let mut device = self.open_file(path, 0).ok()?;
        let (mut one, mut other) = (vec![0; BUFFER], vec![0; BUFFER]);
        let (mut at, mut found) = (0, None::<RangeInclusive<u64>>);
        while at < pieces.size() {
            let want = usize::try_from(pieces.size() - at).unwrap_or(BUFFER).min(BUFFER);
            let (one, other) = (&mut one[..want], &mut other[..want]);
            // What cannot be read cannot be compared.
            if memory.read_exact(one).and_then(|()| device.read_exact(other)).is_err() {
                break;
            }
            let differs = |n: &usize| one[*n] != other[*n];
            if let (Some(first), Some(last)) =
                ((0..want).find(differs), (0..want).rev().find(differs))
            {
                let begin = found.map_or(at + first as u64, |found| *found.start());
                found = Some(begin..=at + last as u64);
            }
            at += want as u64;
        }
        found
    }

    /// Has the system let go of what it has of the files in memory, as far as it does, so that whoever
    /// looks next sees what the device has.
    pub fn forget(&self) {
        for (path, _) in self.files() {
            let stretch = self.open_file(path, 0).ok().and_then(|reader| reader.stretch());
            let mut at = 0;
            while let Some(part) = stretch.as_ref().and_then(|stretch| stretch.position(at)) {
                // What stands before the first byte in a tar goes with it.
                forget(part.file, part.at.saturating_sub(BUFFER as u64), part.left + BUFFER as u64);
                at += part.left.max(1);
            }
        }
    }
}
