//! [`Bar`]: a row of the picture of who shares which layers.

use crate::verbs::inspect::{UsageKind, UsageRow};

/// How wide the picture is, in its own units.
pub(super) const WIDTH: u64 = 1000;
/// Most rows of it: more are told as a number.
const MOST: usize = 300;
/// Most names of a row; an image may have hundreds.
const MOST_NAMES: usize = 4;
/// How far a row goes to the right at most.
const DEEPEST: usize = 8;

/// A row of the picture: a bar of what it adds itself, and of what it shares with others.
#[derive(Debug)]
pub(super) struct Bar<'r> {
    /// What it stands for.
    pub(super) row: &'r UsageRow,
    /// How far it stands to the right.
    pub(super) depth: usize,
    /// How wide the part is that it adds itself.
    pub(super) own: u64,
    /// How wide the part is that others have as well.
    pub(super) shared: u64,
}

impl Bar<'_> {
    /// The names that are shown.
    pub(super) fn names(&self) -> String {
        let names: Vec<String> =
            self.row.names.iter().take(MOST_NAMES).map(ToString::to_string).collect();
        let more = self.row.names.len().saturating_sub(MOST_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", names.join(", "))
    }

    pub(super) fn is_base(&self) -> bool {
        self.row.kind == UsageKind::Base
    }

    pub(super) fn is_image(&self) -> bool {
        self.row.kind == UsageKind::Image
    }
}

/// The bars of `rows`, to the scale of the longest, and how many are left out.
pub(super) fn bars(rows: &[UsageRow]) -> (Vec<Bar<'_>>, usize) {
    let shared = |row: &UsageRow| if row.kind == UsageKind::Image { row.shared_bytes } else { 0 };
    let all = |row: &UsageRow| row.own_bytes.saturating_add(shared(row));
    let longest = rows.iter().map(all).max().unwrap_or(0).max(1);
    let wide = |bytes: u64| {
        let width = u128::from(bytes) * u128::from(WIDTH) / u128::from(longest);
        let width = u64::try_from(width).unwrap_or(WIDTH);
        // What is there is to be seen.
        if bytes > 0 { width.max(2) } else { 0 }
    };
    let bars = rows.iter().take(MOST).map(|row| Bar {
        row,
        depth: row.depth.min(DEEPEST),
        own: wide(row.own_bytes),
        shared: wide(shared(row)),
    });
    (bars.collect(), rows.len().saturating_sub(MOST))
}
