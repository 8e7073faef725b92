//! [`PlanSizes`]: how much a plan moves, and what room there is for it.

use std::path::Path;

use serde::Serialize;

use crate::tools::room::Disk;

/// How much a plan moves, in bytes, and what room there is for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlanSizes {
    /// What is fetched from where the images are.
    pub download: u64,
    /// What the bundle, or what was chosen of it, has on its medium.
    pub carry: u64,
    /// What is written to disks of this machine.
    pub write: u64,
    /// What is sent to a registry, an engine or another program.
    pub send: u64,
    /// The room for it, place by place.
    pub room: Vec<PlaceRoom>,
}

impl PlanSizes {
    /// Adds those of a second place, to which the same medium is brought.
    pub(super) fn join(&mut self, other: PlanSizes) {
        self.download = self.download.saturating_add(other.download);
        self.write = self.write.saturating_add(other.write);
        self.send = self.send.saturating_add(other.send);
        self.room.extend(other.room);
    }
}

/// Room at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PlaceRoom {
    /// A path, a project or a registry.
    pub place: String,
    /// How many bytes it needs for what is to come.
    pub needed: u64,
    /// How many are free there; nothing where that cannot be told, or nothing limits it.
    pub free: Option<u64>,
}

impl PlaceRoom {
    /// `needed` bytes at a place that has so many `free`.
    #[must_use]
    pub fn new(place: impl Into<String>, needed: u64, free: Option<u64>) -> PlaceRoom {
        PlaceRoom { place: place.into(), needed, free }
    }

    /// `needed` bytes on the disk of `path`.
    #[must_use]
    pub fn on_disk(path: &Path, needed: u64) -> PlaceRoom {
        let free = Disk::of(path).map(|disk| disk.free);
        PlaceRoom::new(path.display().to_string(), needed, free)
    }
}
