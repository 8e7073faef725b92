//! Squash: a bundle and the deltas upon it as one whole bundle, or nothing.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::support::months::{Sender, carried, image, layer_digest, predicate};
use crate::support::sealift::{Ran, code, ran};

/// Squashes what `line` says, which has no quotes.
fn squash(sender: &Sender, line: &str) -> Ran {
    let mut command = sender.sealift.command();
    command.arg("squash").args(line.split_whitespace()).args(["--format", "json"]);
    command.arg("--sign-key").arg(&sender.keys.private);
    ran(command.arg("--key").arg(&sender.keys.public))
}

fn verify(sender: &Sender, bundle: &str) -> Ran {
    ran(sender.sealift.command().args(["verify", bundle, "--key"]).arg(&sender.keys.public))
}

/// Three months: an image that is rebuilt twice on a base, and one that never changes.
fn months(sender: &Sender) -> [String; 3] {
    let of = |layer: &str| [image("a/app:1", &["base", layer]), image("a/db:1", &["base", "db"])];
    sender.export("june.tar", &of("app 1"), &[]).ok();
    sender.export("july.tar", &of("app 2"), &["--since", "june.tar"]).ok();
    sender.export("august", &of("app 3")[..1], &["--since", "july.tar"]).ok();
    ["app 1", "app 2", "app 3"].map(|layer| of(layer)[0].digest().to_owned())
}

/// The digest of the image `name` in the bundle that a run made.
fn digest_of(made: &Value, name: &str) -> String {
    let images = made["images"].as_array().unwrap();
    let found = images.iter().find(|image| image["name"] == format!("x.example/{name}")).unwrap();
    found["digest"].as_str().unwrap().to_owned()
}

#[test]
fn a_base_and_its_deltas_become_one_whole_bundle_that_verifies_and_imports_alone() {
    let sender = Sender::new();
    let [_, _, newest] = months(&sender);

    for output in ["whole", "whole.tar"] {
        let made = squash(&sender, &format!("june.tar july.tar august -o {output}")).ok().json();

        assert_eq!(digest_of(&made, "a/app:1"), newest);
        let taken: Vec<&Value> =
            made["from"].as_array().unwrap().iter().map(|it| &it["images"]).collect();
        assert_eq!(taken, [0, 1, 1], "the newest name wins");
        verify(&sender, output).ok();
    }
    let signed = predicate(&sender.at("whole"));
    assert_eq!((&signed["base"], &signed["sequence"]), (&Value::Null, &0.into()));
    let there = carried(&sender.at("whole"));
    for (layer, is_there) in
        [("base", true), ("db", true), ("app 3", true), ("app 1", false), ("app 2", false)]
    {
        assert_eq!(there.contains(&layer_digest(layer)), is_there, "{layer}");
    }
    sender.import("whole.tar", "oci:inside", &[]).ok();

    // The same image as an export of everything today.
    let today = [image("a/app:1", &["base", "app 3"]), image("a/db:1", &["base", "db"])];
    sender.export("today", &today, &[]).ok();
    assert_eq!(carried(&sender.at("today")), there);
    // A name that is taken is not touched.
    squash(&sender, "june.tar -o whole").exits(code::USAGE);
    squash(&sender, "whole -o whole/in").exits(code::USAGE).says("lies in the bundle");
}

#[test]
fn a_blob_that_no_bundle_carries_is_told_by_image_before_anything_is_written() {
    let sender = Sender::new();
    months(&sender);

    let refused = squash(&sender, "july.tar august -o whole").exits(code::INCOMPLETE);
    let refused = refused.says("in none of the bundles given");

    let findings: BTreeSet<String> = refused.json()["error"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap().to_owned())
        .collect();
    for (name, layer) in [("app", "base"), ("db", "base"), ("db", "db")] {
        let line = format!("x.example/a/{name}:1 needs blob {}", layer_digest(layer));
        assert!(findings.contains(&line), "{line}: {findings:?}");
    }
    assert!(!sender.at("whole").exists() && !sender.at("whole.partial").exists());
    // Without a name whose blobs are lacking it can be done.
    squash(&sender, "june.tar august -o app --only x.example/a/app").ok();
}

#[test]
fn a_list_cuts_it_down_and_a_dry_run_says_the_same_and_writes_nothing() {
    let sender = Sender::new();
    months(&sender);
    fs::write(sender.at("list.txt"), "x.example/a/db:1 # alone\n").unwrap();
    let line = "june.tar july.tar august -f list.txt -o db";

    let dry = squash(&sender, &format!("{line} --dry-run")).ok().json();
    assert!(!sender.at("db").exists() && !sender.at("db.partial").exists());
    let made = squash(&sender, line).ok().json();

    assert_eq!(dry["images"], made["images"]);
    assert_eq!(made["images"].as_array().unwrap().len(), 1);
    assert!(!carried(&sender.at("db")).contains(&layer_digest("app 3")));
    verify(&sender, "db").ok();
    squash(&sender, "june.tar -o none --only x.example/nobody").exits(code::INCOMPLETE);
}

#[test]
fn what_is_damaged_not_trusted_or_half_there_becomes_no_bundle() {
    let sender = Sender::new();
    months(&sender);
    sender.export("base", &[image("a/app:1", &["base", "app 1"])], &[]).ok();
    let layer = sender.at("base/blobs/sha256").join(&layer_digest("app 1")[7..]);
    let bytes = fs::read(&layer).unwrap();

    // The size is right, and what is signed is not there.
    let mut wrong = bytes.clone();
    wrong[100] ^= 1;
    fs::write(&layer, &wrong).unwrap();
    squash(&sender, "base -o new").exits(code::DAMAGED).says("x.example/a/app:1");
    assert!(!sender.at("new").exists());
    // What was finished until then is used by the next run.
    fs::write(&layer, &bytes).unwrap();
    squash(&sender, "base -o new").ok();
    verify(&sender, "new").ok();

    let stranger = sender.sealift.keys("stranger");
    let mut command = sender.sealift.command();
    command.args(["squash", "base", "-o", "no", "--sign-key"]).arg(&sender.keys.private);
    ran(command.arg("--key").arg(&stranger.public)).exits(code::UNTRUSTED);
}

#[test]
fn it_expires_with_the_first_of_those_that_it_is_made_of() {
    let sender = Sender::new();
    let app = [image("a/app:1", &["base"])];
    sender.export("base", &app, &["--expires", "30000"]).ok();
    sender.export("more", &[image("a/db:1", &["db"])], &["--expires", "20000"]).ok();

    squash(&sender, "base more -o both").ok();
    squash(&sender, "base more -o app --only x.example/a/app").ok();
    squash(&sender, "base -o later --expires 35000").ok();

    let until = |bundle: &str| predicate(&sender.at(bundle))["expiresAt"].clone();
    assert_eq!(until("both"), until("more"));
    assert_eq!(until("app"), until("base"));
    assert!(until("later").as_str() > until("base").as_str());
}

#[test]
fn numbers_say_which_is_newest_and_two_of_one_number_are_refused() {
    let sender = Sender::new();
    let app = |layer: &str| [image("a/app:1", &["base", layer])];
    let stream = ["--stream", "prod", "--history", "h"];
    let with = |more: &[&'static str]| [&stream[..], more].concat();
    sender.export("one", &app("one"), &with(&["--new-epoch"])).ok();
    sender.export("two", &app("two"), &with(&["--since", "one"])).ok();
    sender.export("three", &app("three"), &with(&["--since", "two"])).ok();
    let other = ["--stream", "prod", "--history", "other"];
    sender.export("fork", &app("four"), &[&other[..], &["--new-epoch"]].concat()).ok();

    // Named in any order, and one of them twice.
    let made = squash(&sender, "three one two one -o whole").ok();
    let made = made.says("one is given twice").json();
    let numbers: Vec<u64> = made["from"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["position"]["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(digest_of(&made, "a/app:1"), app("three")[0].digest());
    assert_eq!(predicate(&sender.at("whole"))["sequence"], 0, "it is in no stream");
    squash(&sender, "one three -o gap").ok().says("between prod 1 and prod 3");
    squash(&sender, "one fork -o no").exits(code::STALE).says("two of the bundles are prod 1");
}
