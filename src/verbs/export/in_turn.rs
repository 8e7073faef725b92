//! [`take`]: the layers of a bundle that is written front to back.

use super::reuse::here;
use crate::bundle::contents::Contents;
use crate::bundle::draft::Draft;
use crate::places::at_hand::AtHand;
use crate::storage::store::BlobSources;
use crate::words::document::Descriptor;
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::work::plan::Count;
use crate::work::transfer::{Fetched, fetch_in_turn};

/// Takes each of `layers` in turn: from what is here, which is hashed first, else from its source. Adds
/// those from here to `reused`.
///
/// # Errors
/// Those of the source and of the disk, and a stop that was asked for.
pub(super) fn take(
    draft: &Draft,
    at_hand: &AtHand,
    (contents, sources): (&Contents, &dyn BlobSources),
    layers: &[Descriptor],
    progress: &dyn Progress,
    reused: &mut Count,
) -> Result<Fetched> {
    let mut fetched = Fetched::default();
    let mut rest = layers;
    while !rest.is_empty() {
        // As many as nobody here may have come in one go.
        let away = rest.iter().take_while(|layer| !at_hand.may_have(layer)).count();
        let (now, behind) = match away {
            0 => rest.split_at(1),
            away => rest.split_at(away),
        };
        rest = behind;
        if away == 0 && here(draft, at_hand, &now[0], progress)? {
            reused.add(&now[0]);
            continue;
        }
        let more = fetch_in_turn(contents, sources, now, draft.sink(), progress)?;
        fetched.came.join(more.came);
        fetched.continued += more.continued;
    }
    Ok(fetched)
}
