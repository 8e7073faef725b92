//! [`Dispatcher`]: what hands one task to each of many nodes.

use std::time::Duration;

use super::end::NodeEnd;
use super::name::NodeName;
use super::script::NodeTask;
use crate::words::error::Result;

/// A node that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FoundNode {
    /// Its name.
    pub name: NodeName,
    /// Why it can do nothing, in the words of whoever knows it.
    pub down: Option<String>,
}

/// How far a task is that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeState {
    /// It waits to be begun, for this reason.
    Waiting(String),
    /// It is at work.
    Working,
    /// It ended; nobody will ask again.
    Ended(NodeEnd),
    /// The node went down before it was begun, for this reason; nobody will ask again.
    Down(String),
}

/// Hands one task to each node, in one run. What is handed over is taken back by [`clear`](Dispatcher::clear):
/// whoever runs it calls that before he gives up.
pub trait Dispatcher {
    /// What it is called, as in `slurm`.
    fn name(&self) -> &'static str;

    /// How many tasks are to be under way at once, if nobody says so.
    fn most_at_once(&self) -> usize;

    /// How long to wait before looking again.
    fn pause(&self) -> Duration;

    /// What tells its nodes from others of the same names, where there may be others: which cluster it is.
    ///
    /// # Errors
    /// When that cannot be known.
    fn site(&self) -> Result<Option<String>> {
        Ok(None)
    }

    /// The queue in which its tasks lie, as people know it: whoever reaches the same one can take back what a
    /// killed run left there.
    ///
    /// # Errors
    /// When that cannot be known.
    fn queue(&self) -> Result<String> {
        let site = self.site()?.map(|site| format!(" at {site}")).unwrap_or_default();
        Ok(format!("{}{site}", self.name()))
    }

    /// By what its tasks of this run are found again, should this one be killed; nothing where they end with it.
    fn run(&self) -> Option<&str>;

    /// The nodes, each once, with what is known of them.
    ///
    /// # Errors
    /// When that cannot be known.
    fn nodes(&mut self) -> Result<Vec<FoundNode>>;

    /// What hands `task` to `node`, as lines of a shell script that does so.
    fn shown(&self, node: &NodeName, task: &NodeTask) -> String;

    /// Hands `task` to `node`.
    ///
    /// # Errors
    /// When it is not taken.
    fn submit(&mut self, node: &NodeName, task: &NodeTask) -> Result<()>;

    /// How far each task is that was handed over and is not known to have ended.
    ///
    /// # Errors
    /// When that cannot be known now; it may be a moment later.
    fn look(&mut self) -> Result<Vec<(NodeName, NodeState)>>;

    /// Takes back the task of `node`, whatever it does.
    ///
    /// # Errors
    /// When that fails.
    fn give_up(&mut self, node: &NodeName) -> Result<()>;

    /// Takes back all tasks of this run, and looks that none is left.
    ///
    /// # Errors
    /// When some may be left; they are named.
    fn clear(&mut self) -> Result<()>;

    /// The same for those of a run that was killed.
    ///
    /// # Errors
    /// As [`clear`](Dispatcher::clear).
    fn clear_run(&mut self, run: &str) -> Result<()>;
}
