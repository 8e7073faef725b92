//! Files that stand twice in somebody else's archive: some tools write a config or a layer once for
//! each image that has it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fault, MAX_FAULTS, Place, Tree};
use crate::storage::reading::digest_of;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};

impl Tree {
    /// A file that stands twice is one if both have the same bytes; else nobody knows which is
    /// meant. All are read once, in their order.
    pub(super) fn compare_twins(&mut self) -> Result<()> {
        let again = std::mem::take(&mut self.found.again);
        let firsts: BTreeMap<&String, Place> = again
            .iter()
            .filter_map(|(path, _)| Some((path, *self.found.files.get(path)?)))
            .collect();
        let mut all: Vec<(&String, Place)> =
            again.iter().map(|(path, place)| (path, *place)).chain(firsts).collect();
        all.sort_by_key(|(_, place)| place.offset);
        let mut digests: BTreeMap<&String, Digest> = BTreeMap::new();
        let mut unlike = BTreeSet::new();
        for (path, place) in all {
            let fault = |e| Error::io(format!("cannot read {}: {path}", self.path.display()), e);
            let digest = digest_of(&mut self.open_place(path, place, 0)?).map_err(fault)?;
            if *digests.entry(path).or_insert(digest) != digest {
                unlike.insert(path.clone());
            }
        }
        for path in unlike.into_iter().take(MAX_FAULTS) {
            let what = "stands twice, with different contents".to_owned();
            self.found.faults.push(Fault { path, what, ..Fault::default() });
        }
        Ok(())
    }
}
