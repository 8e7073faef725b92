//! [`Verdict`]: how a bundle stands to the last one that was taken.

use serde::{Deserialize, Serialize};

/// How a bundle that may be taken stands to the last one of its stream that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verdict {
    /// There is none: it is the first that is seen, and there is nothing to compare it with.
    First,
    /// It is the same.
    Same,
    /// It is the next.
    Next,
    /// Others between are missing, which somebody said a reason for.
    Gap,
    /// The sender began to count again, which somebody said a reason for.
    NewEpoch,
}
