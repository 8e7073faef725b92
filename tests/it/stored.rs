//! Written is not stored: what a medium changes without a word is found before the bundle gets its name,
//! and one that is full, read-only or gone in the middle is told exactly, and gone on with afterwards.

use std::path::Path;

use crate::support::each_call::{Call, is_possible, watched};
use crate::support::files;
use crate::support::images::{Image, write_layout};
use crate::support::months::{Sender, image};
use crate::support::sealift::{Ran, Sealift, code, ran};

/// How many places are tried where each would take too long.
const SOME: usize = 10;

/// A sender with a layout of two images, all in a folder of the disk that the tests are built on.
struct Desk {
    sender: Sender,
}

impl Desk {
    fn in_folder(base: &Path) -> Desk {
        let sealift = Sealift::new_in(base);
        let keys = sealift.keys("sender");
        let desk = Desk { sender: Sender { sealift, keys } };
        std::fs::create_dir(desk.sender.work()).unwrap();
        let images: [(&str, Image); 2] = [
            ("x.example/a/app:1", image("a/app:1", &["base", "app"])),
            ("x.example/a/db:1", image("a/db:1", &["base", "db"])),
        ];
        let named: Vec<(&str, &Image)> = images.iter().map(|(name, it)| (*name, it)).collect();
        write_layout(&desk.sender.work().join("src"), &named);
        desk
    }

    fn new() -> Desk {
        Desk::in_folder(Path::new(env!("CARGO_TARGET_TMPDIR")))
    }

    fn run(&self, line: &str) -> Ran {
        ran(&mut self.sender.at_work(line))
    }

    /// Takes `output` away, finished or not.
    fn clear(&self, output: &str) {
        for name in [output.to_owned(), format!("{output}.partial")] {
            let path = self.sender.work().join(name);
            match path.is_dir() {
                true => files::remove(&path),
                false => drop(std::fs::remove_file(path)),
            }
        }
    }

    /// The export to `output`, with `more`, in which call `number` goes wrong.
    fn export(&self, output: &str, more: &str, number: usize, fault: &str) -> (Ran, Vec<Call>) {
        let line = format!("export oci:src -o {output} --sign-key KEY {more}");
        watched(&self.sender.at_work(&line), &self.sender.work(), number, fault)
    }

    fn has(&self, name: &str) -> bool {
        self.sender.work().join(name).exists()
    }
}

/// Some numbers up to `most`, evenly.
fn some(most: usize) -> impl Iterator<Item = usize> {
    (1..=most).step_by(most.div_ceil(SOME).max(1))
}

#[test]
fn what_a_medium_changes_without_a_word_is_found_before_the_bundle_gets_its_name() {
    need!("cc");
    if !is_possible() {
        return;
    }
    let desk = Desk::new();
    for output in ["out", "out.tar"] {
        let (ran, calls) = desk.export(output, "", 0, "flip");
        ran.ok();
        desk.clear(output);
        let writes = calls.iter().filter(|call| call.kind == "write").count();
        let (mut unnoticed, mut found) = (0, 0);
        for number in 1..=writes {
            if unnoticed > 1 && found > 1 {
                break;
            }
            let (plain, _) = desk.export(output, "", number, "flip");
            let verify = format!("verify {output} --key PUB");
            if plain.code == code::DONE && desk.run(&verify).code != code::DONE {
                // So it would have been carried, and not arrived.
                unnoticed += 1;
            }
            desk.clear(output);
            let (careful, _) = desk.export(output, "--verify-media", number, "flip");
            if careful.code == code::DONE {
                // What was written was written over afterwards, or another thread's turn came first.
                desk.run(&verify).ok();
                desk.clear(output);
                continue;
            }
            assert!(!desk.has(output), "it got its name: {careful:?}");
            if careful.stderr.contains("does not give back what was written") {
                found += 1;
                let careful = careful.exits(code::DAMAGED);
                careful.says("does not match its signed digest").says("blobs/sha256/");
            }
            desk.run(&format!("export oci:src -o {output} --verify-media --sign-key KEY")).ok();
            desk.run(&format!("{verify} --verify-media")).ok();
            desk.clear(output);
        }
        assert!(unnoticed > 0 && found > 0, "{output}: {unnoticed} unnoticed, {found} found");
    }
}

#[test]
fn a_volume_that_its_medium_changed_gets_no_name() {
    need!("cc");
    if !is_possible() {
        return;
    }
    let desk = Desk::new();
    let (usb, more) = (desk.sender.work().join("usb"), "--volume-size 2MB --volume-dir usb");
    let clear = || {
        desk.clear("set");
        let _ = std::fs::remove_dir_all(&usb);
        std::fs::create_dir(&usb).unwrap();
    };
    clear();
    let careful = format!("{more} --verify-media");
    let (ran, calls) = desk.export("set", &careful, 0, "flip");
    ran.ok();
    let writes = calls.iter().filter(|call| call.kind == "write").count();
    let mut found = 0;
    for number in 1..=writes {
        if found > 2 {
            break;
        }
        clear();
        let (told, _) = desk.export("set", &careful, number, "flip");
        let is_found = told.stderr.contains("and the volume gets no name");
        let is_done = told.code == code::DONE;
        if is_found {
            let told = told.exits(code::DAMAGED);
            assert!(
                !desk.has("usb/set.001.tar") && !desk.has("set.partial/set.001.json"),
                "{told:?}"
            );
            found += 1;
        }
        if !is_done {
            desk.run(&format!("export oci:src -o set --sign-key KEY {careful}")).ok();
        }
        desk.run("verify usb --key PUB --verify-media").ok();
    }
    assert!(found > 0, "none of {writes} was found");
}

#[test]
fn what_is_packed_is_read_back_too_in_every_form() {
    need!("cc");
    let desk = Desk::new();
    desk.run("export oci:src -o whole.tar --sign-key KEY").ok();
    for (output, more) in [("out", ""), ("out.tar", ""), ("discs", "--volume-size 1200KB")] {
        let pack = format!("pack whole.tar -o {output} {more} --jobs 1 --verify-media");
        let made = desk.run(&format!("{pack} --format json")).ok().json();
        let verify = format!("verify {output} --key PUB");
        let seen = desk.run(&format!("{verify} --verify-media --format json")).ok().json();
        assert!(!made["readBack"].is_null(), "{made}");
        assert_eq!(made["readBack"], seen["readBack"]);
        desk.clear(output);
        if !is_possible() {
            continue;
        }
        let watch =
            |number| watched(&desk.sender.at_work(&pack), &desk.sender.work(), number, "flip");
        let (ran, calls) = watch(0);
        ran.ok();
        desk.clear(output);
        let mut found = 0;
        for number in some(calls.iter().filter(|call| call.kind == "write").count()) {
            let (careful, _) = watch(number);
            match careful.code {
                code::DONE => drop(desk.run(&verify).ok()),
                _ => {
                    assert!(!desk.has(output), "it got its name: {careful:?}");
                    found += 1;
                }
            }
            desk.clear(output);
        }
        assert!(found > 0, "{output}");
    }
}

#[test]
fn it_is_said_how_a_bundle_was_read_back_and_which_bytes_are_wrong() {
    let desk = Desk::new();
    for (output, file) in [("out", None), ("out.tar", Some("out.tar"))] {
        let export = format!("export oci:src -o {output} --verify-media --sign-key KEY");
        let made = desk.run(&format!("{export} --format json")).ok().json();
        let verify = format!("verify {output} --key PUB --verify-media");
        let seen = desk.run(&format!("{verify} --format json")).ok().json();
        assert_eq!(made["readBack"], seen["readBack"]);
        let magic = rustix::fs::statfs(desk.sender.work()).unwrap().f_type;
        // ext2 to ext4, and XFS.
        if [0xef53, 0x5846_5342].contains(&magic) {
            assert_eq!(made["readBack"], "device");
            desk.run(&verify).ok().says("every byte was read back from the device");
        }
        // What is there already is read back, too.
        let again = desk.run(&format!("{export} --format json")).ok().json();
        assert_eq!(
            (&again["alreadyComplete"], &again["readBack"]),
            (&true.into(), &made["readBack"])
        );
        let plain = desk.run(&format!("verify {output} --key PUB --format json")).ok();
        assert!(plain.json().get("readBack").is_none());

        let blobs = std::fs::read_dir(desk.sender.work().join("src/blobs/sha256")).unwrap();
        let largest = blobs.max_by_key(|it| it.as_ref().unwrap().metadata().unwrap().len());
        let name = largest.unwrap().unwrap().file_name().into_string().unwrap();
        let bytes = std::fs::read(desk.sender.work().join("src/blobs/sha256").join(&name)).unwrap();
        match file {
            None => {
                let layer = desk.sender.work().join(output).join("blobs/sha256").join(&name);
                files::flip(&layer, 100);
                desk.run(&verify).exits(code::DAMAGED).says(&name);
            }
            Some(file) => {
                let path = desk.sender.work().join(file);
                let tar = std::fs::read(&path).unwrap();
                let at = tar.windows(64).position(|part| part == &bytes[..64]).unwrap();
                files::flip(&path, at as u64 + 100);
                let last = at + bytes.len() - 1;
                let said = format!("bytes {at} to {last} of the packed file");
                desk.run(&verify).exits(code::DAMAGED).says(&said);
            }
        }
        desk.run(&export).exits(code::DAMAGED);
    }
}

#[test]
fn a_file_system_that_is_in_memory_is_told() {
    let memory = Path::new("/dev/shm");
    if !memory.is_dir() || rustix::fs::statfs(memory).unwrap().f_type != 0x0102_1994 {
        return;
    }
    let desk = Desk::in_folder(memory);

    for output in ["out", "out.tar"] {
        let line =
            format!("export oci:src -o {output} --verify-media --sign-key KEY --format json");
        let made = desk.run(&line).ok().says("never on a device");
        assert_eq!(made.json()["readBack"], "memory");
    }
}

#[test]
fn a_medium_that_goes_away_in_the_middle_is_told_and_gone_on_with() {
    need!("cc");
    if !is_possible() {
        return;
    }
    let desk = Desk::new();
    for (output, fault) in [("out", "ENODEV+"), ("out.tar", "EIO+"), ("out", "ESTALE+")] {
        let (ran, calls) = desk.export(output, "--verify-media", 0, fault);
        ran.ok();
        desk.clear(output);
        for number in some(calls.len()) {
            let (ran, calls) = desk.export(output, "--verify-media", number, fault);
            let place = format!("{fault} from {:?} on", calls.get(number - 1));
            if ran.code != code::DONE {
                assert!([1, code::REFUSED].contains(&ran.code), "{place}: {ran:?}");
                let told = ["taken away or is failing", "medium is sound", "medium was taken out"];
                let is_told = told.iter().any(|words| ran.stderr.contains(words));
                assert!(is_told || ran.stderr.contains("may be failing"), "{place}: {ran:?}");
            }
            let line = format!("export oci:src -o {output} --verify-media --sign-key KEY");
            desk.run(&line).ok();
            desk.clear(output);
        }
    }
}

#[test]
fn a_disk_that_is_full_or_read_only_in_the_middle_is_told_and_gone_on_with() {
    need!("cc");
    if !is_possible() {
        return;
    }
    let desk = Desk::new();
    let mut kept = 0;
    for (output, fault) in [("out", "ENOSPC+"), ("out.tar", "ENOSPC+"), ("out", "EROFS+")] {
        let (ran, calls) = desk.export(output, "", 0, fault);
        ran.ok();
        desk.clear(output);
        for number in some(calls.len()) {
            let (ran, calls) = desk.export(output, "", number, fault);
            let place = format!("{fault} from {:?} on", calls.get(number - 1));
            let (code, words) = match fault {
                "ENOSPC+" => (code::NO_ROOM, "free some room"),
                _ => (code::REFUSED, "makes a medium read-only"),
            };
            if ran.code != code::DONE {
                assert!(ran.code == code && ran.stderr.contains(words), "{place}: {ran:?}");
            }
            let line = format!("export oci:src -o {output} --sign-key KEY --format json");
            let again = desk.run(&line).ok();
            kept += again.number("/reused/blobs");
            desk.clear(output);
        }
    }
    assert!(kept > 0, "nothing was gone on with");
}
