//! Distribution 3, the registry that follows Debian's docker-registry, gives and takes everything.

use std::path::Path;

use crate::round_trip::{assert_arrived, import};
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;

/// Exports all images of the shared crossing from `registry`.
fn export(sealift: &Sealift, registry: &Registry, bundle: &Path) -> Ran {
    let shared = Shared::get();
    let names = shared.images.iter().map(|image| format!("{}/{}", registry.host(), image.path()));
    let mut export = sealift.command();
    export.arg("export").args(names).arg("-o").arg(bundle);
    export.arg("--sign-key").arg(&shared.keys.private);
    ran(&mut export)
}

#[test]
fn it_takes_every_kind_of_image_from_both_forms_and_a_second_import_writes_nothing() {
    need!("docker-registry", "busybox", "go:distribution");
    let shared = Shared::get();

    for bundle in shared.forms() {
        let (sealift, inside) = (Sealift::new(), Registry::distribution_3());
        import(&sealift, bundle, &inside).ok();

        for image in &shared.images {
            assert_arrived(image, &inside, &image.repository);
        }
        let before = inside.writes().len();
        let again = import(&sealift, bundle, &inside).ok();
        assert_eq!(again.number("/copied/blobs"), 0);
        assert_eq!(again.number("/mounted/blobs"), 0);
        assert_eq!(inside.writes()[before..], []);
    }
}

#[test]
fn it_gives_every_kind_of_image() {
    need!("docker-registry", "busybox", "go:distribution");
    let shared = Shared::get();
    let (sealift, outside, inside) =
        (Sealift::new(), Registry::distribution_3(), Registry::empty());
    shared.images.iter().for_each(|image| image.push(&outside));

    let bundle = sealift.at("b.tar");
    export(&sealift, &outside, &bundle).ok();
    import(&sealift, &bundle, &inside).ok();

    for image in &shared.images {
        assert_arrived(image, &inside, &image.repository);
    }
    assert!(outside.requests().iter().filter(|request| request.blob().is_some()).count() > 0);
}

#[test]
fn it_refuses_a_sparse_index_and_the_refusal_says_the_way_out() {
    need!("docker-registry", "busybox", "go:distribution");
    let shared = Shared::get();
    let (sealift, inside) = (Sealift::new(), Registry::distribution_3());
    let outside = Registry::over(&shared.storage);
    let name = format!("{}/acme/multi:1.0", outside.host());
    let (bundle, key) = (sealift.at("b"), &shared.keys.private);
    run!(sealift, "export", name, "-o", bundle, "--sign-key", key, "--platform", "linux/amd64")
        .ok();

    let refused = import(&sealift, &bundle, &inside);
    refused.exits(code::REFUSED);
    assert_eq!(inside.document("acme/multi", "1.0"), None);

    let to = format!("docker://{}", inside.host());
    let key = &shared.keys.public;
    run!(sealift, "import", bundle, "--to", to, "--key", key)
        .exits(code::REFUSED)
        .says("--rewrite-index");
    run!(sealift, "import", bundle, "--to", to, "--key", key, "--rewrite-index").ok();
    assert!(inside.document("acme/multi", "1.0").is_some());
}
