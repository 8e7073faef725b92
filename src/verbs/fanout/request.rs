//! [`Request`]: what a fan-out is asked for.

use std::path::PathBuf;
use std::time::Duration;

use crate::medium::Medium;
use crate::places::nodes::NodeTask;
use crate::words::digest::{Digest, Hasher};
use crate::words::error::Result;
use crate::words::moment::Moment;

/// How long a node may take to begin, and to end, if nobody says so.
const PATIENCE: Duration = Duration::from_secs(3_600);
const LIMIT: Duration = Duration::from_secs(86_400);

/// What a fan-out is asked for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The bundle, as it lies here.
    pub bundle: Medium,
    /// Where images go on each node, for people and for the record.
    pub to: String,
    /// What each node runs: an import of the bundle that prints its report as JSON, and takes none but that of
    /// [`NodeTask::STATEMENT`].
    pub task: NodeTask,
    /// Where nodes read the bundle, where it is given to them for the time of the run; for people.
    pub served_at: Option<String>,
    /// What makes it another task, beside the bundle and where it goes: keys, rules for names, the program.
    /// Whence nodes have the bundle is none of it.
    pub options: Vec<String>,
    /// The folder in which it is recorded which nodes hold what.
    pub record: PathBuf,
    /// Whether nodes are asked that held the bundle when an earlier run ended.
    pub again: bool,
    /// How many tasks are under way at once; what suits how they are handed over, without.
    pub at_once: Option<usize>,
    /// How long a node may take to begin.
    pub patience: Duration,
    /// How long a node may take from there to its end.
    pub limit: Duration,
    /// What tells the time.
    pub clock: fn() -> Result<Moment>,
    /// Whether nothing is handed over.
    pub dry_run: bool,
}

impl Request {
    /// `task` on every node, which brings `bundle` to `to` there; it is recorded in the folder `record`.
    pub fn new(
        bundle: Medium,
        to: impl Into<String>,
        task: NodeTask,
        record: impl Into<PathBuf>,
        clock: fn() -> Result<Moment>,
    ) -> Request {
        Request {
            bundle,
            to: to.into(),
            task,
            served_at: None,
            options: Vec::new(),
            record: record.into(),
            again: false,
            at_once: None,
            patience: PATIENCE,
            limit: LIMIT,
            clock,
            dry_run: false,
        }
    }

    pub(super) fn now(&self) -> Result<Moment> {
        (self.clock)()
    }

    /// What two runs have in common of which the second finishes the first: the bundle, the place, how, and at
    /// which `site`.
    pub(super) fn key(&self, statement: &Digest, site: Option<String>) -> Digest {
        let mut hasher = Hasher::default();
        let words = [statement.to_string(), self.to.clone()].into_iter().chain(site);
        let words = words.chain(self.options.clone());
        for word in words {
            hasher.update(word.as_bytes());
            // In no word, so that two lists are never one.
            hasher.update(&[0]);
        }
        hasher.finish()
    }
}
