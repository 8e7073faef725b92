//! [`Survey`]: what of a bundle is lost, and whether its recovery data makes up for it.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;

use super::spot::protected_by;
use super::ward::{KnownBytes, Ward};
use crate::bundle::inventory::SUMS;
use crate::medium::{Medium, in_volumes};
use crate::tools::folder::{Folder, is_folder_at};
use crate::words::error::{Error, Result};
use crate::words::progress::Progress;

/// A bundle beside its recovery data: one set for a folder or a packed file, one for each volume.
#[derive(Debug)]
pub struct Survey {
    pub(super) wards: Vec<Ward>,
    /// Volumes that have none.
    pub(super) others: Vec<Medium>,
    /// Whether each is a volume in a folder.
    pub(super) is_in_volumes: bool,
}

/// What is lost of what one set protects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SetState {
    /// What it protects: the packed file or folder, or one volume.
    pub of: Medium,
    /// How many bytes are lost, and repaired, together.
    pub slice_bytes: u64,
    /// How many such slices there are.
    pub slices: usize,
    /// How many of them are lost.
    pub lost_slices: usize,
    /// How many can be made again, whichever they are.
    pub recovery_slices: usize,
}

impl SetState {
    /// How many recovery slices are lacking.
    #[must_use]
    pub fn lacking(&self) -> usize {
        self.lost_slices.saturating_sub(self.recovery_slices)
    }
}

impl Survey {
    /// Reads the bundle on `medium`, but for what is `known` to be whole; nothing where it has no recovery
    /// data.
    ///
    /// # Errors
    /// Those of the disk, but for what cannot be read of the bundle: that is lost.
    /// [`Class::Damaged`](crate::words::error::Class::Damaged) where its recovery data cannot be used,
    /// [`Class::Refused`](crate::words::error::Class::Refused) where that is about something else.
    pub fn of(
        medium: &Medium,
        known: &KnownBytes<'_>,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<Option<Survey>> {
        // Nothing that lies beside it there is looked at.
        if medium.is_remote() {
            return Ok(None);
        }
        let (mut media, mut is_in_volumes) = (Vec::new(), medium.places().nth(1).is_some());
        for place in medium.places() {
            let names = volumes(place)?;
            is_in_volumes |= !names.is_empty();
            match names.is_empty() {
                true => media.push(medium.beside(place)),
                false => media.extend(names.iter().map(|name| medium.beside(place.join(name)))),
            }
        }
        let (mut wards, mut others) = (Vec::new(), Vec::new());
        for medium in media {
            match Ward::of(&medium, known, jobs, progress)? {
                Some(ward) => wards.push(ward),
                None => others.push(medium),
            }
        }
        Ok((!wards.is_empty()).then_some(Survey { wards, others, is_in_volumes }))
    }

    /// What is lost, set by set.
    #[must_use]
    pub fn states(&self) -> Vec<SetState> {
        let state = |ward: &Ward| SetState {
            of: ward.medium.clone(),
            slice_bytes: ward.slice_size(),
            slices: ward.slices(),
            lost_slices: ward.lost(),
            recovery_slices: ward.available(),
        };
        self.wards.iter().map(state).collect()
    }

    /// Whether anything is not as it was.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.wards.iter().any(Ward::is_damaged)
    }

    /// Whether all that is lost can be made again.
    #[must_use]
    pub fn can_be_repaired(&self) -> bool {
        self.wards.iter().all(|ward| ward.lacking() == 0)
    }

    /// The names of the files that are damaged or missing, in order.
    #[must_use]
    pub fn damaged(&self) -> Vec<String> {
        let names: BTreeSet<&str> = self.wards.iter().flat_map(Ward::damaged).collect();
        names.into_iter().map(str::to_owned).collect()
    }
}

/// The names of the volumes in the folder `path`, be they there or only their recovery data; none where it is
/// no folder of volumes.
fn volumes(path: &Path) -> Result<BTreeSet<OsString>> {
    if !is_folder_at(path)? {
        return Ok(BTreeSet::new());
    }
    let fault = |e| Error::io(format!("cannot list {}", path.display()), e);
    let folder = Folder::open(path).map_err(fault)?;
    for name in ["oci-layout", SUMS, "blobs", "repair"] {
        if folder.look(name).map_err(fault)?.is_some() {
            return Ok(BTreeSet::new());
        }
    }
    let names = folder.names().map_err(fault)?;
    let lost = names.iter().filter_map(|name| protected_by(name));
    let lost = lost.filter(|name| name.ends_with(".tar")).map(OsString::from);
    Ok(in_volumes::names(&folder).map_err(fault)?.into_iter().chain(lost).collect())
}
