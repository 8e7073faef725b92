//! [`Summary`]: what a squash did, or would do.

use serde::Serialize;

use crate::bundle::contents::{Image, Skipped};
use crate::bundle::keys::KeyId;
use crate::bundle::position::StreamPosition;
use crate::medium::Medium;
use crate::tools::uncached::ReadBack;
use crate::verbs::evidence::Evidence;
use crate::words::digest::Digest;
use crate::words::moment::Moment;
use crate::work::plan::{Count, PlanSizes};

/// What a squash did, or would do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The new bundle.
    pub bundle: Medium,
    /// What it is made of, the oldest first.
    pub from: Vec<SquashedFrom>,
    /// Its images.
    pub images: Vec<Image>,
    /// What the exports of those that it is made of were asked for and could not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// Manifests that came along with the images.
    pub referrers: usize,
    /// Blobs that were copied, or would be.
    pub copied: Count,
    /// Blobs that an interrupted run had copied.
    pub reused: Count,
    /// When it expires.
    pub expires_at: Option<Moment>,
    /// Who signed.
    pub key: KeyId,
    /// The digest of the signed statement; nothing for a dry run.
    pub statement: Option<Digest>,
    /// Where in a stream it stands, if in any.
    pub position: Option<StreamPosition>,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// How much would be written, and what room there is for it, of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizes: Option<PlanSizes>,
    /// How it was read back from its medium, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
}

/// One of the bundles that another was made of.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SquashedFrom {
    /// What was signed, when and by whom.
    #[serde(flatten)]
    pub evidence: Evidence,
    /// How many images of the new bundle are taken from it.
    pub images: usize,
}
