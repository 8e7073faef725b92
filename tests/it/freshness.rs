//! The isolated side takes no old bundle for a new one: what was taken of each stream is remembered, last
//! of all and at once.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::content::{Layer, tar};
use crate::support::files;
use crate::support::images::Image;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::{Process, Random, wait_for};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

/// Both sides, with bundles `b1` and so on of the stream `prod`.
struct Crossing {
    sealift: Sealift,
}

impl Crossing {
    fn new(bundles: u32) -> Crossing {
        let sealift = Sealift::new();
        sealift.keys("own");
        let crossing = Crossing { sealift };
        for number in 1..=bundles {
            let begin = if number == 1 { "--new-epoch" } else { "" };
            crossing.export(&format!("-o b{number} --stream prod {begin}")).ok();
        }
        crossing
    }

    fn export(&self, more: &str) -> Ran {
        let mut command = self.sealift.command();
        command.args(["export", HELLO, "--sign-key", "own.key.pem"]).args(more.split_whitespace());
        ran(&mut command)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = self.sealift.command();
        command.args(line.split_whitespace()).args(["--key", "own.pub.pem"]);
        command
    }

    fn import(&self, more: &str) -> Ran {
        ran(&mut self.command(&format!("import --to oci:in {more}")))
    }

    fn verify(&self, more: &str) -> Ran {
        ran(&mut self.command(&format!("verify {more}")))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.sealift.at(name)
    }

    fn file(&self) -> PathBuf {
        self.sealift.home().join(".local/state/sealift/state/prod.json")
    }

    fn state(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap()
    }

    /// Epoch and number that are remembered.
    fn remembered(&self) -> (u64, u64) {
        let state = self.state();
        (state["epoch"].as_u64().unwrap(), state["sequence"].as_u64().unwrap())
    }
}

#[test]
fn bundles_are_taken_in_their_order_and_the_last_one_is_remembered() {
    let crossing = Crossing::new(3);

    let first = crossing.import("b1").ok();
    first
        .says("the first of it that is seen here: there is nothing to compare it with")
        .says("remembered as prod 1");
    assert_eq!(crossing.remembered(), (0, 1));
    assert_eq!(fs::metadata(crossing.file()).unwrap().permissions().mode() & 0o777, 0o600);
    crossing.import("b2").ok().says("it follows prod 1, which was taken before");
    crossing.import("b2").ok().says("the same was taken before");
    crossing.import("b3").ok();
    assert_eq!(crossing.remembered(), (0, 3));
    let told = crossing.import("b3 --format json").ok().json();
    assert_eq!(crossing.state()["statement"], told["statement"]);
    assert_eq!(told["freshness"]["verdict"], "same");
    assert_eq!(told["freshness"]["before"]["sequence"], 3);
    assert_eq!(told["freshness"]["remembered"], true);

    // A stranger who begins in the middle has nothing to compare with either.
    crossing.import("b2 --state elsewhere").ok().says("there is nothing to compare it with");
    assert!(crossing.at("elsewhere/prod.json").is_file());
}

#[test]
fn an_old_one_another_one_and_one_behind_a_gap_are_refused_before_anything_is_written() {
    let crossing = Crossing::new(4);
    // Another history, and so another number 2.
    crossing.export("-o fork2 --stream prod --history aside --after b1 --expires 9000").ok();
    crossing.export("-o fork3 --stream prod --history aside").ok();
    crossing.import("b1").ok();
    crossing.import("b2").ok();
    let (before, inside) = (fs::read(crossing.file()).unwrap(), files::tree(&crossing.at("in")));

    for (line, words) in [
        ("b1", "is prod 1, an old one: prod 2 was taken here before, and prod 3 is expected"),
        ("fork2", "two bundles are prod 2"),
        ("fork3", "is prod 3, and does not follow the prod 2 that was taken here"),
        ("b4", "is prod 4, and prod 3 is expected"),
    ] {
        for more in ["", " --dry-run", " --keep-going"] {
            crossing.import(&format!("{line}{more}")).exits(code::STALE).says(words);
        }
        for how in ["--remember", "--stream prod"] {
            crossing.verify(&format!("{line} {how}")).exits(code::STALE).says(words);
        }
        // Who only asks whether it is whole is told that.
        crossing.verify(line).ok();
    }

    assert_eq!(fs::read(crossing.file()).unwrap(), before);
    assert_eq!(files::tree(&crossing.at("in")), inside);
    crossing.import("b3").ok();
}

#[test]
fn a_gap_and_a_new_epoch_are_taken_for_a_reason_that_is_recorded() {
    let crossing = Crossing::new(3);
    crossing.export("-o new1 --stream prod --new-epoch").ok();
    crossing.export("-o new2 --stream prod").ok();
    crossing.import("b1").ok();

    let mut gap = crossing.command("import b3 --to oci:in");
    gap.args(["--accept-gap", "the stick was \x1b[31mlost"]);
    let taken = ran(&mut gap).ok();
    taken
        .says("others are MISSING between prod 1 and this one")
        .says("taken because: the stick was")
        .says("remembered as prod 3");
    let state = crossing.state();
    let told = &state["exceptions"][0];
    assert_eq!((&told["verdict"], &told["before"]["sequence"]), (&"gap".into(), &1.into()));
    assert_eq!(
        (&told["reason"], &told["taken"]["sequence"]),
        (&"the stick was \x1b[31mlost".into(), &3.into())
    );
    assert!(told["at"].as_str().unwrap().ends_with('Z'));
    // What was left out is old now.
    crossing.import("b2").exits(code::STALE).says("an old one");

    let epoch = crossing.import("new1").exits(code::STALE);
    epoch.says("is prod 1 of epoch 1, and prod 4 is expected").says("--new-epoch");
    crossing.import("new1 --accept-gap no").exits(code::STALE);
    crossing
        .import("new2 --new-epoch key")
        .exits(code::STALE)
        .says("prod 1 of epoch 1 is expected");
    let begun = crossing.import("new1 --new-epoch key --accept-gap idle --format json").ok();
    assert!(begun.stderr.contains("--accept-gap has no effect here"), "{}", begun.stderr);
    let begun = begun.json();
    assert_eq!(begun["freshness"]["verdict"], "new-epoch");
    assert_eq!(begun["freshness"]["reasons"], serde_json::json!(["key"]));
    crossing.import("new2 --new-epoch idle").ok().says("--new-epoch has no effect here");
    crossing.import("b3").exits(code::STALE).says("prod 2 of epoch 1 was taken here before");
    assert_eq!(crossing.remembered(), (1, 2));
    assert_eq!(crossing.state()["exceptions"].as_array().unwrap().len(), 2);

    let mut empty = crossing.command("import new2 --to oci:in");
    ran(empty.args(["--accept-gap", " "])).exits(code::USAGE).says("a reason says something");
}

#[test]
fn a_stream_that_is_demanded_is_the_one_that_is_taken() {
    let crossing = Crossing::new(1);
    crossing.export("-o outside").ok();
    crossing.export("-o test --stream test --new-epoch").ok();

    crossing.import("outside --stream prod").exits(code::UNTRUSTED).says("belongs to no stream");
    let other = crossing.import("test --stream prod").exits(code::UNTRUSTED);
    other.says("is test 1, and not of stream prod").says("--stream");
    crossing.verify("outside --stream prod").exits(code::UNTRUSTED);
    assert!(!crossing.at("in").exists() && !crossing.file().exists());
    crossing.import("b1 --stream prod").ok();
    // Where none is demanded, one outside of any is taken, and nothing is remembered of it.
    let outside = crossing.import("outside --format json").ok().json();
    assert!(outside["position"].is_null() && outside.get("freshness").is_none());
    crossing.import("test").ok().says("remembered as test 1");

    // Without a home there is nowhere to remember it.
    let mut homeless = crossing.command("import b1 --to oci:in");
    homeless.env_remove("HOME").env_remove("XDG_STATE_HOME");
    ran(&mut homeless).exits(code::USAGE).says("--state");
    let mut outside = crossing.command("import outside --to oci:in --ledger l.jsonl");
    ran(outside.env_remove("HOME").env_remove("XDG_STATE_HOME")).ok();
}

#[test]
fn what_nobody_signed_for_makes_no_later_one_look_old() {
    let crossing = Crossing::new(2);
    crossing.import("b1").ok();
    let before = fs::read(crossing.file()).unwrap();

    let args = ["import", "b2", "--to", "oci:in", "--insecure-no-verify", "--format", "json"];
    let told = ran(crossing.sealift.command().args(args)).ok().json();

    assert!(told.get("freshness").is_none());
    assert_eq!(fs::read(crossing.file()).unwrap(), before);
}

#[test]
fn only_what_arrived_as_a_whole_is_remembered() {
    let crossing = Crossing::new(2);

    crossing.import("b1 --dry-run").ok().says("there is nothing to compare it with");
    assert!(
        !crossing.file().exists()
            && !crossing.sealift.home().join(".local/state/sealift/state").exists()
    );
    crossing.verify("b1 --stream prod").ok();
    assert!(!crossing.file().exists());
    crossing.verify("b1 --remember").ok().says("remembered as prod 1");

    // A layer is damaged, and what can be brought is brought.
    let layers = fs::read_dir(crossing.at("b2/blobs/sha256")).unwrap();
    let largest =
        layers.map(|it| it.unwrap().path()).max_by_key(|it| fs::metadata(it).unwrap().len());
    let largest = largest.unwrap();
    let whole = fs::read(&largest).unwrap();
    files::make_writable(&largest);
    files::flip(&largest, 9);
    for line in
        ["import b2 --to oci:in", "import b2 --to oci:in --keep-going", "verify b2 --remember"]
    {
        ran(&mut crossing.command(line)).exits(code::DAMAGED);
        assert_eq!(crossing.remembered(), (0, 1), "{line}");
    }
    fs::write(&largest, whole).unwrap();
    crossing.import("b2").ok();
    assert_eq!(crossing.remembered(), (0, 2));
}

#[test]
fn a_clock_that_is_clearly_behind_is_told() {
    let crossing = Crossing::new(2);
    crossing.import("b1").ok();
    let text = fs::read_to_string(crossing.file()).unwrap();
    let floor = crossing.state()["notBefore"].as_str().unwrap().to_owned();

    fs::write(crossing.file(), text.replace(&floor, "2999-01-01T00:00:00Z")).unwrap();
    for line in ["import b2 --to oci:in", "import b1 --to oci:in", "verify b2 --remember"] {
        let behind = ran(&mut crossing.command(line)).exits(code::STALE);
        behind.says("and 2999-01-01T00:00:00Z has been already").says("set the clock");
    }
    fs::write(crossing.file(), text).unwrap();
    crossing.import("b2").ok();
    assert!(crossing.state()["notBefore"].as_str().unwrap() >= floor.as_str());
}

#[test]
fn what_is_wrong_with_what_is_remembered_is_told_before_anything_is_written() {
    let crossing = Crossing::new(2);
    crossing.import("b1").ok();
    let (file, inside) = (crossing.file(), files::tree(&crossing.at("in")));
    let whole = fs::read_to_string(&file).unwrap();
    let told = |words: &str| {
        for line in
            ["import b2 --to oci:new", "import b2 --to oci:new --dry-run", "verify b2 --remember"]
        {
            let ran = ran(&mut crossing.command(line)).exits(code::STALE);
            ran.says(words).says("hint: ");
            assert!(!crossing.at("new").exists(), "{line}");
        }
    };

    for cut in [0, 1, whole.len() / 2, whole.len() - 3] {
        fs::write(&file, &whole[..cut]).unwrap();
        told("nobody can tell which bundles were taken");
    }
    fs::write(&file, whole.replace("\"version\": 1", "\"version\": 7")).unwrap();
    told("is of version 7, which is newer than this one");
    fs::write(&file, whole.replace("\"epoch\": 0", "\"epoch\": 0, \"more\": 1")).unwrap();
    told("nobody can tell");
    fs::remove_file(&file).unwrap();
    fs::write(crossing.at("real.json"), &whole).unwrap();
    symlink(crossing.at("real.json"), &file).unwrap();
    told("is no file");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    told("is no file");
    fs::remove_dir(&file).unwrap();
    fs::write(&file, &whole).unwrap();

    // It may not be written.
    let folder = file.parent().unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o500)).unwrap();
    for more in ["", "--dry-run"] {
        let mut bound = crossing.sealift.bound_command();
        bound.args(["import", "b2", "--to", "oci:new", "--key", "own.pub.pem"]);
        let unwritable = ran(bound.args(more.split_whitespace())).exits(code::REFUSED);
        unwritable.says("cannot remember which bundle was taken").says("--state");
        assert!(!crossing.at("new").exists());
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(crossing.at("file"), "").unwrap();
    let no_folder = crossing.import("b2 --state file/x").exits(code::USAGE);
    no_folder.says("is a file, not a folder");
    crossing.import("b2 --state /proc/x").exits(code::REFUSED).says("cannot remember");

    assert_eq!(files::tree(&crossing.at("in")), inside);
    crossing.import("b2").ok();
    let beside: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(beside, ["prod.json"]);
}

/// Kills imports at twenty moments, from the first byte to behind the last: what is remembered is the
/// bundle before or the one that arrived, whole; and where it is that one, all of it is there.
#[test]
fn a_killed_import_leaves_what_is_remembered_old_or_new_and_whole() {
    need!("docker-registry");
    let crossing = Crossing::new(1);
    let mut random = Random::printed("freshness");
    let outside = Registry::empty();
    let layers: Vec<Layer> =
        (0..4).map(|_| Layer::gzip(&tar(&[("noise", &random.bytes(400_000), 0o644)]))).collect();
    let image = Image::single("large/one", "1.0", r#"["/bin/true"]"#, &layers);
    image.push(&outside);
    let source = format!("{}/large/one:1.0", outside.host());
    let args = ["export", &source, "--sign-key", "own.key.pem", "--stream", "prod", "-o", "b2"];
    ran(crossing.sealift.command().args(args)).ok();
    crossing.import("b1").ok();
    let old = fs::read(crossing.file()).unwrap();
    let import = |to: &str| crossing.command(&format!("import b2 --to oci:{to}"));
    let begun = Instant::now();
    ran(&mut import("whole")).ok();
    let mut whole = u64::try_from(begun.elapsed().as_micros()).unwrap();
    let (expected, new) = (files::tree(&crossing.at("whole")), crossing.remembered());
    assert_eq!(new, (0, 2));

    let mut seen = BTreeSet::new();
    for moment in 0..20 {
        fs::write(crossing.file(), &old).unwrap();
        let to = format!("in{moment}");
        let mut process = Process::start(import(&to).stdout(Stdio::null()).stderr(Stdio::null()));
        // The end, where it is remembered, more often than the rest.
        let wait = if moment % 2 == 0 {
            whole * 8 / 10 + random.below(whole * 4 / 10)
        } else {
            random.below(whole)
        };
        std::thread::sleep(Duration::from_micros(wait));
        process.signal(Signal::KILL);
        wait_for("the killed import", || process.ended());

        let now = fs::read(crossing.file()).unwrap();
        let number = crossing.remembered();
        seen.insert(number);
        // How long it takes is another time with each thing else that the machine does.
        match number {
            (0, 1) => {
                assert_eq!(now, old, "{moment}");
                whole = whole * 11 / 10;
            }
            _ => {
                assert_eq!(number, (0, 2), "{moment}");
                assert_eq!(files::tree(&crossing.at(&to)), expected, "{moment}");
                whole = whole * 8 / 10;
            }
        }
        ran(&mut import(&to)).ok();
        assert_eq!(crossing.remembered(), (0, 2));
    }
    std::thread::sleep(Duration::from_millis(1_100));
    crossing.import("b2").ok();
    assert!(seen.contains(&(0, 1)), "{seen:?}");
    let folder = crossing.file();
    assert_eq!(fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1, "nothing is left");
}

#[test]
fn imports_at_a_time_remember_the_latest() {
    let crossing = Crossing::new(2);
    crossing.import("b1").ok();

    let mut all: Vec<Process> = (0..6)
        .map(|n| {
            let mut import = crossing.command(&format!("import b{} --to oci:to{n}", 1 + n % 2));
            Process::start(import.stdout(Stdio::null()).stderr(Stdio::null()))
        })
        .collect();
    for process in &mut all {
        wait_for("an import", || process.ended());
    }

    assert_eq!(crossing.remembered(), (0, 2));
}

#[test]
fn what_a_place_holds_of_a_bundle_is_asked_whatever_was_taken_of_its_stream() {
    let crossing = Crossing::new(3);
    crossing.verify("b2 --against oci:in").ok();
    assert!(!crossing.file().exists(), "one who looks takes nothing");
    crossing.import("b2").ok();
    let before = fs::read(crossing.file()).unwrap();

    for bundle in ["b1", "b2", "b3"] {
        crossing.verify(&format!("{bundle} --against oci:in")).ok();
    }
    // Asked for, it is held against what was taken.
    crossing.verify("b1 --against oci:in --stream prod").exits(code::STALE);

    assert_eq!(fs::read(crossing.file()).unwrap(), before);
}
