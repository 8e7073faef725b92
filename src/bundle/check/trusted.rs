//! [`Trusted`] and [`Verified`]: a bundle that is believed, and the bytes of it.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::examined::Examined;
use crate::bundle::bases::Bases;
use crate::bundle::contents::Contents;
use crate::bundle::problem::{ProblemKind, failure};
use crate::places::layout::{blob_digest, blob_path};
use crate::storage::raw::Raw;
use crate::storage::reading::from_all_places;
use crate::storage::store::{BlobSource, BlobSources};
use crate::tools::parallel;
use crate::tools::sound::Sound;
use crate::tools::stretch::Stretch;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Error, ErrorKind, Result};
use crate::words::progress::{Event, Progress};

/// A bundle whose signature, file list, documents and graph hold. Its layers are not hashed yet:
/// whoever reads one does so through [`Verifying`](crate::storage::verifying::Verifying). What it does not
/// carry comes from the bases beside it, where they have it.
#[derive(Debug)]
pub struct Trusted(Examined, Bases);

/// A bundle of which every byte was read and found right.
#[derive(Debug)]
pub struct Verified(Trusted, Arc<Sound>);

impl Examined {
    /// The same, if nothing kept its files from being read that says nothing of them.
    pub(super) fn reached(self) -> Result<Examined> {
        self.tree.unbroken().map(|()| self)
    }

    /// The bundle, when nothing was wrong.
    ///
    /// # Errors
    /// [`Class::Incomplete`](crate::words::error::Class::Incomplete) when things are only missing, else
    /// [`Class::Damaged`](crate::words::error::Class::Damaged).
    pub fn into_trusted(self) -> Result<Trusted> {
        self.flawless().map(Trusted::alone)
    }
}

impl Trusted {
    /// One without any bases beside it.
    pub(super) fn alone(examined: Examined) -> Trusted {
        Trusted(examined, Bases::default())
    }

    /// The same with `bases` beside it: what they have of what it lacks counts as carried.
    #[must_use]
    pub fn beside(mut self, bases: Bases) -> Trusted {
        self.0.contents.blobs = bases.beside(&self.0.contents);
        Trusted(self.0, bases)
    }

    /// Whether the bundle itself carries it, so that no base has to give it.
    fn is_own(&self, blob: &Descriptor) -> bool {
        self.1.is_empty() || self.0.tree.size(&blob_path(&blob.digest)).is_some()
    }

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

    /// Where it lies, and the open file that all of it is in, packed or encrypted, where it is one.
    #[must_use]
    pub fn file(&self) -> Option<(&Path, &Arc<File>)> {
        self.0.tree.file().map(|file| (self.0.tree.path(), file))
    }

    /// Reads every byte.
    ///
    /// # Errors
    /// As [`Examined::into_trusted`], naming everything that is wrong.
    pub fn verify(mut self, jobs: usize, progress: &dyn Progress) -> Result<Verified> {
        let sound = Arc::<Sound>::default();
        self.0.sound = Some(Arc::clone(&sound));
        self.0.hash_everything(jobs, progress)?;
        let Trusted(examined, bases) = self;
        let trusted = Trusted(examined.flawless()?, bases);
        trusted.hash_from_bases(|_| true, &sound, jobs, progress)?;
        Ok(Verified(trusted, sound))
    }

    /// Reads every byte but those of blobs that are read by others, as `is_read` says, and of manifests, which were read.
    ///
    /// # Errors
    /// As [`Examined::into_trusted`], naming everything that is wrong with what was read.
    pub fn verify_others(
        &self,
        is_read: impl Fn(&Digest) -> bool,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<()> {
        let contents = &self.0.contents;
        let is_wanted = |path: &str| {
            blob_digest(path)
                .is_none_or(|it| !is_read(&it) && !contents.documents.contains_key(&it))
        };
        let mut found = self.0.hash_files(is_wanted, jobs, progress)?;
        if found.is_empty() {
            return Ok(());
        }
        self.0.name_images_of(&mut found);
        let error = failure(self.0.name(), &found);
        let first = found.iter().find(|it| it.kind == ProblemKind::Damaged);
        match first.is_some_and(|it| self.is_undecipherable(&it.path)) {
            true => Err(error.of_kind(ErrorKind::CiphertextDamaged)),
            false => Err(error),
        }
    }

    /// Whether the file `path` cannot be decrypted, so that nobody can tell what is wrong with it.
    fn is_undecipherable(&self, path: &str) -> bool {
        let read = self.0.tree.open_file(path, 0).and_then(|mut reader| {
            io::copy(&mut reader, &mut io::sink())
                .map_err(|e| Error::io(format!("cannot read {path}"), e))
        });
        read.is_err_and(|error| error.kind() == ErrorKind::CiphertextDamaged)
    }

    /// Reads every blob that a base gives and that `is_wanted`, and notes in `sound` what is right.
    ///
    /// # Errors
    /// [`Class::Damaged`](crate::words::error::Class::Damaged) for one that no base has right bytes of.
    pub fn hash_from_bases(
        &self,
        is_wanted: impl Fn(&Digest) -> bool,
        sound: &Sound,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<()> {
        let given = self.0.contents.blobs.carried();
        let given = given.filter(|blob| !self.is_own(blob) && is_wanted(&blob.digest));
        let given: Vec<&Descriptor> = given.collect();
        if given.is_empty() {
            return Ok(());
        }
        let bytes = given.iter().fold(0, |sum: u64, blob| sum.saturating_add(blob.size));
        progress.event(Event::Phase { name: "verifying bases", bytes, items: given.len() as u64 });
        parallel::map(jobs, &given, |blob| {
            from_all_places(self, blob, || self.hash_from_base(blob, sound, progress))?;
            progress.event(Event::Finished { digest: blob.digest });
            progress.check()
        })?;
        progress.event(Event::Done);
        Ok(())
    }

    fn hash_from_base(&self, blob: &Descriptor, sound: &Sound, log: &dyn Progress) -> Result<()> {
        let whence = self.whence(blob).unwrap_or_default();
        let file = self.stretch(blob)?;
        let before = file.as_ref().and_then(|file| sound.begin(file));
        let mut content = self.open(blob, 0)?.verified(blob, &whence, log);
        io::copy(&mut content, &mut io::sink())
            .map_err(|e| Error::io(format!("{whence}: cannot read {}", blob.digest), e))?;
        if let Some(file) = &file {
            sound.found(blob.digest, file, before);
        }
        Ok(())
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
        match self.is_own(blob) {
            true => Ok(Raw::new(self.0.tree.open_file(&blob_path(&blob.digest), offset)?)),
            false => self.1.open(blob, offset),
        }
    }

    fn distrust(&self, blob: &Descriptor) -> bool {
        !self.is_own(blob) && self.1.distrust(blob)
    }

    fn stretch(&self, blob: &Descriptor) -> Result<Option<Stretch>> {
        match self.is_own(blob) {
            true => Ok(self.0.tree.open_file(&blob_path(&blob.digest), 0)?.stretch()),
            false => self.1.stretch(blob),
        }
    }

    fn whence(&self, blob: &Descriptor) -> Option<String> {
        if self.is_own(blob) { None } else { self.1.whence(blob) }
    }
}

impl BlobSources for Trusted {
    fn source_of(&self, _: &Digest) -> Result<(&dyn BlobSource, &str)> {
        Ok((self, self.0.name()))
    }
}

impl BlobSource for Verified {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        self.0.open(blob, offset)
    }

    fn stretch(&self, blob: &Descriptor) -> Result<Option<Stretch>> {
        self.0.stretch(blob)
    }

    fn whence(&self, blob: &Descriptor) -> Option<String> {
        self.0.whence(blob)
    }
}
