//! Images come out of containerd as they went in, and engines' programs are kept on a leash.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::engines::{Containerd, Podman, Tmpfs};
use crate::support::images::Image;
use crate::support::inside::{Engine, Inside};
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::{Process, images, output, text, wait_for};

/// A containerd, a registry that its images come from, and who exports them.
struct World {
    containerd: Containerd,
    registry: Registry,
    sealift: Sealift,
}

impl World {
    fn new() -> World {
        let sealift = Sealift::new();
        sealift.keys("signer");
        World { containerd: Containerd::start(), registry: Registry::empty(), sealift }
    }

    /// Has containerd pull `image`; gives the name that it has there.
    fn pull(&self, image: &Image, namespace: &str, options: &[&str]) -> String {
        image.push(&self.registry);
        let name = format!("{}/{}", self.registry.host(), image.path());
        let mut ctr = self.ctr(namespace);
        output(ctr.args(["content", "fetch", "--plain-http"]).args(options).arg(&name));
        name
    }

    fn ctr(&self, namespace: &str) -> Command {
        let mut ctr = self.containerd.command();
        ctr.args(["--namespace", namespace]);
        ctr
    }

    fn export(&self, source: &str, options: &[&str]) -> Ran {
        let mut command = self.sealift.command();
        command.env("CONTAINERD_ADDRESS", self.containerd.address());
        command.args(["export", source, "-o", "b.tar", "--sign-key", "signer.key.pem"]);
        ran(command.args(options))
    }

    fn digest(&self) -> String {
        let mut inspect = self.sealift.command();
        let about = text(inspect.args(["inspect", "b.tar", "--format", "json"]));
        let about: serde_json::Value = serde_json::from_str(&about).unwrap();
        assert_eq!(about["images"][0]["made"], serde_json::Value::Null, "nothing has to be made");
        about["images"][0]["digest"].as_str().unwrap().to_owned()
    }
}

fn multi() -> Image {
    images::all().into_iter().find(|image| image.repository == "acme/multi").unwrap()
}

/// The first layer of an image of one manifest.
fn layer_of(image: &Image) -> String {
    let manifest: serde_json::Value = serde_json::from_slice(&image.root().bytes).unwrap();
    manifest["layers"][0]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn an_image_of_containerds_keeps_the_digest_that_its_registry_gave_it() {
    need!("root", "docker-registry", "busybox", "containerd", "ctr");
    let world = World::new();
    let (hello, multi) = (images::hello(), multi());
    let name = world.pull(&hello, "k8s.io", &[]);

    world.export(&format!("containerd:[k8s.io]{name}"), &[]).ok();
    assert_eq!(world.digest(), hello.digest());
    run!(world.sealift, "verify", "b.tar", "--key", "signer.pub.pem").ok();

    std::fs::remove_file(world.sealift.at("b.tar")).unwrap();
    let pinned = format!("{}@{}", name.rsplit_once(':').unwrap().0, hello.digest());
    world.export(&format!("containerd:[k8s.io]{pinned}"), &[]).ok();
    assert_eq!(world.digest(), hello.digest());

    std::fs::remove_file(world.sealift.at("b.tar")).unwrap();
    let name = world.pull(&multi, "default", &["--all-platforms"]);
    world.export(&format!("containerd:{name}"), &[]).ok();
    assert_eq!(world.digest(), multi.digest());
}

#[test]
fn an_image_of_which_containerd_has_one_platform_is_exported_with_that_one() {
    need!("root", "docker-registry", "busybox", "containerd", "ctr");
    let (world, multi) = (World::new(), multi());
    let source =
        format!("containerd:[k8s.io]{}", world.pull(&multi, "k8s.io", &["--platform=linux/amd64"]));

    world.export(&source, &[]).exits(code::INCOMPLETE).says("--platform").says("not found");
    assert!(!world.sealift.at("b.tar").exists());

    world.export(&source, &["--platform", "linux/amd64", "--no-referrers"]).ok();
    assert_eq!(world.digest(), multi.digest());
}

#[test]
fn what_containerd_does_not_have_is_named_and_so_is_a_containerd_that_is_not_there() {
    need!("root", "docker-registry", "busybox", "containerd", "ctr");
    let world = World::new();
    let hello = images::hello();
    let name = world.pull(&hello, "k8s.io", &[]);

    let elsewhere = world.export(&format!("containerd:{name}"), &[]);
    elsewhere.exits(code::INCOMPLETE).says(&name).says("containerd:[k8s.io]NAME");
    let slashed = world.export(&format!("containerd:k8s.io/{}", hello.path()), &[]);
    slashed.exits(code::INCOMPLETE).says("in brackets: containerd:[k8s.io]NAME");
    world.export("containerd:--help", &[]).exits(code::USAGE);

    let mut command = world.sealift.command();
    command.env("CONTAINERD_ADDRESS", world.sealift.at("no-such-socket"));
    command.args(["export", &format!("containerd:{name}"), "-o", "b", "--sign-key"]);
    ran(command.arg("signer.key.pem")).exits(code::REFUSED).says("CONTAINERD_ADDRESS");
    let mut command = world.sealift.command();
    command.env("PATH", world.sealift.at("nothing"));
    command.args(["export", &format!("containerd:{name}"), "-o", "b", "--sign-key"]);
    ran(command.arg("signer.key.pem")).exits(1).says("ctr is not installed");
}

#[test]
fn a_layer_that_containerd_dropped_is_missing_and_not_made_up() {
    need!("root", "docker-registry", "busybox", "containerd", "ctr");
    let (world, hello) = (World::new(), images::hello());
    let name = world.pull(&hello, "k8s.io", &[]);
    let layers = text(world.ctr("k8s.io").args(["content", "ls", "-q"]));
    let layer = layer_of(&hello);
    assert!(layers.contains(&layer));
    output(world.ctr("k8s.io").args(["content", "rm", &layer]));

    let ran = world.export(&format!("containerd:[k8s.io]{name}"), &[]);

    ran.exits(code::INCOMPLETE).says("not found");
    assert!(!world.sealift.at("b.tar").exists());
}

#[test]
fn an_engines_program_sees_no_passphrase_and_does_not_outlive_who_is_stopped_twice() {
    need!("sh", "env");
    let sealift = Sealift::new();
    sealift.keys("signer");
    let bin = sealift.at("bin");
    std::fs::create_dir(&bin).unwrap();
    // A docker that says nothing any more.
    let script =
        "#!/bin/sh\nenv > environment\necho $$ > pid.new\nmv pid.new pid\nexec sleep 600\n";
    std::fs::write(bin.join("docker"), script).unwrap();
    std::fs::set_permissions(bin.join("docker"), Permissions::from_mode(0o755)).unwrap();
    let mut export = sealift.command();
    export.args(["export", "docker-daemon:x", "-o", "b", "--sign-key", "signer.key.pem"]);
    export.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    export.env("SEALIFT_PASSPHRASE", "nobody's business");

    let mut process = Process::start(export.stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for("the program", || sealift.at("pid").exists());
    process.signal(Signal::TERM);
    process.signal(Signal::TERM);
    wait_for("the end", || process.ended());

    let pid = std::fs::read_to_string(sealift.at("pid")).unwrap();
    let gone = || !std::path::Path::new("/proc").join(pid.trim()).exists();
    wait_for("the program's end", gone);
    let environment = std::fs::read_to_string(sealift.at("environment")).unwrap();
    assert!(environment.contains("PATH=") && !environment.contains("PASSPHRASE"), "{environment}");
    assert!(!sealift.at("b").exists());
}

/// What there is to export out of podman: images that came in under those names.
fn podman_with(images: &[(&str, &Image)]) -> Inside {
    let inside = Inside::new(Engine::Podman(Podman::new()));
    inside.pack("in.tar", images);
    inside.import("in.tar").ok();
    inside
}

/// An export of `name`, not run yet.
fn out_of(inside: &Inside, name: &str) -> Command {
    let _ = std::fs::remove_file(inside.sealift.at("out.tar"));
    let mut export = inside.sealift.command();
    export.arg("export").arg(format!("{}{name}", inside.engine.destination()));
    export.args(["-o", "out.tar", "--sign-key"]).arg(&inside.keys.private);
    inside.engine.dress(&mut export);
    export
}

/// What the one image in the bundle is called.
fn called(inside: &Inside) -> String {
    let mut inspect = inside.sealift.command();
    let about = text(inspect.args(["inspect", "out.tar", "--format", "json"]));
    let about: serde_json::Value = serde_json::from_str(&about).unwrap();
    assert_eq!(about["images"].as_array().unwrap().len(), 1);
    about["images"][0]["name"].as_str().unwrap().to_owned()
}

#[test]
fn a_list_of_podmans_is_not_taken_for_the_image_in_it() {
    need!("root", "podman", "busybox");
    let (name, multi) = ("docker.io/acme/multi:1.0", multi());
    let inside = podman_with(&[(name, &multi)]);
    let podman = |arguments: &[&str]| output(inside.engine.command().args(arguments));
    podman(&["manifest", "create", "ml:1"]);
    podman(&["manifest", "add", "ml:1", &format!("containers-storage:{name}")]);

    let ran = ran(&mut out_of(&inside, "ml:1")).exits(code::REFUSED);

    ran.says("ml:1 is a list of images").says("manifest push --all");
    assert!(!inside.sealift.at("out.tar").exists());
    // One that was pulled out of an index is an image.
    crate::support::sealift::ran(&mut out_of(&inside, name)).ok();
    assert_eq!(called(&inside), name);
}

#[test]
fn an_image_asked_for_by_a_digest_is_called_by_its_own_repository() {
    need!("root", "podman", "busybox");
    let hello = images::hello();
    let names = ["docker.io/a/first:1", "quay.io/b/hello:1.0", "quay.io/c/hello:2"];
    let inside = podman_with(&names.map(|name| (name, &hello)));
    let at = |repository: &str| format!("{repository}@{}", hello.digest());

    for (asked, name) in [(at("quay.io/b/hello"), names[1]), (at("quay.io/c/hello"), names[2])] {
        ran(&mut out_of(&inside, &asked)).ok();
        assert_eq!(called(&inside), name);
    }
    let id = text(inside.engine.command().args(["image", "inspect", "-f", "{{.Id}}", names[2]]));
    ran(&mut out_of(&inside, id.trim())).ok();
    assert_eq!(called(&inside), names[0], "the first one of all");
}

#[test]
fn what_podman_stages_goes_with_the_export_or_with_the_next_one() {
    need!("root", "podman", "busybox");
    let large = crate::killed::large_images();
    let name = "docker.io/acme/large:1";
    let inside = podman_with(&[(name, &large[0])]);
    let Engine::Podman(podman) = &inside.engine else { unreachable!() };
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let mut export = out_of(&inside, name);
        let mut export = Process::start(export.stdout(Stdio::null()).stderr(Stdio::null()));
        wait_for("the staging", || podman.staged() > 0 || export.ended());
        export.signal(signal);
        wait_for("the stopped export", || export.ended());
        assert_eq!(signal == Signal::KILL, podman.staged() > 0, "{signal:?}");
    }

    ran(&mut out_of(&inside, name)).ok();

    assert_eq!(podman.staged(), 0);
}

#[test]
fn a_staging_folder_without_room_is_called_that() {
    need!("root", "podman", "mount", "busybox");
    let large = crate::killed::large_images();
    let name = "docker.io/acme/large:1";
    let inside = podman_with(&[(name, &large[0])]);
    let disk = Tmpfs::of(1);

    let ran = ran(out_of(&inside, name).env("TMPDIR", disk.path())).exits(code::NO_ROOM);

    ran.says(name).says("TMPDIR");
    assert_eq!(std::fs::read_dir(disk.path()).unwrap().count(), 0);
}

#[test]
fn layers_that_podman_cannot_save_are_told_of_with_a_way_out() {
    need!("root", "podman", "busybox");
    let zstd = images::all().into_iter().find(|i| i.repository == "acme/zstd").unwrap();
    let name = "docker.io/acme/zstd:1.0";
    let inside = podman_with(&[(name, &zstd)]);

    ran(&mut out_of(&inside, name)).exits(code::REFUSED).says(name).says("oci-archive");

    let save = ["save", "--quiet", "--format", "oci-archive", "-o"];
    output(inside.engine.command().args(save).arg(inside.sealift.at("way-out")).arg(name));
    let mut export = inside.sealift.command();
    export.args(["export", "oci-archive:way-out", "-o", "out.tar", "--sign-key"]);
    ran(export.arg(&inside.keys.private)).ok();
}
