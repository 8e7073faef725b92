//! [`TarStream`]: a tar that can only be read from its beginning. One cursor goes
//! through it, and whoever wants a file waits until the cursor comes by.
//!
//! Inflating is the dearest part of reading a compressed archive, and a program that writes one
//! can hardly be asked for its middle. So there is one cursor for all threads. It serves the file
//! that is nearest ahead, and begins again only when nothing is wanted ahead of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::header::{BLOCK, read_header};
use super::names::inside;
use super::tar_bytes::TarBytes;
use crate::tools::buffer::BUFFER;
use crate::tools::inflate::HEAD;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};

/// Opens the bytes of a tar, from the beginning; the same bytes each time.
pub type Opener = Box<dyn Fn() -> Result<Box<dyn Read + Send>> + Send + Sync>;

/// Largest file that is kept in memory when the tar is listed: documents have no more (4 MiB).
const MAX_KEPT: u64 = crate::words::document::MAX_DOCUMENT;
/// Most bytes of such files. Those of some thousand images fit; further ones are read again.
const MAX_ALL_KEPT: u64 = 16 << 20;
/// How often the tar may be read from its beginning. Files are asked for in their order, so that a
/// few times are enough for everything but documents beyond those kept, in another order.
const MAX_BEGINNINGS: u32 = 50;
/// How long a thread waits for the cursor without looking whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(200);

/// What was seen of a file in passing.
struct Glimpse {
    head: Vec<u8>,
    kept: Option<Arc<[u8]>>,
}

/// The tar after it was listed.
pub(super) struct TarStream {
    name: String,
    open: Opener,
    cancel: Cancel,
    seen: BTreeMap<u64, Glimpse>,
    state: Mutex<Turns>,
    freed: Condvar,
}

impl fmt::Debug for TarStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TarStream({})", self.name)
    }
}

#[derive(Default)]
struct Turns {
    /// Nobody's when it is not in use, and none before the first use and after a fault.
    cursor: Option<Cursor>,
    taken: bool,
    /// Where the waiting threads want to go, with a number that tells them apart.
    waiting: BTreeSet<(u64, u64)>,
    tickets: u64,
    /// How often it was begun again.
    beginnings: u32,
}

impl Turns {
    /// Who is next: the nearest ahead, else the first from the beginning on.
    fn next(&self) -> Option<&(u64, u64)> {
        let here = self.cursor.as_ref().map_or(0, |cursor| cursor.at);
        self.waiting.range((here, 0)..).next().or(self.waiting.first())
    }
}

/// A place in the running stream.
struct Cursor {
    reader: Box<dyn Read + Send>,
    at: u64,
    cancel: Cancel,
}

impl Cursor {
    /// Fills `buffer`; with fewer bytes only at the end.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut got = 0;
        while got < buffer.len() {
            match self.reader.read(&mut buffer[got..]) {
                Ok(0) => break,
                Ok(more) => got += more,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.at += got as u64;
        Ok(got)
    }

    /// Goes on to `to`; stops short of it only at the end.
    fn skip(&mut self, to: u64) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER.min(usize::try_from(to - self.at).unwrap_or(BUFFER))];
        while self.at < to {
            self.cancel.check().map_err(Error::into_io)?;
            let want = usize::try_from(to - self.at).unwrap_or(usize::MAX).min(buffer.len());
            if self.fill(&mut buffer[..want])? < want {
                break;
            }
        }
        Ok(())
    }
}

/// The stream while it is listed.
pub(super) struct FirstPass {
    name: String,
    open: Opener,
    cursor: Cursor,
    seen: BTreeMap<u64, Glimpse>,
    /// How much more may be kept.
    room: u64,
}

impl FirstPass {
    /// Begins to read what `open` opens, until `cancel` says stop; errors call it `name`.
    pub(super) fn begin(name: String, open: Opener, cancel: &Cancel) -> Result<FirstPass> {
        let cursor = Cursor { reader: open()?, at: 0, cancel: cancel.clone() };
        Ok(FirstPass { name, open, cursor, seen: BTreeMap::new(), room: MAX_ALL_KEPT })
    }

    /// The tar, to be read from now on.
    pub(super) fn done(self) -> TarStream {
        TarStream {
            name: self.name,
            open: self.open,
            cancel: self.cursor.cancel,
            seen: self.seen,
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }
}

impl TarBytes for FirstPass {
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.cursor.skip(at)?;
        match self.cursor.at == at {
            true => self.cursor.fill(buffer),
            false => Ok(0),
        }
    }

    fn reaches(&mut self, end: u64) -> io::Result<bool> {
        self.cursor.skip(end.max(self.cursor.at))?;
        Ok(self.cursor.at >= end)
    }

    fn end(&self) -> u64 {
        self.cursor.at
    }

    /// Looks at how the file begins, and keeps it if it looks like a document: as JSON does.
    fn file(&mut self, at: u64, size: u64) -> io::Result<()> {
        let mut bytes = vec![0; HEAD.min(usize::try_from(size).unwrap_or(HEAD))];
        let got = self.read_at(&mut bytes, at)?;
        bytes.truncate(got);
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        let document = matches!(first, Some(b'{' | b'['));
        let mut kept = None;
        if document && size <= MAX_KEPT.min(self.room) {
            let mut whole = vec![0; usize::try_from(size).unwrap_or(0)];
            whole[..got].copy_from_slice(&bytes);
            if self.cursor.fill(&mut whole[got..])? + got == whole.len() {
                self.room -= size;
                kept = Some(whole.into());
            }
        }
        self.seen.insert(at, Glimpse { head: bytes, kept });
        Ok(())
    }
}

impl TarStream {
    /// The first bytes of the file at `at`.
    pub(super) fn head(&self, at: u64) -> &[u8] {
        self.seen.get(&at).map_or(&[], |seen| &seen.head)
    }

    /// The file at `at`, if it is held in memory.
    pub(super) fn kept(&self, at: u64) -> Option<Arc<[u8]>> {
        self.seen.get(&at)?.kept.clone()
    }

    fn state(&self) -> io::Result<MutexGuard<'_, Turns>> {
        let lost = |_| Error::new(Class::Other, "another thread failed").into_io();
        self.state.lock().map_err(lost)
    }

    /// Waits for the cursor and takes it, at or before `to`.
    fn take(&self, to: u64) -> io::Result<Cursor> {
        let mut state = self.state()?;
        state.tickets += 1;
        let me = (to, state.tickets);
        state.waiting.insert(me);
        while state.taken || state.next() != Some(&me) {
            let waited = self.freed.wait_timeout(state, PATIENCE);
            state =
                waited.map_err(|_| Error::new(Class::Other, "another thread failed").into_io())?.0;
            if let Err(error) = self.cancel.check() {
                state.waiting.remove(&me);
                self.freed.notify_all();
                return Err(error.into_io());
            }
        }
        state.waiting.remove(&me);
        state.taken = true;
        let cursor = state.cursor.take();
        drop(state);
        cursor.filter(|cursor| cursor.at <= to).map_or_else(|| self.begin_again(), Ok)
    }

    fn begin_again(&self) -> io::Result<Cursor> {
        let mut state = self.state()?;
        state.beginnings += 1;
        let is_too_often = state.beginnings > MAX_BEGINNINGS;
        drop(state);
        if is_too_often {
            self.give_back(None);
            let text = format!("{}: holds too many documents in too odd an order", self.name);
            return Err(Error::new(Class::Damaged, text)
                .hint("unpack it first: a plain tar can be read in any order")
                .into_io());
        }
        match (self.open)() {
            Ok(reader) => Ok(Cursor { reader, at: 0, cancel: self.cancel.clone() }),
            Err(error) => {
                self.give_back(None);
                Err(error.into_io())
            }
        }
    }

    fn changed(&self, path: &str) -> io::Error {
        let text = format!("{}: {path} is not what it was a moment ago", self.name);
        let error = Error::new(Class::Other, text);
        error.hint("something changes it; let that finish, and try again").into_io()
    }

    fn give_back(&self, cursor: Option<Cursor>) {
        if let Ok(mut state) = self.state.lock() {
            (state.cursor, state.taken) = (cursor, false);
        }
        self.freed.notify_all();
    }

    /// The cursor where the contents of the file `path` begin, at `at`. Its header is looked at
    /// again: what writes the stream may not do so twice alike.
    fn enter(&self, path: &str, at: u64, size: u64, offset: u64) -> io::Result<Cursor> {
        let header = at.saturating_sub(BLOCK);
        let mut cursor = self.take(header)?;
        let mut entered = || {
            let mut block = [0; BLOCK as usize];
            cursor.skip(header)?;
            cursor.fill(&mut block)?;
            match read_header(&block, true) {
                // A header in front of this one may have the size (see pax.rs).
                Ok((name, there)) if inside(&name) == path && (there == size || there == 0) => {
                    cursor.skip(at + offset)
                }
                _ => Err(self.changed(path)),
            }
        };
        match entered() {
            Ok(()) => Ok(cursor),
            Err(error) => {
                self.give_back(None);
                Err(error)
            }
        }
    }
}

/// Reads one file of the stream. It waits for the cursor when it is first read, and lets go of it
/// with the last byte.
pub(super) struct Passing {
    stream: Arc<TarStream>,
    path: String,
    at: u64,
    size: u64,
    offset: u64,
    cursor: Option<Cursor>,
}

impl fmt::Debug for Passing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passing({} at {})", self.path, self.offset)
    }
}

impl Passing {
    pub(super) fn new(
        stream: Arc<TarStream>,
        path: &str,
        at: u64,
        size: u64,
        offset: u64,
    ) -> Passing {
        Passing { stream, path: path.to_owned(), at, size, offset, cursor: None }
    }

    fn let_go(&mut self) {
        if let Some(cursor) = self.cursor.take() {
            self.stream.give_back(Some(cursor));
        }
    }
}

impl Read for Passing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size - self.offset).unwrap_or(usize::MAX);
        let want = left.min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        let mut cursor = match self.cursor.take() {
            Some(cursor) => cursor,
            None => self.stream.enter(&self.path, self.at, self.size, self.offset)?,
        };
        let got = match cursor.reader.read(&mut buffer[..want]) {
            // Not the reader's to wonder about: it was longer a moment ago.
            Ok(0) => Err(self.stream.changed(&self.path)),
            got => got,
        };
        match got {
            Ok(got) => {
                cursor.at += got as u64;
                self.offset += got as u64;
                self.cursor = Some(cursor);
                if self.offset == self.size {
                    self.let_go();
                }
                Ok(got)
            }
            Err(error) => {
                drop(cursor);
                self.stream.give_back(None);
                Err(error)
            }
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.let_go();
    }
}

#[cfg(test)]
mod tests;
