//! The tests' own support, tried on the real components without sealift, so that a failure
//! elsewhere is sealift's.

use tempfile::TempDir;

use crate::support::engines::{Containerd, Docker, Podman, skopeo};
use crate::support::images::{self, GREETING};
use crate::support::registry::{Access, Credentials, Registry};
use crate::support::token::TokenServer;
use crate::support::{command, output, text};

#[test]
fn every_kind_of_image_stands_in_a_real_registry_byte_for_byte() {
    need!("docker-registry", "skopeo", "busybox");
    let registry = Registry::empty();

    for image in images::all() {
        image.push(&registry);

        let name = format!("docker://{}/{}", registry.host(), image.path());
        let raw = output(skopeo("inspect").args(["--raw", &name]));
        assert!(raw == image.root().bytes, "{name}");
    }
    assert!(registry.requests().iter().any(|request| request.is_tagging()));
    assert!(registry.writes().iter().filter_map(|request| request.blob()).count() > 10);
}

#[test]
fn the_hand_written_layout_is_read_by_skopeo() {
    need!("skopeo", "busybox");
    let dir = TempDir::new().unwrap();
    let images = images::all();
    let named: Vec<_> = images.iter().map(|image| (image.path(), image)).collect();
    let named: Vec<_> = named.iter().map(|(name, image)| (name.as_str(), *image)).collect();
    images::write_layout(dir.path(), &named);

    // Of an index's entries, skopeo 1.9 looks at those alone that have OCI's own media types.
    for (name, image) in named.into_iter().filter(|(_, image)| image.is_oci()) {
        let name = format!("oci:{}:{name}", dir.path().display());
        assert!(output(skopeo("inspect").args(["--raw", &name])) == image.root().bytes, "{name}");
    }
}

#[test]
fn a_registry_with_password_and_private_authority_answers_skopeo() {
    need!("docker-registry", "skopeo", "openssl", "htpasswd", "busybox");
    let plain = Registry::empty();
    let hello = images::hello();
    hello.push(&plain);
    let credentials = Credentials::new();
    let registry = Registry::start(Some(plain.storage()), &Access::Password(&credentials));
    let name = format!("docker://{}/{}", registry.host(), hello.path());

    let mut inspect = command("skopeo");
    inspect.args(["inspect", "--raw", "--cert-dir"]).arg(credentials.cert_dir());
    inspect.arg("--authfile").arg(credentials.authfile(&registry.host())).arg(&name);

    assert!(output(&mut inspect) == hello.root().bytes);
    let stranger = command("skopeo")
        .args(["inspect", "--no-creds", "--cert-dir"])
        .arg(credentials.cert_dir())
        .arg(&name)
        .output();
    assert!(!stranger.unwrap().status.success());
}

#[test]
fn a_registry_with_token_authentication_answers_skopeo() {
    need!("docker-registry", "skopeo", "openssl", "busybox");
    let plain = Registry::empty();
    let hello = images::hello();
    hello.push(&plain);
    let tokens = TokenServer::start(300);
    let registry = Registry::start(Some(plain.storage()), &Access::Token(&tokens));
    let name = format!("docker://{}/{}", registry.host(), hello.path());

    let mut copy = skopeo("copy");
    copy.arg("--authfile").arg(tokens.authfile(&registry.host()));
    copy.arg(&name).arg(format!("docker://{}/other/hello:2.0", registry.host()));
    output(&mut copy);

    assert!(tokens.served() > 0);
    assert!(tokens.scopes().iter().any(|scope| scope.ends_with("other/hello:pull,push")));
    let stranger = skopeo("inspect").arg("--no-creds").arg(&name).output().unwrap();
    assert!(!stranger.status.success());
    assert!(tokens.refused() > 0);
}

/// A `docker load` file of the runnable image, made by skopeo.
fn archive(dir: &TempDir) -> String {
    let layout = dir.path().join("layout");
    images::write_layout(&layout, &[("hello", &images::hello())]);
    let archive = dir.path().join("hello.tar").display().to_string();
    let to = format!("docker-archive:{archive}:test/hello:1.0");
    output(skopeo("copy").arg(format!("oci:{}:hello", layout.display())).arg(to));
    archive
}

#[test]
fn docker_loads_and_runs_the_runnable_image() {
    need!("root", "dockerd", "docker", "skopeo", "busybox");
    let dir = TempDir::new().unwrap();
    let docker = Docker::start();

    output(docker.command().args(["load", "-i", &archive(&dir)]));

    let said = text(docker.command().args(["run", "--rm", "--network=none", "test/hello:1.0"]));
    assert_eq!(said.trim(), GREETING);
}

#[test]
fn podman_and_containerd_take_the_runnable_image() {
    need!("root", "podman", "containerd", "ctr", "skopeo", "busybox");
    let dir = TempDir::new().unwrap();
    let archive = archive(&dir);

    let podman = Podman::new();
    output(podman.command().args(["load", "-i", &archive]));
    assert!(text(podman.command().args(["images", "--noheading"])).contains("test/hello"));

    let containerd = Containerd::start();
    output(containerd.command().args(["images", "import", "--snapshotter=native", &archive]));
    assert!(text(containerd.command().args(["images", "ls", "-q"])).contains("test/hello:1.0"));
}
