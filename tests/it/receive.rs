//! A drop folder: what arrives is imported once it is whole, and put away with its receipt or its reason;
//! what is not whole waits, and no moment at which it is stopped loses or repeats anything.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::killed::large_images;
use crate::limits::Disk;
use crate::support::content::{Layer, digest, tar};
use crate::support::gate::Gate;
use crate::support::images::{Image, write_layout};
use crate::support::registry::{Registry, Request};
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::{Process, Random, age, command, files, small_world, wait_for};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

/// A desk with the drop folder `drop`, and bundles that may go there.
struct Site {
    sealift: Sealift,
}

impl Site {
    fn new() -> Site {
        let sealift = Sealift::new();
        sealift.keys("own");
        sealift.keys("other");
        fs::create_dir(sealift.at("drop")).unwrap();
        Site { sealift }
    }

    fn export(&self, what: &str, more: &str) {
        let mut export = self.sealift.command();
        export.args(["export", what]).args(more.split_whitespace());
        ran(&mut export).ok();
    }

    fn receive(&self, more: &str) -> Command {
        let mut receive = self.sealift.command();
        receive.args(["receive", "drop", "--settle", "1", "--key", "own.pub.pem"]);
        receive.args(more.split_whitespace());
        receive
    }

    fn once(&self, to: &str) -> Ran {
        ran(&mut self.receive(&format!("--once --format json --to {to}")))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.sealift.at(name)
    }

    /// The names below the drop folder that are of the first two levels.
    fn names(&self) -> Vec<String> {
        let walk = walkdir::WalkDir::new(self.at("drop")).min_depth(1).max_depth(2);
        let mut names: Vec<String> = walk
            .into_iter()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.depth() == 2 || entry.file_name() != "done")
            .filter(|entry| entry.depth() == 2 || entry.file_name() != "refused")
            .map(|entry| entry.path().strip_prefix(self.at("drop")).unwrap().display().to_string())
            .collect();
        names.sort();
        names
    }
}

/// The states that were told, by name.
fn states(ran: &Ran) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let parcels = ran.json()["parcels"].as_array().unwrap().clone();
    parcels.iter().map(|parcel| (text(&parcel["name"]), text(&parcel["state"]))).collect()
}

fn told(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

#[test]
fn two_at_once_are_taken_and_a_third_is_refused_with_its_reason() {
    let site = Site::new();
    site.export(HELLO, "-o drop/one.tar --sign-key own.key.pem");
    site.export(HELLO, "-o drop/two --sign-key own.key.pem");
    site.export(HELLO, "-o drop/wrong.tar --sign-key other.key.pem");
    fs::write(site.at("drop/readme.txt"), "by hand").unwrap();
    fs::write(site.at("drop/later.tar.part"), "half").unwrap();

    let first = site.once("oci:in").exits(code::UNTRUSTED);

    let all = [("one.tar", "done"), ("two", "done"), ("wrong.tar", "refused")];
    assert_eq!(states(&first), told(&all));
    let names = [
        "done/one.tar",
        "done/one.tar.receipt.json",
        "done/two",
        "done/two.receipt.json",
        "later.tar.part",
        "readme.txt",
        "refused/wrong.tar",
        "refused/wrong.tar.reason.json",
    ];
    assert_eq!(site.names(), names);
    let reason = fs::read(site.at("drop/refused/wrong.tar.reason.json")).unwrap();
    let reason: Value = serde_json::from_slice(&reason).unwrap();
    assert_eq!((&reason["class"], &reason["bundle"]), (&"untrusted".into(), &"wrong.tar".into()));
    let ledger =
        fs::read_to_string(site.sealift.home().join(".local/state/sealift/ledger.jsonl")).unwrap();
    let of_receive: Vec<Value> = ledger
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|entry| entry.to_string().contains(r#""verb":"receive""#))
        .collect();
    assert_eq!(of_receive.len(), 3, "{of_receive:?}");
    ran(site.sealift.command().args(["ledger", "verify"])).ok();
    // Another one of that name gets a number, and nothing is brought again.
    site.export(HELLO, "-o drop/one.tar --sign-key own.key.pem");
    let again = site.once("oci:in").ok();
    assert_eq!(states(&again), told(&[("one.tar", "done")]));
    assert!(site.at("drop/done/one.2.tar").exists());
    assert!(site.at("drop/done/one.2.tar.receipt.json").exists());
}

#[test]
fn what_is_still_copied_is_left_alone_until_it_is_whole() {
    let site = Site::new();
    site.export(HELLO, "-o whole.tar --sign-key own.key.pem");
    let bytes = fs::read(site.at("whole.tar")).unwrap();
    for part in [0, 1, 511, 512, bytes.len() / 2, bytes.len() - 1] {
        fs::write(site.at("drop/a.tar"), &bytes[..part]).unwrap();

        let waiting = site.once("oci:in").exits(code::INCOMPLETE);

        assert_eq!(states(&waiting), told(&[("a.tar", "waiting")]), "{part}");
        assert_eq!(site.names(), ["a.tar"]);
        assert!(!site.at("in").exists(), "{part}");
    }
    fs::write(site.at("drop/a.tar"), &bytes).unwrap();
    site.once("oci:in").ok();
    assert_eq!(site.names(), ["done/a.tar", "done/a.tar.receipt.json"]);
}

#[test]
fn an_encrypted_bundle_and_a_folder_of_which_not_all_is_there_wait_as_well() {
    need!("age");
    let sealift = age::outside();
    fs::create_dir(sealift.at("drop")).unwrap();
    let recipient = age::identity(&sealift, "id");
    age::export(&sealift, &format!("-o b.tar.age --recipient {recipient}")).ok();
    age::export(&sealift, "-o b").ok();
    let receive = || {
        age::run(
            &sealift,
            "receive drop --settle 1 --once --to oci:in --key k.pub.pem --identity id --format json",
        )
    };
    let bytes = fs::read(sealift.at("b.tar.age")).unwrap();
    for part in [100, 5000, bytes.len() / 2, bytes.len() - 1] {
        fs::write(sealift.at("drop/b.tar.age"), &bytes[..part]).unwrap();
        let waiting = receive();
        assert!([code::INCOMPLETE, code::DAMAGED].contains(&waiting.code), "{part}");
        assert_eq!(states(&waiting), told(&[("b.tar.age", "waiting")]), "{part}");
    }
    fs::write(sealift.at("drop/b.tar.age"), &bytes).unwrap();
    assert_eq!(states(&receive().ok()), told(&[("b.tar.age", "done")]));

    // A folder comes file by file.
    let all: Vec<PathBuf> = files::tree(&sealift.at("b")).into_keys().collect();
    for (number, path) in all.iter().enumerate() {
        let to = sealift.at("drop/b").join(path);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(sealift.at("b").join(path), to).unwrap();
        if number % 3 == 0 && number + 1 < all.len() {
            let waiting = receive().exits(code::INCOMPLETE);
            assert_eq!(states(&waiting), told(&[("b", "waiting")]), "{number}: {}", path.display());
        }
    }
    assert_eq!(states(&receive().ok()), told(&[("b", "done")]));
}

#[test]
fn volumes_are_waited_for_and_put_away_together() {
    let site = Site::new();
    let outside = Registry::empty();
    let images = large_images();
    images.iter().for_each(|it| it.push(&outside));
    let host = outside.host();
    site.export(
        &format!("{host}/{}", images[0].path()),
        "-o set --volume-size 8MiB --sign-key own.key.pem",
    );
    let mut volumes: Vec<PathBuf> =
        fs::read_dir(site.at("set")).unwrap().map(|it| it.unwrap().path()).collect();
    volumes.retain(|path| path.extension().is_some_and(|it| it == "tar"));
    volumes.sort();
    assert!(volumes.len() > 2, "{volumes:?}");
    for volume in &volumes[1..] {
        fs::copy(volume, site.at("drop").join(volume.file_name().unwrap())).unwrap();
    }

    let waiting = site.once("oci:in").exits(code::INCOMPLETE);
    assert_eq!(states(&waiting), told(&[("set", "waiting")]));

    fs::copy(&volumes[0], site.at("drop").join(volumes[0].file_name().unwrap())).unwrap();
    site.once("oci:in").ok();
    assert_eq!(fs::read_dir(site.at("drop/done/set")).unwrap().count(), volumes.len());
    assert!(site.at("drop/done/set.receipt.json").exists());
}

#[test]
fn bundles_of_a_stream_are_taken_in_their_order_whatever_they_are_called() {
    let site = Site::new();
    for (number, name) in ["c", "b", "a"].iter().enumerate() {
        let begin = if number == 0 { "--new-epoch" } else { "" };
        let more = format!("-o {name}.tar --stream prod {begin} --sign-key own.key.pem");
        site.export(HELLO, &more);
    }
    let bring = |name: &str| fs::copy(site.at(name), site.at("drop").join(name)).unwrap();
    bring("c.tar");
    site.once("oci:in").ok();
    bring("a.tar");
    let early = site.once("oci:in").exits(code::INCOMPLETE).says("prod 2");
    assert_eq!(states(&early), told(&[("a.tar", "waiting")]));
    bring("b.tar");

    let both = site.once("oci:in").ok();

    assert_eq!(states(&both), told(&[("a.tar", "done"), ("b.tar", "done")]));
    bring("b.tar");
    let old = site.once("oci:in").exits(code::STALE);
    assert_eq!(states(&old), told(&[("b.tar", "refused")]));
}

#[test]
fn a_folder_that_is_not_there_is_told_with_the_way_out_and_not_made() {
    let site = Site::new();
    fs::remove_dir(site.at("drop")).unwrap();
    for more in ["", "--once"] {
        let gone = ran(&mut site.receive(&format!("--to oci:in {more}"))).exits(code::INCOMPLETE);
        gone.says("drop: no such file or folder").says("hint: mount the medium");
    }
    assert!(!site.at("drop").exists());
    fs::write(site.at("drop"), "").unwrap();
    let file = ran(&mut site.receive("--to oci:in --once")).exits(code::USAGE);
    file.says("drop is a file, not a folder").says("hint: ");
}

/// `receive` by root without its powers: like any other user, it may read and write what the modes let it.
fn powerless(receive: &Command) -> Command {
    let mut powerless = command("setpriv");
    powerless.args(["--bounding-set=-all", "--inh-caps=-all"]);
    powerless.arg(receive.get_program()).args(receive.get_args());
    powerless.envs(receive.get_envs().filter_map(|(name, value)| Some((name, value?))));
    powerless.current_dir(receive.get_current_dir().unwrap());
    powerless
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_may_not_be_read_is_named_and_keeps_a_run_from_success() {
    need!("root", "setpriv");
    let site = Site::new();
    for name in ["blobs", "file.tar", "folder", "good.tar"] {
        site.export(HELLO, &format!("-o drop/{name} --sign-key own.key.pem"));
    }
    let blobs: Vec<PathBuf> = fs::read_dir(site.at("drop/blobs/blobs/sha256"))
        .unwrap()
        .map(|blob| blob.unwrap().path())
        .collect();
    let close = |closed: bool| {
        blobs.iter().for_each(|blob| mode(blob, if closed { 0 } else { 0o644 }));
        mode(&site.at("drop/file.tar"), if closed { 0 } else { 0o644 });
        mode(&site.at("drop/folder"), if closed { 0 } else { 0o755 });
    };
    close(true);
    let once = |more: &str| {
        ran(&mut powerless(&site.receive(&format!("--once {more} --to oci:in"))))
            .exits(code::REFUSED)
    };

    let closed = once("--format json");

    let late = ["blobs", "file.tar", "folder"].map(|name| (name, "postponed"));
    assert_eq!(states(&closed), told(&[&late[..], &[("good.tar", "done")]].concat()));
    once("").says("file.tar: tried again later: ").says("Permission denied").says("who may read");
    close(false);
    let open = site.once("oci:in").ok();
    let done = ["blobs", "file.tar", "folder"].map(|name| (name, "done"));
    assert_eq!(states(&open), told(&done));
}

#[test]
fn folders_with_nothing_of_a_bundle_are_left_alone() {
    let site = Site::new();
    let others =
        ["System Volume Information", "$RECYCLE.BIN", "lost+found", "photos/june", "empty"];
    for name in others {
        fs::create_dir_all(site.at("drop").join(name)).unwrap();
    }
    fs::write(site.at("drop/photos/june/1.jpg"), "").unwrap();

    assert_eq!(states(&site.once("oci:in").ok()), []);

    others.iter().for_each(|name| assert!(site.at("drop").join(name).exists(), "{name}"));
    // One that has begun to come is waited for, whatever comes first.
    for name in ["SHA256SUMS", "sig", "oci-layout", "index.json", "blobs", "a.001.tar"] {
        let begun = site.at("drop/begun");
        fs::create_dir(&begun).unwrap();
        fs::write(begun.join(name), "").unwrap();
        let waiting = site.once("oci:in").exits(code::INCOMPLETE);
        assert_eq!(states(&waiting), told(&[("begun", "waiting")]), "{name}");
        fs::remove_dir_all(begun).unwrap();
    }
}

#[test]
fn a_destination_for_no_bundle_and_a_file_in_the_way_are_told_at_the_start() {
    let site = Site::new();
    site.export(HELLO, "-o drop/one.tar --sign-key own.key.pem");
    for (to, text) in [
        ("oci:drop/store", "drop/store lies in the drop folder drop"),
        ("oci:drop", "lies in the drop folder"),
        ("oci-archive:drop/all.tar", "lies in the drop folder"),
        ("docker-archive:-", "standard output cannot be read back"),
        ("oci:in --state drop/state", "drop/state lies in the drop folder"),
        ("oci:in --ledger drop/ledger.jsonl", "drop/ledger.jsonl lies in the drop folder"),
        ("oci:in --base drop/one.tar", "drop/one.tar lies in the drop folder"),
    ] {
        let refused = ran(&mut site.receive(&format!("--once --to {to}"))).exits(code::USAGE);
        refused.says(text).says("hint: ");
        assert_eq!(fs::read_dir(site.at("drop")).unwrap().count(), 1, "{to}");
    }
    for name in ["done", "refused"] {
        fs::write(site.at("drop").join(name), "").unwrap();
        let file = ran(&mut site.receive("--once --to oci:in")).exits(code::USAGE);
        file.says(&format!("drop/{name} is a file, not a folder")).says("hint: ");
        fs::remove_file(site.at("drop").join(name)).unwrap();
    }
    assert!(site.at("drop/one.tar").exists() && !site.at("in").exists());
}

#[test]
fn a_folder_that_may_not_be_moved_is_told_and_not_brought_again() {
    need!("root", "setpriv");
    let site = Site::new();
    site.export(HELLO, "-o drop/one --sign-key own.key.pem");
    mode(&site.at("drop/one"), 0o555);
    let receive = || powerless(&site.receive("--once --to oci:in"));

    let stays = ran(&mut receive()).exits(code::REFUSED);

    stays.says("cannot move drop/one to drop/done/one: Permission denied").says("move it by hand");
    let before = files::tree(&site.at("in"));
    ran(&mut receive()).exits(code::REFUSED);
    mode(&site.at("drop/one"), 0o755);
    ran(&mut receive()).ok();
    assert_eq!(site.names(), ["done/one", "done/one.receipt.json"]);
    assert_eq!(files::tree(&site.at("in")), before);
}

#[test]
fn what_was_not_imported_is_said_once() {
    let site = Site::new();
    site.export(HELLO, "-o drop/one.tar --sign-key own.key.pem");
    site.export(HELLO, "-o drop/wrong.tar --sign-key other.key.pem");
    fs::write(site.at("drop/begun.tar"), "begun").unwrap();

    // What was refused decides, whatever waits in front of it.
    let said = ran(&mut site.receive("--once --to oci:in")).exits(code::UNTRUSTED);

    let of = |name: &str| -> Vec<bool> {
        let begins = |text: &str| text.lines().filter(|it| it.trim().starts_with(name)).count();
        [begins(&said.stdout), begins(&said.stderr)].map(|times| times == 1).to_vec()
    };
    assert_eq!(said.stdout.lines().count(), 1, "{said:?}");
    assert_eq!(of("one.tar: imported"), [true, false], "{said:?}");
    assert_eq!(of("wrong.tar: refused"), [false, true], "{said:?}");
    assert_eq!(of("begun.tar: waits"), [false, true], "{said:?}");
}

#[test]
fn one_process_receives_in_a_folder_and_ends_when_it_is_told_to() {
    let site = Site::new();
    let mut receive = site.receive("--to oci:in");
    let mut running = Process::start(receive.stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for("the folders", || site.at("drop/refused").exists());

    site.once("oci:in").exits(9).says("another sealift");

    site.export(HELLO, "-o made.tar --sign-key own.key.pem");
    fs::copy(site.at("made.tar"), site.at("drop/made.tar")).unwrap();
    wait_for("the bundle", || site.at("drop/done/made.tar").exists());
    running.signal(Signal::TERM);
    wait_for("its end", || running.ended());
}

#[test]
fn what_came_in_its_place_meanwhile_is_not_taken_for_it() {
    let site = Site::new();
    site.export(HELLO, "-o drop/one.tar --sign-key own.key.pem");
    // A scanner is asked before anything is brought; meanwhile somebody puts another bundle there.
    site.export(&format!("{HELLO}=docker.io/library/next:1"), "-o next.tar --sign-key own.key.pem");
    let (next, to) = (site.at("next.tar"), site.at("drop/one.tar"));
    let (next, to) = (next.display(), to.display());
    let swap = format!("sh -c 'cat > /dev/null; cp {next} {to}.part; mv -f {to}.part {to}'");
    let mut receive = site.receive("--once --format json --to oci:in");
    receive.args(["--scan", &swap]);
    let swapped = ran(&mut receive).exits(code::INCOMPLETE);

    assert_eq!(states(&swapped), told(&[("one.tar", "waiting")]));
    // The first one was brought, and is acknowledged; there is nothing to be put away.
    assert_eq!(site.names(), ["done/one.tar.receipt.json", "one.tar"]);
    site.once("oci:in").ok();
    let next = fs::read(site.at("next.tar")).unwrap();
    assert_eq!(fs::read(site.at("drop/done/one.2.tar")).unwrap(), next);
    // Each has its own receipt.
    let receipts = ["done/one.2.tar", "done/one.2.tar.receipt.json", "done/one.tar.receipt.json"];
    assert_eq!(site.names(), receipts);
}

#[test]
fn a_damaged_bundle_is_refused_though_its_name_is_taken() {
    let site = Site::new();
    site.export(HELLO, "-o drop/first.tar --sign-key own.key.pem");
    site.once("oci:in").ok();
    let (name, file) = ("docker.io/library/hello:1.0", Random::new(7).bytes(50_000));
    let layer = Layer::gzip(&tar(&[("file", &file, 0o644)]));
    let other = Image::single("library/hello", "1.0", r#"["/bin/true"]"#, &[layer]);
    write_layout(&site.at("layout"), &[(name, &other)]);
    site.export("oci:layout", "-o drop/b --sign-key own.key.pem");

    let taken = site.once("oci:in").exits(code::REFUSED);

    assert_eq!(states(&taken), told(&[("b", "postponed")]));
    let findings = taken.json()["parcels"][0]["findings"].to_string();
    assert!(findings.contains(name), "{findings}");
    // Nobody is to make way for it now.
    let blobs = fs::read_dir(site.at("drop/b/blobs/sha256")).unwrap().map(|it| it.unwrap().path());
    let layer = blobs.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = fs::read(&layer).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&layer, bytes).unwrap();
    let damaged = site.once("oci:in").exits(code::DAMAGED);
    assert_eq!(states(&damaged), told(&[("b", "refused")]));
}

#[test]
fn a_damaged_bundle_is_refused_though_the_destination_has_its_images() {
    let site = Site::new();
    // Two layers, of which volumes have parts.
    let layer = |seed| Layer::gzip(&tar(&[("file", &Random::new(seed).bytes(1_500_000), 0o644)]));
    let held = Image::single("library/held", "1", r#"["/bin/true"]"#, &[layer(1), layer(2)]);
    let new = Image::single("library/new", "1", r#"["/bin/true"]"#, &[layer(1), layer(3)]);
    let (held_name, new_name) = ("docker.io/library/held:1", "docker.io/library/new:1");
    write_layout(&site.at("first"), &[(held_name, &held)]);
    write_layout(&site.at("second"), &[(held_name, &held), (new_name, &new)]);
    site.export("oci:first", "-o drop/before.tar --sign-key own.key.pem");
    site.once("oci:in").ok();
    let whole = files::tree(&site.at("in"));
    site.export("oci:second", "-o after.tar --sign-key own.key.pem");
    site.export("oci:second", "-o after --sign-key own.key.pem");
    site.export("oci:second", "-o volumes --volume-size 2MiB --sign-key own.key.pem");
    // A byte of a layer that the destination has: in the file of it, and where it lies in a tar.
    let damaged = layer(1).bytes;
    let begin = &damaged[1000..1064];
    let path = |layer: &Layer| digest(&layer.bytes).replace(':', "/");
    files::flip(&site.at("after/blobs").join(path(&layer(1))), 1_000_000);
    let flip_in = |file: &Path| {
        let bytes = fs::read(file).unwrap();
        let at = bytes.windows(begin.len()).position(|it| it == begin);
        at.map(|at| files::flip(file, at as u64)).is_some()
    };
    assert!(flip_in(&site.at("after.tar")));
    let volumes: Vec<PathBuf> =
        fs::read_dir(site.at("volumes")).unwrap().map(|it| it.unwrap().path()).collect();
    let tars: Vec<&PathBuf> =
        volumes.iter().filter(|it| it.extension().is_some_and(|it| it == "tar")).collect();
    assert!(tars.len() > 1 && tars.iter().any(|it| flip_in(it)), "{volumes:?}");
    fs::rename(site.at("after.tar"), site.at("drop/packed.tar")).unwrap();
    fs::rename(site.at("after"), site.at("drop/folder")).unwrap();
    fs::create_dir(site.at("drop/set")).unwrap();
    for tar in tars {
        fs::rename(tar, site.at("drop/set").join(tar.file_name().unwrap())).unwrap();
    }

    let refused = site.once("oci:in").exits(code::DAMAGED);

    let all = [("folder", "refused"), ("packed.tar", "refused"), ("set", "refused")];
    assert_eq!(states(&refused), told(&all));
    for parcel in refused.json()["parcels"].as_array().unwrap() {
        let findings = parcel["findings"].to_string();
        assert!(findings.contains("does not match its signed digest"), "{parcel}");
        assert!(findings.contains(held_name) && findings.contains(new_name), "{parcel}");
    }
    let receipts = site.names().into_iter().filter(|it| it.ends_with(".receipt.json"));
    assert_eq!(receipts.collect::<Vec<_>>(), ["done/before.tar.receipt.json"]);
    // Nothing of it came, also not what is right in it.
    assert_eq!(files::tree(&site.at("in")), whole);
    // A sound one goes the way of all.
    site.export("oci:second", "-o drop/packed.tar --sign-key own.key.pem");
    assert_eq!(states(&site.once("oci:in").ok()), told(&[("packed.tar", "done")]));
    // What is found while it is copied stands in one line, each blob with its images.
    site.export("oci:first", "-o drop/b --sign-key own.key.pem");
    for seed in [1, 2] {
        files::flip(&site.at("drop/b/blobs").join(path(&layer(seed))), 1000);
    }
    let line = ran(&mut site.receive("--once --to oci:other")).exits(code::DAMAGED);
    line.says(&format!("digest, needed by {held_name} (use nothing"));
}

#[test]
fn a_destination_that_takes_nothing_refuses_no_bundle() {
    let site = Site::new();
    site.export(HELLO, "-o drop/one.tar --sign-key own.key.pem");
    let gone = Gate::to(0);

    let later = site.once(&format!("docker://{}", gone.host()));

    assert_ne!(later.code, code::DONE);
    assert_eq!(states(&later), told(&[("one.tar", "postponed")]));
    assert_eq!(site.names(), ["one.tar"]);
    // A file where the layout is to be.
    fs::write(site.at("taken"), "").unwrap();
    let later = site.once("oci:taken");
    assert_eq!(states(&later), told(&[("one.tar", "postponed")]));
    site.once("oci:in").ok();
    assert_eq!(site.names(), ["done/one.tar", "done/one.tar.receipt.json"]);
}

#[test]
fn a_disk_without_room_keeps_the_bundle_where_it_is_until_there_is_some() {
    need!("root", "mount");
    let site = Site::new();
    site.export(HELLO, "-o one.tar --sign-key own.key.pem");
    let size = fs::metadata(site.at("one.tar")).unwrap().len();
    fs::copy(site.at("one.tar"), site.at("drop/one.tar")).unwrap();
    let full = Disk::new(site.at("full"), "8k");

    let later = site.once("oci:full/in").exits(code::NO_ROOM);
    assert_eq!(states(&later), told(&[("one.tar", "postponed")]));
    assert_eq!(site.names(), ["one.tar"]);
    drop(full);

    // No room for the receipt: what was brought is there, and is not brought again.
    fs::remove_file(site.at("drop/one.tar")).unwrap();
    fs::remove_dir_all(site.at("drop")).unwrap();
    let drop = Disk::new(site.at("drop"), &format!("{}k", (size + 12_000) / 1024));
    fs::copy(site.at("one.tar"), site.at("drop/one.tar")).unwrap();
    let mut filler = fs::File::create(site.at("drop/filler")).unwrap();
    while std::io::Write::write(&mut filler, &[1; 4096]).is_ok_and(|written| written > 0) {}
    std::mem::drop(filler);
    let later = site.once("oci:in").exits(code::NO_ROOM);
    assert_eq!(states(&later), told(&[("one.tar", "postponed")]));
    assert!(
        site.at("drop/one.tar").exists() && !site.at("drop/done/one.tar.receipt.json").exists()
    );
    let before = files::tree(&site.at("in"));
    fs::remove_file(site.at("drop/filler")).unwrap();
    site.once("oci:in").ok();
    assert_eq!(site.names(), ["done/one.tar", "done/one.tar.receipt.json"]);
    assert_eq!(files::tree(&site.at("in")), before);
    std::mem::drop(drop);
}

fn stored(requests: &[Request]) -> Vec<String> {
    let stored = |request: &&Request| request.status == 201 && request.method == "PUT";
    requests.iter().filter(stored).filter_map(Request::blob).collect()
}

#[test]
fn killed_at_any_moment_it_loses_nothing_and_brings_nothing_twice() {
    let site = Site::new();
    let outside = Registry::empty();
    let images: Vec<Image> = small_world::make();
    images.iter().for_each(|it| it.push(&outside));
    let mut export = site.sealift.command();
    export.arg("export").args(images.iter().map(|it| format!("{}/{}", outside.host(), it.path())));
    ran(export.args(["-o", "b.tar", "--sign-key", "own.key.pem"])).ok();
    let expected = digest(&fs::read(site.at("b.tar")).unwrap());
    let inside = Registry::empty();
    fs::copy(site.at("b.tar"), site.at("drop/b.tar")).unwrap();
    let gate = Gate::to(inside.port());
    let mut random = Random::printed("receive");
    let line = format!("--once --to docker://{}", gate.host());

    for _ in 0..8 {
        gate.reset(inside.port(), 1 + random.below(60_000));
        let mut receive = site.receive(&line);
        let mut process = Process::start(receive.stdout(Stdio::null()).stderr(Stdio::null()));
        gate.wait_shut(|| process.ended());
        process.signal(Signal::KILL);
        wait_for("the killed process", || process.ended());
        let there = ["drop/b.tar", "drop/done/b.tar"].map(|name| site.at(name).exists());
        assert!(there[0] != there[1], "it is in one place: {there:?}");
    }
    gate.reset(inside.port(), u64::MAX);
    if site.at("drop/b.tar").exists() {
        ran(&mut site.receive(&line)).ok();
    }

    assert_eq!(site.names(), ["done/b.tar", "done/b.tar.receipt.json"]);
    assert_eq!(digest(&fs::read(site.at("drop/done/b.tar")).unwrap()), expected);
    let mut sent = stored(&inside.requests());
    let all = sent.len();
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), all);
}
