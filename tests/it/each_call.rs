//! Whichever call to the kernel fails, and wherever the program is killed: what stood before stands, or
//! the new thing does, never neither; nothing is called done that is not; and a rerun finishes.
//!
//! A place is one call below the folder in which all happens. `SEALIFT_TEST_FULL=1` tries each of them,
//! else some are chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::support::each_call::{Call, is_possible, watched};
use crate::support::images::{Image, write_layout};
use crate::support::months::{Sender, image, layer_digest};
use crate::support::sealift::{Ran, code, ran};
use crate::support::{Random, files};

/// How many places are tried of each kind of fault where not all are.
const SOME: usize = 10;
/// What a shell calls a program that was killed.
const KILLED: i32 = 128 + 9;

type Files = BTreeMap<PathBuf, String>;

/// A folder as it was before, what is done in it, and what comes of that.
struct World {
    sender: Sender,
    /// The arguments, in which `KEY` and `PUB` stand for the keys.
    line: &'static str,
    /// What is to be the old or the new.
    output: &'static str,
    /// Whether there may be more in it than is listed.
    may_have_more: bool,
    /// A folder, in which a run leaves something else each time, as the time of it.
    varies: Option<&'static str>,
    /// Whether what is finished is refused when it is made once more.
    is_made_once: bool,
    before: Files,
    after: Files,
    calls: Vec<Call>,
}

/// What stands where the new is to be.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Old,
    New,
    Neither,
}

fn june() -> [Image; 2] {
    [image("a/app:1", &["base", "app 1"]), image("a/db:1", &["base", "db"])]
}

fn july() -> [Image; 2] {
    [image("a/app:1", &["base", "app 2"]), image("a/db:1", &["base", "db"])]
}

/// The folder in which a layout of `images` is made as `src`.
fn source(folder: &Path, images: &[Image]) {
    let names: Vec<String> = images.iter().map(|it| format!("x.example/{}", it.path())).collect();
    let named: Vec<(&str, &Image)> = names.iter().map(String::as_str).zip(images).collect();
    let _ = std::fs::remove_dir_all(folder.join("src"));
    write_layout(&folder.join("src"), &named);
}

impl World {
    /// A world that is `made` by runs in its folder, and in which `line` makes `output`. Nothing where
    /// the kernel lets nobody watch.
    fn new(
        line: &'static str,
        output: &'static str,
        made: impl FnOnce(&World, &Path),
    ) -> Option<World> {
        if !is_possible() {
            return None;
        }
        let (before, after, calls) = Default::default();
        let sender = Sender::new();
        let mut world = World {
            sender,
            line,
            output,
            may_have_more: false,
            varies: None,
            is_made_once: false,
            before,
            after,
            calls,
        };
        std::fs::create_dir(world.sender.work()).unwrap();
        source(&world.sender.work(), &july());
        made(&world, &world.sender.work());
        files::copy(&world.sender.work(), &world.sender.at("start"));
        world.before = files::tree(&world.sender.work());
        let (ran, calls) = watched(&world.sender.at_work(line), &world.sender.work(), 0, "EIO");
        ran.ok();
        (world.after, world.calls) = (files::tree(&world.sender.work()), calls);
        assert_eq!(world.found(), Found::New);
        Some(world)
    }

    fn run(&self, line: &str) -> Ran {
        ran(&mut self.sender.at_work(line))
    }

    /// All as it was before.
    fn reset(&self) {
        files::remove(&self.sender.work());
        files::copy(&self.sender.at("start"), &self.sender.work());
    }

    fn found(&self) -> Found {
        let now = files::tree(&self.sender.work());
        let part = |of: &Files| -> Files {
            let own = of.iter().filter(|(path, _)| path.starts_with(self.output));
            own.map(|(path, digest)| (path.clone(), digest.clone())).collect()
        };
        let (now, before, after) = (part(&now), part(&self.before), part(&self.after));
        let is = |then: &Files| match self.may_have_more {
            true => then.iter().all(|(path, digest)| now.get(path) == Some(digest)),
            false => now == *then,
        };
        match (is(&after), is(&before)) {
            (true, _) => Found::New,
            (false, true) => Found::Old,
            (false, false) => Found::Neither,
        }
    }

    /// Has call `number` go wrong as `fault` says, looks at what that leaves, and runs it once more.
    fn tries(&self, number: usize, fault: &str) {
        self.reset();
        let (ran, calls) =
            watched(&self.sender.at_work(self.line), &self.sender.work(), number, fault);
        let place = calls.get(number - 1);
        let place =
            format!("{}: {fault} at call {number} of {}: {place:?}", self.line, calls.len());
        let found = self.found();
        assert!(found != Found::Neither, "{place}: neither the old nor the new\n{ran:?}");
        assert!(ran.code != 0 || found == Found::New, "{place}: called done\n{ran:?}");
        match (ran.code, fault) {
            (KILLED, "kill") | (code::DONE, _) => {}
            (101 | 125.., _) => panic!("{place}\n{ran:?}"),
            (code, _) => {
                let writes = calls.get(number - 1).is_some_and(Call::writes);
                let is_full = fault.starts_with("ENOSPC") && writes;
                assert!(!is_full || code == code::NO_ROOM, "{place}: not told as full\n{ran:?}");
                assert!(ran.stderr.contains("error: "), "{place}: nothing said\n{ran:?}");
            }
        }
        let again = self.run(self.line);
        let is_refused = self.is_made_once && found == Found::New && again.code == code::USAGE;
        assert!(
            is_refused || again.code == code::DONE,
            "{place}: not finished by a rerun\n{ran:?}\n{again:?}"
        );
        assert_eq!(self.found(), Found::New, "{place}");
        let now = files::tree(&self.sender.work());
        let varies = |path: &Path| self.varies.is_some_and(|folder| path.starts_with(folder));
        let is_other = |it: &(&PathBuf, &String)| {
            self.after.get(it.0).is_none_or(|then| then != it.1 && !varies(it.0))
        };
        let differ: Vec<_> = now.iter().filter(is_other).collect();
        assert!(differ.is_empty(), "{place}: a rerun leaves {differ:?}\n{ran:?}\n{again:?}");
        let lost: Vec<_> = self.after.keys().filter(|it| !now.contains_key(*it)).collect();
        assert!(lost.is_empty(), "{place}: a rerun lost {lost:?}\n{ran:?}\n{again:?}");
    }

    /// Tries each place with each fault, or some of them.
    fn survives(&self, name: &str) {
        let full = std::env::var_os("SEALIFT_TEST_FULL").is_some();
        let mut random = Random::printed(name);
        let (places, mut tried) = (self.calls.len(), 0);
        for fault in ["EIO", "ENOSPC", "kill"] {
            let step = if full { 1 } else { places.div_ceil(SOME) };
            let first = 1 + usize::try_from(random.below(step as u64)).unwrap();
            // Where the new thing gets its name it is tightest.
            let names = self.calls.iter().rposition(|call| call.kind == "rename").unwrap() + 1;
            let tight = names..=(names + 3).min(places);
            let chosen: BTreeSet<usize> = (first..=places).step_by(step).chain(tight).collect();
            for number in chosen {
                self.tries(number, fault);
                tried += 1;
            }
        }
        let _ = writeln!(
            std::io::stderr(),
            "each call: {name}: {places} places, three faults each, {tried} tried"
        );
    }
}

#[test]
fn an_export_to_a_folder_survives_each_call() {
    need!("cc");
    let line = "export oci:src -o out --sign-key KEY";
    let Some(world) = World::new(line, "out", |_, _| {}) else { return };
    world.survives("export to a folder");
}

#[test]
fn an_export_to_a_packed_file_survives_each_call() {
    need!("cc");
    let line = "export oci:src -o out.tar --sign-key KEY";
    let Some(world) = World::new(line, "out.tar", |_, _| {}) else { return };
    world.survives("export to a packed file");
}

#[test]
fn an_update_of_a_folder_survives_each_call() {
    need!("cc");
    let line = "export oci:src -o out --update --sign-key KEY";
    let made = |world: &World, folder: &Path| {
        source(folder, &june());
        world.run("export oci:src -o out --sign-key KEY").ok();
        source(folder, &july());
    };
    let Some(world) = World::new(line, "out", made) else { return };
    world.survives("update of a folder");
}

#[test]
fn an_export_into_a_stream_survives_each_call() {
    need!("cc");
    let line = "export oci:src -o out.tar --stream prod --history h --sign-key KEY";
    let made = |world: &World, folder: &Path| {
        source(folder, &june());
        world
            .run("export oci:src -o june --stream prod --history h --new-epoch --sign-key KEY")
            .ok();
        source(folder, &july());
    };
    let Some(world) = World::new(line, "out.tar", made) else { return };
    world.survives("export into a stream");
}

#[test]
fn a_squash_survives_each_call() {
    need!("cc");
    let line = "squash june.tar july.tar -o out --sign-key KEY --key PUB";
    let made = |world: &World, folder: &Path| {
        source(folder, &june());
        world.run("export oci:src -o june.tar --sign-key KEY").ok();
        source(folder, &july());
        world.run("export oci:src -o july.tar --since june.tar --sign-key KEY").ok();
        std::fs::remove_dir_all(folder.join("src")).unwrap();
    };
    let Some(mut world) = World::new(line, "out", made) else { return };
    world.is_made_once = true;
    world.survives("squash");
}

#[test]
fn an_import_to_a_layout_survives_each_call() {
    need!("cc");
    let line = "import july.tar --to oci:in --on-existing overwrite --key PUB";
    let made = |world: &World, folder: &Path| {
        source(folder, &june());
        world.run("export oci:src -o june.tar --sign-key KEY").ok();
        world.run("import june.tar --to oci:in --key PUB").ok();
        source(folder, &july());
        world.run("export oci:src -o july.tar --sign-key KEY").ok();
        std::fs::remove_dir_all(folder.join("src")).unwrap();
    };
    let Some(mut world) = World::new(line, "in", made) else { return };
    world.may_have_more = true;
    world.survives("import to a layout");
}

/// A world in which `line` makes `output` of June's bundle, a folder or a packed file.
fn of_bundle(june: &'static str, line: &'static str, output: &'static str) -> Option<World> {
    let made = |world: &World, folder: &Path| {
        world.run(&format!("export oci:src -o {june} --sign-key KEY")).ok();
        std::fs::remove_dir_all(folder.join("src")).unwrap();
    };
    World::new(line, output, made)
}

#[test]
fn a_bundle_that_is_packed_survives_each_call() {
    need!("cc");
    let Some(mut world) = of_bundle("june", "pack june -o out.tar", "out.tar") else { return };
    world.is_made_once = true;
    world.survives("pack to a file");
}

#[test]
fn a_bundle_that_is_unpacked_survives_each_call() {
    need!("cc");
    let Some(mut world) = of_bundle("june.tar", "pack june.tar -o out", "out") else { return };
    world.is_made_once = true;
    world.survives("pack to a folder");
}

#[test]
fn a_bundle_that_is_cut_survives_each_call() {
    need!("cc");
    // Two layers of 30 kB go into volumes that are as small as they can be.
    let line = "pack june.tar -o out --volume-size 1100KB";
    let Some(mut world) = of_bundle("june.tar", line, "out") else { return };
    world.is_made_once = true;
    world.survives("pack to volumes");
}

#[test]
fn an_export_to_volumes_survives_each_call() {
    need!("cc");
    let line = "export oci:src -o out --volume-size 1100KB --sign-key KEY";
    let Some(world) = World::new(line, "out", |_, _| {}) else { return };
    world.survives("export to volumes");
}

#[test]
fn recovery_data_of_a_packed_file_survives_each_call() {
    need!("cc");
    let line = "protect june.tar --redundancy 10%";
    let Some(world) = of_bundle("june.tar", line, "june.tar.par2") else { return };
    world.survives("protect a packed file");
}

#[test]
fn recovery_data_of_a_folder_survives_each_call() {
    need!("cc");
    let line = "protect june --redundancy 10%";
    let Some(world) = of_bundle("june", line, "june/repair/bundle.par2") else { return };
    world.survives("protect a folder");
}

/// A world in which `line` repairs a bundle, of which `damaged` has a hole.
fn of_damage(june: &'static str, damaged: &'static str, line: &'static str) -> Option<World> {
    to_be_repaired(june, damaged, line, june)
}

/// As [`of_damage`], where the repaired one is `output`.
fn to_be_repaired(
    june: &'static str,
    damaged: &'static str,
    line: &'static str,
    output: &'static str,
) -> Option<World> {
    let made = |world: &World, folder: &Path| {
        world.run(&format!("export oci:src -o {june} --sign-key KEY")).ok();
        std::fs::remove_dir_all(folder.join("src")).unwrap();
        world.run(&format!("protect {june} --redundancy 20%")).ok();
        let mut bytes = std::fs::read(folder.join(damaged)).unwrap();
        let middle = bytes.len() / 2;
        let end = bytes.len().min(middle + 5_000);
        bytes[middle..end].fill(0xa5);
        std::fs::write(folder.join(damaged), bytes).unwrap();
    };
    World::new(line, output, made)
}

#[test]
fn a_repair_of_a_packed_file_survives_each_call() {
    need!("cc");
    let line = "repair june.tar --key PUB";
    let Some(world) = of_damage("june.tar", "june.tar", line) else { return };
    world.survives("repair a packed file");
}

#[test]
fn a_repair_of_a_folder_survives_each_call() {
    need!("cc");
    // One file is damaged: of several, some may be mended and others not yet.
    let line = "repair june --key PUB";
    let blob = format!("june/blobs/sha256/{}", &layer_digest("db")[7..]);
    let Some(mut world) = of_damage("june", String::leak(blob), line) else { return };
    // A file that is not finished may be left in it, until the next run.
    world.may_have_more = true;
    world.survives("repair a folder");
}

#[test]
fn a_repair_of_a_folder_to_a_copy_survives_each_call() {
    need!("cc");
    let line = "repair june -o out --key PUB";
    let Some(mut world) = to_be_repaired("june", "june/index.json", line, "out") else { return };
    world.is_made_once = true;
    world.survives("repair a folder to a copy");
}

#[test]
fn an_export_onto_media_survives_each_call() {
    need!("cc");
    let line = "export oci:src -o out --volume-size 1100KB --volume-dir disc --sign-key KEY";
    let made = |_: &World, folder: &Path| std::fs::create_dir(folder.join("disc")).unwrap();
    let Some(world) = World::new(line, "out", made) else { return };
    world.survives("export onto media");
}

#[test]
fn an_import_that_is_remembered_survives_each_call() {
    need!("cc");
    let line = "import july.tar --to oci:in --state s --on-existing overwrite --key PUB";
    let made = |world: &World, folder: &Path| {
        source(folder, &june());
        let stream = "--stream prod --history h";
        world.run(&format!("export oci:src -o june.tar {stream} --new-epoch --sign-key KEY")).ok();
        world.run("import june.tar --to oci:in --state s --key PUB").ok();
        source(folder, &july());
        world.run(&format!("export oci:src -o july.tar {stream} --sign-key KEY")).ok();
        std::fs::remove_dir_all(folder.join("src")).unwrap();
    };
    let Some(mut world) = World::new(line, "in", made) else { return };
    // The state has the time of the import.
    (world.may_have_more, world.varies) = (true, Some("s"));
    world.survives("import that is remembered");
}
