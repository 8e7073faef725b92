//! What stands for a Kubernetes cluster: an API server as far as `kubectl` asks it here, with a job controller and
//! kubelets that run each container in a root folder of its own. It answers as the published API says
//! (kubernetes.io/docs/reference/kubernetes-api), and fails in the words of the real one.

use std::collections::BTreeMap;
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::kubelet::{begin, last_words, log, stop, unmounted, unpulled};
use super::wire::{Free, Head, Port, head};

/// A cluster of which `kubectl` is told by [`kubeconfig`](Cluster::kubeconfig). It ends with the value.
pub struct Cluster {
    port: Port,
    world: Arc<Mutex<World>>,
    folder: PathBuf,
}

/// What is in it.
struct World {
    folder: PathBuf,
    nodes: Vec<Value>,
    jobs: BTreeMap<String, Value>,
    pods: BTreeMap<String, Pod>,
    events: Vec<Value>,
    /// What admission says of every pod.
    refused: Option<String>,
    /// How often pods are refused with "too many requests".
    busy: usize,
    made: usize,
}

struct Pod {
    object: Value,
    container: Option<std::process::Child>,
}

/// The image that nodes have, as kubeadm names it.
pub const PAUSE: &str = "registry.k8s.io/pause:3.10";

impl Cluster {
    /// With these nodes, each ready, with two images. Things are kept in `folder`.
    pub fn start(folder: &Path, nodes: &[&str]) -> Cluster {
        std::fs::create_dir_all(folder).unwrap();
        let world = World {
            folder: folder.to_owned(),
            nodes: nodes.iter().map(|name| node(name)).collect(),
            jobs: BTreeMap::new(),
            pods: BTreeMap::new(),
            events: Vec::new(),
            refused: None,
            busy: 0,
            made: 0,
        };
        let world = Arc::new(Mutex::new(world));
        let answering = Arc::clone(&world);
        let port = Free::take().serve(move |stream| serve(&stream, &answering));
        Cluster { port, world, folder: folder.to_owned() }
    }

    /// What `KUBECONFIG` has to be.
    pub fn kubeconfig(&self) -> PathBuf {
        let path = self.folder.join("kubeconfig");
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{ "name": "c", "cluster": { "server": format!("http://{}", self.port.host()) } }],
            "users": [{ "name": "u", "user": { "token": "s3cret" } }],
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u", "namespace": "images" } }],
        });
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// Node `name` as it is to be changed.
    pub fn node(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut world = self.world.lock().unwrap();
        let node = world.nodes.iter_mut().find(|it| it["metadata"]["name"] == name);
        change(node.unwrap());
    }

    /// From now on admission says `why` of every pod, or nothing.
    pub fn refuse(&self, why: Option<&str>) {
        self.world.lock().unwrap().refused = why.map(str::to_owned);
    }

    /// The next `count` times that pods are asked for there are too many requests.
    pub fn busy(&self, count: usize) {
        self.world.lock().unwrap().busy = count;
    }

    /// Somebody else's job, with this name.
    pub fn other_job(&self, name: &str) {
        let job = json!({ "metadata": { "name": name, "labels": { "app": "theirs" } } });
        self.world.lock().unwrap().jobs.insert(name.to_owned(), job);
    }

    /// The names of the jobs and pods that there are.
    pub fn left(&self) -> Vec<String> {
        let mut world = self.world.lock().unwrap();
        world.settle();
        world.jobs.keys().chain(world.pods.keys()).cloned().collect()
    }

    /// The jobs that there are.
    pub fn jobs(&self) -> Vec<Value> {
        self.world.lock().unwrap().jobs.values().cloned().collect()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for pod in self.world.lock().unwrap().pods.values_mut() {
            if let Some(container) = &mut pod.container {
                let _ = container.kill();
                let _ = container.wait();
            }
        }
    }
}

fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
        "spec": {},
        "status": {
            "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady" }],
            "images": [
                { "names": ["docker.io/flannel/flannel:v0.26.1"], "sizeBytes": 84_000_000 },
                { "names": [PAUSE], "sizeBytes": 320_368 },
            ],
            "nodeInfo": { "operatingSystem": "linux" },
        },
    })
}

impl World {
    /// What the job controller, the scheduler and the kubelets do once a job is there.
    fn run(&mut self, job: &Value) {
        let name = job["metadata"]["name"].as_str().unwrap().to_owned();
        if let Some(why) = &self.refused {
            let message = format!("Error creating: pods \"{name}-\" is forbidden: {why}");
            self.events.push(event("Job", &name, "FailedCreate", &message));
            return;
        }
        let spec = job["spec"]["template"]["spec"].clone();
        let terms = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            ["nodeSelectorTerms"];
        let node = terms[0]["matchFields"][0]["values"][0].as_str().unwrap();
        let node = self.nodes.iter().find(|it| it["metadata"]["name"] == node).unwrap().clone();
        self.made += 1;
        let pod_name = format!("{name}-x{}", self.made);
        let mut container = None;
        let status = if node["spec"]["full"] == true {
            json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False",
                "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Too many pods." }] })
        } else if let Some(why) = unpulled(&node, &spec) {
            waiting(why)
        } else if let Some(path) = unmounted(&spec) {
            let message = format!(
                "MountVolume.SetUp failed for volume \"program\" : hostPath type check failed: {path} is not a file"
            );
            self.events.push(event("Pod", &pod_name, "FailedMount", &message));
            waiting(json!({ "reason": "ContainerCreating" }))
        } else {
            container = Some(begin(&self.folder, &pod_name, &spec));
            json!({ "phase": "Running", "containerStatuses": [{ "state": { "running": {} } }] })
        };
        let template = &job["spec"]["template"]["metadata"];
        let object = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": pod_name, "namespace": "images", "labels": template["labels"],
                "annotations": template["annotations"],
                "ownerReferences": [{ "kind": "Job", "name": name }] },
            "spec": spec, "status": status,
        });
        self.pods.insert(pod_name, Pod { object, container });
    }

    /// What became of the containers meanwhile.
    fn settle(&mut self) {
        let mut gone = Vec::new();
        for (name, pod) in &mut self.pods {
            let ended = pod.container.as_mut().map(|it| it.try_wait().unwrap());
            let is_deleted = pod.object["metadata"]["deletionTimestamp"].is_string();
            match ended {
                Some(Some(status)) => {
                    pod.container = None;
                    let message = std::fs::read(last_words(&self.folder, name)).unwrap();
                    let message = &message[message.len().saturating_sub(4096)..];
                    let phase = if status.success() { "Succeeded" } else { "Failed" };
                    pod.object["status"] = json!({ "phase": phase, "containerStatuses": [{ "state": {
                        "terminated": { "exitCode": status.code().unwrap_or(137), "reason": "Error",
                            "message": String::from_utf8_lossy(message) } } }] });
                    gone.extend(is_deleted.then(|| name.clone()));
                }
                Some(None) => {}
                None => gone.extend(is_deleted.then(|| name.clone())),
            }
        }
        gone.iter().for_each(|name| drop(self.pods.remove(name)));
    }

    /// Deletes job `name`, and its pod in the background.
    fn delete(&mut self, name: &str) -> bool {
        for pod in self.pods.values_mut() {
            if pod.object["metadata"]["ownerReferences"][0]["name"] == name {
                pod.object["metadata"]["deletionTimestamp"] = json!("2026-11-27T12:00:00Z");
                pod.container.iter().for_each(stop);
            }
        }
        self.jobs.remove(name).is_some()
    }
}

fn waiting(why: Value) -> Value {
    json!({ "phase": "Pending", "containerStatuses": [{ "state": { "waiting": why } }] })
}

fn event(kind: &str, name: &str, reason: &str, message: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Event", "metadata": { "name": name }, "type": "Warning",
        "involvedObject": { "kind": kind, "name": name }, "reason": reason, "message": message,
        "lastTimestamp": "2026-11-27T12:00:00Z" })
}

fn serve(stream: &TcpStream, world: &Mutex<World>) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = Head::read(&mut reader) {
        let mut body = vec![0; usize::try_from(request.length()).unwrap()];
        reader.read_exact(&mut body).unwrap();
        let (status, kind, body) = answer(&request, &body, &mut world.lock().unwrap());
        let headers =
            [("Content-Type", kind.to_owned()), ("Content-Length", body.len().to_string())];
        let mut out = stream;
        if out
            .write_all(head(status, &headers).as_bytes())
            .and_then(|()| out.write_all(&body))
            .is_err()
        {
            return;
        }
    }
}

fn answer(request: &Head, body: &[u8], world: &mut World) -> (&'static str, &'static str, Vec<u8>) {
    let json = |status, value: Value| (status, "application/json", value.to_string().into_bytes());
    let failure = |status: &'static str, reason: &str, message: &str| {
        let code: u16 = status.split(' ').next().unwrap().parse().unwrap();
        json(
            status,
            json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure",
            "reason": reason, "message": message, "code": code }),
        )
    };
    if world.busy > 0 && request.method == "GET" && request.target.contains("/pods?") {
        world.busy -= 1;
        return failure(
            "429 Too Many Requests",
            "TooManyRequests",
            "too many requests, please try again later",
        );
    }
    world.settle();
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let selector = query.split('&').find_map(|it| it.strip_prefix("labelSelector="));
    let selector =
        selector.map(|it| it.replace("%3D", "=").replace("%2F", "/").replace("%21", "!"));
    let chosen = |object: &&Value| match selector.as_deref() {
        None => true,
        Some(absent) if absent.starts_with('!') => {
            object["metadata"]["labels"][&absent[1..]].is_null()
        }
        Some(equal) => {
            let (key, value) = equal.split_once('=').unwrap();
            object["metadata"]["labels"][key] == value
        }
    };
    let list = |kind: &str, version: &str, objects: &mut dyn Iterator<Item = &Value>| {
        let items: Vec<&Value> = objects.filter(chosen).collect();
        json(
            "200 OK",
            json!({ "kind": kind, "apiVersion": version, "metadata": {}, "items": items }),
        )
    };
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["api"]) => json("200 OK", json!({ "kind": "APIVersions", "versions": ["v1"] })),
        ("GET", ["apis"]) => json(
            "200 OK",
            json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [{
            "name": "batch", "versions": [{ "groupVersion": "batch/v1", "version": "v1" }],
            "preferredVersion": { "groupVersion": "batch/v1", "version": "v1" } }] }),
        ),
        ("GET", ["api", "v1"]) => json(
            "200 OK",
            resources(
                "v1",
                &[("nodes", "Node", false), ("pods", "Pod", true), ("events", "Event", true)],
            ),
        ),
        ("GET", ["apis", "batch", "v1"]) => {
            json("200 OK", resources("batch/v1", &[("jobs", "Job", true)]))
        }
        ("GET", ["api", "v1", "nodes"]) => list("NodeList", "v1", &mut world.nodes.iter()),
        ("GET", ["api", "v1", "namespaces", _, "events"]) => {
            list("EventList", "v1", &mut world.events.iter())
        }
        ("GET", ["api", "v1", "namespaces", _, "pods"]) => {
            list("PodList", "v1", &mut world.pods.values().map(|pod| &pod.object))
        }
        ("GET", ["api", "v1", "namespaces", _, "pods", name]) if world.pods.contains_key(*name) => {
            json("200 OK", world.pods[*name].object.clone())
        }
        ("GET", ["api", "v1", "namespaces", _, "pods", name, "log"])
            if world.pods.contains_key(*name) =>
        {
            ("200 OK", "text/plain", std::fs::read(log(&world.folder, name)).unwrap())
        }
        ("POST", ["apis", "batch", "v1", "namespaces", _, "jobs"]) => {
            let job: Value = serde_json::from_slice(body).unwrap();
            let name = job["metadata"]["name"].as_str().unwrap().to_owned();
            if world.jobs.insert(name.clone(), job.clone()).is_some() {
                let message = format!("jobs.batch \"{name}\" already exists");
                return failure("409 Conflict", "AlreadyExists", &message);
            }
            world.run(&job);
            json("201 Created", job)
        }
        ("GET", ["apis", "batch", "v1", "namespaces", _, "jobs"]) => {
            list("JobList", "batch/v1", &mut world.jobs.values())
        }
        ("DELETE", ["apis", "batch", "v1", "namespaces", _, "jobs", name])
            if world.delete(name) =>
        {
            json(
                "200 OK",
                json!({ "kind": "Status", "apiVersion": "v1", "status": "Success",
                "details": { "name": name, "group": "batch", "kind": "jobs" } }),
            )
        }
        _ => {
            failure("404 Not Found", "NotFound", "the server could not find the requested resource")
        }
    }
}

fn resources(version: &str, kinds: &[(&str, &str, bool)]) -> Value {
    let all = kinds.iter().map(|(name, kind, namespaced)| {
        json!({ "name": name, "singularName": "",
        "namespaced": namespaced, "kind": kind, "verbs": ["create", "delete", "get", "list"] })
    });
    json!({ "kind": "APIResourceList", "groupVersion": version, "resources": all.collect::<Vec<_>>() })
}
