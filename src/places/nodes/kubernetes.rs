//! [`KubernetesNodes`]: one job a node, by `kubectl`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::calls::{NodeCall, failed, is_run, random_run};
use super::dispatcher::{Dispatcher, FoundNode, NodeState};
use super::end::NodeEnd;
use super::kubernetes_job::{CONTAINER, NODE, RUN, job, job_name};
use super::kubernetes_options::KubernetesOptions;
use super::kubernetes_said::{Listed, PodState, SaidEvent, SaidNode, SaidPod};
use super::name::NodeName;
use super::script::NodeTask;
use crate::tools::process::Ended;
use crate::words::error::{Class, Error, Result};

/// How long one answer of the cluster may take. Of two that are said the last one counts.
const PATIENCE: &str = "--request-timeout=60s";
/// Most of a report: as that of any program that is listened to. The node itself keeps 10 MiB of a log.
const MAX_SAID: &str = "--limit-bytes=16777216";
/// How many tasks are under way at once: here each begins at once, and the bundle comes from one place.
const AT_ONCE: usize = 32;
/// How often the cluster is asked for the pods of the run.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// How many looks are between two in which the reasons of those that wait without one are asked for.
const REASONS: u32 = 2;
/// How often such a reason is seen before it counts as one that stays.
const STAYS: u32 = 2;
/// How long the log of a pod that ended may be out of reach.
const LOG: Duration = Duration::from_secs(60);
/// How often a run is taken back until none of it is left, and how long is between: longer than a pod has to stop.
const ROUNDS: usize = 80;
const BETWEEN: Duration = Duration::from_millis(500);
/// Nodes of a Kubernetes cluster.
#[derive(Debug)]
pub struct KubernetesNodes {
    options: KubernetesOptions,
    /// What all jobs of this run have as their label, and no other.
    run: String,
    /// The image for the container on each node.
    images: BTreeMap<NodeName, String>,
    jobs: BTreeMap<NodeName, NodeJob>,
    looks: u32,
}

/// A job that was made.
#[derive(Debug, Default)]
struct NodeJob {
    /// Whether a pod of it was seen.
    seen: bool,
    /// What was said last about why it waits, and how often.
    why: Option<String>,
    times: u32,
    /// Since when its log cannot be had.
    deaf: Option<Instant>,
}

impl KubernetesNodes {
    /// Hands tasks over as `options` say. They run as root on each node, in its own file system.
    ///
    /// # Errors
    /// [`Class::Usage`] for what is no name of an image or of a namespace; when the system has no random numbers.
    pub fn new(options: KubernetesOptions) -> Result<KubernetesNodes> {
        options.check()?;
        let (images, jobs) = (BTreeMap::new(), BTreeMap::new());
        Ok(KubernetesNodes { options, run: random_run()?, images, jobs, looks: 0 })
    }

    fn call<A: Into<String>>(&self, words: impl IntoIterator<Item = A>) -> NodeCall {
        let namespace = self.options.namespace.iter().map(|it| format!("--namespace={it}"));
        let first = [PATIENCE.to_owned()].into_iter().chain(namespace);
        let all = first.chain(self.options.extra.clone()).chain(words.into_iter().map(Into::into));
        NodeCall::new("kubectl", all)
    }

    fn pods(&self, run: &str) -> Result<Vec<SaidPod>> {
        let call = self.call(["get", "pods", &chosen(run), "--output=json"]);
        call.parsed::<Listed<SaidPod>>(kubectl_failed).map(|it| it.items)
    }

    /// Why pods wait that do not say so themselves: the last warning about each job or its pod.
    fn warnings(&self) -> BTreeMap<NodeName, SaidEvent> {
        let call = self.call(["get", "events", "--field-selector=type=Warning", "--output=json"]);
        // Who may not see them waits without knowing why.
        let events = call.parsed::<Listed<SaidEvent>>(kubectl_failed).map(|it| it.items);
        let mut events = events.unwrap_or_default();
        events.sort_by(SaidEvent::later);
        let nodes = self.jobs.keys().map(|node| (job_name(&self.run, node), node));
        let nodes: BTreeMap<String, &NodeName> = nodes.collect();
        let about = events.into_iter().filter_map(|event| {
            let node = nodes.get(event.job(&self.run)?)?;
            Some(((*node).clone(), event))
        });
        about.collect()
    }

    /// How far `job` is, whose `pod` this is. What it waits for is empty where that is not known.
    fn state(&self, job: &mut NodeJob, pod: Option<&SaidPod>) -> NodeState {
        let lost = |why: String| NodeState::Ended(NodeEnd::lost(&[], why));
        let Some(pod) = pod else {
            return match job.seen {
                true => lost("its pod is gone before it was done".to_owned()),
                false => NodeState::Waiting(String::new()),
            };
        };
        job.seen = true;
        match pod.state() {
            PodState::Working => NodeState::Working,
            PodState::Waiting(why) => NodeState::Waiting(why.unwrap_or_default()),
            PodState::Lost(why) => lost(why),
            PodState::Ended(code, complaints) => match self.log(&pod.metadata.name) {
                Ok(said) => {
                    NodeState::Ended(NodeEnd { began: true, code: Some(code), said, complaints })
                }
                Err(e) if job.deaf.get_or_insert_with(Instant::now).elapsed() > LOG => {
                    lost(format!("what it said cannot be had: {e}"))
                }
                Err(_) => NodeState::Working,
            },
        }
    }

    /// Finds out why the jobs of `states` wait that do not say so, and which of them wait in vain.
    fn explain(&mut self, states: &mut [(NodeName, NodeState)]) {
        let is_silent =
            |state: &NodeState| matches!(state, NodeState::Waiting(why) if why.is_empty());
        let has_silent = states.iter().any(|(_, state)| is_silent(state));
        self.looks = self.looks.wrapping_add(1);
        if has_silent && self.looks.is_multiple_of(REASONS) {
            let mut warnings = self.warnings();
            for (node, job) in &mut self.jobs {
                match warnings.remove(node) {
                    Some(warning) if warning.stays() => {
                        (job.why, job.times) = (Some(warning.text()), job.times + 1);
                    }
                    other => (job.why, job.times) = (other.map(|it| it.text()), 0),
                }
            }
        }
        for (node, state) in states.iter_mut().filter(|(_, state)| is_silent(state)) {
            let Some(job) = self.jobs.get(node) else { continue };
            *state = match &job.why {
                Some(why) if job.times >= STAYS => {
                    let why = format!("its pod cannot start: {why}");
                    NodeState::Ended(NodeEnd::lost(&[], why))
                }
                Some(why) => NodeState::Waiting(why.clone()),
                None => NodeState::Waiting("its pod to start".to_owned()),
            };
        }
    }

    /// What the container of `pod` said on its standard output.
    fn log(&self, pod: &str) -> Result<Vec<u8>> {
        let container = format!("--container={CONTAINER}");
        let call = self.call(["logs", MAX_SAID, &container, "--", pod]);
        let ended = call.ended(&None)?;
        match ended.success {
            true => Ok(ended.said.trim_ascii().to_vec()),
            false => Err(kubectl_failed(&ended)),
        }
    }

    fn manifest(&self, node: &NodeName, task: &NodeTask) -> Value {
        let image = match (&self.options.image, self.images.get(node)) {
            (Some(image), _) => (image.as_str(), "IfNotPresent"),
            // What it has is not asked of a registry that nobody reaches.
            (None, image) => (image.map_or("", String::as_str), "Never"),
        };
        job(&self.options, &self.run, node, task, image)
    }

    fn delete(&self, what: &[&str]) -> Result<()> {
        let first = ["delete", "jobs", "--cascade=background", "--wait=false"];
        let last = ["--ignore-not-found", "--output=name"];
        self.call(first.iter().chain(&last).chain(what).copied()).answer(&None).map(|_| ())
    }
}

/// What chooses the objects of `run`, and none else.
fn chosen(run: &str) -> String {
    format!("--selector={RUN}={run}")
}

fn kubectl_failed(ended: &Ended) -> Error {
    // Before the last one may be as many about what it tried.
    failed("kubectl", ended, 1)
}

impl Dispatcher for KubernetesNodes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn most_at_once(&self) -> usize {
        AT_ONCE
    }

    fn pause(&self) -> Duration {
        LOOK_AGAIN
    }

    fn site(&self) -> Result<Option<String>> {
        let server = "--output=jsonpath={.clusters[0].cluster.server}";
        let said = self.call(["config", "view", "--minify", server]).answer(&None)?;
        Ok(Some(said))
    }

    fn queue(&self) -> Result<String> {
        let namespace = self.options.namespace.as_deref().unwrap_or("of kubectl's context");
        let site = self.site()?.unwrap_or_default();
        Ok(format!("{} at {site}, namespace {namespace}", self.name()))
    }

    fn run(&self) -> Option<&str> {
        Some(&self.run)
    }

    fn nodes(&mut self) -> Result<Vec<FoundNode>> {
        let options = &self.options;
        let selector = options.selector.iter().map(|it| format!("--selector={it}"));
        let words = ["get", "nodes", "--output=json"].map(str::to_owned);
        let call = self.call(words.into_iter().chain(selector));
        let all = call.parsed::<Listed<SaidNode>>(kubectl_failed)?.items;
        let mut found = Vec::new();
        for SaidNode { name, mut down, image } in all {
            let name: NodeName = name.parse()?;
            if !options.nodes.is_empty() && !options.nodes.contains(&name) {
                continue;
            }
            match (image, &options.image) {
                (Some(image), None) => drop(self.images.insert(name.clone(), image)),
                (None, None) => {
                    let why = "it tells of no image that a job could be made of, and none is named";
                    down = down.or_else(|| Some(why.to_owned()));
                }
                _ => {}
            }
            found.push(FoundNode { name, down });
        }
        for name in &options.nodes {
            if !found.iter().any(|it| it.name == *name) {
                let why = match options.selector {
                    None => "the cluster has no such node",
                    Some(_) => "no such node has the labels that are asked for",
                };
                found.push(FoundNode { name: name.clone(), down: Some(why.to_owned()) });
            }
        }
        match found.is_empty() {
            true => Err(Error::new(Class::Usage, "the cluster has no such nodes")
                .hint("see which it has: kubectl get nodes --show-labels")),
            false => Ok(found),
        }
    }

    fn shown(&self, node: &NodeName, task: &NodeTask) -> String {
        format!("---\n{:#}\n", self.manifest(node, task))
    }

    fn submit(&mut self, node: &NodeName, task: &NodeTask) -> Result<()> {
        let manifest = self.manifest(node, task).to_string();
        // Written by a program: what it means is for the cluster to judge, which need not send its schema.
        let words = ["create", "--validate=false", "--output=name", "--filename=-"];
        self.call(words).with(manifest).answer(&None)?;
        self.jobs.insert(node.clone(), NodeJob::default());
        Ok(())
    }

    fn look(&mut self) -> Result<Vec<(NodeName, NodeState)>> {
        if self.jobs.is_empty() {
            return Ok(Vec::new());
        }
        let pods = self.pods(&self.run)?;
        let of = |pod: &SaidPod| pod.metadata.annotations.get(NODE).cloned();
        let pods: BTreeMap<_, _> = pods.iter().map(|pod| (of(pod), pod)).collect();
        let mut states = Vec::new();
        let mut jobs = std::mem::take(&mut self.jobs);
        for (node, job) in &mut jobs {
            let pod = pods.get(&Some(node.to_string())).copied();
            states.push((node.clone(), self.state(job, pod)));
        }
        self.jobs = jobs;
        self.explain(&mut states);
        for (node, _) in states.iter().filter(|(_, it)| matches!(it, NodeState::Ended(_))) {
            // What stays there goes by itself, a day later.
            let _ = self.give_up(node);
        }
        Ok(states)
    }

    fn give_up(&mut self, node: &NodeName) -> Result<()> {
        match self.jobs.remove(node) {
            Some(_) => self.delete(&["--", &job_name(&self.run, node)]),
            None => Ok(()),
        }
    }

    fn clear(&mut self) -> Result<()> {
        self.jobs.clear();
        let run = self.run.clone();
        self.clear_run(&run)
    }

    fn clear_run(&mut self, run: &str) -> Result<()> {
        if !is_run(run) {
            return Ok(());
        }
        let mut left = Vec::new();
        for round in 0..ROUNDS {
            self.delete(&[&chosen(run)])?;
            left = self.pods(run)?;
            if left.is_empty() {
                return Ok(());
            }
            if round + 1 < ROUNDS {
                std::thread::sleep(BETWEEN);
            }
        }
        // One that is told to stop is on a node that does not answer, and stops when it does.
        left.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        if left.is_empty() {
            return Ok(());
        }
        let names = left.iter().map(|pod| pod.metadata.name.as_str()).collect::<Vec<_>>();
        let text = format!("pods that were to be taken back are still there: {}", names.join(", "));
        Err(Error::new(Class::Other, text)
            .hint(format!("see to it: kubectl delete jobs,pods {}", chosen(run))))
    }
}
