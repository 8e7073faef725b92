//! Files that stand twice in somebody else's archive: some tools write a config or a layer once for
//! each image that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use super::{Fault, MAX_FAULTS, Place, Tree};
use crate::seams::interrupt;
use crate::seams::stream::BUFFER;
use crate::words::digest::{Digest, Hasher};
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
        let mut buffer = vec![0; if all.is_empty() { 0 } else { BUFFER }];
        for (path, place) in all {
            let fault = |e| Error::io(format!("cannot read {}: {path}", self.path.display()), e);
            let mut reader = self.open_place(path, place, 0)?;
            let mut hasher = Hasher::new();
            loop {
                interrupt::check()?;
                match reader.read(&mut buffer).map_err(fault)? {
                    0 => break,
                    got => hasher.update(&buffer[..got]),
                }
            }
            let digest = hasher.finish();
            if *digests.entry(path).or_insert(digest) != digest {
                unlike.insert(path.clone());
            }
        }
        for path in unlike.into_iter().take(MAX_FAULTS) {
            let what = "stands twice, with different contents".to_owned();
            self.found.faults.push(Fault { path, truncated: false, unreadable: false, what });
        }
        Ok(())
    }
}
