//! Engines' storages: where they are, whose they are, and whether they have room.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::memory::{Hashing, layer_size, run_within, write_layer};
use crate::support::content::{Layer, hex, tar};
use crate::support::engines::{Containerd, Docker, Podman, Tmpfs};
use crate::support::images::{self, Image, OCI_CONFIG, OCI_MANIFEST};
use crate::support::inside::{Engine, Inside};
use crate::support::sealift::{code, ran};
use crate::support::{Random, command, text};

const NAME: &str = "docker.io/acme/large:1.0";

/// An image with a layer of that many megabytes.
fn image_of(megabytes: usize) -> Image {
    let layer = Layer::gzip(&tar(&[("large", &Random::new(5).bytes(megabytes << 20), 0o644)]));
    Image::single("acme/large", "1.0", r#"["/bin/true"]"#, &[layer])
}

/// What is too small is refused with the numbers, and nothing moves.
fn refuses(inside: &Inside, place: &Path) {
    inside.pack("b.tar", &[(NAME, &image_of(40))]);

    for more in [&[][..], &["--dry-run"]] {
        let ran = inside.import_with("b.tar", more).exits(code::NO_ROOM);
        let ran = ran.says(&place.display().to_string()).says("bytes are to come");
        // The layer unpacked has a little more than 40 MiB.
        ran.says(": 4194").says("have to stay free");
    }

    assert!(inside.names().is_empty());
    inside.has_no_helper_names();
}

#[test]
fn a_storage_of_podmans_that_is_too_small_is_refused_with_the_numbers() {
    need!("root", "podman", "mount");
    let disk = Tmpfs::of(32);
    let inside = Inside::new(Engine::Podman(Podman::over(&disk.path().join("root"))));

    refuses(&inside, disk.path());
}

#[test]
fn a_folder_of_podmans_for_pulls_that_is_too_small_is_not_called_its_storage() {
    need!("root", "podman", "mount");
    let disk = Tmpfs::of(32);
    let inside = Inside::new(Engine::Podman(Podman::new()));
    inside.pack("b.tar", &[(NAME, &image_of(40))]);

    let ran = ran(inside.command("b.tar", &[]).env("TMPDIR", disk.path())).exits(code::NO_ROOM);

    let place = format!("keeps layers while it pulls, {}", disk.path().display());
    ran.says(&place).says("by TMPDIR");
    assert!(inside.names().is_empty());
}

#[test]
fn a_storage_of_dockers_that_is_too_small_is_refused_with_the_numbers() {
    need!("root", "dockerd", "docker", "mount");
    let disk = Tmpfs::of(32);
    let docker = Docker::start_over(&disk.path().join("data"));
    let inside = Inside::new(Engine::Docker(docker));
    inside.pack("b.tar", &[(NAME, &image_of(40))]);

    let ran = inside.import("b.tar").exits(code::NO_ROOM).says("bytes are to come");

    // Unpacked and packed: both are in the same storage for a while.
    ran.says(": 8389").says(&disk.path().display().to_string());
    assert!(inside.names().is_empty());
}

#[test]
fn a_storage_of_containerds_that_is_too_small_is_refused_with_the_numbers() {
    need!("root", "containerd", "ctr", "mount");
    let disk = Tmpfs::of(32);
    let containerd = Containerd::start_over(&disk.path().join("root"));
    let inside = Inside::new(Engine::Containerd(containerd, "default"));
    inside.pack("b.tar", &[(NAME, &image_of(40))]);

    let ran = inside.import("b.tar").exits(code::NO_ROOM).says("bytes are to come");

    ran.says(": 8389").says(&disk.path().display().to_string());
    assert!(inside.names().is_empty());
}

#[test]
fn a_quota_counts_where_it_is_smaller_than_the_disk() {
    need!("root", "podman");
    let inside = Inside::new(Engine::Podman(Podman::new()));
    inside.pack("b.tar", &[(NAME, &image_of(40))]);
    // Lines as quota 4.06 prints them with -w -p --show-mntpoint --hide-device.
    let scratch = inside.sealift.at("").display().to_string();
    let program = |left: u64| {
        let (used, limit) = (5_000_000, 5_000_000 + left);
        let lines = format!(
            "Disk quotas for user me (uid 1000): \\n     Filesystem   space   quota   limit   \
             grace   files   quota   limit   grace\\n{scratch} {used} {limit} {limit} 0 7 0 0 0\\n"
        );
        let folder = inside.sealift.at(&format!("bin-{left}"));
        std::fs::create_dir(&folder).unwrap();
        let quota = folder.join("quota");
        std::fs::write(&quota, format!("#!/bin/sh\nprintf '{lines}'\n")).unwrap();
        std::fs::set_permissions(&quota, Permissions::from_mode(0o755)).unwrap();
        format!("{}:{}", folder.display(), std::env::var("PATH").unwrap())
    };

    // Layer, staged layer and margin have 96 MiB together.
    let small = ran(inside.command("b.tar", &[]).env("PATH", program(90 << 10)));
    small.exits(code::NO_ROOM).says("user's quota").says("and 94371840 are free");
    assert!(inside.names().is_empty());
    ran(inside.command("b.tar", &[]).env("PATH", program(110 << 10))).ok();
}

#[test]
fn podman_finds_its_storage_by_storage_conf() {
    need!("root", "podman", "busybox");
    let podman = Podman::new();
    let storage = podman.storage();
    let (root, run) =
        storage.split_once('@').unwrap().1.trim_end_matches(']').split_once('+').unwrap();
    let inside = Inside::new(Engine::Podman(podman));
    let conf = inside.sealift.at("storage.conf");
    let lines =
        format!("[storage]\ndriver = \"vfs\"\ngraphroot = \"{root}\"\nrunroot = \"{run}\"\n");
    std::fs::write(&conf, lines).unwrap();
    let name = "docker.io/library/hello:1.0";
    inside.pack("b.tar", &[(name, &images::hello())]);
    let mut import = inside.sealift.command();
    import
        .args(["import", "b.tar", "--to", "containers-storage:", "--key"])
        .arg(&inside.keys.public);
    inside.engine.dress(&mut import);

    ran(import.env("CONTAINERS_STORAGE_CONF", conf)).ok();

    inside.shows(name, &images::hello());
}

#[test]
fn an_isolated_machine_may_block_or_mirror_the_hosts_that_images_are_named_for() {
    need!("root", "podman", "busybox");
    let inside = Inside::new(Engine::Podman(Podman::new()));
    let folder = inside.sealift.home().join(".config/containers/registries.conf.d");
    std::fs::create_dir_all(&folder).unwrap();
    let entries = "[[registry]]\nlocation = \"docker.io\"\nblocked = true\n\n[[registry]]\n\
                   prefix = \"quay.io/acme\"\nlocation = \"mirror.invalid/quay\"\n";
    std::fs::write(folder.join("site.conf"), entries).unwrap();
    let names = ["docker.io/library/hello:1.0", "quay.io/acme/hello:1.0"];
    let hello = images::hello();
    inside.pack("b.tar", &names.map(|name| (name, &hello)));

    inside.import("b.tar").ok();

    names.iter().for_each(|name| inside.shows(name, &hello));
}

/// A user that has nothing but an id.
const SOMEBODY: u32 = 54_321;

/// `program` as that user.
fn as_somebody(folder: &Path, program: &Path) -> Command {
    let id = |option: &str| format!("--{option}={SOMEBODY}");
    let mut command = command("setpriv");
    command.args([&id("reuid"), &id("regid"), "--clear-groups"]).arg(program);
    command.env_clear().env("PATH", std::env::var("PATH").unwrap()).current_dir(folder);
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder.join("run"));
    command.env("CONTAINERS_STORAGE_CONF", folder.join("storage.conf"));
    command
}

#[test]
fn podman_without_root_gets_its_images_too() {
    need!("root", "podman", "setpriv", "busybox");
    let folder = TempDir::new().unwrap();
    let own = |path: &Path| chown(path, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("storage.conf"), "[storage]\ndriver = \"vfs\"\n").unwrap();
    std::fs::create_dir(at("run")).unwrap();
    std::fs::set_permissions(at("run"), Permissions::from_mode(0o700)).unwrap();
    let inside = Inside::new(Engine::Podman(Podman::new()));
    let hello = images::hello();
    let name = "docker.io/library/hello:1.0";
    inside.pack("b.tar", &[(name, &hello)]);
    std::fs::copy(inside.sealift.at("b.tar"), at("b.tar")).unwrap();
    std::fs::copy(&inside.keys.public, at("key.pem")).unwrap();
    std::fs::copy(env!("CARGO_BIN_EXE_sealift"), at("sealift")).unwrap();
    for name in ["", "run", "b.tar", "key.pem", "storage.conf", "sealift"] {
        own(&at(name));
    }
    let podman = crate::support::find("podman").unwrap();
    let possible = as_somebody(folder.path(), &podman).arg("info").output().unwrap();
    if !possible.status.success() {
        eprintln!("skipped: podman without root: {}", String::from_utf8_lossy(&possible.stderr));
        return;
    }
    let import = || {
        let mut import = as_somebody(folder.path(), &at("sealift"));
        import.args(["import", "b.tar", "--to", "containers-storage:", "--key", "key.pem"]);
        ran(import.args(["--format", "json"])).ok()
    };

    assert_eq!(import().number("/copied/blobs"), 2);
    assert_eq!(import().number("/copied/blobs"), 0);

    let mut inspect = as_somebody(folder.path(), &podman);
    let digests = text(inspect.args(["image", "inspect", "--format", "{{.RepoDigests}}", name]));
    assert!(digests.contains(hello.digest()), "{digests}");
}

/// A layout with a layer far larger than the memory that there is for it, written without ever holding it.
fn huge_layout(folder: &Path) {
    use sha2::{Digest as _, Sha256};
    use std::io::Write as _;
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let path = blobs.join("layer");
    let mut hash = Sha256::new();
    let mut file = std::fs::File::create(&path).unwrap();
    let mut out = Hashing(&mut file, &mut hash);
    let mut header = tar::Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_size(layer_size());
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_cksum();
    out.write_all(header.as_bytes()).unwrap();
    write_layer(&mut out).unwrap();
    out.write_all(&[0; 1024]).unwrap();
    let digest = hex(&hash.finalize());
    std::fs::rename(&path, blobs.join(&digest)).unwrap();

    let mut image = Image::new("huge/layer", "1.0");
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["sha256:{digest}"]}}}}"#
    );
    let config = image.blob(OCI_CONFIG, config.as_bytes());
    let size = layer_size() + 512 + 1024;
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:{digest}","size":{size}}}]}}"#
    );
    image.document(OCI_MANIFEST, &manifest, "");
    image.name("1.0");
    images::write_layout(folder, &[("docker.io/huge/layer:1.0", &image)]);
}

#[test]
fn a_large_layer_goes_through_64_mebibytes_into_and_out_of_each_engine() {
    need!("root", "podman", "dockerd", "docker", "containerd", "ctr");
    // Not in /tmp, which is memory on some machines.
    let scratch = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let at = |name: &str| scratch.path().join(name);
    huge_layout(&at("layout"));
    let mut bundle = None;
    let engines: [&dyn Fn() -> Engine; 3] = [
        &|| Engine::Podman(Podman::over(&at("podman"))),
        &|| Engine::Docker(Docker::start_over(&at("docker"))),
        &|| Engine::Containerd(Containerd::start_over(&at("containerd")), "default"),
    ];
    for engine in engines {
        let inside = Inside::new(engine());
        let (tar, key) = bundle.get_or_insert_with(|| {
            let mut export = inside.sealift.command();
            export.arg("export").arg(format!("oci:{}", at("layout").display()));
            export.arg("-o").arg(at("b.tar")).arg("--sign-key").arg(&inside.keys.private);
            ran(&mut export).ok();
            std::fs::remove_dir_all(at("layout")).unwrap();
            std::fs::copy(&inside.keys.public, at("key.pem")).unwrap();
            (at("b.tar").display().to_string(), at("key.pem"))
        });
        let mut import = inside.sealift.command();
        import.args(["import", tar, "--to", &inside.engine.destination(), "--key"]).arg(&*key);
        inside.engine.dress(&mut import);

        run_within(&format!("import into {}", inside.engine.name()), &mut import);

        let names = inside.names();
        let name = names.iter().find(|name| name.contains("huge/layer")).unwrap();
        let mut export = inside.sealift.command();
        export.arg("export").arg(format!("{}{name}", inside.engine.destination()));
        export.arg("-o").arg(at("back.tar")).arg("--sign-key").arg(&inside.keys.private);
        inside.engine.dress(&mut export);
        run_within(&format!("export from {}", inside.engine.name()), &mut export);
        std::fs::remove_file(at("back.tar")).unwrap();
        drop(inside);
        for folder in ["podman", "docker", "containerd"] {
            let _ = command("umount").arg("--lazy").arg(at(folder).join("overlay")).output();
            let _ = std::fs::remove_dir_all(at(folder));
        }
    }
}
