//! Programs that listen while a chore runs, and are stopped when it ends in whatever way.

use crate::{Result, http, shell};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Server {
    child: Child,
    /// Whether it has processes of its own, which end when it is asked to.
    has_workers: bool,
    pub port: u16,
}

impl Server {
    /// `sealift serve` on a free port; ready when it says where it listens. What else it says,
    /// such as who asks for what, is told only where it does not start.
    pub fn sealift(command: &mut Command) -> Result<Server> {
        let shown = shell::shown(command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn();
        let child = child.map_err(|error| format!("{shown}: {error}"))?;
        let mut server = Server { child, has_workers: false, port: 0 };
        let stdout = server.child.stdout.take().ok_or("no standard output")?;
        let stderr = server.child.stderr.take().ok_or("no standard error")?;
        let log = std::thread::spawn(move || std::io::read_to_string(stderr).unwrap_or_default());
        let mut lines = BufReader::new(stdout).lines();
        while let Some(Ok(line)) = lines.next() {
            println!("{line}");
            let port = line.strip_prefix("listening on http://127.0.0.1:");
            if let Some(port) = port.and_then(|port| port.trim().parse().ok()) {
                server.port = port;
                std::thread::spawn(move || lines.map_while(|line| line.ok()).for_each(drop));
                return Ok(server);
            }
        }
        let said = log.join().unwrap_or_default();
        Err(format!("{shown} ended before it listened\n{}", said.trim_end()))
    }

    /// Debian's `docker-registry`, keeping its blobs in `store`.
    pub fn registry(store: &Path) -> Result<Server> {
        Server::distribution(Path::new("docker-registry"), store)
    }

    /// `program`, which is distribution of any version, keeping its blobs in `store`.
    pub fn distribution(program: &Path, store: &Path) -> Result<Server> {
        Server::start(program, store, None)
    }

    /// Debian's `docker-registry`, which notes every request in the file `log`.
    pub fn noting(store: &Path, log: &Path) -> Result<Server> {
        let file = std::fs::File::create(log);
        let file = file.map_err(|error| format!("{}: {error}", log.display()))?;
        Server::start(Path::new("docker-registry"), store, Some(file))
    }

    /// nginx over the folder of a registry, with its blobs at the addresses that the registry has
    /// them at; what it writes goes into `work`.
    pub fn nginx(store: &Path, work: &Path) -> Result<Server> {
        let (port, folder) = (free_port()?, work.join("nginx"));
        shell::make_folder(&folder)?;
        let config = folder.join("nginx.conf");
        shell::write(&config, nginx_config(store, port, &folder))?;
        let mut command = Command::new("nginx");
        command.arg("-p").arg(&folder).arg("-c").arg(&config);
        command.arg("-e").arg(folder.join("error.log"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Server::ready(command, port, true)
    }

    fn start(program: &Path, store: &Path, log: Option<std::fs::File>) -> Result<Server> {
        let port = free_port()?;
        let config = store.with_extension("yml");
        shell::make_folder(store)?;
        shell::write(&config, registry_config(store, port, log.is_some()))?;
        let mut command = Command::new(program);
        command.arg("serve").arg(&config).env("OTEL_TRACES_EXPORTER", "none");
        command.stdin(Stdio::null()).stdout(log.map_or(Stdio::null(), Stdio::from));
        command.stderr(Stdio::null());
        Server::ready(command, port, false)
    }

    /// Starts `command`, and waits until it answers at `port`.
    fn ready(mut command: Command, port: u16, has_workers: bool) -> Result<Server> {
        let name = shell::shown(&command);
        let child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let mut server = Server { child, has_workers, port };
        let patience = Instant::now() + Duration::from_secs(20);
        while !http::get(port, "/v2/").is_ok_and(|(status, _)| status == 200) {
            if server.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return Err(format!("{name} did not start"));
            }
            if Instant::now() > patience {
                return Err(format!("{name} does not answer"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its process, and those that it started.
    pub fn processes(&self) -> Result<Vec<u32>> {
        let id = self.id();
        if !self.has_workers {
            return Ok(vec![id]);
        }
        let children = shell::output(Command::new("pgrep").args(["-P", &id.to_string()]))?;
        let children = children.lines().filter_map(|line| line.trim().parse().ok());
        Ok(std::iter::once(id).chain(children).collect())
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn registry_config(store: &Path, port: u16, noting: bool) -> String {
    format!(
        "version: 0.1\n\
         log: {{level: error, accesslog: {{disabled: {}}}}}\n\
         storage: {{filesystem: {{rootdirectory: '{}'}}, delete: {{enabled: true}}}}\n\
         http: {{addr: '127.0.0.1:{port}'}}\n",
        !noting,
        store.display()
    )
}

fn free_port() -> Result<u16> {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    Ok(free.map_err(|error| format!("no free port: {error}"))?.port())
}

fn nginx_config(store: &Path, port: u16, folder: &Path) -> String {
    let (store, folder) = (store.display(), folder.display());
    format!(
        "daemon off; user root; worker_processes auto; pid {folder}/pid; error_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{\n\
         access_log off; sendfile on; tcp_nopush on;\n\
         client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
         fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;\n\
         scgi_temp_path {folder}/scgi;\n\
         server {{ listen 127.0.0.1:{port} backlog=1024;\n\
         location = /v2/ {{ return 200; }}\n\
         location ~ \"^/v2/.+/blobs/sha256:(..)(.*)$\" {{\n\
         alias {store}/docker/registry/v2/blobs/sha256/$1/$1$2/data; }} }} }}\n"
    )
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.has_workers {
            // Killed, it would leave them behind.
            let _ = Command::new("kill").arg(self.child.id().to_string()).status();
            let patience = Instant::now() + Duration::from_secs(10);
            while self.child.try_wait().is_ok_and(|ended| ended.is_none())
                && Instant::now() < patience
            {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
