//! What all servers and relays of the tests have in common: a port on which connections are taken,
//! the head of a request as it is read off one, and that of an answer.

use std::io::{BufRead, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// A free port of the loopback that nobody answers on yet.
pub struct Free(TcpListener);

impl Free {
    /// Takes one.
    pub fn take() -> Free {
        Free(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    /// Hands every connection to `each`, one after the other.
    pub fn accept(self, mut each: impl FnMut(TcpStream) + Send + 'static) -> Port {
        let (number, stopped) = (self.number(), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            for stream in self.0.incoming().map_while(Result::ok) {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                each(stream);
            }
        });
        Port { number, stopped, thread: Some(thread) }
    }

    /// Hands every connection to `each`, on a thread of its own.
    pub fn serve(self, each: impl Fn(TcpStream) + Send + Sync + 'static) -> Port {
        let each = Arc::new(each);
        self.accept(move |stream| {
            let each = Arc::clone(&each);
            std::thread::spawn(move || each(stream));
        })
    }
}

/// A port on which connections are taken for as long as the value lives.
pub struct Port {
    number: u16,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Port {
    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.number)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.number));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Head {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The names are in lower case.
    pub headers: Vec<(String, String)>,
    /// As in `HTTP/1.1`.
    pub version: String,
}

impl Head {
    /// The next one; nothing at the end of the connection, when it breaks off in the middle, and for
    /// what is no HTTP, such as a TLS handshake.
    pub fn read(stream: &mut impl BufRead) -> Option<Head> {
        if stream.fill_buf().ok()?.first() == Some(&0x16) {
            return None;
        }
        let first = line(stream)?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        let version = words.next().unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        while let Some((name, value)) = line(stream)?.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Some(Head { method, target, headers, version })
    }

    /// A header's value; names are in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the connection stays after the answer.
    pub fn stays(&self) -> bool {
        self.version == "HTTP/1.1"
    }

    /// The announced size of the body.
    pub fn length(&self) -> u64 {
        self.header("content-length").map_or(0, |length| length.parse().unwrap())
    }

    /// Whether the client waits to be told that it may send the body.
    pub fn asks(&self) -> bool {
        self.header("expect").is_some()
    }
}

/// A line without its end; nothing at the end of the connection.
fn line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|got| *got > 0)?;
    Some(line.trim_end().to_owned())
}

/// Tells a client that asked that it may send the body.
pub fn go_on(out: &mut impl Write) -> std::io::Result<()> {
    out.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    out.flush()
}

/// The head of an answer, as `status` says (`200 OK`).
pub fn head<N: AsRef<str>, V: AsRef<str>>(status: &str, headers: &[(N, V)]) -> String {
    let mut head = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        head += &format!("{}: {}\r\n", name.as_ref(), value.as_ref());
    }
    head + "\r\n"
}

/// Connects `client` with the loopback port `upstream`, and has `carry` move the bytes of each
/// direction on a thread of its own.
pub fn relay(
    client: &TcpStream,
    upstream: u16,
    carry: impl Fn(TcpStream, TcpStream) + Clone + Send + 'static,
) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", upstream)) else { return };
    for (from, to) in [(client, &server), (&server, client)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let carry = carry.clone();
        std::thread::spawn(move || carry(from, to));
    }
}

/// Ends the direction in which a connection was written to.
pub fn done(to: &TcpStream) {
    let _ = to.shutdown(Shutdown::Write);
}
