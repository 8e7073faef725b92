//! What earlier versions wrote is read for ever: `testdata/formats` has bundles as each version made
//! them. Nothing here makes them again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::content::digest;
use crate::support::sealift::{Sealift, code};
use crate::support::{files, packed};

/// The versions of the format that there are, each with its bundles.
const FORMATS: [(&str, [&str; 3]); 1] = [("v1", ["folder", "packed.tar", "skipped.tar"])];
/// The one with a member more: the locks that asked for the images.
const LOCKED: &str = "v4";

fn at(format: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats").join(format).join(name)
}

/// What `digests.txt` says of one kind: the last two words of its lines, or the last alone.
fn expected(format: &str, kind: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(at(format, "digests.txt")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
    let entries = lines.map(|line| line.rsplit_once(' ').unwrap_or((line, line)));
    entries.map(|(name, digest)| (name.into(), digest.into())).collect()
}

/// The names of a layout, with what each stands for.
fn names(layout: &Path) -> BTreeMap<String, String> {
    let index = std::fs::read(layout.join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let entries = index["manifests"].as_array().unwrap().iter();
    let name = |entry: &Value| {
        let name = entry["annotations"]["org.opencontainers.image.ref.name"].as_str()?;
        Some((name.to_owned(), entry["digest"].as_str().unwrap().to_owned()))
    };
    entries.filter_map(name).collect()
}

#[test]
fn every_version_of_the_format_is_tested() {
    let folders = std::fs::read_dir(at("", "")).unwrap();
    let there: BTreeSet<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let mut tested: BTreeSet<String> = FORMATS.map(|(format, _)| format.to_owned()).into();
    tested.insert(LOCKED.to_owned());

    assert_eq!(there, tested);
}

#[test]
fn bundles_of_every_version_are_verified_and_imported_with_all_their_digests() {
    for (format, bundles) in FORMATS {
        let (images, blobs) = (expected(format, "image"), expected(format, "blob"));
        let statements = expected(format, "statement");
        assert_eq!((images.len(), blobs.len(), statements.len()), (6, 30, bundles.len()));
        for name in bundles {
            let (sealift, bundle) = (Sealift::new(), at(format, name));
            let key = at(format, "signer.pub.pem");

            let report =
                run!(sealift, "verify", bundle, "--key", key, "--format", "json").ok().json();
            run!(sealift, "inspect", bundle, "--key", key).ok();
            run!(sealift, "import", bundle, "--to", "oci:store", "--key", key).ok();

            assert_eq!(report["statement"].as_str().unwrap(), statements[name], "{name}");
            assert_eq!(report.get("skipped").is_some(), name == "skipped.tar");
            assert_eq!(names(&sealift.at("store")), images, "{name}");
            let stored = std::fs::read_dir(sealift.at("store/blobs/sha256")).unwrap();
            let stored: BTreeSet<String> = stored
                .map(|entry| entry.unwrap().path())
                .inspect(|path| {
                    let found = digest(&std::fs::read(path).unwrap());
                    assert_eq!(&found[7..], path.file_name().unwrap().to_str().unwrap());
                })
                .map(|path| format!("sha256:{}", path.file_name().unwrap().to_str().unwrap()))
                .collect();
            assert_eq!(stored, blobs.keys().cloned().collect(), "{name}");
        }
    }
}

#[test]
fn a_bundle_of_the_fourth_version_says_which_lock_asked_for_it() {
    let (sealift, bundle) = (Sealift::new(), at(LOCKED, "locked.tar"));
    let (key, lock) = (at(LOCKED, "signer.pub.pem"), at(LOCKED, "images.lock"));

    let report = run!(sealift, "verify", bundle, "--key", key, "--format", "json").ok().json();
    run!(sealift, "import", bundle, "--to", "oci:store", "--key", key).ok();

    assert_eq!(report["statement"], expected(LOCKED, "statement")["locked.tar"].as_str());
    assert_eq!(report["locks"], serde_json::json!([digest(&std::fs::read(lock).unwrap())]));
    let images = expected("v1", "image");
    let names = names(&sealift.at("store"));
    for name in ["acme/multi:1.0", "acme/schema2:2.0", "acme/zstd:1.0"] {
        let of_v1 = images.iter().find(|(it, _)| it.ends_with(name)).unwrap();
        assert_eq!(&names[&format!("127.0.0.1:5971/{name}")], of_v1.1);
    }
}

/// What may happen to a file of a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Flipped,
    Cut,
    Removed,
    Doubled,
}

/// What becomes of a file that has `bytes`; nothing when it is removed.
fn damaged(damage: Damage, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let half = bytes.len() / 2;
    match damage {
        Damage::Flipped => bytes[half] ^= 1,
        Damage::Cut => bytes.truncate(half),
        Damage::Removed => return None,
        Damage::Doubled => bytes.extend(bytes.clone()),
    }
    Some(bytes)
}

/// A file of each kind, by what its path in the bundle ends in.
fn victims(format: &str) -> Vec<String> {
    let images = expected(format, "image");
    let blob = |digest: &str| format!("blobs/sha256/{}", &digest[7..]);
    let document = |digest: &str| -> Value {
        let bytes = std::fs::read(at(format, "folder").join(blob(digest))).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let part = |image: &str, pointer: &str| {
        let found = document(&images[image]);
        blob(found.pointer(pointer).unwrap().as_str().unwrap())
    };
    let signature = std::fs::read_dir(at(format, "folder/sig")).unwrap().next().unwrap().unwrap();
    vec![
        "SHA256SUMS".to_owned(),
        "index.json".to_owned(),
        "manifest.json".to_owned(),
        "oci-layout".to_owned(),
        format!("sig/{}", signature.file_name().to_str().unwrap()),
        blob(&images["docker.io/acme/multi:1.0"]),
        blob(&images["docker.io/acme/schema2:2.0"]),
        part("docker.io/acme/list:1.0", "/manifests/1/digest"),
        part("docker.io/acme/schema2:2.0", "/config/digest"),
        part("quay.io/acme/zstd:1.0", "/layers/0/digest"),
        part("ghcr.io/acme/charts/web:0.1.0", "/layers/0/digest"),
    ]
}

#[test]
fn no_damage_to_a_file_of_a_bundle_of_any_version_is_taken() {
    for (format, _) in FORMATS {
        for path in victims(format) {
            for damage in [Damage::Flipped, Damage::Cut, Damage::Removed, Damage::Doubled] {
                let sealift = Sealift::new();
                files::copy(&at(format, "folder"), &sealift.at("b"));
                let file = sealift.at("b").join(&path);
                files::make_writable(&file);
                match damaged(damage, std::fs::read(&file).unwrap()) {
                    Some(bytes) => std::fs::write(&file, bytes).unwrap(),
                    None => std::fs::remove_file(&file).unwrap(),
                }
                let expected = match damage {
                    _ if path.starts_with("sig/") => code::UNTRUSTED,
                    Damage::Removed => code::INCOMPLETE,
                    _ => code::DAMAGED,
                };
                refused(&sealift, format, "b", expected, &format!("{damage:?} {path}"));
            }
        }
    }
}

#[test]
fn no_damage_to_a_packed_bundle_of_any_version_is_taken() {
    for (format, _) in FORMATS {
        let tar = std::fs::read(at(format, "packed.tar")).unwrap();
        let mut cases: Vec<(String, Vec<u8>, i32)> = Vec::new();
        for path in victims(format) {
            let entry = packed::entry(&tar, &path);
            let mut flipped = tar.clone();
            flipped[entry.data + entry.size / 2] ^= 1;
            let (change, removal) = match path.starts_with("sig/") {
                true => (code::UNTRUSTED, code::UNTRUSTED),
                false => (code::DAMAGED, code::INCOMPLETE),
            };
            cases.push((format!("flipped {path}"), flipped, change));
            let removed = packed::without(&tar, &entry);
            cases.push((format!("removed {path}"), removed, removal));
        }
        for part in [1, 4, 9] {
            let cut = tar[..tar.len() * part / 10].to_vec();
            cases.push((format!("cut at {part} tenths"), cut, code::INCOMPLETE));
        }
        let added = packed::with_added(&tar, "extra", b"extra");
        cases.push(("a file added".to_owned(), added, code::DAMAGED));
        for (what, bytes, expected) in cases {
            let sealift = Sealift::new();
            std::fs::write(sealift.at("b.tar"), bytes).unwrap();
            refused(&sealift, format, "b.tar", expected, &what);
        }
    }
}

/// `verify` and `import` end with `expected`, and no name appears at the destination.
#[track_caller]
fn refused(sealift: &Sealift, format: &str, bundle: &str, expected: i32, what: &str) {
    let key = at(format, "signer.pub.pem");
    let verified = run!(sealift, "verify", bundle, "--key", key);
    let imported = run!(sealift, "import", bundle, "--to", "oci:store", "--key", key);

    assert_eq!((verified.code, imported.code), (expected, expected), "{what}: {verified:?}");
    let index = sealift.at("store/index.json");
    assert!(!index.exists() || names(&sealift.at("store")).is_empty(), "{what}");
}
