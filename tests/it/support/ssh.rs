//! `sshd` on loopback: another machine, as far as a client can tell.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;

use super::{Process, command, find, output, wait_for};

/// A running `sshd` that lets the test in, whatever host name it is called by.
pub struct Sshd {
    _process: Process,
    dir: TempDir,
}

impl Sshd {
    /// Starts one. What is run over it has `environment`, as in `DOCKER_HOST=unix:///x`.
    pub fn start(environment: &[(&str, &str)]) -> Sshd {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["host", "user"] {
            let mut keygen = command("ssh-keygen");
            output(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(at(name)));
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let set: Vec<String> = environment.iter().map(|(k, v)| format!("\"{k}={v}\"")).collect();
        let set = if set.is_empty() { String::new() } else { format!("SetEnv {}", set.join(" ")) };
        let conf = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/user.pub\n\
             StrictModes no\nPidFile none\nUsePAM no\nPermitRootLogin prohibit-password\n{set}\n",
            dir.path().display()
        );
        std::fs::write(at("sshd_config"), conf).unwrap();
        let conf = format!(
            "Host *\nHostName 127.0.0.1\nPort {port}\nIdentityFile {0}/user\nIdentitiesOnly yes\n\
             UserKnownHostsFile /dev/null\nStrictHostKeyChecking no\nLogLevel ERROR\nBatchMode yes\n",
            dir.path().display()
        );
        std::fs::write(at("ssh_config"), conf).unwrap();
        // What sshd drops its privileges into; Debian's service makes it.
        let _ = std::fs::create_dir_all("/run/sshd");
        let log = at("log");
        let mut process = Process::start(
            command("sshd")
                .args(["-D", "-e", "-f"])
                .arg(at("sshd_config"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(File::create(&log).unwrap()),
        );
        wait_for("sshd", || {
            assert!(!process.ended(), "sshd: {}", std::fs::read_to_string(&log).unwrap());
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        let sshd = Sshd { _process: process, dir };
        sshd.put_client();
        sshd
    }

    /// A folder for `PATH`, in which `ssh` takes every host for this one.
    pub fn bin(&self) -> PathBuf {
        self.dir.path().join("bin")
    }

    fn put_client(&self) {
        std::fs::create_dir(self.bin()).unwrap();
        let ssh = find("ssh").unwrap();
        let conf = self.dir.path().join("ssh_config");
        let script = format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", ssh.display(), conf.display());
        let path = self.bin().join("ssh");
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
}
