//! [`Request`]: what to take away where.

use std::path::PathBuf;

use crate::bundle::check::Trust;
use crate::medium::Medium;
use crate::places::location::Destination;
use crate::tools::pace::Jobs;
use crate::verbs::recording::LedgerKeeper;
use crate::work::graph::Rewrite;
use crate::work::mapping::NameRule;

/// What to take away where.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// Where.
    pub place: Destination,
    /// Bundles, or records of them, whose names stay.
    pub keep: Vec<Medium>,
    /// Bundles, or records of them, that were brought there, beside those.
    pub brought: Vec<Medium>,
    /// Where it is remembered which bundles of each stream were imported: what was not brought nothing.
    /// Without one, `brought` is believed.
    pub state: Option<PathBuf>,
    /// Whom to believe.
    pub trust: Trust,
    /// The rules for names with which they were imported; the first that matches decides.
    pub rules: Vec<NameRule>,
    /// Whether they were imported with only the last part of each name.
    pub flatten: bool,
    /// What was written anew when they were imported.
    pub rewrite: Rewrite,
    /// Requests at a time.
    pub jobs: Jobs,
    /// Whether to take it away, and not only show it.
    pub yes: bool,
    /// Where it is noted what is done, if anywhere.
    pub ledger: Option<LedgerKeeper>,
}

impl Request {
    /// Shows what `brought` brought to `place`, and `keep` does not name, if `trust` lets it. The
    /// fields say otherwise.
    #[must_use]
    pub fn new(
        place: Destination,
        keep: Vec<Medium>,
        brought: Vec<Medium>,
        trust: Trust,
    ) -> Request {
        Request {
            place,
            keep,
            brought,
            state: None,
            trust,
            rules: Vec::new(),
            flatten: false,
            rewrite: Rewrite::default(),
            jobs: Jobs::default(),
            yes: false,
            ledger: None,
        }
    }
}
