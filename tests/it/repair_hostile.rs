//! Recovery data by somebody who means ill: nothing that is right changes, nothing is written elsewhere, and
//! each run ends with one clear error, in little memory.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use md5::{Digest as _, Md5};

use crate::memory::peak_of;
use crate::protect::par2;
use crate::repair_rounds::Small;
use crate::support::Random;
use crate::support::files::{self, flip};
use crate::support::sealift::{code, ran};

const LIMIT_KIB: u64 = 256 << 10;

fn md5(parts: &[&[u8]]) -> Vec<u8> {
    let mut sum = Md5::new();
    parts.iter().for_each(|part| sum.update(part));
    sum.finalize().to_vec()
}

/// A packet of the `set`, with the right digest.
fn packet(set: &[u8], kind: &[u8; 16], body: &[u8]) -> Vec<u8> {
    let body = [body, &vec![0; body.len().next_multiple_of(4) - body.len()]].concat();
    let sum = md5(&[set, kind, &body]);
    let len = (64 + body.len() as u64).to_le_bytes();
    [b"PAR2\0PKT", &len[..], &sum, set, kind, &body].concat()
}

/// A file as a set tells it, with as many sums of slices as it is to have.
#[derive(Clone)]
struct Told {
    name: Vec<u8>,
    len: u64,
    sums: Vec<[u8; 20]>,
    md5: Vec<u8>,
}

impl Told {
    /// `bytes` under `name`, in slices of `slice`.
    fn of(name: &str, bytes: &[u8], slice: usize) -> Told {
        let sums = bytes.chunks(slice).map(|chunk| {
            let chunk = [chunk, &vec![0; slice - chunk.len()]].concat();
            let mut sum = [0; 20];
            sum[..16].copy_from_slice(&md5(&[&chunk]));
            sum
        });
        let (name, len, sums) = (name.into(), bytes.len() as u64, sums.collect());
        Told { name, len, sums, md5: md5(&[bytes]) }
    }

    fn id(&self) -> Vec<u8> {
        md5(&[&[7; 16], &self.len.to_le_bytes(), &self.name])
    }
}

/// A recovery file of `files`, with `count` recovery slices that nobody made of anything.
fn recovery(slice: u64, files: &[Told], count: u32) -> Vec<u8> {
    let ids: Vec<u8> = files.iter().flat_map(Told::id).collect();
    let main = [&slice.to_le_bytes()[..], &(files.len() as u32).to_le_bytes(), &ids].concat();
    let set = md5(&[&main]);
    let mut all = packet(&set, b"PAR 2.0\0Main\0\0\0\0", &main);
    for file in files {
        let body = [&file.id(), &file.md5, &[7; 16][..], &file.len.to_le_bytes(), &file.name];
        all.extend(packet(&set, b"PAR 2.0\0FileDesc", &body.concat()));
        let body = [&file.id()[..], &file.sums.concat()].concat();
        all.extend(packet(&set, b"PAR 2.0\0IFSC\0\0\0\0", &body));
    }
    let noise = Random::new(9).bytes(usize::try_from(slice.min(1 << 20)).unwrap());
    for exponent in 0..count {
        let body = [&exponent.to_le_bytes()[..], &noise].concat();
        all.extend(packet(&set, b"PAR 2.0\0RecvSlic", &body));
    }
    all
}

/// Repairs what is in `small`, whose packed file and folder are damaged, with `bytes` as recovery data of
/// each; what is there stays, and nothing else is there afterwards.
fn refused(small: &Small, what: &str, bytes: &[u8]) {
    fs::write(small.sealift.at("small.tar.par2"), bytes).unwrap();
    fs::create_dir_all(small.folder.join("repair")).unwrap();
    fs::write(small.folder.join("repair/x.par2"), bytes).unwrap();
    let scratch = small.tar.parent().unwrap();
    let before = files::tree(scratch);
    for bundle in ["small.tar", "small"] {
        for more in [&[][..], &["-o", "copy"]] {
            let mut repair = small.sealift.command();
            repair.args(["repair", bundle, "--key", "signer.pub.pem"]).args(more);
            let done = ran(&mut repair);
            let is_end = matches!(
                done.code,
                code::DAMAGED | code::REFUSED | code::NO_ROOM | code::UNTRUSTED | code::INCOMPLETE
            );
            assert!(is_end, "{what}, {bundle}: {done:?}");
            assert_eq!(done.stderr.matches("error: ").count(), 1, "{what}, {bundle}: {done:?}");
            let (most, _) = peak_of(repair.stderr(std::process::Stdio::null()));
            assert!(most < LIMIT_KIB, "{what}, {bundle}: {} MiB", most >> 10);
        }
        let told = small.run(&format!("verify {bundle} --format json"));
        assert_eq!(told.code, code::DAMAGED, "{what}, {bundle}: {}", told.stderr);
    }
    assert_eq!(files::tree(scratch), before, "{what}");
}

#[test]
fn packets_of_somebody_who_means_ill_end_in_one_error_and_change_nothing() {
    let small = Small::new();
    let whole = fs::read(&small.tar).unwrap();
    flip(&small.tar, 30_000);
    let index = small.folder.join("index.json");
    flip(&index, 3);
    let spoilt = fs::read(&index).unwrap();
    let bytes = [whole.clone(), b"more".to_vec()].concat();
    let tar = Told::of("small.tar", &bytes, 4096);
    let set = |change: &dyn Fn(&mut Told)| {
        let mut told = tar.clone();
        change(&mut told);
        vec![told]
    };
    let one = |name: &str| Told::of(name, b"{}", 4096);
    for (what, bytes) in [
        ("no slices of a size", recovery(0, &set(&|_| {}), 20)),
        ("an odd size", recovery(4_097, &set(&|_| {}), 20)),
        ("slices of 8 EiB", recovery(1 << 63, &set(&|_| {}), 3)),
        ("a file of 16 EiB", recovery(4096, &set(&|it| it.len = u64::MAX), 20)),
        (
            "a file of 1 EiB in one slice",
            recovery(
                1 << 40,
                &set(&|it| {
                    it.len = 1 << 40;
                    it.sums.truncate(1)
                }),
                1,
            ),
        ),
        ("too few sums", recovery(4096, &set(&|it| it.sums.truncate(3)), 20)),
        (
            "sums of other slices",
            recovery(4096, &set(&|it| it.sums.iter_mut().for_each(|sum| sum[0] ^= 1)), 20),
        ),
        ("another digest of the whole", recovery(4096, &set(&|it| it.md5[0] ^= 1), 20)),
        (
            "two files of one name",
            recovery(4096, &[one("index.json"), Told::of("index.json", b"[]", 4096)], 20),
        ),
        ("one file twice", recovery(4096, &[one("index.json"), one("index.json")], 20)),
        ("a way up", recovery(4096, &[one("../../evil")], 20)),
        ("a way up in the middle", recovery(4096, &[one("blobs/../../evil")], 20)),
        ("a path from the root", recovery(4096, &[one("/tmp/sealift-evil")], 20)),
        ("recovery data itself", recovery(4096, &[one("repair/x.par2")], 20)),
        ("a signature elsewhere", recovery(4096, &[one("sig/../evil")], 20)),
        ("a name that is no text", recovery(4096, &set(&|it| it.name = vec![0xff; 30]), 20)),
        ("a name of a megabyte", recovery(4096, &set(&|it| it.name = vec![b'a'; 1 << 20]), 20)),
        ("a name without an end", recovery(4096, &set(&|it| it.name = vec![0; 40]), 20)),
        (
            "a list that somebody wrote",
            recovery(4096, &[Told::of("SHA256SUMS", &spoilt, 4096)], 20),
        ),
        (
            "sixty thousand files",
            recovery(4, &(0..60_000).map(|n| one(&format!("blobs/{n}"))).collect::<Vec<_>>(), 1),
        ),
    ] {
        refused(&small, what, &bytes);
    }

    // Lengths and counts that packets do not have.
    let good = recovery(4096, &set(&|_| {}), 3);
    for (what, at, number) in [
        ("a packet of 16 EiB", 8, u64::MAX - 3),
        ("a packet of nothing", 8, 0),
        ("as many files as there can be", 64 + 8, u64::from(u32::MAX)),
    ] {
        let mut bytes = good.clone();
        bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        refused(&small, what, &bytes);
    }
    let header = [&b"PAR2\0PKT"[..], &(1_u64 << 19).to_le_bytes(), &[0; 48]].concat();
    refused(&small, "packets in packets", &header.repeat(1 << 15));
    refused(&small, "nothing at all", b"");
}

/// Puts recovery data into the folder of `small` that `par2` made of it as `change` leaves it.
fn forge(small: &Small, change: &dyn Fn(&Path), names: &[&str]) {
    let other = small.sealift.at("other");
    files::copy(&small.folder, &other);
    let _ = fs::remove_dir_all(other.join("repair"));
    fs::create_dir(other.join("repair")).unwrap();
    change(&other);
    let mut create = par2(&other, "create");
    ran(create.args(["-r100", "-s4096", "-B", "./", "repair/x.par2"]).args(names)).ok();
    let repair = small.folder.join("repair");
    let _ = fs::remove_dir_all(&repair);
    files::copy(&other.join("repair"), &repair);
    files::remove(&other);
}

#[test]
fn recovery_data_of_something_else_changes_nothing_that_is_right_and_leads_nowhere() {
    need!("par2");
    let small = Small::new();
    let before = files::tree(&small.folder);
    let same = |what: &str| {
        let mut now = files::tree(&small.folder);
        now.retain(|path, _| !path.starts_with("repair"));
        assert_eq!(now, before, "{what}");
    };
    let names: BTreeSet<String> = before.keys().map(|path| path.display().to_string()).collect();
    let blob = names.iter().find(|name| name.starts_with("blobs")).unwrap().clone();

    // Of a list, small files and blobs that somebody else would like to be there.
    for name in ["SHA256SUMS", "index.json", "oci-layout", &blob] {
        forge(&small, &|other| flip(&other.join(name), 5), &[name]);
        let done = small.run("repair small");
        let is_end = matches!(done.code, code::DAMAGED | code::REFUSED | code::UNTRUSTED);
        assert!(is_end, "{name}: {done:?}");
        same(name);
    }
    // Of files that are no part of any bundle, or none of this one.
    forge(&small, &|other| fs::write(other.join(".profile"), "rm -rf").unwrap(), &[".profile"]);
    small.run("repair small").exits(code::REFUSED).says("no bundle has a file .profile");
    forge(&small, &|other| fs::write(other.join("new-file"), "new").unwrap(), &["new-file"]);
    small.run("repair small").exits(code::REFUSED).says("new-file is no file of it");
    same("a new file");

    // A link in the place of the folder that a file is to be put into leads nowhere.
    let elsewhere = small.sealift.at("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    forge(&small, &|_| {}, &all);
    files::copy(&small.folder.join("sig"), &small.sealift.at("kept"));
    fs::remove_dir_all(small.folder.join("sig")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, small.folder.join("sig")).unwrap();
    let done = small.run("repair small");
    assert_ne!(done.code, 0, "{done:?}");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);

    // None at all.
    fs::remove_dir_all(small.folder.join("repair")).unwrap();
    small.run("repair small").exits(code::INCOMPLETE).says("sealift protect");
}
