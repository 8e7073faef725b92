//! An HTTP client of sixty lines: one request a connection, bodies streamed, nothing clever, so
//! that what the tests put into a registry is exactly what they mean to put there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// What came back.
pub struct Response {
    pub status: u16,
    headers: Vec<(String, String)>,
    body: BufReader<TcpStream>,
}

impl Response {
    /// A header's value, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The whole body.
    pub fn bytes(mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.body.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// The whole body as JSON.
    pub fn json(self) -> serde_json::Value {
        let bytes = self.bytes();
        serde_json::from_slice(&bytes)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&bytes)))
    }

    /// The body as a stream.
    pub fn reader(&mut self) -> &mut impl Read {
        &mut self.body
    }
}

/// Sends one request to the loopback `port`. HTTP/1.0, because its answers are never chunked.
pub fn send(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    len: u64,
    body: &mut dyn FnMut(&mut dyn Write) -> std::io::Result<()>,
) -> Response {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut head = format!("{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    if !matches!(method, "GET" | "HEAD") {
        head += &format!("Content-Length: {len}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    body(&mut stream).unwrap();

    let mut body = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        body.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    };
    let first = line();
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{method} {path}: no status in {first:?}"));
    let mut headers = Vec::new();
    loop {
        let line = line();
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Response { status, headers, body }
}

/// A request without a body.
pub fn get(port: u16, path: &str, headers: &[(&str, &str)]) -> Response {
    send(port, "GET", path, headers, 0, &mut |_| Ok(()))
}

/// Only the status of a `HEAD`.
pub fn head(port: u16, path: &str, headers: &[(&str, &str)]) -> u16 {
    send(port, "HEAD", path, headers, 0, &mut |_| Ok(())).status
}

/// A request whose body is in memory.
pub fn with_body(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    send(port, method, path, headers, body.len() as u64, &mut |out| out.write_all(body))
}
