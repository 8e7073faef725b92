//! Debian's `docker-registry`, which is distribution 2, or distribution 3, on a free loopback port,
//! with its access log to count what moved.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::gap::Gap;
use super::token::TokenServer;
use super::{Process, command, http, output, peers, wait_for};

/// The media types that a client says it takes, so that no registry rewrites a document.
pub const DOCUMENTS: &str = "application/vnd.oci.image.manifest.v1+json, \
    application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json, \
    application/vnd.docker.distribution.manifest.list.v2+json";

/// A line of the access log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub status: u16,
}

impl Request {
    /// Reads one line in Apache's common format; anything else is none.
    fn parse(line: &str) -> Option<Request> {
        let mut quoted = line.splitn(3, '"');
        let mut request = quoted.nth(1)?.split(' ');
        let status = quoted.next()?.split_whitespace().next()?.parse().ok()?;
        let method = request.next()?.to_owned();
        Some(Request { method, path: request.next()?.to_owned(), status })
    }

    /// Whether this would change the registry.
    pub fn is_write(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// The blob that this downloads (`GET`) or stores (`PUT`), as `sha256:HEX`.
    pub fn blob(&self) -> Option<String> {
        let path = self.path.replace("%3A", ":").replace("%3a", ":");
        let digest = match self.method.as_str() {
            "GET" => path.split_once("/blobs/sha256:")?.1,
            "PUT" if path.contains("/blobs/uploads/") => path.split_once("digest=sha256:")?.1,
            _ => return None,
        };
        Some(format!("sha256:{}", digest.get(..64)?))
    }

    /// Whether this gives a document a name (not only its digest).
    pub fn is_tagging(&self) -> bool {
        self.method == "PUT"
            && self.path.contains("/manifests/")
            && !self.path.contains("/manifests/sha256:")
    }
}

/// Who may talk to the registry.
pub enum Access<'a> {
    Anyone,
    Password(&'a Credentials),
    /// The same, without TLS.
    PlainPassword(&'a Credentials),
    Token(&'a TokenServer),
}

/// A private authority with a certificate for 127.0.0.1 and 0.0.0.0, and one user's password.
pub struct Credentials {
    dir: TempDir,
}

impl Credentials {
    pub const USER: &'static str = "mover";
    pub const PASSWORD: &'static str = "correct horse";

    /// Makes both, with openssl and htpasswd.
    pub fn new() -> Credentials {
        Credentials::naming(&[])
    }

    /// The same, with a certificate for `names` too.
    pub fn naming(names: &[&str]) -> Credentials {
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("certs.d")).unwrap();
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        output(
            command("openssl")
                .args(["req", "-x509", "-days", "2", "-subj", "/CN=sealift test authority"])
                .args(curve)
                .arg("-keyout")
                .arg(at("ca.key"))
                .arg("-out")
                .arg(at("certs.d/ca.crt")),
        );
        output(
            command("openssl")
                .args(["req", "-new", "-subj", "/CN=127.0.0.1"])
                .args(curve)
                .arg("-keyout")
                .arg(at("tls.key"))
                .arg("-out")
                .arg(at("tls.csr")),
        );
        let names: String = names.iter().map(|name| format!(",DNS:{name}")).collect();
        let extensions = format!(
            "subjectAltName=IP:127.0.0.1,IP:0.0.0.0{names}\nextendedKeyUsage=serverAuth\n\
             basicConstraints=critical,CA:FALSE\n"
        );
        std::fs::write(at("extensions"), extensions).unwrap();
        output(
            command("openssl")
                .args(["x509", "-req", "-days", "2", "-CAcreateserial", "-in"])
                .arg(at("tls.csr"))
                .arg("-CA")
                .arg(at("certs.d/ca.crt"))
                .arg("-CAkey")
                .arg(at("ca.key"))
                .arg("-extfile")
                .arg(at("extensions"))
                .arg("-out")
                .arg(at("tls.crt")),
        );
        let line = output(command("htpasswd").args(["-Bbn", Self::USER, Self::PASSWORD]));
        std::fs::write(at("htpasswd"), line).unwrap();
        Credentials { dir }
    }

    /// A folder in the form of `certs.d`: `ca.crt` alone.
    pub fn cert_dir(&self) -> PathBuf {
        self.dir.path().join("certs.d")
    }

    /// The certificate and its key.
    pub fn certificate(&self) -> (PathBuf, PathBuf) {
        (self.dir.path().join("tls.crt"), self.dir.path().join("tls.key"))
    }

    /// Writes a `--authfile` for `host`.
    pub fn authfile(&self, host: &str) -> PathBuf {
        authfile(self.dir.path(), host, Self::USER, Self::PASSWORD)
    }
}

/// Writes `auth.json` into `dir`, with one user's password for `host`, which may get it by plain
/// HTTP.
pub fn authfile(dir: &Path, host: &str, user: &str, password: &str) -> PathBuf {
    use base64::Engine as _;
    let auth = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
    let path = dir.join(format!("auth-{}.json", host.replace(':', "-")));
    let host = format!("http://{host}");
    let text = serde_json::json!({ "auths": { host: { "auth": auth } } }).to_string();
    std::fs::write(&path, text).unwrap();
    path
}

/// A running registry.
pub struct Registry {
    _process: Process,
    port: u16,
    storage: PathBuf,
    dir: TempDir,
}

impl Registry {
    /// An open registry with nothing in it.
    pub fn empty() -> Registry {
        Registry::start(None, &Access::Anyone)
    }

    /// An open registry over an existing storage folder, which it may change.
    pub fn over(storage: &Path) -> Registry {
        Registry::start(Some(storage), &Access::Anyone)
    }

    /// A registry over `storage` (its own when none) for whom `access` says.
    pub fn start(storage: Option<&Path>, access: &Access<'_>) -> Registry {
        Registry::run(command("docker-registry"), storage, access)
    }

    /// An open registry in the network of `gap`, with nothing in it.
    pub fn apart(gap: &Gap) -> Registry {
        Registry::run(gap.command("docker-registry"), None, &Access::Anyone)
    }

    /// The same with TLS, and a password for whoever asks.
    pub fn guarded_apart(gap: &Gap, credentials: &Credentials) -> Registry {
        let access = Access::Password(credentials);
        Registry::run(gap.command("docker-registry"), None, &access)
    }

    /// Distribution 3, open, with nothing in it.
    pub fn distribution_3() -> Registry {
        Registry::run(
            command(peers::program("distribution").to_str().unwrap()),
            None,
            &Access::Anyone,
        )
    }

    fn run(mut program: Command, storage: Option<&Path>, access: &Access<'_>) -> Registry {
        let dir = TempDir::new().unwrap();
        let storage = storage.map_or_else(|| dir.path().join("storage"), Path::to_path_buf);
        // Port 0 lets the kernel choose, so that two tests never race for one; the registry says
        // in its log what it got.
        let mut config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  \
             delete: {{enabled: true}}\nhttp:\n  addr: 127.0.0.1:0\n",
            storage.display()
        );
        match access {
            Access::Anyone => {}
            Access::Password(credentials) => {
                let folder = credentials.dir.path().display();
                config += &format!(
                    "  tls: {{certificate: {folder}/tls.crt, key: {folder}/tls.key}}\n\
                     auth:\n  htpasswd: {{realm: test, path: {folder}/htpasswd}}\n"
                );
            }
            Access::PlainPassword(credentials) => {
                let folder = credentials.dir.path().display();
                config += &format!("auth:\n  htpasswd: {{realm: test, path: {folder}/htpasswd}}\n");
            }
            Access::Token(server) => config += &server.registry_config(),
        }
        std::fs::write(dir.path().join("config.yml"), config).unwrap();

        let notes = dir.path().join("notes.log");
        let mut process = Process::start(
            program
                .arg("serve")
                .arg(dir.path().join("config.yml"))
                .stdin(Stdio::null())
                .stdout(File::create(dir.path().join("access.log")).unwrap())
                .stderr(File::create(&notes).unwrap()),
        );
        let mut port = None;
        wait_for("docker-registry", || {
            let text = std::fs::read_to_string(&notes).unwrap();
            assert!(!process.ended(), "docker-registry ended:\n{text}");
            let after = text.split_once("listening on 127.0.0.1:").map(|(_, after)| after);
            port = after.and_then(|after| {
                after.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u16>().ok()
            });
            port.is_some()
        });
        Registry { _process: process, port: port.unwrap(), storage, dir }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where its content lies.
    pub fn storage(&self) -> &Path {
        &self.storage
    }

    /// All requests so far, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        let log = std::fs::read_to_string(self.dir.path().join("access.log")).unwrap();
        log.lines().filter_map(Request::parse).collect()
    }

    /// All requests that would have changed something.
    pub fn writes(&self) -> Vec<Request> {
        self.requests().into_iter().filter(Request::is_write).collect()
    }

    /// Stores a blob.
    pub fn put_blob(&self, repository: &str, digest: &str, bytes: &[u8]) {
        let place = self.upload(repository);
        let place = format!("{place}&digest={digest}");
        let done = http::with_body(
            self.port,
            "PUT",
            &place,
            &[("Content-Type", "application/octet-stream")],
            bytes,
        );
        assert_eq!(done.status, 201, "PUT {digest} into {repository}");
    }

    /// Opens an upload and returns its path, which has a query already.
    pub fn upload(&self, repository: &str) -> String {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let opened = http::with_body(self.port, "POST", &path, &[], b"");
        assert_eq!(opened.status, 202, "POST {path}");
        let place = opened.header("Location").unwrap();
        let place = place.split_once(&self.host()).map_or(place, |(_, path)| path);
        place.to_owned()
    }

    /// Stores a document under a tag or its digest, byte for byte.
    pub fn put_document(&self, repository: &str, reference: &str, media_type: &str, bytes: &[u8]) {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let done = http::with_body(self.port, "PUT", &path, &[("Content-Type", media_type)], bytes);
        let status = done.status;
        let answer = String::from_utf8_lossy(&done.bytes()).into_owned();
        assert_eq!(status, 201, "PUT {path}: {answer}");
    }

    /// A document's exact bytes by tag or digest; none when there is none.
    pub fn document(&self, repository: &str, reference: &str) -> Option<Vec<u8>> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let found = http::get(self.port, &path, &[("Accept", DOCUMENTS)]);
        (found.status == 200).then(|| found.bytes())
    }

    /// A blob's bytes; none when there is none.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Vec<u8>> {
        let found = http::get(self.port, &format!("/v2/{repository}/blobs/{digest}"), &[]);
        (found.status == 200).then(|| found.bytes())
    }

    /// Whether a blob is there.
    pub fn has_blob(&self, repository: &str, digest: &str) -> bool {
        http::head(self.port, &format!("/v2/{repository}/blobs/{digest}"), &[]) == 200
    }
}
