//! Interrupted exports are gone on with on media that keep no owners, as most that people carry.

use std::path::Path;
use std::process::Command;

use crate::support::files::copy;
use crate::support::output;
use crate::support::sealift::{Sealift, code, ran};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

/// A medium that is mounted until it is dropped.
struct Medium(std::path::PathBuf);

impl Medium {
    fn mount(image: &Path, at: &Path, options: &str) -> Medium {
        output(Command::new("ntfs-3g").args(["-o", options]).args([image, at]));
        Medium(at.to_owned())
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn an_interrupted_export_goes_on_where_nobody_owns_anything() {
    need!("root", "ntfs-3g", "mkntfs");
    let sealift = Sealift::new();
    sealift.keys("k");
    run!(sealift, "export", HELLO, "-o", "b", "--sign-key", "k.key.pem").ok();
    run!(sealift, "export", HELLO, "-o", "b.tar", "--sign-key", "k.key.pem").ok();
    let (image, stick) = (sealift.at("image"), sealift.at("stick"));
    std::fs::File::create(&image).unwrap().set_len(32 << 20).unwrap();
    output(Command::new("mkntfs").args(["-F", "-Q", "-q"]).arg(&image));
    std::fs::create_dir(&stick).unwrap();
    // For everybody to write, and for the user of a desktop.
    for (at, options) in ["uid=0,umask=000", "uid=1000,gid=1000,umask=022"].iter().enumerate() {
        let _medium = Medium::mount(&image, &stick, options);
        let (folder, packed) = (format!("stick/f{at}"), format!("stick/p{at}.tar"));
        copy(&sealift.at("b"), &sealift.at(&format!("{folder}.partial")));
        std::fs::copy(sealift.at("b.tar"), sealift.at(&format!("{packed}.partial"))).unwrap();
        for name in [folder, packed] {
            let args = ["export", HELLO, "-o", &name, "--sign-key", "k.key.pem"];
            ran(sealift.command().args(args).arg("--dry-run")).ok();
            let done = ran(sealift.command().args(args).args(["--format", "json"])).ok();
            assert!(done.number("/reused/blobs") > 0, "{done:?}");
            run!(sealift, "verify", name, "--key", "k.pub.pem").ok();
        }
        // A second name is refused there as everywhere.
        let left = sealift.at(&format!("stick/h{at}.tar.partial"));
        std::fs::write(&left, "").unwrap();
        std::fs::hard_link(&left, sealift.at(&format!("stick/other{at}"))).unwrap();
        let name = format!("stick/h{at}.tar");
        run!(sealift, "export", HELLO, "-o", name, "--sign-key", "k.key.pem")
            .exits(code::REFUSED)
            .says("has a second name");
    }
}
