//! [`Blobs`]: the folder of a layout's blobs, to write to.

use std::io::{self, Read as _, Seek as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::FileType;

use crate::storage::checked::Checked;
use crate::storage::content::Content;
use crate::storage::holdings::BlobHoldings;
use crate::storage::store::BlobSink;
use crate::tools::buffer::{BUFFER, copy};
use crate::tools::file::{AtomicFile, part_of};
use crate::tools::folder::Folder;
use crate::tools::named_file::NamedFile;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};

/// Blobs that appear one by one, each whole.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: Folder,
    /// Whether what is unfinished stays, for the next run to go on with.
    resumes: bool,
    /// Whether the file system may know copies that share their bytes, as far as was seen.
    reflinks: Arc<AtomicBool>,
    /// Whether anything there is a second name.
    links: Arc<AtomicBool>,
}

/// Permissions of a blob: whoever carries it may read it, and nobody else writes it.
const MODE: u32 = 0o644;

impl Blobs {
    /// The blobs in `folder`. What is unfinished leaves nothing behind.
    #[must_use]
    pub fn new(folder: Folder) -> Blobs {
        Blobs::of(folder, false)
    }

    /// The blobs in `folder`, which is locked. What is unfinished stays, and is gone on with: its
    /// bytes are hashed again, with those that follow.
    #[must_use]
    pub fn resuming(folder: Folder) -> Blobs {
        Blobs::of(folder, true)
    }

    fn of(folder: Folder, resumes: bool) -> Blobs {
        Blobs { folder, resumes, reflinks: Arc::new(true.into()), links: Arc::default() }
    }

    /// Their folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// How many bytes of `blob` an earlier run has left to go on with.
    #[must_use]
    pub fn part_of(&self, blob: &Descriptor) -> u64 {
        part_of(&self.folder, &blob.digest.hex()).min(blob.size)
    }

    /// Opens the bytes of `blob` from byte `offset` on; they are not checked.
    ///
    /// # Errors
    /// When it is not there.
    pub fn open(&self, blob: &Descriptor, offset: u64) -> io::Result<std::fs::File> {
        let mut file = self.folder.file(blob.digest.hex())?;
        file.seek(io::SeekFrom::Start(offset))?;
        Ok(file)
    }

    /// Takes the bytes of `file` for those of `blob` without copying them: as a copy that the file
    /// system makes once one of the two is changed, else as a second name of the same file. Whether
    /// it could. Nobody has hashed them. The file `passes` when its own name goes soon.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn share(&self, blob: &Descriptor, file: &NamedFile, passes: bool) -> Result<bool> {
        let name = blob.digest.hex();
        // What cannot be opened is not there.
        let Ok(open) = file.open() else { return Ok(false) };
        if self.reflinks.load(Ordering::Relaxed) {
            let copy = AtomicFile::within(&self.folder, &name, MODE)?;
            match copy.reflink(&open) {
                true => return copy.commit().map(|()| true),
                false => self.reflinks.store(false, Ordering::Relaxed),
            }
        }
        let fault = |e| Error::io(format!("cannot write {}", self.folder.at(&name).display()), e);
        let linked = file.link(&self.folder, &name, passes).map_err(fault)?;
        self.links.fetch_or(linked, Ordering::Relaxed);
        Ok(linked)
    }

    /// Makes all that is there durable. What was written through it is already, but for the names.
    ///
    /// # Errors
    /// When the disk reports a fault.
    pub fn sync(&self) -> Result<()> {
        match self.links.load(Ordering::Relaxed) {
            true => self.folder.sync_disk(),
            false => self.folder.sync(),
        }
    }

    fn write(&self, file: &mut AtomicFile, content: &mut dyn Content) -> io::Result<u64> {
        let mut buffer = vec![0; BUFFER];
        copy(content, file, &mut buffer)
    }

    /// Goes on with what is there, or begins.
    fn put_resuming(&self, blob: &Descriptor, content: &mut dyn Content) -> Result<()> {
        let name = blob.digest.hex();
        let path = self.folder.at(&name);
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        let (mut file, there) = AtomicFile::continued(&self.folder, &name, MODE)?;
        let mut taken = 0;
        if there > 0 {
            taken = content.resume(&mut file.read_back().map_err(fault)?.take(there))?;
            file.rewind(taken).map_err(fault)?;
        }
        let mut written = self.write(&mut file, content).map_err(fault);
        if taken > 0 && written.as_ref().is_err_and(|e| e.class() == Class::Damaged) {
            // It may be what was left that is wrong, and not what came.
            content.seek(0)?;
            file.rewind(0).map_err(fault)?;
            written = self.write(&mut file, content).map_err(fault);
        }
        match written {
            Ok(_) => file.commit(),
            Err(e) if e.class() == Class::Damaged => {
                file.discard();
                Err(e)
            }
            Err(e) => Err(e),
        }
    }
}

impl BlobHoldings for Blobs {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        let name = blob.digest.hex();
        let about = self.folder.look(&name).map_err(|e| {
            Error::io(format!("cannot look at {}", self.folder.at(&name).display()), e)
        })?;
        Ok(about.is_some_and(|it| it.kind == FileType::RegularFile && it.size == blob.size))
    }
}

impl BlobSink for Blobs {
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        let blob = &content.blob().clone();
        if self.resumes {
            return self.put_resuming(blob, content);
        }
        let name = blob.digest.hex();
        let mut file = AtomicFile::within(&self.folder, &name, MODE)?;
        self.write(&mut file, content).map_err(|e| {
            Error::io(format!("cannot write {}", self.folder.at(&name).display()), e)
        })?;
        file.commit()
    }
}
