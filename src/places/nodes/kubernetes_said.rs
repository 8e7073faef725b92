//! What a cluster says of nodes, pods and events, as far as it matters for a task.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::words::reference::Reference;

/// What a pod waits for that does not come, whoever waits.
const HOPELESS: [&str; 5] = [
    "InvalidImageName",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];
/// What it says of a container whose program could not be run.
const NOT_RUN: [&str; 2] = ["StartError", "ContainerCannotRun"];
/// What a shell ends with for a program that is not there.
const NOT_THERE: i32 = 127;

/// A list, as `kubectl get --output=json` prints it.
#[derive(Debug, Deserialize)]
pub(super) struct Listed<T> {
    pub(super) items: Vec<T>,
}

/// Its name, and what else is noted on any object.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SaidMetadata {
    pub(super) name: String,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) deletion_timestamp: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
}

/// A node, as far as it matters.
#[derive(Debug, Deserialize)]
#[serde(from = "NodeObject")]
pub(super) struct SaidNode {
    pub(super) name: String,
    pub(super) down: Option<String>,
    /// The smallest image that it says it has.
    pub(super) image: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NodeObject {
    metadata: SaidMetadata,
    spec: NodeSpec,
    status: NodeStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NodeSpec {
    unschedulable: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeStatus {
    conditions: Vec<Condition>,
    images: Vec<HeldImage>,
    node_info: NodeInfo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct HeldImage {
    names: Vec<String>,
    size_bytes: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeInfo {
    operating_system: String,
}

impl From<NodeObject> for SaidNode {
    fn from(node: NodeObject) -> SaidNode {
        let NodeObject { metadata, spec, status } = node;
        let ready = status.conditions.iter().find(|it| it.kind == "Ready");
        let down = match ready {
            _ if status.node_info.operating_system == "windows" => Some("it runs Windows".into()),
            Some(ready) if ready.status == "True" => {
                spec.unschedulable.then(|| "it is cordoned".to_owned())
            }
            Some(Condition { reason, message, .. }) => {
                let why = [message, reason].into_iter().flatten().find(|it| !it.is_empty());
                Some(why.map_or("not ready".to_owned(), |why| format!("not ready: {why}")))
            }
            None => Some("it has never said that it is ready".to_owned()),
        };
        let is_name = |name: &&String| name.parse::<Reference>().is_ok();
        let images = status.images.iter();
        let named = images.filter_map(|it| {
            // A tag is what people know it by, and stands last.
            let name = it.names.iter().rev().find(is_name)?;
            Some((it.size_bytes, name))
        });
        let image = named.min_by(|a, b| a.cmp(b)).map(|(_, name)| name.clone());
        SaidNode { name: metadata.name, down, image }
    }
}

/// A pod of a run.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SaidPod {
    pub(super) metadata: SaidMetadata,
    status: PodStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    phase: String,
    reason: Option<String>,
    message: Option<String>,
    conditions: Vec<Condition>,
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerStatus {
    state: ContainerState,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    waiting: Option<Why>,
    running: Option<serde::de::IgnoredAny>,
    terminated: Option<ContainerEnd>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Why {
    reason: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerEnd {
    exit_code: i32,
    reason: Option<String>,
    message: Option<String>,
}

/// How far a pod is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PodState {
    /// It waits, for this reason; nothing where it does not say one.
    Waiting(Option<String>),
    /// It is at work.
    Working,
    /// It ended with this code, and complained like this. What it said is in its log.
    Ended(i32, String),
    /// It came to no end of its own, for this reason.
    Lost(String),
}

impl SaidPod {
    /// How far it is.
    pub(super) fn state(&self) -> PodState {
        let status = &self.status;
        let container = status.container_statuses.first().map(|it| &it.state);
        if let Some(end) = container.and_then(|it| it.terminated.as_ref()) {
            let message = end.message.clone().unwrap_or_default();
            let is_run = |reason: &String| !NOT_RUN.contains(&reason.as_str());
            return match &end.reason {
                Some(reason) if reason == "OOMKilled" => PodState::Lost(
                    "it was ended since the node, or the limit of its container, has no memory left".into(),
                ),
                Some(reason) if !is_run(reason) => PodState::Ended(NOT_THERE, message),
                _ => PodState::Ended(end.exit_code, message),
            };
        }
        if self.metadata.deletion_timestamp.is_some() {
            let why = self.condition("DisruptionTarget").and_then(|it| it.message.clone());
            return PodState::Lost(
                why.unwrap_or_else(|| "its pod was deleted before it was done".to_owned()),
            );
        }
        if status.phase == "Failed" || status.phase == "Succeeded" {
            let why = said(&Why { reason: status.reason.clone(), message: status.message.clone() });
            return PodState::Lost(why.unwrap_or_else(|| "its pod failed".to_owned()));
        }
        match container {
            Some(state) if state.running.is_some() => PodState::Working,
            Some(ContainerState { waiting: Some(why), .. }) => {
                let is_hopeless =
                    why.reason.as_ref().is_some_and(|it| HOPELESS.contains(&it.as_str()));
                match (is_hopeless, said(why)) {
                    (true, Some(why)) => PodState::Lost(why),
                    // What every pod goes through says nothing.
                    (false, Some(why)) if why != "ContainerCreating" => {
                        PodState::Waiting(Some(why))
                    }
                    _ => PodState::Waiting(None),
                }
            }
            _ => {
                let unbound = self.condition("PodScheduled").filter(|it| it.status == "False");
                PodState::Waiting(unbound.and_then(|it| {
                    said(&Why { reason: it.reason.clone(), message: it.message.clone() })
                }))
            }
        }
    }

    fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.conditions.iter().find(|it| it.kind == kind)
    }
}

/// A reason and what is said about it, as one text.
fn said(why: &Why) -> Option<String> {
    let full = |text: &Option<String>| text.clone().filter(|it| !it.is_empty());
    match (full(&why.reason), full(&why.message)) {
        (Some(reason), Some(message)) => Some(format!("{reason}: {message}")),
        (reason, message) => reason.or(message),
    }
}

/// Something that went wrong, about a pod or a job.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SaidEvent {
    involved_object: SaidMetadata,
    reason: String,
    message: String,
    last_timestamp: Option<String>,
}

impl SaidEvent {
    /// The job that it is about, of those of `run`: the name of a pod is that of its job, with more behind a dash.
    pub(super) fn job(&self, run: &str) -> Option<&str> {
        let name = self.involved_object.name.as_str();
        let own = name.strip_prefix(run)?.strip_prefix('-')?;
        let end = own.find('-').unwrap_or(own.len());
        name.get(..name.len() - own.len() + end)
    }

    /// Which of two was told later, as far as it is known.
    pub(super) fn later(&self, other: &SaidEvent) -> Ordering {
        self.last_timestamp.cmp(&other.last_timestamp)
    }

    /// It as one text.
    pub(super) fn text(&self) -> String {
        format!("{}: {}", self.reason, self.message)
    }

    /// Whether it is said again and again until somebody changes something.
    pub(super) fn stays(&self) -> bool {
        ["FailedCreate", "FailedMount"].contains(&self.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn node(status: Value, spec: Value) -> SaidNode {
        let node = json!({ "metadata": { "name": "n1" }, "status": status, "spec": spec });
        serde_json::from_value(node).unwrap()
    }

    #[test]
    fn a_node_is_down_for_the_reason_that_the_cluster_has() {
        let ready = json!({ "conditions": [
            { "type": "MemoryPressure", "status": "False" }, { "type": "Ready", "status": "True" },
        ] });
        assert_eq!(node(ready.clone(), json!({})).down, None);
        assert_eq!(node(ready, json!({ "unschedulable": true })).down.unwrap(), "it is cordoned");
        let silent = json!({ "conditions": [{ "type": "Ready", "status": "Unknown",
            "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status." }] });
        let silent = node(silent, json!({ "unschedulable": true })).down.unwrap();
        assert_eq!(silent, "not ready: Kubelet stopped posting node status.");
        assert!(node(json!({}), json!({})).down.unwrap().contains("never"));
    }

    #[test]
    fn the_smallest_image_with_a_name_is_the_one_that_is_taken() {
        let images = json!({ "images": [
            { "names": ["r.example/big@sha256:00", "r.example/big:1"], "sizeBytes": 90 },
            { "names": ["<none>@<none>", "<none>:<none>"], "sizeBytes": 3 },
            { "names": ["registry.k8s.io/pause:3.10"], "sizeBytes": 7 },
            { "names": [], "sizeBytes": 1 },
        ] });
        let image = node(images, json!({})).image;
        assert_eq!(image.as_deref(), Some("registry.k8s.io/pause:3.10"));
        assert_eq!(node(json!({}), json!({})).image, None);
    }

    #[test]
    fn an_event_is_about_a_job_or_its_pod() {
        let about = |name: &str| {
            let event = json!({ "involvedObject": { "name": name }, "lastTimestamp": null });
            let event: SaidEvent = serde_json::from_value(event).unwrap();
            event.job("sealift-0f").map(str::to_owned)
        };
        assert_eq!(about("sealift-0f-abc").as_deref(), Some("sealift-0f-abc"));
        assert_eq!(about("sealift-0f-abc-x7k2p").as_deref(), Some("sealift-0f-abc"));
        assert_eq!(about("sealift-0e-abc"), None);
        assert_eq!(about("other"), None);
    }

    #[test]
    fn a_pod_says_what_it_waits_for_and_how_it_ended() {
        let state = |status: Value| {
            let pod: SaidPod = serde_json::from_value(json!({ "status": status })).unwrap();
            pod.state()
        };
        let container =
            |state: Value| json!({ "phase": "Pending", "containerStatuses": [{ "state": state }] });
        let waits = |why: &str| PodState::Waiting(Some(why.to_owned()));
        let unbound = json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled",
            "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available" }] });
        assert_eq!(state(unbound), waits("Unschedulable: 0/3 nodes are available"));
        assert_eq!(state(json!({ "phase": "Pending" })), PodState::Waiting(None));
        let creating = container(json!({ "waiting": { "reason": "ContainerCreating" } }));
        assert_eq!(state(creating), PodState::Waiting(None));
        let pull =
            container(json!({ "waiting": { "reason": "ImagePullBackOff", "message": "no" } }));
        assert_eq!(state(pull), waits("ImagePullBackOff: no"));
        let never = json!({ "waiting": { "reason": "ErrImageNeverPull", "message": "x" } });
        assert_eq!(state(container(never)), PodState::Lost("ErrImageNeverPull: x".to_owned()));
        let running = json!({ "running": { "startedAt": "2026-11-27T12:00:00Z" } });
        assert_eq!(state(container(running)), PodState::Working);
        let full =
            json!({ "terminated": { "exitCode": 8, "reason": "Error", "message": "no room" } });
        assert_eq!(state(container(full)), PodState::Ended(8, "no room".to_owned()));
        let start =
            json!({ "terminated": { "exitCode": 128, "reason": "StartError", "message": "exec" } });
        assert_eq!(state(container(start)), PodState::Ended(127, "exec".to_owned()));
        let evicted = json!({ "phase": "Failed", "reason": "Evicted", "message": "disk pressure" });
        assert_eq!(state(evicted), PodState::Lost("Evicted: disk pressure".to_owned()));

        let gone = json!({ "metadata": { "deletionTimestamp": "2026-11-27T12:00:00Z" }, "status": {
            "phase": "Running", "containerStatuses": [{ "state": { "running": {} } }],
            "conditions": [{ "type": "DisruptionTarget", "status": "True", "message": "the node is gone" }] } });
        let gone: SaidPod = serde_json::from_value(gone).unwrap();
        assert_eq!(gone.state(), PodState::Lost("the node is gone".to_owned()));
    }
}
