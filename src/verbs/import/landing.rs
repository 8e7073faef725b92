//! [`Landing`]: a kind of destination, as an import sees it before it looks there.

use std::collections::BTreeSet;
use std::path::Path;

use super::halt::Halt;
use super::job::Job;
use super::names::names;
use super::outcome::Outcome;
use super::request::Request;
use super::there_now::{CameAs, ThereNow};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;
use crate::work::mapping::Naming;

/// What became of blobs that were brought ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Those that are not there.
    pub(super) lacking: BTreeSet<Digest>,
    /// What is wrong with those of them that could not be read or are damaged.
    pub(super) unsound: Option<Error>,
}

/// A kind of destination, as the request names it.
pub(super) trait Landing {
    /// How the images are called there: by their full names, where nothing else is said.
    fn naming(&self) -> Naming {
        Naming::FullNames
    }

    /// The file or folder of this machine that is written, where it is one.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// Whether all images go into one file, which is taken or not as a whole.
    fn is_one_file(&self) -> bool {
        false
    }

    /// Fails for what is wished and can never be done there, before any name is made.
    ///
    /// # Errors
    /// What is wrong with the `request`, or with the place as it is called.
    fn check(&self, _request: &Request) -> Result<()> {
        Ok(())
    }

    /// Looks there, and brings what the `job` is for: images that get these `names`.
    ///
    /// # Errors
    /// As [`import`](super::import).
    fn land(&self, job: Job<'_>, names: Vec<Reference>) -> Result<Outcome, Halt>;

    /// Whether blobs can be brought there before all of them are at hand.
    fn takes_ahead(&self) -> bool {
        false
    }

    /// Looks there, and brings the blobs of what the `job` is for that the bundle carries, and nothing that
    /// anybody could see.
    ///
    /// # Errors
    /// As [`import`](super::import); where nothing can be brought [ahead](Landing::takes_ahead).
    fn land_ahead(&self, _job: Job<'_>, _names: Vec<Reference>) -> Result<Ahead, Halt> {
        Err(Error::new(Class::Usage, "nothing can be brought there before all is at hand").into())
    }

    /// Brings blobs ahead of what the `job` is for, as [`land_ahead`](Landing::land_ahead).
    ///
    /// # Errors
    /// As there.
    fn bring_ahead(&self, job: Job<'_>) -> Result<Ahead, Halt> {
        self.check(job.request)?;
        self.land_ahead(job, names(job.request, self.naming(), job.contents)?)
    }

    /// Whether several may bring blobs there at once, each a part.
    fn takes_shards(&self) -> bool {
        false
    }

    /// Whether it can be asked afterwards what is there.
    fn can_be_read(&self) -> bool {
        true
    }

    /// Looks there anew, and asks for all that the `job` was for: images that were to get these `names`, and
    /// have them as `came_as` says.
    ///
    /// # Errors
    /// When it cannot be asked.
    fn look_back(
        &self,
        job: Job<'_>,
        names: Vec<Reference>,
        came_as: CameAs<'_>,
    ) -> Result<ThereNow, Halt>;

    /// Asks for all that the `job` was for, as [`look_back`](Landing::look_back).
    ///
    /// # Errors
    /// As there.
    fn read_back(&self, job: Job<'_>, came_as: CameAs<'_>) -> Result<ThereNow> {
        let names = names(job.request, self.naming(), job.contents)?;
        Ok(self.look_back(job, names, came_as)?)
    }

    /// Imports what the `job` is for.
    ///
    /// # Errors
    /// As [`import`](super::import).
    fn bring(&self, job: Job<'_>) -> Result<Outcome, Halt> {
        self.check(job.request)?;
        self.land(job, names(job.request, self.naming(), job.contents)?)
    }
}
