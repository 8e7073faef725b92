//! A network with no way out: the loopback alone, where public registries' names lead to a witness that
//! answers nobody and counts who came.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Process, command, find, wait_for};

/// Every name by which a client could ask one of these registries.
const NAMES: &str = "docker.io registry-1.docker.io index.docker.io auth.docker.io quay.io";
/// Listens as they do, hangs up, and writes a line each time.
const WITNESS: &str = "
import selectors, socket, sys
chosen = selectors.DefaultSelector()
for port in (80, 443):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('127.9.9.9', port))
    listener.listen(16)
    chosen.register(listener, selectors.EVENT_READ, port)
with open(sys.argv[1], 'a') as seen:
    seen.write('ready\\n')
    seen.flush()
    while True:
        for key, _ in chosen.select():
            key.fileobj.accept()[0].close()
            seen.write('asked on %d\\n' % key.data)
            seen.flush()
";

/// The network, which is gone with this value.
pub struct Gap {
    holder: Process,
    _witness: Process,
    dir: TempDir,
}

impl Gap {
    /// A fresh one.
    pub fn new() -> Gap {
        let dir = TempDir::new().unwrap();
        let hosts = dir.path().join("hosts");
        std::fs::write(&hosts, format!("127.0.0.1 localhost\n127.9.9.9 {NAMES}\n")).unwrap();
        let script = "\"$1\" ip link set lo up && mount --bind \"$2\" /etc/hosts && touch \"$3\" && \
                      exec \"$1\" sleep 100000";
        let ready = dir.path().join("ready");
        let mut unshare = command("unshare");
        unshare.args(["--net", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]);
        unshare.arg(find("busybox").unwrap()).arg(&hosts).arg(&ready).stdin(Stdio::null());
        let mut holder = Process::start(&mut unshare);
        wait_for("a network of its own", || {
            assert!(!holder.ended(), "unshare ended");
            ready.exists()
        });
        let seen = dir.path().join("seen");
        let mut witness = within(&holder, "python3");
        witness.args(["-c", WITNESS]).arg(&seen).stdin(Stdio::null());
        let witness = Process::start(&mut witness);
        wait_for("the witness", || seen.exists());
        Gap { holder, _witness: witness, dir }
    }

    /// `program` in it.
    pub fn command(&self, program: &str) -> Command {
        within(&self.holder, program)
    }

    /// `command`, with its arguments and environment, in it.
    pub fn moved(&self, command: &Command) -> Command {
        let mut moved = within(&self.holder, &command.get_program().to_string_lossy());
        moved.args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => moved.env(name, value),
                None => moved.env_remove(name),
            };
        }
        moved
    }

    /// How often a public registry was asked so far.
    pub fn asked(&self) -> usize {
        let seen: PathBuf = self.dir.path().join("seen");
        std::fs::read_to_string(seen).unwrap().lines().count() - 1
    }
}

fn within(holder: &Process, program: &str) -> Command {
    let mut nsenter = command("nsenter");
    nsenter.arg("--target").arg(holder.pid().as_raw_nonzero().to_string());
    nsenter.args(["--net", "--mount"]).arg("--wd=/").arg(find(program).unwrap_or(program.into()));
    nsenter
}
