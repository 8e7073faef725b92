//! What was done is noted on both sides, before names appear; what is noted is proved to be whole.

use std::fs;

use serde_json::Value;

use crate::support::each_call::{Call, is_possible, watched};
use crate::support::images::{Image, write_layout};
use crate::support::months::{Sender, image};
use crate::support::sealift::{Ran, code, ran};

/// A sender with the layout `src`, and the bundle `b` of it.
fn sender() -> Sender {
    let sender = Sender::new();
    fs::create_dir(sender.work()).unwrap();
    let images = [image("a/app:1", &["base", "app"]), image("a/db:1", &["base", "db"])];
    layout(&sender, "src", &images);
    run(&sender, "export oci:src -o b --sign-key KEY").ok();
    sender
}

fn layout(sender: &Sender, name: &str, images: &[Image]) {
    let names: Vec<String> = images.iter().map(|it| format!("x.example/{}", it.path())).collect();
    let named: Vec<(&str, &Image)> = names.iter().map(String::as_str).zip(images).collect();
    write_layout(&sender.work().join(name), &named);
}

fn run(sender: &Sender, line: &str) -> Ran {
    ran(&mut sender.at_work(line))
}

/// The entries, each with what it tells.
fn entries(sender: &Sender, more: &str) -> Vec<Value> {
    let told = run(sender, &format!("ledger show --format json {more}")).ok().json();
    told["entries"].as_array().unwrap().clone()
}

/// What was done, and how far.
fn steps(entries: &[Value]) -> Vec<String> {
    let step = |entry: &Value| {
        let text = |name: &str| entry["event"][name].as_str().unwrap().to_owned();
        format!("{} {}", text("verb"), text("stage"))
    };
    entries.iter().map(step).collect()
}

fn default_file(sender: &Sender) -> std::path::PathBuf {
    sender.sealift.home().join(".local/state/sealift/ledger.jsonl")
}

#[test]
fn both_sides_say_who_did_what_with_whose_word_and_how_it_ended() {
    let sender = sender();
    run(&sender, "export oci:src -o p.tar --sign-key KEY --dry-run").ok();
    run(&sender, "verify b --key PUB").ok();
    run(&sender, "import b --to oci:in --key PUB --map x.example/a/app=moved/app").ok();
    let other = sender.sealift.keys("other");
    let untrusted = format!("verify b --key {}", other.public.display());
    run(&sender, &untrusted).exits(code::UNTRUSTED);

    let all = entries(&sender, "");

    let wanted = ["export begun", "export done", "verify done", "import begun", "import done"];
    assert_eq!(steps(&all), [&wanted[..], &["verify failed"]].concat(), "no dry run is noted");
    for (at, entry) in all.iter().enumerate() {
        assert_eq!(entry["sequence"], at as u64 + 1);
        let before = at.checked_sub(1).map(|before| all[before]["digest"].clone());
        assert_eq!(entry["previous"], before.unwrap_or(Value::Null));
        assert_eq!(entry["tool"]["name"], "sealift");
        assert!(!entry["user"].as_str().unwrap().is_empty());
        assert!(!entry["host"].as_str().unwrap().is_empty());
    }
    let event = |at: usize| &all[at]["event"];
    assert_eq!(event(1)["begunBy"], 1);
    assert_eq!(event(3)["statement"], event(0)["statement"]);
    assert_eq!(event(3)["signers"], event(0)["signers"]);
    assert_eq!(event(3)["trust"]["keys"], event(3)["signers"]);
    assert_eq!(event(3)["place"], "oci:in");
    assert_eq!(event(3)["mapping"]["rules"][0], "x.example/a/app=moved/app");
    assert_eq!(event(3)["images"][0]["to"], "docker.io/moved/app:1", "{:#}", event(3));
    assert_eq!(event(4)["counts"]["images"], 2);
    assert!(event(4)["counts"]["copiedBytes"].as_u64().unwrap() > 60_000);
    assert_eq!(event(5)["error"]["class"], "untrusted");
    let shown = run(&sender, "ledger show").ok();
    shown.says("import").says("2 images").says("at oci:in").says("untrusted: ");
    run(&sender, "ledger verify").ok().says("6 entries, each as it was written");
}

#[test]
fn what_was_done_against_the_rule_stands_there_with_its_reason() {
    let sender = sender();
    layout(&sender, "next", &[image("a/app:1", &["base", "app 2"])]);
    for (line, stream) in [("src", "--new-epoch"), ("next", ""), ("src", ""), ("next", "")] {
        let name = format!("s{}", fs::read_dir(sender.work()).unwrap().count());
        run(&sender, &format!("export oci:{line} -o {name} --sign-key KEY --stream prod {stream}"))
            .ok();
    }
    run(&sender, "import s3 --to oci:in --key PUB").ok();
    run(&sender, "import s6 --to oci:in --key PUB").exits(code::STALE);
    let gap = ["--accept-gap", "May was lost at the gate", "--on-existing", "overwrite"];
    let mut import = sender.at_work("import s6 --to oci:in --key PUB");
    ran(import.args(gap)).ok();
    run(&sender, "import b --to oci:in --insecure-no-verify --on-existing overwrite").ok();

    let all = entries(&sender, "");

    let overrides = |entry: &Value| entry["event"]["overrides"].to_string();
    let exports: Vec<String> = all.iter().map(overrides).collect();
    assert_eq!(exports[2], r#"[{"what":"newEpoch"}]"#);
    let refused = all.iter().find(|it| it["event"]["error"]["class"] == "stale").unwrap();
    assert_eq!(refused["event"]["position"]["sequence"], 4);
    let begun: Vec<&Value> = all
        .iter()
        .filter(|it| it["event"]["verb"] == "import" && it["event"]["stage"] == "begun")
        .collect();
    assert_eq!(
        overrides(begun[1]),
        r#"[{"what":"overwrite"},{"reason":"May was lost at the gate","what":"gap"}]"#
    );
    let image = &begun[1]["event"]["images"][0];
    assert!(image["was"].is_string() && image["was"] != image["digest"], "{image:#}");
    assert_eq!(overrides(begun[2]), r#"[{"what":"anySigner"},{"what":"overwrite"}]"#);
    assert_eq!(begun[2]["event"]["trust"]["by"], "anySigner");
    run(&sender, "ledger show").ok().says("OVERRIDE gap: May was lost at the gate");
}

#[test]
fn it_is_on_the_disk_before_the_name_appears() {
    need!("cc");
    if !is_possible() {
        return;
    }
    let sender = sender();
    for (line, name) in [
        ("export oci:src -o p.tar --sign-key KEY --ledger l.jsonl", "p.tar"),
        ("import b --to oci:in --key PUB --ledger l.jsonl", "in"),
    ] {
        let (ran, calls) = watched(&sender.at_work(line), &sender.work(), 0, "EIO");
        ran.ok();
        let first = |is: &dyn Fn(&Call) -> bool| calls.iter().position(is).unwrap();
        let noted = first(&|it| it.kind == "sync" && it.path == "l.jsonl");
        let head = first(&|it| it.kind == "rename" && it.path.starts_with("l.jsonl.head"));
        let named = first(&|it| it.kind == "rename" && it.path.starts_with(name));
        assert!(noted < head && head < named, "{line}: {calls:?}");
        // Killed as soon as it was noted, nothing says how it ended.
        let sender = self::sender();
        let (ran, _) = watched(&sender.at_work(line), &sender.work(), head + 3, "kill");
        assert!(ran.code > 128, "{ran:?}");
        assert!(!sender.work().join(name).join("index.json").exists());
        let told = run(&sender, "ledger verify --ledger l.jsonl --format json").ok().json();
        assert_eq!(told["unfinished"], serde_json::json!([1]), "{line}");
        run(&sender, line).ok();
        let told = run(&sender, "ledger verify --ledger l.jsonl --format json").ok().json();
        assert_eq!((&told["count"], &told["findings"]), (&3.into(), &serde_json::json!([])));
    }
}

#[test]
fn what_cannot_be_noted_is_not_done_and_who_only_looks_goes_on() {
    let sender = sender();
    for line in [
        "export oci:src -o p.tar --sign-key KEY",
        "import b --to oci:in --key PUB",
        "squash b -o s --sign-key KEY --key PUB",
    ] {
        let mut command = sender.at_work(line);
        let ran = ran(command.env("XDG_STATE_HOME", "/proc/nowhere"));
        assert_ne!(ran.code, 0);
        ran.says("cannot write the ledger").says("--ledger");
    }
    for name in ["p.tar", "p.tar.partial", "in", "s"] {
        assert!(!sender.work().join(name).exists(), "{name}");
    }

    let mut verify = sender.at_work("verify b --key PUB");
    ran(verify.env("XDG_STATE_HOME", "/proc/nowhere")).ok().says("noted nowhere");
    let named = run(&sender, "verify b --key PUB --ledger /proc/nowhere/l.jsonl");
    assert_ne!(named.code, 0, "a ledger that is named is wanted");
}

#[test]
fn a_line_that_was_changed_or_cut_off_is_named_and_nothing_is_imported_behind_it() {
    let sender = sender();
    run(&sender, "verify b --key PUB").ok();
    let file = default_file(&sender);
    let good = fs::read_to_string(&file).unwrap();

    fs::write(&file, good.replacen("export", "exqort", 1)).unwrap();
    let ran = run(&sender, "ledger verify").exits(code::DAMAGED);
    ran.says("line 1: entry 1 is not as it was written");
    let told = run(&sender, "ledger verify --format json").exits(code::DAMAGED).json();
    assert_eq!(told["findings"][0]["kind"], "changed");
    run(&sender, "ledger show").exits(code::DAMAGED).says("entry 1 is not as it was written");

    let end = good.trim_end().rfind('\n').unwrap() + 1;
    fs::write(&file, &good[..end]).unwrap();
    run(&sender, "ledger verify").exits(code::DAMAGED).says("entry 3 is missing at the end");
    let import = run(&sender, "import b --to oci:in --key PUB").exits(code::DAMAGED);
    import.says("was cut off: entry 3 is not there").says("sealift ledger verify");
    assert!(!sender.work().join("in").exists());
    run(&sender, "verify b --key PUB").ok().says("noted nowhere");

    // What a crash left is something else.
    fs::write(&file, format!("{good}{{\"version\":1,")).unwrap();
    run(&sender, "ledger verify").ok().says("were being written when something ended that");
    run(&sender, "import b --to oci:in --key PUB").ok();
    let told = run(&sender, "ledger verify --format json").ok().json();
    assert_eq!((&told["mended"], &told["torn"], &told["count"]), (&1.into(), &0.into(), &6.into()));
}

#[test]
fn an_extract_is_signed_and_proves_that_the_ledger_goes_on_from_it() {
    let sender = sender();
    run(&sender, "ledger export -o e.ledger --sign-key KEY")
        .ok()
        .says("entries 1 to 2 in e.ledger");
    let verified = run(&sender, "ledger verify e.ledger --key PUB").ok();
    verified.says("signed by").says("2 entries");
    let other = sender.sealift.keys("other");
    let line = format!("ledger verify e.ledger --key {}", other.public.display());
    run(&sender, &line).exits(code::UNTRUSTED);
    run(&sender, "verify b --key PUB").ok();
    run(&sender, "ledger verify --extends e.ledger --key PUB").ok().says("goes on from entry 2");

    // Somebody who can write both files writes both anew.
    let folder = default_file(&sender).parent().unwrap().to_owned();
    fs::remove_dir_all(folder).unwrap();
    run(&sender, "verify b --key PUB").ok();
    run(&sender, "ledger verify").ok();
    let ran = run(&sender, "ledger verify --extends e.ledger --key PUB").exits(code::DAMAGED);
    ran.says("entry 2, with which e.ledger ends, is not there");
    run(&sender, "verify b --key PUB").ok();
    let ran = run(&sender, "ledger verify --extends e.ledger --key PUB").exits(code::DAMAGED);
    ran.says("entry 2, with which e.ledger ends, is another one");

    let signed = fs::read(sender.work().join("e.ledger")).unwrap();
    let text = String::from_utf8(signed).unwrap();
    fs::write(sender.work().join("e.ledger"), text.replacen("\"export\"", "\"import\"", 1))
        .unwrap();
    run(&sender, "ledger verify e.ledger --key PUB").exits(code::DAMAGED);
}

#[test]
fn a_ledger_is_put_aside_and_goes_on_and_entries_are_shown_by_their_time() {
    let sender = sender();
    let aside = run(&sender, "ledger rotate").ok();
    aside.says("ledger.1-2.jsonl");
    run(&sender, "verify b --key PUB").ok();

    let all = entries(&sender, "");
    assert_eq!(steps(&all), ["export begun", "export done", "rotate done", "verify done"]);
    run(&sender, "ledger verify").ok().says("4 entries");
    let file = default_file(&sender);
    let alone = run(&sender, &format!("ledger verify {}", file.display())).ok();
    alone.says("2 entries").says("it goes on from entry 2, sha256:");

    let day = all[0]["at"].as_str().unwrap()[..10].to_owned();
    assert_eq!(entries(&sender, &format!("--since {day} --until {day}")).len(), 4);
    assert_eq!(entries(&sender, "--until 2020-01-01").len(), 0);
    run(&sender, "ledger show --since yesterday").exits(code::USAGE).says("2026-11-01");
    for line in ["show", "export -o e.ledger"] {
        run(&sender, &format!("ledger {line} --since 2026-11-02 --until 2026-11-01"))
            .exits(code::USAGE)
            .says("no time is 2026-11-02T00:00:00Z or later and 2026-11-01T23:59:59Z or earlier");
    }
}

#[test]
fn a_part_that_was_put_aside_and_is_gone_is_missed() {
    let sender = sender();
    run(&sender, "ledger rotate").ok();
    run(&sender, "verify b --key PUB").ok();
    run(&sender, "ledger rotate").ok().says("ledger.3-4.jsonl");
    run(&sender, "verify b --key PUB").ok();
    let file = default_file(&sender);
    let parts = ["ledger.1-2.jsonl", "ledger.3-4.jsonl"].map(|name| file.with_file_name(name));
    run(&sender, "ledger verify").ok().says("6 entries");

    let held = [fs::read(&parts[0]).unwrap(), fs::read(&parts[1]).unwrap()];
    for (gone, said) in [
        (&[0][..], "entries 1 to 2 are missing: what was put aside is not beside it"),
        (&[1], "entries 3 to 4 are missing"),
        (&[0, 1], "entries 1 to 4 are missing: what was put aside is not beside it"),
    ] {
        gone.iter().for_each(|at| fs::remove_file(&parts[*at]).unwrap());
        run(&sender, "ledger verify").exits(code::DAMAGED).says(said);
        run(&sender, "ledger show").exits(code::DAMAGED).says(said);
        run(&sender, "ledger export -o e.ledger").exits(code::DAMAGED).says(said);
        assert!(!sender.work().join("e.ledger").exists());
        // What was put aside and carried away is no damage to what is read by itself.
        run(&sender, &format!("ledger verify {}", file.display())).ok().says("from entry 4");
        gone.iter().for_each(|at| fs::write(&parts[*at], &held[*at]).unwrap());
    }
    let told = run(&sender, "ledger verify --format json").ok().json();
    assert_eq!((&told["count"], &told["behind"]), (&6.into(), &Value::Null));
    let alone = run(&sender, &format!("ledger verify {} --format json", file.display()));
    assert_eq!(alone.ok().json()["behind"]["sequence"], 4);
}

#[test]
fn nothing_is_put_aside_of_a_ledger_that_nobody_began() {
    let sender = sender();
    for name in ["l.jsonl", "new/l.jsonl"] {
        run(&sender, &format!("ledger rotate --ledger {name}"))
            .exits(code::USAGE)
            .says("has no entry to put aside");
    }
    for name in ["l.jsonl", "l.jsonl.head", "new"] {
        assert!(!sender.work().join(name).exists(), "{name}");
    }
}

#[test]
fn what_is_not_let_in_is_noted_with_the_rule_and_who_said_so() {
    let sender = sender();
    let at = |name: &str| sender.work().join(name);
    fs::write(
        at("p.toml"),
        "version = 1\n[[rule]]\nname = \"no-db\"\ndenied-images = [\"x.example/a/db\"]\n",
    )
    .unwrap();
    let script = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo Tool 7; exit; fi\n\
                  cat >/dev/null; echo a worm FOUND; exit 1\n";
    fs::write(at("scanner"), script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(at("scanner"), mode).unwrap();
    let (scanner, policy) = (at("scanner").display().to_string(), fs::read(at("p.toml")).unwrap());
    let digest = crate::support::content::digest(&policy);

    for verb in ["export oci:src -o n --sign-key KEY", "import b --to oci:n --key PUB"] {
        let word = verb.split(' ').next().unwrap();
        let refused = |more: &str| {
            run(&sender, &format!("{verb} {more}")).exits(code::UNTRUSTED);
            let event = entries(&sender, "").pop().unwrap()["event"].take();
            assert_eq!((&event["verb"], &event["stage"]), (&word.into(), &"failed".into()));
            assert_eq!(event["error"]["class"], "untrusted");
            assert!(event["bundle"].is_string(), "{event:#}");
            assert!(event["counts"]["refused"].as_u64().unwrap() > 0);
            assert!(!at("n").exists(), "{more}");
            // What was fetched to be scanned stays for the next run.
            let is_left = at("n.partial").exists();
            assert_eq!(is_left, word == "export" && more.contains("--scan"), "{more}");
            event["refusals"][0].clone()
        };

        let by_policy = refused("--policy p.toml");
        assert_eq!(
            (&by_policy["rule"], &by_policy["policy"]),
            (&"no-db".into(), &digest.as_str().into())
        );
        assert_eq!(by_policy["images"], serde_json::json!(["x.example/a/db:1"]));
        let whoever =
            format!("--require-signature x.example/a/app={}", sender.keys.public.display());
        let unsigned = refused(&whoever);
        assert!(unsigned["rule"].as_str().unwrap().starts_with("x.example/a/app="), "{unsigned}");
        assert_eq!(unsigned["images"], serde_json::json!(["x.example/a/app:1"]));
        let found = refused(&format!("--scan {scanner}"));
        assert_eq!((&found["rule"], &found["tool"]), (&scanner.as_str().into(), &"Tool 7".into()));
        assert_eq!(found["images"].as_array().unwrap().len(), 2, "the base is of both: {found}");
        assert!(found["what"].as_str().unwrap().contains("a worm FOUND"), "{found}");
        let _ = fs::remove_dir_all(at("n.partial"));
    }
    // Of a packed one nothing is made before it was scanned.
    let packed = format!("export oci:src -o n.tar --sign-key KEY --scan {scanner}");
    run(&sender, &packed).exits(code::UNTRUSTED);
    assert!(!at("n.tar.partial").exists());
    run(&sender, "ledger verify").ok();
    run(&sender, "ledger show").ok().says("REFUSED x.example/a/db:1 by no-db");
}

#[test]
fn a_ledger_that_cannot_go_on_is_told_before_anything_is_done() {
    let sender = sender();
    fs::write(sender.work().join("real.jsonl"), "").unwrap();
    std::os::unix::fs::symlink("real.jsonl", sender.work().join("link.jsonl")).unwrap();
    run(&sender, "verify b --key PUB --ledger cut.jsonl").ok();
    fs::write(sender.work().join("cut.jsonl"), "").unwrap();
    fs::create_dir(sender.work().join("folder.jsonl")).unwrap();

    for ledger in ["link.jsonl", "cut.jsonl", "folder.jsonl"] {
        for (line, made) in [
            ("export oci:src -o n --sign-key KEY", "n.partial"),
            ("import b --to oci:n --key PUB", "n"),
        ] {
            let ran = run(&sender, &format!("{line} --ledger {ledger}"));
            assert_ne!(ran.code, 0);
            ran.says(ledger);
            assert!(!sender.work().join(made).exists(), "{ledger}: {line}");
        }
    }
    assert_eq!(fs::read(sender.work().join("real.jsonl")).unwrap(), b"");
}

#[test]
fn where_nothing_can_be_noted_that_is_said_however_quiet() {
    let sender = sender();
    let plain = sender.at_work("export oci:src -o n -q --sign-key KEY");
    // Root has the machine's own; somebody else who may write all the same has none.
    let mut export = std::process::Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        let powers = "+dac_override,+dac_read_search";
        export.args(["--reuid=65534", "--inh-caps", powers, "--ambient-caps", powers]);
    }
    export.arg(plain.get_program()).args(plain.get_args()).current_dir(sender.work());
    export.env_remove("XDG_STATE_HOME").env_remove("HOME");

    let ran = ran(&mut export).ok();

    assert!(ran.stderr.contains("warning: nothing of this is noted"), "{ran:?}");
}

#[test]
fn what_is_no_ledger_is_not_written_into_and_an_extract_is_not_written_over_it() {
    let sender = sender();
    let key = fs::read(&sender.keys.public).unwrap();
    let bundle = crate::support::files::tree(&sender.work().join("b"));

    fs::copy(sender.work().join("b/SHA256SUMS"), sender.work().join("sums")).unwrap();
    for file in ["PUB", "sums"] {
        run(&sender, &format!("verify b --key PUB --ledger {file}"))
            .exits(code::USAGE)
            .says("is no ledger");
    }
    assert_eq!(fs::read(&sender.keys.public).unwrap(), key);
    assert_eq!(crate::support::files::tree(&sender.work().join("b")), bundle);

    run(&sender, "verify b --key PUB --ledger l.jsonl").ok();
    let ledger = fs::read(sender.work().join("l.jsonl")).unwrap();
    for over in ["l.jsonl", "./l.jsonl", "l.jsonl.head"] {
        run(&sender, &format!("ledger export --ledger l.jsonl -o {over} --sign-key KEY"))
            .exits(code::USAGE)
            .says("is a part of the ledger");
    }
    let private = fs::read(&sender.keys.private).unwrap();
    let other = default_file(&sender).display().to_string();
    for over in ["KEY", "PUB", "sums", &other] {
        run(&sender, &format!("ledger export --ledger l.jsonl -o {over} --sign-key KEY"))
            .exits(code::USAGE)
            .says("is there, and is no extract of a ledger");
    }
    assert_eq!(fs::read(&sender.keys.private).unwrap(), private);
    for _ in 0..2 {
        run(&sender, "ledger export --ledger l.jsonl -o e.ledger --sign-key KEY").ok();
    }
    assert_eq!(fs::read(sender.work().join("l.jsonl")).unwrap(), ledger);
    run(&sender, "ledger verify --ledger l.jsonl").ok();
}
