//! What is served to an engine: found under its path alone, and checked on the way.

use super::*;
use crate::bundle::blob_list::BlobList;
use crate::bundle::contents::Contents;
use crate::verbs::serve::{Ledger, Loopback};
use crate::words::cancel::Cancel;
use crate::words::error::Class;
use crate::words::reference::Registry;

/// The server, with an address to ask.
fn open(bundle: Bundle) -> (Loopback, SocketAddr, String) {
    let documents = bundle.documents.into_iter().map(|d| (d.descriptor().digest, d)).collect();
    let blobs = BlobList::whole(bundle.blobs);
    let contents = Contents { documents, blobs, ..Contents::default() };
    let bytes = Arc::new(bundle.bytes);
    let server =
        Loopback::open(&bundle.images, &contents, bytes, Arc::default(), Cancel::default())
            .unwrap();
    let host: Registry = bundle.images[0].0.registry.clone();
    let address = server.address(&host).to_string();
    let (socket, path) = address.split_once('/').unwrap();
    (server, socket.parse().unwrap(), path.to_owned())
}

fn client(address: SocketAddr) -> Client {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    Client(BufReader::new(socket))
}

/// Asks for a part of a blob and reads until the connection breaks; how many bytes came.
fn taken(address: SocketAddr, path: &str, range: &str) -> (u16, usize) {
    let mut client = client(address);
    client.send("GET", path, &format!("{range}Connection: close\r\n"));
    let status = client.head().status;
    let mut body = Vec::new();
    // The connection may be reset instead of closed.
    let _ = client.0.read_to_end(&mut body);
    (status, body.len())
}

#[test]
fn nothing_is_found_without_the_path() {
    let (one, other) = (image("one"), image("other"));
    let (root, blob) = (one.digest(), one.blobs[1].0.digest);
    let bundle = Bundle::default().with("localhost:5000/a:1", one).with("quay.io/b:1", other);
    let (server, address, path) = open(bundle);
    let mut client = client(address);

    for (target, status) in [
        (format!("/v2/{path}/a/manifests/1"), 200),
        (format!("/v2/{path}/a/manifests/1?ns=localhost:5000"), 200),
        (format!("/v2/{path}/a/blobs/{blob}"), 200),
        ("/v2/".to_owned(), 200),
        ("/v2/_catalog".to_owned(), 404),
        ("/v2/a/manifests/1".to_owned(), 404),
        (format!("/v2/a/manifests/{root}?ns=localhost:5000"), 404),
        (format!("/v2/a/blobs/{blob}"), 404),
        ("/v2/library/a/tags/list".to_owned(), 404),
        (format!("/v2/sealift-{}/h0/a/manifests/1", "0".repeat(32)), 404),
        (format!("/v2/{}/a/manifests/1", path.replace("/h0", "/h1")), 404),
    ] {
        assert_eq!(client.ask("GET", &target, "").status, status, "{target}");
    }
    assert_eq!(server.ledger().answered(), 2, "manifests that were found");
}

#[test]
fn what_was_given_out_is_in_the_ledger() {
    let image = image_of("a", vec![7; 300_000]);
    let (config, layer) = (image.blobs[0].0.clone(), image.blobs[1].0.clone());
    let (server, address, path) = open(Bundle::default().with("a:1", image));
    let mut client = client(address);
    let mut get = |digest: &_, range: &str| {
        let path = format!("/v2/{path}/library/a/blobs/{digest}");
        client.ask("GET", &path, range).body.len() as u64
    };

    assert_eq!(get(&layer.digest, ""), layer.size);
    assert_eq!(get(&layer.digest, "Range: bytes=299000-\r\n"), 1000);
    assert_eq!(get(&layer.digest, "Range: bytes=5-7\r\n"), 3);

    let ledger: &Ledger = server.ledger();
    assert_eq!(ledger.bytes(), 301_003);
    assert_eq!(ledger.blobs().get(&layer.digest), Some(&301_003));
    assert!(!ledger.blobs().contains_key(&config.digest));
    assert!(ledger.take_fault().is_none());
}

#[test]
fn wrong_bytes_are_broken_off_whichever_part_is_asked_for() {
    let image = image_of("a", vec![7; 300_000]);
    let layer = image.blobs[1].0.clone();
    let mut bundle = Bundle::default().with("a:1", image);
    bundle.bytes.0.get_mut(&layer.digest).unwrap()[299_999] = 8;
    let (server, address, path) = open(bundle);
    let path = format!("/v2/{path}/library/a/blobs/{}", layer.digest);

    let (status, whole) = taken(address, &path, "");
    assert!(status == 200 && whole < 300_000, "{whole}");
    let (blob, error) = server.ledger().take_fault().unwrap();
    assert_eq!((blob, error.class()), (layer.digest, Class::Damaged));
    for range in ["0-9", "299990-", "5-200000"] {
        let (status, part) = taken(address, &path, &format!("Range: bytes={range}\r\n"));
        let count = match range {
            "5-200000" => 199_996,
            _ => 10,
        };
        assert!(status == 500 || part < count, "{range}: {status} {part}");
        assert!(server.ledger().take_fault().is_some(), "{range}");
    }
}

#[test]
fn the_server_ends_with_its_value() {
    let (server, address, _) = open(Bundle::default().with("a:1", image("a")));
    let idle = client(address);

    let begun = Instant::now();
    drop(server);

    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(TcpStream::connect(address).is_err());
    drop(idle);
}
