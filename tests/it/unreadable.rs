//! What may not be read is neither damaged nor missing: it is named, with exit code 6, by every verb.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::support::files::copy;
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

/// A home with the bundle `b` in it, as a folder and packed.
fn bundles() -> (Sealift, Keys) {
    let sealift = Sealift::new();
    let keys = sealift.keys("k");
    for name in ["b", "b.tar"] {
        run!(sealift, "export", HELLO, "-o", name, "--sign-key", keys.private).ok();
    }
    (sealift, keys)
}

/// Runs the program as a user whom permissions bind.
fn bound(sealift: &Sealift, args: &str) -> Ran {
    ran(sealift.bound_command().args(args.split(' ')))
}

/// What is locked, until it is dropped.
struct Locked(PathBuf, u32);

impl Locked {
    fn to(path: &Path, mode: u32) -> Locked {
        let before = path.metadata().unwrap().permissions().mode();
        set_permissions(path, Permissions::from_mode(mode)).unwrap();
        Locked(path.to_owned(), before)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // It may have got another name.
        let _ = set_permissions(&self.0, Permissions::from_mode(self.1));
    }
}

/// A file of `folder` that is the largest, or the smallest, among its blobs.
fn blob(folder: &Path, largest: bool) -> PathBuf {
    let blobs = folder.join("blobs/sha256").read_dir().unwrap();
    let mut sized: Vec<(u64, PathBuf)> =
        blobs.map(|it| it.unwrap()).map(|it| (it.metadata().unwrap().len(), it.path())).collect();
    sized.sort();
    if largest { sized.pop() } else { sized.into_iter().next() }.unwrap().1
}

/// Everything that reads the bundle `name`.
fn readers(name: &str) -> [String; 5] {
    [
        format!("verify {name} --key k.pub.pem"),
        format!("inspect {name} --key k.pub.pem"),
        format!("import {name} --to oci:out --key k.pub.pem"),
        format!("import {name} --to oci-archive:out.tar --key k.pub.pem"),
        format!("serve {name} --key k.pub.pem --listen 127.0.0.1:0"),
    ]
}

#[test]
fn a_part_of_a_bundle_that_may_not_be_read_is_unreadable_to_every_verb() {
    need!("setpriv");
    let (sealift, _) = bundles();
    let folder = sealift.at("b");
    let layer = blob(&folder, true);
    let signatures = folder.join("sig").read_dir().unwrap().next().unwrap().unwrap().path();
    for (path, mode, named) in [
        (layer.clone(), 0o000, "blobs/sha256/"),
        (blob(&folder, false), 0o000, "blobs/sha256/"),
        (folder.join("index.json"), 0o000, "index.json"),
        (folder.join("SHA256SUMS"), 0o000, "SHA256SUMS"),
        (signatures, 0o000, "sig/"),
        (folder.join("sig"), 0o000, "sig"),
        (folder.join("blobs"), 0o000, "blobs"),
        (folder.join("blobs/sha256"), 0o000, "blobs/sha256"),
        // Neither its list nor what is in it is enough.
        (folder.join("blobs/sha256"), 0o400, "blobs/sha256"),
        (folder.join("blobs/sha256"), 0o100, "blobs/sha256"),
        (folder.clone(), 0o000, "b"),
        (sealift.at("b.tar"), 0o000, "b.tar"),
    ] {
        let name = if path == sealift.at("b.tar") { "b.tar" } else { "b" };
        let locked = Locked::to(&path, mode);
        for line in readers(name) {
            // Layers are not read by all.
            if path == layer && line.starts_with("inspect") {
                continue;
            }
            let done = bound(&sealift, &line).exits(code::REFUSED);
            let done = done.says(named).says("Permission denied").says("hint: see who may read it");
            for word in ["missing", "damaged", "is not signed", "no bundle"] {
                assert!(!done.stderr.contains(word), "{word}: {line}: {done:?}");
                assert!(!done.stdout.contains(word), "{word}: {line}: {done:?}");
            }
        }
        // A finished export that cannot be looked at is not "something else".
        let again = bound(&sealift, &format!("export {HELLO} -o {name} --sign-key k.key.pem"));
        if path != layer {
            again.exits(code::REFUSED).says("Permission denied");
        }
        drop(locked);
    }
    for gone in ["out", "out.tar"] {
        assert!(!sealift.at(gone).exists() || sealift.at(gone).is_dir(), "{gone}");
    }
}

#[test]
fn a_source_and_an_unfinished_export_that_may_not_be_read_are_told_so() {
    need!("setpriv");
    let (sealift, _) = bundles();
    copy(Path::new(HELLO.strip_prefix("oci:").unwrap()), &sealift.at("layout"));
    let export = |more: &str| bound(&sealift, &format!("export {more} --sign-key k.key.pem"));
    for part in ["layout/blobs/sha256", "layout/index.json", "layout", "b.tar"] {
        let _locked = Locked::to(&sealift.at(part), 0o000);
        let source = if part == "b.tar" { "oci-archive:b.tar" } else { "oci:layout" };
        let done = export(&format!("{source} -o n")).exits(code::REFUSED);
        assert!(!done.says("Permission denied").stderr.contains("missing"), "{part}");
    }
    // What an interrupted export left is fetched again where it may not be read, and what may not be
    // gone on with is named.
    copy(&sealift.at("b"), &sealift.at("n.partial"));
    {
        let _locked = Locked::to(&blob(&sealift.at("n.partial"), true), 0o000);
        export(&format!("{HELLO} -o n")).ok();
    }
    run!(sealift, "verify", "n", "--key", "k.pub.pem").ok();
    std::fs::copy(sealift.at("b.tar"), sealift.at("m.tar.partial")).unwrap();
    copy(&sealift.at("b"), &sealift.at("m.partial"));
    for part in ["m.tar.partial", "m.partial", "m.partial/blobs/sha256", "m.partial/sig"] {
        let _locked = Locked::to(&sealift.at(part), 0o000);
        let name = if part == "m.tar.partial" { "m.tar" } else { "m" };
        export(&format!("{HELLO} -o {name}"))
            .exits(code::REFUSED)
            .says("Permission denied")
            .says(part);
    }
}
