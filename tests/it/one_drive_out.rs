//! Volumes straight onto media in one drive: asked for one after the other, gone on with after any stop.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::content::{Layer, tar};
use crate::support::files::tree;
use crate::support::gate::Gate;
use crate::support::images::Image;
use crate::support::months::Sender;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, code, ran};
use crate::support::{PATIENCE, Process, Random, output, wait_for};

const SIZE: &str = "2MB";
/// A medium has room for one volume.
const MEDIUM: &str = "size=2200k";

fn image(path: &str, size: usize) -> Image {
    let (repository, tag) = path.split_once(':').unwrap();
    let seed = path.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(131) + u64::from(byte));
    let noise = Random::new(seed).bytes(size);
    let layer = Layer::gzip(&tar(&[("noise", &noise, 0o644)]));
    Image::single(repository, tag, r#"["/bin/true"]"#, &[layer])
}

fn images() -> Vec<Image> {
    vec![image("a/large:1", 3_500_000), image("b/small:1", 40_000), image("c/middle:1", 1_200_000)]
}

/// A file system in memory that is mounted until it is dropped.
struct Medium(PathBuf);

impl Medium {
    fn mount(at: &Path, options: &str) -> Medium {
        fs::create_dir_all(at).unwrap();
        output(Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(at));
        Medium(at.to_owned())
    }

    /// Takes it out, with its volumes put aside into the folder `to`.
    fn eject(self, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for volume in volumes(&self.0) {
            fs::copy(self.0.join(&volume), to.join(volume)).unwrap();
        }
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// The names of the finished volumes in a folder.
fn volumes(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).into_iter().flatten();
    let names = names.map(|it| it.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".tar") && name != "record.tar").collect()
}

/// A sender with the same set in the folder `plain/june`.
fn sender() -> Sender {
    let sender = Sender::new();
    sender.export("plain/june", &images(), &["--volume-size", SIZE]).ok();
    assert!(volumes(&sender.at("plain/june")).len() > 2);
    sender
}

fn same_as_plain(sender: &Sender, folder: &str) {
    let plain = sender.at("plain/june");
    assert_eq!(volumes(&sender.at(folder)), volumes(&plain));
    for volume in volumes(&plain) {
        let read = |folder: &Path| fs::read(folder.join(&volume)).unwrap();
        assert!(read(&sender.at(folder)) == read(&plain), "{volume} in {folder}");
    }
    let mut command = sender.sealift.command();
    ran(command.args(["verify", folder, "--key"]).arg(&sender.keys.public)).ok();
}

/// What stays on this side beside the media: labels, a record and tables.
fn same_labels(sender: &Sender, folder: &str) {
    for labels in ["LABELS.txt", "LABELS.html"] {
        let read = |folder: &str| fs::read(sender.at(folder).join(labels)).unwrap();
        assert!(read(folder) == read("plain/june"), "{labels}");
    }
    let there: Vec<PathBuf> = tree(&sender.at(folder)).into_keys().collect();
    let is_layer =
        |path: &&PathBuf| path.to_string_lossy().contains(".tar") && !path.ends_with("record.tar");
    assert!(there.iter().find(is_layer).is_none(), "{there:?}");
}

/// The program at a terminal.
struct Seat {
    child: Child,
    keyboard: ChildStdin,
    shown: Arc<Mutex<String>>,
    seen: usize,
}

impl Seat {
    fn run(sender: &Sender, line: &str) -> Seat {
        let program = env!("CARGO_BIN_EXE_sealift");
        let line = format!("stty cols 200 rows 24; exec {program} {line}");
        let own = sender.sealift.command();
        let mut script = Command::new("script");
        script.args(["-q", "-e", "-f", "-c", &line, "/dev/null"]).env_clear();
        own.get_envs().for_each(|(name, value)| {
            value.map(|value| script.env(name, value));
        });
        script.env("TERM", "xterm").env("SHELL", "/bin/sh").current_dir(sender.at(""));
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = script.spawn().unwrap();
        let keyboard = child.stdin.take().unwrap();
        let mut screen = child.stdout.take().unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        let writes = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut piece) {
                writes.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..read]));
            }
        });
        Seat { child, keyboard, shown, seen: 0 }
    }

    /// Waits until a question stands there; what was said with it.
    fn question(&mut self) -> String {
        let begun = Instant::now();
        loop {
            let shown = self.shown.lock().unwrap().clone();
            if let Some(at) = shown[self.seen..].find("go on another day)") {
                let said = shown[self.seen..self.seen + at].to_owned();
                self.seen += at + "go on another day)".len();
                return said;
            }
            assert!(begun.elapsed() < PATIENCE, "no question in {shown:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn types(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    /// Waits for the end; the exit code, and all that was shown.
    fn ends(mut self) -> (i32, String) {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "{}", self.shown.lock().unwrap());
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(100));
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        let shown = self.shown.lock().unwrap().clone();
        (code, shown)
    }
}

/// How many bytes of the disk that `folder` is on are taken below it.
fn taken(folder: &Path) -> u64 {
    let Ok(disk) = fs::metadata(folder).map(|about| about.dev()) else { return 0 };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.dev() != disk => 0,
        Ok(about) if about.is_dir() => taken(&entry.path()),
        Ok(about) => about.blocks() * 512,
        Err(_) => 0,
    });
    sizes.sum()
}

/// The most that was taken below a folder until it is dropped.
struct Sampled {
    most: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Sampled {
    fn below(folder: PathBuf) -> Sampled {
        let (most, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (high, stop) = (Arc::clone(&most), Arc::clone(&ended));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                high.fetch_max(taken(&folder), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Sampled { most, ended }
    }
}

impl Drop for Sampled {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

#[test]
fn the_next_medium_is_asked_for_and_one_that_does_not_do_is_told() {
    need!("root", "mount", "script");
    let sender = sender();
    let (usb, saved) = (sender.at("usb"), sender.at("saved"));
    let count = volumes(&sender.at("plain/june")).len();
    sender.export("may", &images()[1..2], &["--volume-size", SIZE]).ok();
    sender.export("src", &images(), &["--dry-run"]).ok();
    let first = Medium::mount(&usb, MEDIUM);
    let before = taken(&sender.at(""));
    let sampled = Sampled::below(sender.at(""));

    let line = format!(
        "export oci:month -o june --volume-size {SIZE} --volume-dir usb --sign-key {}",
        sender.keys.private.display()
    );
    let mut seat = Seat::run(&sender, &line);
    let said = seat.question();
    assert!(said.contains(&format!("volume 1 of {count} (june) is done")), "{said}");
    assert!(
        said.contains(&format!("put a medium for volume 2 of {count} (june) into usb")),
        "{said}"
    );
    // The same one.
    seat.types("\n");
    let said = seat.question();
    assert!(
        said.contains(&format!("it still has volume 1 of {count} (june), and there is room for")),
        "{said}"
    );
    // None.
    first.eject(&saved);
    seat.types("\n");
    assert!(seat.question().contains("nothing is mounted there"));
    // One of another set, a read-only, and a small one.
    let other = Medium::mount(&usb, MEDIUM);
    fs::copy(sender.at("may/may.001.tar"), usb.join("may.001.tar")).unwrap();
    seat.types("\n");
    let said = seat.question();
    assert!(said.contains("it has volume 1 of 1 (may) of another set, may.001.tar"), "{said}");
    drop(other);
    let read_only = Medium::mount(&usb, "size=4m,ro");
    seat.types("\n");
    assert!(seat.question().contains("Read-only file system"), "{}", seat.shown.lock().unwrap());
    drop(read_only);
    let small = Medium::mount(&usb, "size=100k");
    seat.types("\n");
    let said = seat.question();
    assert!(said.contains("there is room for 100.00 KiB"), "{said}");
    drop(small);
    // Nothing of all that was written to what is below.
    assert_eq!(fs::read_dir(&usb).unwrap().count(), 0);
    for number in 2..=count {
        let medium = Medium::mount(&usb, MEDIUM);
        seat.types("\n");
        if number < count {
            let said = seat.question();
            assert!(said.contains(&format!("volume {number} of {count} (june) is done")), "{said}");
        } else {
            let (exit, shown) = seat.ends();
            assert_eq!(exit, code::DONE, "{shown}");
            assert!(shown.contains(&format!("the set is complete: {count} volumes")), "{shown}");
            medium.eject(&saved);
            break;
        }
        medium.eject(&saved);
    }
    let most = sampled.most.load(Ordering::Relaxed);
    // The volumes that were put aside here count, and little else.
    let aside = taken(&saved);
    assert!(most < before + aside + (1 << 20), "{most} after {before}, {aside} aside");
    same_as_plain(&sender, "saved");
    same_labels(&sender, "june");
}

#[test]
fn an_interrupted_set_goes_on_another_day() {
    need!("root", "mount", "script");
    let sender = sender();
    let (usb, saved) = (sender.at("usb"), sender.at("saved"));
    sender.export("src", &images(), &["--dry-run"]).ok();
    let line = format!(
        "export oci:month -o june --volume-size {SIZE} --volume-dir usb --sign-key {}",
        sender.keys.private.display()
    );
    let first = Medium::mount(&usb, MEDIUM);
    let mut seat = Seat::run(&sender, &line);
    seat.question();
    seat.types("q\n");
    let (exit, shown) = seat.ends();
    assert_eq!(exit, code::INCOMPLETE, "{shown}");
    assert!(shown.contains("is next, on another day"), "{shown}");
    first.eject(&saved);

    // By Ctrl-C, before the next medium is in.
    let empty = Medium::mount(&usb, "size=100k");
    let mut seat = Seat::run(&sender, &line);
    let said = seat.question();
    assert!(!said.contains("is done") && said.contains("volume 2 of"), "{said}");
    seat.types("\u{3}");
    assert_eq!(seat.ends().0, code::INTERRUPTED);
    drop(empty);

    loop {
        let medium = Medium::mount(&usb, MEDIUM);
        let mut seat = Seat::run(&sender, &line);
        let begun = Instant::now();
        while seat.child.try_wait().unwrap().is_none() {
            if seat.shown.lock().unwrap()[seat.seen..].contains("go on another day)") {
                seat.question();
                seat.types("q\n");
            }
            assert!(begun.elapsed() < PATIENCE);
            std::thread::sleep(Duration::from_millis(20));
        }
        let (exit, _) = seat.ends();
        medium.eject(&saved);
        if exit == code::DONE {
            break;
        }
        assert_eq!(exit, code::INCOMPLETE);
    }
    same_as_plain(&sender, "saved");
    same_labels(&sender, "june");
}

/// An export of the images that `sender` wrote to the layout `month`, at no terminal.
fn alone(sender: &Sender, more: &[&str]) -> Ran {
    let mut command = sender.sealift.command();
    command.args(["export", "oci:month", "-o", "june", "--volume-size", SIZE, "--format", "json"]);
    command.arg("--sign-key").arg(&sender.keys.private).args(["--volume-dir", "usb"]);
    ran(command.args(more).env_remove("SOURCE_DATE_EPOCH"))
}

#[test]
fn where_nobody_can_be_asked_it_ends_and_the_same_command_goes_on() {
    need!("root", "mount");
    let sender = sender();
    let (usb, saved) = (sender.at("usb"), sender.at("saved"));
    let count = volumes(&sender.at("plain/june")).len();
    sender.export("src", &images(), &["--dry-run"]).ok();

    alone(&sender, &[]).exits(code::INCOMPLETE).says("it cannot be opened: No such file");
    for number in 1..=count {
        let medium = Medium::mount(&usb, MEDIUM);
        let done = alone(&sender, &["--verify-media"]);
        if number < count {
            let done = done.exits(code::INCOMPLETE);
            assert_eq!(done.json()["error"]["kind"], "next-medium");
            let next =
                format!("volume {} of {count} (june) is next, and the medium in usb", number + 1);
            let done = done.says(&next);
            // Nothing of what is finished comes again.
            alone(&sender, &[]).exits(code::INCOMPLETE).says(&next);
            assert_eq!(volumes(&usb).len(), 1, "{done:?}");
        } else {
            let told = done.ok().json();
            assert_eq!(
                (&told["volumes"], &told["volumeDir"], &told["readBack"]),
                (&count.into(), &"usb".into(), &"memory".into())
            );
        }
        medium.eject(&saved);
        // Another time is another statement, but not any more.
        std::thread::sleep(Duration::from_millis(1100));
    }

    let mut command = sender.sealift.command();
    ran(command.args(["verify", "saved", "--key"]).arg(&sender.keys.public)).ok();
    // Made once more it is complete, as any bundle, though no medium is there.
    assert_eq!(alone(&sender, &[]).ok().json()["alreadyComplete"], true);
    alone(&sender, &["--label", "may"]).exits(code::USAGE).says("exists already");
    // What stays is a record, upon which a delta can be made.
    sender.export("delta", &images(), &["--since", "june/record.tar"]).ok();
    assert_eq!(fs::read_dir(sender.at("delta/blobs/sha256")).unwrap().count(), 3);
}

#[test]
fn a_large_medium_takes_all_and_pack_writes_the_same() {
    let sender = sender();
    fs::create_dir(sender.at("usb")).unwrap();
    fs::write(sender.at("usb/holiday.jpg"), "of no concern").unwrap();
    let more = ["--volume-size", SIZE, "--volume-dir", "usb"];
    sender.export("june", &images(), &more).ok();
    same_as_plain(&sender, "usb");
    same_labels(&sender, "june");

    fs::create_dir(sender.at("disc")).unwrap();
    sender.export("june.tar", &images(), &[]).ok();
    let line = "pack june.tar -o again --label june --volume-size 2MB --volume-dir disc --sign-key";
    let mut pack = sender.sealift.command();
    pack.args(line.split(' ')).arg(&sender.keys.private).args(["--format", "json"]);
    assert_eq!(ran(&mut pack).ok().json()["volumeDir"], "disc");
    assert_eq!(volumes(&sender.at("disc")).len(), volumes(&sender.at("usb")).len());
    for (ours, theirs) in volumes(&sender.at("disc")).iter().zip(&volumes(&sender.at("usb"))) {
        let (ours, theirs) = (sender.at("disc").join(ours), sender.at("usb").join(theirs));
        assert!(fs::read(&ours).unwrap() == fs::read(&theirs).unwrap(), "{}", ours.display());
    }
}

#[test]
fn finished_volumes_of_something_else_are_told() {
    need!("root", "mount");
    let sender = sender();
    let usb = sender.at("usb");
    sender.export("src", &images(), &["--dry-run"]).ok();
    let _medium = Medium::mount(&usb, MEDIUM);
    alone(&sender, &[]).exits(code::INCOMPLETE);

    sender.export("src", &images()[..2], &["--dry-run"]).ok();
    alone(&sender, &[])
        .exits(code::USAGE)
        .says("is of another set, of which these are finished: volume 1");
    sender.export("src", &images(), &["--dry-run"]).ok();
    alone(&sender, &["--label", "may"]).exits(code::USAGE).says("is of another set");
    alone(&sender, &[]).exits(code::INCOMPLETE).says("volume 2 of");
}

#[test]
fn killed_at_any_moment_a_rerun_finishes_with_the_same_bytes() {
    need!("docker-registry", "root", "mount");
    let registry = Registry::empty();
    let images = images();
    images.iter().for_each(|image| image.push(&registry));
    let gate = Gate::to(registry.port());
    let sender = Sender::new();
    let export = |output: &str, more: &[&str]| {
        let mut command = sender.sealift.command();
        let host = gate.host();
        command.arg("export").args(images.iter().map(|it| format!("{host}/{}", it.path())));
        command.args(["-o", output, "--volume-size", SIZE, "--label", "june", "--sign-key"]);
        command.arg(&sender.keys.private).args(more);
        command
    };
    ran(&mut export("plain/june", &[])).ok();
    let total = gate.passed();
    let mut random = Random::printed("one_drive");
    let usb = sender.at("usb");
    for moment in 0..6 {
        let (set, saved) = (format!("{moment}/june"), format!("{moment}/saved"));
        let again = || export(&set, &["--volume-dir", "usb"]);
        let (mut medium, mut kills) = (Medium::mount(&usb, MEDIUM), 0);
        for _ in 0..40 {
            // Some are killed, some run until a medium is full.
            let limit = if kills < 3 { 1 + random.below(total) } else { u64::MAX };
            gate.reset(registry.port(), limit);
            let mut process = Process::start(again().stdout(Stdio::null()).stderr(Stdio::null()));
            gate.wait_shut(|| process.ended());
            if !process.ended() {
                kills += 1;
                process.signal(Signal::KILL);
                wait_for("the killed process", || process.ended());
                continue;
            }
            let exit = process.0.wait().unwrap().code().unwrap();
            medium.eject(&sender.at(&saved));
            medium = Medium::mount(&usb, MEDIUM);
            match exit {
                code::DONE => break,
                other => assert_eq!(other, code::INCOMPLETE, "{:?}", ran(&mut again())),
            }
        }
        assert!(sender.at(&set).is_dir(), "it never ended");
        same_as_plain(&sender, &saved);
        same_labels(&sender, &set);
        drop(medium);
    }
}
