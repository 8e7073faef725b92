//! What `sealift serve` gives out of a bundle that is changed under it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::content::{Layer, tar};
use crate::support::images::{Image, write_layout};
use crate::support::sealift::Sealift;
use crate::support::{Process, Random, http};

/// Writes to a page of a file, waits for a line, and writes to the same page again.
const MAPPED: &str = "\
import mmap, sys
file = open(sys.argv[1], 'r+b')
memory = mmap.mmap(file.fileno(), 0)
memory[4096] = memory[4096]
print('written', flush=True)
sys.stdin.readline()
memory[4096] ^= 1
print('changed', flush=True)
sys.stdin.readline()
";

#[test]
fn a_blob_changed_through_memory_mapped_before_is_not_served() {
    need!("python3");
    // Not in /tmp, which is memory on some machines.
    let sealift = Sealift::new_in(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let noise = Random::new(3).bytes(3 << 20);
    let layer = Layer::gzip(&tar(&[("noise", &noise, 0o644)]));
    let image = Image::single("acme/mapped", "1.0", "[]", &[layer]);
    write_layout(&sealift.at("layout"), &[("x.example/acme/mapped:1.0", &image)]);
    let keys = sealift.keys("signer");
    run!(sealift, "export", "oci:layout", "-o", "bundle", "--sign-key", &keys.private).ok();
    let (digest, bytes) = image.blobs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let bundle = sealift.at("bundle");
    let blob = bundle.join("blobs").join(digest.replace(':', "/"));

    let mut writer = Command::new("python3");
    writer.args(["-c", MAPPED]).arg(&blob).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut writer = Process::start(&mut writer);
    let mut said = BufReader::new(writer.0.stdout.take().unwrap()).lines();
    assert_eq!(said.next().unwrap().unwrap(), "written");
    // So that the blob is old enough to be known from its verification.
    std::thread::sleep(Duration::from_millis(500));
    let served = sealift.serve(&bundle, &keys.public);
    let path = format!("/v2/acme/mapped/blobs/{digest}");
    let part = || http::get(served.port, &path, &[("Range", "bytes=4096-4099")]);
    assert!(http::get(served.port, &path, &[]).bytes() == *bytes);
    assert!(part().bytes() == bytes[4096..4100]);

    writer.0.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(said.next().unwrap().unwrap(), "changed");

    assert_eq!(part().status, 500);
}
