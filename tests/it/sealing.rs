//! No bundle is made that would not verify: what it has no room for is told before anything moves.

use serde_json::json;

use crate::support::content::Layer;
use crate::support::double::{Double, Reply, no_script};
use crate::support::images::{self, Image, OCI_MANIFEST};
use crate::support::sealift::{Ran, Sealift, code, ran};

/// Exports `names` from `double`, into `b.tar`.
fn export(sealift: &Sealift, double: &Double, names: &[String], more: &[&str]) -> Ran {
    let keys = match sealift.at("k.key.pem").exists() {
        true => sealift.at("k.key.pem"),
        false => sealift.keys("k").private,
    };
    let mut export = sealift.command();
    export.arg("export").args(names).args(["-o", "b.tar", "--plain-http", &double.host()]);
    ran(export.arg("--sign-key").arg(keys).args(more))
}

/// What an export leaves when it fails before it writes.
fn nothing_was_made(sealift: &Sealift) {
    assert!(!sealift.at("b.tar").exists());
    let partial = std::fs::metadata(sealift.at("b.tar.partial")).map_or(0, |about| about.len());
    assert_eq!(partial, 0);
}

fn small() -> Image {
    Image::single("acme/app", "1", "[]", &[Layer::gzip(&images::one_file("a", "a"))])
}

/// A registry that gives the manifest of [`small`], without a type of its own, out as `told`.
fn giving_out(told: &'static str) -> Double {
    let mut image = small();
    let root = image.root().bytes.clone();
    let text = String::from_utf8(root).unwrap();
    let text = text.replace(&format!(r#""mediaType":"{OCI_MANIFEST}","config""#), r#""config""#);
    let mut bare = Image { documents: Vec::new(), ..image.clone() };
    bare.document(OCI_MANIFEST, &text, "");
    bare.name("1");
    image = bare;
    let body = image.root().bytes.clone();
    let digest = image.digest().to_owned();
    let double = Double::start(move |seen| {
        let manifest = seen.target.contains("/manifests/1")
            || seen.target.ends_with(&format!("/manifests/{digest}"));
        manifest.then(|| {
            Reply::new(200, body.clone())
                .header("content-type", told)
                .header("docker-content-digest", digest.clone())
        })
    });
    double.hold(&image);
    double
}

#[test]
fn a_manifest_of_another_type_is_refused_by_name_and_an_unnamed_type_is_found_out() {
    for told in ["application/vnd.evil+json", "text/html; charset=utf-8"] {
        let (sealift, double) = (Sealift::new(), giving_out(told));
        let name = format!("{}/acme/app:1", double.host());

        export(&sealift, &double, &[name], &[])
            .exits(code::REFUSED)
            .says("acme/app:1")
            .says(told.split(';').next().unwrap());

        nothing_was_made(&sealift);
        assert_eq!(double.count("GET", "/blobs/"), 0);
    }
    for told in [
        "application/json",
        "APPLICATION/VND.OCI.IMAGE.MANIFEST.V1+JSON",
        "application/vnd.oci.image.manifest.v1+json; x=y",
    ] {
        let (sealift, double) = (Sealift::new(), giving_out(told));
        let name = format!("{}/acme/app:1", double.host());

        export(&sealift, &double, &[name], &[]).ok();

        run!(sealift, "verify", "b.tar", "--key", sealift.at("k.pub.pem")).ok();
    }
}

#[test]
fn more_images_than_a_bundle_takes_are_refused_before_the_first_request() {
    let (sealift, double) = (Sealift::new(), Double::start(no_script));
    let host = double.host();
    let names: String = (0..33_600).map(|n| format!("{host}/acme/app:{n}\n")).collect();
    std::fs::write(sealift.at("images.txt"), names).unwrap();

    for more in [&["-f", "images.txt"][..], &["-f", "images.txt", "--dry-run"]] {
        export(&sealift, &double, &[], more)
            .exits(code::USAGE)
            .says("33600 images are asked for, and one bundle takes ")
            .says("several bundles");
    }

    nothing_was_made(&sealift);
    assert!(double.seen().is_empty());
}

/// An image of `layers` foreign layers, which are listed in the statement one by one.
fn full_of_foreign_layers(tag: &str, layers: usize) -> Image {
    let mut image = small();
    image.tag = tag.to_owned();
    image.tags.clear();
    image.documents.clear();
    // As many diff IDs as there are layers.
    let ids = vec!["x"; layers];
    let config = json!({"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": ids}});
    let config = image.blob(images::OCI_CONFIG, config.to_string().as_bytes());
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    let digest = |n| crate::support::content::digest(format!("{tag} {n}").as_bytes());
    let foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar";
    let layers: Vec<_> = (0..layers)
        .map(|n| json!({"mediaType": foreign, "digest": digest(n), "size": 1}))
        .collect();
    let text =
        json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers});
    image.document(OCI_MANIFEST, &text.to_string(), "");
    image.name(tag);
    image
}

#[test]
fn a_statement_that_no_reader_takes_is_refused_before_layers_move() {
    let (sealift, double) = (Sealift::new(), Double::start(no_script));
    double.hold(&small());
    let mut names = vec![format!("{}/acme/app:1", double.host())];
    for tag in ["a", "b", "c"] {
        double.hold(&full_of_foreign_layers(tag, 22_000));
        names.push(format!("{}/acme/app:{tag}", double.host()));
    }

    for more in [&["--no-referrers"][..], &["--no-referrers", "--dry-run"]] {
        export(&sealift, &double, &names, more)
            .exits(code::USAGE)
            .says(".dsse.json would have ")
            .says("16777216 at most")
            .says("several bundles");
    }

    nothing_was_made(&sealift);
    let layer = small().blobs.keys().map(|digest| double.count("GET", digest)).sum::<usize>();
    assert!(layer <= 2, "the config alone was read, once a run: {layer}");
}
