//! Squash: a bundle and the deltas upon it as one whole bundle, or nothing.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::images::Image;
use crate::support::months::{Sender, carried, image, layer_digest, predicate};
use crate::support::sealift::{Ran, code, ran};

/// What squashes as `line` says, which has no quotes.
fn squashing(sender: &Sender, line: &str) -> Command {
    let mut command = sender.sealift.command();
    command.arg("squash").args(line.split_whitespace()).args(["--format", "json"]);
    command.arg("--sign-key").arg(&sender.keys.private);
    command.arg("--key").arg(&sender.keys.public);
    command
}

fn squash(sender: &Sender, line: &str) -> Ran {
    ran(&mut squashing(sender, line))
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

/// Three months of the stream `prod`, whose history is in `h`.
fn stream(sender: &Sender) -> [Image; 3] {
    let months = ["one", "two", "three"].map(|layer| image("a/app:1", &["base", layer]));
    let with = |more: &[&'static str]| [&["--stream", "prod", "--history", "h"], more].concat();
    sender.export("one", &months[..1], &with(&["--new-epoch"])).ok();
    sender.export("two", &months[1..2], &with(&["--since", "one"])).ok();
    sender.export("three", &months[2..], &with(&["--since", "two"])).ok();
    months
}

/// Which number the bundle got that a run made, or would make.
fn number(made: &Value) -> (u64, u64) {
    let number = |member: &str| made["position"][member].as_u64().unwrap();
    (number("epoch"), number("sequence"))
}

#[test]
fn it_is_the_next_of_a_stream_where_one_is_named_and_the_other_side_takes_it_so() {
    let sender = Sender::new();
    let [.., newest] = stream(&sender);
    let line = "one two three -o whole --stream prod --history h";

    let dry = squash(&sender, &format!("{line} --dry-run")).ok().json();
    assert_eq!(number(&dry), (0, 4));
    assert!(!sender.at("h/prod/0-4").exists(), "a dry run takes no number");
    let made = squash(&sender, line).ok();
    assert!(!made.stderr.contains("not given"), "{}", made.stderr);
    assert_eq!(number(&made.json()), (0, 4));

    let signed = |bundle: &str| predicate(&sender.at(bundle));
    let previous = |bundle: &str| signed(bundle)["previous"]["statement"].clone();
    let statement = |bundle: &str| verify_json(&sender, bundle)["statement"].clone();
    assert_eq!(previous("whole"), statement("three"));
    assert_eq!(signed("whole")["base"], Value::Null);
    for bundle in ["one", "two", "three", "whole"] {
        sender.import(bundle, "oci:in", &["--stream", "prod", "--on-existing", "overwrite"]).ok();
    }
    sender.import("three", "oci:in", &["--stream", "prod"]).exits(code::STALE);
    // The next export goes on behind it, and it is the newest of all.
    let more = ["--stream", "prod", "--history", "h", "--since", "whole"];
    sender.export("five", std::slice::from_ref(&newest), &more).ok();
    assert_eq!((&signed("five")["sequence"], previous("five")), (&5.into(), statement("whole")));
    // What the last one brought is left out, and that is said.
    let old = squash(&sender, "one two -o old --stream prod --history h").ok();
    assert_eq!(number(&old.json()), (0, 6));
    old.says("the last bundle of stream prod, number 5, is not given");
}

/// What `verify` tells of `bundle`.
fn verify_json(sender: &Sender, bundle: &str) -> Value {
    let mut command = sender.sealift.command();
    command.args(["verify", bundle, "--format", "json", "--key"]).arg(&sender.keys.public);
    ran(&mut command).ok().json()
}

#[test]
fn its_number_is_found_as_that_of_an_export_is() {
    let sender = Sender::new();
    stream(&sender);
    let line = |output: &str, more: &str| format!("one two three -o {output} --stream prod {more}");

    let lost = squash(&sender, &line("no", "--history none")).exits(code::INCOMPLETE);
    lost.says("there is no history of stream prod").says("--after");
    assert!(!sender.at("no").exists() && !sender.at("no.partial").exists());
    let begun = squash(&sender, &line("begun", "--history none --new-epoch=7")).ok().json();
    assert_eq!(number(&begun), (7, 1));
    assert_eq!(predicate(&sender.at("begun"))["previous"], Value::Null);
    let found = squash(&sender, &line("found", "--history new --after three")).ok().json();
    assert_eq!(number(&found), (0, 4));
    squash(&sender, &line("x", "--history h --after three --new-epoch")).exits(code::USAGE);
    squash(&sender, "one -o x --new-epoch").exits(code::USAGE).says("--stream");
    squash(&sender, "one -o outside --history h").ok().says("--history has no effect here");
    // Two at a time would have one number.
    let lock = fs::File::options().write(true).open(sender.at("h/prod/lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    squash(&sender, &line("x", "--history h")).exits(9).says("another sealift");
}

#[test]
fn one_that_was_interrupted_is_finished_with_its_number_and_its_date() {
    let sender = Sender::new();
    stream(&sender);
    let dated = |date: &str| {
        let mut command = squashing(&sender, "one two three -o whole --stream prod --history h");
        ran(command.env("SOURCE_DATE_EPOCH", date))
    };
    let layer = sender.at("three/blobs/sha256").join(&layer_digest("three")[7..]);
    let bytes = fs::read(&layer).unwrap();
    let mut wrong = bytes.clone();
    wrong[100] ^= 1;
    fs::write(&layer, &wrong).unwrap();

    dated("1760100000").exits(code::DAMAGED);
    fs::write(&layer, &bytes).unwrap();
    let made = dated("1760200000").ok().json();

    assert_eq!(number(&made), (0, 4));
    assert_eq!(predicate(&sender.at("whole"))["createdAt"], "2025-10-10T12:40:00Z");
    verify(&sender, "whole").ok();
}

#[test]
fn a_dry_run_says_what_is_carried_and_written_and_what_room_there_is() {
    let sender = Sender::new();
    months(&sender);
    for output in ["whole", "whole.tar"] {
        let line = format!("june.tar july.tar august -o {output}");
        let sizes = squash(&sender, &format!("{line} --dry-run")).ok().json()["sizes"].clone();
        assert_eq!((&sizes["download"], &sizes["send"]), (&0.into(), &0.into()));
        assert_eq!(
            (&sizes["write"], &sizes["room"][0]["needed"]),
            (&sizes["carry"], &sizes["carry"])
        );
        assert_eq!(sizes["room"][0]["place"], output);
        assert!(sizes["room"][0]["free"].as_u64() > Some(0), "{sizes}");

        let made = squash(&sender, &line).ok().json();

        assert_eq!(made.get("sizes"), None, "a run that was made has none");
        assert_eq!(sizes["carry"].as_u64(), Some(size(&sender.at(output))), "{output}");
    }
    let mut command = sender.sealift.command();
    command.args(["squash", "june.tar", "-o", "x.tar", "--dry-run", "--sign-key"]);
    command.arg(&sender.keys.private).arg("--key").arg(&sender.keys.public);
    ran(&mut command).ok().says("to carry ").says("room at x.tar: ");
}

/// Bytes of the file at `path`, or of all files below it.
fn size(path: &Path) -> u64 {
    match path.is_dir() {
        true => fs::read_dir(path).unwrap().map(|it| size(&it.unwrap().path())).sum(),
        false => path.metadata().unwrap().len(),
    }
}
