//! Files that stand twice in somebody else's archive: some tools write a config or a layer once for
//! each image that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::entries::Entries;
use super::fault::{FaultKind, MAX_FAULTS, TreeFault};
use super::holder::Holder;
use super::pieces::Pieces;
use crate::storage::reading::digest_of;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};

/// A file of `entries` that stands twice is one if both have the same bytes; else nobody knows which
/// is meant, and that is a fault. All are read once, in their order. The tree is shown as `tree`.
///
/// # Errors
/// Those of reading, and a stop that was asked for.
pub(super) fn compare(
    entries: &mut Entries,
    holder: &dyn Holder,
    tree: &Path,
    cancel: &Cancel,
) -> Result<()> {
    let again = std::mem::take(&mut entries.again);
    let firsts: BTreeMap<&String, &Pieces> =
        again.iter().filter_map(|(path, _)| Some((path, entries.files.get(path)?))).collect();
    let mut all: Vec<(&String, &Pieces)> =
        again.iter().map(|(path, pieces)| (path, pieces)).chain(firsts).collect();
    all.sort_by_key(|(_, pieces)| pieces.begin());
    let mut digests: BTreeMap<&String, Digest> = BTreeMap::new();
    let mut unlike = BTreeSet::new();
    for (path, pieces) in all {
        let fault = |e: io::Error| Error::io(format!("cannot read {}: {path}", tree.display()), e);
        let digest = digest_of(&mut holder.open(tree, path, pieces, 0)?, cancel).map_err(fault)?;
        if *digests.entry(path).or_insert(digest) != digest {
            unlike.insert(path.clone());
        }
    }
    for path in unlike.into_iter().take(MAX_FAULTS) {
        let what = "stands twice, with different contents".to_owned();
        entries.faults.push(TreeFault { path, kind: FaultKind::Unacceptable, what });
    }
    Ok(())
}
