//! Debian's nginx as a proxy that limits bodies, in the foreground and below a folder of its own.

use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use tempfile::TempDir;

use super::{Process, command, wait_for};

/// A running proxy.
pub struct Nginx {
    _process: Process,
    port: u16,
    dir: TempDir,
}

impl Nginx {
    /// A proxy to the loopback port `upstream` that takes bodies up to `limit` (as nginx writes
    /// sizes), with timeouts as short as nobody should set them.
    pub fn before(upstream: u16, limit: &str) -> Nginx {
        let dir = TempDir::new().unwrap();
        let folder = dir.path().display();
        // nginx chooses no port by itself. Another process may take this one first; then nginx
        // ends, and the wait below says so.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = format!(
            "daemon off; master_process off; worker_processes 1;
             pid {folder}/pid; error_log {folder}/error.log;
             events {{ worker_connections 256; }}
             http {{
               access_log {folder}/access.log;
               client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
               fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
               scgi_temp_path {folder}/scgi;
               client_max_body_size {limit};
               client_body_timeout 2s; client_header_timeout 2s; send_timeout 2s;
               keepalive_timeout 1s; proxy_connect_timeout 2s; proxy_send_timeout 5s;
               proxy_read_timeout 5s;
               server {{
                 listen 127.0.0.1:{port};
                 location / {{
                   proxy_pass http://127.0.0.1:{upstream};
                   proxy_set_header Host $http_host;
                   proxy_set_header X-Forwarded-Proto $scheme;
                 }}
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
