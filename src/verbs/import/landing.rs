//! [`Landing`]: a kind of destination, as an import sees it before it looks there.

use std::path::Path;

use super::halt::Halt;
use super::job::Job;
use super::names::names;
use super::outcome::Outcome;
use super::request::Request;
use crate::words::error::Result;
use crate::words::reference::Reference;
use crate::work::mapping::Naming;

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

    /// Imports what the `job` is for.
    ///
    /// # Errors
    /// As [`import`](super::import).
    fn bring(&self, job: Job<'_>) -> Result<Outcome, Halt> {
        self.check(job.request)?;
        self.land(job, names(job.request, self.naming(), job.contents)?)
    }
}
