//! [`AgentState`]: when a node's agent has what was brought to it.

use std::path::PathBuf;

use serde::Serialize;

use crate::places::engine::Agent;

/// When a node's agent has what was brought to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AgentState {
    /// Whether its containerd ran, and has the images now; else it has them once it was started.
    pub runs: bool,
    /// The folder of archives that it imports from.
    pub images: PathBuf,
    /// Where its containerd listens.
    pub socket: PathBuf,
}

impl AgentState {
    /// That of `agent`, which `runs` or does not.
    pub(super) fn of(agent: &Agent, runs: bool) -> AgentState {
        AgentState { runs, images: agent.images(), socket: agent.socket().to_owned() }
    }
}
