//! [`Outcome`]: what came of an import.

use super::summary::Summary;
use crate::work::plan::Plan;

/// What came of a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It was only to be planned.
    Planned(Plan),
    /// It was done.
    Done(Summary),
}

impl Outcome {
    /// Whether the destination told of no projects, as every Harbor does.
    #[must_use]
    pub fn no_harbor(&self) -> bool {
        match self {
            Outcome::Planned(plan) => plan.projects.is_empty(),
            Outcome::Done(summary) => summary.projects.is_empty() && summary.failed.is_empty(),
        }
    }
}
