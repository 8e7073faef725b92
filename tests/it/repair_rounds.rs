//! Damage of every kind, up to what the recovery data makes up for and one slice further; recovery data of
//! `par2`, and such as is damaged itself; and runs that are killed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::protect::{copies, damage, par2};
use crate::support::files::{self, flip};
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;
use crate::support::{Process, Random, wait_for};

/// A small bundle in both forms, and the key that it is signed by.
pub struct Small {
    pub sealift: Sealift,
    pub key: PathBuf,
    pub tar: PathBuf,
    pub folder: PathBuf,
}

impl Small {
    pub fn new() -> Small {
        let sealift = Sealift::new();
        let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats/v1");
        let copied = |name: &str, to: &str| {
            files::copy(&old.join(name), &sealift.at(to));
            sealift.at(to)
        };
        let (tar, folder) = (copied("packed.tar", "small.tar"), copied("folder", "small"));
        let key = copied("signer.pub.pem", "signer.pub.pem");
        for entry in walkdir::WalkDir::new(&folder) {
            files::make_writable(entry.unwrap().path());
        }
        files::make_writable(&tar);
        Small { sealift, key, tar, folder }
    }

    /// Runs `line`, with the key.
    pub fn run(&self, line: &str) -> Ran {
        ran(self.sealift.command().args(line.split(' ')).arg("--key").arg(&self.key))
    }

    /// Protects `bundle`: how large slices are, and how many can be lost.
    fn protect(&self, bundle: &str, redundancy: &str) -> (u64, u64) {
        let line = ["protect", bundle, "--redundancy", redundancy, "--format", "json"];
        let made = ran(self.sealift.command().args(line)).ok();
        (made.number("/sliceBytes"), made.number("/recoverySlices"))
    }

    /// How many slices of `bundle`, of which nothing is damaged, can be lost.
    fn spare(&self, bundle: &str) -> u64 {
        let line = format!("repair {bundle} --dry-run --format json");
        self.run(&line).ok().number("/sets/0/recoverySlices")
    }

    fn scratch(&self) -> &Path {
        self.tar.parent().unwrap()
    }

    /// Whether `verify` says that `bundle`, which is damaged, can be repaired.
    fn can_be_repaired(&self, bundle: &str) -> bool {
        let told = self.run(&format!("verify {bundle} --format json")).json();
        assert_eq!(told["ok"], false, "{told}");
        let hint = told["error"]["hint"].as_str().unwrap_or_default();
        let is_offered = hint.contains(&format!("sealift repair {bundle}"));
        // What has no signature as it lies has no report.
        let possible = told.get("repair").map_or(is_offered, |it| it["possible"] == true);
        assert_eq!(possible, is_offered, "{told}");
        possible
    }
}

/// `count` different numbers below `of`.
fn some(random: &mut Random, count: u64, of: u64) -> BTreeSet<u64> {
    assert!(count <= of);
    let mut chosen = BTreeSet::new();
    while (chosen.len() as u64) < count {
        chosen.insert(random.below(of));
    }
    chosen
}

/// A packed file of which `lost` slices of `slice` bytes are damaged, in one of four ways.
fn spoilt(whole: &[u8], slice: u64, lost: u64, way: usize, random: &mut Random) -> Vec<u8> {
    let slices = (whole.len() as u64).div_ceil(slice);
    let place = |number: u64| {
        let begin = (number * slice) as usize;
        begin..whole.len().min(begin + slice as usize)
    };
    let mut bytes = whole.to_vec();
    match way {
        0 => {
            for number in some(random, lost, slices) {
                let at = place(number).start + random.below(place(number).len() as u64) as usize;
                bytes[at] ^= 1 << random.below(8);
            }
        }
        1 => {
            for number in some(random, lost, slices) {
                let first = place(number).start;
                bytes[place(number)].fill(0);
                // Zeros in the place of zeros would be no damage.
                bytes[first] = whole[first] ^ 0xff;
            }
        }
        2 => bytes.truncate(((slices - lost) * slice) as usize),
        _ => {
            // A run of slices, and bytes behind the end, which are no loss.
            let first = random.below(slices - lost);
            (first..first + lost).for_each(|number| bytes[place(number)].fill(0xa5));
            bytes.extend(b"more");
        }
    }
    bytes
}

#[test]
fn a_packed_file_is_repaired_up_to_the_last_recovery_slice_whatever_happened_to_it() {
    let small = Small::new();
    let mut random = Random::printed("a_packed_file_is_repaired_up_to_the_last_recovery_slice");
    let (slice, spare) = small.protect("small.tar", "35%");
    let whole = fs::read(&small.tar).unwrap();
    for round in 0..12 {
        for lost in [spare, spare + 1] {
            let bytes = spoilt(&whole, slice, lost, round % 4, &mut random);
            fs::write(&small.tar, &bytes).unwrap();
            assert_eq!(small.can_be_repaired("small.tar"), lost == spare, "round {round}");
            let ran = small.run("repair small.tar");
            let after = fs::read(&small.tar).unwrap();
            if lost == spare {
                ran.ok().says("intact, signed by");
                assert!(after == whole, "round {round}");
            } else {
                ran.exits(code::DAMAGED).says("1 recovery slice is lacking");
                assert!(after == bytes, "round {round}: it was changed");
            }
        }
    }

    // Lost as a whole.
    fs::write(&small.tar, &whole).unwrap();
    small.protect("small.tar", "100%");
    fs::remove_file(&small.tar).unwrap();
    small.run("repair small.tar").ok();
    assert!(fs::read(&small.tar).unwrap() == whole);
}

/// Damages `lost` slices of the folder, each in a file of its own way, and takes some of the files away.
fn spoil_folder(folder: &Path, slice: u64, lost: u64, random: &mut Random) {
    let mut slices = Vec::new();
    for path in files::tree(folder).into_keys().filter(|path| !path.starts_with("repair")) {
        let path = folder.join(path);
        let of_file = fs::metadata(&path).unwrap().len().div_ceil(slice);
        slices.extend((0..of_file).map(|number| (path.clone(), number, of_file)));
    }
    for at in some(random, lost, slices.len() as u64) {
        let (path, number, of_file) = &slices[at as usize];
        match (random.below(3), of_file) {
            (0, 1) => fs::remove_file(path).unwrap(),
            (1, 1) => fs::write(path, []).unwrap(),
            _ => flip(path, number * slice),
        }
    }
}

#[test]
fn a_folder_is_repaired_up_to_the_last_recovery_slice_whichever_files_are_gone() {
    let small = Small::new();
    let mut random = Random::printed("a_folder_is_repaired_up_to_the_last_recovery_slice");
    let (slice, spare) = small.protect("small", "30%");
    let (whole, kept) = (files::tree(&small.folder), small.sealift.at("kept"));
    files::copy(&small.folder, &kept);
    for round in 0..10 {
        for lost in [spare, spare + 1] {
            spoil_folder(&small.folder, slice, lost, &mut random);
            let spoilt = files::tree(&small.folder);
            assert_eq!(small.can_be_repaired("small"), lost == spare, "round {round}");
            let ran = small.run("repair small");
            if lost == spare {
                ran.ok().says("intact, signed by");
                assert_eq!(files::tree(&small.folder), whole, "round {round}");
            } else {
                ran.exits(code::DAMAGED).says("1 recovery slice is lacking");
                assert_eq!(files::tree(&small.folder), spoilt, "round {round}: it was changed");
                files::remove(&small.folder);
                files::copy(&kept, &small.folder);
            }
        }
    }
}

#[test]
fn par2_and_we_agree_on_the_same_damage() {
    need!("par2");
    let small = Small::new();
    let mut random = Random::printed("par2_and_we_agree_on_the_same_damage");
    let (slice, spare) = small.protect("small.tar", "40%");
    let whole = fs::read(&small.tar).unwrap();
    let of_par2 = |verb: &str| ran(par2(small.scratch(), verb).arg("small.tar.par2")).code;
    assert_eq!(of_par2("verify"), 0);
    for round in 0..6 {
        // It looks for slices at every byte, finds one of zeros too early, and loses the next with it.
        let few = spoilt(&whole, slice, spare / 2, round % 3, &mut random);
        let many = spoilt(&whole, slice, spare + 1, round % 3, &mut random);
        for (bytes, does) in [(few, true), (many, false)] {
            fs::write(&small.tar, &bytes).unwrap();
            assert_ne!(of_par2("verify"), 0);
            let by_us = small.run("repair small.tar -o copy.tar");
            let by_par2 = of_par2("repair");
            assert_eq!(by_us.code == 0, does, "round {round}: {by_us:?}");
            // A slice of zeros that is lost it may find in another place that has some.
            let finds = !does && by_par2 == 0;
            assert!(finds || (by_par2 == 0) == does, "round {round}: {by_par2}");
            assert!(!finds || fs::read(&small.tar).unwrap() == whole, "round {round}");
            if does {
                let made = fs::read(small.sealift.at("copy.tar")).unwrap();
                assert!(made == whole && fs::read(&small.tar).unwrap() == whole, "round {round}");
                fs::remove_file(small.sealift.at("copy.tar")).unwrap();
            }
        }
    }
}

#[test]
fn recovery_data_of_par2_is_used_however_it_was_cut() {
    need!("par2");
    let small = Small::new();
    let mut random = Random::printed("recovery_data_of_par2_is_used_however_it_was_cut");
    let whole = fs::read(&small.tar).unwrap();
    let names = || {
        let names = fs::read_dir(small.scratch()).unwrap().map(|it| it.unwrap().path());
        names.filter(|path| path.extension().is_some_and(|it| it == "par2")).collect::<Vec<_>>()
    };
    for (how, slice) in [
        ("-r30 -s4096", 4096),
        ("-r20 -s1004", 1004),
        ("-r25 -s512 -n1", 512),
        ("-c5 -s8192 -n1", 8192),
        ("-r40 -s2048 -u -n4", 2048),
        ("-c3 -s65536 -f7", 65536),
    ] {
        let mut create = par2(small.scratch(), "create");
        ran(create.args(how.split(' ')).args(["small.tar.par2", "small.tar"])).ok();
        let spare = small.spare("small.tar").min((whole.len() as u64).div_ceil(slice));
        assert!(spare > 0, "{how}");
        fs::write(&small.tar, spoilt(&whole, slice, spare, 1, &mut random)).unwrap();

        small.run("repair small.tar").ok();

        assert!(fs::read(&small.tar).unwrap() == whole, "{how}");
        names().iter().for_each(|path| fs::remove_file(path).unwrap());
    }
}

#[test]
fn damaged_recovery_data_is_gone_around() {
    let small = Small::new();
    let mut random = Random::printed("damaged_recovery_data_is_gone_around");
    let (slice, spare) = small.protect("small.tar", "50%");
    let whole = fs::read(&small.tar).unwrap();
    let index = small.sealift.at("small.tar.par2");
    let volume = small.sealift.at(&format!("small.tar.vol000+{spare:02}.par2"));
    let (of_index, of_volume) = (fs::read(&index).unwrap(), fs::read(&volume).unwrap());
    let head = of_index.len() as u64;
    let packet = |number: u64| head + number * (slice + 68);
    // One packet's bytes, another one's header, all that says what is protected but once, and the end.
    for (what, left, change) in [
        ("a slice", spare - 1, &(|| flip(&volume, packet(1) + 100)) as &dyn Fn()),
        ("a length", spare - 1, &|| flip(&volume, packet(2) + 15)),
        ("the middle", spare - 2, &|| {
            let mut bytes = of_volume.clone();
            bytes.drain(packet(3) as usize + 20..packet(4) as usize + 20);
            fs::write(&volume, bytes).unwrap();
        }),
        ("the heads", spare, &|| {
            fs::remove_file(&index).unwrap();
            flip(&volume, 70);
        }),
        ("the end", spare / 2, &|| {
            fs::write(&volume, &of_volume[..packet(spare / 2) as usize + 10]).unwrap();
        }),
        ("other things between", spare, &|| {
            fs::write(&volume, [b"junk PAR2\0PKT", &of_volume[..]].concat()).unwrap();
        }),
    ] {
        change();
        assert_eq!(small.spare("small.tar"), left, "{what}");
        fs::write(&small.tar, spoilt(&whole, slice, left, 1, &mut random)).unwrap();
        small.run("repair small.tar").ok();
        assert!(fs::read(&small.tar).unwrap() == whole, "{what}");
        fs::write(&index, &of_index).unwrap();
        fs::write(&volume, &of_volume).unwrap();
    }
}

/// How many moments a run is killed at.
const MOMENTS: u32 = 8;

#[test]
fn a_repair_that_is_killed_leaves_the_old_or_the_new_and_is_finished_by_the_next() {
    need!("docker-registry", "busybox");
    let sealift = Sealift::new();
    let mut random = Random::printed("a_repair_that_is_killed_leaves_the_old_or_the_new");
    let key = &Shared::get().keys.public;
    let [folder, tar] = copies(&sealift);
    for bundle in [&tar, &folder] {
        let made = run!(sealift, "protect", bundle, "--format", "json").ok();
        let slice = made.number("/sliceBytes");
        let whole = files::tree(bundle);
        let spoil = |random: &mut Random| match bundle.is_dir() {
            false => damage(bundle, slice, made.number("/recoverySlices"), random),
            true => spoil_folder(bundle, slice, made.number("/recoverySlices"), random),
        };
        let repair = || {
            let mut repair = sealift.command();
            repair.arg("repair").arg(bundle).arg("--key").arg(key);
            repair.stdout(Stdio::null()).stderr(Stdio::null());
            repair
        };
        spoil(&mut random);
        let begun = Instant::now();
        ran(&mut repair()).ok();
        let takes = begun.elapsed();
        let mut interrupted = 0;
        for moment in 0..MOMENTS {
            spoil(&mut random);
            let spoilt = files::tree(bundle);
            let mut process = Process::start(&mut repair());
            std::thread::sleep(takes * moment / MOMENTS + Duration::from_millis(1));
            interrupted += u32::from(!process.ended());
            process.signal(Signal::KILL);
            wait_for("the killed process", || process.ended());

            for (path, digest) in files::tree(bundle) {
                let is_left = path.to_string_lossy().contains(".sealift-locked-");
                let is_either =
                    whole.get(&path) == Some(&digest) || spoilt.get(&path) == Some(&digest);
                assert!(is_left || is_either, "{moment}: {}", path.display());
            }
            ran(&mut repair()).ok();
            assert_eq!(files::tree(bundle), whole, "{moment}");
            run!(sealift, "verify", bundle, "--key", key).ok();
            let beside = fs::read_dir(tar.parent().unwrap()).unwrap();
            let beside = beside.map(|it| it.unwrap().file_name().into_string().unwrap());
            let left: Vec<_> = beside.filter(|name| name.contains("repairing")).collect();
            assert!(left.is_empty(), "{moment}: {left:?}");
        }
        assert!(interrupted > 0, "no run was killed in time");
    }
}
