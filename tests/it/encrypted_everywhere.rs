//! Encrypted bundles wherever a verb reads an earlier one, and in another form.

use std::fs;

use crate::support::age::{export, identity, outside, run, tool};
use crate::support::content::{Layer, tar};
use crate::support::images::{Image, write_layout};
use crate::support::sealift::{Ran, Sealift, code};
use crate::support::{Random, files, packed};

/// The layout `images` with another image beside the one of [`outside`], and a layer of its own.
fn more_images(sealift: &Sealift) {
    let noise = Random::new(9).bytes(250_000);
    let image =
        Image::single("acme/db", "1", "[]", &[Layer::gzip(&tar(&[("noise", &noise, 0o644)]))]);
    write_layout(&sealift.at("more"), &[("acme/db:1", &image)]);
}

/// Exports both layouts, signed by `k`.
fn export_more(sealift: &Sealift, more: &str) -> Ran {
    run(sealift, &format!("export oci:images oci:more --sign-key k.key.pem {more}"))
}

#[test]
fn an_export_takes_from_an_encrypted_bundle_what_it_has_and_leaves_out_what_it_brought() {
    need!("age");
    let sealift = outside();
    more_images(&sealift);
    let one = identity(&sealift, "one");
    export(&sealift, &format!("-o june.tar.age --recipient {one}")).ok();

    for more in ["--reuse june.tar.age", "--since june.tar.age"] {
        export_more(&sealift, &format!("-o n.tar {more}"))
            .exits(code::UNTRUSTED)
            .says("no identity was named")
            .says("--identity");
        assert!(!sealift.at("n.tar").exists());
    }
    // What was there comes from it: the layout has none of those layers any more.
    for blob in fs::read_dir(sealift.at("images/blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        if path.metadata().unwrap().len() > 100_000 {
            fs::remove_file(path).unwrap();
        }
    }
    let reused =
        export_more(&sealift, "-o reused.tar --reuse june.tar.age --identity one --format json");
    assert_eq!(reused.ok().number("/reused/blobs"), 4, "its layers and its config");
    run(&sealift, "verify reused.tar --key k.pub.pem").ok();

    let delta = export_more(
        &sealift,
        &format!(
            "-o july.tar.age --recipient {one} --since june.tar.age --identity one --format json"
        ),
    );
    assert_eq!(delta.ok().number("/held/blobs"), 4);

    run(
        &sealift,
        "import july.tar.age --base june.tar.age --identity one --to oci:in --key k.pub.pem",
    )
    .ok();
    assert_eq!(files::whole_blobs(&sealift.at("in")).len(), 8);
    run(&sealift, "verify july.tar.age --base june.tar.age --identity one --key k.pub.pem")
        .ok()
        .says("everything that its images need");
    let squashed = run(
        &sealift,
        &format!(
            "squash june.tar.age july.tar.age -o summer.tar.age --recipient {one} --identity one \
             --sign-key k.key.pem --key k.pub.pem"
        ),
    );
    squashed.ok().says("copied 6 blobs");
    run(&sealift, "verify summer.tar.age --identity one --key k.pub.pem").ok().says("acme/db:1");
}

#[test]
fn a_stream_goes_on_behind_an_encrypted_bundle_and_takes_its_layers() {
    need!("age");
    let sealift = outside();
    let one = identity(&sealift, "one");
    let stream = "--stream prod --history h";
    export(&sealift, &format!("-o 1.tar.age --recipient {one} {stream} --new-epoch")).ok();

    // The last one of the stream is found where it was written, if it can be opened.
    let next = format!("-o 2.tar.age --recipient {one} {stream} --format json");
    let reused = export(&sealift, &format!("{next} --identity one")).ok();
    assert_eq!(reused.number("/reused/blobs"), 4);
    let after = format!("-o 3.tar.age --recipient {one} --stream prod --history other");
    export(&sealift, &format!("{after} --after 2.tar.age")).exits(code::UNTRUSTED);
    export(&sealift, &format!("{after} --after 2.tar.age --identity one")).ok();
    run(&sealift, "inspect 3.tar.age --identity one").ok().says("prod");
}

#[test]
fn pack_encrypts_and_decrypts_and_the_bundle_stays_the_same() {
    need!("age");
    let sealift = outside();
    let one = identity(&sealift, "one");
    export(&sealift, "-o b.tar").ok();
    run(&sealift, "pack b.tar -o b").ok();
    let plain = fs::read(sealift.at("b.tar")).unwrap();

    for from in ["b", "b.tar"] {
        run(&sealift, &format!("pack {from} -o of-{from}.tar.age --recipient {one}")).ok();
        tool(&sealift, &format!("age -d -i one -o opened of-{from}.tar.age"));
        assert!(fs::read(sealift.at("opened")).unwrap() == plain, "{from}");
    }
    run(&sealift, "pack of-b.tar.age -o n.tar").exits(code::UNTRUSTED).says("--identity");
    run(&sealift, "pack of-b.tar.age -o again.tar --identity one").ok();
    assert!(fs::read(sealift.at("again.tar")).unwrap() == plain);
    run(&sealift, "pack of-b.tar.age -o again --identity one").ok();
    run(&sealift, "verify again --key k.pub.pem").ok();
    // For another reader, without anything in clear on the disk.
    let two = identity(&sealift, "two");
    run(&sealift, &format!("pack of-b.tar.age -o two.tar.age --identity one --recipient {two}"))
        .ok();
    run(&sealift, "verify two.tar.age --identity two --key k.pub.pem").ok();
    run(&sealift, "verify two.tar.age --identity one --key k.pub.pem").exits(code::UNTRUSTED);
    run(&sealift, "pack b -o n.tar.age").exits(code::USAGE).says("--recipient");

    // A flipped byte is found before anything has its name.
    let whole = fs::read(sealift.at("of-b.tar.age")).unwrap();
    let last = packed::entries(&plain).pop().unwrap().data as u64 + 100_000;
    files::flip(&sealift.at("of-b.tar.age"), whole.len() as u64 - (plain.len() as u64 - last));
    run(&sealift, "pack of-b.tar.age -o bad.tar --identity one")
        .exits(code::DAMAGED)
        .says("of-b.tar.age: its bytes from");
    assert!(!sealift.at("bad.tar").exists());
}

#[test]
fn what_a_place_holds_is_held_against_encrypted_bundles() {
    need!("age");
    let sealift = outside();
    more_images(&sealift);
    let one = identity(&sealift, "one");
    export_more(&sealift, &format!("-o june.tar.age --recipient {one}")).ok();
    export(&sealift, &format!("-o july.tar.age --recipient {one}")).ok();
    run(&sealift, "import june.tar.age --identity one --to oci:in --key k.pub.pem").ok();

    let against = "inventory oci:in --against june.tar.age --key k.pub.pem";
    run(&sealift, against).exits(code::UNTRUSTED).says("--identity");
    run(&sealift, &format!("{against} --identity one")).ok().says("all of 2 images is held");
    let prune = "prune oci:in --keep july.tar.age --brought june.tar.age --key k.pub.pem";
    run(&sealift, prune).exits(code::UNTRUSTED).says("--identity");
    run(&sealift, &format!("{prune} --identity one --yes")).ok().says("removed 1 name");
    run(&sealift, "diff june.tar.age july.tar.age --identity one").ok().says("acme/db:1");
}

#[test]
fn one_passphrase_file_serves_the_key_and_the_bundle() {
    need!("age");
    let sealift = outside();
    fs::write(sealift.at("words"), "correct horse\n").unwrap();
    run(&sealift, "key generate --passphrase-file words -o guarded").ok();
    export(&sealift, "-o june.tar.age --encrypt-passphrase=words").ok();

    let made = run(
        &sealift,
        "export oci:images -o july.tar --sign-key guarded.key.pem --passphrase-file words \
         --reuse june.tar.age",
    );
    made.ok().says("already there 4 blobs");
    // A key without a passphrase is no reason to say that the file has no effect.
    let made = export(&sealift, "-o august.tar --passphrase-file words --reuse june.tar.age").ok();
    assert!(!made.stderr.contains("no effect"), "{}", made.stderr);
    let idle = export(&sealift, "-o idle.tar --identity words");
    idle.exits(code::USAGE).says("holds no identity");
    identity(&sealift, "one");
    export(&sealift, "-o idle.tar --identity one")
        .ok()
        .says("--identity has no effect here: no earlier bundle is read");
}
