//! [`Delivery`]: one repository of the destination.

use super::sibling::Sibling;
use crate::bundle::contents::{Image, Referrer};
use crate::storage::store::ImageSink;
use crate::words::at::At;
use crate::words::reference::Reference;

/// One repository of the destination and what goes there. A plan is made of what `H` answers; to
/// run it, `H` has to be a sink.
#[non_exhaustive]
pub struct Delivery<H: ?Sized = dyn ImageSink> {
    /// Tells what is there, and takes what is not.
    pub there: Box<H>,
    /// Its name, for people.
    pub name: String,
    /// What it is to its siblings, where those can mount blobs from it.
    pub sibling: Option<Sibling>,
    /// Images of the contents, with their new names.
    pub images: Vec<(At<Image>, Reference)>,
    /// Referrers of the contents, with their new names, if they have one.
    pub referrers: Vec<(At<Referrer>, Option<Reference>)>,
    /// Whether it is a file, which people are told.
    pub is_file: bool,
    /// Whether the repository is known not to be there, so that it need not be asked.
    pub absent: bool,
}

impl<H: ?Sized> Delivery<H> {
    /// To the repository `there`, which people call `name`: nothing so far. The fields say what.
    #[must_use]
    pub fn to(there: Box<H>, name: impl Into<String>) -> Delivery<H> {
        Delivery {
            there,
            name: name.into(),
            sibling: None,
            images: Vec::new(),
            referrers: Vec::new(),
            is_file: false,
            absent: false,
        }
    }
}

impl<H: ?Sized> std::fmt::Debug for Delivery<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Delivery({})", self.name)
    }
}
