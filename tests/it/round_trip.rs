//! Everything crosses unchanged: registry, bundle, another registry, compared byte for byte.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::engines::skopeo;
use crate::support::images::{self, Image};
use crate::support::output;
use crate::support::registry::{Access, Credentials, Registry};
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;
use crate::support::token::TokenServer;

/// Imports the bundle into `registry`, which takes anyone.
pub fn import(sealift: &Sealift, bundle: &Path, registry: &Registry) -> Ran {
    let to = format!("docker://{}", registry.host());
    let key = &Shared::get().keys.public;
    run!(sealift, "import", bundle, "--to", to, "--key", key, "--format", "json")
}

/// Asserts that every byte of `image` is at the destination, by digest and by tag.
#[track_caller]
pub fn assert_arrived(image: &Image, registry: &Registry, repository: &str) {
    for document in &image.documents {
        let found = registry.document(repository, &document.digest);
        assert!(found.as_ref() == Some(&document.bytes), "{repository}@{}", document.digest);
    }
    for (digest, bytes) in &image.blobs {
        assert!(registry.blob(repository, digest).as_ref() == Some(bytes), "{repository} {digest}");
    }
    for (tag, digest) in &image.tags {
        let document = image.documents.iter().find(|document| document.digest == *digest).unwrap();
        let found = registry.document(repository, tag);
        assert!(found.as_ref() == Some(&document.bytes), "{repository}:{tag}");
    }
}

#[test]
fn every_kind_of_image_arrives_byte_for_byte_from_both_forms() {
    need!("docker-registry", "skopeo", "busybox");
    let shared = Shared::get();
    let outside = Registry::over(&shared.storage);

    for bundle in shared.forms() {
        let inside = Registry::empty();
        import(&Sealift::new(), bundle, &inside).ok();

        for image in &shared.images {
            let raw = |registry: &Registry| {
                let name = format!("docker://{}/{}", registry.host(), image.path());
                output(skopeo("inspect").args(["--raw", &name]))
            };
            assert!(raw(&outside) == raw(&inside), "{}", image.path());
            assert_arrived(image, &inside, &image.repository);
        }
    }
}

#[test]
fn an_export_asks_for_each_blob_once() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let sealift = Sealift::new();
    let outside = Registry::over(&shared.storage);
    let names = shared.images.iter().map(|image| format!("{}/{}", outside.host(), image.path()));
    let mut export = sealift.command();
    export.arg("export").args(names).args(["-o", "bundle.tar", "--format", "json"]);
    export.arg("--sign-key").arg(&shared.keys.private);

    let done = ran(&mut export).ok();

    let requests = outside.requests();
    let asked: Vec<_> = requests.iter().filter_map(|request| request.blob()).collect();
    let distinct: BTreeSet<_> = asked.iter().collect();
    assert_eq!(asked.len(), distinct.len(), "{asked:?}");
    let all: BTreeSet<_> = shared.images.iter().flat_map(|image| image.blobs.keys()).collect();
    assert_eq!(distinct, all);
    let bytes = |image: &'static Image| image.blobs.iter();
    let total: BTreeSet<_> =
        shared.images.iter().flat_map(bytes).map(|(digest, bytes)| (digest, bytes.len())).collect();
    let total: usize = total.iter().map(|(_, len)| len).sum();
    assert!(done.number("/fetched/bytes") >= total as u64);
    assert!(!outside.requests().iter().any(|request| request.is_write()));
}

#[test]
fn a_second_import_copies_nothing() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let (sealift, inside) = (Sealift::new(), Registry::empty());
    let first = import(&sealift, &shared.tar, &inside).ok();
    assert!(first.number("/copied/bytes") > 0);
    let before = inside.writes().len();

    let second = import(&sealift, &shared.tar, &inside).ok();

    assert_eq!(second.number("/copied/bytes"), 0);
    assert_eq!(second.number("/copied/blobs"), 0);
    assert_eq!(second.number("/mounted/blobs"), 0);
    let after = inside.writes().split_off(before);
    assert!(!after.iter().any(|request| request.blob().is_some()), "{after:?}");
}

#[test]
fn a_blob_goes_over_the_wire_once_a_registry_and_is_mounted_elsewhere() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let inside = Registry::empty();

    let done = import(&Sealift::new(), &shared.tar, &inside).ok();

    let requests = inside.requests();
    let stored: Vec<_> =
        requests.iter().filter(|r| r.status == 201).filter_map(|r| r.blob()).collect();
    let distinct: BTreeSet<_> = stored.iter().collect();
    assert_eq!(stored.len(), distinct.len(), "{stored:?}");
    let mounts = requests.iter().filter(|request| request.path.contains("mount="));
    let mounts = mounts.filter(|request| request.status == 201).count();
    assert!(mounts > 0, "{requests:?}");
    assert_eq!(done.number("/mounted/blobs"), mounts as u64);
}

#[test]
fn tags_come_after_everything_that_they_lead_to() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let inside = Registry::empty();

    import(&Sealift::new(), &shared.tar, &inside).ok();

    for image in &shared.images {
        let of_image = format!("/v2/{}/", image.repository);
        let writes: Vec<_> =
            inside.writes().into_iter().filter(|r| r.path.starts_with(&of_image)).collect();
        let tagged = writes.iter().position(|request| {
            request.is_tagging() && request.path.ends_with(&format!("/{}", image.tag))
        });
        let late = &writes[tagged.expect("tagged") + 1..];
        assert!(late.iter().all(|request| request.is_tagging()), "{}: {late:?}", image.path());
    }
}

#[test]
fn a_layout_is_a_source_and_a_destination() {
    need!("docker-registry", "skopeo", "busybox");
    let shared = Shared::get();
    let sealift = Sealift::new();
    let (source, inside) = (sealift.at("source"), sealift.at("inside"));
    let odd = shared.image("acme/odd");
    let multi = shared.image("acme/multi");
    let names = ["docker.io/acme/odd:1.0", "docker.io/acme/multi:1.0"];
    images::write_layout(&source, &[(names[0], odd), (names[1], multi)]);

    let from = format!("oci:{}", source.display());
    let key = &shared.keys.private;
    run!(sealift, "export", from, "-o", "all.tar", "--sign-key", key).ok();
    let to = format!("oci:{}", inside.display());
    run!(sealift, "import", "all.tar", "--to", to, "--key", shared.keys.public).ok();

    for (name, image) in names.iter().zip([odd, multi]) {
        let name = format!("oci:{}:{name}", inside.display());
        assert!(output(skopeo("inspect").args(["--raw", &name])) == image.root().bytes, "{name}");
        for document in &image.documents {
            let blob = inside.join("blobs/sha256").join(&document.digest[7..]);
            assert!(std::fs::read(blob).unwrap() == document.bytes);
        }
    }
}

#[test]
fn one_image_of_a_layout_is_chosen_by_its_name() {
    need!("busybox");
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let images = images::all();
    images::write_layout(
        &sealift.at("source"),
        &[("docker.io/acme/one:1", &images[1]), ("docker.io/acme/two:1", &images[6])],
    );

    let from = format!("oci:{}:docker.io/acme/two:1", sealift.at("source").display());
    run!(sealift, "export", from, "-o", "two", "--sign-key", keys.private).ok();

    let report = run!(sealift, "verify", "two", "--key", keys.public, "--format", "json").ok();
    let report = report.json();
    assert_eq!(report["images"].as_array().map(Vec::len), Some(1));
    assert_eq!(report["images"][0]["name"], "docker.io/acme/two:1");
    assert_eq!(report["images"][0]["digest"], images[6].digest());
}

#[test]
fn an_image_is_exported_by_digest() {
    need!("docker-registry", "busybox");
    let shared = Shared::get();
    let sealift = Sealift::new();
    let (outside, inside) = (Registry::over(&shared.storage), Registry::empty());
    let image = shared.image("acme/odd");
    let name = format!("{}/acme/odd@{}", outside.host(), image.digest());

    run!(sealift, "export", name, "-o", "b.tar", "--sign-key", shared.keys.private).ok();
    import(&sealift, &sealift.at("b.tar"), &inside).ok();

    assert!(inside.document("acme/odd", image.digest()).as_ref() == Some(&image.root().bytes));
}

#[test]
fn a_destination_with_password_and_private_authority_takes_the_bundle() {
    need!("docker-registry", "openssl", "htpasswd", "busybox");
    let shared = Shared::get();
    let (sealift, credentials) = (Sealift::new(), Credentials::new());
    let inside = Registry::start(None, &Access::Password(&credentials));
    let to = format!("docker://{}", inside.host());
    let (key, certs) = (&shared.keys.public, credentials.cert_dir());

    let import = |auth: &Path| {
        run!(
            sealift,
            "import",
            shared.tar,
            "--to",
            to,
            "--key",
            key,
            "--cert-dir",
            certs,
            "--authfile",
            auth,
        )
    };
    let nobody = sealift.at("empty.json");
    std::fs::write(&nobody, "{}").unwrap();
    import(&nobody).exits(code::REFUSED).says(&inside.host());
    import(&credentials.authfile(&inside.host())).ok();

    let open = Registry::over(inside.storage());
    shared.images.iter().for_each(|image| assert_arrived(image, &open, &image.repository));
}

#[test]
fn an_unknown_authority_is_refused() {
    need!("docker-registry", "openssl", "htpasswd", "busybox");
    let shared = Shared::get();
    let (sealift, credentials) = (Sealift::new(), Credentials::new());
    let inside = Registry::start(None, &Access::Password(&credentials));
    let (to, auth) = (format!("docker://{}", inside.host()), credentials.authfile(&inside.host()));

    let key = &shared.keys.public;
    let done = run!(sealift, "import", shared.tar, "--to", to, "--key", key, "--authfile", auth);

    assert_ne!(done.code, 0);
    assert!(inside.writes().is_empty());
    // Nor was the password sent in the clear to find out.
    assert!(inside.requests().iter().all(|request| request.status >= 400));
}

#[test]
fn registries_with_tokens_give_and_take() {
    need!("docker-registry", "openssl", "busybox");
    let shared = Shared::get();
    let (sealift, tokens) = (Sealift::new(), TokenServer::start(60));
    let outside = Registry::start(Some(&shared.storage), &Access::Token(&tokens));
    let inside = Registry::start(None, &Access::Token(&tokens));
    let names = shared.images.iter().map(|image| format!("{}/{}", outside.host(), image.path()));

    let mut export = sealift.command();
    export.arg("export").args(names).args(["-o", "b.tar"]);
    export.arg("--sign-key").arg(&shared.keys.private);
    export.arg("--authfile").arg(tokens.authfile(&outside.host()));
    ran(&mut export).ok();
    let to = format!("docker://{}", inside.host());
    let auth = tokens.authfile(&inside.host());
    let key = &shared.keys.public;
    run!(sealift, "import", "b.tar", "--to", to, "--key", key, "--authfile", auth).ok();

    let open = Registry::over(inside.storage());
    shared.images.iter().for_each(|image| assert_arrived(image, &open, &image.repository));
    assert!(tokens.scopes().iter().all(|scope| !scope.contains("catalog")));
    // A token is kept for as long as it lives and asked for once a scope, not once a request.
    assert!(tokens.served() < outside.requests().len() + inside.requests().len());
}
