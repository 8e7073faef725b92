//! Whatever happens to a bundle on its way is refused by name, by every verb that would use it.

use std::path::Path;

use serde_json::json;

use crate::refusal::{Part, Refusal};
use crate::support::content::{Layer, digest};
use crate::support::files::{self, flip, make_writable};
use crate::support::images::{self, Image};
use crate::support::packed;
use crate::support::sealift::{Keys, Sealift, code};
use crate::support::shared::Shared;
use crate::support::{Random, command, output};

/// The files of the shared bundle that stand for all of their kind, with the code of a changed
/// byte in each.
fn victims(shared: &Shared) -> Vec<(String, i32, Part)> {
    let blob = |digest: &str| format!("blobs/sha256/{}", &digest[7..]);
    let hello = shared.image("library/hello");
    let manifest: serde_json::Value = serde_json::from_slice(&hello.root().bytes).unwrap();
    let part = |pointer: &str| blob(manifest.pointer(pointer).unwrap().as_str().unwrap());
    vec![
        (part("/layers/0/digest"), code::DAMAGED, Part::Blob),
        (part("/config/digest"), code::DAMAGED, Part::Blob),
        (blob(hello.digest()), code::DAMAGED, Part::Blob),
        (blob(shared.image("acme/multi").digest()), code::DAMAGED, Part::Blob),
        ("index.json".to_owned(), code::DAMAGED, Part::Head),
        ("oci-layout".to_owned(), code::DAMAGED, Part::Head),
        ("manifest.json".to_owned(), code::DAMAGED, Part::Head),
        ("SHA256SUMS".to_owned(), code::DAMAGED, Part::Head),
        (signature(shared), code::UNTRUSTED, Part::Head),
    ]
}

/// The path of the one signature.
fn signature(shared: &Shared) -> String {
    let entry = std::fs::read_dir(shared.dir.join("sig")).unwrap().next().unwrap().unwrap();
    format!("sig/{}", entry.file_name().to_string_lossy())
}

/// The signature with its list of signatures emptied.
fn unsigned(shared: &Shared) -> Vec<u8> {
    let envelope = std::fs::read(shared.dir.join(signature(shared))).unwrap();
    let mut envelope: serde_json::Value = serde_json::from_slice(&envelope).unwrap();
    envelope["signatures"] = json!([]);
    envelope.to_string().into_bytes()
}

#[test]
fn a_flipped_byte_anywhere_in_a_directory_is_refused_by_name() {
    need!("docker-registry", "busybox");
    let (shared, refusal) = (Shared::get(), Refusal::new());

    for (path, code, part) in victims(shared) {
        let bundle = refusal.fresh("bundle");
        files::copy(&shared.dir, &bundle);
        let file = bundle.join(&path);
        flip(&file, std::fs::metadata(&file).unwrap().len() / 2);

        let what = format!("one byte flipped in {path} of the directory");
        refusal.check(&bundle, &shared.keys.public, &what, code, named(&path), part);
    }
}

#[test]
fn a_flipped_byte_anywhere_in_a_packed_file_is_refused_by_name() {
    need!("docker-registry", "busybox");
    let (shared, refusal) = (Shared::get(), Refusal::new());
    let tar = std::fs::read(&shared.tar).unwrap();

    for (path, code, part) in victims(shared) {
        let bundle = refusal.fresh("bundle.tar");
        std::fs::write(&bundle, &tar).unwrap();
        let entry = packed::entry(&tar, &path);
        flip(&bundle, (entry.data + entry.size / 2) as u64);

        let what = format!("one byte flipped in {path} of the packed file");
        refusal.check(&bundle, &shared.keys.public, &what, code, named(&path), part);
    }
}

/// What a message has to contain to name the file.
fn named(path: &str) -> &str {
    match path.starts_with("sig/") {
        true => "sig",
        false => path.rsplit('/').next().unwrap(),
    }
}

#[test]
fn missing_added_and_linked_files_of_a_directory_are_refused_by_name() {
    need!("docker-registry", "busybox", "mkfifo");
    let (shared, refusal) = (Shared::get(), Refusal::new());
    let (layer, ..) = victims(shared).swap_remove(0);
    let extra = format!("blobs/sha256/{}", &digest(b"extra")[7..]);
    let outside = refusal.sealift.at("outside");
    std::fs::copy(shared.dir.join(&layer), &outside).unwrap();
    let put = |bundle: &Path, path: &str, bytes: &[u8]| {
        make_writable(bundle.join(path).parent().unwrap());
        std::fs::write(bundle.join(path), bytes).unwrap();
    };
    let remove = |bundle: &Path, path: &str| {
        make_writable(bundle.join(path).parent().unwrap());
        std::fs::remove_file(bundle.join(path)).unwrap();
    };
    type Change<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Change<'_>, i32, &str); 10] = [
        ("a layer removed", &|b| remove(b, &layer), code::INCOMPLETE, named(&layer)),
        ("index.json removed", &|b| remove(b, "index.json"), code::INCOMPLETE, "index.json"),
        (
            "manifest.json removed",
            &|b| remove(b, "manifest.json"),
            code::INCOMPLETE,
            "manifest.json",
        ),
        ("a file added", &|b| put(b, "extra.txt", b"extra"), code::DAMAGED, "extra.txt"),
        ("a blob added", &|b| put(b, &extra, b"extra"), code::DAMAGED, named(&extra)),
        ("a hidden file added", &|b| put(b, "blobs/.x", b""), code::DAMAGED, ".x"),
        (
            "a link to the same bytes in place of a layer",
            &|b| {
                remove(b, &layer);
                std::os::unix::fs::symlink(&outside, b.join(&layer)).unwrap();
            },
            code::DAMAGED,
            named(&layer),
        ),
        (
            "a FIFO in place of a layer",
            &|b| {
                remove(b, &layer);
                output(command("mkfifo").arg(b.join(&layer)));
            },
            code::DAMAGED,
            named(&layer),
        ),
        (
            "a layer cut short",
            &|b| {
                make_writable(&b.join(&layer));
                std::fs::File::options()
                    .write(true)
                    .open(b.join(&layer))
                    .unwrap()
                    .set_len(9)
                    .unwrap();
            },
            code::DAMAGED,
            named(&layer),
        ),
        (
            "a link in place of the blobs folder",
            &|b| {
                std::fs::rename(b.join("blobs"), b.with_extension("blobs")).unwrap();
                std::os::unix::fs::symlink(b.with_extension("blobs"), b.join("blobs")).unwrap();
            },
            code::DAMAGED,
            "blobs",
        ),
    ];

    for (what, change, code, named) in cases {
        let bundle = refusal.fresh("bundle");
        refusal.fresh("bundle.blobs");
        files::copy(&shared.dir, &bundle);
        change(&bundle);

        refusal.check(&bundle, &shared.keys.public, what, code, named, Part::Head);
    }
}

#[test]
fn missing_added_and_linked_entries_of_a_packed_file_are_refused_by_name() {
    need!("docker-registry", "busybox");
    let (shared, refusal) = (Shared::get(), Refusal::new());
    let tar = std::fs::read(&shared.tar).unwrap();
    let (layer, ..) = victims(shared).swap_remove(0);
    let at = packed::entry(&tar, &layer);
    let extra = format!("blobs/sha256/{}", &digest(b"extra")[7..]);
    let fifo = packed::header(&layer, tar::EntryType::Fifo, 0, None);
    let fifo = [&tar[..at.header], &fifo, &tar[at.end()..]].concat();
    let again = tar[at.data..at.data + at.size].to_vec();

    let trailing = [&tar[..], &[0; 511], b"x"].concat();

    for (what, bytes, code, named) in [
        ("bytes after the end", trailing, code::DAMAGED, "bundle.tar"),
        ("a layer removed", packed::without(&tar, &at), code::INCOMPLETE, named(&layer)),
        ("a file added", packed::with_added(&tar, "extra.txt", b"x"), code::DAMAGED, "extra.txt"),
        ("a blob added", packed::with_added(&tar, &extra, b"extra"), code::DAMAGED, named(&extra)),
        ("an entry twice", packed::with_added(&tar, &layer, &again), code::DAMAGED, named(&layer)),
        ("a path upwards", packed::with_added(&tar, "x/../y", b"x"), code::DAMAGED, "x/../y"),
        (
            "a symbolic link in place of a layer",
            packed::with_link(&tar, &at, "/etc/hostname"),
            code::DAMAGED,
            named(&layer),
        ),
        ("a FIFO in place of a layer", fifo, code::DAMAGED, named(&layer)),
    ] {
        let bundle = refusal.fresh("bundle.tar");
        std::fs::write(&bundle, bytes).unwrap();

        refusal.check(&bundle, &shared.keys.public, what, code, named, Part::Head);
    }
}

#[test]
fn a_packed_file_that_ends_early_is_incomplete() {
    need!("docker-registry", "busybox");
    let (shared, refusal) = (Shared::get(), Refusal::new());
    let tar = std::fs::read(&shared.tar).unwrap();
    let entries = packed::entries(&tar);
    let (last, middle) = (entries.last().unwrap(), &entries[entries.len() / 2]);

    for (what, len) in [
        ("inside the last layer", last.data + last.size / 2),
        ("inside the last header", last.header + 100),
        ("before the last header", last.header),
        ("before the end blocks", last.end()),
        ("inside the first end block", last.end() + 100),
        ("between the end blocks", last.end() + 512),
        ("inside an entry in the middle", middle.data + 1),
        ("inside the first entry", entries[0].data + 1),
        ("inside the first header", 100),
    ] {
        let bundle = refusal.fresh("bundle.tar");
        std::fs::write(&bundle, &tar[..len]).unwrap();

        let what = format!("cut {what}");
        let key = &shared.keys.public;
        refusal.check(&bundle, key, &what, code::INCOMPLETE, "bundle.tar", Part::Head);
    }
}

#[test]
fn a_bundle_without_a_good_signature_is_not_trusted() {
    need!("docker-registry", "busybox");
    let (shared, refusal) = (Shared::get(), Refusal::new());
    let (key, stranger) = (&shared.keys.public, &shared.stranger.public);
    let tar = std::fs::read(&shared.tar).unwrap();
    let at = packed::entry(&tar, &signature(shared));
    let (head, rest) = (&tar[..at.header], &tar[at.end()..]);
    let mut emptied =
        packed::header(&at.path, tar::EntryType::Regular, unsigned(shared).len(), None);
    emptied.extend(unsigned(shared));
    emptied.resize(emptied.len().next_multiple_of(512), 0);
    let check = |bundle: &Path, key: &Path, what: &str| {
        refusal.check(bundle, key, what, code::UNTRUSTED, "sign", Part::Head);
    };

    check(&shared.dir, stranger, "another key, directory");
    check(&shared.tar, stranger, "another key, packed");

    let bundle = refusal.fresh("bundle.tar");
    std::fs::write(&bundle, [head, rest].concat()).unwrap();
    check(&bundle, key, "no signature, packed");
    std::fs::write(&bundle, [head, &emptied, rest].concat()).unwrap();
    check(&bundle, key, "an empty list of signatures, packed");

    let bundle = refusal.fresh("bundle");
    files::copy(&shared.dir, &bundle);
    let envelope = bundle.join(signature(shared));
    make_writable(&envelope);
    std::fs::write(&envelope, unsigned(shared)).unwrap();
    check(&bundle, key, "an empty list of signatures, directory");
    std::fs::remove_file(&envelope).unwrap();
    check(&bundle, key, "an empty folder of signatures, directory");
    std::fs::remove_dir(bundle.join("sig")).unwrap();
    check(&bundle, key, "no signature, directory");
}

#[test]
fn every_problem_is_named_with_the_images_it_touches() {
    need!("docker-registry", "busybox");
    let (shared, refusal) = (Shared::get(), Refusal::new());
    let bundle = refusal.fresh("bundle");
    files::copy(&shared.dir, &bundle);
    let victims = victims(shared);
    let paths: Vec<_> = victims[..3].iter().map(|(path, ..)| path).collect();
    paths.iter().for_each(|path| flip(&bundle.join(path), 0));

    let key = &shared.keys.public;
    let report = run!(refusal.sealift, "verify", bundle, "--key", key, "--format", "json");

    let report = report.exits(code::DAMAGED).json();
    let problems = report["problems"].as_array().unwrap();
    for path in paths {
        let problem = problems.iter().find(|problem| problem["path"] == path.as_str());
        let problem = problem.unwrap_or_else(|| panic!("{path} is not in {problems:?}"));
        let images = problem["images"].as_array().unwrap();
        let hello = shared.name("library/hello");
        assert!(images.iter().any(|name| *name == hello.as_str()), "{problem}");
    }
}

/// A bundle of a few kilobytes in the scratch folder, under the given name.
fn small(sealift: &Sealift, name: &str) -> Keys {
    let keys = sealift.keys("signer");
    let layers = [Layer::gzip(&images::one_file("a", "b"))];
    let image = Image::single("acme/small", "1", "[]", &layers);
    images::write_layout(&sealift.at("source"), &[("docker.io/acme/small:1", &image)]);
    run!(sealift, "export", "oci:source", "-o", name, "--sign-key", keys.private).ok();
    run!(sealift, "verify", name, "--key", keys.public).ok();
    keys
}

#[test]
fn no_flipped_byte_of_a_small_packed_bundle_passes() {
    let sealift = Sealift::new();
    let keys = small(&sealift, "b.tar");
    let tar = std::fs::read(sealift.at("b.tar")).unwrap();

    let mut random = Random::new(400);
    for _ in 0..400 {
        let (offset, bit) = (random.below(tar.len() as u64) as usize, random.below(8));
        let mut damaged = tar.clone();
        damaged[offset] ^= 1 << bit;
        std::fs::write(sealift.at("x.tar"), damaged).unwrap();

        let done = run!(sealift, "verify", "x.tar", "--key", keys.public);

        let expected = code::UNTRUSTED..=code::INCOMPLETE;
        assert!(expected.contains(&done.code), "bit {bit} of byte {offset}: {done:?}");
    }
}

#[test]
fn no_flipped_byte_of_a_signature_passes() {
    let sealift = Sealift::new();
    let keys = small(&sealift, "b");
    let entry = std::fs::read_dir(sealift.at("b/sig")).unwrap().next().unwrap().unwrap();
    let envelope = std::fs::read(entry.path()).unwrap();
    make_writable(&entry.path());

    // All of the beginning, all of the end (where base64 has bits that decode to nothing), and a
    // sample of what lies between.
    let whole = (0..64).chain(envelope.len() - 128..envelope.len());
    for offset in whole.chain((64..envelope.len() - 128).step_by(11)) {
        for bit in [0, 5] {
            let mut damaged = envelope.clone();
            damaged[offset] ^= 1 << bit;
            std::fs::write(entry.path(), damaged).unwrap();

            let done = run!(sealift, "verify", "b", "--key", keys.public);

            assert_eq!(done.code, code::UNTRUSTED, "bit {bit} of byte {offset}: {done:?}");
        }
    }
}
