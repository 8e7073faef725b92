//! A bundle onto many machines by ssh: each verifies and imports it by itself, and a run that is done again
//! asks those alone that do not hold it.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::json;

use crate::support::age::{identity, tool};
use crate::support::images::{self, write_layout};
use crate::support::nodes::{HeadNode, in_json, states, told};
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::ssh::Sshd;
use crate::support::{Process, command, find, wait_for};

/// `fanout` by ssh to `hosts`, of which those that the file `down` names in the scratch folder are off.
pub fn by_ssh(head: &HeadNode, sshd: &Sshd, mut fanout: Command, hosts: &str) -> Command {
    fanout.env("PATH", fanout_path(head, sshd)).args(["--ssh", hosts]);
    fanout
}

/// What `PATH` has to be, so that `ssh` finds that server.
pub fn fanout_path(head: &HeadNode, sshd: &Sshd) -> String {
    let bin = head.sealift.at("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let (ssh, down) = (sshd.bin().join("ssh"), head.sealift.at("down"));
    // A port on which nobody listens, for OpenSSH's own words about that.
    let script = format!(
        "#!/bin/sh\nfor word; do grep -qxF -e \"$word\" '{}' 2>/dev/null && off='-p 1'; done\nexec '{}' $off \"$@\"\n",
        down.display(),
        ssh.display()
    );
    std::fs::write(bin.join("ssh"), script).unwrap();
    std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

/// Where node `name` has its images.
pub fn holds(head: &HeadNode, name: &str) -> bool {
    head.sealift.at("nodes").join(name).join("store/index.json").exists()
}

pub fn place(head: &HeadNode) -> String {
    format!("oci:{}/{{node}}/store", head.sealift.at("nodes").display())
}

#[test]
fn of_three_nodes_one_is_full_and_one_is_down_and_the_next_run_asks_those_two() {
    need!("root", "sshd", "ssh", "ssh-keygen", "mount", "busybox");
    let (head, sshd) = (HeadNode::new("b.tar"), Sshd::start(&[]));
    let program = head.program("");
    let disk = head.small_disk("n2");
    std::fs::write(head.sealift.at("hosts"), "n1 # the first\nn2\n# spare: n4\nroot@n3\n").unwrap();
    std::fs::write(head.sealift.at("down"), "root@n3\n").unwrap();
    let again =
        || in_json(&mut by_ssh(&head, &sshd, head.fanout(&place(&head), &program), "@hosts"));

    let first = again().exits(code::INCOMPLETE).says("2 of 3 nodes do not hold every image");
    let told_first = [("n1", "imported"), ("n2", "failed"), ("root@n3", "down")];
    assert_eq!(states(&first), told(&told_first));
    let json = first.json();
    assert_eq!(json["nodes"][0]["report"]["images"].as_array().unwrap().len(), 1);
    assert_eq!(json["nodes"][1]["exitCode"], json!(code::NO_ROOM));
    assert_eq!(json["nodes"][1]["report"]["error"]["class"], json!("no-room"));
    assert!(json["nodes"][2]["reason"].as_str().unwrap().contains("Connection refused"));
    assert_eq!(head.asked(), ["n1", "n2"]);
    assert!(holds(&head, "n1") && !holds(&head, "n2"));

    disk.grow();
    std::fs::remove_file(head.sealift.at("down")).unwrap();
    let second = again().ok();
    let told_second = [("n1", "held"), ("n2", "imported"), ("root@n3", "imported")];
    assert_eq!(states(&second), told(&told_second));
    assert_eq!(head.asked(), ["n2", "n3"]);
    assert!(holds(&head, "n2") && holds(&head, "n3"));

    again().ok();
    assert!(head.asked().is_empty(), "all hold it");

    // Another way to import it is another import, and --again asks whoever held it.
    let mut other = by_ssh(&head, &sshd, head.fanout(&place(&head), &program), "n1");
    ran(other.args(["--", "--only", "hello"])).ok();
    assert_eq!(head.asked(), ["n1"]);
    // So it is with another key, which the nodes are to believe now.
    let mut believing = by_ssh(&head, &sshd, head.fanout(&place(&head), &program), "n1");
    ran(believing.args(["--key", "/no.pub.pem"])).exits(code::INCOMPLETE).says("/no.pub.pem");
    assert_eq!(head.asked(), ["n1"]);
    let mut all = by_ssh(&head, &sshd, head.fanout(&place(&head), &program), "n1,n2");
    ran(all.arg("--again")).ok().says("holds 1 image");
    assert_eq!(head.asked(), ["n1", "n2"]);
}

#[test]
fn hostile_names_run_nothing_on_a_node_and_a_printed_job_does_the_same() {
    need!("root", "sshd", "ssh", "ssh-keygen", "busybox");
    let name = "it's $(touch owned) `touch owned`; touch owned #\"\\.tar";
    let (head, sshd) = (HeadNode::new(name), Sshd::start(&[]));
    let program = head.program("cd '/'; [ -e owned ] && exit 99");
    let to = format!("oci:{}/nodes/{{node}}/$(touch owned);'\"", head.sealift.at("").display());

    ran(&mut by_ssh(&head, &sshd, head.fanout(&to, &program), "n1")).ok();

    let store = head.sealift.at("nodes").join("n1/$(touch owned);'\"");
    assert!(store.join("index.json").exists());
    let script = head.sealift.at("by hand.sh");
    let mut fanout = by_ssh(&head, &sshd, head.fanout(&to, &program), "n2");
    let shown = ran(fanout.arg("--dry-run")).ok();
    std::fs::write(&script, &shown.stdout).unwrap();
    let path = fanout.get_envs().find(|(name, _)| *name == "PATH").unwrap().1.unwrap();
    let mut by_hand = command("sh");
    by_hand.env("PATH", path);
    let done = by_hand.arg(&script).stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(head.sealift.at("nodes").join("n2/$(touch owned);'\"/index.json").exists());
    let home = std::env::var("HOME").unwrap();
    for folder in [head.sealift.at(""), "/".into(), home.into()] {
        assert!(!folder.join("owned").exists(), "{}", folder.display());
    }
}

#[test]
fn a_node_believes_its_own_key_and_gets_nothing_of_the_head() {
    need!("root", "sshd", "ssh", "ssh-keygen", "busybox");
    let (head, sshd) = (HeadNode::new("b"), Sshd::start(&[]));
    let seen = head.sealift.at("seen");
    let program = head.program(&format!("env > '{}'", seen.display()));
    let other = head.sealift.keys("other");
    let to = place(&head);

    let mut fanout = head.sealift.command();
    fanout.arg("fanout").arg("b").args(["--to", &to, "--program"]).arg(&program);
    let mut fanout = by_ssh(&head, &sshd, fanout, "n1");
    fanout.arg("--key").arg(&other.public).env("SEALIFT_PASSPHRASE", "s3cret");
    let refused = in_json(fanout.env("SECRET_TOKEN", "s3cret")).exits(code::INCOMPLETE);

    assert_eq!(refused.json()["nodes"][0]["exitCode"], json!(code::UNTRUSTED));
    assert!(!holds(&head, "n1"));
    assert!(!std::fs::read_to_string(&seen).unwrap().contains("s3cret"));
}

#[test]
fn another_bundle_under_the_name_that_nodes_see_is_not_touched() {
    need!("root", "sshd", "ssh", "ssh-keygen", "busybox");
    let (head, sshd) = (HeadNode::new("b.tar"), Sshd::start(&[]));
    let (sealift, other) = (&head.sealift, head.sealift.at("other.tar"));
    write_layout(&sealift.at("others"), &[("docker.io/library/other:1.0", &images::hello())]);
    let sign = &head.keys.private;
    run!(sealift, "export", "oci:others", "-o", other, "--sign-key", sign).ok();
    let fanout = |there: &std::path::Path| {
        let mut fanout = head.fanout(&place(&head), &head.program(""));
        fanout.arg("--bundle-at").arg(there);
        in_json(&mut by_ssh(&head, &sshd, fanout, "n1"))
    };

    let refused = fanout(&other).exits(code::INCOMPLETE).json();
    assert_eq!(refused["nodes"][0]["exitCode"], json!(code::UNTRUSTED), "{refused}");
    let why = refused["nodes"][0]["reason"].as_str().unwrap();
    assert!(why.contains("is another one than was asked for"), "{why}");
    assert!(!head.sealift.at("nodes/n1/store").exists(), "something was made there");
    assert_eq!(head.asked(), ["n1"]);
    // What another one left where this does not go is told, and stays known.
    let killed = head.sealift.home().join(".local/state/sealift/fanout").join("0".repeat(64));
    std::fs::create_dir(&killed).unwrap();
    let run = r#"{"version":1,"run":"sealift-00000000000000ff","queue":"slurm","held":{}}"#;
    std::fs::write(killed.join("nodes.json"), run).unwrap();
    fanout(&head.bundle).ok().says("is taken back by the next fan-out that goes there");
    assert!(holds(&head, "n1"));
    assert_eq!(std::fs::read_to_string(killed.join("nodes.json")).unwrap(), run);
}

#[test]
fn a_bundle_that_nodes_do_not_see_goes_along_and_leaves_nothing_there() {
    need!("root", "sshd", "ssh", "ssh-keygen", "busybox");
    let (head, sshd) = (HeadNode::new("it's $(touch owned) b.tar"), Sshd::start(&[]));
    let (seen, to) = (head.sealift.at("seen"), place(&head));
    let note = format!("echo \"$2\" >> {}", seen.display());
    let program = head.program(&note);
    std::fs::write(head.sealift.at("down"), "n3\n").unwrap();
    let sent = |program: &std::path::Path, hosts: &str| {
        let mut fanout = by_ssh(&head, &sshd, head.fanout(&to, program), hosts);
        fanout.arg("--send");
        fanout
    };
    let folders = || {
        let text = std::fs::read_to_string(&seen).unwrap_or_default();
        text.lines()
            .map(|it| std::path::PathBuf::from(it.rsplit_once('/').unwrap().0))
            .collect::<Vec<_>>()
    };

    let ran_once = in_json(&mut sent(&program, "n1,n3,n4")).exits(code::INCOMPLETE);
    let all = [("n1", "imported"), ("n3", "down"), ("n4", "imported")];
    assert_eq!(states(&ran_once), told(&all));
    assert!(holds(&head, "n1") && holds(&head, "n4"));
    let shown = ran(sent(&program, "n2").arg("--dry-run")).ok();
    std::fs::write(head.sealift.at("hand.sh"), &shown.stdout).unwrap();
    let mut by_hand = command("sh");
    by_hand.env("PATH", fanout_path(&head, &sshd)).arg(head.sealift.at("hand.sh"));
    assert!(by_hand.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap().success());
    assert!(holds(&head, "n2"));
    let text = std::fs::read_to_string(&seen).unwrap();
    assert_eq!(text.matches("/it's $(touch owned) b.tar\n").count(), 3, "{text}");
    assert!(!text.contains(&head.bundle.display().to_string()));

    // Interrupted, the node has nothing of it either.
    let slow = head.program(&format!("{note}.slow; exec sleep 600"));
    let slow_seen = head.sealift.at("seen.slow");
    let mut process = Process::start(sent(&slow, "n5").stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for("the node", || slow_seen.exists());
    process.signal(Signal::INT);
    wait_for("the end of it", || process.ended());
    std::fs::rename(&slow_seen, head.sealift.at("seen.last")).unwrap();
    let last = std::fs::read_to_string(head.sealift.at("seen.last")).unwrap();
    let last = std::path::PathBuf::from(last.rsplit_once('/').unwrap().0);
    wait_for("nothing is left", || folders().iter().chain([&last]).all(|it| !it.exists()));
}

#[test]
fn an_encrypted_bundle_is_looked_at_here_and_opened_on_a_node_by_what_it_has() {
    need!("root", "sshd", "ssh", "ssh-keygen", "busybox", "age", "age-keygen");
    let (mut head, sshd) = (HeadNode::new("b.tar"), Sshd::start(&[]));
    let recipients = ["here", "there"].map(|name| identity(&head.sealift, name));
    let [here, there] = &recipients;
    tool(&head.sealift, &format!("age -r {here} -r {there} -o b.tar.age b.tar"));
    head.bundle = head.sealift.at("b.tar.age");
    let there = head.sealift.at("there").display().to_string();
    let by = |more: &[&str]| {
        let mut fanout = head.fanout(&place(&head), &head.program(""));
        fanout.args(["--ssh", "n1"]).args(more);
        let path = fanout_path(&head, &sshd);
        ran(fanout.env("PATH", path))
    };

    by(&[]).exits(code::UNTRUSTED).says("--identity");
    assert!(head.asked().is_empty());
    // What opens it here stays here.
    by(&["--identity", "here"]).exits(code::INCOMPLETE).says("failed with exit code 3");
    by(&["--identity", "here", "--", "--identity", &there]).ok();
    assert!(holds(&head, "n1"));
}

#[test]
fn ctrl_c_stops_what_is_at_work_on_the_nodes() {
    need!("root", "sshd", "ssh", "ssh-keygen", "busybox");
    let (head, sshd) = (HeadNode::new("b.tar"), Sshd::start(&[]));
    let pid = head.sealift.at("pid");
    // The first one works until it is stopped; the second one is done at once.
    let slow = format!(
        "case \"$*\" in */n1/*) echo $$ > '{0}.new'; mv '{0}.new' '{0}'; exec sleep 600;; esac",
        pid.display()
    );
    let program = head.program(&slow);
    let mut fanout = by_ssh(&head, &sshd, head.fanout(&place(&head), &program), "n1,n2");
    let mut process = Process::start(fanout.stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for("both nodes", || pid.exists() && holds(&head, "n2"));
    let sleeper = std::fs::read_to_string(&pid).unwrap();
    // Until it is noted that the other one is done.
    let record = head.sealift.home().join(".local/state/sealift/fanout");
    wait_for("the record", || {
        let folders = std::fs::read_dir(&record).into_iter().flatten().flatten();
        folders
            .map(|it| std::fs::read_to_string(it.path().join("nodes.json")).unwrap_or_default())
            .any(|text| text.contains("n2"))
    });

    process.signal(Signal::INT);

    wait_for("the end of it", || process.ended());
    assert_eq!(process.0.wait().unwrap().code(), Some(code::INTERRUPTED));
    wait_for("the end of the task", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", sleeper.trim()));
        stat.map_or(true, |stat| stat.contains(") Z "))
    });
    assert!(!holds(&head, "n1"));
    head.asked();
    let program = head.program("");
    ran(&mut by_ssh(&head, &sshd, head.fanout(&place(&head), &program), "n1,n2")).ok();
    assert_eq!(head.asked(), ["n1"], "what was done stays done");
}

/// A fan-out of what the scratch folder has no bundle of, which is refused before any node is asked.
fn refused(sealift: &Sealift, arguments: &[&str]) -> Ran {
    ran(sealift.command().args(["fanout", "b", "--to"]).args(arguments))
}

#[test]
fn what_no_node_could_do_is_refused_here() {
    need!("ssh", "busybox");
    let head = HeadNode::new("b");
    let at = |arguments: &[&str]| refused(&head.sealift, arguments).exits(code::USAGE);
    at(&["oci:x", "--ssh=-oProxyCommand=touch owned"]).says("is no name of a node");
    at(&["oci:x", "--ssh", "n1", "--", "--onyl", "x"]).says("import does not take that");
    at(&["oci:x", "--ssh", "n1", "--", "--dry-run"]).says("holds nothing");
    at(&["docker://r.example", "--ssh", "n1", "--", "--shard", "1/2"]).says("one shard");
    at(&["docker-archive:-", "--ssh", "n1"]).says("standard output");
    at(&["nowhere:x", "--ssh", "n1"]).says("import does not take that");
    at(&["oci:a\nb", "--ssh", "n1"]).says("cannot be handed to a node");
    at(&["oci:x", "--slurm", "--send"]).says("is no single file");
    at(&["oci:x", "--ssh", "n1", "--check", "true"]).says("no command can be run in images of");
    at(&["oci:x", "--ssh", "n1", "--", "--check", "true"]).says("no command can be run");
    at(&["oci:x"]).says("--ssh");
    at(&["oci:x", "--ssh", "n1", "--slurm"]).says("cannot be used with");
    at(&["oci:x", "--ssh", "n1", "--bundle-at", "/a", "--bundle-at", "/b"]).says("--bundle-at");
    assert!(!head.sealift.at("owned").exists());
    let missing =
        ran(head.sealift.command().args(["fanout", "no", "--to", "oci:x", "--ssh", "n1"]));
    missing.exits(code::INCOMPLETE).says("no such file or folder");
    assert!(find("ssh").is_some());
}

/// Stands for `kubectl get nodes` and `kubectl config view`.
const KUBECTL: &str = r#"case "$*" in
*' get nodes '*) echo '{"items":[{"metadata":{"name":"login1"},"status":{"conditions":[{"type":"Ready","status":"True"}],"images":[{"names":["pause:3"]}]}}]}' ;;
*) echo https://c.example:6443 ;;
esac"#;

#[test]
fn the_examples_are_command_lines_that_there_are() {
    need!("busybox");
    let head = HeadNode::new("b.tar");
    let bin = head.sealift.at("bin");
    std::fs::create_dir(&bin).unwrap();
    let program = format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_sealift"));
    for (name, script) in [
        ("sealift", program.as_str()),
        ("ssh", ""),
        ("scontrol", "echo login1"),
        ("sinfo", "echo 'login1|idle|x|none'"),
        ("condor_status", "printf 'login1\\tUnclaimed\\tundefined\\n'"),
        ("kubectl", KUBECTL),
    ] {
        std::fs::write(bin.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(bin.join(name), mode).unwrap();
    }
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for folder in ["slurm", "condor", "kubernetes", "ssh"] {
        for entry in std::fs::read_dir(examples.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            // What else lies there, and what is no fan-out, is tried in `examples.rs`.
            if !std::fs::read_to_string(&path).unwrap().contains("sealift fanout \"$bundle\"") {
                continue;
            }
            let example = head.sealift.command();
            let path_of_all = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
            let mut shell = command("sh");
            shell.env_clear().envs(example.get_envs().filter_map(|(k, v)| Some((k, v?))));
            shell.env("PATH", path_of_all).arg(&path).arg(&head.bundle);
            // Those by ssh are told which hosts.
            shell.args(
                (folder == "ssh" && path.ends_with("two-architectures.sh")).then_some("login1"),
            );
            let hosts = head.sealift.at("hosts.txt");
            std::fs::write(&hosts, "login1\n").unwrap();
            shell.args(path.ends_with("notebook-hosts.sh").then_some(&hosts));
            let shown = ran(shell.arg("--dry-run")).ok();
            let is_shown =
                ["'import'", "\"import\""].iter().any(|word| shown.stdout.contains(word));
            assert!(is_shown, "{}: {shown:?}", path.display());
            seen += 1;
        }
    }
    assert_eq!(seen, 9);
}
