//! The manifest of a node's job: what the cluster is told, written by a serializer and never by hand.

use serde_json::{Value, json};

use super::kubernetes_options::KubernetesOptions;
use super::name::NodeName;
use super::script::NodeTask;
use crate::words::digest::Digest;

/// The label that all jobs and pods of a run have, with its name.
pub(super) const RUN: &str = "sealift-run";
/// The annotation with the name of the node, which may be too long for a label.
pub(super) const NODE: &str = "sealift-node";
/// The one container of a pod.
pub(super) const CONTAINER: &str = "sealift";
/// Where the container has the root folder of its node.
const HOST: &str = "/host";
/// Where it has the program.
const PROGRAM: &str = "/sealift";
/// What is written there becomes part of the container's status: what the import complains about.
const LAST_WORDS: &str = "/dev/termination-log";
/// Where the node's own programs are, those of RKE2 and of Flatcar as well; the image says something else.
const PATHS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/bin:/var/lib/rancher/rke2/bin";
/// How much of a job's name is of its node: enough that no two of a run are alike.
const OF_NODE: usize = 10;
/// How long the cluster keeps a job that ended, should nobody take it away: until the next day.
const KEPT: u64 = 86_400;
/// How long an import has to stop when it is told to.
const GRACE: u64 = 30;
/// How long a pod stays bound to a node that does not answer any more, in seconds: the cluster's own custom.
const SILENCE: u64 = 300;

/// The name of the job of `node` in the run `run`.
pub(super) fn job_name(run: &str, node: &NodeName) -> String {
    let hex = Digest::of(node.as_str().as_bytes()).hex();
    format!("{run}-{}", hex.get(..OF_NODE).unwrap_or(&hex))
}

/// The job that runs `task` on `node` in a container of `image`, with the pull policy `pull`.
pub(super) fn job(
    options: &KubernetesOptions,
    run: &str,
    node: &NodeName,
    task: &NodeTask,
    (image, pull): (&str, &str),
) -> Value {
    let labels = json!({ "app.kubernetes.io/name": "sealift", RUN: run });
    let annotations = json!({ NODE: node.as_str() });
    let mut metadata = json!({
        "name": job_name(run, node),
        "labels": labels,
        "annotations": annotations,
    });
    if let (Some(namespace), Some(metadata)) = (&options.namespace, metadata.as_object_mut()) {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    let template = json!({
        "metadata": { "labels": labels, "annotations": annotations },
        "spec": pod(node, task, (image, pull)),
    });
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            // Whether a node is asked again is for the next run to say.
            "backoffLimit": 0,
            "activeDeadlineSeconds": options.deadline.as_secs(),
            "ttlSecondsAfterFinished": KEPT,
            "template": template,
        },
    })
}

fn pod(node: &NodeName, task: &NodeTask, (image, pull): (&str, &str)) -> Value {
    let first = [PROGRAM, "in-root", HOST, LAST_WORDS, task.program()].map(str::to_owned);
    let command: Vec<String> =
        first.into_iter().chain(task.words(node)).map(|word| literal(&word)).collect();
    let silent = |key: &str| json!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SILENCE });
    json!({
        "restartPolicy": "Never",
        // The engine of the node is reached, and reaches the import, at the node's own loopback.
        "hostNetwork": true,
        "dnsPolicy": "Default",
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": GRACE,
        "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{
                "matchFields": [
                    { "key": "metadata.name", "operator": "In", "values": [node.as_str()] },
                ],
            }],
        } } },
        // Which nodes are meant was said; of two that fit the shorter time counts.
        "tolerations": [
            { "operator": "Exists" },
            silent("node.kubernetes.io/not-ready"),
            silent("node.kubernetes.io/unreachable"),
        ],
        "containers": [{
            "name": CONTAINER,
            "image": image,
            "imagePullPolicy": pull,
            "command": command,
            "workingDir": "/",
            "env": [
                { "name": "PATH", "value": PATHS },
                { "name": "HOME", "value": "/root" },
            ],
            "resources": { "requests": { "cpu": "100m", "memory": "128Mi" } },
            "terminationMessagePath": LAST_WORDS,
            "securityContext": {
                "privileged": true,
                "runAsUser": 0,
                "runAsGroup": 0,
                "runAsNonRoot": false,
            },
            "volumeMounts": [
                { "name": "node", "mountPath": HOST, "mountPropagation": "HostToContainer" },
                { "name": "program", "mountPath": PROGRAM, "readOnly": true },
            ],
        }],
        "volumes": [
            { "name": "node", "hostPath": { "path": "/", "type": "Directory" } },
            { "name": "program", "hostPath": { "path": task.program(), "type": "File" } },
        ],
    })
}

/// `word` as it has to be written to arrive as it is: the cluster fills in what stands as `$(NAME)`.
fn literal(word: &str) -> String {
    word.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_word_is_filled_in_or_becomes_a_member() {
        let words = ["import", "/a/$(HOME)/$$x/\"},{'b: [", "oci:/s/{node}/$PATH"];
        let task = NodeTask::new("/s/sealift", words.map(str::to_owned).to_vec()).unwrap();
        let node: NodeName = "n1.example".parse().unwrap();
        let mut options = KubernetesOptions::new();
        options.namespace = Some("images".to_owned());

        let job = job(&options, "sealift-0", &node, &task, ("pause:3", "Never"));

        let read: Value = serde_json::from_str(&job.to_string()).unwrap();
        let pod = &read["spec"]["template"]["spec"];
        let command = pod["containers"][0]["command"].as_array().unwrap();
        assert_eq!(command[..5], ["/sealift", "in-root", "/host", LAST_WORDS, "/s/sealift"]);
        let arrived: Vec<String> =
            command[5..].iter().map(|it| filled_in(it.as_str().unwrap())).collect();
        assert_eq!(arrived, ["import", "/a/$(HOME)/$$x/\"},{'b: [", "oci:/s/n1.example/$PATH"]);
        assert_eq!(read["metadata"]["namespace"], "images");
        assert_eq!(read["metadata"]["labels"][RUN], "sealift-0");
        let name = read["metadata"]["name"].as_str().unwrap();
        assert!(name.starts_with("sealift-0-") && name.len() == 20, "{name}");
    }

    /// What becomes of a word of a command where no such variable is known: `$$` is `$`, all else stays
    /// (k8s.io/kubernetes/third_party/forked/golang/expansion).
    fn filled_in(word: &str) -> String {
        let (mut out, mut rest) = (String::new(), word.chars().peekable());
        while let Some(c) = rest.next() {
            match (c, rest.peek()) {
                ('$', Some('$')) => {
                    rest.next();
                    out.push('$');
                }
                ('$', Some('(')) => out.push_str("FILLED"),
                _ => out.push(c),
            }
        }
        out
    }

    /// What Kubernetes 1.34 publishes of a Job and of what it is made of (`api/openapi-spec/swagger.json`): the
    /// members of each, their types, and which have to be there.
    const PUBLISHED: &str = include_str!("../../../testdata/kubernetes/job.json");

    /// Whether `value`, which stands `at` there, is of `kind`.
    fn fits(all: &Value, kind: &Value, value: &Value, at: &str) {
        let is_it = match (kind.as_str(), kind.get(0), kind.get("*")) {
            (Some("string"), ..) => value.is_string(),
            (Some("integer"), ..) => value.is_u64(),
            (Some("boolean"), ..) => value.is_boolean(),
            (Some(name), ..) => {
                let members = value.as_object().unwrap_or_else(|| panic!("{at} is no {name}"));
                let known = all[name]["properties"].as_object().unwrap();
                for required in all[name]["required"].as_array().unwrap() {
                    assert!(members.contains_key(required.as_str().unwrap()), "{at}: {required}");
                }
                for (member, value) in members {
                    let kind = known.get(member).unwrap_or_else(|| panic!("{at}.{member}"));
                    fits(all, kind, value, &format!("{at}.{member}"));
                }
                true
            }
            (_, Some(kind), _) => {
                value.as_array().unwrap().iter().for_each(|it| fits(all, kind, it, at));
                true
            }
            (_, _, Some(kind)) => {
                value.as_object().unwrap().values().for_each(|it| fits(all, kind, it, at));
                true
            }
            _ => false,
        };
        assert!(is_it, "{at}: {value} is no {kind}");
    }

    #[test]
    fn a_manifest_is_what_the_published_schema_of_a_job_says() {
        let task = NodeTask::new("/s/sealift", vec!["import".to_owned()]).unwrap();
        let mut options = KubernetesOptions::new();
        options.namespace = Some("images".to_owned());
        let node = "n1".parse().unwrap();

        let job = job(&options, "sealift-0", &node, &task, ("pause:3", "Never"));

        let all: Value = serde_json::from_str(PUBLISHED).unwrap();
        fits(&all, &json!("Job"), &job, "job");
    }
}
