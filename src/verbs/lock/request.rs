//! [`Request`] and [`CheckRequest`]: what is to be frozen, and which lock is to be checked.

use std::path::PathBuf;

use super::report::foreign;
use crate::places::location::Source;
use crate::tools::pace::Jobs;
use crate::verbs::export;
use crate::verbs::resolve::Meant;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::words::platform::Platform;

/// What is to be frozen.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// The images, and who asked for them.
    pub images: Vec<Meant>,
    /// The lock: JSON where it is called `.json`, else TOML. One that is there is replaced.
    pub output: PathBuf,
    /// Of these platforms the sizes are; of all where there is none.
    pub platforms: Vec<Platform>,
    /// Whether what refers to the images is left out.
    pub no_referrers: bool,
    /// Whether it is told how the lock that is there differs.
    pub update: bool,
    /// Requests at a time.
    pub jobs: Jobs,
}

impl Request {
    /// Freezes `images` into the lock `output`, with all their platforms and referrers. The fields say
    /// otherwise.
    #[must_use]
    pub fn new(images: Vec<Meant>, output: impl Into<PathBuf>) -> Request {
        Request {
            images,
            output: output.into(),
            platforms: Vec::new(),
            no_referrers: false,
            update: false,
            jobs: Jobs::default(),
        }
    }

    /// The export that would carry the images.
    ///
    /// # Errors
    /// [`Class::Usage`] for images that are not of registries, all at once.
    pub(super) fn export(&self) -> Result<export::Request> {
        let wrong = self.images.iter().filter_map(foreign).collect();
        let summary = |count| (Class::Usage, format!("{count} of the images cannot be locked"));
        Error::all(wrong, summary).map_or(Ok(()), Err)?;
        let images: Vec<Source> = self.images.iter().map(|meant| meant.image.clone()).collect();
        // Nothing is made of it, so that no time and no place is.
        let mut export = export::Request::new(images, "", Moment::EPOCH);
        for meant in &self.images {
            if let Some(spot) = meant.spots().next() {
                export.listed.insert(meant.image.to_string(), spot.to_string());
            }
        }
        export.select.platforms.clone_from(&self.platforms);
        export.select.no_referrers = self.no_referrers;
        export.jobs = self.jobs;
        Ok(export)
    }
}

/// Which lock is to be checked.
#[derive(Debug)]
#[non_exhaustive]
pub struct CheckRequest {
    /// The lock.
    pub lock: PathBuf,
    /// What lists ask for today, where that is to be held against it, too.
    pub images: Option<Vec<Meant>>,
    /// Requests at a time.
    pub jobs: Jobs,
}

impl CheckRequest {
    /// Checks `lock` by itself. The fields say otherwise.
    #[must_use]
    pub fn new(lock: impl Into<PathBuf>) -> CheckRequest {
        CheckRequest { lock: lock.into(), images: None, jobs: Jobs::default() }
    }
}
