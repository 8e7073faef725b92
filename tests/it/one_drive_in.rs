//! Volumes that lie in several places, and those that are read disc after disc in one drive.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::files::{flip, tree};
use crate::support::images::Image;
use crate::support::months::Sender;
use crate::support::packed;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, code, ran};
use crate::support::terminal::{Terminal, screen};
use crate::support::{Process, Random, wait_for};
use crate::volumes::{cut, image, layer_of, run, volumes};

/// How many bytes the volumes of a set have at most.
const SIZE: u64 = 2_000_000;
/// The largest layer of the set: it lies in four volumes.
const LARGEST: u64 = 5_200_000;
/// How the line ends after which a program waits.
const QUESTION: &str = "(q: go on another day)";

fn images() -> Vec<Image> {
    vec![
        image("a/two:1", 2_600_000),
        image("b/small:1", 40_000),
        image("c/four:1", LARGEST as usize - 100_000),
        image("d/one:1", 1_100_000),
        image("e/two:1", 1_500_000),
    ]
}

/// The volumes of a set that lies elsewhere than in the folder `drive`, into which one goes at a time.
struct OneDrive {
    sender: Sender,
    volumes: Vec<PathBuf>,
}

impl OneDrive {
    fn new() -> OneDrive {
        let sender = Sender::new();
        sender.export("june.tar", &images(), &[]).ok();
        run(&sender, "pack june.tar -o discs --label june --volume-size 2MB").ok();
        let volumes = volumes(&sender.at("discs"));
        assert!(volumes.len() >= 6, "{volumes:?}");
        OneDrive { sender, volumes }
    }

    /// Puts `disc` into the drive.
    fn put(&self, disc: &Path) {
        let drive = self.sender.at("drive");
        let _ = fs::remove_dir_all(&drive);
        fs::create_dir(&drive).unwrap();
        fs::copy(disc, drive.join(disc.file_name().unwrap())).unwrap();
    }

    /// Imports what is in the drive, and looks at what is held afterwards.
    fn import(&self, to: &str) -> Ran {
        let ended = self.sender.import("drive", to, &[]);
        let held = held(&self.scratch());
        assert!(held <= LARGEST.max(SIZE), "{held}");
        ended
    }

    fn scratch(&self) -> PathBuf {
        self.sender.at("../home/.local/state/sealift/scratch")
    }

    /// Asserts that the layout `name` is what an import at once makes.
    fn is_whole(&self, name: &str) {
        self.sender.import("june.tar", "oci:at-once", &[]).ok();
        let [ours, theirs] = [name, "at-once"].map(|name| self.sender.at(name));
        assert_eq!(named(&ours), named(&theirs));
        assert_eq!(tree(&ours.join("blobs")), tree(&theirs.join("blobs")));
        assert_eq!(held(&self.scratch()), 0);
        assert_eq!(fs::read_dir(self.scratch()).unwrap().count(), 0);
    }

    /// What a volume is called.
    fn name(&self, number: usize) -> String {
        format!("volume {number} of {} (june)", self.volumes.len())
    }

    /// A shell in the folder in which the drive is.
    fn terminal(&self) -> Terminal {
        Terminal::start(self.sender.sealift.command(), 200, "")
    }
}

/// How many bytes lie below `folder`.
fn held(folder: &Path) -> u64 {
    let Ok(each) = fs::read_dir(folder) else { return 0 };
    let each = each.flatten().map(|it| match it.file_type() {
        Ok(kind) if kind.is_dir() => held(&it.path()),
        _ => it.metadata().map_or(0, |about| about.len()),
    });
    each.sum()
}

/// What the index of a layout lists.
fn named(layout: &Path) -> BTreeSet<String> {
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(layout.join("index.json")).unwrap()).unwrap();
    index["manifests"].as_array().unwrap().iter().map(ToString::to_string).collect()
}

/// The number of the volume that was said to be the next one.
fn next(drive: &OneDrive, said: &str) -> usize {
    let lines = screen(said, 200);
    let line = lines.iter().rfind(|line| line.contains(" is next, for x.example/")).unwrap();
    let number: usize = line.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(line.starts_with(&drive.name(number)), "{line}");
    number
}

#[test]
fn discs_of_one_drive_become_a_layout_in_their_order() {
    let drive = OneDrive::new();
    let (last, others) = drive.volumes.split_last().unwrap();
    for (number, disc) in (1..).zip(others) {
        drive.put(disc);
        let ended = drive.import("oci:inside").exits(code::INCOMPLETE);
        ended
            .says(&format!("{} is not there", drive.name(number + 1)))
            .says("needed by x.example/");
        assert!(named(&drive.sender.at("inside")).is_empty());
        // Once more: nothing is to be done.
        drive.import("oci:inside").exits(code::INCOMPLETE);
    }
    drive.put(last);
    drive.import("oci:inside").ok();
    drive.is_whole("inside");
    // Any disc tells that all is there.
    drive.put(&drive.volumes[2]);
    drive.import("oci:inside").ok();
}

#[test]
fn discs_come_in_any_order_and_some_of_them_twice() {
    let drive = OneDrive::new();
    let mut random = Random::new(5);
    for turn in 0..4 {
        let (mut runs, to) = (0, format!("oci:inside{turn}"));
        loop {
            let at = random.below(drive.volumes.len() as u64) as usize;
            drive.put(&drive.volumes[at]);
            let ended = drive.import(&to);
            runs += 1;
            if ended.code == code::DONE {
                break;
            }
            ended.exits(code::INCOMPLETE);
            assert!(runs < 200);
        }
        assert!(runs >= drive.volumes.len());
        drive.is_whole(&format!("inside{turn}"));
    }
}

#[test]
fn a_registry_gets_each_blob_once_and_names_last() {
    need!("docker-registry");
    let drive = OneDrive::new();
    let registry = Registry::empty();
    let to = format!("docker://{}", registry.host());
    let order = [3, 1, 2].into_iter().chain([0]).chain(4..drive.volumes.len()).chain(0..4);
    let mut ended = None;
    for at in order {
        drive.put(&drive.volumes[at]);
        let run = drive.sender.import("drive", &to, &["--plain-http", &registry.host()]);
        if run.code == code::DONE {
            ended = Some(run);
            break;
        }
        run.exits(code::INCOMPLETE);
        assert!(!registry.requests().iter().any(|it| it.is_tagging()));
    }
    ended.unwrap().says("read back");
    let mut sent: Vec<String> =
        registry.writes().iter().filter(|it| it.status == 201).filter_map(|it| it.blob()).collect();
    let count = sent.len();
    sent.sort();
    sent.dedup();
    assert_eq!(sent.len(), count, "none is sent twice");
    for image in images() {
        let (repository, _) = image.path().split_once(':').map(|(a, b)| (a.to_owned(), b)).unwrap();
        let layer = format!("sha256:{}", layer_of(&image));
        assert!(registry.has_blob(&repository, &layer), "{repository}");
        assert!(registry.document(&repository, "1").is_some());
    }
    assert_eq!(held(&drive.scratch()), 0);
}

#[test]
fn at_a_terminal_it_waits_for_the_discs_that_it_names() {
    let drive = OneDrive::new();
    drive.put(&drive.volumes[3]);
    let mut terminal = drive.terminal();
    let key = drive.sender.keys.public.to_str().unwrap().to_owned();
    let line = format!("sealift import drive --to oci:inside --key {key}; echo ended $?");
    let mut asked = Vec::new();

    let shown = terminal.types_answering(&line, QUESTION, |said| {
        let number = next(&drive, said);
        asked.push(number);
        drive.put(&drive.volumes[number - 1]);
        String::new()
    });

    println!("{}", screen(&shown, 200).join("\n"));
    assert!(shown.contains("ended 0"), "{shown}");
    let mut each = asked.clone();
    each.sort_unstable();
    each.dedup();
    assert_eq!(each.len(), asked.len(), "none is asked for twice: {asked:?}");
    assert_eq!(asked.len(), drive.volumes.len() - 1);
    drive.is_whole("inside");
}

#[test]
fn a_disc_that_is_not_wanted_is_told_and_it_waits_on() {
    let drive = OneDrive::new();
    let sender = &drive.sender;
    run(sender, "pack june.tar -o other --label june --volume-size 1900kB").ok();
    sender.export("july", &[image("d/new:1", 2_000_000)], &[]).ok();
    run(sender, "pack july -o july2 --label july --volume-size 2MB").ok();
    let other = |folder: &str, number: usize| volumes(&sender.at(folder))[number - 1].clone();
    // One whose layer is damaged, and one whose head is.
    let damaged = sender.at("damaged.tar");
    fs::copy(&drive.volumes[1], &damaged).unwrap();
    let entries = packed::entries(&fs::read(&damaged).unwrap());
    let piece = entries.iter().find(|it| it.path.starts_with("pieces/")).unwrap();
    flip(&damaged, piece.data as u64 + 7);
    let headless = sender.at("headless.tar");
    fs::copy(&drive.volumes[1], &headless).unwrap();
    let sums = entries.iter().find(|it| it.path == "SHA256SUMS").unwrap();
    flip(&headless, sums.data as u64 + 7);
    fs::write(sender.at("no volume.txt"), "of no concern").unwrap();

    let trials = [
        (drive.volumes[0].clone(), format!("{} was taken already", drive.name(1))),
        (other("other", 2), "(june) is of the same bundle, cut into volumes of 1900000".to_owned()),
        (other("july2", 1), "(july) is of another bundle".to_owned()),
        (damaged.clone(), format!("{}, damaged.tar", drive.name(2))),
        (headless.clone(), drive.name(2)),
        (sender.at("no volume.txt"), "not taken: ".to_owned()),
    ];
    drive.put(&drive.volumes[0]);
    let mut terminal = drive.terminal();
    let key = sender.keys.public.to_str().unwrap().to_owned();
    let line = format!("sealift import drive --to oci:inside --key {key}; echo ended $?");
    let (mut turn, mut next) = (0usize, 1usize);
    let shown = terminal.types_answering(&line, QUESTION, |said| {
        if let Some((_, words)) = turn.checked_sub(1).and_then(|before| trials.get(before)) {
            assert!(said.contains("not taken: ") && said.contains(words.as_str()), "{said}");
        }
        turn += 1;
        match trials.get(turn - 1) {
            Some((disc, _)) => drive.put(disc),
            None => {
                drive.put(&drive.volumes[next]);
                next += 1;
            }
        }
        String::new()
    });
    assert!(shown.contains("ended 0"), "{shown}");
    drive.is_whole("inside");

    // Where nobody waits, the exit code says which.
    for (disc, exit) in [(&damaged, code::DAMAGED), (&headless, code::DAMAGED)] {
        drive.put(disc);
        drive.import("oci:else").exits(exit);
    }
}

#[test]
fn who_goes_home_goes_on_another_day() {
    let drive = OneDrive::new();
    let key = drive.sender.keys.public.to_str().unwrap().to_owned();
    let line = format!("sealift import drive --to oci:inside --key {key}; echo ended $?");
    let mut terminal = drive.terminal();
    let mut days = 0;
    drive.put(&drive.volumes[0]);
    // It ends at once while it waits, too.
    let shown = terminal.types_until(&line, "press Enter");
    assert!(shown.iter().any(|line| line.contains(" is next")), "{shown:?}");
    loop {
        let mut left = 2;
        let shown = terminal.types_answering(&line, QUESTION, |said| {
            drive.put(&drive.volumes[next(&drive, said) - 1]);
            left -= 1;
            if left == 0 { "q".to_owned() } else { String::new() }
        });
        days += 1;
        if shown.contains("ended 0") {
            break;
        }
        assert!(shown.contains("ended 5") && days < 9, "{shown}");
    }
    assert!(days > 1);
    drive.is_whole("inside");
}

#[test]
fn no_more_than_a_volume_is_held_of_layers_that_are_smaller() {
    // In earnest: 3 GB on CDs.
    let (layer, volume) = match std::env::var_os("SEALIFT_TEST_FULL") {
        Some(_) => (420_000_000, "cd"),
        None => (8_400_000, "14MB"),
    };
    let sender = Sender::new();
    let images: Vec<Image> = (0..7).map(|n| image(&format!("r/i{n}:1"), layer + n)).collect();
    let cut = ["--volume-size", volume, "--label", "june"];
    sender.export("discs", &images, &cut).ok();
    fs::remove_dir_all(sender.at("month")).unwrap();
    let drive = OneDrive { volumes: volumes(&sender.at("discs")), sender };
    let most = drive.volumes.iter().map(|it| fs::metadata(it).unwrap().len()).max().unwrap();
    let (done, seen) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut random = Random::new(3);
    let mut order: Vec<usize> = (0..drive.volumes.len()).collect();
    (1..order.len()).rev().for_each(|at| order.swap(at, random.below(at as u64 + 1) as usize));
    println!("{} volumes of {most} bytes, first {order:?}, then in their order", order.len());

    std::thread::scope(|scope| {
        let home = drive.sender.at("../home");
        let (done, seen) = (&done, &seen);
        scope.spawn(move || {
            while !done.load(Ordering::SeqCst) {
                seen.fetch_max(held(&home), Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let mut turns = 0;
        for at in order.iter().copied().chain(0..drive.volumes.len()) {
            // Not copied, so that the disk has room for the rest.
            let _ = fs::remove_dir_all(drive.sender.at("drive"));
            fs::create_dir(drive.sender.at("drive")).unwrap();
            fs::hard_link(&drive.volumes[at], drive.sender.at("drive/disc.tar")).unwrap();
            turns += 1;
            if drive.sender.import("drive", "oci:inside", &[]).code == code::DONE {
                break;
            }
        }
        done.store(true, Ordering::SeqCst);
        println!("{turns} discs were read");
    });

    let seen = seen.into_inner();
    println!("at most {seen} bytes were held");
    assert!(seen > layer as u64 / 10 && seen <= most, "{seen}");
    assert_eq!(named(&drive.sender.at("inside")).len(), images.len());
    let blobs = fs::read_dir(drive.sender.at("inside/blobs/sha256")).unwrap();
    let blobs: u64 = blobs.map(|it| it.unwrap().metadata().unwrap().len()).sum();
    assert!(blobs > 7 * layer as u64);
}

#[test]
fn killed_at_any_moment_it_goes_on_with_what_lacks() {
    let drive = OneDrive::new();
    let mut random = Random::new(9);
    let (mut killed, mut within) = (0, 150);
    for disc in &drive.volumes {
        drive.put(disc);
        for _ in 0..3 {
            let mut command = drive.sender.sealift.command();
            command.args(["import", "drive", "--to", "oci:inside", "--key"]);
            command.arg(&drive.sender.keys.public).stdout(Stdio::null()).stderr(Stdio::null());
            let mut process = Process::start(&mut command);
            std::thread::sleep(Duration::from_millis(random.below(within)));
            match process.ended() {
                // How long a run takes depends on the machine.
                true => within = (within / 2).max(2),
                false => killed += 1,
            }
            process.signal(Signal::KILL);
            wait_for("the killed process", || process.ended());
        }
        drive.import("oci:inside");
    }
    assert!(killed > 0, "no run was killed in time");
    drive.import("oci:inside").ok();
    drive.is_whole("inside");
}

#[test]
fn a_held_part_that_went_bad_is_asked_for_again() {
    let drive = OneDrive::new();
    drive.put(&drive.volumes[0]);
    drive.import("oci:inside").exits(code::INCOMPLETE);
    let folder = fs::read_dir(drive.scratch()).unwrap().next().unwrap().unwrap().path();
    let part = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    flip(&part, 100);
    drive.put(&drive.volumes[1]);
    drive.import("oci:inside").exits(code::DAMAGED);
    assert!(!part.exists());
    for disc in drive.volumes.iter().chain(&drive.volumes[..2]) {
        drive.put(disc);
        drive.import("oci:inside");
    }
    drive.import("oci:inside").ok();
    drive.is_whole("inside");
}

#[test]
fn where_all_has_to_be_at_hand_at_once_nothing_is_taken_ahead() {
    let drive = OneDrive::new();
    drive.put(&drive.volumes[0]);

    let ended = drive.import("oci-archive:all.tar").exits(code::INCOMPLETE);
    ended.says("is not there");
    assert!(!drive.scratch().exists() && !drive.sender.at("all.tar").exists());
    drive.sender.import("drive", "oci:inside", &["--dry-run"]).exits(code::INCOMPLETE);
    assert!(!drive.scratch().exists() && !drive.sender.at("inside").exists());
}

#[test]
fn volumes_are_named_one_by_one_wherever_they_lie() {
    let (sender, each) = cut();
    // One by itself, the others in a folder that holds something else, too.
    fs::create_dir_all(sender.at("b")).unwrap();
    fs::rename(&each[1], sender.at("second.tar")).unwrap();
    fs::rename(&each[0], sender.at("b/x.tar")).unwrap();
    fs::write(sender.at("b/read me.txt"), "of no concern").unwrap();
    let key = sender.keys.public.to_str().unwrap().to_owned();
    let line = |verb: &str, more: &str| run(&sender, &format!("{verb} second.tar b discs {more}"));

    line("verify", &format!("--key {key}")).ok();
    line("pack", "-o again").ok();
    assert_eq!(tree(&sender.at("again")), tree(&sender.at("june")));
    let seen = line("inspect", "").ok().json();
    assert_eq!(seen["images"].as_array().unwrap().len(), 3);
    assert_eq!(seen["bundle"], "second.tar and 2 more");
    line("import", &format!("--to oci:inside --key {key}")).ok();
    line("import", &format!("--to oci:discs/x --key {key}"))
        .exits(code::USAGE)
        .says("in the bundle");

    // What lacks is told by number, what is no volume by its name.
    run(&sender, &format!("verify second.tar b --key {key}"))
        .exits(code::INCOMPLETE)
        .says(&format!("volume 3 of {} (june) is not there", each.len()));
    run(&sender, &format!("verify second.tar june.tar discs --key {key}"))
        .exits(code::USAGE)
        .says("june.tar is no volume");
    run(&sender, &format!("verify second.tar nowhere --key {key}")).exits(code::INCOMPLETE);
    run(&sender, "pack june -o other --volume-size 1900kB").ok();
    run(&sender, &format!("verify second.tar b discs other/other.001.tar --key {key}"))
        .exits(code::USAGE)
        .says("other/other.001.tar is volume 1 of")
        .says("cut into volumes");
}

#[test]
fn of_two_copies_of_a_volume_the_one_that_is_not_read_is_named() {
    let (sender, each) = cut();
    let copy = sender.at("discs/x.tar");
    fs::copy(&each[1], &copy).unwrap();
    let mut command = sender.sealift.command();
    command.args(["verify", "discs", "--key"]).arg(&sender.keys.public);

    let said = format!("volume 2 of {} (june) is there twice: discs.002.tar is read", each.len());
    ran(&mut command).ok().says(&said);
    // The whole one counts.
    let bytes = fs::read(&each[1]).unwrap();
    fs::write(&each[1], &bytes[..bytes.len() - 2000]).unwrap();
    ran(&mut command).ok().says("x.tar is read");
}

#[test]
fn a_volume_that_lacks_a_file_which_each_has_is_told_by_its_name() {
    let (sender, _) = cut();
    let key = sender.keys.public.to_str().unwrap().to_owned();
    for volume in volumes(&sender.at("discs")) {
        let bytes = fs::read(&volume).unwrap();
        let entries = packed::entries(&bytes);
        let at = entries.iter().position(|it| it.path == "index.json").unwrap();
        let (from, to) = (entries[at].header, entries[at + 1].header);
        fs::write(&volume, [&bytes[..from], &bytes[to..]].concat()).unwrap();

        let name = volume.file_name().unwrap().to_str().unwrap();
        let told = run(&sender, &format!("verify discs --key {key}")).exits(code::DAMAGED);
        told.says(if name == "discs.001.tar" { "index.json" } else { name });
        fs::write(&volume, bytes).unwrap();
    }
}
