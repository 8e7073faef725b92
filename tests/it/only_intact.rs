//! What is whole of a bundle that is damaged or incomplete: `verify` names it, and `import --only-intact`
//! brings that and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::keep_going_parts::{bundle, flip, hurt, image, import, own};
use crate::support::content::{Layer, digest, tar};
use crate::support::files;
use crate::support::images::Image;
use crate::support::inside::with_each;
use crate::support::months::Sender;
use crate::support::packed;
use crate::support::registry::Registry;
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::{Random, images};

const INTACT: &str = "--only-intact";

/// `x.example/ITEM/NAME:1`, with one layer of so many bytes of its own, and one that all have.
fn one(name: &str, size: usize) -> Image {
    let seed = name.bytes().fold(7u64, |seed, byte| seed.wrapping_mul(131) + u64::from(byte));
    let layers = [("base", 9, 20_000), (name, seed, size)].map(|(path, seed, size)| {
        Layer::gzip(&tar(&[(path, &Random::new(seed).bytes(size), 0o644)]))
    });
    Image::single(&format!("item/{name}"), "1", &format!(r#"["{name}"]"#), &layers)
}

fn all() -> Vec<Image> {
    [("a", 2_500_000), ("b", 40_000), ("c", 900_000), ("d", 1_700_000), ("e", 1_000)]
        .map(|(name, size)| one(name, size))
        .into()
}

fn verify(sender: &Sender, bundle: &str) -> Ran {
    let mut command = sender.sealift.command();
    command.args(["verify", bundle, "--format", "json", "--key"]);
    ran(command.arg(&sender.keys.public))
}

/// The texts of the list `member`, or the names in it.
fn names(told: &Value, member: &str) -> BTreeSet<String> {
    let list = told[member].as_array().map(Vec::as_slice).unwrap_or_default();
    let name = |it: &Value| it.as_str().or(it["name"].as_str()).unwrap().to_owned();
    list.iter().map(name).collect()
}

/// Which images the layout at `path` has, of which every part was found there and right.
fn whole_at(path: &Path) -> BTreeSet<String> {
    let Ok(index) = fs::read(path.join("index.json")) else { return BTreeSet::new() };
    let read = |digest: &str| -> Vec<u8> {
        let bytes = fs::read(path.join("blobs/sha256").join(&digest[7..])).unwrap();
        assert_eq!(self::digest(&bytes), digest);
        bytes
    };
    let index: Value = serde_json::from_slice(&index).unwrap();
    let entries = index["manifests"].as_array().unwrap().iter().map(|entry| {
        let manifest = read(entry["digest"].as_str().unwrap());
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        let parts = manifest["layers"].as_array().unwrap().iter().chain([&manifest["config"]]);
        parts.for_each(|part| drop(read(part["digest"].as_str().unwrap())));
        let name = &entry["annotations"]["org.opencontainers.image.ref.name"];
        name.as_str().unwrap().to_owned()
    });
    entries.collect()
}

/// Asserts that what `verify` calls whole of `bundle` is what arrives of it, whole, with the exit code of
/// both.
fn agree(sender: &Sender, bundle: &str) -> (i32, BTreeSet<String>) {
    let verified = verify(sender, bundle);
    let told = verified.json();
    let whole = names(&told, "intact");
    let to = sender.at("there");
    let _ = fs::remove_dir_all(&to);

    let ran = sender.import(bundle, "oci:there", &[INTACT, "--format", "json"]);

    assert_eq!(whole_at(&to), whole, "{told}\n{ran:?}");
    let brought = ran.json();
    let every = names(&told, "images");
    assert_eq!(names(&brought, "images"), whole, "{brought}");
    let failed = names(&brought, "failed");
    assert_eq!(failed, every.difference(&whole).cloned().collect(), "{brought}");
    assert_eq!(ran.code, if failed.is_empty() { 0 } else { verified.code }, "{ran:?}");
    (verified.code, whole)
}

fn called(letters: &str) -> BTreeSet<String> {
    letters.chars().map(|letter| format!("x.example/item/{letter}:1")).collect()
}

#[test]
fn what_is_whole_arrives_wherever_it_goes_and_is_whole_there() {
    let sealift = Sealift::new();
    hurt(&sealift);
    let inside = crate::support::have(&["docker-registry"]).then(Registry::empty);
    let registry = inside.as_ref().map(|inside| format!("docker://{}", inside.host()));
    let files = ["oci:layout", "oci-archive:o.tar", "docker-archive:d.tar", "docker-archive:each/"];
    for to in registry.iter().map(String::as_str).chain(files) {
        import(&sealift, "b", to, &[])
            .exits(code::DAMAGED)
            .says("bring the 3 images that are whole with --only-intact");

        let more = [INTACT, "--failed-list", "failed.txt", "--format", "json"];
        let ran = import(&sealift, "b", to, &more).exits(code::DAMAGED);
        let told = ran.says("4 of 6 images did not arrive").json();

        assert_eq!(names(&told, "images").len(), 2, "{to}: {told}");
        assert_eq!(names(&told, "failed").len(), 4, "{to}: {told}");
        let list = fs::read_to_string(sealift.at("failed.txt")).unwrap();
        assert_eq!(list.lines().filter(|line| !line.starts_with('#')).count(), 4, "{list}");
        // Read back: what is there is what was signed, and an export hashes all of it.
        let again = import(&sealift, "b", to, &["--only", "*/x/e", "--only", "*/x/f"]).ok();
        assert_eq!(again.stdout.matches("unchanged").count(), 2, "{to}: {}", again.stdout);
    }
    // Read back once more by an export, which hashes all of it.
    for place in registry.iter().map(|to| &to[9..]).chain(["oci:layout"]) {
        let mut export = sealift.command();
        export.args(["export", "-o", "back.tar", "--sign-key"]).arg(sealift.at("k.key.pem"));
        match place.strip_prefix("oci:") {
            Some(_) => export.arg(place),
            None => export.args(["e", "f"].map(|name| format!("{place}/x/{name}:1"))),
        };
        ran(&mut export).ok();
        fs::remove_file(sealift.at("back.tar")).unwrap();
    }
    for gone in inside.iter().flat_map(|it| ["a", "b", "c", "d"].map(|name| (it, name))) {
        assert_eq!(gone.0.document(&format!("x/{}", gone.1), "1"), None, "{}", gone.1);
    }
}

#[test]
fn an_engine_takes_what_is_whole() {
    with_each(|inside| {
        let (one, other) = (images::hello(), one("a", 30_000));
        let names = ["docker.io/library/hello:1.0", "docker.io/item/a:1"];
        inside.pack("b.tar", &[(names[0], &one), (names[1], &other)]);
        let tar = fs::read(inside.sealift.at("b.tar")).unwrap();
        let largest = other.blobs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
        let entry = packed::entry(&tar, &largest.0[7..]);
        files::flip(&inside.sealift.at("b.tar"), (entry.data + entry.size / 2) as u64);

        let ran = inside.import_with("b.tar", &[INTACT]).exits(code::DAMAGED);

        ran.says("1 of 2 images did not arrive");
        inside.shows(names[0], &one);
        assert!(!inside.names().iter().any(|name| name.contains("item/a")));
    });
}

#[test]
fn what_is_wrong_at_the_destination_stops_all() {
    let sealift = Sealift::new();
    let outside = bundle(&sealift, "b", &["a", "b", "c"]);
    flip(&own(&sealift, "a", true));
    // One name stands for something else there.
    let inside = crate::support::double::Double::start(crate::support::double::no_script);
    let mut other = image("other");
    other.repository = "x/b".to_owned();
    inside.hold(&other);
    let to = format!("docker://{}", inside.host());

    import(&sealift, "b", &to, &[INTACT]).exits(code::REFUSED).says("--on-existing");
    assert!(inside.stock(|stock| stock.document("x/c", "1").is_none()));
    import(&sealift, "b", &to, &["--keep-going"]).exits(code::DAMAGED).says("2 of 3 images");
    assert!(inside.stock(|stock| stock.document("x/c", "1").is_some()));
    import(&sealift, "b", &to, &[INTACT, "--keep-going"]).exits(code::USAGE);
    drop(outside);
}

#[test]
fn what_is_merely_missing_is_exit_code_5_and_any_damage_is_4() {
    let sender = Sender::new();
    sender.export("june", &all(), &[]).ok();
    let layers = all().into_iter().map(|image| {
        let largest = image.blobs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
        sender.at("june/blobs/sha256").join(&largest.0[7..])
    });
    let layers: Vec<_> = layers.collect();
    fs::remove_file(&layers[1]).unwrap();

    let shown = verify(&sender, "june").exits(code::INCOMPLETE).json();
    assert_eq!(names(&shown, "intact"), called("acde"));
    assert_eq!(agree(&sender, "june"), (code::INCOMPLETE, called("acde")));
    flip(&layers[2]);
    assert_eq!(agree(&sender, "june"), (code::DAMAGED, called("ade")));
    let mut text = sender.sealift.command();
    text.args(["verify", "june", "--key"]).arg(&sender.keys.public);
    let text = ran(&mut text).exits(code::DAMAGED);
    let said =
        "3 of 5 images are whole: x.example/item/a:1, x.example/item/d:1, x.example/item/e:1";
    assert!(text.stdout.contains(said), "{}", text.stdout);
    // What nobody signed for, and lists that are not as they were, are about everything.
    fs::write(sender.at("june/more"), "x").unwrap();
    assert_eq!(verify(&sender, "june").json()["intact"], Value::Array(Vec::new()));
    let refused = |exits: i32| {
        let _ = fs::remove_dir_all(sender.at("there"));
        sender.import("june", "oci:there", &[INTACT]).exits(exits);
        assert!(!sender.at("there").exists());
    };
    refused(code::DAMAGED);
    fs::remove_file(sender.at("june/more")).unwrap();
    files::flip(&sender.at("june/SHA256SUMS"), 3);
    refused(code::DAMAGED);
    files::flip(&sender.at("june/SHA256SUMS"), 3);
    fs::remove_dir_all(sender.at("june/sig")).unwrap();
    refused(code::UNTRUSTED);
}

#[test]
fn a_whole_bundle_has_no_such_member_and_comes_as_ever() {
    let sender = Sender::new();
    sender.export("june.tar", &all()[1..3], &[]).ok();

    assert_eq!(verify(&sender, "june.tar").ok().json()["intact"], Value::Null);
    let told = sender.import("june.tar", "oci:there", &[INTACT, "--format", "json"]).ok().json();
    assert_eq!(names(&told, "images"), called("bc"));
}

#[test]
fn of_a_packed_bundle_that_was_cut_off_the_images_in_front_are_whole() {
    let sender = Sender::new();
    sender.export("june.tar", &all(), &[]).ok();
    let bytes = fs::read(sender.at("june.tar")).unwrap();
    let layers: Vec<_> = packed::entries(&bytes).into_iter().rev().take(6).collect();
    let (last, middle) = (&layers[0], &layers[2]);
    // In the middle of a layer, at the end of one, and within a header.
    for (len, lost) in [
        (last.data + last.size / 2, 1),
        (last.header, 1),
        (middle.header + 7, 3),
        (middle.data + 1, 3),
        (bytes.len() - 1024, 0),
    ] {
        fs::write(sender.at("june.tar"), &bytes[..len]).unwrap();
        let (code, whole) = agree(&sender, "june.tar");
        assert_eq!((code, whole.len()), (code::INCOMPLETE, 5 - lost), "{len}");
    }
    // A header that is damaged hides what is behind it, and that is damage.
    fs::write(sender.at("june.tar"), &bytes).unwrap();
    files::flip(&sender.at("june.tar"), middle.header as u64 + 150);
    let (code, whole) = agree(&sender, "june.tar");
    assert_eq!((code, whole.len()), (code::DAMAGED, 2));
}

#[test]
fn of_volumes_what_needs_no_missing_and_no_damaged_one_arrives() {
    let sender = Sender::new();
    sender.export("june", &all(), &[]).ok();
    let line = "pack june -o discs --label june --volume-size 1500kB";
    ran(sender.sealift.command().args(line.split(' '))).ok();
    let mut volumes: Vec<_> =
        fs::read_dir(sender.at("discs")).unwrap().map(|it| it.unwrap().path()).collect();
    volumes.retain(|path| path.extension().is_some_and(|it| it == "tar"));
    volumes.sort();
    assert!(volumes.len() > 3, "{volumes:?}");
    let mut seen = BTreeSet::new();
    for volume in &volumes {
        let bytes = fs::read(volume).unwrap();
        fs::remove_file(volume).unwrap();
        let (code, without) = agree(&sender, "discs");
        assert_eq!(code, code::INCOMPLETE);
        seen.insert(without.len());
        // What says which volume it is is damaged: all that lies in it is lost, and that is damage.
        if *volume != volumes[0] {
            fs::write(volume, &bytes).unwrap();
            files::flip(volume, 600);
            assert_eq!(agree(&sender, "discs"), (code::DAMAGED, without), "{volume:?}");
            // A copy of a list: every image is whole, and nothing is left behind.
            fs::write(volume, &bytes).unwrap();
            let copy = packed::entry(&bytes, "index.json");
            files::flip(volume, copy.data as u64);
            assert_eq!(agree(&sender, "discs"), (code::DAMAGED, called("abcde")));
        }
        fs::write(volume, &bytes).unwrap();
        let piece = packed::entries(&bytes).pop().unwrap();
        files::flip(volume, (piece.data + piece.size / 2) as u64);
        let (code, with) = agree(&sender, "discs");
        assert_eq!((code, with.len() < 5), (code::DAMAGED, true));
        fs::write(volume, &bytes).unwrap();
    }
    assert!(seen.iter().any(|whole| (1..5).contains(whole)), "{seen:?}");
    verify(&sender, "discs").ok();
}

#[test]
fn whatever_is_damaged_verify_and_import_agree_on_what_is_whole() {
    let mut random =
        Random::printed("whatever_is_damaged_verify_and_import_agree_on_what_is_whole");
    let sender = Sender::new();
    sender.export("june.tar", &all(), &[]).ok();
    let bytes = fs::read(sender.at("june.tar")).unwrap();
    let first = packed::entries(&bytes).into_iter().nth_back(5).unwrap().header as u64;
    let mut partly = 0;
    for _ in 0..12 {
        fs::write(sender.at("june.tar"), &bytes).unwrap();
        for _ in 0..=random.below(2) {
            let at = first + random.below(bytes.len() as u64 - 1024 - first);
            files::flip(&sender.at("june.tar"), at);
        }
        let (code, whole) = agree(&sender, "june.tar");
        assert_eq!(code, code::DAMAGED);
        partly += usize::from((1..5).contains(&whole.len()));
    }
    assert!(partly > 0);
}
