//! [`OpenPlaces`]: where the images of an export come from, and which could not be had.

use crate::words::error::{Class, Error, Result};
use crate::work::graph::{Origin, Wanted};

/// What is asked for.
#[derive(Debug, Default)]
pub(in crate::verbs) struct OpenPlaces {
    /// The places, opened.
    pub(in crate::verbs) origins: Vec<Origin>,
    /// Their images.
    pub(in crate::verbs) wanted: Vec<Wanted>,
    /// Those of the places that cannot be opened or lack an image.
    pub(in crate::verbs) faults: Vec<PlaceFault>,
    /// What was asked for with all of a place, and cannot be read.
    pub(in crate::verbs) unreadable: Vec<Lost>,
}

/// A place that cannot be opened, or lacks the image that is asked for there.
#[derive(Debug)]
pub(in crate::verbs) struct PlaceFault {
    /// The place, as the user named it.
    pub(in crate::verbs) source: String,
    /// Why.
    pub(in crate::verbs) error: Error,
}

/// An image that cannot be read, of a place that was asked for as a whole.
#[derive(Debug)]
pub(in crate::verbs) struct Lost {
    /// The place, as the user named it.
    pub(in crate::verbs) source: String,
    /// What the image is called there.
    pub(in crate::verbs) image: String,
    /// Why.
    pub(in crate::verbs) error: Error,
}

/// Whether a failure says something of an archive, and nothing of the disk or the person.
pub(super) fn is_about_content(error: &Error) -> bool {
    matches!(error.class(), Class::Damaged | Class::Incomplete | Class::Refused)
}

/// Fails with all `faults` of the places and names at once.
pub(super) fn all_there(faults: Vec<Error>, asked: usize) -> Result<()> {
    let class = faults.first().map_or(Class::Incomplete, Error::class);
    let summary = |count| (class, format!("{count} of the {asked} names asked for cannot be had"));
    Error::all(faults, summary).map_or(Ok(()), Err)
}
