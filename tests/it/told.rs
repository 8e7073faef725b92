//! What a failure tells programs: what it is, at which end, and about what; and that one who is
//! interrupted tells so.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};

const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

/// The failure of `line`, which has no quotes.
fn failure(sealift: &Sealift, line: &str) -> Value {
    let args = line.split_whitespace();
    ran(sealift.command().args(args).args(["--format", "json"])).json()["error"].clone()
}

/// Interrupts `line` once `is_waiting`, and gives what it left behind and how long that took.
fn interrupted(sealift: &Sealift, line: &str, is_waiting: impl FnOnce()) -> (Ran, Duration) {
    let mut command = sealift.command();
    command.args(line.split_whitespace()).args(["--format", "json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Held open: nothing comes, and no end either.
    let _input = child.stdin.take();
    is_waiting();
    let begun = Instant::now();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    (Ran::new(format!("{command:?}"), output), begun.elapsed())
}

#[test]
fn who_waits_for_a_mute_registry_stops_at_once_and_says_so() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = mute.local_addr().unwrap();
    let sealift = Sealift::new();
    sealift.keys("k");
    for line in [
        format!("tags {host}/a/b --plain-http {host}"),
        format!("tags {host}/a/b"),
        format!("export {host}/a/b:1 --plain-http {host} -o n --sign-key k.key.pem"),
    ] {
        let mut asked = None;
        let (ran, took) = interrupted(&sealift, &line, || {
            let (mut stream, _) = mute.accept().unwrap();
            stream.read_exact(&mut [0]).unwrap();
            asked = Some(stream);
        });

        let ran = ran.exits(code::INTERRUPTED).says("error: interrupted");
        assert_eq!(ran.json()["error"]["class"], "interrupted", "{line}");
        assert!(took < Duration::from_secs(3), "{line}: {took:?}");
    }
}

#[test]
fn who_cannot_stop_says_so_before_the_end() {
    let sealift = Sealift::new();
    sealift.keys("k");
    let pause = || std::thread::sleep(Duration::from_secs(2));

    let line = "export docker-archive:- -o n --sign-key k.key.pem";
    let (ran, _) = interrupted(&sealift, line, pause);

    let ran = ran.exits(code::INTERRUPTED).says("error: interrupted");
    assert_eq!(ran.json()["error"]["class"], "interrupted");
}

#[test]
fn an_image_that_is_not_there_is_named() {
    need!("docker-registry");
    let (sealift, registry) = (Sealift::new(), Registry::empty());
    sealift.keys("k");
    let image = format!("{}/team/app:gone", registry.host());

    let gone = failure(&sealift, &format!("export {image} -o n --sign-key k.key.pem"));

    assert_eq!((&gone["class"], &gone["side"]), (&json!("incomplete"), &json!("source")), "{gone}");
    assert_eq!(gone["subject"]["image"], image, "{gone}");
}

#[test]
fn an_engine_that_does_not_run_is_not_reached() {
    need!("docker");
    let sealift = Sealift::new();
    sealift.keys("k");
    ran(sealift.command().args(format!("export {HELLO} -o b --sign-key k.key.pem").split(' ')))
        .ok();
    for line in [
        "export docker-daemon:a:1 -o n --sign-key k.key.pem",
        "import b --to docker-daemon: --key k.pub.pem",
        "inventory docker-daemon: -o r.json",
    ] {
        let mut command = sealift.command();
        command.env("DOCKER_HOST", format!("unix://{}/nobody.sock", sealift.at("").display()));
        command.args(line.split(' ')).args(["--format", "json"]);

        let error = ran(&mut command).exits(code::REFUSED).json()["error"].clone();

        assert_eq!(error["kind"], "unreachable", "{line}: {error}");
    }
}

#[test]
fn a_failure_names_what_it_is_about() {
    let sealift = Sealift::new();
    sealift.keys("k");
    let sign = "-o n --sign-key k.key.pem";
    ran(sealift.command().args(format!("export {HELLO} -o b --sign-key k.key.pem").split(' ')))
        .ok();
    ran(sealift.command().args(["import", "b", "--to", "oci:in", "--key", "k.pub.pem"])).ok();
    let small = format!(
        "export {HELLO} -o small --sign-key k.key.pem --platform linux/amd64 --rewrite-index"
    );
    ran(sealift.command().args(small.split(' '))).ok();

    for (line, kind, side, member, about) in [
        (format!("export -f nosuch {sign}"), "other", None, "path", "nosuch"),
        (format!("export {HELLO} -o n --sign-key nosuch"), "other", None, "path", "nosuch"),
        (format!("export oci:nosuch {sign}"), "other", None, "path", "nosuch"),
        ("verify b --key nosuch".to_owned(), "other", None, "path", "nosuch"),
        ("key show nosuch".to_owned(), "other", None, "path", "nosuch"),
        ("key generate --no-passphrase -o k".to_owned(), "other", None, "path", "k.key.pem"),
        ("tags 127.0.0.1:1/a --authfile nosuch".to_owned(), "other", None, "path", "nosuch"),
        (
            format!("export 127.0.0.1:1/a:1 {sign}"),
            "unreachable",
            Some("source"),
            "host",
            "127.0.0.1:1",
        ),
    ] {
        let error = failure(&sealift, &line);

        assert_eq!(
            (&error["kind"], &error["side"]),
            (&json!(kind), &json!(side)),
            "{line}: {error}"
        );
        assert_eq!(error["subject"][member], about, "{line}: {error}");
    }
    // A layer of a source that has other bytes than its digest says.
    crate::support::files::copy(&sealift.at("in"), &sealift.at("bad"));
    let blobs = std::fs::read_dir(sealift.at("bad/blobs/sha256")).unwrap();
    let layer = blobs.map(Result::unwrap).max_by_key(|blob| blob.metadata().unwrap().len());
    crate::support::files::flip(&layer.unwrap().path(), 100);
    let other = failure(&sealift, &format!("export oci:bad {sign}"));
    assert_eq!((&other["class"], &other["side"]), (&json!("damaged"), &json!("source")), "{other}");
    let taken = failure(&sealift, "import small --to oci:in --key k.pub.pem");
    assert_eq!(taken["side"], "destination", "{taken}");
    assert!(taken["subject"]["image"].as_str().unwrap().contains("hello"), "{taken}");
}
