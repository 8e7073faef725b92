//! Time and room: a bundle that is too old, and a disk that is too small.

use std::path::{Path, PathBuf};

use crate::support::content::Layer;
use crate::support::images::{self, Image};
use crate::support::sealift::{Sealift, code, ran};
use crate::support::{Random, command, output};

/// A layout `source` with one image whose layer has `bytes`.
fn source(sealift: &Sealift, bytes: usize) {
    let noise = Random::new(3).bytes(bytes);
    let layers = [Layer::plain(&crate::support::content::tar(&[("noise", &noise, 0o644)]))];
    let image = Image::single("acme/small", "1", "[]", &layers);
    images::write_layout(&sealift.at("source"), &[("docker.io/acme/small:1", &image)]);
}

#[test]
fn an_expired_bundle_is_refused_by_every_verb() {
    let sealift = Sealift::new();
    source(&sealift, 100);
    let keys = sealift.keys("signer");
    let export = |name: &str, days: &str| {
        let mut export = sealift.command();
        export.args(["export", "oci:source", "-o", name, "--expires", days, "--sign-key"]);
        ran(export.arg(&keys.private)).ok();
    };
    // The date of exports in tests is long past; the second one is good for eighty years.
    export("old", "1");
    export("fresh.tar", "30000");

    let key = ["--key", "signer.pub.pem"];
    for arguments in [
        &["verify", "old", key[0], key[1]][..],
        &["inspect", "old", key[0], key[1]],
        &["import", "old", "--to", "oci:inside", key[0], key[1]],
        &["import", "old", "--to", "oci:inside", "--insecure-no-verify"],
        &["serve", "old", "--listen", "127.0.0.1:0", key[0], key[1]],
    ] {
        ran(sealift.command().args(arguments)).exits(code::STALE).says("2025-10-10T08:53:20Z");
    }
    assert!(!sealift.at("inside").exists());
    run!(sealift, "verify", "fresh.tar", "--key", keys.public).ok();
    run!(sealift, "inspect", "fresh.tar", "--format", "json").ok().says("2107-");
}

#[test]
fn a_date_that_is_none_is_refused() {
    let sealift = Sealift::new();
    source(&sealift, 100);
    sealift.keys("signer");
    let export = ["export", "oci:source", "-o", "b", "--sign-key", "signer.key.pem"];

    for date in ["yesterday", "-1", "1.5", "99999999999"] {
        let mut export = sealift.command().args(export).env("SOURCE_DATE_EPOCH", date).output();
        let done = export.as_mut().unwrap();
        assert_eq!(done.status.code(), Some(code::USAGE), "{date}");
    }
    assert!(!sealift.at("b").exists() && !sealift.at("b.partial").exists());
}

#[test]
fn a_continued_file_has_the_date_at_which_it_ends_or_that_was_asked_for() {
    let sealift = Sealift::new();
    source(&sealift, 100);
    sealift.keys("signer");
    let export = |date: Option<&str>| {
        let mut export = sealift.command();
        export.args(["export", "oci:source", "-o", "b.tar", "--sign-key", "signer.key.pem"]);
        match date {
            Some(date) => export.env("SOURCE_DATE_EPOCH", date),
            None => export.env_remove("SOURCE_DATE_EPOCH"),
        };
        ran(&mut export).ok();
        let said = run!(sealift, "inspect", "b.tar", "--format", "json").ok().json();
        std::fs::rename(sealift.at("b.tar"), sealift.at("b.tar.partial")).unwrap();
        said["createdAt"].as_str().unwrap().to_owned()
    };

    assert_eq!(export(Some("0")), "1970-01-01T00:00:00Z");
    let now = jiff::Timestamp::now().as_second();
    let ended: jiff::Timestamp = export(None).parse().unwrap();
    assert!((now..now + 600).contains(&ended.as_second()), "{ended}");
    assert_eq!(export(Some("86400")), "1970-01-02T00:00:00Z");
}

/// A small disk, gone with its value.
pub struct Disk(pub PathBuf);

impl Disk {
    /// A disk of `size` (as in `4M`), mounted `at`.
    pub fn new(at: PathBuf, size: &str) -> Disk {
        std::fs::create_dir(&at).unwrap();
        let size = format!("size={size}");
        output(command("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at));
        Disk(at)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        output(command("umount").arg(&self.0));
    }
}

/// Bytes of the files below `dir`.
fn used(dir: &Path) -> u64 {
    let entries = walkdir::WalkDir::new(dir).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| entry.metadata().unwrap().len()).sum()
}

#[test]
fn a_disk_without_room_is_not_filled_by_an_export() {
    need!("root", "mount");
    let sealift = Sealift::new();
    source(&sealift, 3 << 20);
    let keys = sealift.keys("signer");
    // Room for the image, but not for the margin that file systems need; then room for both.
    let (small, large) = (Disk::new(sealift.at("4M"), "4M"), Disk::new(sealift.at("24M"), "24M"));

    for name in ["b", "b.tar"] {
        let (on_small, on_large) = (small.0.join(name), large.0.join(name));
        run!(sealift, "export", "oci:source", "-o", on_small, "--sign-key", keys.private)
            .exits(code::NO_ROOM)
            .says("bytes are to come");
        assert!(used(&small.0) < 1 << 20, "layers were written");
        assert!(!on_small.exists());
        run!(sealift, "export", "oci:source", "-o", on_large, "--sign-key", keys.private).ok();
        std::fs::remove_dir_all(&on_large).or_else(|_| std::fs::remove_file(&on_large)).unwrap();
    }
}

#[test]
fn a_disk_that_fills_up_is_called_that_and_no_name_appears() {
    need!("root", "mount");
    let sealift = Sealift::new();
    source(&sealift, 3 << 20);
    let keys = sealift.keys("signer");
    run!(sealift, "export", "oci:source", "-o", "b", "--sign-key", keys.private).ok();
    let disk = Disk::new(sealift.at("disk"), "1M");

    let to = format!("oci:{}/layout", disk.0.display());
    run!(sealift, "import", "b", "--to", to, "--key", keys.public).exits(code::NO_ROOM);

    assert!(!disk.0.join("layout/index.json").exists());
}
