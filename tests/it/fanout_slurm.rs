//! A bundle onto the nodes of a real Slurm: a job a node, and none that stays.

use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::json;

use crate::support::nodes::{HeadNode, in_json, states, told};
use crate::support::sealift::{code, ran};
use crate::support::slurm::SlurmCluster;
use crate::support::{Process, command, text, wait_for};

/// Has podman of each node keep its things apart from all others.
const OWN_PODMAN: &str = "
own=\"$HOME/$SLURMD_NODENAME\"
mkdir -p \"$own\"
printf '[engine]\\ntmp_dir = \"%s/tmp\"\\nimage_copy_tmp_dir = \"%s\"\\nruntime = \"runc\"\\n[containers]\\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\\n' \"$own\" \"$own\" > \"$own/conf\"
export CONTAINERS_CONF=\"$own/conf\" XDG_RUNTIME_DIR=\"$own\"";

pub fn by_slurm(cluster: &SlurmCluster, mut fanout: Command) -> Command {
    fanout.arg("--slurm").env("SLURM_CONF", cluster.conf());
    fanout
}

/// The images that podman has on node `name`.
fn images(nodes: &Path, name: &str) -> String {
    let at = |part: &str| nodes.join(name).join(part).display().to_string();
    let mut podman = command("podman");
    podman.args(["--root", &at("root"), "--runroot", &at("run"), "--storage-driver", "vfs"]);
    text(podman.args(["images", "--format", "{{.Repository}}:{{.Tag}}"]))
}

#[test]
fn three_nodes_load_a_bundle_one_is_full_and_one_is_down() {
    need!("root", "slurmctld", "slurmd", "munged", "podman", "runc", "mount", "busybox");
    let (head, mut cluster) = (HeadNode::new("b.tar"), SlurmCluster::start(3));
    let nodes = head.sealift.at("nodes");
    let program = head.program(OWN_PODMAN);
    let disk = head.small_disk("n2");
    cluster.stop_node(3);
    let to =
        format!("containers-storage:[vfs@{0}/{{node}}/root+{0}/{{node}}/run]", nodes.display());
    let again = |cluster: &SlurmCluster| {
        let mut fanout = by_slurm(cluster, head.fanout(&to, &program));
        fanout.args(["--check", "/bin/busybox true"]);
        in_json(fanout.env("SEALIFT_PASSPHRASE", "s3cret"))
    };

    let first =
        again(&cluster).exits(code::INCOMPLETE).says("2 of 3 nodes do not hold every image");
    assert_eq!(states(&first), told(&[("n1", "imported"), ("n2", "failed"), ("n3", "down")]));
    let json = first.json();
    assert_eq!(json["nodes"][2]["reason"], json!("down: the power is gone"));
    assert_eq!(json["nodes"][1]["exitCode"], json!(code::NO_ROOM));
    assert_eq!(head.asked(), ["n1", "n2"]);
    assert!(images(&nodes, "n1").contains("hello:1.0"));
    assert_eq!(json["nodes"][0]["report"]["tried"][0]["reason"], json!(null));

    disk.grow();
    cluster.start_node(3);
    let second = again(&cluster).ok();
    assert_eq!(states(&second), told(&[("n1", "held"), ("n2", "imported"), ("n3", "imported")]));
    assert_eq!(head.asked(), ["n2", "n3"]);
    for node in ["n2", "n3"] {
        assert!(images(&nodes, node).contains("hello:1.0"), "{node}");
    }
    assert!(cluster.queue().is_empty());
    let jobs = head.sealift.home().join(".local/state/sealift/fanout/jobs");
    assert_eq!(std::fs::read_dir(jobs).unwrap().count(), 0, "what was read is gone");
}

#[test]
fn interrupted_or_killed_nothing_of_it_stays_in_the_queue_and_all_else_does() {
    need!("root", "slurmctld", "slurmd", "munged", "busybox");
    let (head, cluster) = (HeadNode::new("b.tar"), SlurmCluster::start(2));
    let to = format!("oci:{}/{{node}}/store", head.sealift.at("nodes").display());
    let (begun, seen) = (head.sealift.at("begun"), head.sealift.at("seen"));
    let slow = format!("env > '{}'; touch '{}'; sleep 600", seen.display(), begun.display());
    let program = head.program(&slow);
    // Somebody else's job holds the second node.
    let other = [
        "--parsable",
        "--job-name=theirs",
        "--nodelist=n2",
        "--output=/dev/null",
        "--wrap",
        "sleep 600",
    ];
    cluster.asked("sbatch", &other);
    let mut fanout = by_slurm(&cluster, head.fanout(&to, &program));
    fanout.env("SECRET_TOKEN", "s3cret").stdout(Stdio::null()).stderr(Stdio::null());
    let is_ours = |name: &String| name.starts_with("sealift-");
    let ours = || cluster.queue().into_iter().filter(is_ours).count();

    // The second one takes back what the first one left.
    for signal in [Signal::KILL, Signal::INT, Signal::KILL] {
        let mut process = Process::start(&mut fanout);
        wait_for("a job at work, and one that waits", || begun.exists() && ours() == 2);
        // Once it knows of both.
        std::fs::remove_file(&begun).unwrap();
        assert!(!std::fs::read_to_string(&seen).unwrap().contains("s3cret"));

        process.signal(signal);
        wait_for("the end of it", || process.ended());

        match signal {
            Signal::INT => {
                assert_eq!(process.0.wait().unwrap().code(), Some(code::INTERRUPTED));
                assert_eq!(cluster.queue(), ["theirs"]);
            }
            _ => assert_eq!(ours(), 2, "nobody could"),
        }
    }

    // The next run takes back what was left, though it is another one, and waits no longer than it was told for
    // who is not free.
    let program = head.program("");
    head.asked();
    let mut next = by_slurm(&cluster, head.fanout(&to, &program));
    next.args(["--wait", "8", "--format", "json", "--", "--only", "hello"]);
    let next = ran(&mut next).exits(code::INCOMPLETE).says("was taken back");
    assert_eq!(states(&next), told(&[("n1", "imported"), ("n2", "not-begun")]));
    assert_eq!(head.asked(), ["n1"]);
    assert_eq!(cluster.queue(), ["theirs"]);
    assert!(head.sealift.at("nodes/n1/store/index.json").exists());
    cluster.asked("scancel", &["--name=theirs"]);
}

#[test]
fn which_nodes_are_meant_is_said_as_slurm_takes_it_and_a_printed_job_is_submitted_by_hand() {
    need!("root", "slurmctld", "slurmd", "munged", "busybox");
    let (head, cluster) = (HeadNode::new("b.tar"), SlurmCluster::start(2));
    let to = format!("oci:{}/{{node}}/store", head.sealift.at("nodes").display());
    let program = head.program("");
    let with = |more: &[&str]| {
        let mut fanout = by_slurm(&cluster, head.fanout(&to, &program));
        fanout.args(more);
        fanout
    };

    let planned = in_json(&mut with(&["--dry-run", "--nodelist", "n[1-2],n9"])).ok();
    let all = [("n1", "planned"), ("n2", "planned"), ("n9", "down")];
    assert_eq!(states(&planned), told(&all));
    assert!(planned.stdout.contains("--nodelist=n1") && head.asked().is_empty());
    let one = in_json(&mut with(&["--dry-run", "--constraint", "all&f2", "--partition", "main"]));
    assert_eq!(states(&one.ok()), told(&[("n2", "planned")]));
    ran(&mut with(&["--nodelist", "n1", "--engine-arg=--account=x y", "--engine-arg=--no-such"]))
        .exits(code::INCOMPLETE)
        .says("sbatch failed: ");
    ran(&mut with(&["--partition", "none"]))
        .exits(code::USAGE)
        .says("Slurm has no nodes in partition none");

    let shown = ran(&mut with(&["--dry-run", "--nodelist", "n1"])).ok();
    // sbatch hands on all that it has: variables of whoever runs this stay with them.
    assert!(shown.stdout.contains("\nenv -i PATH=\"$PATH\" "), "{}", shown.stdout);
    std::fs::write(head.sealift.at("submit.sh"), &shown.stdout).unwrap();
    let mut by_hand = command("sh");
    by_hand.arg(head.sealift.at("submit.sh")).env("SLURM_CONF", cluster.conf());
    assert!(by_hand.stdin(Stdio::null()).status().unwrap().success());
    wait_for("the job", || head.sealift.at("nodes/n1/store/index.json").exists());
    assert_eq!(head.asked(), ["n1"]);
}
