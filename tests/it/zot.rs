//! zot as a destination: a registry of OCI's own types with the referrers API.

use std::path::{Path, PathBuf};

use crate::support::double::Double;
use crate::support::http;
use crate::support::images::Image;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;
use crate::support::zot;

/// A bundle of these images.
fn bundle(sealift: &Sealift, images: &[&Image], more: &[&str]) -> PathBuf {
    let shared = Shared::get();
    let outside = Registry::over(&shared.storage);
    let names = images.iter().map(|image| format!("{}/{}", outside.host(), image.path()));
    let mut export = sealift.command();
    export.arg("export").args(names).args(["-o", "b"]).args(more);
    ran(export.arg("--sign-key").arg(&shared.keys.private)).ok();
    sealift.at("b")
}

fn import(sealift: &Sealift, bundle: &Path, to: &Double, more: &[&str]) -> Ran {
    let mut import = sealift.command();
    import.arg("import").arg(bundle).args(["--to", &format!("docker://{}", to.host())]);
    ran(import.arg("--key").arg(&Shared::get().keys.public).args(more))
}

/// Requests that change something.
fn writes(double: &Double) -> usize {
    double.seen().iter().filter(|seen| !["GET", "HEAD"].contains(&&*seen.method)).count()
}

#[test]
fn everything_of_ocis_own_types_arrives_and_a_second_import_writes_nothing() {
    need!("docker-registry", "busybox");
    let (sealift, zot) = (Sealift::new(), zot::start());
    let images: Vec<&Image> = Shared::get().images.iter().filter(|image| image.is_oci()).collect();
    assert!(images.len() > 5);
    let bundle = bundle(&sealift, &images, &[]);

    import(&sealift, &bundle, &zot, &[]).ok();

    for image in images {
        // The list under a fallback tag is for registries without the referrers API.
        let list = image.tags.get(&image.digest().replace(':', "-"));
        for document in image.documents.iter().filter(|d| Some(&d.digest) != list) {
            let found = |reference: &str| {
                let held = |stock: &mut crate::support::stock::Stock| {
                    stock.document(&image.repository, reference).map(<[u8]>::to_vec)
                };
                zot.stock(held) == Some(document.bytes.clone())
            };
            assert!(found(&document.digest), "{}@{}", image.repository, document.digest);
            assert!(document.digest != image.digest() || found(&image.tag), "{}", image.path());
        }
    }
    let signed = Shared::get().image("acme/signed");
    let path = format!("/v2/acme/signed/referrers/{}", signed.digest());
    let referrers = http::get(zot.port(), &path, &[]).json();
    assert_eq!(referrers["manifests"][0]["digest"], signed.documents[1].digest);
    let before = writes(&zot);
    import(&sealift, &bundle, &zot, &[]).ok();
    assert_eq!(writes(&zot), before);
}

#[test]
fn dockers_own_types_are_refused_by_name() {
    need!("docker-registry", "busybox");
    let (sealift, zot) = (Sealift::new(), zot::start());
    let bundle = bundle(&sealift, &[Shared::get().image("acme/schema2")], &[]);

    let refused = import(&sealift, &bundle, &zot, &[]).exits(code::REFUSED);

    refused.says(&zot.host()).says("acme/schema2");
    assert_eq!(zot.stock(|stock| stock.document("acme/schema2", "2.0").map(<[u8]>::len)), None);
}

#[test]
fn a_sparse_index_is_refused_and_the_refusal_says_the_way_out() {
    need!("docker-registry", "busybox");
    let (sealift, zot) = (Sealift::new(), zot::start());
    let multi = Shared::get().image("acme/multi");
    let bundle = bundle(&sealift, &[multi], &["--platform", "linux/amd64"]);

    import(&sealift, &bundle, &zot, &[]).exits(code::REFUSED).says("--rewrite-index");
    assert_eq!(zot.count("POST", "/blobs/uploads/"), 0, "known before the first blob");
    import(&sealift, &bundle, &zot, &["--rewrite-index"]).ok();
}
