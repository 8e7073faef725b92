//! A bundle goes into podman, docker and containerd with one command, and stands there as what the
//! statement promised.

use serde_json::json;

use crate::support::content::{Layer, tar};
use crate::support::engines::{Docker, Podman};
use crate::support::images::{self, GREETING, Image};
use crate::support::inside::{Engine, Inside, with_each};
use crate::support::sealift::code;
use crate::support::{Random, output};

/// An image of a base and one more layer, so that versions of it share the base.
fn version(tag: &str, own: &str) -> Image {
    let noise = Random::new(3).bytes(300_000);
    let base = Layer::gzip(&tar(&[("base", &noise, 0o644)]));
    let own = Layer::gzip(&images::one_file("own", own));
    Image::single("acme/app", tag, r#"["/bin/true"]"#, &[base, own])
}

#[test]
fn a_packed_bundle_goes_into_each_engine_with_one_command_and_runs() {
    with_each(|inside| {
        let hello = images::hello();
        inside.pack("b.tar", &[("docker.io/library/hello:1.0", &hello)]);

        let ran = inside.import("b.tar").ok();

        let engine = inside.engine.name();
        assert_eq!(ran.json()["images"][0]["digest"], json!(hello.digest()), "{engine}");
        assert_eq!(ran.json()["images"][0]["action"], json!("create"), "{engine}");
        assert_eq!(ran.number("/copied/blobs"), 2, "{engine}");
        inside.shows("docker.io/library/hello:1.0", &hello);
        assert_eq!(inside.run("docker.io/library/hello:1.0"), GREETING, "{engine}");
        inside.has_no_helper_names();
    });
}

#[test]
fn a_second_import_moves_no_layer_and_an_update_moves_the_layer_that_changed() {
    with_each(|inside| {
        let (old, new) = (version("1.0", "old"), version("1.0", "new"));
        let name = "quay.io/acme/app:1.0";
        inside.pack("old.tar", &[(name, &old)]);
        inside.pack("new.tar", &[(name, &new)]);
        assert_eq!(inside.import("old.tar").ok().number("/copied/blobs"), 2);

        let again = inside.import("old.tar").ok();
        assert_eq!(again.number("/copied/blobs"), 0, "{}", inside.engine.name());
        assert_eq!(again.number("/copied/bytes"), 0);
        assert_eq!(again.json()["images"][0]["action"], json!("present"));

        // Another image under the name is a conflict, until it is said what to do about it.
        inside.import("new.tar").exits(code::REFUSED).says("--on-existing");
        inside.import_with("new.tar", &["--on-existing", "keep-digest"]).exits(code::USAGE);
        inside.import_with("new.tar", &["--on-existing", "skip"]).ok();
        inside.shows(name, &old);
        let update = inside.import_with("new.tar", &["--on-existing", "overwrite"]).ok();
        assert_eq!(update.number("/copied/blobs"), 1, "{}", inside.engine.name());
        assert_eq!(update.number("/present/blobs"), 1);
        assert_eq!(update.json()["images"][0]["action"], json!("replace"));
        inside.shows(name, &new);
        inside.has_no_helper_names();
    });
}

#[test]
fn a_dry_run_says_what_will_happen_and_does_nothing() {
    with_each(|inside| {
        inside.pack("b.tar", &[("docker.io/acme/app:1.0", &version("1.0", "x"))]);

        let plan = inside.import_with("b.tar", &["--dry-run"]).ok();

        assert_eq!(plan.number("/copy/blobs"), 2, "configs are not counted");
        assert!(inside.names().is_empty(), "{:?}", inside.names());
    });
}

#[test]
fn of_an_image_for_several_platforms_each_engine_gets_its_own_or_the_one_asked_for() {
    with_each(|inside| {
        let all = images::all();
        let find = |repository: &str| all.iter().find(|i| i.repository == repository).unwrap();
        let (multi, list) = (find("acme/multi"), find("acme/list"));
        let names = ["localhost:5000/acme/multi:1.0", "docker.io/acme/list:1.0"];
        inside.pack("b.tar", &[(names[0], multi), (names[1], list)]);

        inside.import("b.tar").ok().says("linux/amd64");
        inside.shows_platform(names[0], multi, 0);
        inside.shows_platform(names[1], list, 0);
        // The same name for another platform is another image, but where all are kept together.
        let other = inside.import_with("b.tar", &["--platform", "linux/arm64"]);
        match &inside.engine {
            Engine::Containerd(..) => assert_eq!(other.ok().number("/copied/blobs"), 2),
            _ => drop(other.exits(code::REFUSED)),
        }

        let (one, other) = ("localhost:5000/*=arm.example/*", "docker.io/*=other.example/*");
        let arm = ["--platform", "linux/arm64", "--map", one, "--map", other];
        inside.import_with("b.tar", &arm).ok();
        inside.shows_platform("arm.example/acme/multi:1.0", multi, 2);
    });
}

#[test]
fn an_image_without_a_tag_goes_by_its_digest_where_the_engine_can() {
    with_each(|inside| {
        let hello = images::hello();
        let name = format!("docker.io/library/hello@{}", hello.digest());
        inside.pack("b.tar", &[(&name, &hello)]);

        if let Engine::Docker(_) = inside.engine {
            inside.import("b.tar").exits(code::REFUSED).says(&name).says("without a tag");
            let tagged = format!("{name}=docker.io/library/hello:1.0");
            inside.import_with("b.tar", &["--map", &tagged]).ok();
            return inside.shows("docker.io/library/hello:1.0", &hello);
        }
        inside.import("b.tar").ok();
        assert_eq!(inside.import("b.tar").ok().json()["images"][0]["action"], json!("present"));
        assert_eq!(inside.run(&name), GREETING);
    });
}

#[test]
fn another_platform_of_the_same_index_is_another_image_under_its_name() {
    need!("root", "podman", "dockerd", "docker", "busybox");
    for engine in [Engine::Podman(Podman::new()), Engine::Docker(Docker::start())] {
        let inside = Inside::new(engine);
        let all = images::all();
        // Whichever of the digests comes first.
        for (repository, arm64) in [("acme/multi", 2), ("acme/list", 1)] {
            let image = all.iter().find(|i| i.repository == repository).unwrap();
            let name = format!("docker.io/{repository}:1.0");
            let bundle = format!("{}.tar", repository.replace('/', "-"));
            inside.pack(&bundle, &[(&name, image)]);
            inside.import(&bundle).ok();
            let arm = ["--platform", "linux/arm64"];

            let taken = inside.import_with(&bundle, &arm).exits(code::REFUSED);
            assert!(!taken.stderr.contains("keep-digest"), "{}", taken.stderr);
            if let Engine::Docker(_) = inside.engine {
                taken.says("is image id sha256:");
            }

            let other = [&arm[..], &["--on-existing", "overwrite"]].concat();
            inside.import_with(&bundle, &other).ok();
            inside.shows_platform(&name, image, arm64);
        }
    }
}

#[test]
fn what_a_dry_run_counts_is_what_docker_then_pulls() {
    need!("root", "dockerd", "docker", "busybox");
    let inside = Inside::new(Engine::Docker(Docker::start()));
    let name = "docker.io/acme/app:1.0";
    inside.pack("old.tar", &[(name, &version("1.0", "old"))]);
    inside.pack("new.tar", &[(name, &version("1.0", "new"))]);
    output(inside.engine.command().args(["load", "-qi"]).arg(inside.sealift.at("old.tar")));
    let count = |bundle: &str, to: &str| {
        let map = ["--map", &format!("docker.io/*={to}/*")];
        let plan = inside.import_with(bundle, &[&map[..], &["--dry-run"]].concat()).ok();
        let copied = inside.import_with(bundle, &map).ok().number("/copied/blobs");
        assert_eq!(plan.number("/copy/blobs"), copied, "{bundle} {to}");
        copied
    };

    // The image it has; one whose base it has, and does not know which blob that came as.
    assert_eq!(count("old.tar", "quay.io/one"), 0);
    assert_eq!(count("new.tar", "quay.io/one-new"), 2);
    assert_eq!(count("new.tar", "quay.io/two"), 0);
}
