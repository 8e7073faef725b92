//! A registry double: a real HTTP server on loopback that works like a registry with the OCI 1.1
//! referrers API, and answers otherwise wherever a test's script says so. It keeps a log of every
//! request, headers and body included, and counts the bytes that clients let it send.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::images::Image;
use super::registry::Credentials;
use super::stock::Stock;
use super::wire::{self, Free, Head, Port};

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    /// A header's value; names are in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the method is this one and the target contains `part`.
    pub fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.target.contains(part)
    }
}

/// How a body goes out.
#[derive(Clone, Debug)]
pub enum Body {
    /// As it is, with its length.
    Whole(Vec<u8>),
    /// So many spaces, announced as so many: a page that no client should want to the end.
    Spaces(u64),
    /// Spaces for as long as somebody takes them.
    Endless,
    /// Not even a status: the connection is gone.
    Gone,
    /// A byte, a pause, a byte, and so on.
    Trickle(Vec<u8>, Duration),
    /// These bytes of more that were announced; then the connection is gone.
    Cut(Vec<u8>, usize),
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

impl Reply {
    /// An answer with a body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply { status, headers: Vec::new(), body: Body::Whole(body.into()) }
    }

    /// An answer with a body of another kind.
    pub fn with(status: u16, body: Body) -> Reply {
        Reply { status, headers: Vec::new(), body }
    }

    /// The same with a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

const PAGE: [u8; 16 << 10] = [b' '; 16 << 10];

type Script = Box<dyn Fn(&Seen) -> Option<Reply> + Send + Sync>;

/// A running double; nothing answers any more when the value is gone.
pub struct Double {
    port: Port,
    shared: Arc<Shared>,
}

struct Shared {
    script: Script,
    stock: Mutex<Stock>,
    seen: Mutex<Vec<Seen>>,
    sent: AtomicU64,
    stopped: AtomicBool,
    tls: Option<Arc<rustls::ServerConfig>>,
}

/// For a double that is an ordinary registry.
pub fn no_script(_: &Seen) -> Option<Reply> {
    None
}

impl Double {
    /// A double that answers as `script` says, and as a registry where it says nothing.
    pub fn start(script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Double {
        Double::with(Box::new(script), None)
    }

    /// The same behind TLS, with the certificate of `credentials`.
    pub fn tls(
        credentials: &Credentials,
        script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static,
    ) -> Double {
        let (certificate, key) = credentials.certificate();
        let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Double::with(Box::new(script), Some(Arc::new(config)))
    }

    fn with(script: Script, tls: Option<Arc<rustls::ServerConfig>>) -> Double {
        let shared = Arc::new(Shared {
            script,
            stock: Mutex::default(),
            seen: Mutex::default(),
            sent: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            tls,
        });
        let server = Arc::clone(&shared);
        let port = Free::take().serve(move |stream| server.accept(stream));
        Double { port, shared }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.port.host()
    }

    /// Gives it an image.
    pub fn hold(&self, image: &Image) {
        self.shared.stock.lock().unwrap().hold(image);
    }

    /// What it keeps.
    pub fn stock<T>(&self, look: impl FnOnce(&mut Stock) -> T) -> T {
        look(&mut self.shared.stock.lock().unwrap())
    }

    /// All requests so far, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How many requests so far have this method and this in their target.
    pub fn count(&self, method: &str, part: &str) -> usize {
        self.seen().iter().filter(|seen| seen.is(method, part)).count()
    }

    /// Bytes of bodies that were taken off its hands.
    pub fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// Asserts that no request but those to this host's own origin carried credentials.
    pub fn saw_no_credentials(&self) {
        for seen in self.seen() {
            assert_eq!(seen.header("authorization"), None, "{seen:?}");
            assert_eq!(seen.header("cookie"), None, "{seen:?}");
        }
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        // Of the connections; the port closes by itself.
        self.shared.stopped.store(true, Ordering::SeqCst);
    }
}

/// A closure that is true for the first `count` calls, so that a fault can pass.
pub fn first(count: u64) -> impl Fn() -> bool + Send + Sync + 'static {
    let calls = AtomicU64::new(0);
    move || calls.fetch_add(1, Ordering::SeqCst) < count
}

impl Shared {
    fn accept(&self, stream: TcpStream) {
        match &self.tls {
            Some(config) => {
                let Ok(session) = rustls::ServerConnection::new(Arc::clone(config)) else { return };
                self.serve(rustls::StreamOwned::new(session, stream));
            }
            None => {
                // A TLS handshake: hang up, as a server that expects HTTP does.
                let mut first = [0];
                if stream.peek(&mut first).is_ok_and(|got| got == 1) && first[0] != 0x16 {
                    self.serve(stream);
                }
            }
        }
    }

    fn serve<S: Read + Write>(&self, stream: S) {
        let mut stream = BufReader::new(stream);
        while let Some((seen, stays)) = read(&mut stream) {
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            self.seen.lock().unwrap().push(seen.clone());
            let reply = (self.script)(&seen);
            let reply = reply.unwrap_or_else(|| self.stock.lock().unwrap().answer(&seen));
            if self.write(stream.get_mut(), &seen, &reply).is_err() || !stays {
                return;
            }
        }
    }

    /// Sends an answer; an error ends the connection.
    fn write(&self, out: &mut impl Write, seen: &Seen, reply: &Reply) -> std::io::Result<()> {
        let length = match &reply.body {
            Body::Whole(bytes) | Body::Trickle(bytes, _) => bytes.len() as u64,
            Body::Spaces(count) => *count,
            Body::Endless => 0,
            Body::Gone => return Err(std::io::ErrorKind::ConnectionReset.into()),
            Body::Cut(_, announced) => *announced as u64,
        };
        let given = |name: &str| reply.headers.iter().any(|(key, _)| key == name);
        let mut headers = Vec::new();
        if matches!(reply.body, Body::Endless) {
            headers.push(("connection".to_owned(), "close".to_owned()));
        } else if !given("content-length") {
            headers.push(("content-length".to_owned(), length.to_string()));
        }
        headers.extend(reply.headers.iter().cloned());
        out.write_all(wire::head(&format!("{} X", reply.status), &headers).as_bytes())?;
        if seen.method == "HEAD" {
            return out.flush();
        }
        let mut send = |bytes: &[u8]| {
            out.write_all(bytes)?;
            out.flush()?;
            self.sent.fetch_add(bytes.len() as u64, Ordering::SeqCst);
            Ok(())
        };
        match &reply.body {
            Body::Whole(bytes) => send(bytes),
            Body::Spaces(count) => (0..count / PAGE.len() as u64).try_for_each(|_| send(&PAGE)),
            Body::Endless => loop {
                send(&PAGE)?;
            },
            Body::Gone => Ok(()),
            Body::Trickle(bytes, pause) => bytes.iter().try_for_each(|byte| {
                std::thread::sleep(*pause);
                send(&[*byte])
            }),
            Body::Cut(bytes, _) => {
                send(bytes)?;
                Err(std::io::ErrorKind::ConnectionReset.into())
            }
        }
    }
}

/// Reads one request, and whether the connection stays afterwards.
fn read<S: Read + Write>(stream: &mut BufReader<S>) -> Option<(Seen, bool)> {
    let head = Head::read(stream)?;
    if head.asks() {
        wire::go_on(stream.get_mut()).ok()?;
    }
    let mut body = vec![0; head.length().try_into().unwrap()];
    stream.read_exact(&mut body).ok()?;
    let stays = head.stays();
    let Head { method, target, headers, .. } = head;
    Some((Seen { method, target, headers, body }, stays))
}
