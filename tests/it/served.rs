//! `sealift serve` is a registry to whoever pulls.

use crate::support::content::digest;
use crate::support::engines::{Containerd, Docker, Podman, skopeo};
use crate::support::images::GREETING;
use crate::support::registry::DOCUMENTS;
use crate::support::sealift::{Sealift, Served};
use crate::support::shared::Shared;
use crate::support::{http, output, text};

/// The shared bundle, packed, being served.
fn serve(sealift: &Sealift) -> (&'static Shared, Served) {
    let shared = Shared::get();
    let served = sealift.serve(&shared.tar, &shared.keys.public);
    (shared, served)
}

#[test]
fn skopeo_copies_every_kind_of_image_from_both_forms() {
    need!("docker-registry", "skopeo", "busybox");
    let (shared, sealift) = (Shared::get(), Sealift::new());

    for (form, bundle) in ["dir", "tar"].iter().zip(shared.forms()) {
        let served = sealift.serve(bundle, &shared.keys.public);
        // An index in an index is beyond skopeo's --all; its parts are asked for one by one below.
        for image in shared.images.iter().filter(|image| image.repository != "acme/nested") {
            let name = format!("docker://{}/{}", served.host(), image.path());
            let copy = sealift.at(&format!("{form}-{}", image.repository.replace('/', "-")));
            let to = format!("dir:{}", copy.display());
            output(skopeo("copy").args(["--all", &name, &to]));
            let manifest = std::fs::read(copy.join("manifest.json")).unwrap();
            assert!(manifest == image.root().bytes, "{name}");
        }
    }
}

#[test]
fn podman_pulls() {
    need!("root", "docker-registry", "podman", "busybox");
    let sealift = Sealift::new();
    let (_, served) = serve(&sealift);
    let podman = Podman::new();

    for path in ["library/hello:1.0", "acme/multi:1.0", "acme/schema2:2.0"] {
        let name = format!("{}/{path}", served.host());
        output(podman.command().args(["pull", "--tls-verify=false", &name]));
    }
}

#[test]
fn docker_pulls_and_runs() {
    need!("root", "docker-registry", "dockerd", "docker", "busybox");
    let sealift = Sealift::new();
    let (_, served) = serve(&sealift);
    let docker = Docker::start();

    for path in ["library/hello:1.0", "acme/multi:1.0", "acme/list:1.0"] {
        output(docker.command().args(["pull", &format!("{}/{path}", served.host())]));
    }

    let hello = format!("{}/library/hello:1.0", served.host());
    let said = text(docker.command().args(["run", "--rm", "--network=none", &hello]));
    assert_eq!(said.trim(), GREETING);
}

#[test]
fn containerd_pulls() {
    need!("root", "docker-registry", "containerd", "ctr", "busybox");
    let sealift = Sealift::new();
    let (shared, served) = serve(&sealift);
    let containerd = Containerd::start();

    for repository in ["library/hello", "acme/multi"] {
        let image = shared.image(repository);
        let name = format!("{}/{}", served.host(), image.path());
        let mut pull = containerd.command();
        output(pull.args(["images", "pull", "--plain-http", "--snapshotter=native", &name]));
        let listed = text(containerd.command().args(["images", "ls"]));
        assert!(listed.contains(&name) && listed.contains(image.digest()), "{listed}");
    }
}

#[test]
fn every_document_and_blob_is_there_by_digest() {
    need!("docker-registry", "busybox");
    let sealift = Sealift::new();
    let (shared, served) = serve(&sealift);

    for image in &shared.images {
        let base = format!("/v2/{}", image.repository);
        for document in &image.documents {
            let path = format!("{base}/manifests/{}", document.digest);
            let found = http::get(served.port, &path, &[("Accept", DOCUMENTS)]);
            assert_eq!(found.status, 200, "{path}");
            assert_eq!(found.header("Content-Type"), Some(document.media_type));
            assert_eq!(found.header("Docker-Content-Digest"), Some(document.digest.as_str()));
            assert!(found.bytes() == document.bytes);
        }
        for (digest, bytes) in &image.blobs {
            let path = format!("{base}/blobs/{digest}");
            assert!(http::get(served.port, &path, &[]).bytes() == *bytes, "{path}");
            let head = http::send(served.port, "HEAD", &path, &[], 0, &mut |_| Ok(()));
            assert_eq!(head.header("Content-Length"), Some(bytes.len().to_string().as_str()));
        }
    }
}

#[test]
fn a_part_of_a_blob_is_served() {
    need!("docker-registry", "busybox");
    let sealift = Sealift::new();
    let (shared, served) = serve(&sealift);
    let (digest, bytes) =
        shared.image("library/hello").blobs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let path = format!("/v2/library/hello/blobs/{digest}");
    let last = bytes.len() - 1;

    for (range, from, to) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=1000-1999".to_owned(), 1000, 2000),
        (format!("bytes={last}-"), last, last + 1),
        ("bytes=-100".to_owned(), bytes.len() - 100, bytes.len()),
    ] {
        let part = http::get(served.port, &path, &[("Range", &range)]);
        assert_eq!(part.status, 206, "{range}");
        let said = format!("bytes {from}-{}/{}", to - 1, bytes.len());
        assert_eq!(part.header("Content-Range"), Some(said.as_str()));
        assert!(part.bytes() == bytes[from..to], "{range}");
    }
    let beyond = format!("bytes={}-", bytes.len());
    assert_eq!(http::get(served.port, &path, &[("Range", &beyond)]).status, 416);
}

#[test]
fn catalog_and_tags_are_listed_page_by_page() {
    need!("docker-registry", "busybox");
    let sealift = Sealift::new();
    let (shared, served) = serve(&sealift);

    let mut repositories = Vec::new();
    let mut path = "/v2/_catalog?n=3".to_owned();
    loop {
        let page = http::get(served.port, &path, &[]);
        assert_eq!(page.status, 200, "{path}");
        let next = page.header("Link").map(str::to_owned);
        let page = page.json();
        let names = page["repositories"].as_array().unwrap().clone();
        assert!(names.len() <= 3);
        repositories.extend(names.iter().map(|name| name.as_str().unwrap().to_owned()));
        let Some(next) = next else { break };
        path = next[next.find('<').unwrap() + 1..next.find('>').unwrap()].to_owned();
    }
    for image in &shared.images {
        assert!(repositories.contains(&image.repository), "{repositories:?}");
        let tags = http::get(served.port, &format!("/v2/{}/tags/list", image.repository), &[]);
        let tags = tags.json();
        let tags = tags["tags"].as_array().unwrap();
        assert!(tags.iter().any(|tag| *tag == image.tag.as_str()), "{tags:?}");
    }
}

#[test]
fn referrers_are_answered() {
    need!("docker-registry", "busybox");
    let sealift = Sealift::new();
    let (shared, served) = serve(&sealift);
    let signed = shared.image("acme/signed");

    let found = |query: &str| {
        let path = format!("/v2/acme/signed/referrers/{}{query}", signed.digest());
        let answer = http::get(served.port, &path, &[]);
        assert_eq!(answer.status, 200);
        answer.json()["manifests"].as_array().unwrap().clone()
    };

    let all = found("");
    assert!(all.iter().any(|entry| entry["artifactType"] == "application/spdx+json"), "{all:?}");
    assert_eq!(found("?artifactType=application/spdx%2Bjson").len(), 1);
    assert!(found("?artifactType=application/none").is_empty());
    let none = digest(b"nothing");
    let path = format!("/v2/acme/signed/referrers/{none}");
    assert!(http::get(served.port, &path, &[]).json()["manifests"].as_array().unwrap().is_empty());
}

#[test]
fn nothing_can_be_pushed_and_nothing_else_read() {
    need!("docker-registry", "busybox");
    let sealift = Sealift::new();
    let (shared, served) = serve(&sealift);

    for (method, path) in [
        ("POST", "/v2/library/hello/blobs/uploads/"),
        ("PUT", "/v2/library/hello/manifests/1.0"),
        ("DELETE", "/v2/library/hello/manifests/1.0"),
        ("PATCH", "/v2/library/hello/blobs/uploads/1"),
    ] {
        let answer = http::with_body(served.port, method, path, &[], b"");
        assert!((400..500).contains(&answer.status), "{method} {path}: {}", answer.status);
    }
    let layer = shared.image("charts/web").blobs.keys().next().unwrap();
    for path in [
        "/v2/library/hello/manifests/none".to_owned(),
        "/v2/library/none/manifests/1.0".to_owned(),
        "/v2/../../etc/passwd".to_owned(),
        "/v2/library/hello/blobs/sha256:../../../index.json".to_owned(),
        format!("/v2/library/none/blobs/{layer}"),
    ] {
        let answer = http::get(served.port, &path, &[]);
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
    assert_eq!(http::get(served.port, "/v2/", &[]).status, 200);
}
