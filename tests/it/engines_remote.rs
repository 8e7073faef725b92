//! Engines that cannot pull from this machine: images are streamed into their `load`.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::engines::{Docker, Podman};
use crate::support::images::{self, GREETING, Image};
use crate::support::inside::{Engine, Inside};
use crate::support::sealift::{Ran, code, ran};
use crate::support::ssh::Sshd;
use crate::support::{Process, files, wait_for};

const HELLO: &str = "docker.io/library/hello:1.0";
const MULTI: &str = "quay.io/acme/multi:1.0";

fn multi() -> Image {
    images::all().into_iter().find(|image| image.repository == "acme/multi").unwrap()
}

/// Packs two images, one of them for several platforms, and imports them as `dress` has it; then
/// again, when there is nothing to do.
fn bring_both(inside: &Inside, bundle_of: &[(&str, &Image)], dress: &dyn Fn(&mut Command)) -> Ran {
    inside.pack("b.tar", bundle_of);
    let import = || {
        let mut import = inside.command("b.tar", &[]);
        dress(&mut import);
        ran(&mut import)
    };
    let first = import().ok().says("streamed to it whole");
    let again = import().ok();
    assert_eq!(again.number("/copied/blobs"), 0, "a second import sends nothing");
    assert_eq!(again.json()["images"][0]["action"], json!("present"));
    first
}

#[test]
fn a_docker_on_another_machine_gets_its_images_over_ssh() {
    need!("root", "dockerd", "docker", "busybox", "sshd", "ssh", "ssh-keygen");
    let docker = Docker::start();
    let sshd = Sshd::start(&[("DOCKER_HOST", &docker.host())]);
    let inside = Inside::new(Engine::Docker(docker));
    let (hello, multi) = (images::hello(), multi());

    let ran = bring_both(&inside, &[(HELLO, &hello), (MULTI, &multi)], &|import| {
        let path = std::env::var("PATH").unwrap();
        import.env("PATH", format!("{}:{path}", sshd.bin().display()));
        import.env("DOCKER_HOST", "ssh://node1");
    });

    // Two layers and a config each, of which they share one layer; docker has no other platform.
    assert_eq!(ran.json()["images"].as_array().unwrap().len(), 2);
    inside.shows(HELLO, &hello);
    inside.shows(MULTI, &multi);
    assert_eq!(inside.run(HELLO), GREETING);
}

#[test]
fn a_docker_in_a_network_of_its_own_gets_its_images_too() {
    need!("root", "dockerd", "docker", "unshare", "busybox");
    let inside = Inside::new(Engine::Docker(Docker::start_apart()));
    let hello = images::hello();

    bring_both(&inside, &[(HELLO, &hello)], &|_| {});

    inside.shows(HELLO, &hello);
    inside.has_no_helper_names();
}

/// `podman system service` over the storage of `podman`, and its socket.
fn service(podman: &Podman, inside: &Inside) -> (Process, String) {
    let socket = inside.sealift.at("s");
    let url = format!("unix://{}", socket.display());
    let mut service = podman.command();
    service.args(["system", "service", "--time=0", &url]);
    let service = Process::start(service.stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for("podman's service", || socket.exists());
    (service, url)
}

#[test]
fn a_podman_behind_a_service_gets_its_images_with_their_digests() {
    need!("root", "podman", "runc", "busybox");
    let podman = Podman::new();
    let inside = Inside::new(Engine::Podman(Podman::new()));
    let (service, url) = service(&podman, &inside);
    let (hello, multi) = (images::hello(), multi());
    inside.pack("b.tar", &[(HELLO, &hello), (MULTI, &multi)]);
    let import = |bundle: &str| {
        let mut import = inside.sealift.command();
        import.args(["import", bundle, "--format", "json", "--to", "containers-storage:", "--key"]);
        ran(import.arg(&inside.keys.public).env("CONTAINER_HOST", &url))
    };

    import("b.tar").ok().says("streamed to it whole");
    assert_eq!(import("b.tar").ok().number("/copied/blobs"), 0);

    let there = Inside { engine: Engine::Podman(podman), ..inside };
    there.shows(HELLO, &hello);
    there.shows(MULTI, &multi);
    drop(service);
}

#[test]
fn a_damaged_layer_breaks_off_the_stream_and_no_name_appears() {
    need!("root", "dockerd", "docker", "unshare", "busybox");
    let inside = Inside::new(Engine::Docker(Docker::start_apart()));
    let hello = images::hello();
    inside.pack("b.tar", &[(HELLO, &hello)]);
    let bundle = inside.sealift.at("b.tar");
    // Layers come last in a bundle.
    files::flip(&bundle, std::fs::metadata(&bundle).unwrap().len() - (20 << 10));

    inside.import("b.tar").exits(code::DAMAGED).says(HELLO);

    assert!(inside.names().is_empty(), "{:?}", inside.names());
}
