//! The bytes of a bundle that is believed, and which of them were found right.

use std::io::Read;
use std::sync::Arc;

use super::{Examined, Trusted, Verified};
use crate::bundle::problem::{Problem, ProblemKind};
use crate::places::layout::blob_path;
use crate::storage::raw::Raw;
use crate::storage::store::BlobSource;
use crate::storage::verifying::Verifying;
use crate::tools::buffer::BUFFER;
use crate::tools::sound::Sound;
use crate::tools::stretch::Stretch;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;

/// Reads a file to its end, and says what is wrong with it.
pub(super) fn read_whole(
    reader: impl Read,
    path: &str,
    blob: &Descriptor,
    progress: &dyn Progress,
) -> Option<Problem> {
    let mut reader = Verifying::new(reader, blob, "bundle", progress);
    let mut buffer = vec![0; BUFFER];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(e) => {
                let error = Error::io(format!("cannot read {path}"), e);
                return Some(match error.class() {
                    Class::Damaged => {
                        let detail = "does not match its signed digest";
                        Problem::new(ProblemKind::Damaged, path, detail)
                    }
                    _ => Problem::reading(path, &error),
                });
            }
        }
    }
}

impl Examined {
    /// Hashes a file, and notes the state that it was in if it is right.
    pub(super) fn hash_watched(
        &self,
        path: &str,
        blob: &Descriptor,
        progress: &dyn Progress,
    ) -> Option<Problem> {
        let reader = match self.tree.open_file(path, 0) {
            Ok(reader) => reader,
            Err(e) => return Some(Problem::reading(path, &e)),
        };
        let watched = self.sound.as_deref().zip(reader.stretch());
        let watched = watched.map(|(sound, file)| (sound, sound.begin(&file), file));
        let problem = read_whole(reader, path, blob, progress);
        if let (Some((sound, before, file)), None) = (watched, &problem) {
            sound.found(blob.digest, &file, before);
        }
        problem
    }
}

impl Verified {
    /// The bundle with what is known about it.
    #[must_use]
    pub fn trusted(&self) -> &Trusted {
        &self.0
    }

    /// What holds as long as the bundle's files stay the same.
    #[must_use]
    pub fn sound(&self) -> &Arc<Sound> {
        &self.1
    }
}

impl BlobSource for Trusted {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        Ok(Raw::new(self.0.tree.open_file(&blob_path(&blob.digest), offset)?))
    }

    fn stretch(&self, blob: &Descriptor) -> Result<Option<Stretch>> {
        Ok(self.0.tree.open_file(&blob_path(&blob.digest), 0)?.stretch())
    }
}

impl BlobSource for Verified {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        self.0.open(blob, offset)
    }

    fn stretch(&self, blob: &Descriptor) -> Result<Option<Stretch>> {
        self.0.stretch(blob)
    }
}
