//! What goes wrong on the way into an engine changes nothing there, and the next run finishes it.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use crate::killed::large_images;
use crate::support::engines::{Docker, Podman};
use crate::support::images::{self, Image};
use crate::support::inside::{Engine, Inside, with_each};
use crate::support::sealift::{code, ran};
use crate::support::{Process, Random, files, find, output, packed, wait_for};

const NAME: &str = "docker.io/library/hello:1.0";

/// The digest of the image's layer at that place.
fn layer(image: &Image, place: usize) -> String {
    let manifest: serde_json::Value = serde_json::from_slice(&image.root().bytes).unwrap();
    manifest["layers"][place]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_damaged_layer_is_named_and_its_image_does_not_come() {
    with_each(|inside| {
        let hello = images::hello();
        inside.pack("b.tar", &[(NAME, &hello)]);
        let (bundle, digest) = (inside.sealift.at("b.tar"), layer(&hello, 0));
        let tar = std::fs::read(&bundle).unwrap();
        let entry = packed::entry(&tar, &digest[7..]);
        for place in [entry.data + entry.size / 2, entry.data + entry.size - 1] {
            files::flip(&bundle, place as u64);

            inside.import("b.tar").exits(code::DAMAGED).says(&digest[7..]).says(NAME);

            assert!(inside.names().is_empty(), "{:?}", inside.names());
            inside.has_no_helper_names();
            files::flip(&bundle, place as u64);
        }
        inside.import("b.tar").ok();
        inside.shows(NAME, &hello);
    });
}

#[test]
fn a_bundle_that_nobody_trusted_signed_does_not_even_reach_the_engine() {
    with_each(|inside| {
        inside.pack("b.tar", &[(NAME, &images::hello())]);
        let stranger = inside.sealift.keys("stranger");
        let empty = inside.sealift.at("empty");
        std::fs::create_dir(&empty).unwrap();
        let mut import = inside.sealift.command();
        import.args(["import", "b.tar", "--to", &inside.engine.destination(), "--key"]);

        // Without any program on the PATH, even asking the engine something would fail otherwise.
        import.arg(&stranger.public).env("PATH", &empty);

        ran(&mut import).exits(code::UNTRUSTED);
        assert!(inside.names().is_empty());
    });
}

#[test]
fn an_engine_that_is_not_installed_is_called_that() {
    with_each(|inside| {
        inside.pack("b.tar", &[(NAME, &images::hello())]);
        let empty = inside.sealift.at("empty");
        std::fs::create_dir(&empty).unwrap();

        let import = ran(inside.command("b.tar", &[]).env("PATH", &empty));

        import.exits(1).says("is not installed");
    });
}

#[test]
fn what_no_engine_can_hold_is_named_before_anything_moves() {
    with_each(|inside| {
        let all = images::all();
        let find = |repository: &str| all.iter().find(|i| i.repository == repository).unwrap();
        let names = ["docker.io/charts/web:0.1.0", "docker.io/acme/empty:1.0"];
        let odd = [find("charts/web"), find("acme/empty")];
        let hello = images::hello();
        inside.pack("b.tar", &[(NAME, &hello), (names[0], odd[0]), (names[1], odd[1])]);

        let ran = inside.import("b.tar").exits(code::REFUSED);
        let ran = ran.says(names[0]).says("helm.config").says(names[1]).says("acme.note");
        ran.says("2 of the bundle are none");
        let plan = inside.import_with("b.tar", &["--dry-run"]).exits(code::REFUSED);
        assert_eq!(plan.json()["obstacles"][0]["class"], "refused");
        inside.pack("h.tar", &[(NAME, &hello)]);
        inside.import_with("h.tar", &["--platform", "linux/s390x"]).ok();
        inside.pack("m.tar", &[("docker.io/acme/multi:1.0", find("acme/multi"))]);
        let other = inside.import_with("m.tar", &["--platform", "linux/s390x"]);
        other.exits(code::INCOMPLETE).says("linux/amd64, linux/arm64");

        assert!(
            !inside.names().iter().any(|name| name.contains("acme") || name.contains("charts"))
        );
    });
}

#[test]
fn every_kind_of_image_comes_as_it_is() {
    with_each(|inside| {
        let all = images::all();
        let find = |repository: &str| all.iter().find(|i| i.repository == repository).unwrap();
        let mut kinds = vec!["acme/odd", "acme/schema2", "acme/twice", "acme/signed"];
        match &inside.engine {
            // Debian's is older than 23.0.
            Engine::Docker(docker) if docker.version().starts_with("20.") => {
                inside.pack("z.tar", &[("docker.io/acme/zstd:1.0", find("acme/zstd"))]);
                inside.import("z.tar").exits(code::REFUSED).says("docker.io/acme/zstd:1.0");
            }
            _ => kinds.push("acme/zstd"),
        }
        if let Engine::Containerd(..) = &inside.engine {
            inside.pack("n.tar", &[("docker.io/acme/nested:1.0", find("acme/nested"))]);
            inside.import("n.tar").ok();
            inside.shows("docker.io/acme/nested:1.0", find("acme/nested"));
            assert_eq!(inside.import("n.tar").ok().number("/copied/blobs"), 0);
        } else {
            inside.pack("n.tar", &[("docker.io/acme/nested:1.0", find("acme/nested"))]);
            inside.import("n.tar").exits(code::REFUSED).says("no index in an index");
        }
        let name = |kind: &&str| format!("docker.io/{}", find(kind).path());
        let named: Vec<_> = kinds.iter().map(|kind| (name(kind), find(kind))).collect();
        let named: Vec<_> = named.iter().map(|(name, image)| (name.as_str(), *image)).collect();
        inside.pack("b.tar", &named);

        inside.import("b.tar").ok();

        named.iter().for_each(|(name, image)| inside.shows(name, image));
        assert_eq!(inside.import("b.tar").ok().number("/copied/bytes"), 0);
    });
}

/// A bundle of three images with 40 MB of layers.
fn pack_large(inside: &Inside) -> Vec<(String, Image)> {
    let images = large_images();
    let names = images.iter().map(|image| format!("docker.io/{}", image.path()));
    let named: Vec<_> = names.zip(images.iter().cloned()).collect();
    let borrowed: Vec<_> = named.iter().map(|(name, image)| (name.as_str(), image)).collect();
    inside.pack("large.tar", &borrowed);
    named
}

#[test]
fn an_import_that_was_killed_at_any_moment_is_finished_by_the_next_one() {
    let mut random = Random::printed("an_import_that_was_killed");
    let mut pauses: Vec<u64> = (0..12).map(|_| random.below(2_000)).collect();
    let pauses = std::sync::Mutex::new(&mut pauses);
    with_each(|inside| {
        let named = pack_large(inside);
        for _ in 0..3 {
            let pause = pauses.lock().unwrap().pop().unwrap_or(500);
            let mut import = inside.command("large.tar", &[]);
            let mut process = Process::start(import.stdout(Stdio::null()).stderr(Stdio::null()));
            std::thread::sleep(Duration::from_millis(pause));
            process.signal(Signal::KILL);
            wait_for("the killed process", || process.ended());
        }

        inside.import("large.tar").ok();

        named.iter().for_each(|(name, image)| inside.shows(name, image));
        // What the killed runs had started ends by itself: nobody serves it any more.
        if let Engine::Podman(podman) = &inside.engine {
            wait_for("podman's own end", || podman.staged() == 0);
            assert_eq!(podman.layers(), 13, "a base, and four of each image");
        }
        inside.has_no_helper_names();
    });
}

#[test]
fn the_helper_names_of_a_run_that_was_killed_go_with_the_next_one() {
    need!("root", "dockerd", "docker", "busybox");
    let inside = Inside::new(Engine::Docker(Docker::start()));
    inside.pack("b.tar", &[(NAME, &images::hello())]);
    inside.import("b.tar").ok();
    let tag = |name: &str| output(inside.engine.command().args(["tag", NAME, name]));
    let path = format!("sealift-{}/h0/library/hello:1.0", "ab".repeat(16));
    let alive = TcpListener::bind("127.0.0.1:0").unwrap();
    let running = format!("{}/{path}", alive.local_addr().unwrap());
    let dead = format!("127.0.0.1:1/{path}");
    [&running, &dead, "127.0.0.1:1/sealift/hello:1.0"].into_iter().for_each(|name| drop(tag(name)));

    assert_eq!(inside.import("b.tar").ok().number("/copied/blobs"), 0);

    let mut names = inside.names();
    names.sort();
    let mut expected =
        vec!["127.0.0.1:1/sealift/hello:1.0".to_owned(), running, "hello:1.0".to_owned()];
    expected.sort();
    assert_eq!(names, expected, "what is not ours, or still pulled, stays");
}

#[test]
fn an_import_that_is_asked_to_stop_leaves_nothing() {
    with_each(|inside| {
        pack_large(inside);
        let mut import = inside.command("large.tar", &[]);
        let mut process = Process::start(import.stdout(Stdio::null()).stderr(Stdio::null()));
        std::thread::sleep(Duration::from_millis(700));
        process.signal(Signal::TERM);
        wait_for("the stopped process", || process.ended());

        let ended = process.0.wait().unwrap().code();

        assert!(matches!(ended, Some(code::INTERRUPTED | code::DONE)), "{ended:?}");
        inside.has_no_helper_names();
    });
}

/// A folder for the PATH with a `docker` that does `instead` where `verb` is asked of it.
fn strange_docker(inside: &Inside, verb: &str, instead: &str) -> String {
    let folder = inside.sealift.at("bin");
    std::fs::create_dir(&folder).unwrap();
    let (real, strange) = (find("docker").unwrap(), folder.join("docker"));
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = {verb} ]; then {instead}; fi\nexec {} \"$@\"\n",
        real.display()
    );
    std::fs::write(&strange, script).unwrap();
    std::fs::set_permissions(&strange, Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
}

#[test]
fn a_name_that_the_engine_only_claims_to_have_is_found_out() {
    need!("root", "dockerd", "docker", "busybox");
    let inside = Inside::new(Engine::Docker(Docker::start()));
    inside.pack("b.tar", &[(NAME, &images::hello())]);
    let path = strange_docker(&inside, "tag", "exit 0");

    let ran = ran(inside.command("b.tar", &[]).env("PATH", path)).exits(1);

    ran.says(NAME).says("is not there, although it was pulled");
    inside.has_no_helper_names();
}

#[test]
fn a_pull_that_docker_ties_to_one_of_a_killed_import_is_begun_again() {
    need!("root", "dockerd", "docker", "busybox");
    let inside = Inside::new(Engine::Docker(Docker::start()));
    inside.pack("b.tar", &[(NAME, &images::hello())]);
    let begun = inside.sealift.at("begun");
    let refused = "dial tcp 127.0.0.1:1: connect: connection refused";
    let tied = |times: u32| {
        let counted = format!("echo >> {0}; [ $(wc -l < {0}) -gt {times} ]", begun.display());
        format!("{counted} || {{ echo 'Error response from daemon: {refused}' >&2; exit 1; }}")
    };
    let path = strange_docker(&inside, "pull", &tied(2));

    ran(inside.command("b.tar", &[]).env("PATH", path)).ok();

    inside.shows(NAME, &images::hello());
    std::fs::remove_file(&begun).unwrap();
    std::fs::remove_dir_all(inside.sealift.at("bin")).unwrap();
    output(inside.engine.command().args(["rmi", NAME]));
    let path = strange_docker(&inside, "pull", &tied(100));
    ran(inside.command("b.tar", &[]).env("PATH", path)).ok().says("streamed to it whole");
    assert_eq!(std::fs::read_to_string(&begun).unwrap().lines().count(), 4, "no end of it");
    inside.has_no_helper_names();
}

#[test]
fn an_engine_that_hangs_ends_with_the_import() {
    need!("root", "dockerd", "docker", "busybox");
    let inside = Inside::new(Engine::Docker(Docker::start()));
    inside.pack("b.tar", &[(NAME, &images::hello())]);
    let pid = inside.sealift.at("pid");
    let hang = format!("echo $$ > {}; exec sleep 600", pid.display());
    let path = strange_docker(&inside, "pull", &hang);
    let mut import = inside.command("b.tar", &[]);
    let mut process =
        Process::start(import.env("PATH", path).stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for("the pull", || std::fs::read_to_string(&pid).is_ok_and(|pid| pid.ends_with('\n')));
    process.signal(Signal::TERM);
    wait_for("the stopped import", || process.ended());

    assert_eq!(process.0.wait().unwrap().code(), Some(code::INTERRUPTED));
    let pid = std::fs::read_to_string(&pid).unwrap();
    assert!(!std::path::Path::new("/proc").join(pid.trim()).exists());
    inside.has_no_helper_names();
}

#[test]
fn a_policy_that_rejects_an_image_is_called_that() {
    need!("root", "podman", "busybox");
    let inside = Inside::new(Engine::Podman(Podman::new()));
    inside.pack("b.tar", &[(NAME, &images::hello())]);
    let policy = inside.sealift.home().join(".config/containers/policy.json");
    std::fs::create_dir_all(policy.parent().unwrap()).unwrap();
    std::fs::write(policy, r#"{"default":[{"type":"reject"}]}"#).unwrap();

    let ran = inside.import("b.tar").exits(code::REFUSED);

    ran.says("policy");
    assert!(inside.names().is_empty());
}

#[test]
fn manifest_lists_for_other_machines_in_podmans_storage_are_nobodys_business() {
    need!("root", "podman", "busybox");
    let inside = Inside::new(Engine::Podman(Podman::new()));
    let hello = images::hello();
    inside.pack("b.tar", &[(NAME, &hello)]);
    output(inside.engine.command().args(["manifest", "create", "work:1"]));

    inside.import("b.tar").ok();

    inside.shows(NAME, &hello);
    // Beside a list that podman cannot tell of, it still tells of the others.
    let renamed = ["--map", "docker.io/library/*=quay.io/other/*"];
    assert_eq!(inside.import_with("b.tar", &renamed).ok().number("/copied/blobs"), 0);
}
