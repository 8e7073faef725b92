//! Docker's manifests as OCI ones, for registries that take no others.

use serde_json::Value;

use crate::support::double::{Double, Reply, no_script};
use crate::support::images::{DOCKER_LIST, DOCKER_MANIFEST, Image, OCI_INDEX, OCI_MANIFEST};
use crate::support::sealift::{Ran, Sealift, code, ran};

/// A registry that refuses Docker's types as zot does: by the `Content-Type`, before it looks at
/// anything else (zot `pkg/api/routes.go`, `UpdateManifest`).
pub fn zot() -> Double {
    Double::start(|seen| {
        let told = seen.header("content-type").unwrap_or_default();
        (seen.is("PUT", "/manifests/") && [DOCKER_MANIFEST, DOCKER_LIST].contains(&told)).then(|| {
            let body = format!(
                r#"{{"errors":[{{"code":"MANIFEST_INVALID","message":"manifest invalid","detail":{{"mediaType":"{told}"}}}}]}}"#
            );
            Reply::new(415, body).header("content-type", "application/json")
        })
    })
}

/// A bundle `b.tar` of `images`, and its key.
pub fn bundle(sealift: &Sealift, images: &[Image]) -> std::path::PathBuf {
    let keys = sealift.keys("k");
    let outside = Double::start(no_script);
    let mut export = sealift.command();
    export.arg("export").args(["-o", "b.tar", "--sign-key"]).arg(&keys.private);
    for image in images {
        outside.hold(image);
        export.arg(format!("{}/{}", outside.host(), image.path()));
    }
    ran(&mut export).ok();
    keys.public
}

pub fn import(sealift: &Sealift, to: &str, more: &[&str]) -> Ran {
    let mut import = sealift.command();
    import.args(["import", "b.tar", "--to", to, "--key", "k.pub.pem"]).args(more);
    ran(&mut import)
}

pub fn of(repository: &str) -> Image {
    let all = crate::support::images::all();
    all.into_iter().find(|image| image.repository == repository).unwrap()
}

#[test]
fn dockers_manifests_arrive_as_oci_ones_with_both_digests_told() {
    need!("busybox");
    let (sealift, inside) = (Sealift::new(), zot());
    let images = ["acme/schema2", "acme/list", "acme/odd"].map(of);
    bundle(&sealift, &images);
    let to = format!("docker://{}", inside.host());

    import(&sealift, &to, &[]).exits(code::REFUSED).says("--to-oci");
    let done = import(&sealift, &to, &["--to-oci", "--format", "json"]).ok().json();

    let landed = done["images"].as_array().unwrap();
    for (image, media_type) in [(&images[0], OCI_MANIFEST), (&images[1], OCI_INDEX)] {
        let told = landed.iter().find(|l| l["to"].as_str().unwrap().ends_with(&image.path()));
        let told = told.unwrap();
        assert_eq!(told["rewrittenFrom"], image.digest());
        let raw =
            inside.stock(|stock| stock.document(&image.repository, &image.tag).map(<[u8]>::to_vec));
        let raw = raw.unwrap();
        assert_eq!(told["digest"], crate::support::content::digest(&raw));
        let value: Value = serde_json::from_slice(&raw).unwrap();
        assert_eq!(value["mediaType"], media_type);
        assert!(!String::from_utf8(raw).unwrap().contains("vnd.docker."), "{value}");
    }
    let odd = inside.stock(|stock| stock.document("acme/odd", "1.0").map(<[u8]>::to_vec));
    assert!(odd.unwrap() == images[2].root().bytes, "what is OCI's stays");

    let before = inside.count("PUT", "");
    import(&sealift, &to, &["--to-oci"]).ok().says("unchanged");
    assert_eq!(inside.count("PUT", ""), before, "the second time there is nothing to do");
}

#[test]
fn layouts_and_archives_get_oci_manifests_too_and_signatures_are_spoken_of() {
    need!("busybox");
    let sealift = Sealift::new();
    bundle(&sealift, &["acme/schema2", "acme/list"].map(of));

    import(&sealift, "oci:out", &["--to-oci"]).ok().says(" instead of sha256:");
    import(&sealift, "oci-archive:out.tar", &["--to-oci"]).ok();

    let text = std::fs::read_to_string(sealift.at("out/index.json")).unwrap();
    assert!(!text.contains("vnd.docker."), "{text}");
    let keys = sealift.at("k.key.pem");
    run!(sealift, "export", "oci-archive:out.tar", "-o", "c", "--sign-key", keys).ok();
}
