//! What the root of trust is asked about a bundle, and what becomes of signatures that do not count.

use std::collections::BTreeSet;

use super::signatures::OtherSignature;
use crate::bundle::head::envelope_path;
use crate::bundle::inventory::Inventory;
use crate::bundle::keys::KeyId;
use crate::bundle::roots::RoleTally;
use crate::bundle::statement::Statement;
use crate::places::layout::blob_digest;
use crate::words::digest::Digest;

/// All blobs that a bundle's images consist of, as far as it is signed: those that it carries and those that
/// it lacks.
pub(super) fn blobs(statement: &Statement, sums: Option<&Inventory>) -> BTreeSet<Digest> {
    let carried = sums.map(Inventory::files).into_iter().flatten();
    let carried = carried.filter_map(|(path, _)| blob_digest(path));
    let about = &statement.predicate;
    let lacking = about.base.iter().flat_map(|base| base.lacks.iter().copied());
    carried.chain(lacking).collect()
}

/// Leaves those of `signers` who count as `tally` says, and gives the signatures of the others.
pub(super) fn set_apart(signers: &mut Vec<KeyId>, tally: &RoleTally) -> Vec<OtherSignature> {
    let counts = |id: &KeyId| tally.signed.iter().any(|signer| signer.key == *id);
    let others = signers.iter().filter(|id| !counts(id)).map(|id| OtherSignature {
        path: envelope_path(id),
        key: id.hex(),
        what: format!(
            "is by the key {}, which is known and does not count for role {}",
            id.short(),
            tally.role
        ),
    });
    let others = others.collect();
    signers.retain(counts);
    others
}
