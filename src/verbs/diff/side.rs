//! [`Side`]: one of the two things that are compared.

use std::path::PathBuf;

use super::compared::{Compared, SideKind};
use crate::bundle::check::{self, Trust};
use crate::medium::Medium;
use crate::words::error::Result;
use crate::words::moment::Moment;
use crate::words::reference::Reference;
use crate::work::diff::ImageSet;

/// One of the two things that are compared.
#[derive(Debug)]
#[non_exhaustive]
pub enum Side {
    /// A bundle.
    Bundle(Medium),
    /// A list of names, of which nobody is asked what they stand for.
    List {
        /// Where it is, for people.
        path: PathBuf,
        /// What it names.
        names: Vec<Reference>,
    },
}

impl Side {
    /// What is held there, and what is to be known of it.
    pub(super) fn look(&self, trust: &Trust, now: Moment) -> Result<(Compared, ImageSet)> {
        match self {
            Side::Bundle(medium) => {
                let examined = check::examine_expired(medium, trust)?;
                let set = ImageSet::of(examined.contents());
                Ok((Compared::bundle(medium, &examined, now, &set), set))
            }
            Side::List { path, names } => {
                let set = ImageSet::named(names.iter().cloned());
                Ok((Compared::unsigned(SideKind::List, path.display(), &set), set))
            }
        }
    }
}
