//! [`Scan`]: what whole packets say that are found in files, in whatever order and beside whatever else.
//!
//! They are by nobody: every number in them is held against a limit before anything is done with it, and
//! their names of files are text.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use md5::{Digest as _, Md5};

use super::packet::{FILE, HEADER, Header, MAGIC, MAIN, RECOVERY, RECOVERY_HEAD, SLICES, SUMMED};
use super::set::{MAX_SLICES, RecoverySet};
use super::sums::{FileSums, Md5Sum, SliceSum, md5};
use crate::words::error::Result;
use crate::words::progress::Progress;

/// Largest packet that is held in memory: the sums of as many slices as there can be have 640 KiB.
const MAX_BODY: u64 = 1 << 20;
/// Largest slice: a file of 32 PiB has as many of them as there can be.
const MAX_SLICE: u64 = 1 << 40;
/// Most sets that are looked at: others lie beside those of one bundle by mistake.
const MAX_SETS: usize = 16;
/// Most files of all sets; each has a slice at least.
const MAX_FILES: usize = 2 * MAX_SLICES;
/// Longest name of a file: longer than any in a bundle, or that a system takes.
const MAX_NAME: usize = 1_024;
/// Most slices of all sets.
const MAX_SUMS: usize = 4 * MAX_SLICES;
/// How often all bytes of a file are read, on the average: a packet whose digest is wrong may hold others.
const MAX_READ: u64 = 4;
/// How much is read at a time.
const CHUNK: usize = 256 << 10;

/// Packets that were found.
#[derive(Debug, Default)]
pub struct Scan {
    sets: BTreeMap<Md5Sum, Parts>,
    files: usize,
    sums: usize,
}

/// What was found of one set.
#[derive(Debug, Default)]
struct Parts {
    main: Option<(u64, Vec<Md5Sum>)>,
    files: BTreeMap<Md5Sum, FileSums>,
    sums: BTreeMap<Md5Sum, Vec<SliceSum>>,
    recovery: BTreeMap<u16, RecoverySlice>,
}

/// Where a whole recovery slice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoverySlice {
    /// Which one it is.
    pub exponent: u16,
    /// The number of the file that it was found in.
    pub file: usize,
    /// From which byte on.
    pub at: u64,
    len: u64,
}

/// A set of which all is known.
#[derive(Debug)]
pub struct FoundSet {
    /// It.
    pub set: RecoverySet,
    /// Its recovery slices, in order, each once.
    pub recovery: Vec<RecoverySlice>,
}

impl Scan {
    /// Looks for packets in `file`, which is called `number` in what is found. What cannot be read is
    /// taken as damaged.
    ///
    /// # Errors
    /// When its size is not told, and when it is stopped.
    pub fn file(&mut self, number: usize, file: &File, progress: &dyn Progress) -> Result<()> {
        let fault = |e| crate::words::error::Error::io("cannot look at a recovery file", e);
        let len = file.metadata().map_err(fault)?.len();
        let (mut at, mut left) = (0, len.saturating_mul(MAX_READ).saturating_add(MAX_BODY));
        while len - at >= HEADER as u64 && left > 0 {
            progress.check()?;
            let mut header = [0; HEADER];
            let read = file.read_exact_at(&mut header, at);
            let header = read.ok().and_then(|()| Header::read(&header));
            if let Some(header) = header.filter(|header| header.len <= len - at) {
                left = left.saturating_sub(header.len);
                if let Ok(Some(body)) = body(file, at, &header) {
                    self.take(&header, &body, number, at);
                    at += header.len;
                    continue;
                }
            }
            let Some(next) = next(file, at + 1, len) else { break };
            left = left.saturating_sub(next - at);
            at = next;
        }
        Ok(())
    }

    /// Takes a whole packet.
    fn take(&mut self, header: &Header, body: &[u8], number: usize, at: u64) {
        if !self.sets.contains_key(&header.set) && self.sets.len() >= MAX_SETS {
            return;
        }
        let parts = self.sets.entry(header.set).or_default();
        match header.kind {
            MAIN if parts.main.is_none() && md5([body]) == header.set => parts.main = main(body),
            FILE if self.files < MAX_FILES => {
                if let Some((id, sums)) = file(body) {
                    self.files += usize::from(parts.files.insert(id, sums).is_none());
                }
            }
            SLICES => {
                let Some((id, rest)) = body.split_first_chunk::<16>() else { return };
                let sums: Vec<SliceSum> = rest.chunks_exact(20).filter_map(slice).collect();
                if self.sums + sums.len() <= MAX_SUMS && !parts.sums.contains_key(id) {
                    self.sums += sums.len();
                    parts.sums.insert(*id, sums);
                }
            }
            RECOVERY => {
                let exponent = body.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
                // Behind 65,534 they begin again.
                let exponent = exponent.and_then(|exponent| u16::try_from(exponent).ok());
                let Some(exponent) = exponent.filter(|it| *it < u16::MAX) else { return };
                let len = header.len - RECOVERY_HEAD;
                let slice = RecoverySlice { exponent, file: number, at: at + RECOVERY_HEAD, len };
                parts.recovery.entry(exponent).or_insert(slice);
            }
            _ => {}
        }
    }

    /// The set of which all is known; of several that with the most recovery slices.
    #[must_use]
    pub fn found(self) -> Option<FoundSet> {
        self.sets().into_iter().next()
    }

    /// All sets of which all is known, those with the most recovery slices first.
    #[must_use]
    pub fn sets(self) -> Vec<FoundSet> {
        let sets = self.sets.into_iter().filter_map(|(id, parts)| parts.whole(id));
        let mut sets: Vec<FoundSet> = sets.collect();
        sets.sort_by_key(|found| std::cmp::Reverse(found.recovery.len()));
        sets
    }
}

impl Parts {
    fn whole(mut self, id: Md5Sum) -> Option<FoundSet> {
        let (slice_size, ids) = self.main?;
        let (mut files, mut count) = (Vec::with_capacity(ids.len()), 0_u64);
        for id in ids {
            let mut file = self.files.remove(&id)?;
            let slices = file.len.div_ceil(slice_size);
            count = count.checked_add(slices)?;
            file.slices = if slices == 0 { Vec::new() } else { self.sums.remove(&id)? };
            if file.slices.len() as u64 != slices || count > MAX_SLICES as u64 {
                return None;
            }
            files.push(file);
        }
        let mut recovery: Vec<RecoverySlice> = self.recovery.into_values().collect();
        recovery.retain(|slice| slice.len == slice_size);
        Some(FoundSet { set: RecoverySet { id, slice_size, files }, recovery })
    }
}

/// What the packet at `at` says, if its digest is right; of a recovery slice only which one it is.
fn body(file: &File, at: u64, header: &Header) -> io::Result<Option<Vec<u8>>> {
    let kept = if header.kind == RECOVERY { 4 } else { header.len - HEADER as u64 };
    if kept > MAX_BODY || header.len - (HEADER as u64) < kept {
        return Ok(None);
    }
    let (mut sum, mut body) = (Md5::new(), Vec::new());
    let (mut at, end) = (at + SUMMED as u64, at + header.len);
    let mut skipped = HEADER - SUMMED;
    let mut chunk = vec![0; CHUNK.min(usize::try_from(end - at).unwrap_or(CHUNK))];
    while at < end {
        let len = chunk.len().min(usize::try_from(end - at).unwrap_or(CHUNK));
        file.read_exact_at(&mut chunk[..len], at)?;
        sum.update(&chunk[..len]);
        // The first chunk holds all that is skipped: it is no shorter.
        let ahead = usize::try_from(kept).unwrap_or(0) - body.len();
        body.extend(chunk[skipped..len].iter().take(ahead));
        skipped = 0;
        at += len as u64;
    }
    Ok((<Md5Sum>::from(sum.finalize()) == header.md5).then_some(body))
}

/// Where the next packet may begin, from `at` on; what cannot be read holds none.
fn next(file: &File, mut at: u64, len: u64) -> Option<u64> {
    let mut chunk = vec![0; CHUNK];
    while len.saturating_sub(at) >= HEADER as u64 {
        let size = CHUNK.min(usize::try_from(len - at).unwrap_or(CHUNK));
        if file.read_exact_at(&mut chunk[..size], at).is_ok() {
            let found = chunk[..size].windows(MAGIC.len()).position(|bytes| bytes == MAGIC);
            if let Some(found) = found {
                return Some(at + found as u64);
            }
        }
        at += (size - (MAGIC.len() - 1)) as u64;
    }
    None
}

/// The size of slices, and which files the set has.
fn main(body: &[u8]) -> Option<(u64, Vec<Md5Sum>)> {
    let (slice_size, rest) = body.split_first_chunk::<8>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let slice_size = u64::from_le_bytes(*slice_size);
    let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
    let ids: Vec<Md5Sum> =
        rest.chunks_exact(16).filter_map(|id| id.try_into().ok()).take(count).collect();
    let is_size = slice_size > 0 && slice_size <= MAX_SLICE && slice_size.is_multiple_of(4);
    (is_size && ids.len() == count && count <= MAX_SLICES).then_some((slice_size, ids))
}

/// What a file is, and what it is called within the set; its slices are told elsewhere.
fn file(body: &[u8]) -> Option<(Md5Sum, FileSums)> {
    let (id, rest) = body.split_first_chunk::<16>()?;
    let (md5, rest) = rest.split_first_chunk::<16>()?;
    let (start, rest) = rest.split_first_chunk::<16>()?;
    let (len, name) = rest.split_first_chunk::<8>()?;
    let end = name.iter().rposition(|byte| *byte != 0)? + 1;
    let name = std::str::from_utf8(&name[..end]).ok().filter(|name| name.len() <= MAX_NAME)?;
    let (name, len) = (name.to_owned(), u64::from_le_bytes(*len));
    let sums = FileSums { name, len, md5: *md5, start: *start, slices: Vec::new() };
    (sums.id() == *id).then_some((*id, sums))
}

fn slice(bytes: &[u8]) -> Option<SliceSum> {
    let (md5, crc) = bytes.split_first_chunk::<16>()?;
    Some(SliceSum { md5: *md5, crc: u32::from_le_bytes(*crc.first_chunk()?) })
}
