//! [`Comparand`]: one of the two things that are compared.

use std::path::PathBuf;

use super::compared::{CompareKind, Compared};
use crate::bundle::check::Trust;
use crate::bundle::receipt::ReadReceipt;
use crate::bundle::record::Record;
use crate::medium::Medium;
use crate::words::error::Result;
use crate::words::moment::Moment;
use crate::words::reference::Reference;
use crate::work::diff::ImageSet;

/// One of the two things that are compared.
#[derive(Debug)]
#[non_exhaustive]
pub enum Comparand {
    /// A bundle, or a record of one: what was signed. Layers are not asked for.
    Bundle(Medium),
    /// A receipt.
    Receipt(PathBuf),
    /// A list of names, of which nobody is asked what they stand for.
    List {
        /// Where it is, for people.
        path: PathBuf,
        /// What it names.
        names: Vec<Reference>,
    },
}

impl Comparand {
    /// What is held there, and what is to be known of it.
    pub(super) fn look(&self, trust: &Trust, now: Moment) -> Result<(Compared, ImageSet)> {
        match self {
            Comparand::Bundle(medium) => {
                let record = Record::read(medium, trust)?;
                let set = ImageSet::of(record.contents());
                Ok((Compared::bundle(medium, &record, now, &set), set))
            }
            Comparand::Receipt(path) => {
                let read = ReadReceipt::at(path)?;
                let keys = match trust {
                    Trust::Keys(keys) => &keys[..],
                    Trust::UnsafeAnySigner => &[],
                };
                let signer = read.signer(keys).map_err(|e| e.context(path.display()))?;
                let set = ImageSet::held(&read.receipt.content);
                Ok((Compared::receipt(path, &read.receipt.about, signer, &set), set))
            }
            Comparand::List { path, names } => {
                let set = ImageSet::named(names.iter().cloned());
                Ok((Compared::unsigned(CompareKind::List, path.display(), &set), set))
            }
        }
    }
}
