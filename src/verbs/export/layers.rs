//! [`bring`]: the layers of a bundle, to their places.

use super::request::Request;
use super::{in_turn, reuse};
use crate::bundle::draft::{BlobOrder, Draft};
use crate::places::at_hand::AtHand;
use crate::verbs::making::{missing_layers, no_room};
use crate::words::document::Descriptor;
use crate::words::error::Result;
use crate::words::progress::Progress;
use crate::work::graph::Graph;
use crate::work::plan::Count;
use crate::work::transfer::{self, Fetched};

/// Takes those of `layers` that are here, which it adds to `reused`, and fetches those that are missing,
/// straight to their places in `draft`.
///
/// # Errors
/// Those of the source and of the disk, and a stop that was asked for.
pub(super) fn bring(
    request: &Request,
    draft: &Draft,
    layers: &[Descriptor],
    (at_hand, graph): (&AtHand, &Graph<'_>),
    progress: &dyn Progress,
    reused: &mut Count,
) -> Result<Fetched> {
    let missing = missing_layers(draft, layers, request.jobs.large, progress, reused)?;
    if draft.order() == BlobOrder::Any {
        let missing = reuse::share(draft, at_hand, missing, request.jobs.large, progress, reused)?;
        no_room(draft.place(), draft.needs(&missing))?;
        let missing = reuse::copy(draft, at_hand, missing, request.jobs.large, progress, reused)?;
        reuse::tell(at_hand, progress);
        transfer::fetch(&graph.contents, graph, &missing, draft.sink(), request.jobs, progress)
    } else {
        no_room(draft.place(), draft.needs(&missing))?;
        let from = (&graph.contents, graph as _);
        let more = in_turn::take(draft, at_hand, from, &missing, progress, reused)?;
        reuse::tell(at_hand, progress);
        Ok(more)
    }
}
