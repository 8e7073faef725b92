//! [`Findings`]: what was found out about a project of a Harbor.

use serde::Serialize;

/// Whether a project can be pushed into, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Standing {
    /// It is there. It need not be seen: a robot that may only push and pull is told nothing of it.
    Exists,
    /// There is none of that name.
    Missing,
    /// It is there, and these credentials may neither see it nor pull or push.
    Hidden,
    /// Harbor tells these credentials nothing.
    Unknown,
}

/// How much a project may hold, and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Quota {
    /// The most bytes it may hold; `None` without a limit.
    pub limit: Option<u64>,
    /// The bytes that count against it now.
    pub used: u64,
}

impl Quota {
    /// The bytes that still fit; `None` without a limit.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.used))
    }
}

/// What was found out about a project.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Findings {
    /// Whether it is there.
    pub standing: Standing,
    /// Whether everybody may pull from it.
    pub public: Option<bool>,
    /// Its quota, where these credentials may see it.
    pub quota: Option<Quota>,
    /// Whether these credentials may push, where Harbor says.
    pub may_push: Option<bool>,
    /// Whether it only caches another registry, and takes no pushes.
    pub is_cache: bool,
    /// Why it cannot be made, where it is missing and that is known.
    pub barrier: Option<Barrier>,
    /// Whether these credentials choose its quota if they make it, where Harbor says.
    pub may_choose_quota: Option<bool>,
    /// Whether an administrator has made the whole registry read-only.
    pub read_only: bool,
}

/// Why these credentials cannot make a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Barrier {
    /// Harbor takes no project of that name.
    Name,
    /// They are those of a robot of one project, which makes no others.
    ProjectRobot,
    /// Only administrators may, and robots of the system level that have the right.
    Administrators,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_a_quota_is_never_less_than_nothing() {
        let quota = |limit, used| Quota { limit, used }.left();

        assert_eq!(quota(Some(10), 4), Some(6));
        assert_eq!(quota(Some(10), 11), Some(0));
        assert_eq!(quota(None, 11), None);
    }
}
