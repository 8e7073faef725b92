//! [`BuildFiles`]: all files of a build as one long text, so that a line says which file it is in.

use crate::lists::list_text::ListText;
use crate::lists::reading::Reading;
use crate::lists::spot::Spot;

/// All files of a build, one below the other.
pub(super) struct BuildFiles {
    /// Each with the number of lines above it.
    files: Vec<(usize, ListText)>,
    lines: usize,
}

impl BuildFiles {
    pub(super) fn new() -> BuildFiles {
        BuildFiles { files: Vec::new(), lines: 0 }
    }

    /// Puts `list` below the others; gives back how many lines are above it.
    pub(super) fn add(&mut self, list: &ListText) -> usize {
        let above = self.lines;
        self.files.push((above, list.clone()));
        // Faults may stand on the line behind the last one.
        self.lines = above.saturating_add(list.text().lines().count()).saturating_add(2);
        above
    }

    /// The place in its file of what is on `line` of all.
    pub(super) fn spot(&self, line: usize, what: impl Into<String>) -> Spot {
        let at = self.files.partition_point(|(above, _)| *above < line).saturating_sub(1);
        let (above, list) = &self.files[at];
        list.spot(line - above, what)
    }

    /// `reading`, of which spots are lines of all, with spots in files.
    pub(super) fn settle(&self, reading: Reading) -> Reading {
        let own = |spot: Spot| self.spot(spot.line, spot.what);
        let mut settled = Reading::default();
        for mut entry in reading.entries {
            entry.spot = own(entry.spot);
            settled.entries.push(entry);
        }
        settled.notes.extend(reading.notes.into_iter().map(|(spot, text)| (own(spot), text)));
        settled.faults.extend(reading.faults.into_iter().map(|(spot, error)| (own(spot), error)));
        settled
    }
}
