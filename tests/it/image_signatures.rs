//! Signatures of images, demanded on export and on import: the images are those of
//! testdata/image-signatures, which cosign itself signed.

use std::path::Path;

use serde_json::Value;

use crate::support::Random;
use crate::support::content::digest;
use crate::support::files::copy;
use crate::support::images::{OCI_CONFIG, OCI_MANIFEST};
use crate::support::sealift::{Ran, code, ran};
use crate::support::site::Site;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/image-signatures");

/// Exports `images` of the folder to `bundle`, with `more` arguments.
fn export(site: &Site, images: &[&str], bundle: &str, more: &str) -> Ran {
    let sources = images.iter().map(|it| format!("oci:{FOLDER}/layout:quay.io/org/{it}:1"));
    ran(&mut site.export(&sources.collect::<Vec<_>>(), bundle, more))
}

fn import(site: &Site, bundle: &str, to: &str, more: &str) -> Ran {
    ran(&mut site.import(bundle, to, more))
}

/// A rule for all images of the folder that are called like this.
fn rule(pattern: &str, key: &str) -> String {
    format!("--require-signature quay.io/org/{pattern}={FOLDER}/{key}.pub.pem")
}

#[test]
fn all_forms_enter_a_bundle_and_are_noted_and_found_again_on_import() {
    let site = Site::new();
    let kinds = ["p256", "rsa", "ed25519"];
    let images: Vec<String> = kinds
        .iter()
        .flat_map(|kind| ["tag", "referrer", "bundle"].map(|style| format!("{kind}-{style}")))
        .collect();
    let mut images: Vec<&str> = images.iter().map(String::as_str).collect();
    images.push("rsa-pss");
    let named =
        kinds.map(|key| [rule(&format!("{key}-tag"), key), rule(&format!("{key}-re*"), key)]);
    let any = kinds.map(|key| format!("{},any-name", rule(&format!("{key}-b*"), key)));
    let rules = [named.concat().join(" "), any.join(" "), rule("rsa-pss", "rsa")].join(" ");

    let made = export(&site, &images, "b.tar", &format!("{rules} --format json")).ok().json();

    let screenings = made["screenings"].as_array().unwrap();
    assert_eq!(screenings.len(), 10, "{made}");
    let of = |name: &str| -> &Value {
        let is = |it: &&Value| it["image"] == format!("quay.io/org/{name}:1");
        screenings.iter().find(is).unwrap()
    };
    assert_eq!(of("p256-tag")["form"], "simple-signing");
    assert_eq!(of("p256-bundle")["form"], "sigstore-bundle");
    assert_eq!(of("p256-bundle")["unchecked"][0], "the name");
    assert_eq!(of("p256-tag")["kind"], "signature");
    assert!(of("p256-tag")["rule"].as_str().unwrap().ends_with("p256.pub.pem"));
    let shown = site.sealift.command().args(["inspect", "b.tar", "--format", "json"]).output();
    let shown: Value = serde_json::from_slice(&shown.unwrap().stdout).unwrap();
    assert_eq!(shown["screenings"], made["screenings"]);
    export(&site, &images, "b.tar", &rules).ok().says("is complete already");
    export(&site, &images, "b.tar", "").exits(code::USAGE).says("holds something else");

    let said = import(&site, "b.tar", "oci:store", &format!("{rules} --format json")).ok().json();
    assert_eq!(said["screenings"], made["screenings"]);
    let ledger = site.sealift.home().join(".local/state/sealift/ledger.jsonl");
    let ledger = std::fs::read_to_string(&ledger).unwrap_or_else(|e| panic!("{ledger:?}: {e}"));
    let mut imports = ledger.lines().filter(|line| line.contains("\"verb\":\"import\""));
    assert!(imports.any(|line| line.contains("\"kind\":\"signature\"")), "{ledger}");
}

#[test]
fn what_is_not_signed_as_demanded_enters_no_bundle() {
    let site = Site::new();
    for (image, key, why) in [
        ("unsigned", "p256", "carries no signature"),
        ("attested-tag", "p256", "carries no signature"),
        ("attested-bundle", "p256", "it attests something else"),
        ("p256-tag", "stranger", "is not signed by the key"),
        ("p256-bundle", "rsa", "is not signed by the key"),
        ("swapped-tag", "p256", "a signature of another image"),
        ("swapped-referrer", "p256", "a signature of another image"),
        ("swapped-bundle", "p256,any-name", "a signature of another image"),
        ("moved", "p256", "signed under another name, quay.io/org/elsewhere"),
        ("p256-bundle", "p256", "a signature that says no name"),
    ] {
        let (key, any) = key.split_once(',').unwrap_or((key, ""));
        let any = if any.is_empty() { String::new() } else { format!(",{any}") };
        let rule = format!("{}{any}", rule("*", key));
        let refused = export(&site, &["p256-tag", image], "b.tar", &rule);

        let asked = rule.split_once(' ').unwrap().1;
        let name = format!("quay.io/org/{image}:1 ");
        refused.exits(code::UNTRUSTED).says(why).says(&name).says(&format!("{asked} demands one"));
        assert!(!site.exists("b.tar") && !site.exists("b.tar.partial"), "{image}");
    }
    export(&site, &["moved"], "moved.tar", &format!("{},any-name", rule("*", "p256"))).ok();
    export(&site, &["unsigned", "moved"], "b.tar", &rule("*", "p256"))
        .exits(code::UNTRUSTED)
        .says("2 signatures that are demanded of images are not there");
}

#[test]
fn an_import_asks_the_bundle_itself_and_writes_nothing_before() {
    let site = Site::new();
    let images = ["p256-tag", "unsigned", "swapped-referrer", "moved"];
    export(&site, &images, "b", "").ok();
    for (pattern, key, why) in [
        ("unsigned", "p256", "carries no signature"),
        ("swapped*", "p256", "a signature of another image"),
        ("moved", "p256", "signed under another name"),
        ("p256-tag", "rsa", "is not signed by the key"),
    ] {
        import(&site, "b", "oci:store", &rule(pattern, key)).exits(code::UNTRUSTED).says(why);
        assert!(!site.exists("store"), "{pattern}");
    }
    // An image that is left behind needs none; a rule that means it is not idle.
    let both = [rule("unsigned", "p256"), rule("p256-tag", "p256")].join(" ");
    import(&site, "b", "oci:store", &format!("{both} --except quay.io/org/unsigned")).ok();
}

#[test]
fn a_rule_that_means_no_image_is_an_error() {
    let site = Site::new();
    let typo = rule("p265-*", "p256");
    let said = "no image is meant by the rule for signatures quay.io/org/p265-*=";
    export(&site, &["p256-tag"], "b", &typo).exits(code::USAGE).says(said);
    assert!(!site.exists("b") && !site.exists("b.partial"));
    export(&site, &["p256-tag"], "b", "").ok();
    import(&site, "b", "oci:store", &typo).exits(code::USAGE).says(said);
    assert!(!site.exists("store"));
    let keyless = "--require-signature *=keyless:root.json,identity=a@b.example";
    export(&site, &["p256-tag"], "c", keyless).exits(code::USAGE).says("an issuer");
    let weak = format!("--require-signature *={FOLDER}/refused/rsa-1024.pub.pem");
    export(&site, &["p256-tag"], "c", &weak).exits(code::USAGE).says("RSA of 1024 bits");
    let left = format!("{} --no-referrers", rule("*", "p256"));
    export(&site, &["p256-tag"], "c", &left).exits(code::USAGE).says("cannot be used with");
}

#[test]
fn an_index_that_is_written_anew_is_signed_as_the_one_it_was() {
    let site = Site::new();
    let smaller = "--platform linux/amd64 --rewrite-index";
    export(&site, &["p256-tag"], "b", &format!("{smaller} {}", rule("*", "p256"))).ok();

    let asked = import(&site, "b", "oci:store", &rule("*", "p256")).exits(code::UNTRUSTED);

    asked.says("carries no signature").says("written anew on export");
    export(&site, &["p256-tag"], "whole", &format!("--platform linux/amd64 {}", rule("*", "p256")))
        .ok();
    import(&site, "whole", "oci:store", &rule("*", "p256")).ok();
}

#[test]
fn a_delta_has_what_its_signatures_are_over() {
    let site = Site::new();
    export(&site, &["p256-tag", "p256-bundle"], "first", "").ok();
    import(&site, "first", "oci:store", "").ok();
    let images = ["p256-tag", "p256-bundle", "rsa-tag"];
    export(&site, &images, "second", "--since first").ok();

    let rules = [rule("p256-tag", "p256"), format!("{},any-name", rule("p256-b*", "p256"))];

    import(&site, "second", "oci:store", &rules.join(" ")).ok();
}

#[test]
fn a_signature_that_was_damaged_on_the_way_is_damage() {
    let site = Site::new();
    export(&site, &["p256-tag"], "b", "").ok();
    copy(&site.sealift.at("b"), &site.sealift.at("bad"));
    let blobs = site.sealift.at("bad/blobs/sha256");
    let is_payload = |path: &std::path::PathBuf| {
        std::fs::read(path).is_ok_and(|it| it.starts_with(b"{\"critical\""))
    };
    let mut files = std::fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap().path());
    let payload = files.find(is_payload).unwrap();
    let text = std::fs::read_to_string(&payload).unwrap().replace("p256-tag", "p256-bag");
    std::fs::write(&payload, text).unwrap();

    import(&site, "bad", "oci:store", &rule("*", "p256")).exits(code::DAMAGED);
    assert!(!site.exists("store"));
}

#[test]
fn signers_by_certificate_are_demanded_by_their_names() {
    let site = Site::new();
    let by = |image: &str, identity: &str| {
        let root = format!("keyless:{FOLDER}/trusted_root.json");
        let who = format!("identity={identity},issuer=https://login.example.org");
        format!("--require-signature quay.io/org/{image}={root},{who}")
    };
    let workflow = "https://git.example.org/org/app/.workflows/build.yml@refs/heads/main";
    let mail = "builder@example.org";
    let rules = [by("keyless-tag", mail), format!("{},any-name", by("keyless-b*", workflow))];
    let rules = rules.join(" ");

    let images = ["keyless-tag", "keyless-bundle"];
    let made = export(&site, &images, "b", &format!("{rules} --format json")).ok().json();

    let unchecked = made["screenings"][0]["unchecked"].as_array().unwrap();
    assert!(unchecked.iter().any(|it| it == "that the log kept what it promised"), "{made}");
    import(&site, "b", "oci:store", &rules).ok();

    let other = by("keyless-tag", "somebody@example.org");
    import(&site, "b", "oci:other", &other)
        .exits(code::UNTRUSTED)
        .says("by somebody else, builder@");
    assert!(!site.exists("other"));
    for image in ["keyless-late", "keyless-stranger", "keyless-other-entry", "p256-tag"] {
        export(&site, &[image], "c", &by(image, mail)).exits(code::UNTRUSTED).says("carries no");
    }
    export(&site, &["keyless-tag"], "c", &rule("keyless-tag", "p256"))
        .exits(code::UNTRUSTED)
        .says("is signed with certificates (keyless)");
    assert!(!site.exists("c") && !site.exists("c.partial"));
}

/// Adds an image with a layer of three megabytes to the layout `folder`.
fn add_large(folder: &Path) {
    let mut random = Random::new(7);
    let layer: Vec<u8> = (0..375_000).flat_map(|_| random.next().to_le_bytes()).collect();
    let keep = |bytes: &[u8], kind: &str| {
        let digest = digest(bytes);
        let hex = digest.strip_prefix("sha256:").unwrap();
        std::fs::write(folder.join("blobs/sha256").join(hex), bytes).unwrap();
        serde_json::json!({"mediaType": kind, "digest": digest, "size": bytes.len()})
    };
    let config = serde_json::json!({"architecture": "amd64", "os": "linux", "rootfs":
        {"type": "layers", "diff_ids": [digest(&layer)]}});
    let manifest = serde_json::json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": keep(config.to_string().as_bytes(), OCI_CONFIG),
        "layers": [keep(&layer, "application/vnd.oci.image.layer.v1.tar")]});
    let mut entry = keep(manifest.to_string().as_bytes(), OCI_MANIFEST);
    entry["annotations"] =
        serde_json::json!({"org.opencontainers.image.ref.name": "quay.io/org/large:1"});
    let index = folder.join("index.json");
    let mut list: Value = serde_json::from_slice(&std::fs::read(&index).unwrap()).unwrap();
    list["manifests"].as_array_mut().unwrap().push(entry);
    std::fs::write(index, list.to_string()).unwrap();
}

#[test]
fn volumes_of_which_some_are_elsewhere_take_no_rule() {
    let site = Site::new();
    let layout = site.sealift.at("layout");
    copy(Path::new(&format!("{FOLDER}/layout")), &layout);
    add_large(&layout);
    let sources = "oci:layout:quay.io/org/p256-tag:1 oci:layout:quay.io/org/large:1";
    export(&site, &[], "v", &format!("{sources} --volume-size 1.2MB")).ok();
    let rule = rule("p256-tag", "p256");
    import(&site, "v", "oci:whole", &rule).ok();
    std::fs::remove_file(site.sealift.at("v/v.002.tar")).unwrap();

    import(&site, "v", "oci:store", &rule)
        .exits(code::INCOMPLETE)
        .says("some volumes are not at hand, and signatures of images are looked for before");

    assert!(!site.exists("store"));
    import(&site, "v", "oci:store", "").exits(code::INCOMPLETE);
}
