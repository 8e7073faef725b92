//! What goes where under which name, and which part of an image goes at all.

use serde_json::Value;

use crate::round_trip::{assert_arrived, import};
use crate::support::engines::skopeo;
use crate::support::images;
use crate::support::output;
use crate::support::registry::Registry;
use crate::support::sealift::{Sealift, code, ran};
use crate::support::shared::Shared;

#[test]
fn a_dry_run_writes_nothing_and_prints_the_plan() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (sealift, inside) = (Sealift::new(), Registry::empty());
    let to = format!("docker://{}/group", inside.host());
    let key = &shared.keys.public;

    run!(sealift, "import", shared.tar, "--to", to, "--key", key, "--dry-run")
        .ok()
        .says(&format!("{}/group/library/hello:1.0", inside.host()));

    assert!(inside.writes().is_empty(), "{:?}", inside.writes());
}

#[test]
fn a_dry_run_of_an_export_makes_no_file() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (sealift, outside) = (Sealift::new(), Registry::over(&shared.storage));
    let name = format!("{}/acme/odd:1.0", outside.host());

    run!(sealift, "export", name, "-o", "b.tar", "--sign-key", shared.keys.private, "--dry-run")
        .ok()
        .says("acme/odd:1.0");

    assert_eq!(std::fs::read_dir(sealift.at("")).unwrap().count(), 0);
}

#[test]
fn names_are_mapped_by_flattening_and_by_rules() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (sealift, inside) = (Sealift::new(), Registry::empty());
    let to = format!("docker://{}/group", inside.host());
    let key = &shared.keys.public;

    run!(sealift, "import", shared.tar, "--to", to, "--key", key, "--flatten").ok();
    let rule = format!("{}/acme/*=mirror/*", shared.host);
    run!(sealift, "import", shared.tar, "--to", to, "--key", key, "--map", rule).ok();

    assert_arrived(shared.image("acme/multi"), &inside, "group/multi");
    assert_arrived(shared.image("acme/multi"), &inside, "group/mirror/multi");
    assert_arrived(shared.image("library/hello"), &inside, "group/library/hello");
}

#[test]
fn two_names_landing_on_one_are_refused_before_anything_moves() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (sealift, inside) = (Sealift::new(), Registry::empty());
    let images = [shared.image("acme/odd"), shared.image("acme/twice")];
    let names = [("docker.io/one/app:1", images[0]), ("docker.io/two/app:1", images[1])];
    images::write_layout(&sealift.at("source"), &names);
    run!(sealift, "export", "oci:source", "-o", "b.tar", "--sign-key", shared.keys.private).ok();
    let to = format!("docker://{}", inside.host());

    let key = &shared.keys.public;
    run!(sealift, "import", "b.tar", "--to", to, "--key", key, "--flatten")
        .exits(code::USAGE)
        .says("docker.io/one/app:1")
        .says("docker.io/two/app:1");

    assert!(inside.writes().is_empty());
}

#[test]
fn another_image_under_the_name_is_an_error_unless_told_otherwise() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (sealift, inside) = (Sealift::new(), Registry::empty());
    let other = images::Image::single("acme/odd", "1.0", "[]", &[]);
    other.push(&inside);
    let to = format!("docker://{}", inside.host());
    let key = &shared.keys.public;
    let import = |choice: &str| {
        run!(sealift, "import", shared.tar, "--to", to, "--key", key, "--on-existing", choice)
    };
    let there = || inside.document("acme/odd", "1.0").unwrap();

    let odd = shared.image("acme/odd");
    import("error").exits(code::REFUSED).says(other.digest()).says(odd.digest());
    assert!(there() == other.root().bytes);
    import("skip").ok();
    assert!(there() == other.root().bytes);
    import("overwrite").ok();
    assert!(there() == odd.root().bytes);
}

/// Exports `acme/multi` with more arguments, into `b`.
fn export_multi(sealift: &Sealift, outside: &Registry, more: &[&str]) {
    let mut export = sealift.command();
    export.arg("export").arg(format!("{}/acme/multi:1.0", outside.host())).args(["-o", "b"]);
    export.arg("--sign-key").arg(&Shared::get().keys.private).args(more);
    ran(&mut export).ok();
}

#[test]
fn a_platform_selection_keeps_the_index_as_it_is() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (sealift, outside) = (Sealift::new(), Registry::over(&shared.storage));
    let multi = shared.image("acme/multi");

    export_multi(&sealift, &outside, &["--platform", "linux/arm64"]);
    run!(sealift, "verify", "b", "--key", shared.keys.public).ok();

    let blob = |digest: &str| sealift.at("b/blobs/sha256").join(&digest[7..]);
    assert!(std::fs::read(blob(multi.digest())).unwrap() == multi.root().bytes);
    let [amd64, _, arm64, ..] = &multi.documents[..] else { panic!("four children") };
    assert!(blob(&arm64.digest).exists());
    assert!(!blob(&amd64.digest).exists());
    assert!(!outside.requests().iter().any(|request| request.path.contains(&amd64.digest)));
}

#[test]
fn a_rewritten_index_is_one_that_any_registry_takes() {
    need!("docker-registry", "skopeo", "busybox");
    let shared = Shared::get();
    let (sealift, outside) = (Sealift::new(), Registry::over(&shared.storage));
    let inside = Registry::empty();

    export_multi(&sealift, &outside, &["--platform", "linux/amd64", "--rewrite-index"]);
    import(&sealift, &sealift.at("b"), &inside).ok();

    let raw = inside.document("acme/multi", "1.0").unwrap();
    let index: Value = serde_json::from_slice(&raw).unwrap();
    let children = index["manifests"].as_array().unwrap();
    let platforms: Vec<_> =
        children.iter().map(|child| child["platform"]["architecture"].as_str()).collect();
    assert!(platforms.contains(&Some("amd64")) && !platforms.contains(&Some("arm64")));
    let name = format!("docker://{}/acme/multi:1.0", inside.host());
    output(skopeo("inspect").arg(&name));
}
