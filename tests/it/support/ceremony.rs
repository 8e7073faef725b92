//! Several signers, each with a key of his own, and the roots of trust that they make.

use std::path::{Path, PathBuf};

use sealift::bundle::envelope::Envelope;
use sealift::bundle::head::envelope_path;
use sealift::bundle::keys::PrivateKey;

use super::files::make_writable;
use super::sealift::{Ran, Sealift, ran};

/// The image that the repository ships.
pub const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

/// Runs `line`, which has no blanks in its words.
pub fn run(sealift: &Sealift, line: &str) -> Ran {
    ran(sealift.command().args(line.split_whitespace()))
}

/// Makes a key for each of `names`.
pub fn signers(sealift: &Sealift, names: &[&str]) {
    names.iter().for_each(|name| drop(sealift.keys(name)));
}

/// Adds the signature of `name` to the folder `bundle`, as who looks through it on another machine does.
pub fn countersign(sealift: &Sealift, bundle: &str, name: &str) -> PathBuf {
    let folder = sealift.at(bundle);
    let first = std::fs::read_dir(folder.join("sig")).unwrap().next().unwrap().unwrap().path();
    let payload = Envelope::from_bytes(&std::fs::read(first).unwrap()).unwrap().into_payload();
    let key = private(sealift, name);
    let path = folder.join(envelope_path(&key.public().id()));
    make_writable(path.parent().unwrap());
    std::fs::write(&path, Envelope::sign(&payload, &key).to_bytes()).unwrap();
    path
}

pub fn private(sealift: &Sealift, name: &str) -> PrivateKey {
    let pem = std::fs::read_to_string(sealift.at(&format!("{name}.key.pem"))).unwrap();
    PrivateKey::from_pem(&pem, None).unwrap()
}

/// The fingerprint of the root in the file `root`.
pub fn fingerprint(sealift: &Sealift, root: &str) -> String {
    let shown = run(sealift, &format!("trust show {root} --format json")).json();
    shown["fingerprint"].as_str().unwrap().to_owned()
}

/// Has `root` signed by each of `names`, who look at the folder `trust` where it is there.
pub fn sign(sealift: &Sealift, root: &str, names: &[&str]) {
    let folder = if sealift.at("trust").exists() { " --trust trust" } else { "" };
    for name in names {
        run(sealift, &format!("trust sign {root} --sign-key {name}.key.pem{folder}")).ok();
    }
}

/// A site that trusts two of alice, bob and carol, in the folder `trust`.
pub fn two_of_three(sealift: &Sealift) {
    signers(sealift, &["alice", "bob", "carol", "dave", "mallory"]);
    let three =
        "--signer alice=alice.pub.pem --signer bob=bob.pub.pem --signer carol=carol.pub.pem";
    run(sealift, &format!("trust new root.1.json {three} --threshold 2")).ok();
    sign(sealift, "root.1.json", &["alice", "bob"]);
    let fingerprint = fingerprint(sealift, "root.1.json");
    run(sealift, &format!("trust init root.1.json --trust trust --fingerprint {fingerprint}")).ok();
}

/// Exports an image into the folder `name`, signed by `signer`.
pub fn export(sealift: &Sealift, name: &str, signer: &str, more: &str) {
    run(sealift, &format!("export {HELLO} -o {name} --sign-key {signer}.key.pem {more}")).ok();
}

/// What is in the trust folder `path` as far as its version goes.
pub fn version(path: &Path) -> u64 {
    sealift::bundle::roots::TrustFolder::open(path).unwrap().root().version
}
