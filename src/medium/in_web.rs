//! [`InWeb`]: files in one tar on another machine, which is read by ranges.

use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::entries::Entries;
use super::holder::Holder;
use super::no_tar::{NoTar, SNIFF, no_tar};
use super::pieces::Pieces;
use super::ranged::{Ranged, RemoteFile};
use super::reader::TreeReader;
use super::scan;
use super::tar_bytes::TarBytes;
use super::tree::Tree;
use super::volume_table::VOLUME;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// How encrypted files begin.
const AGE: &[u8] = b"age-encryption.org/";

/// How much is asked for at once where headers follow each other closely: what a bundle says of itself, and its
/// manifests. It doubles as long as they do.
const NEAR_STEP: usize = 64 << 10;
/// Most that is asked for so.
const MOST_STEP: usize = 256 << 10;
/// How far behind what was read the next header may lie to be close. It is passed over on the way.
const NEAR: u64 = 16 << 10;
/// How much is asked for where headers lie far apart: the padding behind a layer, the next header, and the end
/// mark.
const FAR_STEP: usize = 4 << 10;
/// How much of what was read so is kept: the lists, manifests and configs of some hundred images, which are read
/// again and lie in front of the layers.
const KEPT: usize = 8 << 20;

/// Some bytes of the file.
#[derive(Debug)]
struct Window {
    at: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn end(&self) -> u64 {
        self.at.saturating_add(self.bytes.len() as u64)
    }

    /// What it has from `at` on; nothing where that is not in it.
    fn from(&self, at: u64) -> &[u8] {
        let skip = at.checked_sub(self.at).and_then(|skip| usize::try_from(skip).ok());
        skip.and_then(|skip| self.bytes.get(skip..)).unwrap_or_default()
    }
}

/// A tar that is looked through.
struct Windows {
    file: Arc<dyn Ranged>,
    last: Window,
    step: usize,
    /// In their order.
    kept: Vec<Window>,
    room: usize,
}

impl Windows {
    /// Reads the `need` bytes at `at`, and what follows them.
    fn fetch(&mut self, at: u64, need: usize) -> io::Result<()> {
        let is_near = at.saturating_sub(self.last.end()) <= NEAR;
        // What is passed over is a part of a file that may be read later.
        let (from, step) = match is_near {
            true => (self.last.end().min(at), (self.step * 2).clamp(NEAR_STEP, MOST_STEP)),
            false => (at, FAR_STEP),
        };
        self.step = step;
        let least = (at - from).saturating_add(need as u64);
        let size = self.file.size().saturating_sub(from).min(least.max(step as u64));
        let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        Arc::clone(&self.file).read(from, size).read_exact(&mut bytes)?;
        let before = std::mem::replace(&mut self.last, Window { at: from, bytes });
        self.keep(before);
        Ok(())
    }

    fn keep(&mut self, window: Window) {
        if window.bytes.len() > FAR_STEP && window.bytes.len() <= self.room {
            self.room -= window.bytes.len();
            self.kept.push(window);
        }
    }

    /// What was kept.
    fn done(mut self) -> Vec<Window> {
        let last = std::mem::replace(&mut self.last, Window { at: 0, bytes: Vec::new() });
        self.keep(last);
        self.kept
    }
}

impl TarBytes for Windows {
    fn read_at(&mut self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let left = usize::try_from(self.file.size().saturating_sub(at)).unwrap_or(usize::MAX);
        let (want, mut got) = (left.min(buffer.len()), 0);
        while got < want {
            let here = at + got as u64;
            if self.last.from(here).is_empty() {
                self.fetch(here, want - got)?;
            }
            let part = self.last.from(here);
            let more = part.len().min(want - got);
            buffer[got..got + more].copy_from_slice(&part[..more]);
            got += more;
        }
        Ok(got)
    }

    fn reaches(&mut self, end: u64) -> io::Result<bool> {
        Ok(end <= self.file.size())
    }

    fn end(&self) -> u64 {
        self.file.size()
    }
}

/// A tar on another machine.
#[derive(Debug)]
struct InWeb {
    file: Arc<dyn Ranged>,
    head: Vec<u8>,
    kept: Vec<Window>,
    failure: Failure,
}

/// Why no more is to be had of it, once that is so.
type Failure = Arc<Mutex<Option<Error>>>;

impl InWeb {
    /// The `size` bytes at `at`, if all of them were kept.
    fn known(&self, at: u64, size: u64) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(size).ok().filter(|it| *it <= KEPT)?);
        while (bytes.len() as u64) < size {
            let here = at + bytes.len() as u64;
            let behind = self.kept.partition_point(|window| window.at <= here);
            let part = self.kept.get(behind.checked_sub(1)?)?.from(here);
            let more = part.len().min(usize::try_from(size).ok()? - bytes.len());
            bytes.extend_from_slice(part.get(..more).filter(|part| !part.is_empty())?);
        }
        Some(bytes)
    }
}

impl Holder for InWeb {
    fn open(&self, _tree: &Path, _path: &str, pieces: &Pieces, offset: u64) -> Result<TreeReader> {
        let (at, size) = (pieces.begin() + offset, pieces.size() - offset);
        if let Some(known) = self.known(at, size) {
            return Ok(TreeReader::coming(Cursor::new(known)));
        }
        let inner = Arc::clone(&self.file).read(at, size);
        Ok(TreeReader::coming(Watched { inner, failure: Arc::clone(&self.failure) }))
    }

    fn no_tar(&self) -> io::Result<Option<NoTar>> {
        Ok(no_tar(&self.head))
    }

    fn failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Notes what keeps a file from being read: nothing else of it is asked for then, since each file would
/// fail in its own time, and be called damaged.
struct Watched {
    inner: Box<dyn Read + Send>,
    failure: Failure,
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let known = || self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &*known() {
            return Err(error.clone().into_io());
        }
        match self.inner.read(buffer) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => {
                let error = Error::io("cannot read what lies on another machine", e);
                Err(known().get_or_insert(error).clone().into_io())
            }
            other => other,
        }
    }
}

/// Lists the tar in `remote`, strictly; `path` is only shown.
///
/// # Errors
/// Those of reading, and [`Class::Usage`] for an encrypted bundle and for a volume. What is wrong inside is
/// listed by [`faults`](Tree::faults).
pub(super) fn list(path: &Path, remote: RemoteFile) -> Result<Tree> {
    let RemoteFile { file, mut head } = remote;
    let refused = |what: &str, hint: Phrase| {
        let text = format!("{} is {what}, which is not read over HTTP", path.display());
        Err(Error::new(Class::Usage, text).hint(hint))
    };
    if head.starts_with(AGE) {
        return refused("encrypted", "copy it to this machine, and name the copy".into());
    }
    let last = Window { at: 0, bytes: head.clone() };
    head.truncate(SNIFF);
    let (step, kept, room) = (NEAR_STEP / 2, Vec::new(), KEPT);
    let mut bytes = Windows { file: Arc::clone(&file), last, step, kept, room };
    let entries = match no_tar(&head) {
        Some(_) => Entries::default(),
        None => scan::list(&mut bytes, false)
            .map_err(|e| Error::io(format!("cannot read {}", path.display()), e))?,
    };
    if entries.files.contains_key(VOLUME) {
        return refused(
            "one volume of a bundle",
            phrase![
                "make one file of all volumes with `",
                Remedy::Pack,
                "`, or copy them to this machine"
            ],
        );
    }
    let kept = bytes.done();
    Ok(Tree::of(path, InWeb { file, head, kept, failure: Failure::default() }, entries))
}

#[cfg(test)]
mod tests;
