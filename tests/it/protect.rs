//! Recovery data: made here and read by Debian's `par2`, and the other way round.

use std::path::Path;
use std::process::Command;

use crate::support::files::{self, flip};
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::shared::Shared;
use crate::support::{Random, command};

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
