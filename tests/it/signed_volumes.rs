//! Signed tables: one volume is proven by the sender's key alone, without the others.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::files::{flip, tree};
use crate::support::months::Sender;
use crate::support::sealift::{Keys, Ran, code, ran};
use crate::support::{self, packed};
use crate::volumes::{images, run, verify, volumes};

const SIGNATURE: &str = "volume.dsse.json";

/// A sender with the bundle `june`, and the same in signed volumes in `discs`.
fn cut() -> (Sender, Vec<PathBuf>) {
    let sender = Sender::new();
    sender.export("june", &images(), &[]).ok();
    sender.export("discs", &images(), &["--volume-size", "2MB", "--label", "june"]).ok();
    let volumes = volumes(&sender.at("discs"));
    assert!(volumes.len() > 2, "{volumes:?}");
    (sender, volumes)
}

/// The one of the `volumes` that has a piece of a blob, and where that lies.
fn spanned(volumes: &[PathBuf]) -> (usize, packed::Entry) {
    let found = volumes.iter().enumerate().find_map(|(at, volume)| {
        let entries = packed::entries(&fs::read(volume).unwrap());
        let piece = entries.into_iter().find(|it| it.path.starts_with("pieces/"));
        Some((at, piece?))
    });
    found.unwrap()
}

/// The envelope `bytes`, signed anew by `keys` with openssl, and said to be by `claimed`.
fn signed_by(sender: &Sender, bytes: &[u8], keys: &Keys, claimed: &Keys) -> Vec<u8> {
    let text = std::str::from_utf8(bytes).unwrap();
    let envelope: serde_json::Value = serde_json::from_str(text).unwrap();
    let payload = envelope["payload"].as_str().unwrap();
    let kind = "application/vnd.in-toto+json";
    let shell = |script: &str| {
        let mut shell = support::command("sh");
        shell.args(["-euc", script]).current_dir(sender.at(""));
        support::text(&mut shell).trim().to_owned()
    };
    fs::write(sender.at("payload"), payload).unwrap();
    let signature = shell(&format!(
        "base64 -d payload > plain; {{ printf 'DSSEv1 %d %s %d ' {} {kind} \"$(wc -c < plain)\"; cat plain; }} > pae
         openssl pkeyutl -sign -inkey {} -rawin -in pae | base64 -w0",
        kind.len(),
        keys.private.display(),
    ));
    let id = shell(&format!(
        "openssl pkey -pubin -in {} -outform DER | sha256sum | cut -d' ' -f1",
        claimed.public.display()
    ));
    format!(
        "{{\"payload\":\"{payload}\",\"payloadType\":\"{kind}\",\"signatures\":[{{\"keyid\":\"{id}\",\"sig\":\"{signature}\"}}]}}\n"
    )
    .into_bytes()
}

/// Puts `bytes`, which are as many, in the place of the file `path` in the tar.
fn replace(tar: &Path, path: &str, bytes: &[u8]) {
    let mut whole = fs::read(tar).unwrap();
    let entry = packed::entry(&whole, path);
    assert_eq!(entry.size, bytes.len());
    whole[entry.data..entry.data + entry.size].copy_from_slice(bytes);
    fs::write(tar, whole).unwrap();
}

/// The file `path` in the tar.
fn content(tar: &Path, path: &str) -> Vec<u8> {
    let whole = fs::read(tar).unwrap();
    let entry = packed::entry(&whole, path);
    whole[entry.data..entry.data + entry.size].to_vec()
}

fn as_text(sender: &Sender, bundle: &Path) -> Ran {
    let mut command = sender.sealift.command();
    command.arg("verify").arg(bundle).arg("--key").arg(&sender.keys.public);
    ran(&mut command)
}

#[test]
fn one_signed_volume_is_proven_with_its_pieces_and_an_unsigned_one_says_that_it_is_not() {
    let (sender, volumes) = cut();
    run(&sender, "pack june -o unsigned/discs --label june --volume-size 2MB").ok();
    let unsigned = crate::volumes::volumes(&sender.at("unsigned/discs"));
    for (signed, unsigned) in volumes.iter().zip(&unsigned) {
        let about = verify(&sender, signed.to_str().unwrap()).ok().json();
        assert_eq!(about["volume"]["signer"], about["signers"][0]);
        as_text(&sender, signed).ok().says("proven without the others");
        let about = verify(&sender, unsigned.to_str().unwrap()).ok().json();
        assert!(about["volume"]["signer"].is_null(), "{about}");
        as_text(&sender, unsigned).ok().says("proven with the others");
    }
    // Together, also some signed and some not, they are the bundle; no form but volumes has those files.
    fs::copy(&unsigned[1], &volumes[1]).unwrap();
    verify(&sender, "discs").ok();
    run(&sender, "pack discs -o again").ok();
    assert_eq!(tree(&sender.at("again")), tree(&sender.at("june")));
    sender.import("discs", "oci:inside", &[]).ok();
}

#[test]
fn a_flipped_byte_of_a_table_or_its_signature_is_damage_of_that_volume_for_every_verb() {
    let (sender, volumes) = cut();
    for (number, volume) in (1..).zip(&volumes) {
        let shown = volume.file_name().unwrap().to_str().unwrap();
        let whole = fs::read(volume).unwrap();
        for path in ["volume.json", SIGNATURE] {
            let entry = packed::entry(&whole, path);
            let middle = entry.data + entry.size / 2;
            for at in [entry.data, entry.data + 20, middle, entry.data + entry.size - 4] {
                flip(volume, at as u64);
                let told = verify(&sender, "discs").exits(code::DAMAGED).says(shown);
                assert!(
                    path == "volume.json" || told.stdout.contains(&format!("volume {number} "))
                );
                flip(volume, at as u64);
            }
        }
        let entry = packed::entry(&whole, SIGNATURE);
        flip(volume, (entry.data + 40) as u64);
        sender.import("discs", "oci:no", &[]).exits(code::DAMAGED).says(shown);
        run(&sender, "inspect discs").exits(code::DAMAGED).says(shown);
        flip(volume, (entry.data + 40) as u64);
    }
    // A signature that is whole, of another volume.
    let first = content(&volumes[0], SIGNATURE);
    replace(&volumes[1], SIGNATURE, &first);
    verify(&sender, "discs").exits(code::DAMAGED).says("is a signature of another table");
    verify(&sender, volumes[1].to_str().unwrap()).exits(code::DAMAGED);
    assert!(!sender.at("no").exists());
}

#[test]
fn a_table_that_somebody_else_signed_is_not_believed() {
    need!("openssl", "sha256sum");
    let (sender, volumes) = cut();
    let stranger = sender.sealift.keys("stranger");
    let one = volumes[1].to_str().unwrap();
    let own = content(&volumes[1], SIGNATURE);
    assert_eq!(signed_by(&sender, &own, &sender.keys, &sender.keys), own, "openssl signs the same");

    replace(&volumes[1], SIGNATURE, &signed_by(&sender, &own, &stranger, &stranger));
    verify(&sender, one).exits(code::DAMAGED).says("who did not sign the bundle");
    replace(&volumes[1], SIGNATURE, &signed_by(&sender, &own, &stranger, &sender.keys));
    verify(&sender, one).exits(code::DAMAGED).says("is no signature by");
    replace(&volumes[1], SIGNATURE, &own);
    verify(&sender, one).ok();

    // Who did not sign the bundle cannot sign its volumes; who did can.
    let pack = format!(
        "pack june -o two --label june --volume-size 2MB --sign-key {}",
        stranger.private.display()
    );
    run(&sender, &pack).exits(code::UNTRUSTED).says("only who signed the bundle");
    let sig = fs::read_dir(sender.at("june/sig")).unwrap().next().unwrap().unwrap().path();
    let second = signed_by(&sender, &fs::read(&sig).unwrap(), &stranger, &stranger);
    let id = second.windows(9).position(|part| part == b"\"keyid\":\"").unwrap() + 9;
    let id = std::str::from_utf8(&second[id..id + 16]).unwrap();
    fs::write(sig.with_file_name(format!("{id}.dsse.json")), &second).unwrap();
    run(&sender, &pack).ok();
    // A table by one whose key was not named is believed by nobody, though the bundle is.
    verify(&sender, "two").exits(code::UNTRUSTED).says("volume 1 of").says("that was not given");
    let mut both = sender.sealift.command();
    both.args(["verify", "two", "--key"])
        .arg(&sender.keys.public)
        .arg("--key")
        .arg(&stranger.public);
    ran(&mut both).ok();
}

#[test]
fn what_lies_in_a_signed_volume_is_held_against_its_table() {
    let (sender, volumes) = cut();
    let (at, piece) = spanned(&volumes);
    flip(&volumes[at], piece.data as u64 + 100);
    let one = volumes[at].to_str().unwrap();
    verify(&sender, one).exits(code::DAMAGED).says("pieces/");
}
