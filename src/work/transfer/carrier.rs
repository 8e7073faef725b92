//! [`Carrier`]: what brings the blobs of a bundle to a place, and goes on where one is damaged.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::blob::move_blob;
use super::fault::{at_fault, name_images, name_stopped};
use super::owners::Owners;
use super::tally::{Fate, Tally};
use super::unfinished::Unfinished;
use crate::bundle::contents::Contents;
use crate::storage::raw::Raw;
use crate::storage::reading::from_all_places;
use crate::storage::store::{BlobSink, BlobSource};
use crate::storage::verifying::Verifying;
use crate::tools::pace::Jobs;
use crate::tools::sound::Sound;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::progress::Progress;
use crate::words::reference::Repository;
use crate::words::remedy::Remedy;
use crate::work::plan::Plan;

/// What a plan is run with.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Carrier<'c> {
    /// What is brought.
    pub contents: &'c Contents,
    /// Gives its blobs.
    pub source: &'c dyn BlobSource,
    /// Transfers at a time.
    pub jobs: Jobs,
    /// Whether blobs are sent even after one of them proved damaged. Otherwise the further ones are
    /// only read, to know all that is wrong.
    pub go_on: bool,
    /// Where it is noted what was done.
    pub tally: &'c Tally,
    /// Hears of it.
    pub progress: &'c dyn Progress,
}

impl<'c> Carrier<'c> {
    /// Brings what of `contents` a plan says, from `source`, as fast as it goes, and stops writing
    /// with the first damaged blob. The fields say otherwise.
    #[must_use]
    pub fn new(
        contents: &'c Contents,
        source: &'c dyn BlobSource,
        tally: &'c Tally,
        progress: &'c dyn Progress,
    ) -> Carrier<'c> {
        Carrier { contents, source, jobs: Jobs::default(), go_on: false, tally, progress }
    }
}

impl std::fmt::Debug for Carrier<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Carrier").field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

/// The blobs of one plan on their way.
pub(super) struct Load<'c> {
    carrier: &'c Carrier<'c>,
    owners: Owners<'c>,
    lacking: BTreeSet<Digest>,
    faults: Mutex<Vec<(Digest, Error)>>,
}

impl<'c> Load<'c> {
    pub(super) fn of(carrier: &'c Carrier<'c>, plan: &Plan) -> Load<'c> {
        let owners = match plan.copy.blobs + plan.mount.blobs {
            0 => Owners::default(),
            _ => Owners::of(carrier.contents),
        };
        let lacking = carrier.contents.blobs.lacking().map(|blob| blob.digest).collect();
        Load { carrier, owners, lacking, faults: Mutex::default() }
    }

    fn faults<T>(&self, work: impl FnOnce(&mut Vec<(Digest, Error)>) -> T) -> T {
        work(&mut self.faults.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether nothing more is to be written.
    pub(super) fn is_halted(&self) -> bool {
        !self.carrier.go_on && self.faults(|faults| !faults.is_empty())
    }

    /// Moves `blob` into the `sink` of `place`. One that cannot be read or is damaged is noted, and
    /// no failure yet.
    pub(super) fn send(&self, blob: &Descriptor, place: &str, sink: &dyn BlobSink) -> Result<()> {
        if self.faults(|faults| faults.iter().any(|(digest, _)| *digest == blob.digest)) {
            return Ok(());
        }
        let Carrier { source, progress, tally, .. } = *self.carrier;
        let done = match self.is_halted() {
            false => move_blob(blob, &self.owners, source, "bundle", sink, progress)
                .map(|_| tally.blob(place, &blob.digest, blob.size, Fate::Copied)),
            true => check(blob, source, None, progress),
        };
        match done {
            Err(error) if error.is_about_content() => {
                self.note(blob, error);
                Ok(())
            }
            done => done.map_err(|e| name_stopped(e, &blob.digest, self.carrier.contents)),
        }
    }

    /// Sends `blob`, which the `sink` of `place` did not mount from its sibling `from`: out of the
    /// bundle, or, what that does not carry, out of that sibling.
    pub(super) fn send_unmounted(
        &self,
        blob: &Descriptor,
        place: &str,
        sink: &dyn BlobSink,
        from: &Repository,
    ) -> Result<()> {
        if !self.lacking.contains(&blob.digest) {
            return self.send(blob, place, sink);
        }
        let Some(source) = sink.sibling(from) else {
            let text =
                format!("destination: {place} did not take blob {} from {from}", blob.digest);
            let error = Error::new(Class::Incomplete, text);
            return Err(name_stopped(error, &blob.digest, self.carrier.contents));
        };
        let what = format!("destination {from}");
        move_blob(blob, &self.owners, &*source, &what, sink, self.carrier.progress)
            .map(|_| self.carrier.tally.blob(place, &blob.digest, blob.size, Fate::Copied))
            .map_err(|e| name_images(e, blob, self.carrier.contents))
    }

    /// Reads `blob` alone, as [`send`](Load::send) does.
    pub(super) fn check(&self, blob: &Descriptor, sound: Option<&Sound>) -> Result<()> {
        match check(blob, self.carrier.source, sound, self.carrier.progress) {
            Err(error) if error.is_about_content() => {
                self.note(blob, error);
                Ok(())
            }
            done => done,
        }
    }

    fn note(&self, blob: &Descriptor, error: Error) {
        let is_damaged = error.class() == Class::Damaged;
        let error = name_images(error, blob, self.carrier.contents);
        let error = match (is_damaged, self.carrier.source.whence(blob)) {
            (true, None) => error.hint(
                "use nothing from this bundle; copy it from its origin again and verify the copy",
            ),
            (true, Some(_)) => error.hint(phrase![
                "bring a sound copy of it along, or another base that has the blob (",
                Remedy::Base,
                ")"
            ]),
            (false, _) => error,
        };
        self.faults(|faults| faults.push((blob.digest, error)));
    }

    /// # Errors
    /// With every blob that was noted, in the order of their digests.
    pub(super) fn judge(&self) -> Result<(), Unfinished> {
        let faults = self.faults(std::mem::take);
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Unfinished::blobs(faults)),
        }
    }
}

/// Reads `blob` to its end, from every place that has it, and notes in `sound` that it was right.
fn check(
    blob: &Descriptor,
    source: &dyn BlobSource,
    sound: Option<&Sound>,
    progress: &dyn Progress,
) -> Result<()> {
    from_all_places(source, blob, || check_once(blob, source, sound, progress))
}

fn check_once(
    blob: &Descriptor,
    source: &dyn BlobSource,
    sound: Option<&Sound>,
    progress: &dyn Progress,
) -> Result<()> {
    let file = match sound {
        Some(_) => source.stretch(blob).map_err(at_fault)?,
        None => None,
    };
    let whence = source.whence(blob);
    let what = whence.as_deref().unwrap_or("bundle");
    let seen = sound.zip(file.as_ref());
    let before = seen.and_then(|(sound, file)| sound.begin(file));
    let copied = match &file {
        Some(file) => {
            let mut content = Raw::new(file.reader(0)).verified(blob, what, progress);
            std::io::copy(&mut content, &mut std::io::sink())
        }
        None => {
            let mut content = Verifying::from_source(source, blob, what, progress);
            std::io::copy(&mut content, &mut std::io::sink())
        }
    };
    copied
        .map_err(|e| at_fault(Error::io(format!("{what}: cannot read blob {}", blob.digest), e)))?;
    if let Some((sound, file)) = seen {
        sound.found(blob.digest, file, before);
    }
    Ok(())
}
