//! [`Summary`]: what packing did, or would do.

use std::path::PathBuf;

use serde::Serialize;

use crate::medium::Medium;
use crate::tools::uncached::ReadBack;
use crate::verbs::protect::Protected;
use crate::words::digest::Digest;
use crate::work::plan::Count;

/// What packing did, or would do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The bundle that was there.
    pub bundle: Medium,
    /// The same in its new form.
    pub output: Medium,
    /// The digest of the signed statement of both.
    pub statement: Digest,
    /// How many images it has.
    pub images: usize,
    /// How many bytes it has in its new form.
    pub bytes: u64,
    /// Into how many volumes it is cut, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes: Option<usize>,
    /// Where the media were on which these are, where they were changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_dir: Option<PathBuf>,
    /// Blobs that were copied, or would be, beside the small files.
    pub copied: Count,
    /// Those that an interrupted run had copied.
    pub reused: Count,
    /// The recovery data of the new form, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Protected>,
    /// Recovery data, which nobody signed, and which goes with the old form only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_behind: Vec<String>,
    /// How it was read back from its medium, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_back: Option<ReadBack>,
    /// Whether nothing was written.
    pub dry_run: bool,
}
