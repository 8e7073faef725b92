//! [`Rounds`]: tasks handed over and waited for, until every node has said how it ended.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::record::FanoutRecord;
use super::report::{FanoutReport, NodeOutcome, NodeResult};
use super::request::Request;
use super::told::judge;
use crate::places::nodes::{Dispatcher, NodeName, NodeState, NodeTask};
use crate::words::error::{Error, Result};
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::words::remedy::Remedy;

/// How long a scheduler may not answer before that counts: one that is started anew takes minutes.
const DEAF: Duration = Duration::from_secs(600);
/// How soon a stop is noticed.
const CHECK: Duration = Duration::from_millis(50);

/// Hands tasks over and waits for them.
pub(super) struct Rounds<'r> {
    pub(super) request: &'r Request,
    /// What each node does.
    pub(super) task: &'r NodeTask,
    pub(super) dispatcher: &'r mut dyn Dispatcher,
    pub(super) record: &'r mut FanoutRecord,
    pub(super) progress: &'r dyn Progress,
}

/// A task that was handed over.
struct UnderWay {
    since: Instant,
    /// Since when it is at work.
    begun: Option<Instant>,
    /// What it waits for, as it was said last.
    waits: String,
}

impl Rounds<'_> {
    /// Asks every node of `open`, and adds to `report` what became of it.
    pub(super) fn all(&mut self, open: Vec<NodeName>, report: &mut FanoutReport) -> Result<()> {
        let most = self.request.at_once.unwrap_or_else(|| self.dispatcher.most_at_once()).max(1);
        let mut open: VecDeque<NodeName> = open.into();
        let mut under_way: BTreeMap<NodeName, UnderWay> = BTreeMap::new();
        let mut heard = Instant::now();
        while !open.is_empty() || !under_way.is_empty() {
            let mut ended = Vec::new();
            while let Some(node) = open.front().filter(|_| under_way.len() < most) {
                self.progress.check()?;
                match self.dispatcher.submit(node, self.task) {
                    Ok(()) => {
                        let since = Instant::now();
                        let task = UnderWay { since, begun: None, waits: String::new() };
                        under_way.insert(node.clone(), task);
                    }
                    Err(e) => ended.push(refused(node.clone(), &e)),
                }
                open.pop_front();
            }
            self.wait()?;
            match self.dispatcher.look() {
                Ok(states) => {
                    heard = Instant::now();
                    ended.extend(self.seen(states, &mut under_way, &report.statement)?);
                }
                Err(e) if heard.elapsed() > DEAF => return Err(e),
                Err(e) => {
                    let wait_ms = u64::try_from(self.dispatcher.pause().as_millis());
                    let wait_ms = wait_ms.unwrap_or(u64::MAX);
                    self.progress.event(Event::Retrying { why: e.to_string(), wait_ms });
                }
            }
            self.note(ended, report)?;
        }
        Ok(())
    }

    /// Ends the run, which `ended` like this: nothing of it stays in a queue.
    pub(super) fn end(&mut self, ended: Result<()>) -> Result<()> {
        let cleared = match ended {
            Ok(()) => Ok(()),
            Err(_) => self.dispatcher.clear(),
        };
        match (ended, cleared) {
            (Ok(()), _) => self.record.end(),
            // The run stays known, so that the next one takes back what is left.
            (Err(e), Err(left)) => Err(e.details([left.words()])),
            (Err(e), Ok(())) => self.record.end().and(Err(e)),
        }
    }

    /// What of the tasks `under_way` ended, by what was `seen` of them, or has to end.
    fn seen(
        &mut self,
        seen: Vec<(NodeName, NodeState)>,
        under_way: &mut BTreeMap<NodeName, UnderWay>,
        statement: &crate::words::digest::Digest,
    ) -> Result<Vec<NodeResult>> {
        let mut ended = Vec::new();
        for (node, state) in seen {
            let Some(task) = under_way.get_mut(&node) else { continue };
            let result = match state {
                NodeState::Waiting(why) => {
                    task.waits = why;
                    let is_late = task.since.elapsed() > self.request.patience;
                    is_late.then(|| not_begun(node.clone(), &task.waits))
                }
                NodeState::Working => {
                    let begun = task.begun.get_or_insert_with(Instant::now);
                    let is_late = begun.elapsed() > self.request.limit;
                    let why = format!("it was not done after {} s", self.request.limit.as_secs());
                    is_late.then(|| NodeResult::failed(node.clone(), why))
                }
                NodeState::Ended(end) => {
                    under_way.remove(&node);
                    ended.push(judge(node, end, statement));
                    continue;
                }
                NodeState::Down(why) => {
                    under_way.remove(&node);
                    ended.push(NodeResult::down(node, why));
                    continue;
                }
            };
            if let Some(result) = result {
                under_way.remove(&node);
                self.dispatcher.give_up(&node)?;
                ended.push(result);
            }
        }
        Ok(ended)
    }

    /// Notes what `ended`, and tells it.
    fn note(&mut self, ended: Vec<NodeResult>, report: &mut FanoutReport) -> Result<()> {
        if ended.is_empty() {
            return Ok(());
        }
        let known: Vec<_> = ended.iter().map(|it| (it.node.clone(), it.is_held())).collect();
        self.record.note(&known, self.request.now()?)?;
        for node in ended {
            self.progress.event(Event::note(format!("{}: {}", node.node, node.words())));
            report.add(node);
        }
        Ok(())
    }

    /// Lets a little time go by.
    fn wait(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            self.progress.check()?;
            let left = self.dispatcher.pause().saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(CHECK));
        }
    }
}

/// A node whose task was not taken.
fn refused(node: NodeName, error: &Error) -> NodeResult {
    let hint = error.advice().cloned();
    NodeResult { hint, ..NodeResult::failed(node, error.to_string()) }
}

fn not_begun(node: NodeName, waits: &str) -> NodeResult {
    let hint = phrase!["give it longer with ", Remedy::FanoutWait];
    let reason = Some(format!("it waits for {waits}"));
    NodeResult { reason, hint: Some(hint), ..NodeResult::of(node, NodeOutcome::NotBegun) }
}
