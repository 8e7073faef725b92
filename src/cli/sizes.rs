//! How much a plan moves and what room there is for it, for people.

use super::table::{blobs, bytes, titled};
use crate::words::escape::Safe;
use crate::work::plan::{Count, PlaceRoom, PlanSizes};
use crate::work::weights::Weights;

/// A line on what moves, and one for the room at each place.
pub(super) fn lines(sizes: &PlanSizes) -> Vec<String> {
    let moved = [
        ("to download", sizes.download),
        ("to write", sizes.write),
        ("to carry", sizes.carry),
        ("to send", sizes.send),
    ];
    let moved = moved.map(|(what, size)| format!("{what} {}", bytes(size)));
    let mut lines = vec![moved.join(", ")];
    lines.extend(sizes.room.iter().map(room));
    lines
}

/// What each image weighs, and what it alone adds to the others.
pub(super) fn weights(weights: &Weights) -> Vec<String> {
    let mut rows = vec![["IMAGE", "SIZE", "ALONE"].map(str::to_owned).to_vec()];
    let row = |name: String, size, alone| vec![name, bytes(size), bytes(alone)];
    rows.extend(weights.images.iter().map(|it| row(it.name.to_string(), it.bytes, it.alone)));
    let mut lines = titled(&rows);
    lines.push(in_all(weights.total, weights.shared));
    lines
}

/// What there is in all, and what of it several images need.
pub(super) fn in_all(total: Count, shared: Count) -> String {
    format!(
        "in all {} ({}), shared by several images {} ({})",
        blobs(total.blobs),
        bytes(total.bytes),
        blobs(shared.blobs),
        bytes(shared.bytes)
    )
}

fn room(of: &PlaceRoom) -> String {
    let free = of.free.map_or_else(|| "unknown".to_owned(), bytes);
    format!("room at {}: {} needed, {free} there", Safe(&of.place), bytes(of.needed))
}
