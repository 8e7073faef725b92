//! Container engines, each with a root of its own and stopped with its value.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Process, command, wait_for};

/// Debian's dockerd on a socket of its own, without network.
pub struct Docker {
    _process: Process,
    dir: TempDir,
}

impl Docker {
    /// Starts it and waits until it answers.
    pub fn start() -> Docker {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        let log = at("log");
        // An empty file instead of /etc/docker/daemon.json, whose contents are not ours.
        std::fs::write(at("daemon.json"), "{}").unwrap();
        let mut process = Process::start(
            command("dockerd")
                .arg("--config-file")
                .arg(at("daemon.json"))
                .arg("--data-root")
                .arg(at("data"))
                .arg("--exec-root")
                .arg(at("exec"))
                .arg("--pidfile")
                .arg(at("pid"))
                .arg("-H")
                .arg(socket(dir.path()))
                .args(["--bridge=none", "--iptables=false", "--storage-driver=vfs"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(File::create(&log).unwrap()),
        );
        wait_for("dockerd", || {
            assert!(!process.ended(), "dockerd: {}", std::fs::read_to_string(&log).unwrap());
            let mut info = command("docker");
            info.arg("-H").arg(socket(dir.path())).args(["version", "--format", "ok"]);
            info.output().is_ok_and(|output| output.status.success())
        });
        Docker { _process: process, dir }
    }

    /// Where it listens, as in `DOCKER_HOST`.
    pub fn host(&self) -> String {
        socket(self.dir.path())
    }

    /// `docker`, speaking to this daemon, with no configuration of the user's.
    pub fn command(&self) -> Command {
        let mut docker = command("docker");
        docker.env("HOME", self.dir.path()).env("DOCKER_CONFIG", self.dir.path().join("config"));
        docker.arg("-H").arg(socket(self.dir.path()));
        docker
    }
}

fn socket(dir: &Path) -> String {
    format!("unix://{}/s", dir.display())
}

/// Debian's containerd on a socket of its own.
pub struct Containerd {
    _process: Process,
    dir: TempDir,
}

impl Containerd {
    /// Starts it and waits until it answers.
    pub fn start() -> Containerd {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        let config = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
        std::fs::write(at("config.toml"), config).unwrap();
        let log = at("log");
        let mut process = Process::start(
            command("containerd")
                .arg("--config")
                .arg(at("config.toml"))
                .arg("--root")
                .arg(at("root"))
                .arg("--state")
                .arg(at("state"))
                .arg("--address")
                .arg(at("s"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(File::create(&log).unwrap()),
        );
        wait_for("containerd", || {
            assert!(!process.ended(), "containerd: {}", std::fs::read_to_string(&log).unwrap());
            let mut version = command("ctr");
            version.arg("--address").arg(at("s")).arg("version");
            version.output().is_ok_and(|output| output.status.success())
        });
        Containerd { _process: process, dir }
    }

    /// Its socket, as in `CONTAINERD_ADDRESS`.
    pub fn address(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// `ctr`, speaking to this daemon.
    pub fn command(&self) -> Command {
        let mut ctr = command("ctr");
        ctr.arg("--address").arg(self.address());
        ctr
    }
}

/// Podman with a storage of its own; it has no daemon.
pub struct Podman {
    dir: TempDir,
}

impl Podman {
    /// A fresh storage.
    pub fn new() -> Podman {
        Podman { dir: TempDir::new().unwrap() }
    }

    /// `podman` over this storage.
    pub fn command(&self) -> Command {
        let at = |name: &str| -> PathBuf { self.dir.path().join(name) };
        let mut podman = command("podman");
        podman.env("HOME", self.dir.path()).env("XDG_RUNTIME_DIR", self.dir.path());
        podman.arg("--root").arg(at("root")).arg("--runroot").arg(at("run"));
        podman.args(["--storage-driver=vfs", "--events-backend=none"]);
        podman
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // Storage keeps mounts for the user; podman knows best how to let go of them.
        let _ = self.command().args(["system", "reset", "--force"]).output();
    }
}

/// `skopeo` that takes any policy and asks no certificate of loopback registries.
pub fn skopeo(verb: &str) -> Command {
    let mut skopeo = command("skopeo");
    skopeo.arg("--insecure-policy").arg(verb);
    match verb {
        "copy" => skopeo.args(["--src-tls-verify=false", "--dest-tls-verify=false"]),
        _ => skopeo.arg("--tls-verify=false"),
    };
    skopeo
}
