//! Debian's nginx as a proxy that limits bodies and as a server of files, in the foreground and below a folder
//! of its own.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

use tempfile::TempDir;

use super::{Process, command, wait_for};

/// A running server.
pub struct Nginx {
    _process: Process,
    port: u16,
    dir: TempDir,
}

impl Nginx {
    /// A proxy to the loopback port `upstream` that takes bodies up to `limit` (as nginx writes
    /// sizes), with timeouts as short as nobody should set them.
    pub fn before(upstream: u16, limit: &str) -> Nginx {
        Nginx::start(
            &format!(
                "client_max_body_size {limit};
                 client_body_timeout 2s; client_header_timeout 2s; send_timeout 2s;
                 keepalive_timeout 1s; proxy_connect_timeout 2s; proxy_send_timeout 5s;
                 proxy_read_timeout 5s;"
            ),
            "",
            &format!(
                "location / {{
                   proxy_pass http://127.0.0.1:{upstream};
                   proxy_set_header Host $http_host;
                   proxy_set_header X-Forwarded-Proto $scheme;
                 }}"
            ),
        )
    }

    /// A server of the files in `folder`, with `more` in its configuration; `listen` is what it says of its
    /// port, as in ` ssl`.
    pub fn giving(folder: &Path, listen: &str, more: &str) -> Nginx {
        let files = format!("root {}; {more}", folder.display());
        Nginx::start("", listen, &files)
    }

    fn start(all: &str, listen: &str, server: &str) -> Nginx {
        let dir = TempDir::new().unwrap();
        let folder = dir.path().display();
        // nginx chooses no port by itself. Another process may take this one first; then nginx
        // ends, and the wait below says so.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // Whoever is no superuser anymore cannot see into folders that are another's.
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let config = format!(
            "daemon off; master_process off; worker_processes 1; {user}
             pid {folder}/pid; error_log {folder}/error.log;
             events {{ worker_connections 256; }}
             http {{
               access_log {folder}/access.log;
               log_format parts '$status $body_bytes_sent $http_range';
               access_log {folder}/parts.log parts;
               client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
               fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
               scgi_temp_path {folder}/scgi;
               {all}
               server {{
                 listen 127.0.0.1:{port}{listen};
                 {server}
               }}
             }}\n"
        );
        let path = dir.path().join("nginx.conf");
        std::fs::write(&path, config).unwrap();
        let mut process = Process::start(
            command("nginx")
                .arg("-p")
                .arg(dir.path())
                .arg("-e")
                .arg(dir.path().join("error.log"))
                .arg("-c")
                .arg(&path)
                .stdin(Stdio::null())
                .stdout(Stdio::null()),
        );
        wait_for("nginx", || {
            let errors = std::fs::read_to_string(dir.path().join("error.log")).unwrap_or_default();
            assert!(!process.ended(), "nginx ended:\n{errors}");
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Nginx { _process: process, port, dir }
    }

    /// The port on the loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was asked for since `from` of these: the status of the answer, its bytes, and the range.
    pub fn parts(&self, from: usize) -> Vec<(u16, u64, String)> {
        let log = std::fs::read_to_string(self.dir.path().join("parts.log")).unwrap();
        let parts = log.lines().skip(from).map(|line| {
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().unwrap();
            (word().parse().unwrap(), word().parse().unwrap(), word().to_owned())
        });
        parts.collect()
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How often it answered so.
    pub fn answered(&self, status: u16) -> usize {
        let log = std::fs::read_to_string(self.dir.path().join("access.log")).unwrap();
        log.lines().filter(|line| line.contains(&format!("\" {status} "))).count()
    }
}
