//! [`LedgerChain`]: the lines of a ledger, each held against the one in front of it.

use std::path::{Path, PathBuf};

use super::entry::{LedgerEntry, claimed};
use super::event::{LedgerTorn, LedgerVerb};
use super::finding::{LedgerFault, LedgerFinding};
use super::head::{self, LedgerHead};
use super::state::LedgerState;
use crate::words::digest::{Digest, Hasher};
use crate::words::error::Result;

/// Most findings that are kept.
const MAX_FINDINGS: usize = 1_000;

/// Lines that are no entries, until it is known why.
#[derive(Debug)]
struct Region {
    hasher: Hasher,
    bytes: u64,
    /// Those of the last one, if that has no line feed.
    open: u64,
    /// Each, by its number in the file, with why it is none, and the digest that stands in it.
    lines: Vec<(u64, String, Option<Digest>)>,
}

/// The lines of a ledger, read in order.
#[derive(Debug)]
pub(super) struct LedgerChain {
    state: LedgerState,
    path: PathBuf,
    line: u64,
    /// Where in the file the lines end that were read.
    offset: u64,
    /// Whether nothing was read so far.
    is_new: bool,
    /// The last entry, by its number and, where that is known, its digest.
    last: Option<(u64, Option<Digest>)>,
    /// What the entry before the last one is.
    before: Option<(u64, Digest)>,
    region: Option<Region>,
    /// Whether they are entries alone, without what these account for.
    is_bare: bool,
}

impl LedgerChain {
    /// Nothing yet.
    pub(super) fn new() -> LedgerChain {
        LedgerChain::behind(None, Path::new(""), 0)
    }

    /// What stands behind the entry `last`, which ends at byte `offset` of the file `path`.
    pub(super) fn behind(last: Option<(u64, Digest)>, path: &Path, offset: u64) -> LedgerChain {
        LedgerChain {
            state: LedgerState { last, ..LedgerState::default() },
            path: path.to_owned(),
            line: 0,
            offset,
            is_new: last.is_none(),
            last: last.map(|(sequence, digest)| (sequence, Some(digest))),
            before: None,
            region: None,
            is_bare: false,
        }
    }

    /// The same, of entries alone, without what these account for.
    pub(super) fn bare(self) -> LedgerChain {
        LedgerChain { is_bare: true, ..self }
    }

    /// The lines that follow are those of the file `path`.
    pub(super) fn begin(&mut self, path: &Path) {
        self.flush();
        (self.path, self.line, self.offset) = (path.to_owned(), 0, 0);
    }

    /// Takes the next line, and hands it to `each` where it is an entry as it was written.
    pub(super) fn line(
        &mut self,
        line: &[u8],
        each: &mut dyn FnMut(&LedgerEntry, &Digest) -> Result<()>,
    ) -> Result<()> {
        self.line += 1;
        self.offset += line.len() as u64;
        match LedgerEntry::from_line(line) {
            Ok((entry, digest)) => {
                self.account(&entry);
                self.follow(&entry, digest);
                each(&entry, &digest)
            }
            Err(why) => {
                self.strange(line, why);
                Ok(())
            }
        }
    }

    fn strange(&mut self, line: &[u8], why: String) {
        let region = self.region.get_or_insert_with(|| Region {
            hasher: Hasher::new(),
            bytes: 0,
            open: 0,
            lines: Vec::new(),
        });
        region.hasher.update(line);
        region.bytes += line.len() as u64;
        region.open = if line.ends_with(b"\n") { 0 } else { line.len() as u64 };
        let digest = claimed(line.strip_suffix(b"\n").unwrap_or(line));
        region.lines.push((self.line, why, digest));
    }

    /// Settles what stands in front of `entry` and is none.
    fn account(&mut self, entry: &LedgerEntry) {
        let told = entry.event.torn.as_ref().filter(|_| entry.event.verb == LedgerVerb::Mend);
        let Some(told) = told else { return self.flush() };
        match self.region.take() {
            Some(Region { hasher, bytes, lines, .. }) => {
                let found = LedgerTorn { bytes, digest: hasher.finish() };
                match found == *told {
                    true => self.state.mended += 1,
                    false => self.changed(lines),
                }
            }
            None if self.is_bare => {}
            None => self.find(
                LedgerFault::Missing,
                (entry.sequence, entry.sequence),
                format!("what entry {} accounts for is not in front of it", entry.sequence),
            ),
        }
    }

    /// What nobody accounts for was changed.
    fn flush(&mut self) {
        if let Some(region) = self.region.take() {
            self.changed(region.lines);
        }
    }

    fn changed(&mut self, lines: Vec<(u64, String, Option<Digest>)>) {
        for (line, why, digest) in lines {
            let sequence = self.last.map_or(0, |(sequence, _)| sequence) + 1;
            let text = format!("entry {sequence} is not as it was written: {why}");
            self.find_at(LedgerFault::Changed, (sequence, sequence), Some(line), text);
            self.last = Some((sequence, digest));
            self.is_new = false;
        }
    }

    /// Holds `entry` against the one in front of it.
    fn follow(&mut self, entry: &LedgerEntry, digest: Digest) {
        let sequence = entry.sequence;
        self.state.entries += 1;
        let begins = std::mem::replace(&mut self.is_new, false);
        let expected = match self.last {
            None if begins && entry.event.verb == LedgerVerb::Rotate => {
                self.state.behind = entry.previous.map(|before| (sequence - 1, before));
                sequence
            }
            None => 1,
            Some((last, _)) => last + 1,
        };
        if sequence < expected {
            let last = expected - 1;
            let text = format!("entry {sequence} stands behind entry {last}");
            return self.find(LedgerFault::Misplaced, (sequence, sequence), text);
        }
        if sequence > expected {
            let text = match sequence - expected {
                1 => format!("entry {expected} is missing"),
                _ => format!("entries {expected} to {} are missing", sequence - 1),
            };
            self.find(LedgerFault::Missing, (expected, sequence - 1), text);
        } else if let Some((last, Some(before))) = self.last
            && entry.previous != Some(before)
        {
            let text =
                format!("entry {sequence} does not follow entry {last} as that stands there");
            self.find(LedgerFault::Rewritten, (sequence, sequence), text);
        }
        self.before = entry.previous.map(|before| (sequence - 1, before));
        self.last = Some((sequence, Some(digest)));
        self.state.last = Some((sequence, digest));
    }

    fn find(&mut self, kind: LedgerFault, which: (u64, u64), text: String) {
        self.find_at(kind, which, Some(self.line), text);
    }

    fn find_at(
        &mut self,
        kind: LedgerFault,
        (sequence, to): (u64, u64),
        line: Option<u64>,
        text: String,
    ) {
        if self.state.findings.len() < MAX_FINDINGS {
            let file = self.path.clone();
            self.state.findings.push(LedgerFinding { kind, sequence, to, file, line, text });
        }
    }

    /// What there is at the end that is no entry, and that nobody accounts for yet.
    pub(super) fn loose(&self) -> u64 {
        self.region.as_ref().map_or(0, |region| region.bytes)
    }

    /// What was found of the file, which has `size` bytes and ends as `head` says.
    pub(super) fn end(mut self, head: Option<&LedgerHead>, size: u64) -> LedgerState {
        let loose = self.loose();
        // What stands behind the end that is known was being written when something ended that. Where
        // nobody knows that, only what has no end of its own was.
        match head {
            Some(head) if size - loose.min(size) < head.size && head.size <= size => self.flush(),
            Some(_) => self.take_torn(),
            None => self.take_open(),
        }
        if let Some(head) = head {
            self.hold_against(head);
        }
        let misplaced: Vec<u64> = self
            .state
            .findings
            .iter()
            .filter(|it| it.kind == LedgerFault::Misplaced)
            .map(|it| it.sequence)
            .collect();
        // What stands elsewhere is not missing.
        self.state.findings.retain(|it| {
            it.kind != LedgerFault::Missing
                || !(it.sequence..=it.to).all(|n| misplaced.contains(&n))
        });
        self.state.anchored = head.is_some();
        self.state
    }

    /// Takes all that is no entry for what was being written.
    pub(super) fn take_torn(&mut self) {
        self.state.torn = self.region.take().map_or(0, |region| region.bytes);
    }

    /// Takes the last line for what was being written, if it has no end.
    fn take_open(&mut self) {
        let Some(mut region) = self.region.take() else { return };
        if region.open > 0 {
            self.state.torn = region.open;
            region.lines.pop();
        }
        self.changed(region.lines);
    }

    fn hold_against(&mut self, head: &LedgerHead) {
        let last = self.last.map_or(0, |(sequence, _)| sequence);
        let place = head::place(&self.path).display().to_string();
        if head.sequence > last {
            let which = match head.sequence - last {
                1 => format!("entry {} is", head.sequence),
                _ => format!("entries {} to {} are", last + 1, head.sequence),
            };
            let text = format!("{which} missing at the end, as {place} says");
            let which = (last + 1, head.sequence);
            self.state.torn = 0;
            return self.find_at(LedgerFault::CutOff, which, None, text);
        }
        // One entry may have been written when something ended that, before its head was.
        let known = match last - head.sequence {
            0 => self.last.and_then(|(_, digest)| digest).map(|digest| (last, digest)),
            1 => self.before,
            _ => {
                let text = format!("{place} ends with entry {}, long before", head.sequence);
                let which = (head.sequence, last);
                return self.find_at(LedgerFault::HeadBehind, which, None, text);
            }
        };
        if known.is_some_and(|known| known != head.last()) {
            let text = format!("entry {} is another one than {place} says", head.sequence);
            let which = (head.sequence, head.sequence);
            self.find_at(LedgerFault::Rewritten, which, None, text);
        }
    }
}
