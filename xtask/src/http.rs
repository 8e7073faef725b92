//! The smallest HTTP client that can ask a registry on this machine for a document.

use crate::Result;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// Registries hide what a client does not say it takes.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json";

/// `GET path` from `127.0.0.1:port`: the status and the body.
pub fn get(port: u16, path: &str) -> Result<(u16, Vec<u8>)> {
    exchange(port, path).map_err(|error| format!("http://127.0.0.1:{port}{path}: {error}"))
}

fn exchange(port: u16, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let host = format!("127.0.0.1:{port}");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: {ACCEPT}\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parsed(&answer).ok_or_else(|| std::io::Error::other("no HTTP answer"))
}

fn parsed(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer[end + 4..].to_vec()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_answer_is_cut_into_status_and_body() {
        let (status, body) = super::parsed(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nx\r\n\r\ny").unwrap();
        assert_eq!((status, body.as_slice()), (200, b"x\r\n\r\ny".as_slice()));
        assert!(super::parsed(b"nonsense").is_none());
    }
}
