//! [`Images`]: what a place has that was asked for all it has.

use crate::words::error::Error;
use crate::words::reference::Reference;

/// The images of a place that was asked for as a whole.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Images {
    /// What to ask the place for, each image once under each of its names.
    pub names: Vec<Reference>,
    /// What people should know: names that nobody can read.
    pub notes: Vec<String>,
    /// Those that cannot be had, with the reasons.
    pub unreadable: Vec<Unreadable>,
}

/// An image that is listed, and cannot be had.
#[derive(Debug)]
#[non_exhaustive]
pub struct Unreadable {
    /// What the list calls it.
    pub image: String,
    /// Why.
    pub error: Error,
}
