//! `sealift serve` after thousands of clients that die, stall and come again is as it was before them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use crate::support::content::{Layer, tar};
use crate::support::images::{Image, write_layout};
use crate::support::sealift::{Sealift, Served};
use crate::support::{Random, wait_for};

/// Larger than what sockets hold, so that most of it is sent by the kernel.
const LAYER: usize = 13 << 20;
/// How many clients come at a time.
const AT_ONCE: usize = 40;
/// What may be lost or won by chance: a thread's stack here, a freed page that was not given back
/// there. A tenth of what one leaked buffer a client would take.
const SLACK_KIB: u64 = 8 << 10;

/// How many pulls there are: 5,000 when `SEALIFT_TEST_FULL` is set.
fn pulls() -> usize {
    if std::env::var_os("SEALIFT_TEST_FULL").is_some() { 5_000 } else { 600 }
}

#[test]
fn clients_that_die_stall_and_reconnect_leave_nothing_behind() {
    // Not in /tmp, which is memory on some machines.
    let sealift = Sealift::new_in(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let layer = Layer::gzip(&tar(&[("noise", &Random::new(7).bytes(LAYER), 0o644)]));
    let image = Image::single("acme/many", "1.0", "[]", &[layer]);
    write_layout(&sealift.at("layout"), &[("x.example/acme/many:1.0", &image)]);
    let keys = sealift.keys("signer");
    run!(sealift, "export", "oci:layout", "-o", "bundle.tar", "--sign-key", &keys.private).ok();
    let served = sealift.serve_with(&sealift.at("bundle.tar"), &keys.public, &["--quiet"]);
    let (digest, bytes) = image.blobs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let path = format!("/v2/acme/many/blobs/{digest}");

    // As much as ever is in use at once, so that what comes later finds it made.
    assert!(rest(ask(&served, &path, 0), bytes.len()) == *bytes);
    wait_for("the first client is forgotten", || sockets(&served) == 0);
    // One that is being closed just now may be among them.
    let calm = files(&served);
    round(&served, &path, bytes, 0);
    wait_for("the first clients are forgotten", || files(&served) <= calm);
    let before = memory(&served);
    for first in (AT_ONCE..pulls()).step_by(AT_ONCE) {
        round(&served, &path, bytes, first);
    }

    wait_for("no file of a client stays open", || files(&served) <= calm);
    assert_eq!(sockets(&served), 0);
    let after = memory(&served);
    assert!(after <= before + SLACK_KIB, "{before} KiB before, {after} KiB after");
}

/// Clients of every kind at once, the number of the first of them being `first`.
fn round(served: &Served, path: &str, bytes: &[u8], first: usize) {
    std::thread::scope(|scope| {
        for number in first..first + AT_ONCE {
            scope.spawn(move || match number % 8 {
                // All of it.
                0 => assert!(rest(ask(served, path, 0), bytes.len()) == bytes),
                // A part, and the rest by another connection.
                1 | 2 => {
                    let got = bytes.len() / 8 * (number % 7);
                    drop(taken(&mut ask(served, path, 0), got.min(bytes.len() / 3)));
                    let end = &bytes[bytes.len() - 100_000..];
                    assert!(rest(ask(served, path, bytes.len() - 100_000), 100_000) == end);
                }
                // Asks, and is gone before the answer.
                3 => drop(ask(served, path, 0)),
                // Dies in the middle, with bytes unread: a reset.
                4 | 5 => drop(taken(&mut ask(served, path, 0), 1 << 20)),
                // Stalls with all queues full, until the others are through.
                6 => {
                    let socket = ask(served, path, 0);
                    std::thread::sleep(Duration::from_millis(100));
                    drop(socket);
                }
                // Says half a word.
                _ => {
                    let mut socket = connect(served);
                    socket.write_all(b"GET /v2/acme").unwrap();
                    std::thread::sleep(Duration::from_millis(50));
                }
            });
        }
    });
}

fn connect(served: &Served) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket
}

/// A connection that has asked for the blob from the byte `first` on.
fn ask(served: &Served, path: &str, first: usize) -> TcpStream {
    let mut socket = connect(served);
    let range = if first > 0 { format!("Range: bytes={first}-\r\n") } else { String::new() };
    let host = served.host();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{range}Connection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    socket
}

/// The next `count` bytes of whatever comes, head or not.
fn taken(socket: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    socket.read_exact(&mut bytes).unwrap();
    bytes
}

/// The last `count` bytes of what comes.
fn rest(mut socket: TcpStream, count: usize) -> Vec<u8> {
    let mut all = Vec::new();
    socket.read_to_end(&mut all).unwrap();
    all.split_off(all.len() - count)
}

/// How many files the server has open.
fn files(served: &Served) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", served.process.0.id())).unwrap().count()
}

/// How many clients the server has.
fn sockets(served: &Served) -> usize {
    let metrics = crate::support::http::get(served.port, "/metrics", &[]).bytes();
    let metrics = String::from_utf8(metrics).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("sealift_connections ")).unwrap();
    // Whoever asks is one of them.
    line.parse::<usize>().unwrap() - 1
}

/// The server's memory, in KiB.
fn memory(served: &Served) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", served.process.0.id())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
