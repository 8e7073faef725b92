//! [`OpenPlaces`]: where the images of an export come from, and which could not be had.

use crate::words::error::{Class, Error};
use crate::work::graph::{Origin, Wanted};

/// What is asked for.
#[derive(Debug, Default)]
pub(super) struct OpenPlaces {
    /// The places, opened.
    pub(super) origins: Vec<Origin>,
    /// Their images.
    pub(super) wanted: Vec<Wanted>,
    /// Those of the places that cannot be opened or lack an image.
    pub(super) faults: Vec<Error>,
    /// What was asked for with all of a place, and cannot be read.
    pub(super) unreadable: Vec<Lost>,
}

/// An image that cannot be read, of a place that was asked for as a whole.
#[derive(Debug)]
pub(super) struct Lost {
    /// The place, as the user named it.
    pub(super) source: String,
    /// What the image is called there.
    pub(super) image: String,
    /// Why.
    pub(super) error: Error,
}

/// Whether a failure says something of an archive, and nothing of the disk or the person.
pub(super) fn is_about_content(error: &Error) -> bool {
    matches!(error.class(), Class::Damaged | Class::Incomplete | Class::Refused)
}
