//! Volumes that are encrypted, each by itself: `age` opens each, and what `age` encrypts is read as a set.

use std::fs;
use std::path::{Path, PathBuf};

use crate::memory::run_within;
use crate::support::age::{identity, tool};
use crate::support::content::{Layer, tar};
use crate::support::files::{flip, tree};
use crate::support::images::{Image, write_layout};
use crate::support::months::Sender;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::{Random, packed};
use crate::volumes::{images, run, volumes};

/// How many bytes age encrypts together, and how many they are then.
const CHUNK: u64 = 64 << 10;
const SEALED: u64 = CHUNK + 16;

/// A sender with the bundle `june` and the same in volumes in `discs`, of which age encrypted each for `id`
/// into the folder `locked`.
fn by_hand() -> (Sender, Vec<PathBuf>) {
    let sender = Sender::new();
    sender.export("june", &images(), &[]).ok();
    sender.export("discs", &images(), &["--volume-size", "2MB", "--label", "june"]).ok();
    let recipient = identity(&sender.sealift, "id");
    fs::create_dir(sender.at("locked")).unwrap();
    let mut locked = Vec::new();
    for volume in volumes(&sender.at("discs")) {
        let name = format!("locked/{}.age", volume.file_name().unwrap().to_str().unwrap());
        tool(&sender.sealift, &format!("age -r {recipient} -o {name} {}", volume.display()));
        locked.push(sender.at(&name));
    }
    assert!(locked.len() > 2);
    (sender, locked)
}

/// Runs sealift with the sender's key, and what `line` says.
fn with_key(sender: &Sender, line: &str) -> Ran {
    let mut command = sender.sealift.command();
    ran(command.args(line.split_whitespace()).arg("--key").arg(&sender.keys.public))
}

/// What of the file `age` lies around byte `at` of what is in it.
fn sealed_at(age: &Path, at: u64) -> u64 {
    let bytes = fs::read(age).unwrap();
    let mark = b"\n--- ";
    let line = bytes.windows(mark.len()).position(|part| part == mark).unwrap() + 1;
    let end = bytes[line..].iter().position(|byte| *byte == b'\n').unwrap();
    (line + end + 1 + 16) as u64 + at / CHUNK * SEALED + at % CHUNK
}

#[test]
fn volumes_that_age_encrypted_are_a_bundle_for_every_verb_and_nothing_is_written_in_clear() {
    need!("age", "skopeo");
    let (sender, locked) = by_hand();
    fs::remove_dir_all(sender.at("discs")).unwrap();
    let with_key = |line: &str| with_key(&sender, line);

    with_key("verify locked --identity id").ok().says("is intact");
    with_key("verify locked --identity id --verify-media").ok();
    let alone = format!("verify {} --identity id", locked[1].display());
    with_key(&alone).ok().says("proven without the others");
    run(&sender, "inspect locked --identity id").ok().says("a/large");
    run(&sender, "diff locked june --identity id --exit-code").ok();
    run(&sender, "pack locked -o again --identity id").ok();
    assert_eq!(tree(&sender.at("again")), tree(&sender.at("june")));
    with_key("import locked --identity id --to oci:inside").ok();
    let places: Vec<String> = locked.iter().rev().map(|it| it.display().to_string()).collect();
    with_key(&format!("verify {} --identity id", places.join(" "))).ok();

    let folder = sender.at("locked");
    let served = sender.sealift.serve_with(&folder, &sender.keys.public, &["--identity", "id"]);
    let from = format!("docker://127.0.0.1:{}/a/large:1", served.port);
    tool(&sender.sealift, &format!("skopeo copy --src-tls-verify=false {from} oci:pulled:1"));
    drop(served);

    // Under any names, some of them in clear.
    fs::rename(&locked[0], sender.at("locked/z.TAR.AGE")).unwrap();
    tool(&sender.sealift, &format!("age -d -i id -o locked/x.tar {}", locked[1].display()));
    fs::remove_file(&locked[1]).unwrap();
    with_key("verify locked --identity id").ok();
}

#[test]
fn a_wrong_identity_and_none_are_exit_3_and_a_missing_volume_is_5() {
    need!("age");
    let (sender, locked) = by_hand();
    identity(&sender.sealift, "other");
    let with_key = |line: &str| with_key(&sender, line);
    for bundle in ["locked", locked[0].to_str().unwrap()] {
        with_key(&format!("verify {bundle}"))
            .exits(code::UNTRUSTED)
            .says("no identity was named")
            .says("--identity");
        with_key(&format!("verify {bundle} --identity other"))
            .exits(code::UNTRUSTED)
            .says("no identity opens it");
    }
    with_key("import locked --to oci:no --identity other").exits(code::UNTRUSTED);
    assert!(!sender.at("no").exists());
    fs::remove_file(&locked[1]).unwrap();
    with_key("verify locked --identity id")
        .exits(code::INCOMPLETE)
        .says(&format!("volume 2 of {} (june) is not there", locked.len()));
}

#[test]
fn a_flipped_byte_of_an_encrypted_volume_is_damage_that_names_it() {
    need!("age");
    let (sender, locked) = by_hand();
    for (plain, age) in volumes(&sender.at("discs")).iter().zip(&locked) {
        let shown = age.file_name().unwrap().to_str().unwrap();
        let tar = fs::read(plain).unwrap();
        let entries = packed::entries(&tar);
        let last = entries.last().unwrap();
        // In the first chunk, in the middle of the last piece, in the last chunk, in age's header.
        let ends = [0, (last.data + last.size / 2) as u64, tar.len() as u64 - 1];
        let places = ends.map(|at| sealed_at(age, at));
        for at in places.into_iter().chain([sealed_at(age, 0) - 19]) {
            flip(age, at);
            with_key(&sender, "verify locked --identity id").exits(code::DAMAGED).says(shown);
            if at == places[1] {
                // An import does not read what its destination has, from one that failed either.
                let import = format!("import locked --identity id --to oci:no-{shown}");
                with_key(&sender, &import).exits(code::DAMAGED).says(shown);
            }
            flip(age, at);
        }
    }
    let whole = fs::read(&locked[0]).unwrap();
    fs::write(&locked[0], &whole[..whole.len() - 70_000]).unwrap();
    let cut = with_key(&sender, "verify locked --identity id");
    assert!([code::INCOMPLETE, code::DAMAGED].contains(&cut.code), "{cut:?}");
    cut.says(locked[0].file_name().unwrap().to_str().unwrap());
}

/// The files that end so in a folder.
fn ending(folder: &Path, end: &str) -> Vec<PathBuf> {
    let each = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut each: Vec<PathBuf> = each.filter(|it| it.to_string_lossy().ends_with(end)).collect();
    each.sort();
    each
}

#[test]
fn an_export_encrypts_each_volume_and_age_opens_each_to_a_plain_one() {
    need!("age");
    let sender = Sender::new();
    let recipient = identity(&sender.sealift, "id");
    sender.export("june", &images(), &[]).ok();
    let cut = ["--volume-size", "2MB", "--label", "june", "--recipient", &recipient];
    sender.export("locked", &images(), &cut).ok();
    let locked = ending(&sender.at("locked"), ".tar.age");
    assert!(locked.len() > 2, "{locked:?}");
    let others = fs::read_dir(sender.at("locked")).unwrap().count() - locked.len();
    assert_eq!(others, 2, "labels, and nothing else");

    // What can be read outside sorts discs, and does no more.
    for label in ["LABELS.txt", "LABELS.html"] {
        let text = fs::read_to_string(sender.at("locked").join(label)).unwrap();
        assert!(text.contains(&format!("june - volume 2 of {}", locked.len())), "{text}");
        for word in ["image", "signed", "made at", "bundle"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
    for age in &locked {
        let bytes = fs::read(age).unwrap();
        assert!(bytes.len() <= 2_000_000, "{age:?} has {} bytes", bytes.len());
        for word in ["a/large", "imageLayoutVersion", "ustar", "volume.json"] {
            let word = word.as_bytes();
            assert!(!bytes.windows(word.len()).any(|part| part == word), "{word:?} in clear");
        }
    }
    with_key(&sender, "verify locked --identity id").ok();
    with_key(&sender, "import locked --identity id --to oci:inside").ok();
    run(&sender, "pack locked -o again --identity id").ok();
    assert_eq!(tree(&sender.at("again")), tree(&sender.at("june")));

    fs::create_dir(sender.at("opened")).unwrap();
    for age in &locked {
        let name = age.file_stem().unwrap().to_str().unwrap();
        tool(&sender.sealift, &format!("age -d -i id -o opened/{name} {}", age.display()));
        let plain = sender.at("opened").join(name);
        tool(&sender.sealift, &format!("tar -tf {}", plain.display()));
        with_key(&sender, &format!("verify {}", plain.display()))
            .ok()
            .says("proven without the others");
    }
    with_key(&sender, "verify opened").ok();
    run(&sender, "pack opened -o plain").ok();
    assert_eq!(tree(&sender.at("plain")), tree(&sender.at("june")));
    // Which volumes need which images is known from the cut, as of plain ones.
    fs::remove_file(&locked[1]).unwrap();
    let told = with_key(&sender, "verify locked --identity id").exits(code::INCOMPLETE);
    told.says(&format!("volume 2 of {} (june) is not there (needed by", locked.len()));
}

#[test]
fn pack_encrypts_volumes_of_a_bundle_and_makes_one_of_them_again() {
    need!("age");
    let sender = Sender::new();
    let recipient = identity(&sender.sealift, "id");
    sender.export("june.tar", &images(), &[]).ok();
    let line = "pack june.tar -o locked --label june --volume-size 2MB --recipient";
    run(&sender, &format!("{line} {recipient}")).ok();
    with_key(&sender, "verify locked --identity id").ok();
    let locked = ending(&sender.at("locked"), ".tar.age");

    // Made again, for somebody else, it fits in: the cut does not depend on who may read.
    let other = identity(&sender.sealift, "other");
    let again = "pack june.tar -o redo/locked --label june --volume-size 2MB --only 2";
    run(&sender, &format!("{again} --recipient {recipient} --recipient {other}")).ok();
    let made = ending(&sender.at("redo/locked"), ".tar.age");
    assert_eq!(made.len(), 1);
    fs::copy(&made[0], &locked[1]).unwrap();
    with_key(&sender, "verify locked --identity id").ok();
    with_key(&sender, &format!("verify {} --identity other", made[0].display())).ok();

    // With a passphrase, which is asked for once a set.
    fs::write(sender.at("words"), "correct horse\n").unwrap();
    let line = "pack june.tar -o phrase --volume-size 3MB --encrypt-passphrase=words";
    run(&sender, line).ok();
    with_key(&sender, "verify phrase --passphrase-file words").ok();
    with_key(&sender, "verify phrase").exits(code::UNTRUSTED).says("--passphrase-file");
    run(&sender, "pack june.tar -o n --volume-size 2MB --encrypt-passphrase")
        .exits(code::USAGE)
        .says("--encrypt-passphrase=FILE");
}

#[test]
fn an_interrupted_set_holds_nothing_in_clear_and_is_begun_anew() {
    need!("age");
    let sender = Sender::new();
    let recipient = identity(&sender.sealift, "id");
    sender.export("june", &images(), &[]).ok();
    let blobs = sender.at("june/blobs/sha256");
    let largest = fs::read_dir(&blobs).unwrap().map(|it| it.unwrap().path());
    let largest = largest.max_by_key(|it| it.metadata().unwrap().len()).unwrap();
    flip(&largest, 3_000_000);
    let line = format!("pack june -o locked --volume-size 2MB --recipient {recipient}");
    run(&sender, &line).exits(code::DAMAGED);
    assert!(!sender.at("locked").exists());
    for left in ending(&sender.at("locked.partial"), ".tar.age") {
        let bytes = fs::read(left).unwrap();
        assert!(!bytes.windows(5).any(|part| part == b"ustar"));
    }
    flip(&largest, 3_000_000);
    run(&sender, &line).ok().says("begun anew");
    with_key(&sender, "verify locked --identity id").ok();
}

#[test]
fn encrypted_volumes_are_made_and_read_within_64_mebibytes() {
    need!("age");
    // Not in /tmp, which is memory on some machines.
    let scratch = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sealift = Sealift::new_in(scratch.path());
    sealift.keys("k");
    let layer = Layer::plain(&tar(&[("noise", &Random::new(5).bytes(80 << 20), 0o644)]));
    let image = Image::single("acme/large", "1", "[]", &[layer]);
    write_layout(&sealift.at("images"), &[("acme/large:1", &image)]);
    let recipient = identity(&sealift, "id");
    for line in [
        format!(
            "export oci:images -o set --sign-key k.key.pem --volume-size 30MB --recipient {recipient}"
        ),
        "verify set --identity id --key k.pub.pem".to_owned(),
        "import set --identity id --to oci:out --key k.pub.pem".to_owned(),
    ] {
        run_within(&line, sealift.command().args(line.split(' ')));
    }
}
