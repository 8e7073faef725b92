//! A bundle that is given as the file that it lies in.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use super::super::given::{GivenFile, GivenFiles};
use super::super::samples::Bundle;
use super::{Client, Server};
use crate::words::digest::Digest;

/// A server with a file of these `bytes` as `june.tar`, and the file.
fn given(bytes: &[u8]) -> (Server, std::fs::File) {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let mut files = GivenFiles::default();
    let open = Arc::new(file.try_clone().unwrap());
    files.add(GivenFile::new(Path::new("/far/june.tar"), open, Some(Digest::of(b"s"))).unwrap());
    (Server::over(Bundle::default().shelf().with_files(files)), file)
}

const PATH: &str = "/bundles/june.tar";

fn ask(client: &mut Client, headers: &str) -> (u16, Vec<u8>, String) {
    let answer = client.ask("GET", PATH, headers);
    let range = answer.header("content-range").to_owned();
    (answer.status, answer.body, range)
}

#[test]
fn all_of_it_and_parts_of_it_come_over_one_connection() {
    let bytes: Vec<u8> = (0..9_000_000_u32).map(|at| (at % 251) as u8).collect();
    let (server, _file) = given(&bytes);
    let mut client = server.connect();

    let head = client.ask("HEAD", PATH, "Range: bytes=0-0\r\n");
    assert_eq!((head.status, head.header("content-length")), (200, "9000000"));
    assert_eq!(head.header("accept-ranges"), "bytes");
    let etag = head.header("etag").to_owned();
    assert!(etag.len() == 66 && etag.starts_with('"'), "{etag}");
    let whole = client.ask("GET", PATH, "");
    assert!(whole.status == 200 && whole.body == bytes && whole.header("etag") == etag);

    for (range, from, to) in [
        ("bytes=0-511".to_owned(), 0, 512),
        ("bytes=512-8999998".to_owned(), 512, 8_999_999),
        ("bytes=8999999-".to_owned(), 8_999_999, 9_000_000),
        ("bytes=-5".to_owned(), 8_999_995, 9_000_000),
    ] {
        let (status, body, said) = ask(&mut client, &format!("Range: {range}\r\n"));
        assert_eq!((status, said), (206, format!("bytes {from}-{}/9000000", to - 1)), "{range}");
        assert!(body == bytes[from..to], "{range}");
    }
    let (status, _, said) = ask(&mut client, "Range: bytes=9000000-\r\n");
    assert_eq!((status, said.as_str()), (416, "bytes */9000000"));
    let list = client.ask("GET", "/bundles/", "").json();
    let expected = serde_json::json!({ "bundles": [{
        "name": "june.tar", "path": PATH, "size": 9_000_000, "statement": Digest::of(b"s"),
    }] });
    assert_eq!(list, expected);
    for path in ["/bundles/july.tar", "/bundles/june.tar/", "/bundles/1", "/bundles"] {
        assert_eq!(client.ask("GET", path, "").status, 404, "{path}");
    }
    assert_eq!(client.ask("DELETE", PATH, "").status, 405);
}

#[test]
fn a_changed_file_is_another_one() {
    let (server, file) = given(b"as it was");
    let mut client = server.connect();
    let old = client.ask("HEAD", PATH, "").header("etag").to_owned();
    let part = format!("Range: bytes=3-\r\nIf-Range: {old}\r\n");
    assert_eq!(ask(&mut client, &part), (206, b"it was".to_vec(), "bytes 3-8/9".to_owned()));
    let only = format!("Range: bytes=0-1\r\nIf-Match: {old}\r\n");
    assert_eq!(ask(&mut client, &only).0, 206);
    let known = format!("If-None-Match: {old}\r\n");
    assert_eq!(client.ask("GET", PATH, &known).status, 304);

    (&file).write_all(b", and more").unwrap();

    assert_eq!(ask(&mut client, &part), (200, b"as it was, and more".to_vec(), String::new()));
    let refused = client.ask("GET", PATH, &only);
    assert_eq!(refused.status, 412);
    let new = refused.header("etag").to_owned();
    assert_ne!(new, old);
    assert_eq!(client.ask("GET", PATH, &known).status, 200);
    assert_eq!(ask(&mut client, &only.replace(&old, &new)).0, 206);
}

#[test]
fn what_is_changed_while_it_is_sent_has_no_end() {
    // More than sockets hold, so that most of it is still to be read when it is changed.
    let bytes = vec![7; 64 << 20];
    let (server, file) = given(&bytes);
    let mut client = server.connect();
    client.send("GET", PATH, "");
    assert_eq!(client.head().status, 200);

    std::os::unix::fs::FileExt::write_all_at(&file, b"8", 0).unwrap();

    let mut got = Vec::new();
    // Broken off or ended early: what counts is that it is not whole.
    let _ = client.0.read_to_end(&mut got);
    assert!(got.len() < bytes.len(), "{} bytes", got.len());
    let told = || server.notes().iter().any(|note| note.contains("bundle june.tar"));
    assert!(told(), "{:?}", server.notes());
}
