//! A bundle onto the machines of an HTCondor pool. Debian 12 has no HTCondor: what stands for its commands here
//! (`support/condor.sh`) runs each job as they would, and fails in their words.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::json;

use crate::support::nodes::{HeadNode, in_json, states, told};
use crate::support::sealift::{code, ran};
use crate::support::{Process, command, wait_for};

const COMMANDS: [&str; 4] = ["condor_status", "condor_submit", "condor_q", "condor_rm"];

/// A pool in the scratch folder of `head`, with these machines.
pub struct Pool(PathBuf);

impl Pool {
    pub fn new(head: &HeadNode, machines: &[&str]) -> Pool {
        let pool = Pool(head.sealift.at("pool"));
        std::fs::create_dir_all(pool.0.join("jobs")).unwrap();
        std::fs::write(pool.0.join("last"), "0").unwrap();
        pool.machines(machines);
        let script = include_str!("support/condor.sh");
        for name in COMMANDS {
            std::fs::write(pool.0.join(name), script).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(pool.0.join(name), mode).unwrap();
        }
        pool
    }

    fn machines(&self, machines: &[&str]) {
        let lines = machines.iter().map(|name| format!("{name}\tUnclaimed\tundefined\n"));
        std::fs::write(self.0.join("machines"), lines.collect::<String>()).unwrap();
    }

    fn dress(&self, mut command: Command) -> Command {
        let path = format!("{}:{}", self.0.display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("POOL", &self.0);
        command
    }

    pub fn fanout(&self, head: &HeadNode, first: &str, more: &[&str]) -> Command {
        let to = format!("oci:{}/{{node}}/store", head.sealift.at("nodes").display());
        let mut fanout = head.fanout(&to, &head.program(first));
        fanout.arg("--condor").args(more);
        self.dress(fanout)
    }

    fn queue(&self) -> usize {
        std::fs::read_dir(self.0.join("jobs")).unwrap().count()
    }
}

#[test]
fn of_three_machines_one_is_full_and_one_is_gone_and_the_next_run_asks_those_two() {
    need!("root", "mount", "busybox");
    let head = HeadNode::new("b.tar");
    let pool = Pool::new(&head, &["n1", "n2", "n2", "n4"]);
    let disk = head.small_disk("n2");
    let again = || in_json(&mut pool.fanout(&head, "", &["--nodelist", "n1,n2,n3"]));

    let first = again().exits(code::INCOMPLETE);
    assert_eq!(states(&first), told(&[("n1", "imported"), ("n2", "failed"), ("n3", "down")]));
    assert_eq!(first.json()["nodes"][1]["exitCode"], json!(code::NO_ROOM));
    assert_eq!(head.asked(), ["n1", "n2"]);

    disk.grow();
    pool.machines(&["n1", "n2", "n3", "n4"]);
    let second = again().ok();
    assert_eq!(states(&second), told(&[("n1", "held"), ("n2", "imported"), ("n3", "imported")]));
    assert_eq!(head.asked(), ["n2", "n3"]);
    assert_eq!(pool.queue(), 0);
    let jobs = head.sealift.home().join(".local/state/sealift/fanout/jobs");
    assert_eq!(std::fs::read_dir(jobs).unwrap().count(), 0, "what was read is gone");

    // All of the pool, where none is named; and the same by hand.
    let shown = ran(&mut pool.fanout(&head, "", &["--dry-run", "--again"])).ok();
    assert_eq!(shown.stdout.matches("condor_submit -terse -").count(), 4);
    let one = ran(&mut pool.fanout(&head, "", &["--dry-run", "--nodelist", "n4"])).ok();
    std::fs::write(head.sealift.at("submit.sh"), &one.stdout).unwrap();
    let mut by_hand = pool.dress(command("sh"));
    let by_hand =
        by_hand.arg(head.sealift.at("submit.sh")).stdin(Stdio::null()).stdout(Stdio::null());
    assert!(by_hand.status().unwrap().success());
    wait_for("the job", || head.sealift.at("nodes/n4/store/index.json").exists());

    // A bundle that machines do not see is a file of the job.
    let mut sent = pool.fanout(&head, "echo \"$2\" > \"$HOME/seen\"", &["--again", "--send"]);
    ran(sent.args(["--nodelist", "n1"])).ok();
    let seen = std::fs::read_to_string(head.sealift.at("home-of-nodes/seen")).unwrap();
    assert!(seen.contains("/own.") && seen.ends_with("/b.tar\n"), "{seen}");

    std::fs::write(pool.0.join("no-schedd"), "").unwrap();
    let none = in_json(&mut pool.fanout(&head, "", &["--again", "--nodelist", "n1"]));
    none.exits(code::INCOMPLETE).says("Can't find address of local schedd");
}

#[test]
fn ctrl_c_takes_its_own_jobs_out_of_the_queue_and_stops_what_is_at_work() {
    need!("busybox");
    let head = HeadNode::new("b.tar");
    let pool = Pool::new(&head, &["n1", "n2"]);
    std::fs::write(pool.0.join("busy"), "n2\n").unwrap();
    std::fs::write(pool.0.join("jobs/1000"), "sealift-00000000000000ff 1 -\n").unwrap();
    let pid = head.sealift.at("pid");
    let slow = format!("echo $$ > '{0}.new'; mv '{0}.new' '{0}'; exec sleep 600", pid.display());
    let mut fanout = pool.fanout(&head, &slow, &[]);
    let mut process = Process::start(fanout.stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for("both jobs", || pid.exists() && pool.queue() == 3);

    process.signal(Signal::INT);

    wait_for("the end of it", || process.ended());
    assert_eq!(process.0.wait().unwrap().code(), Some(code::INTERRUPTED));
    assert!(pool.queue() == 1 && pool.0.join("jobs/1000").exists());
    let sleeper = std::fs::read_to_string(&pid).unwrap();
    wait_for("the end of the task", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", sleeper.trim()));
        stat.map_or(true, |stat| stat.contains(") Z "))
    });
}
