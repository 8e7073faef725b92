//! [`Trusted`] and [`Verified`]: a bundle that is believed, and the bytes of it.

use std::sync::Arc;

use super::examined::Examined;
use crate::bundle::contents::Contents;
use crate::places::layout::blob_path;
use crate::storage::raw::Raw;
use crate::storage::store::BlobSource;
use crate::tools::sound::Sound;
use crate::tools::stretch::Stretch;
use crate::words::document::Descriptor;
use crate::words::error::Result;
use crate::words::progress::Progress;

/// A bundle whose signature, file list, documents and graph hold. Its layers are not hashed yet:
/// whoever reads one does so through [`Verifying`](crate::storage::verifying::Verifying).
#[derive(Debug)]
pub struct Trusted(pub(super) Examined);

/// A bundle of which every byte was read and found right.
#[derive(Debug)]
pub struct Verified(Trusted, Arc<Sound>);

impl Examined {
    /// The bundle, when nothing was wrong.
    ///
    /// # Errors
    /// [`Class::Incomplete`](crate::words::error::Class::Incomplete) when things are only missing, else
    /// [`Class::Damaged`](crate::words::error::Class::Damaged).
    pub fn into_trusted(self) -> Result<Trusted> {
        self.flawless().map(Trusted)
    }
}

impl Trusted {
    /// What was found about it.
    #[must_use]
    pub fn about(&self) -> &Examined {
        &self.0
    }

    /// What is in it.
    #[must_use]
    pub fn contents(&self) -> &Contents {
        &self.0.contents
    }

    /// Reads every byte.
    ///
    /// # Errors
    /// As [`Examined::into_trusted`], naming everything that is wrong.
    pub fn verify(mut self, jobs: usize, progress: &dyn Progress) -> Result<Verified> {
        let sound = Arc::<Sound>::default();
        self.0.sound = Some(Arc::clone(&sound));
        self.0.hash_everything(jobs, progress)?;
        Ok(Verified(self.0.into_trusted()?, sound))
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
