//! [`Summary`]: what an export did, or would do.

use std::path::PathBuf;

use serde::Serialize;

use crate::bundle::base::LeansOn;
use crate::bundle::contents::{Contents, Image, Skipped};
use crate::bundle::keys::KeyId;
use crate::bundle::ledger::LedgerEvent;
use crate::bundle::position::StreamPosition;
use crate::bundle::screening::Screening;
use crate::medium::Medium;
use crate::tools::uncached::ReadBack;
use crate::verbs::protect::Protected;
use crate::words::digest::Digest;
use crate::work::diff::Difference;
use crate::work::plan::{Count, PlanSizes};
use crate::work::weights::Weights;

/// What an export did, or would do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// Always: what fails has no summary.
    #[serde(skip)]
    pub ok: bool,
    /// The bundle.
    pub bundle: Medium,
    /// Its images.
    pub images: Vec<Image>,
    /// What was asked for with all of a place, and could not be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// What the images were held against before they were let in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub screenings: Vec<Screening>,
    /// The SHA-256 of each lock that was among the lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Digest>,
    /// Manifests that came along with them.
    pub referrers: usize,
    /// Blobs that were fetched, or would be.
    pub fetched: Count,
    /// Blobs that were here already: left by an interrupted export, or in a place to be used again.
    pub reused: Count,
    /// Bytes of what was fetched that an interrupted export had fetched.
    pub continued: u64,
    /// Blobs that the images need and that the bundle does not carry, since the other side holds them.
    pub held: Count,
    /// Whence that is known.
    pub leans_on: Vec<LeansOn>,
    /// Who signed.
    pub key: KeyId,
    /// The digest of the signed statement; nothing for a dry run.
    pub statement: Option<Digest>,
    /// Where in a stream it stands, if in any.
    pub position: Option<StreamPosition>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Whether the bundle was there already, whole and the same.
    pub already_complete: bool,
    /// Into how many volumes it is cut, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<usize>,
    /// Where the media were on which these are, where they were changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_dir: Option<PathBuf>,
    /// How it was read back from its medium, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
    /// The recovery data, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Protected>,
    /// How much would move, and what room there is for it, of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizes: Option<PlanSizes>,
    /// What would change beside what the other side holds, of a dry run that was told that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Difference>,
    /// What each image weighs, and what it alone adds, of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Weights>,
}

impl Summary {
    /// What the ledger is told of it, behind what `event` says.
    pub(super) fn noted(&self, mut event: LedgerEvent) -> LedgerEvent {
        event.bundle = Some(self.bundle.path().display().to_string());
        (event.statement, event.position) = (self.statement, self.position.clone());
        event
            .count("images", self.images.len() as u64)
            .count("referrers", self.referrers as u64)
            .count("fetchedBlobs", self.fetched.blobs)
            .count("fetchedBytes", self.fetched.bytes)
            .count("reusedBlobs", self.reused.blobs)
            .count("heldBlobs", self.held.blobs)
    }

    /// The same, of a plan with these `sizes`, to which what is fetched belongs.
    pub(super) fn with(self, sizes: PlanSizes) -> Summary {
        let sizes = PlanSizes { download: self.fetched.bytes, ..sizes };
        Summary { sizes: Some(sizes), ..self }
    }
}

/// The blobs that `contents` need and do not carry.
pub(super) fn held(contents: &Contents) -> Count {
    contents.blobs.lacking().collect()
}

/// Where the media of `output` are changed, where they are.
pub(super) fn volume_dir(output: &Medium) -> Option<PathBuf> {
    output.drive().map(|drive| drive.folder.clone())
}
