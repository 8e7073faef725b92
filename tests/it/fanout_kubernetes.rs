//! A bundle onto the nodes of a Kubernetes cluster, by the real `kubectl`: a job a node, and none that stays. The
//! cluster is stood in for (`support/kubernetes.rs`).

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::kubernetes::{Cluster, PAUSE};
use crate::support::nodes::{HeadNode, in_json, states, told};
use crate::support::sealift::{code, ran};
use crate::support::{Process, command, wait_for};

pub fn start(head: &HeadNode, nodes: &[&str]) -> Cluster {
    Cluster::start(&head.sealift.at("cluster"), nodes)
}

/// The program of the nodes. In the container, where a program is linked statically, it is that of the node.
fn program(head: &HeadNode, first: &str) -> PathBuf {
    let path = head.program(first);
    let script = std::fs::read_to_string(&path).unwrap();
    let inside =
        format!("[ \"$1\" != in-root ] || exec '/host{}' \"$@\"", env!("CARGO_BIN_EXE_sealift"));
    let script = script.replacen("#!/bin/sh\n", &format!("#!/bin/sh\n{inside}\n"), 1);
    std::fs::write(&path, script).unwrap();
    path
}

pub fn fanout(head: &HeadNode, cluster: &Cluster, first: &str, more: &[&str]) -> Command {
    let to = format!("oci:{}/{{node}}/store", head.sealift.at("nodes").display());
    let mut fanout = head.fanout(&to, &program(head, first));
    fanout.arg("--kubernetes").args(more).env("KUBECONFIG", cluster.kubeconfig());
    fanout
}

fn not_ready(node: &mut Value) {
    node["status"]["conditions"] = json!([{ "type": "Ready", "status": "Unknown",
        "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status." }]);
}

#[test]
fn of_four_nodes_one_is_full_two_are_away_and_the_next_run_asks_those_three() {
    need!("root", "kubectl", "unshare", "mount", "busybox");
    let head = HeadNode::new("b.tar");
    let cluster = start(&head, &["n1", "n2", "n3", "n4"]);
    let disk = head.small_disk("n2");
    cluster.node("n3", not_ready);
    cluster.node("n4", |node| node["spec"]["unschedulable"] = json!(true));
    let again = || in_json(&mut fanout(&head, &cluster, "", &["--nodelist", "n1,n2,n3,n4,n9"]));

    let first = again().exits(code::INCOMPLETE);
    let all =
        [("n1", "imported"), ("n2", "failed"), ("n3", "down"), ("n4", "down"), ("n9", "down")];
    assert_eq!(states(&first), told(&all));
    let json = first.json();
    assert_eq!(json["nodes"][0]["report"]["images"].as_array().unwrap().len(), 1);
    assert_eq!(json["nodes"][1]["exitCode"], json!(code::NO_ROOM));
    let reason = |number: usize| json["nodes"][number]["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason(2), "not ready: Kubelet stopped posting node status.");
    assert_eq!(reason(3), "it is cordoned");
    assert_eq!(reason(4), "the cluster has no such node");
    assert_eq!(head.asked(), ["n1", "n2"]);
    assert!(cluster.left().is_empty(), "{:?}", cluster.left());

    disk.grow();
    let ready = |node: &mut Value| {
        node["status"]["conditions"] = json!([{ "type": "Ready", "status": "True" }])
    };
    cluster.node("n3", ready);
    cluster.node("n4", |node| node["spec"] = json!({}));
    // An API server that is busy is asked again.
    cluster.busy(2);
    let second = again().exits(code::INCOMPLETE);
    let all = [
        ("n1", "held"),
        ("n2", "imported"),
        ("n3", "imported"),
        ("n4", "imported"),
        ("n9", "down"),
    ];
    assert_eq!(states(&second), told(&all));
    assert_eq!(head.asked(), ["n2", "n3", "n4"]);
    assert!(cluster.left().is_empty());

    // Nodes of another cluster are others, whatever they are called.
    let twin = Cluster::start(&head.sealift.at("twin"), &["n1"]);
    in_json(&mut fanout(&head, &twin, "", &["--constraint", "kubernetes.io/hostname=n1"])).ok();
    assert_eq!(head.asked(), ["n1"]);
    let none = fanout(&head, &twin, "", &["--constraint", "gpu=yes"]);
    ran(&mut { none }).exits(code::USAGE).says("the cluster has no such nodes");
}

#[test]
fn interrupted_or_killed_nothing_of_it_stays_in_the_cluster_and_all_else_does() {
    need!("root", "kubectl", "unshare", "mount", "busybox");
    let head = HeadNode::new("b.tar");
    let cluster = start(&head, &["n1", "n2"]);
    cluster.other_job("theirs");
    cluster.node("n2", |node| node["spec"]["full"] = json!(true));
    let (begun, seen) = (head.sealift.at("begun"), head.sealift.at("seen"));
    let slow = format!(
        "env > '{0}'; trap 'echo stopped >> \"{0}\"; exit 1' TERM; touch '{1}'; sleep 600 & wait",
        seen.display(),
        begun.display()
    );
    let ours = || cluster.left().iter().filter(|it| it.starts_with("sealift-")).count();

    for signal in [Signal::INT, Signal::KILL] {
        let mut fanout = fanout(&head, &cluster, &slow, &[]);
        fanout.env("SECRET_TOKEN", "s3cret").stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Process::start(&mut fanout);
        wait_for("one at work, and one that waits", || begun.exists() && ours() == 4);
        std::fs::remove_file(&begun).unwrap();
        assert!(!std::fs::read_to_string(&seen).unwrap().contains("s3cret"));
        let all = cluster.jobs().iter().map(Value::to_string).collect::<String>();
        assert!(!all.contains("s3cret") && !all.contains("serviceAccount\""));

        process.signal(signal);
        wait_for("the end of it", || process.ended());

        match signal {
            Signal::INT => {
                assert_eq!(process.0.wait().unwrap().code(), Some(code::INTERRUPTED));
                assert_eq!(cluster.left(), ["theirs"]);
                // The first process of a container is told, and has the time to stop by itself.
                assert!(std::fs::read_to_string(&seen).unwrap().contains("stopped"));
            }
            _ => assert_eq!(ours(), 4, "nobody could"),
        }
    }

    // The next run takes back what was left, and waits no longer than it was told for who does not begin.
    head.asked();
    let next = in_json(&mut fanout(&head, &cluster, "", &["--wait", "3"])).exits(code::INCOMPLETE);
    assert_eq!(states(&next), told(&[("n1", "imported"), ("n2", "not-begun")]));
    let why = "it waits for Unschedulable: 0/1 nodes are available: 1 Too many pods.";
    assert_eq!(next.json()["nodes"][1]["reason"], json!(why));
    assert_eq!(head.asked(), ["n1"]);
    assert_eq!(cluster.left(), ["theirs"]);
}

#[test]
fn what_keeps_a_pod_from_its_start_is_told_in_its_own_words() {
    need!("root", "kubectl", "unshare", "mount", "busybox");
    let head = HeadNode::new("b.tar");
    let cluster = start(&head, &["n1"]);
    let reason = |fanout: &mut Command, state: &str| reason(&head, &cluster, fanout, state);
    let by = |more: &[&str]| fanout(&head, &cluster, "", more);
    let pull = reason(&mut by(&["--image", "r.example/sealift:1", "--wait", "3"]), "not-begun");
    assert_eq!(
        pull,
        "it waits for ImagePullBackOff: Back-off pulling image \"r.example/sealift:1\""
    );
    // Nobody waits for what stays as it is: that is told without --wait.
    let absent = "/no/such/sealift".as_ref();
    let mut fanout = head.fanout("oci:/x", absent);
    fanout.args(["--kubernetes", "--image", PAUSE]).env("KUBECONFIG", cluster.kubeconfig());
    let absent = reason(&mut fanout, "failed");
    assert!(absent.starts_with("its pod cannot start: FailedMount: "), "{absent}");
    assert!(absent.ends_with("type check failed: /no/such/sealift is not a file"), "{absent}");
    cluster.node("n1", |node| node["status"]["images"] = json!([]));
    let none = reason(&mut by(&[]), "down");
    assert_eq!(none, "it tells of no image that a job could be made of, and none is named");
}

#[test]
fn what_admission_refuses_ends_at_once_with_its_reason() {
    need!("root", "kubectl", "busybox");
    let head = HeadNode::new("b.tar");
    let cluster = start(&head, &["n1"]);
    let why =
        "violates PodSecurity \"baseline:latest\": host namespaces (hostNetwork=true), privileged";
    cluster.refuse(Some(why));
    let refused = reason(&head, &cluster, &mut fanout(&head, &cluster, "", &[]), "failed");
    assert!(refused.starts_with("its pod cannot start: FailedCreate: "), "{refused}");
    assert!(refused.ends_with(why), "{refused}");
}

/// Why the one node of `cluster` does not hold the bundle, of which it is told with `state` and nothing is left.
fn reason(head: &HeadNode, cluster: &Cluster, fanout: &mut Command, state: &str) -> String {
    let ran = in_json(fanout).exits(code::INCOMPLETE);
    assert_eq!(states(&ran), told(&[("n1", state)]));
    assert!(cluster.left().is_empty() && head.asked().is_empty());
    ran.json()["nodes"][0]["reason"].as_str().unwrap().to_owned()
}

#[test]
fn hostile_names_arrive_as_they_are_and_a_printed_manifest_does_the_same() {
    need!("root", "kubectl", "unshare", "mount", "busybox");
    let head = HeadNode::new("it's $(HOME) $$(PATH) \"}], {{ #\\.tar");
    let cluster = start(&head, &["n1"]);
    let to = format!("oci:{}/nodes/{{node}}/$(HOME);'\"", head.sealift.at("").display());
    let fanout = || {
        let mut fanout = head.fanout(&to, &program(&head, ""));
        fanout.args(["--kubernetes", "--namespace", "images"]);
        fanout.env("KUBECONFIG", cluster.kubeconfig());
        fanout
    };
    let shown = ran(fanout().arg("--dry-run")).ok();
    assert!(cluster.left().is_empty() && shown.stdout.contains(&format!("\"image\": \"{PAUSE}\"")));
    let manifest = head.sealift.at("manifest.yaml");
    std::fs::write(&manifest, &shown.stdout).unwrap();
    let store = head.sealift.at("nodes").join("n1/$(HOME);'\"/index.json");

    let mut by_hand = command("kubectl");
    by_hand.env("KUBECONFIG", cluster.kubeconfig()).env("HOME", head.sealift.home());
    by_hand.args(["create", "--validate=false", "-f"]).arg(&manifest);
    assert!(by_hand.status().unwrap().success());
    wait_for("the job", || store.exists());

    std::fs::remove_dir_all(head.sealift.at("nodes/n1")).unwrap();
    ran(&mut fanout()).ok().says("holds 1 image");
    assert!(store.exists());
}
