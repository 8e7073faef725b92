//! A bundle onto machines that share nothing with the head: they read it from there as long as the run lasts.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::json;

use crate::fanout::{by_ssh, fanout_path, holds, place};
use crate::fanout_condor::Pool;
use crate::fanout_kubernetes;
use crate::fanout_slurm::by_slurm;
use crate::support::nodes::{HeadNode, in_json, states, told};
use crate::support::registry::Credentials;
use crate::support::sealift::{code, ran};
use crate::support::slurm::SlurmCluster;
use crate::support::ssh::Sshd;
use crate::support::{Process, command, wait_for};

const FREE: [&str; 2] = ["--serve", "127.0.0.1:0"];

/// What nodes were told since this was asked last.
fn words(head: &HeadNode) -> String {
    let path = head.sealift.at("asked");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(path);
    text
}

/// The port that the nodes of a run were told, which said this.
fn port(told: &str) -> u16 {
    let rest = told.split("://127.0.0.1:").nth(1).unwrap_or_else(|| panic!("no port: {told}"));
    rest.split('/').next().unwrap().parse().unwrap()
}

fn is_open(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// What sealift leaves where things are kept for a while.
fn scraps() -> usize {
    let entries = std::fs::read_dir("/var/tmp").unwrap().flatten();
    entries.filter(|it| it.file_name().to_string_lossy().starts_with("sealift.")).count()
}

#[test]
fn nodes_read_what_they_lack_and_another_way_finishes_the_run() {
    need!("root", "sshd", "ssh", "ssh-keygen", "busybox");
    let (head, sshd) = (HeadNode::new("it's a b%2F.tar"), Sshd::start(&[]));
    let (to, program) = (place(&head), head.program(""));
    let with = |hosts: &str, more: &[&str]| {
        let mut fanout = by_ssh(&head, &sshd, head.fanout(&to, &program), hosts);
        fanout.args(more);
        fanout
    };
    std::fs::write(head.sealift.at("down"), "n3\n").unwrap();

    let first = in_json(&mut with("n1,n2,n3", &FREE)).exits(code::INCOMPLETE);
    let all = [("n1", "imported"), ("n2", "imported"), ("n3", "down")];
    assert_eq!(states(&first), told(&all));
    assert!(holds(&head, "n1") && holds(&head, "n2"));
    let said = words(&head);
    let port = port(&said);
    let url = format!("http://127.0.0.1:{port}/bundles/it%27s%20a%20b%252F.tar");
    assert_eq!(said.matches(&format!("import {url} --jobs 6 --to")).count(), 2, "{said}");
    assert_eq!(first.json()["servedAt"], json!(url));
    assert!(!said.contains("it's") && !is_open(port));

    // The way is no part of what was done: those that hold it are not asked by another one.
    std::fs::remove_file(head.sealift.at("down")).unwrap();
    let second = in_json(&mut with("n1,n2,n3", &[])).ok();
    assert_eq!(states(&second), told(&[("n1", "held"), ("n2", "held"), ("n3", "imported")]));
    assert_eq!(head.asked(), ["n3"]);

    // A port that is taken is told before any node is asked.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = ran(&mut with("n4", &["--serve", &address])).exits(1);
    refused.says("cannot listen on 127.0.0.1:").says("--bundle-at");
    assert!(words(&head).is_empty() && !holds(&head, "n4"));
    // Of an encrypted one no node could read a part.
    let locked = head.sealift.at("locked.tar.age");
    std::fs::write(&locked, "age-encryption.org/v1\n").unwrap();
    let mut fanout = head.sealift.command();
    fanout.arg("fanout").arg(&locked).args(["--to", &to, "--ssh", "n1"]).args(FREE);
    ran(&mut fanout).exits(code::USAGE).says("is encrypted").says("--send");
    for conflict in [["--send", "--again"], ["--bundle-at", "/x"]] {
        ran(with("n4", &FREE).args(conflict)).exits(code::USAGE).says("cannot be used with");
    }
}

#[test]
fn a_printed_job_reads_from_a_server_that_somebody_starts() {
    need!("root", "sshd", "ssh", "ssh-keygen", "busybox");
    let (head, sshd) = (HeadNode::new("b.tar"), Sshd::start(&[]));
    let (to, program) = (place(&head), head.program(""));
    let served = head.sealift.serve_with(&head.bundle, &head.keys.public, &[]);
    let address = format!("127.0.0.1:{}", served.port);
    let url = format!("http://{address}/bundles/b.tar");

    let mut fanout = by_ssh(&head, &sshd, head.fanout(&to, &program), "n1");
    let shown = ran(fanout.args(["--serve", &address, "--dry-run"])).ok();
    let comment = shown.stdout.lines().nth(1).unwrap();
    assert!(comment.starts_with(&format!("# as long as it runs, {url} has to be there")));
    let serve = format!("sealift serve '{}' --listen {address}", head.bundle.display());
    assert!(comment.ends_with(&serve), "{comment}");
    std::fs::write(head.sealift.at("hand.sh"), &shown.stdout).unwrap();
    let mut by_hand = command("sh");
    by_hand.env("PATH", fanout_path(&head, &sshd)).arg(head.sealift.at("hand.sh"));
    assert!(by_hand.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap().success());
    assert!(holds(&head, "n1") && words(&head).contains(&url));

    let mut beside = by_ssh(&head, &sshd, head.fanout(&to, &program), "n2");
    ran(beside.args(["--bundle-at", &url])).ok();
    assert!(holds(&head, "n2") && words(&head).contains(&url));
    let mut secret = by_ssh(&head, &sshd, head.fanout(&to, &program), "n2");
    let secret = ran(secret.args(["--bundle-at", "http://me:geheim@h/b.tar"])).exits(code::USAGE);
    assert!(!secret.stderr.contains("geheim"), "{}", secret.stderr);
}

#[test]
fn nodes_believe_their_own_authority_and_show_their_own_password() {
    need!("root", "sshd", "ssh", "ssh-keygen", "busybox", "openssl", "htpasswd");
    let (head, sshd) = (HeadNode::new("b.tar"), Sshd::start(&[]));
    let (to, program) = (place(&head), head.program(""));
    let credentials = Credentials::new();
    let (certificate, key) = credentials.certificate();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let host = format!("127.0.0.1:{port}");
    let (authority, known) = (credentials.cert_dir(), credentials.authfile(&host));
    let run = |behind: &[&std::ffi::OsStr]| {
        let mut fanout = by_ssh(&head, &sshd, head.fanout(&to, &program), "n1");
        fanout.args(["--serve", &host, "--tls-cert"]).arg(&certificate).arg("--tls-key").arg(&key);
        fanout.arg("--htpasswd").arg(certificate.with_file_name("htpasswd"));
        ran(fanout.arg("--").args(behind))
    };
    let (cert_dir, authfile) = ("--cert-dir".as_ref(), "--authfile".as_ref());

    run(&[]).exits(code::INCOMPLETE).says("certificate");
    run(&[cert_dir, authority.as_ref()]).exits(code::INCOMPLETE).says("n1: failed");
    assert!(!holds(&head, "n1"));
    run(&[cert_dir, authority.as_ref(), authfile, known.as_ref()]).ok();
    assert!(holds(&head, "n1"));
    let said = words(&head);
    assert!(said.contains(&format!("https://{host}/bundles/b.tar")), "{said}");
    assert!(!said.contains(Credentials::PASSWORD));
}

#[test]
fn slurm_nodes_read_from_the_head_one_dies_and_an_interrupted_run_leaves_no_server() {
    need!("root", "slurmctld", "slurmd", "munged", "busybox");
    let (head, cluster) = (HeadNode::new("b.tar"), SlurmCluster::start(3));
    let (to, before) = (place(&head), scraps());
    let run = |first: &str| -> Command {
        let mut fanout = by_slurm(&cluster, head.fanout(&to, &head.program(first)));
        fanout.args(FREE);
        fanout
    };

    let begun = head.sealift.at("begun");
    let slow = format!("touch '{}'; sleep 600", begun.display());
    let mut process = Process::start(run(&slow).stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for("a node", || begun.exists());
    let open = port(&words(&head));
    assert!(is_open(open));
    process.signal(Signal::INT);
    wait_for("the end of it", || process.ended());
    assert_eq!(process.0.wait().unwrap().code(), Some(code::INTERRUPTED));
    assert!(!is_open(open) && cluster.queue().is_empty());
    assert!(["n1", "n2", "n3"].iter().all(|node| !holds(&head, node)));
    words(&head);

    let first = in_json(&mut run("case \"$*\" in *nodes/n2/*) kill -KILL $$ ;; esac"));
    let first = first.exits(code::INCOMPLETE);
    assert_eq!(states(&first), told(&[("n1", "imported"), ("n2", "failed"), ("n3", "imported")]));
    assert!(!is_open(port(&words(&head))));
    let second = in_json(&mut run("")).ok();
    assert_eq!(states(&second), told(&[("n1", "held"), ("n2", "imported"), ("n3", "held")]));
    assert_eq!(words(&head).matches("import http://127.0.0.1:").count(), 1);
    assert!(["n1", "n2", "n3"].iter().all(|node| holds(&head, node)));
    assert_eq!(scraps(), before, "nothing of the bundle was put down");
}

#[test]
fn kubernetes_nodes_read_from_the_head_and_a_killed_run_takes_its_server_along() {
    need!("root", "kubectl", "unshare", "mount", "busybox");
    let head = HeadNode::new("b.tar");
    let cluster = fanout_kubernetes::start(&head, &["n1", "n2", "n3"]);
    let run = |first: &str| fanout_kubernetes::fanout(&head, &cluster, first, &FREE);

    let begun = head.sealift.at("begun");
    let slow = format!("trap 'exit 1' TERM; echo >> '{}'; sleep 600 & wait", begun.display());
    let mut process = Process::start(run(&slow).stdout(Stdio::null()).stderr(Stdio::null()));
    let lines = |path| std::fs::read_to_string(path).unwrap_or_default().lines().count();
    wait_for("all nodes", || lines(&begun) == 3);
    let open = port(&words(&head));
    process.signal(Signal::KILL);
    wait_for("the end of it", || process.ended());
    assert!(!is_open(open) && !cluster.left().is_empty(), "nobody could take them back");
    words(&head);

    let all = [("n1", "imported"), ("n2", "imported"), ("n3", "imported")];
    assert_eq!(states(&in_json(&mut run("")).ok()), told(&all));
    assert_eq!(words(&head).matches("import http://127.0.0.1:").count(), 3);
    assert!(["n1", "n2", "n3"].iter().all(|node| holds(&head, node)));
    assert!(cluster.left().is_empty(), "{:?}", cluster.left());
}

#[test]
fn machines_of_a_pool_read_from_the_head_as_few_at_a_time_as_they_are_told() {
    need!("root", "busybox");
    let head = HeadNode::new("b.tar");
    let pool = Pool::new(&head, &["e1", "e2", "e3"]);
    let all = [("e1", "imported"), ("e2", "imported"), ("e3", "imported")];

    assert_eq!(states(&in_json(&mut pool.fanout(&head, "", &FREE)).ok()), told(&all));
    let said = words(&head);
    assert!(["e1", "e2", "e3"].iter().all(|node| holds(&head, node)));
    assert_eq!(said.matches("/bundles/b.tar --jobs 6 --to").count(), 3, "{said}");
    assert!(!is_open(port(&said)));

    // All that read at once share what the server has room for; who says it knows better.
    let of_many = [&FREE[..], &["--again", "--at-once", "100"]].concat();
    in_json(&mut pool.fanout(&head, "", &of_many)).ok();
    assert_eq!(words(&head).matches("/bundles/b.tar --jobs 2 --to").count(), 3);
    let own = [&FREE[..], &["--again", "--", "--jobs=3"]].concat();
    ran(&mut pool.fanout(&head, "", &own)).ok();
    let said = words(&head);
    assert_eq!(
        (said.matches("--jobs").count(), said.matches("--jobs=3").count()),
        (3, 3),
        "{said}"
    );
}
