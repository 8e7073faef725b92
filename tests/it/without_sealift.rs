//! A bundle is of use without sealift: the tools at hand read both forms as they are.

use std::path::Path;

use crate::support::engines::{Containerd, Docker, Podman, skopeo};
use crate::support::images::{GREETING, LOADABLE};
use crate::support::sealift::Sealift;
use crate::support::shared::Shared;
use crate::support::{command, output, text};

#[test]
fn skopeo_copies_images_out_of_the_directory() {
    need!("docker-registry", "skopeo", "busybox");
    let (shared, sealift) = (Shared::get(), Sealift::new());

    for repository in ["library/hello", "acme/odd", "acme/zstd", "acme/twice", "acme/multi"] {
        let from = format!("oci:{}:{}", shared.dir.display(), shared.name(repository));
        let copy = sealift.at(repository.rsplit('/').next().unwrap());
        output(skopeo("copy").arg("--all").arg(&from).arg(format!("dir:{}", copy.display())));

        let manifest = std::fs::read(copy.join("manifest.json")).unwrap();
        assert!(manifest == shared.image(repository).root().bytes, "{repository}");
    }
}

#[test]
fn skopeo_reads_the_packed_file() {
    need!("docker-registry", "skopeo", "busybox");
    let shared = Shared::get();

    for image in shared.images.iter().filter(|image| image.is_oci()) {
        let name = shared.name(&image.repository);
        let name = format!("oci-archive:{}:{name}", shared.tar.display());
        assert!(output(skopeo("inspect").args(["--raw", &name])) == image.root().bytes, "{name}");
    }
    let hello = shared.name("library/hello");
    let hello = format!("oci-archive:{}:{hello}", shared.tar.display());
    assert!(text(skopeo("inspect").arg(hello)).contains("\"Architecture\": \"amd64\""));
}

#[test]
fn umoci_lists_and_unpacks_the_directory() {
    need!("root", "docker-registry", "umoci", "busybox");
    let (shared, sealift) = (Shared::get(), Sealift::new());

    let listed = text(command("umoci").arg("ls").arg("--layout").arg(&shared.dir));
    for image in &shared.images {
        let name = shared.name(&image.repository);
        assert!(listed.lines().any(|line| line == name), "{name} is not in\n{listed}");
    }

    let name = format!("{}:{}", shared.dir.display(), shared.name("library/hello"));
    let unpacked = sealift.at("unpacked");
    output(command("umoci").arg("unpack").arg("--image").arg(name).arg(&unpacked));
    let busybox = std::fs::read(crate::support::find("busybox").unwrap()).unwrap();
    assert!(std::fs::read(unpacked.join("rootfs/bin/busybox")).unwrap() == busybox);
}

#[test]
fn docker_loads_the_packed_file_and_runs_an_image() {
    need!("root", "docker-registry", "dockerd", "docker", "busybox");
    let shared = Shared::get();
    let docker = Docker::start();

    output(docker.command().args(["load", "-i"]).arg(&shared.tar));

    let format = "{{.Repository}}:{{.Tag}}";
    let listed = text(docker.command().args(["images", "--format", format]));
    for repository in LOADABLE {
        let name = shared.name(repository);
        assert!(listed.lines().any(|line| line == name), "{name} is not in\n{listed}");
    }
    let hello = shared.name("library/hello");
    let said = text(docker.command().args(["run", "--rm", "--network=none", &hello]));
    assert_eq!(said.trim(), GREETING);
}

#[test]
fn podman_loads_the_packed_file() {
    need!("root", "docker-registry", "podman", "busybox");
    let shared = Shared::get();
    let podman = Podman::new();

    output(podman.command().args(["load", "-i"]).arg(&shared.tar));

    for repository in LOADABLE {
        output(podman.command().args(["image", "inspect", &shared.name(repository)]));
    }
}

#[test]
fn containerd_imports_the_packed_file() {
    need!("root", "docker-registry", "containerd", "ctr", "busybox");
    let shared = Shared::get();
    let containerd = Containerd::start();

    // Charts and attestations are no images: there is nothing to unpack in them.
    let mut import = containerd.command();
    output(import.args(["images", "import", "--no-unpack", "--all-platforms"]).arg(&shared.tar));

    let listed = text(containerd.command().args(["images", "ls"]));
    for image in &shared.images {
        let name = shared.name(&image.repository);
        let line = listed.lines().find(|line| line.starts_with(&format!("{name} ")));
        let line = line.unwrap_or_else(|| panic!("{name} is not in\n{listed}"));
        assert!(line.contains(image.digest()), "{line}");
    }
}

#[test]
fn tar_and_sha256sum_check_the_packed_file() {
    need!("docker-registry", "busybox", "tar", "sha256sum");
    let (shared, sealift) = (Shared::get(), Sealift::new());
    let unpacked = sealift.at("unpacked");
    std::fs::create_dir(&unpacked).unwrap();

    output(command("tar").arg("-xf").arg(&shared.tar).arg("-C").arg(&unpacked));

    let check = |dir: &Path| {
        let mut check = command("sha256sum");
        output(check.args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(dir));
    };
    check(&unpacked);
    check(&shared.dir);
    let (packed, dir) =
        (crate::support::files::tree(&unpacked), crate::support::files::tree(&shared.dir));
    assert_eq!(packed, dir, "both forms hold the same files");
    run!(sealift, "verify", unpacked, "--key", shared.keys.public).ok();
}
