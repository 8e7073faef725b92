//! Recovery data: made here and read by Debian's `par2`, and the other way round.

use std::path::Path;
use std::process::Command;

use crate::support::files::{self, flip};
use crate::support::months::Sender;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;
use crate::support::{Random, command};
use crate::volumes;

/// `par2` with a `verb`, in `folder`.
pub fn par2(folder: &Path, verb: &str) -> Command {
    let mut par2 = command("par2");
    par2.arg(verb).arg("-q").current_dir(folder);
    par2
}

/// A copy of the shared bundle in both forms, called `june` and `june.tar`.
pub fn copies(sealift: &Sealift) -> [std::path::PathBuf; 2] {
    let shared = Shared::get();
    let forms = [(&shared.dir, "june"), (&shared.tar, "june.tar")];
    forms.map(|(from, name)| {
        let to = sealift.at(name);
        files::copy(from, &to);
        to
    })
}

/// Changes `holes` runs of bytes of `file`, each within one slice of `slice` bytes and none in the same.
pub fn damage(file: &Path, slice: u64, holes: u64, random: &mut Random) {
    let slices = std::fs::metadata(file).unwrap().len().div_ceil(slice);
    assert!(slices > holes, "{slices} slices");
    let mut left: Vec<u64> = (0..slices).collect();
    for _ in 0..holes {
        let one = left.swap_remove(random.below(left.len() as u64) as usize);
        // The last slice may have a byte only.
        flip(file, one * slice);
    }
}

#[test]
fn par2_finds_what_is_protected_right_and_repairs_it() {
    need!("docker-registry", "busybox", "par2");
    let sealift = Sealift::new();
    let mut random = Random::printed("par2_finds_what_is_protected_right_and_repairs_it");
    let [folder, tar] = copies(&sealift);
    let before = std::fs::read(&tar).unwrap();
    let made = run!(sealift, "protect", tar, "--format", "json").ok();
    let scratch = tar.parent().unwrap();

    ran(par2(scratch, "verify").arg("june.tar.par2")).ok();
    let (slice, spare) = (made.number("/sliceBytes"), made.number("/recoverySlices"));
    // `par2` looks for slices at every byte, finds one of zeros too early, and loses the next with it: so not
    // all that could be repaired.
    damage(&tar, slice, spare / 2, &mut random);
    assert_ne!(ran(par2(scratch, "verify").arg("june.tar.par2")).code, 0);
    ran(par2(scratch, "repair").arg("june.tar.par2")).ok();
    assert!(std::fs::read(&tar).unwrap() == before, "other bytes came out");
    // What `par2` puts aside lies beside the bundle, and is none of it.
    let key = &Shared::get().keys.public;
    run!(sealift, "verify", tar, "--key", key).ok();

    run!(sealift, "protect", folder, "--redundancy", "40%").ok();
    run!(sealift, "verify", folder, "--key", key).ok().says("repair/*.par2");
    ran(par2(&folder, "verify").args(["-B", ".", "repair/bundle.par2"])).ok();
    std::fs::remove_file(folder.join("index.json")).unwrap();
    flip(&folder.join("SHA256SUMS"), 70);
    ran(par2(&folder, "repair").args(["-B", ".", "repair/bundle.par2"])).ok();
    std::fs::remove_file(folder.join("SHA256SUMS.1")).unwrap();
    run!(sealift, "verify", folder, "--key", key).ok();
}

/// What the folder `at` holds of recovery data.
fn recovery(at: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let files = std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap());
    let files = files.filter(|file| file.path().extension().is_some_and(|it| it == "par2"));
    let mut files: Vec<_> =
        files.map(|file| (file.file_name(), std::fs::read(file.path()).unwrap())).collect();
    files.sort();
    files
}

#[test]
fn protecting_again_changes_nothing_and_finishes_what_is_not_finished() {
    need!("docker-registry", "busybox");
    let sealift = Sealift::new();
    let [folder, tar] = copies(&sealift);
    for (bundle, at, index) in [
        (&folder, folder.join("repair"), "bundle.par2"),
        (&tar, tar.parent().unwrap().to_owned(), "june.tar.par2"),
    ] {
        let protect = || -> Ran { run!(sealift, "protect", bundle, "--format", "json").ok() };
        assert_eq!(protect().json()["wasThere"], false);
        let whole = recovery(&at);
        assert_eq!(whole.len(), 2, "{whole:?}");
        let when = || std::fs::metadata(at.join(index)).unwrap().modified().unwrap();
        let made = when();

        assert_eq!(protect().json()["wasThere"], true);
        assert_eq!(when(), made, "it was written again");

        // As a run that was killed leaves it.
        std::fs::remove_file(at.join(index)).unwrap();
        let left = at.join(".sealift-locked-0123456789abcdef");
        std::fs::write(&left, "half").unwrap();
        run!(sealift, "verify", bundle, "--key", Shared::get().keys.public).ok();
        assert_eq!(protect().json()["wasThere"], false);
        assert!(recovery(&at) == whole && !left.exists(), "{}", bundle.display());

        // More of it takes the place of less.
        run!(sealift, "protect", bundle, "--redundancy", "7%").ok();
        assert_eq!(recovery(&at).len(), 2);
        assert!(recovery(&at)[1].1.len() > whole[1].1.len());
    }
}

#[test]
fn recovery_data_of_something_else_stays() {
    need!("docker-registry", "busybox", "par2");
    let sealift = Sealift::new();
    let [_, tar] = copies(&sealift);
    let scratch = tar.parent().unwrap();
    for others in ["notes", ""] {
        let path = scratch.join("june.tar.par2");
        match others {
            "" => {
                std::fs::write(scratch.join("other"), "other").unwrap();
                let create = &["june.tar.par2", "other"];
                ran(par2(scratch, "create").args(create)).ok();
            }
            text => std::fs::write(&path, text).unwrap(),
        }
        let before = std::fs::read(&path).unwrap();

        run!(sealift, "protect", tar)
            .exits(code::REFUSED)
            .says("june.tar.par2 is not recovery data");

        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::remove_file(path).unwrap();
    }
}

#[test]
fn damage_is_not_protected() {
    need!("docker-registry", "busybox");
    let sealift = Sealift::new();
    let [_, tar] = copies(&sealift);
    flip(&tar, std::fs::metadata(&tar).unwrap().len() / 2);

    run!(sealift, "protect", tar).exits(code::DAMAGED);

    assert!(recovery(tar.parent().unwrap()).is_empty());
    run!(sealift, "protect", tar, "--redundancy", "0%").exits(code::USAGE).says("1% to 100%");
}

/// The files with recovery data of the volume at `path`, and their bytes together.
fn beside(path: &Path) -> (usize, u64) {
    let name = format!("{}.", path.file_name().unwrap().to_str().unwrap());
    let all = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|it| it.unwrap());
    let of_it = all.filter(|it| it.file_name().to_str().unwrap().starts_with(&name));
    of_it.fold((0, 0), |(files, bytes), it| (files + 1, bytes + it.metadata().unwrap().len()))
}

#[test]
fn each_volume_has_recovery_data_of_its_own_that_par2_reads() {
    need!("par2");
    let mut random = Random::printed("each_volume_has_recovery_data_of_its_own_that_par2_reads");
    let (sender, volumes) = volumes::cut();
    let whole = volumes::verify(&sender, "discs").ok().json();

    let made = volumes::run(&sender, "protect discs --redundancy 10%").ok().json();

    let each = made["volumes"].as_array().unwrap();
    assert_eq!((each.len(), &made["sliceBytes"]), (volumes.len(), &serde_json::Value::Null));
    assert_eq!(volumes::verify(&sender, "discs").ok().json()["statement"], whole["statement"]);
    let folder = sender.at("discs");
    for (volume, told) in volumes.iter().zip(each) {
        let index = format!("{}.par2", volume.file_name().unwrap().to_str().unwrap());
        ran(par2(&folder, "verify").arg(&index)).ok();
        assert_eq!(beside(volume).1, told["bytes"].as_u64().unwrap());
        let before = std::fs::read(volume).unwrap();
        let slice = told["sliceBytes"].as_u64().unwrap();
        damage(volume, slice, told["recoverySlices"].as_u64().unwrap() / 2, &mut random);
        ran(par2(&folder, "repair").arg(&index)).ok();
        assert!(std::fs::read(volume).unwrap() == before, "other bytes came out");
    }

    // Again, and of one that was lost alone, from that volume alone.
    let again = volumes::run(&sender, "protect discs --redundancy 10%").ok().json();
    assert_eq!((&again["wasThere"], &again["files"]), (&true.into(), &made["files"]));
    let index = folder.join("discs.002.tar.par2");
    let before = std::fs::read(&index).unwrap();
    std::fs::remove_file(&index).unwrap();
    let alone = volumes::run(&sender, "protect discs/discs.002.tar --redundancy 10%").ok().json();
    assert_eq!((&alone["wasThere"], &alone["volumes"]), (&false.into(), &serde_json::Value::Null));
    assert_eq!(std::fs::read(&index).unwrap(), before);
}

#[test]
fn what_is_there_of_a_set_is_protected_and_what_is_damaged_is_not() {
    let (sender, volumes) = volumes::cut();
    std::fs::remove_file(&volumes[1]).unwrap();

    let made = volumes::run(&sender, "protect discs").ok().json();
    assert_eq!(made["volumes"].as_array().unwrap().len(), volumes.len() - 1);
    let len = std::fs::metadata(&volumes[0]).unwrap().len();
    flip(&volumes[0], len / 2);
    let name = volumes[0].file_name().unwrap().to_str().unwrap();
    volumes::run(&sender, "protect discs").exits(code::DAMAGED).says(name);
    volumes::run(&sender, &format!("protect discs/{name}")).exits(code::DAMAGED);
}

#[test]
fn a_volume_and_its_recovery_data_fit_on_the_medium_together() {
    for percent in ["5%", "30%"] {
        let (sender, _) = volumes::cut();
        let more = ["--volume-size", "2MB", "--label", "june", "--redundancy", percent];

        let told = sender.export("spare/june", &volumes::images(), &more).ok().json();

        let made = volumes::volumes(&sender.at("spare/june"));
        assert_eq!(told["recovery"]["volumes"].as_array().unwrap().len(), made.len());
        for volume in &made {
            let size = std::fs::metadata(volume).unwrap().len();
            let (files, bytes) = beside(volume);
            assert!(files == 2 && size + bytes <= volumes::SIZE, "{size} and {bytes}");
        }
        let full = std::fs::metadata(&made[0]).unwrap().len() + beside(&made[0]).1;
        assert!(full > volumes::SIZE * 9 / 10, "{percent}: {full}");
        volumes::verify(&sender, "spare/june").ok();
        // Cut afterwards it is the same, recovery data and all; one of them alone, too.
        let key = sender.keys.private.display();
        let line = format!(
            "pack june -o again/june --label june --volume-size 2MB --redundancy {percent} --sign-key {key}"
        );
        volumes::run(&sender, &line).ok();
        assert_eq!(files::tree(&sender.at("again/june")), files::tree(&sender.at("spare/june")));
        let line = line.replace("again/", "one/") + " --only 2";
        let told = volumes::run(&sender, &line).ok().json();
        assert_eq!(told["recovery"]["volumes"].as_array().unwrap().len(), 1);
        let [one, all] =
            ["one", "again"].map(|at| sender.at(&format!("{at}/june/june.002.tar.par2")));
        assert_eq!(std::fs::read(one).unwrap(), std::fs::read(all).unwrap());
    }
}

#[test]
fn media_in_one_drive_are_protected_one_by_one() {
    let (sender, _) = volumes::cut();
    let line = "pack june -o drive --volume-size 2MB --volume-dir media --redundancy 5%";

    let told = volumes::run(&sender, line).exits(code::USAGE);

    told.says("sealift protect");
    assert!(!sender.at("drive").exists() && !sender.at("drive.partial").exists());
}

#[test]
fn an_export_that_could_not_make_its_recovery_data_is_finished_by_the_same_command() {
    let sender = Sender::new();
    let export = |output: &str| sender.export(output, &volumes::images(), &["--redundancy", "7%"]);
    std::fs::write(sender.at("june.tar.par2"), "of somebody").unwrap();

    let told = export("june.tar").exits(code::REFUSED);

    told.says("june.tar is complete, and its recovery data is not")
        .says("sealift protect june.tar");
    volumes::verify(&sender, "june.tar").ok();
    std::fs::remove_file(sender.at("june.tar.par2")).unwrap();
    for was_there in [false, true] {
        let told = export("june.tar").ok().json();
        assert_eq!(told["alreadyComplete"], true);
        assert_eq!(told["recovery"]["wasThere"], was_there, "{told}");
    }
    // What became damaged since is not protected as it is.
    std::fs::remove_file(sender.at("june.tar.par2")).unwrap();
    flip(&sender.at("june.tar"), 3_000_000);
    export("june.tar").exits(code::DAMAGED);
    assert!(!sender.at("june.tar.par2").exists());

    let told = export("june").ok().json();
    assert_eq!(told["recovery"]["files"][1], "bundle.par2");
    assert!(sender.at("june/repair/bundle.par2").exists());
    let dry = sender.export("july", &volumes::images(), &["--redundancy", "7%", "--dry-run"]);
    assert_eq!(dry.ok().json()["recovery"], serde_json::Value::Null);
    assert!(!sender.at("july").exists());
}

#[test]
fn what_is_encrypted_is_protected_as_it_lies() {
    need!("age", "par2");
    let sender = Sender::new();
    let key = ran(command("age-keygen").arg("-o").arg(sender.at("site.key"))).ok();
    let public = key.stderr.split_whitespace().find(|word| word.starts_with("age1")).unwrap();
    let more = ["--recipient", public, "--redundancy", "5%"];

    let told = sender.export("june.tar.age", &volumes::images(), &more).ok().json();

    assert_eq!(told["recovery"]["wasThere"], false);
    ran(par2(&sender.at(""), "verify").arg("june.tar.age.par2")).ok();
    let again = volumes::run(&sender, "protect june.tar.age").ok();
    assert_eq!(again.says("is encrypted").json()["wasThere"], true);
}
