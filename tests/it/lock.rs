//! Locks: names frozen to digests, exported as they were, and told when they drift.

use std::fs;

use serde_json::{Value, json};

use crate::support::content::{Layer, digest};
use crate::support::double::{Double, Reply, Seen, no_script};
use crate::support::images::{self, Image, OCI_INDEX, OCI_MANIFEST};
use crate::support::sealift::{Ran, Sealift, code, ran};

/// Somebody with a key, which is `k.key.pem`.
fn somebody() -> Sealift {
    let sealift = Sealift::new();
    sealift.keys("k");
    sealift
}

/// The image `acme/app:TAG` of a base that all have and a layer of its own.
fn app(tag: &str, own: &str) -> Image {
    let layers = [images::one_file("base", "base"), images::one_file("own", own)];
    Image::single("acme/app", tag, "[]", &layers.map(|tar| Layer::gzip(&tar)))
}

/// A registry with three tags of acme/app, of which the first has an SBOM.
fn world() -> Double {
    let double = Double::start(no_script);
    for tag in ["1.0", "1.1", "2.0"] {
        double.hold(&app(tag, tag));
    }
    let first = app("1.0", "1.0");
    let (subject, size) = (first.digest(), first.root().bytes.len());
    let mut sbom = Image::new("acme/app", "");
    let empty: Value =
        serde_json::from_str(&sbom.blob("application/vnd.oci.empty.v1+json", b"{}")).unwrap();
    let text = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/spdx+json",
        "config": empty, "layers": [empty],
        "subject": {"mediaType": OCI_MANIFEST, "digest": subject, "size": size},
    });
    sbom.document(OCI_MANIFEST, &text.to_string(), "");
    double.hold(&sbom);
    double
}

fn run(sealift: &Sealift, line: &str) -> Ran {
    ran(sealift.command().args(line.split_whitespace()))
}

/// Takes the manifest `reference` of acme/app away.
fn delete(double: &Double, reference: &str) {
    let seen = Seen {
        method: "DELETE".to_owned(),
        target: format!("/v2/acme/app/manifests/{reference}"),
        headers: Vec::new(),
        body: Vec::new(),
    };
    let Reply { status, .. } = double.stock(|stock| stock.answer(&seen));
    assert_eq!(status, 202);
}

/// Writes `list.txt`, which asks for 1.0 by its tag and for all of 1 by a rule.
fn list(sealift: &Sealift, double: &Double) {
    let host = double.host();
    let text = format!("# ours\n{host}/acme/app:1.0\n{host}/acme/app:>=1 <2\n");
    fs::write(sealift.at("list.txt"), text).unwrap();
}

#[test]
fn a_lock_says_what_names_stand_for_what_that_weighs_and_who_asked_and_is_the_same_each_time() {
    let (sealift, double) = (somebody(), world());
    list(&sealift, &double);

    let made = run(&sealift, "lock -f list.txt -o images.lock --format json").ok();

    let told = made.json();
    let images = told["images"].as_array().unwrap();
    let (first, second) = (app("1.0", "1.0"), app("1.1", "1.1"));
    assert_eq!(images.len(), 2);
    assert_eq!(images[0]["digest"], first.digest());
    assert_eq!(images[1]["digest"], second.digest());
    let platform = json!([{"architecture": "amd64", "os": "linux"}]);
    assert_eq!(images[0]["platforms"], platform);
    let asked = json!([
        {"file": "list.txt", "line": 2, "text": format!("{}/acme/app:1.0", double.host())},
        {"file": "list.txt", "line": 3, "text": format!("{}/acme/app:>=1 <2", double.host())},
    ]);
    assert_eq!(images[0]["asked"], asked);
    assert_eq!(images[1]["asked"], json!([asked[1]]));
    assert_eq!(images[0]["referrers"][0]["artifactType"], "application/spdx+json");
    assert_eq!(images[1]["referrers"], json!([]));
    for (image, told) in [(&first, &images[0]), (&second, &images[1])] {
        let blobs: usize = image.blobs.values().map(Vec::len).sum();
        let base = digest(&Layer::gzip(&images::one_file("base", "base")).bytes);
        let all = blobs + image.root().bytes.len();
        assert_eq!(told["bytes"], all);
        assert_eq!(told["alone"], all - image.blobs[&base].len());
    }
    // Manifests and configs once, one list of tags, and no layer.
    assert_eq!(double.count("GET", "/acme/app/tags/list"), 1);
    assert_eq!(double.count("GET", "/manifests/"), 3, "{:?}", double.seen());
    let configs: Vec<String> = double
        .seen()
        .iter()
        .filter(|it| it.is("GET", "/blobs/"))
        .map(|it| it.target.clone())
        .collect();
    assert_eq!(configs.len(), 2, "{configs:?}");

    let bytes = fs::read(sealift.at("images.lock")).unwrap();
    assert_eq!(told["digest"], digest(&bytes));
    run(&sealift, "lock -f list.txt -o images.lock").ok().says("is the same");
    run(&sealift, "lock -f list.txt -o other.lock").ok().says("other.lock locks 2 images");
    assert_eq!(fs::read(sealift.at("other.lock")).unwrap(), bytes);

    // The other spelling says the same, and each is a list that means the same.
    run(&sealift, "lock -f list.txt -o images.json").ok();
    let json: Value =
        serde_json::from_slice(&fs::read(sealift.at("images.json")).unwrap()).unwrap();
    assert_eq!(json["lockVersion"], 1);
    for lock in ["images.lock", "images.json"] {
        let line = format!("export -f {lock} -o b --dry-run --format json --sign-key k.key.pem");
        let told = run(&sealift, &line).ok().json();
        let digests: Vec<&str> = told["images"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["digest"].as_str().unwrap())
            .collect();
        assert_eq!(digests, [first.digest(), second.digest()]);
        // What each weighs is told before anything moves.
        assert_eq!(told["weights"]["images"][1]["alone"], images[1]["alone"]);
        assert_eq!(told["weights"]["shared"], told["weights"]["shared"]);
    }
    let dry = "export -f list.txt -o b --dry-run --sign-key k.key.pem";
    run(&sealift, dry).ok().says("ALONE").says("shared by several images 1 blob");
}

#[test]
fn an_export_of_a_lock_takes_the_old_digest_and_names_who_asked_where_it_is_gone() {
    let (sealift, double) = (somebody(), world());
    list(&sealift, &double);
    run(&sealift, "lock -f list.txt -o images.lock").ok();
    let old = app("1.0", "1.0").digest().to_owned();
    let lock = digest(&fs::read(sealift.at("images.lock")).unwrap());

    double.hold(&app("1.0", "moved"));
    run(&sealift, "export -f images.lock -o b --sign-key k.key.pem").ok();

    let told = run(&sealift, "verify b --key k.pub.pem --format json").ok().json();
    assert_eq!(told["images"][0]["digest"], old);
    assert_eq!(told["locks"], json!([lock]));
    let statement = run(&sealift, "inspect b").ok().says(&format!("asked for by the lock {lock}"));
    assert!(statement.stdout.contains("acme/app:1.0"));
    run(&sealift, "export -f images.lock -o b --sign-key k.key.pem").ok().says("complete already");

    delete(&double, &old);
    let before = double.count("GET", "/blobs/");
    run(&sealift, "export -f images.lock -o c --sign-key k.key.pem")
        .exits(code::INCOMPLETE)
        .says("images.lock: line 4 (asked for by list.txt: line 2, list.txt: line 3)")
        .says(&old);
    assert!(!sealift.at("c").exists() && !sealift.at("c.partial").exists());
    assert_eq!(double.count("GET", "/blobs/"), before);
}

#[test]
fn what_moved_is_shown_by_an_update_and_a_check_tells_it_by_its_exit_code() {
    let (sealift, double) = (somebody(), world());
    let host = double.host();
    list(&sealift, &double);
    run(&sealift, "lock -f list.txt -o images.lock").ok();
    let old = app("1.0", "1.0").digest().to_owned();
    let check = |more: &str| run(&sealift, &format!("lock --check images.lock {more}"));

    let asked = double.seen().len();
    check("").ok().says("all is as it was locked");
    assert!(double.seen()[asked..].iter().all(|seen| seen.method == "HEAD"), "tags alone");
    check("-f list.txt").ok();

    // Moved, while what is locked is there.
    double.hold(&app("1.0", "moved"));
    let moved = check("--format json").exits(1).json();
    assert_eq!(moved["error"]["kind"], "differs");
    assert_eq!(moved["changes"]["moved"][0]["before"], *old);
    assert_eq!(moved["changes"]["moved"][0]["after"], app("1.0", "moved").digest());
    let before = fs::read(sealift.at("images.lock")).unwrap();
    check("").exits(1).says("moved  ").says("1 moved, 0 new, 0 gone");

    // New in the lists, and gone from them.
    double.hold(&app("1.2", "1.2"));
    check("-f list.txt").exits(1).says("new    ").says("acme/app:1.2");
    check(&format!("{host}/acme/app:1.0")).exits(1).says("gone   ").says("acme/app:1.1");

    // A tag that is gone, and a digest that is gone: the worse decides.
    delete(&double, "1.1");
    check("").exits(1).says("no such tag any more");
    delete(&double, &old);
    let gone = check("--format json").exits(code::INCOMPLETE).json();
    assert_eq!(gone["gone"][0]["digest"], *old);
    assert_eq!(gone["changes"]["moved"].as_array().unwrap().len(), 1);
    check("").exits(code::INCOMPLETE).says("asked for by list.txt: line 2, list.txt: line 3");
    assert_eq!(fs::read(sealift.at("images.lock")).unwrap(), before, "a check writes nothing");

    let update = "lock --update -f list.txt -o images.lock";
    run(&sealift, update).ok().says("moved  ").says("new    ").says("gone   ");
    run(&sealift, "lock --check images.lock -f list.txt").ok();
    let told = run(&sealift, &format!("{update} --format json")).ok().json();
    assert_eq!(told["changes"], json!({"moved": [], "added": [], "removed": []}));
    assert_eq!(told["written"], false);
}

#[test]
fn a_digest_that_is_named_beside_a_tag_is_locked_wherever_the_tag_went() {
    let (sealift, double) = (somebody(), world());
    let old = app("1.0", "1.0").digest().to_owned();
    double.hold(&app("1.0", "moved"));

    run(&sealift, &format!("lock {}/acme/app:1.0@{old} -o images.lock", double.host())).ok();

    assert!(fs::read_to_string(sealift.at("images.lock")).unwrap().contains("pinned = true"));
    run(&sealift, "lock --check images.lock").ok();
    delete(&double, &old);
    run(&sealift, "lock --check images.lock").exits(code::INCOMPLETE);
}

#[test]
fn what_an_image_runs_on_is_what_its_index_lists_and_what_a_config_says_where_none_does() {
    let (sealift, double) = (somebody(), Double::start(no_script));
    let mut image = Image::new("acme/multi", "1.0");
    let mut children = Vec::new();
    for (arch, listed) in [("amd64", images::platform("amd64")), ("arm64", String::new())] {
        let layers = [Layer::gzip(&images::one_file("arch", arch))];
        let text = image.manifest(OCI_MANIFEST, arch, "[]", &layers);
        children.push(image.document(OCI_MANIFEST, &text, &listed));
    }
    image.document(OCI_INDEX, &images::index(OCI_INDEX, &children), "");
    image.name("1.0");
    double.hold(&image);
    let line = format!("lock {}/acme/multi:1.0 -o images.lock --format json", double.host());

    let told = run(&sealift, &line).ok().json();
    let both = json!([
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
    ]);
    assert_eq!(told["images"][0]["platforms"], both);
    assert_eq!(double.count("GET", "/blobs/"), 1, "the config of what no index lists");

    // Of some platforms, the sizes are theirs, and what is for none in particular comes along.
    let one = run(&sealift, &format!("{line} --platform linux/amd64")).ok().json();
    assert_eq!(one["images"][0]["bytes"], told["images"][0]["bytes"]);
    let text = fs::read_to_string(sealift.at("images.lock")).unwrap();
    assert!(text.contains("lockVersion = 1\nplatforms = [\"linux/amd64\"]\n"), "{text}");
}

#[test]
fn only_names_of_registries_are_locked_and_only_a_lock_is_replaced() {
    let (sealift, double) = (somebody(), world());
    let image = format!("{}/acme/app:1.0", double.host());
    fs::write(sealift.at("list.txt"), format!("{image}\noci:dir\n")).unwrap();

    run(&sealift, "lock -f list.txt -o images.lock")
        .exits(code::USAGE)
        .says("list.txt: line 2: oci:dir is of no registry");
    run(&sealift, &format!("lock {image} {}/acme/app:9 -o images.lock", double.host()))
        .exits(code::INCOMPLETE);
    assert!(!sealift.at("images.lock").exists());

    run(&sealift, &format!("lock {image} -o list.txt"))
        .exits(code::USAGE)
        .says("list.txt is there, and is no lock");
    run(&sealift, &format!("lock {image} -o k.key.pem")).exits(code::USAGE);
    run(&sealift, "lock --check list.txt").exits(code::USAGE).says("is no lock");
    assert!(fs::read_to_string(sealift.at("list.txt")).unwrap().contains("oci:dir"));

    run(&sealift, &format!("lock {image} -o images.lock")).ok();
    let text = fs::read_to_string(sealift.at("images.lock")).unwrap();
    fs::write(sealift.at("images.lock"), text.replace("lockVersion = 1", "lockVersion = 2"))
        .unwrap();
    run(&sealift, "export -f images.lock -o b --sign-key k.key.pem")
        .exits(code::USAGE)
        .says("images.lock: line 1: the lock is of version 2");
}
