//! Deltas: a bundle carries only what the other side lacks, which is proven before it is used.

use std::collections::BTreeSet;

use crate::support::images::Image;
use crate::support::months::{Sender, carried, image, layer_digest, predicate, texts};
use crate::support::sealift::{code, ran};

fn set<const N: usize>(digests: [String; N]) -> BTreeSet<String> {
    digests.into()
}

/// The digest of the config of `image`.
fn config(image: &Image) -> String {
    let manifest: serde_json::Value = serde_json::from_slice(&image.root().bytes).unwrap();
    manifest["config"]["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_delta_carries_what_earlier_bundles_did_not_and_names_the_rest() {
    let sender = Sender::new();
    let june = [image("team/app:1.0", &["base", "app 1"]), image("team/db:1.0", &["base", "db"])];
    let july = [image("team/app:1.1", &["base", "app 2"]), june[1].clone()];

    sender.export("june", &june, &[]).ok();
    let made = sender.export("july", &july, &["--since", "june"]).ok();

    let (app, db) = (&july[0], &july[1]);
    let expected =
        set([app.digest().to_owned(), db.digest().to_owned(), config(app), layer_digest("app 2")]);
    assert_eq!(carried(&sender.at("july")), expected, "manifests always, blobs that are new");
    let signed = predicate(&sender.at("july"));
    assert_eq!(
        texts(&signed["base"]["lacks"]),
        set([layer_digest("base"), layer_digest("db"), config(db)])
    );
    let on = &signed["base"]["on"];
    assert_eq!(on.as_array().unwrap().len(), 1);
    assert_eq!((&on[0]["kind"], &on[0]["position"]), (&"bundle".into(), &serde_json::Value::Null));
    assert_eq!(made.json()["leansOn"], *on, "the summary says the same");
    assert_eq!(made.number("/held/blobs"), 3);
    // `docker load` refuses a file that lists what is not there.
    let listed = std::fs::read_to_string(sender.at("july/manifest.json")).unwrap();
    assert_eq!(listed, "[]");
    ran(sender.sealift.command().args(["verify", "july", "--key"]).arg(&sender.keys.public)).ok();

    // What a dry run tells is what comes of it.
    let dry = sender.export("dry", &july, &["--since", "june", "--dry-run"]).ok();
    assert_eq!(dry.json()["held"], made.json()["held"]);
    assert_eq!(dry.json()["leansOn"], made.json()["leansOn"]);
    assert_eq!(dry.number("/fetched/blobs"), 2);
    // And again there is nothing to do.
    let again = sender.export("july", &july, &["--since", "june"]).ok();
    assert_eq!(again.json()["alreadyComplete"], true);
    assert_eq!(again.json()["held"], made.json()["held"]);
    sender.export("july", &july, &[]).exits(code::USAGE).says("it holds something else");
}

#[test]
fn a_delta_since_what_told_nothing_is_a_whole_bundle() {
    let sender = Sender::new();
    let (june, july) = ([image("a/a:1", &["one"])], [image("b/b:1", &["two"])]);

    sender.export("june.tar", &june, &[]).ok();
    let made = sender.export("july", &july, &["--since", "june.tar"]).ok();
    let whole = sender.export("whole", &july, &[]).ok();

    assert_eq!(predicate(&sender.at("july"))["base"], serde_json::Value::Null);
    assert_eq!(made.json()["statement"], whole.json()["statement"]);
    assert_eq!(made.json()["leansOn"], serde_json::json!([]));
}

#[test]
fn a_delta_of_a_delta_leaves_out_what_both_brought_and_what_they_leaned_on() {
    let sender = Sender::new();
    let of = |layers: &[&str]| [image("a/a:1", layers)];
    sender.export("one.tar", &of(&["base"]), &[]).ok();
    sender.export("two.tar", &of(&["base", "two"]), &["--since", "one.tar"]).ok();

    sender.export("three", &of(&["base", "two", "three"]), &["--since", "two.tar"]).ok();

    let lacks = texts(&predicate(&sender.at("three"))["base"]["lacks"]);
    assert_eq!(lacks, set([layer_digest("base"), layer_digest("two")]));
    // Named beside one another, each that tells something is named.
    let all = ["--since", "one.tar", "--since", "two.tar"];
    sender.export("four", &of(&["base", "four"]), &all).ok();
    assert_eq!(predicate(&sender.at("four"))["base"]["on"].as_array().unwrap().len(), 2);
}

#[test]
fn what_another_key_signed_is_told_and_what_is_none_is_refused() {
    let (sender, other) = (Sender::new(), Sender::new());
    let june = [image("a/a:1", &["base"])];
    other.export("june.tar", &june, &[]).ok();
    std::fs::copy(other.at("june.tar"), sender.at("june.tar")).unwrap();

    let made = sender.export("july", &june, &["--since", "june.tar"]).ok();

    assert_eq!(made.number("/fetched/blobs"), 1, "a config, which the head is made from");
    made.says("not by the key of this export").says("june.tar says that it is signed by");

    std::fs::write(sender.at("none.tar"), "none").unwrap();
    sender.export("x", &june, &["--since", "none.tar"]).exits(code::UNTRUSTED);
    sender.export("x", &june, &["--since", "nowhere"]).exits(code::INCOMPLETE);
    let many: Vec<&str> = std::iter::repeat_n(["--since", "june.tar"], 65).flatten().collect();
    sender.export("x", &june, &many).exits(code::USAGE).says("64 things at most");
    assert!(!sender.at("x").exists() && !sender.at("x.partial").exists());
}

#[test]
fn a_damaged_copy_of_the_earlier_bundle_still_tells_what_arrived() {
    let sender = Sender::new();
    sender.export("june", &[image("a/a:1", &["base", "one"])], &[]).ok();
    let blob = |name: &str| {
        let digest = layer_digest(name);
        sender.at("june/blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())
    };
    std::fs::remove_file(blob("base")).unwrap();

    let july = [image("a/a:2", &["base", "two"])];
    sender.export("july", &july, &["--since", "june"]).ok();
    let lacks = texts(&predicate(&sender.at("july"))["base"]["lacks"]);
    assert_eq!(lacks, set([layer_digest("base")]));

    // What its manifests say is not known without them.
    let manifest = image("a/a:1", &["base", "one"]).digest().replace("sha256:", "");
    std::fs::remove_file(sender.at("june/blobs/sha256").join(manifest)).unwrap();
    sender.export("x", &july, &["--since", "june"]).exits(code::INCOMPLETE);
}

#[test]
fn an_interrupted_export_goes_on_as_another_delta() {
    let sender = Sender::new();
    let images = [image("a/a:1", &["one", "two", "three"])];
    sender.export("one.tar", &[image("a/a:0", &["one"])], &[]).ok();
    sender.export("two.tar", &[image("a/a:0", &["two"])], &[]).ok();
    for (output, first, then, lacks) in [
        ("f", &[][..], &["--since", "one.tar"][..], vec!["one"]),
        ("g.tar", &["--since", "one.tar"], &["--since", "two.tar"], vec!["two"]),
        ("h.tar", &["--since", "one.tar"], &[], vec![]),
    ] {
        sender.export(output, &images, first).ok();
        // As one that was killed right before it got its name.
        std::fs::rename(sender.at(output), sender.at(&format!("{output}.partial"))).unwrap();
        let made = sender.export(output, &images, then).ok();
        let held = u64::try_from(lacks.len()).unwrap();
        assert_eq!(made.number("/held/blobs"), held, "{output}");
        let verify = ["verify", output, "--key"];
        ran(sender.sealift.command().args(verify).arg(&sender.keys.public)).ok();
        if output == "f" {
            let found = carried(&sender.at("f"));
            assert!(!found.contains(&layer_digest("one")), "{found:?}");
        }
    }
}

#[test]
fn a_delta_goes_where_the_rest_is_and_nowhere_else() {
    let sender = Sender::new();
    sender.export("june.tar", &[image("a/a:1", &["base"])], &[]).ok();
    let july = image("a/a:2", &["base", "two"]);
    sender
        .export("july", &[july.clone(), image("b/b:1", &["three"])], &["--since", "june.tar"])
        .ok();

    sender
        .import("july", "oci:empty", &[])
        .exits(code::INCOMPLETE)
        .says(&format!("x.example/a/a:2 needs blob {}", layer_digest("base")));
    assert!(!sender.at("empty").exists());
    // Those images that it carries whole can be chosen.
    sender.import("july", "oci:part", &["--only", "x.example/b/b"]).ok();

    sender.import("june.tar", "oci:inside", &[]).ok();
    sender.import("july", "oci:inside", &[]).ok();
    let there = carried(&sender.at("inside"));
    assert!(july.blobs.keys().all(|digest| there.contains(digest)), "{there:?}");
}
