//! A token server after the distribution token specification: Basic credentials in, a signed
//! JWT for the asked scopes out. RS256 by `openssl dgst -sign`, the certificate in `x5c`.

use std::io::{BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::wire::{self, Free, Head, Port};
use super::{command, output};

const ISSUER: &str = "sealift test tokens";
/// docker-registry takes a token for so many seconds longer than it says; here none lives longer
/// than its answer promises.
const LEEWAY: u64 = 60;
const SERVICE: &str = "sealift test registry";

/// A running token server.
pub struct TokenServer {
    state: Arc<State>,
    port: Port,
}

struct State {
    dir: TempDir,
    lifetime: AtomicU64,
    served: AtomicUsize,
    refused: AtomicUsize,
    scopes: Mutex<Vec<String>>,
}

impl TokenServer {
    pub const USER: &'static str = "carrier";
    pub const PASSWORD: &'static str = "token pass";

    /// A server whose tokens live for `seconds`.
    pub fn start(seconds: u64) -> TokenServer {
        let dir = TempDir::new().unwrap();
        output(
            command("openssl")
                .args(["req", "-x509", "-days", "2", "-newkey", "rsa:2048", "-nodes"])
                .args(["-subj", "/CN=sealift test tokens", "-keyout"])
                .arg(dir.path().join("key.pem"))
                .arg("-out")
                .arg(dir.path().join("cert.pem")),
        );
        let state = Arc::new(State {
            dir,
            lifetime: AtomicU64::new(seconds),
            served: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            scopes: Mutex::new(Vec::new()),
        });
        let shared = Arc::clone(&state);
        let port = Free::take().serve(move |stream| drop(shared.answer(stream)));
        TokenServer { state, port }
    }

    /// The registry's side of the arrangement.
    pub fn registry_config(&self) -> String {
        format!(
            "auth:\n  token: {{realm: 'http://127.0.0.1:{}/token', service: '{SERVICE}', \
             issuer: '{ISSUER}', rootcertbundle: '{}'}}\n",
            self.port.number(),
            self.state.dir.path().join("cert.pem").display()
        )
    }

    /// Where it is.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port.number())
    }

    /// Writes a `--authfile` for the registry at `host`, whose password may go to this server by plain HTTP.
    pub fn authfile(&self, host: &str) -> PathBuf {
        let dir = self.state.dir.path();
        let path = super::registry::authfile(dir, host, Self::USER, Self::PASSWORD);
        let text = std::fs::read_to_string(&path).unwrap();
        let own = format!("{{\"auths\":{{\"http://{}\":{{}},", self.host());
        std::fs::write(&path, text.replacen("{\"auths\":{", &own, 1)).unwrap();
        path
    }

    /// Tokens given so far.
    pub fn served(&self) -> usize {
        self.state.served.load(Ordering::SeqCst)
    }

    /// Requests turned away for want of the right password.
    pub fn refused(&self) -> usize {
        self.state.refused.load(Ordering::SeqCst)
    }

    /// Every scope asked for, in order.
    pub fn scopes(&self) -> Vec<String> {
        self.state.scopes.lock().unwrap().clone()
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let Some(head) = Head::read(&mut BufReader::new(stream.try_clone()?)) else {
            return Ok(());
        };
        let (status, body) = self.decide(&head);
        let length = body.len().to_string();
        let kind = ("Content-Type", "application/json");
        let headers = [kind, ("Connection", "close"), ("Content-Length", &length)];
        stream.write_all((wire::head(status, &headers) + &body).as_bytes())
    }

    fn decide(&self, head: &Head) -> (&'static str, String) {
        let Some(query) = head.target.strip_prefix("/token?") else {
            return ("404 Not Found", "{}".to_owned());
        };
        if head.method != "GET" {
            // The OAuth2 form is optional; clients must fall back to the plain one.
            return ("404 Not Found", "{}".to_owned());
        }
        let pair = format!("{}:{}", TokenServer::USER, TokenServer::PASSWORD);
        let basic = format!("Basic {}", BASE64_STANDARD.encode(pair));
        if head.header("authorization") != Some(&*basic) {
            self.refused.fetch_add(1, Ordering::SeqCst);
            return ("401 Unauthorized", r#"{"details":"incorrect username or password"}"#.into());
        }
        let fields = || query.split('&').filter_map(|pair| pair.split_once('='));
        if !fields().any(|(name, value)| name == "service" && decode(value) == SERVICE) {
            return ("400 Bad Request", r#"{"details":"another service"}"#.to_owned());
        }
        let scopes: Vec<String> = fields()
            .filter(|(name, _)| *name == "scope")
            .flat_map(|(_, value)| decode(value).split(' ').map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let access: Vec<Value> = scopes.iter().filter_map(|scope| access(scope)).collect();
        self.scopes.lock().unwrap().extend(scopes);
        self.served.fetch_add(1, Ordering::SeqCst);
        let lifetime = self.lifetime.load(Ordering::SeqCst);
        let token = self.sign(&access, lifetime);
        let body = json!({ "token": token, "access_token": token, "expires_in": lifetime });
        ("200 OK", body.to_string())
    }

    fn sign(&self, access: &[Value], lifetime: u64) -> String {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let pem = std::fs::read_to_string(self.dir.path().join("cert.pem")).unwrap();
        let certificate: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [certificate] });
        let claims = json!({
            "iss": ISSUER, "sub": TokenServer::USER, "aud": SERVICE, "iat": now, "nbf": now - 60,
            // Rounded up, as the time itself was rounded down.
            "exp": now + 1 + lifetime - LEEWAY, "jti": count.to_string(), "access": access,
        });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let file = self.dir.path().join(format!("signed-{count}"));
        std::fs::write(&file, &signed).unwrap();
        let signature = signature(&self.dir.path().join("key.pem"), &file);
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

fn signature(key: &Path, file: &Path) -> Vec<u8> {
    output(command("openssl").args(["dgst", "-sha256", "-sign"]).arg(key).arg(file))
}

/// `repository:NAME:pull,push` as the claim that grants it; a NAME may have colons, as in a host.
fn access(scope: &str) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let actions: Vec<&str> = actions.split(',').collect();
    Some(json!({ "type": kind, "name": name, "actions": actions }))
}

/// Undoes percent and plus encoding.
pub fn decode(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten();
        let hex = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
