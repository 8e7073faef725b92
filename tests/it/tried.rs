//! A command in every image that was brought to an engine, to see that they work there.

use std::io::Write as _;

use serde_json::json;

use crate::support::engines::{Docker, Podman};
use crate::support::images;
use crate::support::inside::{Engine, Inside};
use crate::support::sealift::{Ran, code, ran};
use crate::support::snapshot::check;

const HELLO: &str = "docker.io/library/hello:1.0";

/// Imports the bundle `b.tar` into the engine, and runs `command` in its images.
fn import(inside: &Inside, command: &str) -> Ran {
    ran(&mut inside.command("b.tar", &["--check", command]))
}

fn both_ways(inside: &Inside) -> [Ran; 2] {
    inside.pack("b.tar", &[(HELLO, &images::hello())]);
    // In words, as a shell splits them, and not in the image's own entry point.
    let passed = import(inside, "/bin/busybox sh -c 'test \"a b\" = \"a b\"'").ok();
    assert_eq!(passed.json()["tried"], json!([{"image": HELLO, "reason": null}]));
    let failed = import(inside, "/bin/busybox sh -c 'echo broken >&2; exit 7'").exits(1);
    failed.stderr.lines().any(|line| line.contains("broken")).then_some(()).unwrap();
    import(inside, "/no/such/program").exits(1).says("did not pass the check");
    assert!(inside.names().iter().any(|name| name.contains("hello")), "the image stays");
    [passed, failed]
}

#[test]
fn docker_runs_it_in_every_image_and_one_in_which_it_fails_is_named() {
    need!("root", "dockerd", "docker", "busybox");
    let inside = Inside::new(Engine::Docker(Docker::start()));

    let [passed, failed] = both_ways(&inside);

    for (name, ran) in [("import.tried", passed), ("import.not-working", failed)] {
        let json = ran.json();
        let text = |pointer: &str| match json.pointer(pointer).unwrap() {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        // That of busybox, which is another one elsewhere: sent the first time, and there the second.
        let sizes = [text("/copied/bytes"), text("/present/bytes")];
        let size = sizes.into_iter().find(|it| it != "0").unwrap();
        let varying = [
            (text("/statement"), "<statement>"),
            (text("/signers/0"), "<key>"),
            (text("/images/0/digest"), "<image>"),
            (size, "9"),
        ];
        check(name, &ran, &varying.each_ref().map(|(given, shown)| (given.as_str(), *shown)));
    }
}

#[test]
fn podman_does_and_what_runs_nothing_is_refused_before_anything_moves() {
    need!("root", "podman", "runc", "busybox");
    let podman = Podman::new();
    // For machines that do not allow podman's own.
    let limits = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n";
    let mut conf = std::fs::OpenOptions::new().append(true).open(podman.conf()).unwrap();
    conf.write_all(limits.as_bytes()).unwrap();
    let inside = Inside::new(Engine::Podman(podman));

    let _ = both_ways(&inside);

    for to in ["oci:store", "containerd:"] {
        let key = &inside.keys.public;
        let refused =
            run!(inside.sealift, "import", "b.tar", "--to", to, "--key", key, "--check", "true");
        refused.exits(code::USAGE).says("no command can be run in images of");
    }
    assert!(!inside.sealift.at("store").exists());
}
