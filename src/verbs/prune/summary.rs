//! [`Summary`]: what goes, or went.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::bundle::memory::Arrival;
use crate::bundle::position::StreamPosition;
use crate::medium::Medium;
use crate::words::digest::Digest;
use crate::work::plan::PlanSizes;
use crate::work::prune::PrunePlan;

/// What goes, or went.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The place.
    pub place: String,
    /// The file that tells which bundles of the stream were imported, where there is one.
    #[serde(serialize_with = "shown")]
    pub state: Option<PathBuf>,
    /// What is kept.
    pub keep: Vec<PruneEvidence>,
    /// What was brought beside that.
    pub brought: Vec<PruneEvidence>,
    /// What goes, and what stays and why.
    #[serde(flatten)]
    pub plan: PrunePlan,
    /// Whether it is gone.
    pub removed: bool,
    /// What would be written, and what room there is, of a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizes: Option<PlanSizes>,
}

fn shown<S: serde::Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(Path::to_string_lossy).serialize(to)
}

/// A bundle, as far as it says what was brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PruneEvidence {
    /// The bundle or its record, as it was named.
    pub bundle: Medium,
    /// The digest of its statement.
    pub statement: Digest,
    /// Where in a stream it stands, where it does.
    pub position: Option<StreamPosition>,
    /// Whether it was imported, as far as that is remembered; nothing of what is kept. What was not
    /// brought nothing, whatever it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival: Option<Arrival>,
}
