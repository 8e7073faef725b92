//! How much a plan moves and what room there is for it, for people.

use super::table::bytes;
use crate::words::escape::Safe;
use crate::work::plan::{PlaceRoom, PlanSizes};

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

fn room(of: &PlaceRoom) -> String {
    let free = of.free.map_or_else(|| "unknown".to_owned(), bytes);
    format!("room at {}: {} needed, {free} there", Safe(&of.place), bytes(of.needed))
}
