//! [`FanoutReport`]: what became of each node.

use serde::Serialize;
use serde_json::Value;

use super::request::Request;
use crate::places::nodes::NodeName;
use crate::verbs::tags::natural;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error};
use crate::words::moment::Moment;
use crate::words::phrase::{Phrase, phrase};
use crate::words::progress::{Event, Progress};

/// What became of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NodeOutcome {
    /// It holds all images now, as it says.
    Imported,
    /// It held all images when an earlier run ended, and was not asked.
    Held,
    /// Something is missing there.
    Failed,
    /// It is down, or cannot be reached.
    Down,
    /// It did not begin in time.
    NotBegun,
    /// It would be asked.
    Planned,
}

/// A node, and what became of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NodeResult {
    /// Its name.
    pub node: NodeName,
    /// What became of it.
    pub state: NodeOutcome,
    /// The exit code of its import, where it came to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// How many images it holds, as it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// Since when it has held all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// Why it does not hold all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The way out, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<Phrase>,
    /// The report of its import.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Value>,
    /// What would be handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

impl NodeResult {
    pub(super) fn of(node: NodeName, state: NodeOutcome) -> NodeResult {
        NodeResult {
            node,
            state,
            exit_code: None,
            images: None,
            since: None,
            reason: None,
            hint: None,
            report: None,
            job: None,
        }
    }

    pub(super) fn held(node: NodeName, since: Moment) -> NodeResult {
        NodeResult { since: Some(since), ..NodeResult::of(node, NodeOutcome::Held) }
    }

    pub(super) fn down(node: NodeName, why: String) -> NodeResult {
        NodeResult { reason: Some(why), ..NodeResult::of(node, NodeOutcome::Down) }
    }

    pub(super) fn planned(node: NodeName, job: String) -> NodeResult {
        NodeResult { job: Some(job), ..NodeResult::of(node, NodeOutcome::Planned) }
    }

    pub(super) fn failed(node: NodeName, why: impl Into<String>) -> NodeResult {
        NodeResult { reason: Some(why.into()), ..NodeResult::of(node, NodeOutcome::Failed) }
    }

    /// Whether it holds all images, as far as is known.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.state, NodeOutcome::Imported | NodeOutcome::Held)
    }

    /// What became of it, for people.
    #[must_use]
    pub fn words(&self) -> String {
        let because = |what: &str| match &self.reason {
            Some(reason) => format!("{what}: {reason}"),
            None => what.to_owned(),
        };
        match self.state {
            NodeOutcome::Imported => match self.images {
                Some(images) => format!("holds {}", count(images, "image")),
                None => "holds all".to_owned(),
            },
            NodeOutcome::Held => match self.since {
                Some(since) => format!("holds all since {since}; not asked"),
                None => "holds all".to_owned(),
            },
            NodeOutcome::Failed => match self.exit_code {
                Some(code) if code != 0 => because(&format!("failed with exit code {code}")),
                _ => because("failed"),
            },
            NodeOutcome::Down => because("down"),
            NodeOutcome::NotBegun => because("did not begin"),
            NodeOutcome::Planned => "would be asked".to_owned(),
        }
    }
}

/// What became of all nodes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FanoutReport {
    /// The bundle, as it is called here.
    pub bundle: String,
    /// The digest of its statement.
    pub statement: Digest,
    /// Where its images go on each node.
    pub to: String,
    /// How nodes are reached, as in `slurm`.
    pub engine: &'static str,
    /// Where nodes read the bundle, where it is given to them for the time of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub served_at: Option<String>,
    /// Whether nothing was handed over.
    pub dry_run: bool,
    /// The nodes, by name, numbers in them in the order of numbers.
    pub nodes: Vec<NodeResult>,
}

impl FanoutReport {
    pub(super) fn new(request: &Request, statement: Digest, engine: &'static str) -> FanoutReport {
        FanoutReport {
            bundle: request.bundle.to_string(),
            statement,
            to: request.to.clone(),
            engine,
            served_at: request.served_at.clone(),
            dry_run: request.dry_run,
            nodes: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, node: NodeResult) {
        self.nodes.push(node);
    }

    pub(super) fn sort(&mut self) {
        self.nodes.sort_by(|a, b| natural(a.node.as_str(), b.node.as_str()));
    }

    /// Tells what is known so far.
    pub(super) fn told(&self, progress: &dyn Progress) {
        for node in self.nodes.iter().filter(|it| !it.is_held()) {
            progress.event(Event::note(format!("{}: {}", node.node, node.words())));
        }
    }

    /// The failure that not every node holds every image, where that is so.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        let lacking: Vec<&NodeResult> = self.nodes.iter().filter(|it| !it.is_held()).collect();
        if lacking.is_empty() || self.dry_run {
            return None;
        }
        let text = format!(
            "{} of {} {} not hold every image",
            lacking.len(),
            count(self.nodes.len(), "node"),
            if lacking.len() == 1 { "does" } else { "do" }
        );
        let details = lacking.iter().map(|it| {
            let line = phrase![format!("{}: {}", it.node, it.words())];
            match &it.hint {
                Some(hint) => phrase![line, " (", hint, ")"],
                None => line,
            }
        });
        Some(
            Error::new(Class::Incomplete, text)
                .details(details.collect::<Vec<_>>())
                .hint("see to that, and run the same command again: it asks these nodes alone"),
        )
    }
}
