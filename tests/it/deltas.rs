//! Deltas: a bundle carries only what the other side lacks, which is proven before it is used.

use std::collections::BTreeSet;

use crate::support::content::{Layer, digest, tar};
use crate::support::files;
use crate::support::http;
use crate::support::images::{self, Image};
use crate::support::inside::{Engine, Inside, with_each};
use crate::support::months::{Sender, carried, image, layer, layer_digest, predicate, texts};
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, code, ran};

/// Runs `line` in `sender`'s scratch folder, with its public key.
fn run(sender: &Sender, line: &str) -> Ran {
    let mut command = sender.sealift.command();
    ran(command.args(line.split(' ')).arg("--key").arg(&sender.keys.public))
}

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

/// A registry that holds `june`, and a sender whose bundle `july` is a delta since that.
fn month(june: &[Image], july: &[Image]) -> (Sender, Registry, String) {
    let (sender, registry) = (Sender::new(), Registry::empty());
    let to = format!("docker://{}", registry.host());
    sender.export("june.tar", june, &[]).ok();
    sender.export("july", july, &["--since", "june.tar"]).ok();
    sender.import("june.tar", &to, &[]).ok();
    (sender, registry, to)
}

/// Has the registry's storage lose a blob, everywhere, as its garbage collector may.
fn lose(registry: &Registry, digest: &str) {
    let hex = digest.strip_prefix("sha256:").unwrap();
    let storage = registry.storage().join("docker/registry/v2");
    std::fs::remove_dir_all(storage.join("blobs/sha256").join(&hex[..2]).join(hex)).unwrap();
    for repository in ["a/a", "b/b"] {
        let link = storage.join("repositories").join(repository).join("_layers/sha256").join(hex);
        let _ = std::fs::remove_dir_all(link);
    }
}

#[test]
fn a_blob_that_the_destination_lost_is_named_and_a_base_makes_up_for_it() {
    need!("docker-registry");
    let july = [image("a/a:2", &["base", "two"]), image("b/b:2", &["base", "three"])];
    let (sender, registry, to) = month(&[image("a/a:1", &["base", "one"])], &july);
    lose(&registry, &layer_digest("base"));
    let before = registry.writes().len();
    let named = format!("x.example/a/a:2 needs blob {}", layer_digest("base"));

    let refused = sender.import("july", &to, &[]).exits(code::INCOMPLETE).says(&named);
    refused.says(&format!("x.example/b/b:2 needs blob {}", layer_digest("base"))).says("--base");
    let dry =
        sender.import("july", &to, &["--dry-run", "--format", "json"]).exits(code::INCOMPLETE);
    assert_eq!(dry.json()["missing"].as_array().unwrap().len(), 2);
    assert_eq!(dry.json()["missing"][0]["digest"], layer_digest("base"));
    assert_eq!(registry.writes().len(), before, "nothing was written");

    let done = sender.import("july", &to, &["--base", "june.tar", "--format", "json"]).ok();
    assert_eq!(done.number("/copied/blobs"), 5, "two layers, two configs and the base");
    assert_eq!(done.number("/mounted/blobs"), 1);
    for image in &july {
        for digest in image.blobs.keys() {
            assert!(registry.has_blob(&image.repository, digest), "{digest}");
        }
    }
}

#[test]
fn with_keep_going_what_is_whole_arrives() {
    need!("docker-registry");
    let july = [image("a/a:2", &["base", "two"]), image("b/b:2", &["three"])];
    let (sender, registry, to) = month(&[image("a/a:1", &["base", "one"])], &july);
    lose(&registry, &layer_digest("base"));

    let ran = sender.import("july", &to, &["--keep-going"]).exits(code::INCOMPLETE);

    ran.says("x.example/a/a:2").says(&layer_digest("base"));
    assert!(registry.document("b/b", "2").is_some() && registry.document("a/a", "2").is_none());
}

#[test]
fn what_only_another_repository_has_is_mounted_from_there() {
    need!("docker-registry");
    // In June the base came with another image, which is no longer wanted.
    let june = [image("a/a:1", &["base", "one"]), image("c/c:1", &["other"])];
    let july = [image("b/b:1", &["base", "two"]), image("d/d:1", &["other", "three"])];
    let (sender, registry, to) = month(&june, &july);
    let before = registry.requests().len();

    let done = sender.import("july", &to, &["--format", "json"]).ok();

    assert_eq!(done.number("/mounted/blobs"), 2);
    assert!(registry.has_blob("b/b", &layer_digest("base")));
    assert!(registry.has_blob("d/d", &layer_digest("other")));
    let asked = registry.requests().len() - before;
    assert!(asked < 80, "{asked} requests");

    // Nothing to do costs what it costs with a whole bundle.
    sender.export("whole", &july, &[]).ok();
    let cost = |bundle: &str| {
        let before = registry.requests().len();
        sender.import(bundle, &to, &[]).ok();
        registry.requests().len() - before
    };
    let (whole, delta) = (cost("whole"), cost("july"));
    assert_eq!(delta, whole);
}

#[test]
fn a_base_is_read_by_digest_and_believed_in_nothing() {
    let sender = Sender::new();
    sender.export("june", &[image("a/a:1", &["base", "one"])], &[]).ok();
    let july = [image("a/a:2", &["base", "one", "two"])];
    sender.export("july.tar", &july, &["--since", "june"]).ok();
    let blob = |bundle: &str, name: &str| {
        let digest = layer_digest(name);
        sender.at(bundle).join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())
    };
    for copy in ["wrong", "short", "linked"] {
        files::copy(&sender.at("june"), &sender.at(copy));
        std::fs::remove_file(blob(copy, "base")).unwrap();
    }
    let right = std::fs::read(blob("june", "base")).unwrap();
    let mut wrong = right.clone();
    wrong[1000] ^= 1;
    std::fs::write(blob("wrong", "base"), wrong).unwrap();
    std::fs::write(blob("short", "base"), &right[1..]).unwrap();
    std::os::unix::fs::symlink(blob("june", "base"), blob("linked", "base")).unwrap();

    for (base, code, says) in [
        ("wrong", code::DAMAGED, "base wrong: blob"),
        ("short", code::INCOMPLETE, "a/a:2 needs blob"),
        ("linked", code::INCOMPLETE, "a/a:2 needs blob"),
        ("july.tar", code::USAGE, "is the bundle itself"),
        ("nowhere", code::INCOMPLETE, "nowhere"),
        ("home", code::INCOMPLETE, "home"),
    ] {
        sender.import("july.tar", "oci:x", &["--base", base]).exits(code).says(says);
        let index = std::fs::read_to_string(sender.at("x/index.json")).unwrap_or_default();
        assert!(!index.contains("a/a:2"), "{base}: no name");
    }
    // With a sound one beside them, in whatever order, it succeeds: packed, or as a plain layout.
    sender.import("june", "oci:layout", &[]).ok();
    let all = ["--base", "wrong", "--base", "linked", "--base", "layout"];
    sender.import("july.tar", "oci-archive:all.tar", &all).ok();
    sender.import("july.tar", "oci:y", &["--base", "short", "--base", "all.tar"]).ok();
    let there = carried(&sender.at("y"));
    assert!(july[0].blobs.keys().all(|digest| there.contains(digest)), "{there:?}");
}

#[test]
fn archives_are_whole_or_not_written() {
    let sender = Sender::new();
    let june = [image("a/a:1", &["base", "one"])];
    sender.export("june.tar", &june, &[]).ok();
    let july = [image("a/a:2", &["base", "one", "two"]), june[0].clone()];
    sender.export("july", &july, &["--since", "june.tar"]).ok();

    for format in ["docker-archive", "oci-archive"] {
        let to = format!("{format}:out.{format}");
        let refused = sender.import("july", &to, &[]).exits(code::INCOMPLETE);
        refused.says("x.example/a/a:1 needs blob").says("--base");
        assert!(!sender.at(&format!("out.{format}")).exists());
        sender.import("july", &to, &["--base", "june.tar"]).ok();
        // What the file has by now is not sent again, and needs no base.
        if format == "oci-archive" {
            sender.import("july", &to, &[]).ok();
        }
    }
    let mut command = sender.sealift.command();
    command.args(["export", "docker-archive:out.docker-archive", "-o", "again", "--sign-key"]);
    ran(command.arg(&sender.keys.private)).ok();
    let found = carried(&sender.at("again"));
    assert!(found.contains(&config(&july[0])) && found.contains(&config(&june[0])));
}

#[test]
fn what_an_archive_would_lack_is_told_once_and_is_not_to_be_sent() {
    let sender = Sender::new();
    let june = [image("a/a:1", &["base", "one"])];
    sender.export("june.tar", &june, &[]).ok();
    // Of June's image the config is lacking, too, without which no docker archive can be made.
    let july = [image("a/a:2", &["base", "two"]), june[0].clone()];
    sender.export("july", &july, &["--since", "june.tar"]).ok();

    for to in ["docker-archive:out.tar", "oci-archive:out.tar", "oci:out"] {
        let json = ["--dry-run", "--format", "json"];
        let told = sender.import("july", to, &json).exits(code::INCOMPLETE);
        let obstacles = told.json()["obstacles"].as_array().unwrap().len();
        assert_eq!(obstacles, 1, "{to}: {}", told.stdout);
        assert_eq!(told.number("/lacking/blobs"), 3, "{to}: the base, a layer and a config");
        assert_eq!(told.number("/copy/blobs"), 2, "{to}: what the bundle carries");
        let moved = told.number("/sizes/write") + told.number("/sizes/send");
        assert!(moved < told.number("/sizes/carry") + (64 << 10), "{to}: {}", told.stdout);
        let shown = sender.import("july", to, &["--dry-run"]).exits(code::INCOMPLETE);
        shown.says("2 blobs (").says("to send").says("3 blobs (").says("that nobody has");
        let refused = sender.import("july", to, &[]).exits(code::INCOMPLETE);
        let named = format!("needs blob {}", config(&june[0]));
        assert_eq!(refused.stderr.matches(&named).count(), 1, "{to}: {}", refused.stderr);
        let dry = ["--dry-run", "--format", "json", "--base", "june.tar"];
        let whole = sender.import("july", to, &dry).ok();
        assert_eq!(whole.number("/lacking/blobs"), 0, "{to}");
        assert_eq!(whole.number("/copy/blobs"), 5, "{to}");
    }
}

#[test]
fn layouts_at_hand_are_named_as_places_too() {
    let sender = Sender::new();
    let june = [image("a/a:1", &["base", "one"])];
    sender.export("june", &june, &[]).ok();
    let july = [image("a/a:2", &["base", "two"])];

    let made = sender.export("july", &july, &["--since", "oci:june", "--reuse", "oci:june"]).ok();

    assert_eq!(made.number("/held/blobs"), 1);
    let reused = sender.export("whole", &july, &["--reuse", "oci:june"]).ok();
    assert_eq!(reused.number("/reused/blobs"), 1, "the base");
    sender.import("june", "oci-archive:june.oci", &[]).ok();
    for base in ["oci:june", "oci-archive:june.oci"] {
        run(&sender, &format!("verify july --base {base}")).ok();
    }
    sender.import("july", "oci:out", &["--base", "oci-archive:june.oci"]).ok();
    for (base, code) in [
        ("docker://h.example/a", code::USAGE),
        ("oci:june:a/a:1", code::USAGE),
        ("oci:nowhere", code::INCOMPLETE),
    ] {
        sender.import("july", "oci:other", &["--base", base]).exits(code);
        sender.export("x", &july, &["--reuse", base]).exits(code);
        sender.export("x", &july, &["--since", base]).exits(code);
    }
    // One that is no bundle is none by any name.
    sender.import("june", "oci:layout", &[]).ok();
    let none = sender.export("x", &july, &["--since", "oci:layout"]).exits(code::UNTRUSTED);
    none.says("is an OCI layout, which nobody signed");
}

#[test]
fn a_lost_blob_comes_with_a_bundle_since_what_is_held_of_the_one_before() {
    need!("docker-registry");
    let july = [image("a/a:2", &["base", "two"])];
    let (sender, registry, to) = month(&[image("a/a:1", &["base", "one"])], &july);
    lose(&registry, &layer_digest("base"));
    // A receipt believes the manifest that is there, and so does the bundle that is made by it.
    ran(sender.sealift.command().args(["inventory", &to, "-o", "plain.json"])).ok();
    sender.export("again", &july, &["--since", "plain.json"]).ok();

    let refused = sender.import("again", &to, &[]).exits(code::INCOMPLETE);

    refused.says("`sealift inventory PLACE --against BUNDLE` looks for each blob");
    let against = format!("inventory {to} --against june.tar -o held.json");
    run(&sender, &against).exits(code::INCOMPLETE);
    sender.export("mended", &july, &["--since", "held.json"]).ok();
    assert!(carried(&sender.at("mended")).contains(&layer_digest("base")));
    sender.import("mended", &to, &[]).ok();
}

#[test]
fn verify_says_what_a_delta_leans_on_and_proves_it_where_asked() {
    need!("docker-registry");
    let july = [image("a/a:2", &["base", "two"])];
    let (sender, registry, to) = month(&[image("a/a:1", &["base", "one"])], &july);

    // By itself the bundle is right.
    let alone = run(&sender, "verify july").ok().says("it is a delta: 1 blob of");
    assert!(!alone.stdout.contains("everything that its images need"), "{}", alone.stdout);
    run(&sender, "inspect july").ok().says("it is a delta: 1 blob of").says("leans on statement");
    let against = format!("verify july --against {to}");
    let before = registry.writes().len();
    run(&sender, &against).ok().says("it has everything that its images need");
    run(&sender, "verify july --base june.tar").ok().says("together with the bases");

    lose(&registry, &layer_digest("base"));
    let named = format!("x.example/a/a:2 needs blob {}", layer_digest("base"));
    run(&sender, &against).exits(code::INCOMPLETE).says(&named).says("127.0.0.1");
    run(&sender, &format!("{against} --base june.tar")).ok();
    let told = run(&sender, &format!("{against} --format json")).exits(code::INCOMPLETE);
    assert_eq!(told.json()["missing"][0]["digest"], layer_digest("base"));
    assert_eq!(told.json()["problems"], serde_json::json!([]));
    assert_eq!(told.json()["against"], to.as_str());
    assert_eq!(registry.writes().len(), before, "nothing is written");

    // Against layouts, and against bases that do not have it, or have it damaged.
    run(&sender, "verify july --against oci:empty").exits(code::INCOMPLETE).says(&named);
    assert!(!sender.at("empty").exists());
    sender.import("june.tar", "oci:layout", &[]).ok();
    run(&sender, "verify july --against oci:layout").ok();
    sender.export("other", &[image("c/c:1", &["else"])], &[]).ok();
    run(&sender, "verify july --base other").exits(code::INCOMPLETE).says(&named);
    let base = layer_digest("base").replace("sha256:", "");
    files::flip(&sender.at("layout/blobs/sha256").join(base), 100);
    run(&sender, "verify july --base layout").exits(code::DAMAGED).says("base layout");
    run(&sender, "verify july --base layout --base june.tar").ok();
    run(&sender, "verify july --against docker-archive:x.tar").exits(code::USAGE);

    // What is damaged is told first, wherever the rest is.
    let two = layer_digest("two").replace("sha256:", "");
    files::flip(&sender.at("july/blobs/sha256").join(two), 100);
    run(&sender, "verify july --base june.tar").exits(code::DAMAGED);
}

#[test]
fn a_delta_is_held_against_a_place_under_the_names_that_its_import_gives_there() {
    need!("docker-registry");
    let (sender, registry) = (Sender::new(), Registry::empty());
    let to = format!("docker://{}", registry.host());
    sender.export("june.tar", &[image("a/a:1", &["base"])], &[]).ok();
    sender.export("july", &[image("a/a:2", &["base", "two"])], &["--since", "june.tar"]).ok();
    let rule = ["--map", "x.example/a/*=kept/*"];
    sender.import("june.tar", &to, &rule).ok();
    std::fs::write(sender.at("rules.txt"), "x.example/a/*=kept/* # here\n").unwrap();

    let before = registry.requests().len();
    for rules in ["--map x.example/a/*=kept/*", "--map-file rules.txt"] {
        run(&sender, &format!("verify july --against {to} {rules}")).ok();
    }

    let asked: Vec<String> =
        registry.requests()[before..].iter().map(|it| it.path.clone()).collect();
    assert!(asked.iter().any(|path| path.starts_with("/v2/kept/a/")), "{asked:?}");
    assert!(!asked.iter().any(|path| path.starts_with("/v2/a/a/")), "{asked:?}");
    // As the import: names that become one, and what is written anew.
    sender.export("two", &[image("a/a:1", &["base"]), image("b/a:1", &["two"])], &[]).ok();
    run(&sender, &format!("verify two --against {to} --flatten")).exits(code::USAGE);
    run(&sender, &format!("verify two --against {to} --to-oci --rewrite-index")).ok();
    run(&sender, "verify two --flatten").exits(code::USAGE).says("--against");
}

#[test]
fn a_month_that_was_lost_is_named_and_a_later_one_arrives_once_it_is_there() {
    let sender = Sender::new();
    let of = |tag: u8, layers: &[&str]| [image(&format!("a/a:{tag}"), layers)];
    sender.export("one.tar", &of(1, &["base"]), &[]).ok();
    sender.export("two.tar", &of(2, &["base", "two"]), &["--since", "one.tar"]).ok();
    let both = ["--since", "one.tar", "--since", "two.tar"];
    sender.export("three.tar", &of(3, &["base", "two", "three"]), &both).ok();

    sender.import("one.tar", "oci:inside", &[]).ok();
    let lost = sender.import("three.tar", "oci:inside", &[]).exits(code::INCOMPLETE);
    let lost = lost.says(&format!("a/a:3 needs blob {}", layer_digest("two")));
    assert!(!lost.stderr.contains(&layer_digest("base")), "that is there: {}", lost.stderr);
    // It came late, and nothing is wrong with that; and what came twice is there.
    sender.import("three.tar", "oci:inside", &["--base", "two.tar"]).ok();
    sender.import("two.tar", "oci:inside", &[]).ok();
    sender.import("three.tar", "oci:inside", &[]).ok();
    sender.import("one.tar", "oci:inside", &[]).ok();
    let index = std::fs::read_to_string(sender.at("inside/index.json")).unwrap();
    assert!(["a/a:1", "a/a:2", "a/a:3"].iter().all(|name| index.contains(name)), "{index}");
}

#[test]
fn a_delta_is_served_with_its_bases_and_not_without() {
    let sender = Sender::new();
    sender.export("june.tar", &[image("a/a:1", &["base"])], &[]).ok();
    let july = image("a/a:2", &["base", "two"]);
    sender.export("july", std::slice::from_ref(&july), &["--since", "june.tar"]).ok();

    let refused = run(&sender, "serve july --listen 127.0.0.1:0").exits(code::INCOMPLETE);
    refused.says(&format!("a/a:2 needs blob {}", layer_digest("base"))).says("--base");
    sender.import("june.tar", "oci:damaged", &[]).ok();
    let base = layer_digest("base").replace("sha256:", "");
    files::flip(&sender.at("damaged/blobs/sha256").join(base), 100);
    run(&sender, "serve july --listen 127.0.0.1:0 --base damaged")
        .exits(code::DAMAGED)
        .says("base damaged");

    let more = ["--base", "damaged", "--base", "june.tar"];
    let served = sender.sealift.serve_with(&sender.at("july"), &sender.keys.public, &more);
    for digest in july.blobs.keys() {
        let got = http::get(served.port, &format!("/v2/a/a/blobs/{digest}"), &[]);
        assert_eq!((got.status, &crate::support::content::digest(&got.bytes())), (200, digest));
    }
}

#[test]
fn an_export_out_of_a_delta_is_refused_or_made_whole() {
    let sender = Sender::new();
    sender.export("june.tar", &[image("a/a:1", &["base"])], &[]).ok();
    let july = image("a/a:2", &["base", "two"]);
    sender.export("july", std::slice::from_ref(&july), &["--since", "june.tar"]).ok();
    let export = |more: &[&str]| {
        let mut command = sender.sealift.command();
        command.args(["export", "oci:july", "-o", "again", "--sign-key"]).arg(&sender.keys.private);
        ran(command.args(more))
    };

    export(&[]).exits(code::INCOMPLETE).says(&layer_digest("base")).says("a/a:2");
    assert!(!sender.at("again").exists());
    // The config is there, and what is left out of the new one need not be.
    export(&["--since", "june.tar"]).ok();
    std::fs::rename(sender.at("again"), sender.at("delta")).unwrap();
    assert_eq!(carried(&sender.at("delta")), carried(&sender.at("july")));
    export(&["--reuse", "june.tar"]).ok();
    assert!(july.blobs.keys().all(|digest| carried(&sender.at("again")).contains(digest)));
}

#[test]
fn each_engine_gets_what_it_does_not_hold() {
    with_each(|inside| {
        let engine = inside.engine.name();
        let busybox = std::fs::read(crate::support::find("busybox").unwrap()).unwrap();
        let busybox = Layer::gzip(&tar(&[("bin/busybox", &busybox, 0o755)]));
        let of = |tag: &str, says: &str, layers: &[Layer]| {
            let cmd = format!(r#"["/bin/busybox","echo","{says}"]"#);
            let layers = [std::slice::from_ref(&busybox), layers].concat();
            Image::single("acme/app", tag, &cmd, &layers)
        };
        let june = of("1", "june", &[layer("one")]);
        let july = of("2", "july", &[layer("one"), layer("two")]);
        let name = |tag: &str| format!("docker.io/acme/app:{tag}");
        inside.pack("june.tar", &[(&name("1"), &june)]);
        inside.pack_with("july.tar", &[(&name("2"), &july)], &["--since", "june.tar"]);
        // A new name for what is there.
        let mut same = july.clone();
        same.tag = "3".to_owned();
        same.name("3");
        inside.pack_with("august.tar", &[(&name("3"), &same)], &["--since", "july.tar"]);

        // An engine that has nothing of it: nothing is named there.
        let refused = inside.import("july.tar").exits(code::INCOMPLETE);
        refused.says(&digest(&busybox.bytes)).says(&name("2"));
        assert!(inside.names().is_empty(), "{engine}");

        inside.import("june.tar").ok();
        assert_eq!(inside.run(&name("1")), "june", "{engine}");
        let mut verify = inside.sealift.command();
        verify.args(["verify", "july.tar", "--against", &inside.engine.destination(), "--key"]);
        inside.engine.dress(verify.arg(&inside.keys.public));
        ran(&mut verify).ok();
        let done = inside.import("july.tar").ok();
        assert_eq!(done.number("/copied/blobs"), 1, "{engine}");
        assert_eq!(inside.run(&name("2")), "july", "{engine}");
        inside.shows(&name("2"), &july);

        // podman and docker ask for a config in any case, which is not carried.
        match inside.engine {
            Engine::Containerd(..) => inside.import("august.tar").ok(),
            _ => {
                inside.import("august.tar").exits(code::INCOMPLETE).says(&config(&july));
                inside.import_with("august.tar", &["--base", "july.tar"]).ok()
            }
        };
        inside.shows(&name("3"), &same);
        inside.has_no_helper_names();
    });
}

#[test]
fn an_engine_without_the_base_gets_it_from_there() {
    with_each(|inside: &Inside| {
        let hello = images::hello();
        let busybox = std::fs::read(crate::support::find("busybox").unwrap()).unwrap();
        let layers = [
            Layer::gzip(&tar(&[("bin/busybox", &busybox, 0o755)])),
            Layer::gzip(&images::one_file("extra", "extra")),
        ];
        let cmd = r#"["/bin/busybox","echo","with a base"]"#;
        let two = Image::single("library/hello", "2.0", cmd, &layers);
        inside.pack("june.tar", &[("docker.io/library/hello:1.0", &hello)]);
        let name = "docker.io/library/hello:2.0";
        inside.pack_with("july.tar", &[(name, &two)], &["--since", "june.tar"]);

        let done = inside.import_with("july.tar", &["--base", "june.tar"]).ok();

        assert_eq!(done.number("/copied/blobs"), 2, "{}", inside.engine.name());
        assert_eq!(inside.run(name), "with a base", "{}", inside.engine.name());
        inside.shows(name, &two);
    });
}
