//! The smallest HTTP client that can ask a registry on this machine for a document, or store one.

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

/// Stores a blob.
pub fn put_blob(port: u16, repository: &str, digest: &str, bytes: &[u8]) -> Result {
    let path = format!("/v2/{repository}/blobs/uploads/");
    let opened = send(port, "POST", &path, "", b"")?;
    let line = opened.lines().find_map(|line| line.strip_prefix("Location: "));
    let place = line.ok_or(format!("POST {path}: no place for an upload"))?;
    let path = place.find("/v2/").map_or(place, |at| &place[at..]);
    let path = format!("{path}&digest={digest}");
    send(port, "PUT", &path, "application/octet-stream", bytes).map(drop)
}

/// Stores a manifest under a tag or its digest.
pub fn put_manifest(port: u16, name: &str, reference: &str, kind: &str, bytes: &[u8]) -> Result {
    send(port, "PUT", &format!("/v2/{name}/manifests/{reference}"), kind, bytes).map(drop)
}

/// Sends a body and answers the head of the answer, which must be one of success.
fn send(port: u16, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<String> {
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.0\r\nContent-Type: {kind}\r\nContent-Length: {length}");
    let answer = asked(port, &head, body).map_err(|error| format!("{method} {path}: {error}"))?;
    match parsed(&answer) {
        Some((200..=299, _)) => Ok(String::from_utf8_lossy(&answer).into_owned()),
        other => Err(format!("{method} {path}: {:?}", other.map(|(status, _)| status))),
    }
}

fn exchange(port: u16, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
    let answer = asked(port, &format!("GET {path} HTTP/1.0\r\nAccept: {ACCEPT}"), b"")?;
    parsed(&answer).ok_or_else(|| std::io::Error::other("no HTTP answer"))
}

fn asked(port: u16, head: &str, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut request = format!("{head}\r\nHost: 127.0.0.1:{port}\r\n\r\n").into_bytes();
    request.extend(body);
    stream.write_all(&request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
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
