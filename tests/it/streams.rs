//! A stream numbers its bundles, and its history knows the next number and the last contents without
//! the old medium: no number twice, none lost, whatever ends an export.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;
use serde_json::Value;

use crate::support::content::{Layer, tar};
use crate::support::images::Image;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::{Process, Random, files, wait_for};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

/// Somebody who exports into the stream `prod`.
struct Sender {
    sealift: Sealift,
}

impl Sender {
    fn new() -> Sender {
        let sealift = Sealift::new();
        sealift.keys("own");
        sealift.keys("other");
        Sender { sealift }
    }

    /// An export of the image, with `more` arguments, at the time that it is.
    fn command(&self, more: &str) -> Command {
        let mut command = self.sealift.command();
        command.args(["export", HELLO, "--sign-key", "own.key.pem", "--stream", "prod"]);
        command.args(more.split_whitespace()).env_remove("SOURCE_DATE_EPOCH");
        command
    }

    fn export(&self, more: &str) -> Ran {
        ran(&mut self.command(more))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.sealift.at(name)
    }

    fn history(&self, name: &str) -> PathBuf {
        self.sealift.home().join(".local/state/sealift/history/prod").join(name)
    }

    /// What was signed of the bundle, or the record, at `path`.
    fn said(&self, path: &Path) -> Said {
        let told = run!(self.sealift, "verify", path, "--key", "own.pub.pem", "--format", "json");
        said(&told.json())
    }
}

/// What a report says of a bundle's place in its stream.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    statement: String,
    position: Option<(String, u64, u64)>,
}

fn said(report: &Value) -> Said {
    let position = &report["position"];
    let number = |name: &str| position[name].as_u64().unwrap();
    Said {
        statement: report["statement"].as_str().unwrap().to_owned(),
        position: position["stream"]
            .as_str()
            .map(|stream| (stream.to_owned(), number("epoch"), number("sequence"))),
    }
}

/// The signed predicate of the folder `bundle`, or of a record.
fn predicate(bundle: &Path) -> Value {
    use base64::Engine as _;
    let sig = fs::read_dir(bundle.join("sig")).unwrap().next().unwrap().unwrap().path();
    let envelope: Value = serde_json::from_slice(&fs::read(sig).unwrap()).unwrap();
    let payload = base64::engine::general_purpose::STANDARD
        .decode(envelope["payload"].as_str().unwrap())
        .unwrap();
    serde_json::from_slice::<Value>(&payload).unwrap()["predicate"].clone()
}

#[test]
fn bundles_of_a_stream_are_numbered_and_name_the_one_before() {
    let sender = Sender::new();

    let first = sender.export("-o one --new-epoch").ok();
    first.says("number 1 of stream prod, epoch 0");
    for (number, name) in [(2, "two"), (3, "three")] {
        let text = format!("number {number} of stream prod, epoch 0");
        sender.export(&format!("-o {name}")).ok().says(&text);
    }

    let [one, two, three] = ["one", "two", "three"]
        .map(|name| (sender.said(&sender.at(name)), predicate(&sender.at(name))));
    assert_eq!(one.0.position, Some(("prod".into(), 0, 1)));
    assert_eq!(three.0.position, Some(("prod".into(), 0, 3)));
    assert!(one.1["previous"].is_null());
    assert_eq!(two.1["previous"]["statement"], one.0.statement.as_str());
    assert_eq!(three.1["previous"]["statement"], two.0.statement.as_str());
    assert_eq!(three.1["previous"]["sequence"], 2);

    // Another stream counts for itself, and outside of any there is no number.
    let other = ["export", HELLO, "-o", "x", "--sign-key", "own.key.pem"];
    let with = |more: &[&str]| ran(sender.sealift.command().args(other).args(more)).ok().json();
    let test = with(&["--stream", "test", "--new-epoch", "--format", "json"]);
    assert_eq!(said(&test).position, Some(("test".into(), 0, 1)));
    fs::remove_dir_all(sender.at("x")).unwrap();
    assert!(with(&["--format", "json"])["position"].is_null());

    // Whoever looks at a bundle is told.
    for verb in ["inspect", "verify"] {
        let told = run!(sender.sealift, verb, "three", "--key", "own.pub.pem").ok();
        told.says("number 3 of stream prod, epoch 0");
    }
    let import = ["import", "three", "--to", "oci:in", "--key", "own.pub.pem"];
    ran(sender.sealift.command().args(import)).ok().says("number 3 of stream prod, epoch 0");
}

#[test]
fn the_history_is_small_proves_itself_and_is_nobody_elses() {
    let sender = Sender::new();
    sender.export("-o one --new-epoch").ok();

    let record = sender.history("0-1");
    assert_eq!(predicate(&record), predicate(&sender.at("one")));
    let kept: Vec<PathBuf> = files::tree(&record).into_keys().collect();
    let whole = files::tree(&sender.at("one"));
    for path in &kept {
        assert!(whole.contains_key(path), "{}", path.display());
    }
    assert_eq!(whole.len() - kept.len(), 4, "two configs and two layers");
    let openssl = Command::new("sha256sum")
        .args(["--check", "--ignore-missing", "--quiet", "SHA256SUMS"])
        .current_dir(&record)
        .status();
    assert!(openssl.unwrap().success());
    let place = fs::read_to_string(sender.history("0-1.place")).unwrap();
    assert_eq!(Path::new(place.trim_end()), sender.at("one"));
    for folder in [sender.history(""), sender.history("..")] {
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
    // The old medium is not needed.
    fs::remove_dir_all(sender.at("one")).unwrap();
    sender.export("-o two").ok().says("number 2 of stream prod");

    // Elsewhere, where it is asked for.
    sender.export("-o three --history elsewhere --new-epoch").ok().says("number 1 of stream prod");
    assert!(sender.at("elsewhere/prod/0-1/SHA256SUMS").is_file());
}

#[test]
fn a_dry_run_tells_the_number_and_writes_nothing() {
    let sender = Sender::new();

    sender.export("-o one --new-epoch --dry-run").ok().says("number 1 of stream prod");
    assert!(!sender.history("..").exists());
    sender.export("-o one --new-epoch").ok();
    let before = files::tree(&sender.history(""));
    sender.export("-o two --dry-run").ok().says("number 2 of stream prod");
    sender.export("-o two --dry-run --after one").ok().says("number 2 of stream prod");

    assert_eq!(files::tree(&sender.history("")), before);
    sender.export("-o two").ok().says("number 2 of stream prod");
}

#[test]
fn a_finished_export_done_again_keeps_its_number() {
    let sender = Sender::new();
    sender.export("-o one --new-epoch").ok();
    sender.export("-o two.tar").ok();
    let before = sender.said(&sender.at("two.tar"));

    for more in ["", "--new-epoch", "--after one"] {
        let again = sender.export(&format!("-o two.tar {more}")).ok();
        again.says("is complete already").says("number 2 of stream prod");
    }
    assert_eq!(sender.said(&sender.at("two.tar")), before);

    // As if it had been killed right behind the name: the history learns of it.
    fs::rename(sender.history("0-2"), sender.at("record")).unwrap();
    sender.export("-o two.tar").ok().says("is complete already");
    assert_eq!(files::tree(&sender.history("0-2")), files::tree(&sender.at("record")));
    sender.export("-o three").ok().says("number 3 of stream prod");

    // One of another stream, or of none, is something else.
    let plain = ["export", HELLO, "-o", "one", "--sign-key", "own.key.pem"];
    let other = |more: &[&str]| ran(sender.sealift.command().args(plain).args(more));
    other(&[]).exits(code::USAGE).says("it holds something else");
    other(&["--stream", "test", "--new-epoch"]).exits(code::USAGE).says("it holds something else");
}

#[test]
fn what_is_wrong_with_a_history_is_said_with_the_way_out() {
    let sender = Sender::new();

    let lost = sender.export("-o one").exits(code::INCOMPLETE);
    lost.says("there is no history of stream prod in")
        .says("--new-epoch")
        .says("--history")
        .says("--after");
    sender.export("-o one --new-epoch").ok();
    sender.export("-o two").ok();
    let mut misspelt = sender.sealift.command();
    misspelt.args(["export", HELLO, "-o", "three", "--sign-key", "own.key.pem", "--stream", "prd"]);
    let misspelt = ran(&mut misspelt).exits(code::INCOMPLETE);
    misspelt.says("there is no history of stream prd").says("it has that of prod");

    let args = ["export", HELLO, "--stream", "prod", "-o", "three", "--sign-key", "other.key.pem"];
    let by_other = ran(sender.sealift.command().args(args)).exits(code::UNTRUSTED);
    by_other.says("the history of stream prod is by another key").says("--new-epoch");

    let sums = sender.history("0-2/SHA256SUMS");
    let whole = fs::read(&sums).unwrap();
    fs::write(&sums, &whole[1..]).unwrap();
    let damaged = sender.export("-o three").exits(code::DAMAGED);
    damaged.says("the history of stream prod").says("0-2").says("--after").says("--new-epoch");
    fs::remove_file(&sums).unwrap();
    sender.export("-o three").exits(code::INCOMPLETE).says("--after");
    fs::write(&sums, &whole).unwrap();
    fs::rename(sender.history("0-2"), sender.history("0-5")).unwrap();
    sender.export("-o three").exits(code::DAMAGED).says("is not the record of prod 5");
    fs::rename(sender.history("0-5"), sender.history("0-2")).unwrap();

    let read_only = fs::Permissions::from_mode(0o500);
    fs::set_permissions(sender.history(""), read_only).unwrap();
    let mut bound = sender.sealift.bound_command();
    bound.args(["export", HELLO, "-o", "three", "--sign-key", "own.key.pem", "--stream", "prod"]);
    let unwritable = ran(&mut bound).exits(code::REFUSED);
    unwritable.says("cannot write the history of stream prod").says("--history");
    fs::set_permissions(sender.history(""), fs::Permissions::from_mode(0o700)).unwrap();
    // It was said before anything was fetched.
    assert!(!sender.at("three").exists() && !sender.at("three.partial").exists());

    fs::write(sender.at("file"), "").unwrap();
    for more in ["", "--dry-run", "--new-epoch"] {
        let no_folder = sender.export(&format!("-o three --history file {more}"));
        no_folder.exits(code::USAGE).says("the history of stream prod").says("is a file");
        let view = sender.export(&format!("-o three --history /proc/x {more}"));
        view.exits(code::REFUSED).says("the history of stream prod").says("--history");
    }
    sender.export("-o three").ok().says("number 3 of stream prod");
}

#[test]
fn a_history_goes_on_behind_a_bundle_from_the_medium() {
    let sender = Sender::new();
    sender.export("-o one --new-epoch").ok();
    sender.export("-o two.tar").ok();
    let statement = sender.said(&sender.at("two.tar")).statement;

    // Lost as a whole.
    fs::remove_dir_all(sender.history("..")).unwrap();
    sender.export("-o three --after two.tar").ok().says("number 3 of stream prod");
    assert_eq!(predicate(&sender.at("three"))["previous"]["statement"], statement.as_str());
    assert!(sender.history("0-2/SHA256SUMS").is_file(), "the one before is known again");
    // The same command once more finds what it made.
    sender.export("-o three --after two.tar").ok().says("is complete already");

    // Its last record damaged, and brought again.
    fs::write(sender.history("0-3/index.json"), "{}").unwrap();
    sender.export("-o four").exits(code::DAMAGED);
    sender.export("-o four --after three").ok().says("number 4 of stream prod");

    let older = sender.export("-o five --after one").exits(code::USAGE);
    older.says("one is prod 1, and the history of the stream goes on to prod 4").says("--after");
    let plain = ["export", HELLO, "--sign-key", "own.key.pem"];
    let other = |more: &[&str]| ran(sender.sealift.command().args(plain).args(more)).ok();
    other(&["-o", "outside"]);
    other(&["-o", "test", "--stream", "test", "--new-epoch"]);
    sender.export("-o five --after outside").exits(code::USAGE).says("belongs to no stream");
    sender.export("-o five --after test").exits(code::USAGE).says("is test 1, not of stream prod");
    // Another bundle that is number 4 as well.
    let aside = sender.export("-o fork --history aside --after three --expires 9000").ok();
    aside.says("number 4 of stream prod");
    let fork = sender.export("-o five --after fork").exits(code::STALE);
    fork.says("two bundles are prod 4").says("--new-epoch");
}

#[test]
fn a_new_epoch_begins_at_one() {
    let sender = Sender::new();
    sender.export("-o one --new-epoch").ok();
    sender.export("-o two").ok();

    sender.export("-o three --new-epoch").ok().says("number 1 of stream prod, epoch 1");
    let three = predicate(&sender.at("three"));
    assert!(three["previous"].is_null() && three["epoch"] == 1 && three["sequence"] == 1);
    sender.export("-o four").ok().says("number 2 of stream prod, epoch 1");
    sender.export("-o five --new-epoch=7").ok().says("number 1 of stream prod, epoch 7");
    for epoch in ["0", "6", "7"] {
        let old = sender.export(&format!("-o six --new-epoch={epoch}")).exits(code::USAGE);
        old.says("its history has epoch 7");
    }
    // A history that cannot be gone on from hinders nobody who begins anew.
    fs::write(sender.history("7-1/SHA256SUMS"), "").unwrap();
    sender.export("-o six").exits(code::DAMAGED);
    sender.export("-o six --new-epoch").ok().says("number 1 of stream prod, epoch 8");
}

#[test]
fn two_exports_at_a_time_do_not_get_one_number() {
    let sender = Sender::new();
    sender.export("-o one --new-epoch").ok();

    let lock = fs::File::open(sender.history("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let second = sender.export("-o two").exits(9);
    second.says("another sealift is writing into stream prod").says("one after the other");
    // A look waits for nobody, nor does a stream of its own.
    sender.export("-o two --dry-run").ok().says("number 2 of stream prod");
    flock(&lock, FlockOperation::Unlock).unwrap();

    let mut all: Vec<Process> = (0..6)
        .map(|n| {
            let mut export = sender.command(&format!("-o at-once-{n}"));
            Process::start(export.stdout(Stdio::null()).stderr(Stdio::null()))
        })
        .collect();
    for process in &mut all {
        wait_for("an export", || process.ended());
    }
    let made = (0..6).map(|n| sender.at(&format!("at-once-{n}"))).filter(|path| path.exists());
    let mut numbers: Vec<u64> = made.map(|path| sender.said(&path).position.unwrap().2).collect();
    numbers.sort_unstable();
    assert!(!numbers.is_empty());
    assert_eq!(numbers, (2..).take(numbers.len()).collect::<Vec<u64>>());
}

/// Kills exports into the stream at random moments, from the first byte to behind the name, and does
/// each again: with its number and no other, and with the statement that it had said before.
#[test]
fn a_killed_export_done_again_has_its_number_and_its_statement() {
    need!("docker-registry");
    let sender = Sender::new();
    sender.export("-o zero --new-epoch").ok();
    let registry = Registry::empty();
    let mut random = Random::printed("streams");
    let layers: Vec<Layer> =
        (0..4).map(|_| Layer::gzip(&tar(&[("noise", &random.bytes(600_000), 0o644)]))).collect();
    Image::single("large/one", "1.0", r#"["/bin/true"]"#, &layers).push(&registry);
    let source = format!("{}/large/one:1.0", registry.host());
    let export = |name: &str| {
        let mut command = sender.sealift.command();
        command.args(["export", &source, "--sign-key", "own.key.pem", "--stream", "prod"]);
        command.args(["-o", name, "--expires", "30"]).env_remove("SOURCE_DATE_EPOCH");
        command
    };
    ran(&mut export("first")).ok();
    // From then on the layers are taken from the bundle before, which is faster.
    let begun = std::time::Instant::now();
    ran(&mut export("whole")).ok();
    let whole = begun.elapsed();

    let mut statements = BTreeMap::new();
    let mut interrupted = 0;
    for moment in 0..20 {
        let name = format!("b{moment}{}", if moment % 2 == 0 { ".tar" } else { "" });
        let mut process = Process::start(export(&name).stdout(Stdio::null()).stderr(Stdio::null()));
        let wait = u64::try_from(whole.as_micros()).unwrap() * 11 / 10;
        std::thread::sleep(Duration::from_micros(random.below(wait)));
        process.signal(Signal::KILL);
        wait_for("the killed export", || process.ended());
        let partial = sender.at(&format!("{name}.partial/sig"));
        let before = partial.is_dir() && fs::read_dir(&partial).unwrap().next().is_some();
        let before = before.then(|| predicate(&sender.at(&format!("{name}.partial"))));
        interrupted += u32::from(!sender.at(&name).exists());
        // Its date is another one now.
        if moment % 5 == 1 {
            std::thread::sleep(Duration::from_millis(1_100));
        }

        ran(&mut export(&name)).ok().says(&format!("number {} of stream prod", moment + 4));

        let now = sender.said(&sender.at(&name));
        if let Some(before) = before {
            assert_eq!(before, predicate(&sender.at(&name)), "{name}");
        }
        assert_eq!(now.position, Some(("prod".into(), 0, moment + 4)));
        assert!(statements.insert(now.statement, name).is_none());
        assert_eq!(
            predicate(&sender.history(&format!("0-{}", moment + 4)))["sequence"],
            moment + 4
        );
    }
    assert!(interrupted > 0, "none of 20 was interrupted");
    let left: Vec<_> = files::tree(&sender.history(""))
        .into_keys()
        .filter(|path| {
            [".making", ".sealift-"].iter().any(|it| path.display().to_string().contains(it))
        })
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

#[test]
fn an_interrupted_export_leaves_its_number_to_another_and_takes_the_next() {
    let sender = Sender::new();
    sender.export("-o one --new-epoch").ok();
    sender.export("-o two").ok();
    // As a kill right before the name leaves it.
    fs::rename(sender.at("two"), sender.at("two.partial")).unwrap();
    fs::rename(sender.history("0-2"), sender.history("0-2.making")).unwrap();
    let interrupted = predicate(&sender.at("two.partial"));

    // It has no number, so the next one gets it.
    sender.export("-o other --expires 9000").ok().says("number 2 of stream prod");
    std::thread::sleep(Duration::from_millis(1_100));
    sender.export("-o two").ok().says("number 3 of stream prod");
    assert_ne!(predicate(&sender.at("two")), interrupted);

    // Right behind the name, and the medium is away meanwhile: the number is taken.
    fs::rename(sender.history("0-3"), sender.history("0-3.making")).unwrap();
    fs::rename(sender.at("two"), sender.at("away")).unwrap();
    sender.export("-o four").ok().says("number 4 of stream prod");
    assert!(sender.history("0-3/SHA256SUMS").is_file());
    fs::rename(sender.at("away"), sender.at("two")).unwrap();
    sender.export("-o two").ok().says("is complete already").says("number 3 of stream prod");

    // Right before it, with the medium away: it comes back, and is made as it was said to be.
    fs::rename(sender.at("four"), sender.at("away")).unwrap();
    fs::rename(sender.history("0-4"), sender.history("0-4.making")).unwrap();
    sender.export("-o five").ok().says("number 5 of stream prod");
    let four = predicate(&sender.at("away"));
    fs::rename(sender.at("away"), sender.at("four.partial")).unwrap();
    sender.export("-o four").ok().says("number 4 of stream prod");
    assert_eq!(predicate(&sender.at("four")), four);
    sender.export("-o six").ok().says("number 6 of stream prod");
}

#[test]
fn a_finished_bundle_is_not_taken_for_one_of_another_epoch() {
    let sender = Sender::new();
    sender.export("-o one --new-epoch").ok();
    sender.export("-o one --new-epoch").ok().says("is complete already");

    sender.export("-o one --new-epoch=7").exits(code::USAGE).says("it holds something else");
    sender.export("-o two").ok();
    sender.export("-o two --new-epoch=7").exits(code::USAGE).says("it holds something else");
}

#[test]
fn a_bundle_of_a_stream_is_brought_up_to_date_in_its_stream_only() {
    let sender = Sender::new();
    sender.export("-o one --new-epoch").ok();
    let before = predicate(&sender.at("one"));
    let update = ["export", HELLO, "--sign-key", "own.key.pem", "-o", "one", "--update"];
    for more in [&[][..], &["--stream", "test", "--new-epoch"]] {
        let refused = ran(sender.sealift.command().args(update).args(more)).exits(code::USAGE);
        refused.says("one is prod 1").says("name its stream with --stream prod");
    }
    assert_eq!(predicate(&sender.at("one")), before);
    sender.export("-o one --update --expires 30").ok().says("number 2 of stream prod");
}
