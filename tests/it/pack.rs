//! Pack: the same bundle in another form, to the byte, and without a key.

use std::fs;

use crate::support::files::tree;
use crate::support::months::{Sender, image, layer_digest};
use crate::support::packed;
use crate::support::sealift::{Ran, code, ran};

fn pack(sender: &Sender, line: &str) -> Ran {
    let mut command = sender.sealift.command();
    ran(command.arg("pack").args(line.split_whitespace()).args(["--format", "json"]))
}

fn verify(sender: &Sender, bundle: &str) -> Ran {
    ran(sender.sealift.command().args(["verify", bundle, "--key"]).arg(&sender.keys.public))
}

#[test]
fn a_bundle_packed_and_unpacked_is_the_same_to_the_byte_whoever_does_it() {
    let sender = Sender::new();
    let of = |layer: &str| [image("a/app:1", &["base", layer]), image("a/db:1", &["base", "db"])];
    for output in ["june", "june.tar"] {
        sender.export(output, &of("app 1"), &[]).ok();
    }
    for output in ["july", "july.tar"] {
        sender.export(output, &of("app 2"), &["--since", "june.tar"]).ok();
    }
    fs::remove_file(&sender.keys.private).unwrap();

    for month in ["june", "july"] {
        let planned = pack(&sender, &format!("{month} -o {month}2.tar --dry-run")).ok().json();
        assert!(!sender.at(&format!("{month}2.tar.partial")).exists());
        let made = pack(&sender, &format!("{month} -o {month}2.tar")).ok().json();
        assert_eq!(made["copied"], planned["copied"]);
        assert_eq!(made["bytes"], fs::metadata(sender.at(&format!("{month}2.tar"))).unwrap().len());
        pack(&sender, &format!("{month}2.tar -o {month}2")).ok();

        let bytes = |name: String| fs::read(sender.at(&name)).unwrap();
        assert!(bytes(format!("{month}.tar")) == bytes(format!("{month}2.tar")), "{month}");
        assert_eq!(tree(&sender.at(month)), tree(&sender.at(&format!("{month}2"))));
        verify(&sender, &format!("{month}2.tar")).ok();
        verify(&sender, &format!("{month}2")).ok();
    }
}

#[test]
fn what_is_wrong_gets_no_name_and_a_rerun_goes_on_from_what_was_right() {
    let sender = Sender::new();
    sender.export("june", &[image("a/app:1", &["base", "app", "more"])], &[]).ok();
    let blob = sender.at("june/blobs/sha256").join(&layer_digest("more")[7..]);
    let bytes = fs::read(&blob).unwrap();

    pack(&sender, "june -o june/in").exits(code::USAGE).says("lies in the bundle");
    pack(&sender, "june -o june").exits(code::USAGE).says("exists already");
    fs::remove_file(&blob).unwrap();
    pack(&sender, "june -o packed.tar").exits(code::INCOMPLETE);
    assert!(!sender.at("packed.tar.partial").exists());
    let mut wrong = bytes.clone();
    wrong[1000] ^= 1;
    fs::write(&blob, &wrong).unwrap();
    pack(&sender, "june -o packed.tar --jobs 1").exits(code::DAMAGED).says("x.example/a/app:1");
    assert!(!sender.at("packed.tar").exists());
    let kept = packed::whole_blobs(&sender.at("packed.tar.partial"));
    assert!(kept.contains(&layer_digest("base")), "{kept:?}");

    fs::write(&blob, &bytes).unwrap();
    let made = pack(&sender, "june -o packed.tar").ok().json();

    assert!(made["reused"]["blobs"].as_u64() >= Some(1), "{made}");
    verify(&sender, "packed.tar").ok();
}

#[test]
fn recovery_data_stays_with_the_form_that_it_was_made_for() {
    let sender = Sender::new();
    sender.export("june", &[image("a/app:1", &["base"])], &[]).ok();
    fs::create_dir(sender.at("june/repair")).unwrap();
    fs::write(sender.at("june/repair/vol.par2"), "x").unwrap();

    let made = pack(&sender, "june -o june.tar").ok().says("stays behind").json();

    assert_eq!(made["leftBehind"][0], "repair/vol.par2");
    verify(&sender, "june.tar").ok();
}
