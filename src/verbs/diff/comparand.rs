//! [`Comparand`]: one of the two things that are compared.

use std::path::PathBuf;

use crate::medium::Medium;
use crate::places::location::Place;
use crate::words::reference::Reference;

/// One of the two things that are compared.
#[derive(Debug)]
#[non_exhaustive]
pub enum Comparand {
    /// A bundle, or a record of one: what was signed. Layers are not asked for.
    Bundle(Medium),
    /// A receipt.
    Receipt(PathBuf),
    /// A place with images: what it holds now.
    Place(Place),
    /// A list of names, of which nobody is asked what they stand for.
    List {
        /// Where it is, for people.
        path: PathBuf,
        /// What it names.
        names: Vec<Reference>,
    },
}
