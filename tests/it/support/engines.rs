//! Container engines, each with a root of its own and stopped with its value.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::gap::Gap;
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
        let data = dir.path().join("data");
        Docker::over(command("dockerd"), dir, &data)
    }

    /// As [`Docker::start`], in the network of `gap`, with `config` as its `daemon.json`.
    pub fn start_in(gap: &Gap, config: &str) -> Docker {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        Docker::configured(gap.command("dockerd"), dir, &data, config)
    }

    /// As [`Docker::start`], with its images in `data`.
    pub fn start_over(data: &Path) -> Docker {
        Docker::over(command("dockerd"), TempDir::new().unwrap(), data)
    }

    /// As [`Docker::start`], in a network of its own, as one without root has it.
    pub fn start_apart() -> Docker {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        let mut unshare = command("unshare");
        unshare.arg("--net").arg(super::find("dockerd").unwrap());
        Docker::over(unshare, dir, &data)
    }

    fn over(program: Command, dir: TempDir, data: &Path) -> Docker {
        // An empty file instead of /etc/docker/daemon.json, whose contents are not ours.
        Docker::configured(program, dir, data, "{}")
    }

    fn configured(mut program: Command, dir: TempDir, data: &Path, config: &str) -> Docker {
        let at = |name: &str| dir.path().join(name);
        let log = at("log");
        std::fs::write(at("daemon.json"), config).unwrap();
        let mut process = Process::start(
            program
                .arg("--config-file")
                .arg(at("daemon.json"))
                .arg("--data-root")
                .arg(data)
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

    /// The daemon's version.
    pub fn version(&self) -> String {
        super::text(self.command().args(["version", "--format", "{{.Server.Version}}"]))
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

const WITHOUT_CRI: &str = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";

/// Debian's containerd on a socket of its own.
pub struct Containerd {
    _process: Process,
    dir: TempDir,
}

impl Containerd {
    /// Starts it and waits until it answers.
    pub fn start() -> Containerd {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root");
        Containerd::over(dir, &root, WITHOUT_CRI)
    }

    /// As [`Containerd::start`], as Kubernetes has it: with the part that the kubelet asks.
    pub fn start_with_cri() -> Containerd {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root");
        let config = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n\
                      disable_tcp_service = true\nstream_server_port = \"0\"\n";
        Containerd::over(dir, &root, config)
    }

    /// As [`Containerd::start`], with its images in `root`.
    pub fn start_over(root: &Path) -> Containerd {
        Containerd::over(TempDir::new().unwrap(), root, WITHOUT_CRI)
    }

    fn over(dir: TempDir, root: &Path, config: &str) -> Containerd {
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("config.toml"), config).unwrap();
        let log = at("log");
        let mut process = Process::start(
            command("containerd")
                .arg("--config")
                .arg(at("config.toml"))
                .arg("--root")
                .arg(root)
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
    root: PathBuf,
}

impl Podman {
    /// A fresh storage.
    pub fn new() -> Podman {
        let dir = TempDir::new().unwrap();
        let root = dir.path().join("root");
        Podman::at(dir, root)
    }

    /// A storage with its images in `root`.
    pub fn over(root: &Path) -> Podman {
        Podman::at(TempDir::new().unwrap(), root.to_owned())
    }

    fn at(dir: TempDir, root: PathBuf) -> Podman {
        // Of its own as well: `podman system reset` anywhere removes the one in /run.
        let tmp = dir.path().join("tmp");
        let staging = dir.path().join("staging");
        std::fs::create_dir(&staging).unwrap();
        let conf = format!(
            "[engine]\ntmp_dir = \"{}\"\nimage_copy_tmp_dir = \"{}\"\nruntime = \"runc\"\n",
            tmp.display(),
            staging.display()
        );
        std::fs::write(dir.path().join("containers.conf"), conf).unwrap();
        Podman { dir, root }
    }

    /// `CONTAINERS_CONF` for this storage.
    pub fn conf(&self) -> PathBuf {
        self.dir.path().join("containers.conf")
    }

    /// The storage as sealift and skopeo name it.
    pub fn storage(&self) -> String {
        format!("containers-storage:[vfs@{}+{}]", self.root.display(), self.run().display())
    }

    /// How many layers it has, those of no image among them.
    pub fn layers(&self) -> usize {
        let list = std::fs::read(self.root.join("vfs-layers/layers.json")).unwrap();
        serde_json::from_slice::<Vec<serde_json::Value>>(&list).unwrap().len()
    }

    /// What it stages at the moment.
    pub fn staged(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("staging")).unwrap().count()
    }

    /// Its run root.
    pub fn run(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// `podman` over this storage.
    pub fn command(&self) -> Command {
        let mut podman = command("podman");
        podman.env("HOME", self.dir.path()).env("XDG_RUNTIME_DIR", self.dir.path());
        podman.env("CONTAINERS_CONF", self.conf());
        podman.arg("--root").arg(&self.root).arg("--runroot").arg(self.run());
        podman.args(["--storage-driver=vfs", "--events-backend=none"]);
        podman
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // Not `podman system reset`, which takes the folder in /run away from all others.
        let _ = command("umount").arg("--lazy").arg(self.root.join("overlay")).output();
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

/// A small file system in memory, which a storage can fill.
pub struct Tmpfs {
    dir: TempDir,
}

impl Tmpfs {
    /// One of so many megabytes.
    pub fn of(megabytes: u64) -> Tmpfs {
        let dir = TempDir::new().unwrap();
        let size = format!("size={megabytes}m");
        super::output(command("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()));
        Tmpfs { dir }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // An engine may hold it a little longer than its last process lives.
        let _ = command("umount").arg("--lazy").arg(self.dir.path()).output();
    }
}
