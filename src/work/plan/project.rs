//! [`ProjectPlan`]: what happens to a project of a Harbor.

use serde::Serialize;

use crate::places::registry::Quota;

/// What happens to a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProjectAction {
    /// It is there.
    Present,
    /// It is made.
    Create,
    /// It is not there, and is not to be made.
    Missing,
    /// It is there, and these credentials may do nothing in it.
    Hidden,
    /// Harbor tells these credentials nothing.
    Unknown,
}

/// One project of the destination.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProjectPlan {
    /// `host/project`.
    pub project: String,
    /// What happens to it.
    pub action: ProjectAction,
    /// Whether everybody may pull from it, or will.
    pub public: Option<bool>,
    /// Its quota, where that is known.
    pub quota: Option<Quota>,
    /// The bytes that will count against the quota, at most: Harbor counts a blob once a project,
    /// and may have it in a repository that the plan does not touch. A blob that is there counts
    /// only while an image refers to it.
    pub adds: u64,
    /// Whether these credentials may push, where Harbor says.
    pub may_push: Option<bool>,
}
