//! Damage up to the redundancy is made good, one slice more is refused, and nothing is believed of what
//! recovery data says.

use std::path::Path;

use crate::protect::{copies, damage, par2};
use crate::support::Random;
use crate::support::files::{self, flip};
use crate::support::sealift::{Sealift, code, ran};
use crate::support::shared::Shared;

#[test]
fn a_packed_bundle_is_repaired_up_to_its_redundancy_and_no_further() {
    need!("docker-registry", "busybox", "par2");
    let sealift = Sealift::new();
    let mut random =
        Random::printed("a_packed_bundle_is_repaired_up_to_its_redundancy_and_no_further");
    let [_, tar] = copies(&sealift);
    let before = std::fs::read(&tar).unwrap();
    let key = &Shared::get().keys.public;
    let made = run!(sealift, "protect", tar, "--format", "json").ok();
    let (slice, spare) = (made.number("/sliceBytes"), made.number("/recoverySlices"));

    damage(&tar, slice, spare, &mut random);
    let damaged = std::fs::read(&tar).unwrap();
    run!(sealift, "repair", tar, "-o", "copy.tar", "--key", key).ok();
    assert!(std::fs::read(sealift.at("copy.tar")).unwrap() == before);
    assert!(std::fs::read(&tar).unwrap() == damaged, "the damaged one was changed");
    let done = run!(sealift, "repair", tar, "--key", key, "--format", "json").ok();
    assert_eq!(done.number("/sets/0/lostSlices"), spare);
    assert_eq!(done.json()["repaired"], true);
    assert!(std::fs::read(&tar).unwrap() == before);
    let when = || std::fs::metadata(&tar).unwrap().modified().unwrap();
    let mended = when();
    let none = run!(sealift, "repair", tar, "-o", "none.tar", "--key", key).ok();
    none.says("june.tar is damaged, and nothing was written");
    run!(sealift, "repair", tar, "--key", key).ok().says("nothing of ");
    assert!(when() == mended && !sealift.at("none.tar").exists());

    // One more is too much, for `par2` as well.
    damage(&tar, slice, spare + 1, &mut random);
    let damaged = std::fs::read(&tar).unwrap();
    let scratch = tar.parent().unwrap();
    for more in [&[][..], &["-o", "none.tar"], &["--dry-run"]] {
        let mut repair = sealift.command();
        let ran = ran(repair.args(["repair", "june.tar", "--key"]).arg(key).args(more));
        ran.exits(code::DAMAGED).says("1 recovery slice is lacking");
    }
    assert!(!sealift.at("none.tar").exists());
    assert!(std::fs::read(&tar).unwrap() == damaged);
    assert_ne!(ran(par2(scratch, "repair").arg("june.tar.par2")).code, 0);

    // Cut short, and lost as a whole but for its last bytes.
    std::fs::write(&tar, &before[..before.len() - usize::try_from(slice).unwrap()]).unwrap();
    run!(sealift, "repair", tar, "--key", key).ok();
    assert!(std::fs::read(&tar).unwrap() == before);
    std::fs::write(&tar, [&before[..], b"more"].concat()).unwrap();
    run!(sealift, "repair", tar, "--key", key).ok();
    assert!(std::fs::read(&tar).unwrap() == before);
    let left = std::fs::read_dir(scratch).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains("repairing")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn lost_images_are_named_where_too_much_is_lost() {
    need!("docker-registry", "busybox");
    let sealift = Sealift::new();
    let (shared, [folder, _]) = (Shared::get(), copies(&sealift));
    run!(sealift, "protect", folder, "--redundancy", "1%").ok();
    let hello = shared.image("library/hello");
    for digest in hello.blobs.keys() {
        let blob = folder.join("blobs/sha256").join(&digest[7..]);
        files::make_writable(&blob);
        let len = std::fs::metadata(&blob).unwrap().len() as usize;
        std::fs::write(&blob, vec![0xaa; len]).unwrap();
    }

    let ran = run!(sealift, "repair", folder, "--key", shared.keys.public);

    let ran = ran.exits(code::DAMAGED).says("cannot be repaired").says("whole: ");
    ran.says(&format!("lost: {}", shared.name("library/hello")));
}

#[test]
fn a_folder_is_repaired_whatever_files_are_damaged_or_lost() {
    need!("docker-registry", "busybox", "par2");
    let sealift = Sealift::new();
    let (shared, [folder, _]) = (Shared::get(), copies(&sealift));
    let key = &shared.keys.public;
    let before = files::tree(&folder);
    // By `par2`, with what it takes for right.
    let par2 = || {
        let names = before.keys().map(|path| path.to_str().unwrap());
        let mut par2 = par2(&folder, "create");
        par2.args(["-r40", "-B", "./", "repair/june.par2"]).args(names);
        par2
    };
    for by_us in [true, false] {
        match by_us {
            true => drop(run!(sealift, "protect", folder, "--redundancy", "40%").ok()),
            false => {
                std::fs::create_dir(folder.join("repair")).unwrap();
                ran(&mut par2()).ok();
            }
        }
        let sig = std::fs::read_dir(folder.join("sig")).unwrap().next().unwrap().unwrap().path();
        let hello = folder.join("blobs/sha256").join(&shared.image("library/hello").digest()[7..]);
        let remove = |path: &Path| std::fs::remove_file(path).unwrap();
        let link = |path: &Path| {
            remove(path);
            std::os::unix::fs::symlink("/etc/hostname", path).unwrap();
        };
        for (what, change) in [
            ("a manifest", &(|| remove(&hello)) as &dyn Fn()),
            ("a link in its place", &|| link(&hello)),
            ("the list", &|| flip(&folder.join("SHA256SUMS"), 5)),
            ("the signature", &|| flip(&sig, 30)),
            ("list and signature", &|| {
                remove(&folder.join("SHA256SUMS"));
                remove(&sig);
            }),
            ("small files", &|| {
                ["index.json", "oci-layout", "manifest.json"]
                    .iter()
                    .for_each(|name| remove(&folder.join(name)));
            }),
        ] {
            change();
            let copy = sealift.at("copy");
            run!(sealift, "repair", folder, "-o", copy, "--key", key).ok();
            assert_eq!(files::tree(&copy), before, "{what}");
            files::remove(&copy);
            run!(sealift, "repair", folder, "--key", key, "--dry-run").ok().says("can be repaired");
            run!(sealift, "repair", folder, "--key", key).ok();
            run!(sealift, "verify", folder, "--key", key).ok();
        }
        files::remove(&folder.join("repair"));
        assert_eq!(files::tree(&folder), before);
    }
}
