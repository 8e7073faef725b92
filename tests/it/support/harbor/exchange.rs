//! One request and its answer on the wire, and the way through to the registry behind.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;

use base64::Engine as _;
use serde_json::{Value, json};

use super::super::http;
use super::super::token::decode;
use super::super::wire::{self, Head};

/// A request of which the body is not read yet.
pub struct Call {
    pub head: Head,
    left: u64,
    asked: bool,
    reader: BufReader<TcpStream>,
    stream: TcpStream,
    /// The last of the answer, held back until it is logged.
    tail: Vec<u8>,
}

/// An answer of the double's own.
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// 200 with JSON.
    pub fn json(value: &Value) -> Reply {
        Reply::with(200, "application/json", value.to_string().into_bytes())
    }

    /// A body of any type.
    pub fn with(status: u16, media_type: &str, body: Vec<u8>) -> Reply {
        Reply { status, headers: vec![("Content-Type", media_type.to_owned())], body }
    }

    /// Harbor's form of an error.
    pub fn error(status: u16, code: &str, message: &str) -> Reply {
        let body = json!({ "errors": [{ "code": code, "message": message }] });
        Reply::with(status, "application/json; charset=utf-8", format!("{body}\n").into_bytes())
    }

    /// The same with another header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }
}

impl Call {
    /// Reads all but the body; none for what is no HTTP, such as a TLS handshake.
    pub fn read(stream: TcpStream) -> Option<Call> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let head = Head::read(&mut reader)?;
        let (left, asked) = (head.length(), head.asks());
        Some(Call { head, left, asked, reader, stream, tail: Vec::new() })
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The announced size of the body.
    pub fn length(&self) -> u64 {
        self.head.length()
    }

    /// The path alone, as sent.
    pub fn path(&self) -> &str {
        self.head.target.split('?').next().unwrap_or_default()
    }

    /// Every value of a query parameter.
    pub fn queries(&self, name: &str) -> Vec<String> {
        let query = self.head.target.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(n, _)| *n == name).map(|(_, value)| decode(value)).collect()
    }

    /// The first value of a query parameter.
    pub fn query(&self, name: &str) -> Option<String> {
        self.queries(name).into_iter().next()
    }

    /// Name and password of Basic credentials.
    pub fn basic(&self) -> Option<(String, String)> {
        let code = self.header("authorization")?.strip_prefix("Basic ")?;
        let pair = base64::prelude::BASE64_STANDARD.decode(code).ok()?;
        let pair = String::from_utf8(pair).ok()?;
        pair.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
    }

    /// The whole body.
    pub fn body(&mut self) -> Vec<u8> {
        self.go_on();
        let mut body = Vec::new();
        let _ = (&mut self.reader).take(self.left).read_to_end(&mut body);
        self.left = 0;
        body
    }

    /// Lets a client send that asked first.
    fn go_on(&mut self) {
        if std::mem::take(&mut self.asked) {
            let _ = wire::go_on(&mut self.stream);
        }
    }

    /// Answers. A body that nobody asked for is read first, so that the answer is not lost.
    pub fn reply(&mut self, reply: Reply) -> u16 {
        if !self.asked {
            self.body();
        }
        let mut headers = vec![("Connection", "close".to_owned())];
        headers.push(("Content-Length", reply.body.len().to_string()));
        headers.extend(reply.headers);
        self.tail = wire::head(&format!("{} Double", reply.status), &headers).into_bytes();
        if self.head.method != "HEAD" {
            self.tail.extend(reply.body);
        }
        reply.status
    }

    /// Passes the request on to the registry at `port`, with `body` in place of its own where that
    /// was read already, and the answer back with one more header. Gives the status.
    pub fn pass_on(&mut self, port: u16, body: Option<&[u8]>, more: Option<(&str, String)>) -> u16 {
        self.go_on();
        let mut upstream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\n", self.head.method, self.head.target);
        for (name, value) in &self.head.headers {
            if !matches!(name.as_str(), "expect" | "connection" | "authorization") {
                head += &format!("{name}: {value}\r\n");
            }
        }
        head += "connection: close\r\n\r\n";
        if upstream.write_all(head.as_bytes()).is_err() {
            return 502;
        }
        let sent = match body {
            Some(body) => upstream.write_all(body).map(|()| 0),
            None => std::io::copy(&mut (&mut self.reader).take(self.left), &mut upstream),
        };
        if sent.is_err() {
            return 502;
        }
        self.left = 0;
        self.pass_back(&upstream, more)
    }

    fn pass_back(&mut self, upstream: &TcpStream, more: Option<(&str, String)>) -> u16 {
        let mut answer = BufReader::new(upstream);
        let mut first = String::new();
        if answer.read_line(&mut first).is_err() {
            return 502;
        }
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(502);
        let mut head = first;
        if let Some((name, value)) = more.filter(|_| status < 300) {
            head += &format!("{name}: {value}\r\n");
        }
        let large = self.head.method == "GET";
        self.tail = head.into_bytes();
        if large {
            let _ = self.stream.write_all(&std::mem::take(&mut self.tail));
            let _ = std::io::copy(&mut answer, &mut self.stream);
        } else {
            let _ = answer.read_to_end(&mut self.tail);
        }
        status
    }

    /// Sends what was held back and ends the connection.
    pub fn finish(mut self) {
        let _ = self.stream.write_all(&self.tail);
        let _ = self.stream.flush();
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
        // Until the client hangs up, what it still sends is read: else the answer could be lost.
        let _ = self.stream.set_read_timeout(Some(std::time::Duration::from_secs(1)));
        let _ = std::io::copy(&mut self.reader, &mut std::io::sink());
    }
}

/// The size of what the registry at `port` has at `path`; none when it has nothing.
pub fn size_of(port: u16, path: &str) -> Option<(u64, String)> {
    let found = http::send(
        port,
        "HEAD",
        path,
        &[("Accept", super::super::registry::DOCUMENTS)],
        0,
        &mut |_| Ok(()),
    );
    let size = found.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    let digest = found.header("docker-content-digest").unwrap_or_default().to_owned();
    (found.status == 200).then_some((size, digest))
}
