//! Images that no build tool makes and everybody can: what they say is carried as it is, or refused
//! where it contradicts itself, and never hangs, crashes or reaches the terminal.

use std::path::Path;

use crate::support::content::{Layer, digest};
use crate::support::files;
use crate::support::images::{self, DOCKER_LIST, Image, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use crate::support::sealift::{Keys, Ran, Sealift, code};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &[u8] =
    br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;

fn manifest(config: &str, layers: &[&str], extra: &str) -> String {
    let layers = layers.join(",");
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{layers}]{extra}}}"#
    )
}

fn index(children: &[String], extra: &str) -> String {
    let children = children.join(",");
    format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{children}]{extra}}}"#)
}

fn platform(os: &str, arch: &str) -> String {
    format!(r#","platform":{{"os":"{os}","architecture":"{arch}"}}"#)
}

/// Exports everything in a layout of `images` as `bundle`.
fn export(sealift: &Sealift, images: &[&Image], bundle: &str, extra: &[&str]) -> (Keys, Ran) {
    let names: Vec<String> =
        images.iter().map(|image| format!("docker.io/{}", image.path())).collect();
    let named: Vec<_> = names.iter().map(String::as_str).zip(images.iter().copied()).collect();
    images::write_layout(&sealift.at("source"), &named);
    let keys = sealift.keys("signer");
    let mut command = sealift.command();
    command.args(["export", "oci:source", "-o", bundle, "--sign-key"]).arg(&keys.private);
    (keys, crate::support::sealift::ran(command.args(extra)))
}

fn verified(sealift: &Sealift, bundle: &str, keys: &Keys) {
    run!(sealift, "verify", bundle, "--key", keys.public).ok();
    run!(sealift, "import", bundle, "--to", "oci:inside", "--key", keys.public).ok();
    let again = sealift.at("again");
    run!(sealift, "export", "oci:inside", "-o", again, "--sign-key", keys.private).ok();
    let blobs = |at: &Path| files::whole_blobs(at).len();
    assert_eq!(blobs(&sealift.at("inside")), blobs(&again));
}

#[test]
fn blobs_in_odd_roles_are_carried() {
    let sealift = Sealift::new();
    let mut image = Image::new("acme/odd", "1");
    let config = image.blob(OCI_CONFIG, CONFIG);
    // As many diff IDs as there are layers: two, and one.
    let with = |ids: &str| String::from_utf8_lossy(CONFIG).replace("[]", ids).into_bytes();
    let two = with(r#"["a","b"]"#);
    let (config_of_two, layer) = (image.blob(OCI_CONFIG, &two), image.blob(LAYER, &two));
    let config_of_one = image.blob(OCI_CONFIG, &with(r#"["a"]"#));
    // No layers; the config as a layer; a manifest as a layer.
    image.document(OCI_MANIFEST, &manifest(&config, &[], ""), "");
    image.name("none");
    let empty = image.documents[0].clone();
    image.document(OCI_MANIFEST, &manifest(&config_of_two, &[&layer, &layer], ""), "");
    image.name("shared");
    let size = empty.bytes.len();
    let inner = format!(r#"{{"mediaType":"{LAYER}","digest":"{}","size":{size}}}"#, empty.digest);
    image.document(OCI_MANIFEST, &manifest(&config_of_one, &[&inner], ""), "");
    image.name("carrier");
    image.document(OCI_INDEX, &index(&[], ""), "");
    image.name("bare");
    let all: Vec<Image> = ["none", "shared", "carrier", "bare"]
        .map(|tag| Image { tag: tag.to_owned(), ..image.clone() })
        .into();

    for bundle in ["b", "b.tar"] {
        let (keys, done) = export(&sealift, &all.iter().collect::<Vec<_>>(), bundle, &[]);

        done.ok();
        verified(&sealift, bundle, &keys);
        for leftover in ["inside", "again"] {
            std::fs::remove_dir_all(sealift.at(leftover)).unwrap();
        }
        for key in [&keys.private, &keys.public] {
            std::fs::remove_file(key).unwrap();
        }
    }
}

#[test]
fn what_a_selection_leaves_of_a_referrer_is_no_fault_of_the_bundle() {
    let sealift = Sealift::new();
    let layers = [Layer::gzip(&images::one_file("a", "b"))];
    let image = Image::single("acme/signed", "1", "[]", &layers);
    let mut list = Image::new("acme/list", "1");
    let config = list.blob(OCI_CONFIG, CONFIG);
    let one = manifest(&config, &[], r#","annotations":{"for":"one"}"#);
    let other = manifest(&config, &[], r#","annotations":{"for":"other"}"#);
    let children = [
        list.document(OCI_MANIFEST, &one, &platform("linux", "amd64")),
        list.document(OCI_MANIFEST, &other, &platform("linux", "arm64")),
    ];
    let size = image.root().bytes.len();
    let subject = format!(
        r#","subject":{{"mediaType":"{OCI_MANIFEST}","digest":"{}","size":{size}}}"#,
        image.digest()
    );
    list.document(OCI_INDEX, &index(&children, &subject), "");
    list.name("1");
    let names = [("docker.io/acme/signed:1", &image), ("docker.io/acme/list:1", &list)];
    images::write_layout(&sealift.at("source"), &names);
    let keys = sealift.keys("signer");

    let source = "oci:source:docker.io/acme/signed:1";
    let select = "--platform=linux/amd64";
    run!(sealift, "export", source, select, "-o", "b", "--sign-key", keys.private).ok();

    run!(sealift, "verify", "b", "--key", keys.public).ok();
    run!(sealift, "import", "b", "--to", "oci:inside", "--key", keys.public).ok();
    run!(sealift, "inspect", "b").says("linux/arm64");
}

#[test]
fn two_descriptions_of_one_digest_are_refused_at_the_source() {
    let sealift = Sealift::new();
    let layers = [Layer::gzip(&images::one_file("a", "b"))];
    let mut image = Image::single("acme/a", "1", "[]", &layers);
    let child = image.root().clone();
    let lie = format!(
        r#"{{"mediaType":"{OCI_MANIFEST}","digest":"{}","size":{}}}"#,
        child.digest,
        child.bytes.len() + 1
    );
    image.document(OCI_INDEX, &index(&[lie], ""), "");
    image.name("2");
    let second = Image { tag: "2".to_owned(), ..image.clone() };

    let (_, done) = export(&sealift, &[&image, &second], "b", &[]);

    // The part that the index means has one byte more than what is there.
    done.exits(code::INCOMPLETE).says(&child.digest);
    assert!(!sealift.at("b").exists());
}

#[test]
fn a_graph_with_more_paths_than_atoms_is_exported_and_verified() {
    let sealift = Sealift::new();
    let layers = [Layer::gzip(&images::one_file("a", "b"))];
    let mut image = Image::single("acme/bomb", "1", "[]", &layers);
    let root = image.root();
    let size = root.bytes.len();
    let mut child =
        format!(r#"{{"mediaType":"{OCI_MANIFEST}","digest":"{}","size":{size}}}"#, root.digest);
    for _ in 0..12 {
        let children = vec![child; 100];
        child = image.document(OCI_INDEX, &index(&children, ""), "");
    }
    image.name("1");

    let (keys, done) = export(&sealift, &[&image], "b.tar", &[]);

    done.ok();
    verified(&sealift, "b.tar", &keys);
}

#[test]
fn words_of_an_image_do_not_steer_the_terminal() {
    let sealift = Sealift::new();
    let mut image = Image::new("acme/steer", "1");
    let config = image.blob(OCI_CONFIG, CONFIG);
    let one = manifest(&config, &[], "");
    let other = manifest(&config, &[], r#","annotations":{"a":"b"}"#);
    let children = [
        image.document(OCI_MANIFEST, &one, &platform("linux", "amd64")),
        image.document(OCI_MANIFEST, &other, &platform("\\u001b]0;owned\\u0007", "\\u009b2J")),
    ];
    let list = index(&children, "").replace(OCI_INDEX, DOCKER_LIST);
    image.document(DOCKER_LIST, &list, "");
    image.name("1");

    let (keys, done) = export(&sealift, &[&image], "b", &["--platform=linux/amd64"]);

    done.ok();
    let extra = sealift.at("b").join("\u{1b}]0;owned\u{7}");
    std::fs::write(extra, digest(b"x")).unwrap();
    for done in [
        run!(sealift, "inspect", "b"),
        run!(sealift, "inspect", "b", "--format", "json"),
        run!(sealift, "verify", "b", "--key", keys.public),
        run!(sealift, "verify", "b", "--key", keys.public, "--format", "json"),
    ] {
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(said.contains("owned"), "{said}");
        assert!(!said.contains(['\u{1b}', '\u{7}', '\u{9b}']), "{said:?}");
    }
}
