//! What recovery data is there already, before some is made.

use std::collections::BTreeSet;
use std::ffi::OsString;

use super::spot::RecoverySpot;
use crate::tools::par2::RecoverySet;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::progress::Progress;

/// What is there of the recovery data of a set.
pub(super) struct Existing {
    /// The files that have it.
    pub(super) names: Vec<OsString>,
    /// How many of its recovery slices are whole.
    pub(super) slices: BTreeSet<u16>,
}

impl Existing {
    /// What is at `spot` of `set`.
    ///
    /// # Errors
    /// [`Class::Refused`] for recovery data of something else.
    pub(super) fn of(
        set: &RecoverySet,
        spot: &RecoverySpot,
        progress: &dyn Progress,
    ) -> Result<Existing> {
        let (names, mut slices) = (spot.names()?, BTreeSet::new());
        for name in &names {
            let found = spot.scan(std::slice::from_ref(name), progress)?.0.found();
            let Some(found) = found.filter(|found| found.set.id == set.id) else {
                let path = spot.folder.at(name);
                let text =
                    format!("{} is not recovery data of this bundle as it is", path.display());
                return Err(Error::new(Class::Refused, text)
                    .subject(Subject::Path(path))
                    .hint("remove it, or move it elsewhere, and run the same again"));
            };
            slices.extend(found.recovery.iter().map(|slice| slice.exponent));
        }
        Ok(Existing { names, slices })
    }
}
