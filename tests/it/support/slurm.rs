//! A Slurm cluster on this machine: its controller, and as many node daemons as are wanted.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{PATIENCE, Process, command, find, text, wait_for};

/// Debian's Slurm with munge. Its daemons end with the value.
pub struct SlurmCluster {
    nodes: Vec<Option<Process>>,
    _controller: Process,
    _munge: Process,
    dir: TempDir,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl SlurmCluster {
    /// Starts one with the nodes n1 to n`count`.
    pub fn start(count: usize) -> SlurmCluster {
        // Daemons of another user may have to go through it.
        let dir = TempDir::new().unwrap();
        std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .unwrap();
        let munge = munge(dir.path());
        configure(dir.path(), count);
        let log = dir.path().join("ctl/log");
        let mut controller = Process::start(
            command("slurmctld")
                .args(["-D", "-i", "-f"])
                .arg(dir.path().join("slurm.conf"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        let nodes = (0..count).map(|_| None).collect();
        wait_for("slurmctld", || {
            assert!(!controller.ended(), "{}", std::fs::read_to_string(&log).unwrap_or_default());
            let mut ping = command("scontrol");
            ping.env("SLURM_CONF", dir.path().join("slurm.conf")).arg("ping");
            ping.output().is_ok_and(|it| String::from_utf8_lossy(&it.stdout).contains("is UP"))
        });
        let mut cluster = SlurmCluster { nodes, _controller: controller, _munge: munge, dir };
        (1..=count).for_each(|number| cluster.start_node(number));
        cluster
    }

    /// What `SLURM_CONF` has to be.
    pub fn conf(&self) -> PathBuf {
        self.dir.path().join("slurm.conf")
    }

    /// Starts the daemon of node n`number`.
    pub fn start_node(&mut self, number: usize) {
        let name = format!("n{number}");
        let node = Process::start(
            command("slurmd")
                .args(["-D", "-N", &name, "-f"])
                .arg(self.conf())
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        self.nodes[number - 1] = Some(node);
        wait_for(&name, || {
            self.asked("sinfo", &["-h", "-N", "-n", &name, "-o", "%T"]).trim() == "idle"
        });
    }

    /// Stops the daemon of node n`number`, and waits until the controller knows.
    pub fn stop_node(&mut self, number: usize) {
        drop(self.nodes[number - 1].take());
        let name = format!("n{number}");
        let why = "Reason=the power is gone".to_owned();
        self.asked("scontrol", &["update", &format!("NodeName={name}"), "State=DOWN", &why]);
        wait_for("a node that is down", || {
            self.asked("sinfo", &["-h", "-N", "-n", &name, "-o", "%T"]).starts_with("down")
        });
    }

    /// What one of its commands says.
    pub fn asked(&self, program: &str, arguments: &[&str]) -> String {
        text(command(program).env("SLURM_CONF", self.conf()).args(arguments))
    }

    /// The names of the jobs that are queued or at work.
    pub fn queue(&self) -> Vec<String> {
        let states = "--states=PENDING,CONFIGURING,RUNNING,SUSPENDED";
        let jobs = self.asked("squeue", &["-h", states, "-o", "%j"]);
        jobs.lines().map(str::to_owned).collect()
    }
}

impl Drop for SlurmCluster {
    /// Before its daemons end: a job that could not report to them would wait for them for ever.
    fn drop(&mut self) {
        let asked = |program: &str, arguments: &[&str]| {
            let mut asked = command(program);
            let output = asked.env("SLURM_CONF", self.conf()).args(arguments).output();
            output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned()).unwrap_or_default()
        };
        let begun = Instant::now();
        asked("scancel", &["--user=root"]);
        while !asked("squeue", &["-h"]).trim().is_empty() && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn munge(dir: &Path) -> Process {
    let folder = dir.join("munge");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
    let key = folder.join("key");
    std::fs::write(&key, [7; 1024]).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let at = |option: &str, name: &str| format!("--{option}={}", folder.join(name).display());
    let mut munged = Command::new(find("munged").unwrap());
    munged.args(["--foreground", "--force"]).args([
        at("key-file", "key"),
        at("socket", "s"),
        at("pid-file", "pid"),
        at("log-file", "log"),
        at("seed-file", "seed"),
    ]);
    let process =
        Process::start(munged.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for("munged", || folder.join("s").exists());
    process
}

fn configure(dir: &Path, count: usize) {
    std::fs::create_dir(dir.join("ctl")).unwrap();
    let host = text(&mut command("hostname"));
    let host = host.trim().split('.').next().unwrap_or_default();
    let d = dir.display();
    let mut conf = format!(
        "ClusterName=test\nSlurmctldHost=localhost(127.0.0.1)\nSlurmctldPort={}\nSlurmUser=root\nSlurmdUser=root\n\
         AuthType=auth/munge\nAuthInfo=socket={d}/munge/s\nCredType=cred/munge\nStateSaveLocation={d}/ctl\n\
         SlurmdSpoolDir={d}/%n\nSlurmctldPidFile={d}/ctl/pid\nSlurmdPidFile={d}/%n.pid\n\
         SlurmctldLogFile={d}/ctl/log\nSlurmdLogFile={d}/%n.log\nProctrackType=proctrack/linuxproc\n\
         TaskPlugin=task/none\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nSwitchType=switch/none\n\
         MpiDefault=none\nReturnToService=2\nKillWait=10\nSlurmdTimeout=60\n\
         SchedulerParameters=batch_sched_delay=0,sched_interval=2\n\
         JobAcctGatherType=jobacct_gather/none\nAccountingStorageType=accounting_storage/none\n",
        free_port()
    );
    for number in 1..=count {
        conf += &format!(
            "NodeName=n{number} NodeHostname={host} NodeAddr=127.0.0.1 Port={} CPUs=1 Feature=f{number},all State=UNKNOWN\n",
            free_port()
        );
    }
    conf +=
        &format!("PartitionName=main Nodes=n[1-{count}] Default=YES MaxTime=INFINITE State=UP\n");
    std::fs::write(dir.join("slurm.conf"), conf).unwrap();
}
