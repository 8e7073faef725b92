//! crane and regctl, with which people pull, check and push today, on both sides of the gap.

use std::path::Path;

use serde_json::Value;

use crate::round_trip::{assert_arrived, import};
use crate::support::images::{self, Image};
use crate::support::peers;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift};
use crate::support::shared::Shared;

/// Runs crane on plain HTTP.
#[track_caller]
fn crane(sealift: &Sealift, arguments: &[&str]) -> Ran {
    peers::run("crane", &sealift.home(), &[&["--insecure"], arguments].concat())
}

/// Runs regctl, which knows `hosts` to be plain HTTP.
#[track_caller]
fn regctl(sealift: &Sealift, hosts: &[&str], arguments: &[&str]) -> Ran {
    for host in hosts {
        peers::run("regctl", &sealift.home(), &["registry", "set", "--tls=disabled", host]);
    }
    peers::run("regctl", &sealift.home(), arguments)
}

/// Those whose layers are file systems.
fn images_of_layers() -> impl Iterator<Item = &'static Image> {
    let images = Shared::get().images.iter();
    images.filter(|image| images::LOADABLE.contains(&image.repository.as_str()))
}

/// Looks at everything at `host` with both.
fn look(sealift: &Sealift, host: &str) {
    for image in &Shared::get().images {
        let name = format!("{host}/{}", image.path());
        assert_eq!(crane(sealift, &["digest", &name]).stdout.trim(), image.digest());
        assert_eq!(crane(sealift, &["manifest", &name]).stdout.as_bytes(), image.root().bytes);
        let found = regctl(sealift, &[host], &["image", "digest", &name]);
        assert_eq!(found.stdout.trim(), image.digest());
        let tags = crane(sealift, &["ls", &format!("{host}/{}", image.repository)]).stdout;
        assert!(tags.lines().any(|tag| tag == image.tag), "{tags}");
    }
    // What crane validates it takes for gzip.
    for image in images_of_layers().filter(|image| image.repository != "acme/zstd") {
        crane(sealift, &["validate", "--remote", &format!("{host}/{}", image.path())]);
    }
    let signed = Shared::get().image("acme/signed");
    let name = format!("{host}/{}", signed.path());
    let list = regctl(sealift, &[host], &["artifact", "list", "--format={{json .}}", &name]);
    let found = list.json()["descriptors"][0]["artifactType"].clone();
    assert_eq!(found, "application/spdx+json", "{list:?}");
}

#[test]
fn both_find_and_check_what_was_imported() {
    need!("docker-registry", "busybox", "go:crane", "go:regctl", "go:distribution");
    let sealift = Sealift::new();

    for inside in [Registry::empty(), Registry::distribution_3()] {
        import(&sealift, &Shared::get().tar, &inside).ok();
        look(&sealift, &inside.host());
    }
}

#[test]
fn both_find_and_check_what_is_served_and_copy_it_from_there() {
    need!("docker-registry", "busybox", "go:crane", "go:regctl");
    let (shared, sealift) = (Shared::get(), Sealift::new());

    for bundle in shared.forms() {
        let served = sealift.serve(bundle, &shared.keys.public);
        look(&sealift, &served.host());
        let inside = Registry::empty();
        let hosts = [&*served.host(), &*inside.host()];
        for image in &shared.images {
            let [from, to] = hosts.map(|host| format!("{host}/{}", image.path()));
            let copy = ["image", "copy", "--referrers", "--digest-tags", &from, &to];
            regctl(&sealift, &hosts, &copy);
            assert_arrived(image, &inside, &image.repository);
        }
    }
}

#[test]
fn what_they_copy_is_exported_as_it_was() {
    need!("docker-registry", "busybox", "go:crane", "go:regctl");
    let (shared, sealift) = (Shared::get(), Sealift::new());
    let outside = Registry::over(&shared.storage);
    let middle = Registry::empty();
    let hosts = [&*outside.host(), &*middle.host()];
    for (at, image) in shared.images.iter().enumerate() {
        let [from, to] = hosts.map(|host| format!("{host}/{}", image.path()));
        match at % 2 {
            0 => crane(&sealift, &["copy", &from, &to]),
            _ => regctl(&sealift, &hosts, &["image", "copy", "--referrers", &from, &to]),
        };
    }

    let names: Vec<_> =
        shared.images.iter().map(|image| format!("{}/{}", middle.host(), image.path())).collect();
    let bundle = export(&sealift, &names);

    assert_holds(&sealift, &bundle, &shared.images);
}

/// A bundle of what these names lead to.
#[track_caller]
fn export(sealift: &Sealift, names: &[String]) -> std::path::PathBuf {
    let bundle = sealift.at("b");
    let _ = std::fs::remove_dir_all(&bundle);
    let mut export = sealift.command();
    export.arg("export").args(names).arg("-o").arg(&bundle);
    export.arg("--sign-key").arg(&Shared::get().keys.private);
    crate::support::sealift::ran(&mut export).ok();
    bundle
}

/// Asserts that every image is in the bundle, whatever its name.
#[track_caller]
fn assert_holds(sealift: &Sealift, bundle: &Path, images: &[Image]) {
    let key = &Shared::get().keys.public;
    let report = run!(sealift, "verify", bundle, "--key", key, "--format", "json").ok().json();
    let held = report["images"].as_array().unwrap();
    for image in images {
        let found = held.iter().any(|held| held["digest"] == image.digest());
        assert!(found, "{} in {report}", image.path());
    }
}

#[test]
fn their_layouts_and_archives_are_sources() {
    need!("docker-registry", "busybox", "go:crane", "go:regctl");
    let (shared, sealift) = (Shared::get(), Sealift::new());
    let outside = Registry::over(&shared.storage);
    let host = &*outside.host();

    for image in images_of_layers() {
        let name = format!("{host}/{}", image.path());
        let only = std::slice::from_ref(image);
        let at = |kind: &str| {
            let file = sealift.at(&format!("{}-{kind}", image.repository.replace('/', "-")));
            file.to_str().unwrap().to_owned()
        };

        let layout = at("crane");
        crane(&sealift, &["pull", "--format=oci", &name, &layout]);
        let bundle = export(&sealift, &[format!("oci:{layout}")]);
        assert_holds(&sealift, &bundle, only);

        let archive = at("regctl.tar");
        regctl(&sealift, &[host], &["image", "export", &name, &archive]);
        let bundle = export(&sealift, &[format!("oci-archive:{archive}")]);
        assert_holds(&sealift, &bundle, only);

        let folder = at("ocidir");
        regctl(&sealift, &[host], &["image", "copy", &name, &format!("ocidir://{folder}:1.0")]);
        let bundle = export(&sealift, &[format!("oci:{folder}")]);
        assert_holds(&sealift, &bundle, only);
    }
}

#[test]
fn a_tarball_of_crane_is_a_docker_archive() {
    need!("docker-registry", "busybox", "go:crane");
    let (shared, sealift) = (Shared::get(), Sealift::new());
    let outside = Registry::over(&shared.storage);
    let inside = Registry::empty();
    let image = shared.image("library/hello");
    let archive = sealift.at("hello.tar");
    let name = format!("{}/{}", outside.host(), image.path());
    crane(&sealift, &["pull", &name, archive.to_str().unwrap()]);

    let bundle = export(&sealift, &[format!("docker-archive:{}", archive.display())]);
    import(&sealift, &bundle, &inside).ok();

    let name = format!("{}/library/hello:1.0", inside.host());
    crane(&sealift, &["validate", "--remote", &name]);
    let config: Value = crane(&sealift, &["config", &name]).json();
    let before: Value = serde_json::from_slice(&image.root().bytes).unwrap();
    let before = &image.blobs[before["config"]["digest"].as_str().unwrap()];
    let before: Value = serde_json::from_slice(before).unwrap();
    assert_eq!(config["rootfs"], before["rootfs"]);
}
