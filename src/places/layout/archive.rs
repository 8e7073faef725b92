//! [`Archive`]: an OCI image layout in one plain or gzipped tar, to write to. With docker's
//! `manifest.json` over the same blobs it is what `docker save` writes today.
//!
//! The lists come first and say what has to follow, so that whoever has only the beginning of an
//! archive knows what it was to be. Nothing in the bytes depends on who writes them and when.

mod contents;
mod look;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

pub use self::contents::ArchiveContents;
pub use self::look::{OldFile, look};
use self::stream::{ArchiveStart, ArchiveStream, ArchiveTarget};
use super::spec::blob_path;
use crate::medium::header::{BLOCK, header};
use crate::storage::checked::{Checked, DocumentBytes};
use crate::storage::content::Content;
use crate::storage::holdings::{BlobHoldings, Holdings, KeptList};
use crate::storage::store::{BlobSink, ImageSink};
use crate::tools::buffer::{BUFFER, copy};
use crate::tools::file::AtomicFile;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Reference, Tag};

/// An archive that is being written: a file that appears when it is whole, or a stream.
///
/// It is written from front to back, in the order of the calls: only with one transfer at a time
/// are its bytes always the same.
#[derive(Debug)]
pub struct Archive {
    listing: ArchiveContents,
    name: String,
    gzip: bool,
    /// Whether the file holds all of it already, so that nothing is written.
    kept: bool,
    /// Whether there was a file, and it may be replaced.
    replaces: bool,
    /// What names stand for in the file that this one will replace.
    old: BTreeMap<String, Digest>,
    state: Mutex<ArchiveState>,
}

#[derive(Debug)]
struct ArchiveState {
    start: ArchiveStart,
    stream: Option<ArchiveStream>,
    /// Bytes of the tar so far.
    at: u64,
    written: BTreeSet<Digest>,
}

impl Archive {
    /// The archive at `path`, at which `found` was found by [`look`]: left alone when it is the
    /// same, else replaced by [`finish`](ImageSink::finish), which fails when nothing was found and
    /// something is there by then. Changes nothing yet.
    #[must_use]
    pub fn at(path: &Path, listing: ArchiveContents, gzip: bool, found: OldFile) -> Archive {
        let (name, start) = (path.display().to_string(), ArchiveStart::File(path.to_owned()));
        let (kept, replaces) = (found == OldFile::Same, found != OldFile::Nothing);
        let old = match found {
            OldFile::Other { names, .. } => names,
            _ => BTreeMap::new(),
        };
        Archive { kept, replaces, old, ..Archive::begin(listing, name, gzip, start) }
    }

    /// An archive that is streamed into `out`, which `name` calls for people: standard output, or
    /// the `load` of an engine. It ends with [`finish`](ImageSink::finish); after any failure it
    /// is broken off, and gzip's end mark is not written.
    #[must_use]
    pub fn to_writer(
        out: Box<dyn Write + Send>,
        name: &str,
        listing: ArchiveContents,
        gzip: bool,
    ) -> Archive {
        Archive::begin(listing, name.to_owned(), gzip, ArchiveStart::Writer(out))
    }

    fn begin(listing: ArchiveContents, name: String, gzip: bool, start: ArchiveStart) -> Archive {
        let state = ArchiveState { start, stream: None, at: 0, written: BTreeSet::new() };
        let (kept, replaces, old, state) = (false, false, BTreeMap::new(), Mutex::new(state));
        Archive { listing, name, gzip, kept, replaces, old, state }
    }

    fn state(&self) -> Result<MutexGuard<'_, ArchiveState>> {
        self.state.lock().map_err(|_| Error::new(Class::Other, "another thread failed"))
    }

    /// Opens the file, and writes what comes first, once.
    fn open(&self, state: &mut ArchiveState) -> Result<()> {
        if state.stream.is_some() {
            return Ok(());
        }
        let target = match std::mem::replace(&mut state.start, ArchiveStart::Done) {
            ArchiveStart::File(path) => {
                ArchiveTarget::File(AtomicFile::create_locked(&path, 0o644)?)
            }
            ArchiveStart::Writer(out) => ArchiveTarget::Writer(out),
            ArchiveStart::Done => ArchiveTarget::Gone,
        };
        state.stream = Some(ArchiveStream::new(target, self.gzip));
        let written = self.listing.head().try_for_each(|(path, mut bytes)| {
            self.entry(state, path, bytes.len() as u64, &mut bytes)
        });
        if let (Err(_), Some(stream)) = (&written, &mut state.stream) {
            stream.break_off();
        }
        written
    }

    /// Writes one file of the tar. When that fails, it is taken back where the target can do so;
    /// what cannot go back is broken off, since nothing may follow half an entry.
    fn entry(
        &self,
        state: &mut ArchiveState,
        path: &str,
        size: u64,
        content: &mut dyn Content,
    ) -> Result<()> {
        let Some(stream) = &mut state.stream else { return Ok(()) };
        let mut write = || {
            stream.write_all(&header(path, size, 0)?).map_err(|e| self.fault(e))?;
            let mut buffer = vec![0; BUFFER.min(usize::try_from(size).unwrap_or(BUFFER).max(1))];
            let count = copy(content, stream, &mut buffer).map_err(|e| self.fault(e))?;
            if count != size {
                let text = format!("{}: {path} has {count} bytes instead of {size}", self.name);
                return Err(Error::new(Class::Damaged, text));
            }
            let padding = usize::try_from(count.next_multiple_of(BLOCK) - count).unwrap_or(0);
            stream.write_all(&[0; BLOCK as usize][..padding]).map_err(|e| self.fault(e))
        };
        let done = write();
        match &done {
            Ok(()) => state.at += BLOCK + size.next_multiple_of(BLOCK),
            Err(_) if stream.rewind(state.at) => {}
            Err(_) => return done.map_err(Error::settled),
        }
        done
    }

    fn fault(&self, error: io::Error) -> Error {
        let closed = error.kind() == io::ErrorKind::BrokenPipe;
        let error = Error::io(format!("cannot write {}", self.name), error);
        match closed {
            true => error.hint("what reads it ended before it had everything; see what it says"),
            false => error,
        }
    }
}

impl BlobHoldings for Archive {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        Ok(self.kept || self.state()?.written.contains(&blob.digest))
    }
}

impl BlobSink for Archive {
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        let blob = content.blob().clone();
        let mut state = self.state()?;
        // The same bytes may stand once as a manifest and once as a layer.
        if self.kept || state.written.contains(&blob.digest) {
            return Ok(());
        }
        if self.listing.size_of(&blob.digest) != Some(blob.size) {
            let text = format!("{}: blob {} has no place in it", self.name, blob.digest);
            return Err(Error::new(Class::Other, text));
        }
        self.open(&mut state)?;
        self.entry(&mut state, &blob_path(&blob.digest), blob.size, content)?;
        state.written.insert(blob.digest);
        Ok(())
    }
}

impl Holdings for Archive {
    fn has_document(&self, descriptor: &Descriptor) -> Result<bool> {
        self.has(descriptor)
    }

    /// What the list that was written says; before that, what the file says that it replaces.
    fn published(&self, name: &Reference) -> Result<Option<Descriptor>> {
        let new = self.listing.named(name).map(Document::descriptor);
        match new {
            Some(new) if self.has(new)? => Ok(Some(new.clone())),
            _ => Ok(self.old.get(&name.to_string()).map(|digest| Descriptor::new("", *digest, 0))),
        }
    }

    fn referrers_list(&self, _: &Tag) -> Result<Option<KeptList>> {
        Ok(None)
    }
}

impl ImageSink for Archive {
    fn put_document(&self, document: &Document) -> Result<bool> {
        self.put(&mut DocumentBytes::of(document)).map(|()| true)
    }

    /// Names are part of the list that comes first: all that is left is to see that this is one.
    fn publish(&self, name: &Reference, document: &Document) -> Result<()> {
        let digest = document.descriptor().digest;
        match self.listing.named(name).map(|listed| listed.descriptor().digest) == Some(digest) {
            true => Ok(()),
            false => {
                let text = format!("{}: {name} is not in its list of images", self.name);
                Err(Error::new(Class::Other, text))
            }
        }
    }

    /// Ends the archive and, where it is a file, gives it its name.
    fn finish(&self) -> Result<()> {
        let mut state = self.state()?;
        let Some(mut stream) = state.stream.take() else { return Ok(()) };
        if let Some((digest, _)) =
            self.listing.contents().find(|(digest, _)| !state.written.contains(digest))
        {
            let text = format!("{}: blob {digest} never came", self.name);
            return Err(Error::new(Class::Other, text));
        }
        stream.write_all(&[0; 2 * BLOCK as usize]).map_err(|e| self.fault(e))?;
        match stream.end().map_err(|e| self.fault(e))? {
            ArchiveTarget::File(file) => {
                let folder = file.folder().clone();
                match self.replaces {
                    true => file.commit()?,
                    // Whatever came there meanwhile, nobody asked for it to go.
                    false => file.commit_new()?,
                }
                folder.is_found()
            }
            ArchiveTarget::Writer(mut out) => out.flush().map_err(|e| self.fault(e)),
            ArchiveTarget::Gone => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
