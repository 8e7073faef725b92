//! `buildkitd`, which builds by configuration files of its own, where Go built it.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::gap::Gap;
use super::peers;
use super::sealift::{Ran, ran};
use super::{Process, wait_for};

/// A daemon of its own behind `Gap`, which is gone with this value.
pub struct Buildkit {
    _process: Process,
    dir: TempDir,
}

impl Buildkit {
    /// Starts it in `gap` with `config`, and waits until it answers.
    pub fn start_in(gap: &Gap, config: &Path) -> Buildkit {
        let dir = TempDir::new().unwrap();
        let log = dir.path().join("log");
        let mut daemon = peers::command("buildkitd", dir.path());
        daemon.arg("--config").arg(config).arg("--root").arg(dir.path().join("root"));
        daemon.args(["--containerd-worker=false", "--oci-worker-snapshotter=native"]);
        daemon.arg("--addr").arg(address(dir.path()));
        let mut daemon = gap.moved(&daemon);
        daemon.stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let mut process = Process::start(&mut daemon);
        wait_for("buildkitd", || {
            assert!(!process.ended(), "buildkitd: {}", std::fs::read_to_string(&log).unwrap());
            let output = client(dir.path()).args(["debug", "workers"]).output();
            output.is_ok_and(|output| output.status.success())
        });
        Buildkit { _process: process, dir }
    }

    /// Builds an image of nothing but `FROM name`, with nothing left of what was pulled before.
    pub fn build_from(&self, name: &str) -> Ran {
        ran(client(self.dir.path()).args(["prune", "--all"])).ok();
        std::fs::write(self.dir.path().join("Dockerfile"), format!("FROM {name}\n")).unwrap();
        let mut build = client(self.dir.path());
        build.args(["build", "--frontend", "dockerfile.v0", "--progress", "plain"]);
        build.args(["--local", "context=.", "--local", "dockerfile=."]);
        ran(build.args(["--output", "type=oci,dest=out.tar"]))
    }
}

fn address(dir: &Path) -> String {
    format!("unix://{}", dir.join("s").display())
}

fn client(dir: &Path) -> Command {
    let mut client = peers::command("buildctl", dir);
    client.arg("--addr").arg(address(dir));
    client
}
