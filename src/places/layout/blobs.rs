//! [`Blobs`]: the folder of a layout's blobs, to write to.

use std::io::{self, Read as _, Seek as _};

use rustix::fs::FileType;

use crate::storage::checked::Checked;
use crate::storage::content::Content;
use crate::storage::holdings::BlobHoldings;
use crate::storage::store::BlobSink;
use crate::tools::buffer::{BUFFER, copy};
use crate::tools::file::{AtomicFile, part_of};
use crate::tools::folder::Folder;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};

/// Blobs that appear one by one, each whole.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: Folder,
    /// Whether what is unfinished stays, for the next run to go on with.
    resumes: bool,
}

impl Blobs {
    /// The blobs in `folder`. What is unfinished leaves nothing behind.
    #[must_use]
    pub fn new(folder: Folder) -> Blobs {
        Blobs { folder, resumes: false }
    }

    /// The blobs in `folder`, which is locked. What is unfinished stays, and is gone on with: its
    /// bytes are hashed again, with those that follow.
    #[must_use]
    pub fn resuming(folder: Folder) -> Blobs {
        Blobs { folder, resumes: true }
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

    fn write(&self, file: &mut AtomicFile, content: &mut dyn Content) -> io::Result<u64> {
        let mut buffer = vec![0; BUFFER];
        copy(content, file, &mut buffer)
    }

    /// Goes on with what is there, or begins.
    fn put_resuming(&self, blob: &Descriptor, content: &mut dyn Content) -> Result<()> {
        let name = blob.digest.hex();
        let path = self.folder.at(&name);
        let fault = |e| Error::io(format!("cannot write {}", path.display()), e);
        let (mut file, there) = AtomicFile::continued(&self.folder, &name, 0o644)?;
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
        let mut file = AtomicFile::within(&self.folder, &name, 0o644)?;
        self.write(&mut file, content).map_err(|e| {
            Error::io(format!("cannot write {}", self.folder.at(&name).display()), e)
        })?;
        file.commit()
    }
}
