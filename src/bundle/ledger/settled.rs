//! [`Settled`]: a ledger that is open and locked, of which it is known how it ends.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::aside::is_put_aside as was_put_aside;
use super::chain::LedgerChain;
use super::entry::{LedgerEntry, LedgerScribe, MAX_LINE};
use super::event::{LedgerEvent, LedgerStage, LedgerTorn, LedgerVerb};
use super::faults;
use super::head::{LedgerHead, MODE};
use crate::tools::folder::Folder;
use crate::tools::lock::lock_patiently;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};

/// How long another one is waited for that writes: it takes a moment.
const PATIENCE: Duration = Duration::from_secs(10);
/// Permissions of a folder that is made for it.
const PRIVATE: u32 = 0o700;
/// How every entry begins.
const FIRST: &[u8] = b"{\"version\":";
/// Most bytes behind the end that is known: an entry that was being written, and what a crash left
/// before that.
const MAX_LOOSE: u64 = 2 * MAX_LINE;

/// A ledger that nobody else writes.
pub(super) struct Settled {
    pub(super) folder: Folder,
    pub(super) name: OsString,
    pub(super) path: PathBuf,
    file: File,
    /// Its last entry.
    pub(super) last: Option<(u64, Digest)>,
    /// Where that ends.
    pub(super) size: u64,
    /// What a crash left behind that.
    torn: Vec<u8>,
    /// Whether the file was put aside, and something ended that before the next one was there.
    pub(super) is_put_aside: bool,
}

impl Settled {
    /// Opens the ledger `path`, and makes it where there is none.
    pub(super) fn open(path: &Path, cancel: &Cancel) -> Result<Settled> {
        let disk = |e: io::Error| faults::disk(path, e);
        let Some(name) = path.file_name().map(OsString::from) else {
            return Err(Error::new(Class::Usage, format!("{} names no file", path.display())));
        };
        let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = Folder::make(parent.unwrap_or(Path::new(".")), PRIVATE).map_err(disk)?;
        lock_patiently(&folder, path, PATIENCE, cancel)?;
        let head = LedgerHead::in_folder(&folder, &name)?;
        let mut is_put_aside = false;
        let file = match folder.file_to_append(&name) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                if let Some(head) = &head {
                    is_put_aside = was_put_aside(&folder, &name, head).map_err(disk)?;
                    if !is_put_aside {
                        return Err(faults::not_as_left(path, "is gone, and its head is there"));
                    }
                }
                folder.create(&name, MODE).map_err(disk)?
            }
            other => {
                let file = other.map_err(disk)?;
                let shorter = file.metadata().map_err(disk)?.len();
                let begun = LedgerEntry::first_in(&file).map_err(disk)?.is_some();
                match &head {
                    // It was put aside, and something ended that before the next one had an entry.
                    Some(head)
                        if shorter < head.size
                            && !begun
                            && was_put_aside(&folder, &name, head).map_err(disk)? =>
                    {
                        is_put_aside = true;
                        folder.remove(&name).map_err(disk)?;
                        folder.create(&name, MODE).map_err(disk)?
                    }
                    _ => file,
                }
            }
        };
        let (last, size, torn) = (None, 0, Vec::new());
        let path = path.to_owned();
        let mut settled = Settled { folder, name, path, file, last, size, torn, is_put_aside };
        settled.settle(head)?;
        Ok(settled)
    }

    /// Finds out how it ends.
    fn settle(&mut self, head: Option<LedgerHead>) -> Result<()> {
        let fault = |e: io::Error| faults::unreadable(&self.path, e);
        let not_as_left = |what: &str| faults::not_as_left(&self.path, what);
        let len = self.file.metadata().map_err(fault)?.len();
        if head.is_none() && len > 0 && LedgerEntry::first_in(&self.file).map_err(fault)?.is_none()
        {
            // A crash leaves no more than a part of its first entry, or zeros in its place.
            let mut start = vec![0; FIRST.len()];
            self.file.seek(SeekFrom::Start(0)).map_err(fault)?;
            let got = (&self.file).read(&mut start).map_err(fault)?;
            if start.get(..got) != FIRST.get(..got) && start.iter().any(|byte| *byte != 0) {
                let text = format!("{} is there, and is no ledger", self.path.display());
                return Err(Error::new(Class::Usage, text)
                    .subject(Subject::Path(self.path.clone()))
                    .hint("name another file for it; nothing was written into this one"));
            }
        }
        let (last, from) = match &head {
            None => (None, 0),
            Some(head) if self.is_put_aside || self.is_begun_behind(head).map_err(fault)? => {
                (Some(head.last()), 0)
            }
            Some(head) if len < head.size => {
                let text = format!("was cut off: entry {} is not there", head.sequence);
                return Err(not_as_left(&text));
            }
            Some(head) => match self.line_before(head.size).map_err(fault)? {
                Some(last) if last == head.last() => (Some(last), head.size),
                _ => return Err(not_as_left("does not have the last entry that its head names")),
            },
        };
        if len - from > MAX_LOOSE {
            return Err(not_as_left("has more behind its end than anything can have left"));
        }
        let mut loose = Vec::new();
        self.file.seek(SeekFrom::Start(from)).map_err(fault)?;
        (&self.file).take(len - from).read_to_end(&mut loose).map_err(fault)?;
        let mut chain = LedgerChain::behind(last, &self.path, from);
        for line in loose.split_inclusive(|byte| *byte == b'\n') {
            chain.line(line, &mut |_, _| Ok(()))?;
        }
        let rest = usize::try_from(chain.loose()).unwrap_or(usize::MAX);
        // The file ends where it is known to end, or has nothing but this.
        chain.take_torn();
        let state = chain.end(None, len);
        if let Some(finding) = state.findings.first() {
            return Err(not_as_left(&format!("is not as it was left: {}", finding.text)));
        }
        if state.entries > 1 {
            return Err(not_as_left("has entries that its head does not know"));
        }
        self.torn = loose.split_off(loose.len().saturating_sub(rest));
        (self.last, self.size) = (state.last, len - self.torn.len() as u64);
        match state.entries {
            0 => Ok(()),
            _ => self.note_head(),
        }
    }

    /// Whether the file begins behind the entry that `head` names, which is in the one before.
    fn is_begun_behind(&self, head: &LedgerHead) -> io::Result<bool> {
        let first = LedgerEntry::first_in(&self.file)?;
        Ok(first.is_some_and(|entry| {
            entry.event.verb == LedgerVerb::Rotate
                && entry.previous == Some(head.digest)
                && entry.sequence == head.sequence + 1
        }))
    }

    /// The entry whose line ends at byte `end`.
    fn line_before(&self, end: u64) -> io::Result<Option<(u64, Digest)>> {
        let mut length = MAX_PROBE.min(end);
        loop {
            (&self.file).seek(SeekFrom::Start(end - length))?;
            let mut bytes = Vec::new();
            (&self.file).take(length).read_to_end(&mut bytes)?;
            let before = bytes.len().saturating_sub(1);
            let start = bytes[..before].iter().rposition(|byte| *byte == b'\n');
            match start {
                None if length < end && length < MAX_LINE => length = (length * 8).min(end),
                start => {
                    let line = &bytes[start.map_or(0, |at| at + 1)..];
                    let read = LedgerEntry::from_line(line).ok();
                    return Ok(read.map(|(entry, digest)| (entry.sequence, digest)));
                }
            }
        }
    }

    /// Accounts for what a crash left, if it left anything.
    pub(super) fn mend(&mut self, scribe: &LedgerScribe) -> Result<()> {
        if self.torn.is_empty() {
            return Ok(());
        }
        let mut torn = std::mem::take(&mut self.torn);
        let ends = torn.ends_with(b"\n");
        if !ends {
            torn.push(b'\n');
        }
        let told = LedgerTorn { bytes: torn.len() as u64, digest: Digest::of(&torn) };
        let mut event = LedgerEvent::new(LedgerVerb::Mend, LedgerStage::Done);
        event.torn = Some(told);
        let before: &[u8] = if ends { b"" } else { b"\n" };
        self.size += torn.len() as u64 - before.len() as u64;
        self.add(before, event, scribe).map(|_| ())
    }

    /// Adds `event`, and gives its number.
    pub(super) fn write(&mut self, event: LedgerEvent, scribe: &LedgerScribe) -> Result<u64> {
        self.add(b"", event, scribe)
    }

    fn add(&mut self, before: &[u8], event: LedgerEvent, scribe: &LedgerScribe) -> Result<u64> {
        let entry = LedgerEntry::behind(self.last, event, scribe);
        let (line, digest) = entry.to_line()?;
        let bytes = [before, &line].concat();
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_all());
        written.map_err(|e| faults::disk(&self.path, e))?;
        self.last = Some((entry.sequence, digest));
        self.size += bytes.len() as u64;
        self.note_head()?;
        Ok(entry.sequence)
    }

    fn note_head(&self) -> Result<()> {
        let Some(last) = self.last else { return Ok(()) };
        LedgerHead::new(last, self.size)
            .write(&self.folder, &self.name)
            .map_err(|e| faults::disk(&self.path, e))
    }

    /// The next entries go to `file`, which has its name by now.
    pub(super) fn go_on_in(&mut self, file: File) {
        (self.file, self.size, self.is_put_aside) = (file, 0, false);
    }
}

/// How much is read at first of the end, to find the last line: most have less than a kilobyte.
const MAX_PROBE: u64 = 8 << 10;
