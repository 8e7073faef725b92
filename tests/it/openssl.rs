//! `docs/verify-without-sealift.md` means what it says: its own commands are run from the page.

use std::path::Path;
use std::process::Output;

use crate::support::files::{self, flip};
use crate::support::months::Sender;
use crate::support::sealift::Sealift;
use crate::support::shared::Shared;
use crate::support::{command, packed};

/// The page's `sh` blocks as one script each: for a directory, for a packed file, for one volume, and for a
/// receipt.
/// A block belongs to one of the latter when the heading above it says so.
fn scripts() -> [String; 4] {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify-without-sealift.md");
    let page = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let mut scripts = [const { String::new() }; 4];
    let (mut which, mut inside) = (0, false);
    for line in page.lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => scripts[which] += &format!("{line}\n"),
            heading if heading.starts_with('#') => {
                let heading = heading.to_lowercase();
                let is_about = ["packed", "volume", "receipt"].map(|word| heading.contains(word));
                which = is_about.iter().position(|is| *is).map_or(0, |at| at + 1);
            }
            _ => {}
        }
    }
    scripts
}

/// Runs a script in an empty folder, with what the page says is to be set.
fn follow(sealift: &Sealift, script: &str, bundle: &Path, key: &Path) -> Output {
    let folder = sealift.at("page");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let file = sealift.at("page.sh");
    std::fs::write(&file, script).unwrap();
    let mut shell = command("sh");
    shell
        .arg("-eu")
        .arg(file)
        .env("BUNDLE", bundle)
        .env("RECEIPT", bundle)
        .env("VOLUME", bundle)
        .env("PUB", key)
        .current_dir(folder);
    shell.output().unwrap()
}

/// Asserts how following the page ends.
#[track_caller]
fn assert_ends(output: &Output, well: bool, what: &str) {
    assert!(
        output.status.success() == well,
        "{what}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_page_accepts_a_good_directory_and_refuses_every_damage() {
    need!("docker-registry", "busybox", "openssl", "jq", "sha256sum");
    let (shared, sealift) = (Shared::get(), Sealift::new());
    let [script, ..] = scripts();
    assert!(script.contains("openssl"), "the page has no commands");
    let key = &shared.keys.public;
    let bundle = sealift.at("bundle");
    let restore = || {
        let _ = std::fs::remove_dir_all(&bundle);
        files::copy(&shared.dir, &bundle);
    };

    restore();
    assert_ends(&follow(&sealift, &script, &bundle, key), true, "a good bundle");
    let stranger = &shared.stranger.public;
    assert_ends(&follow(&sealift, &script, &bundle, stranger), false, "another key");

    let mut paths: Vec<_> = files::tree(&bundle).into_keys().collect();
    // Of many blobs three will do: the first, the middle and the last.
    let blobs: Vec<_> = paths.extract_if(.., |path| path.starts_with("blobs")).collect();
    paths.extend([0, blobs.len() / 2, blobs.len() - 1].map(|index| blobs[index].clone()));
    for path in paths {
        restore();
        let file = bundle.join(&path);
        flip(&file, std::fs::metadata(&file).unwrap().len() / 2);
        let what = format!("a flipped byte in {}", path.display());
        assert_ends(&follow(&sealift, &script, &bundle, key), false, &what);
    }

    restore();
    std::fs::remove_file(bundle.join(&blobs[0])).unwrap();
    assert_ends(&follow(&sealift, &script, &bundle, key), false, "a blob removed");
    restore();
    std::fs::write(bundle.join("blobs/sha256/extra"), "extra").unwrap();
    assert_ends(&follow(&sealift, &script, &bundle, key), false, "a file added");
    restore();
    std::fs::remove_dir_all(bundle.join("sig")).unwrap();
    assert_ends(&follow(&sealift, &script, &bundle, key), false, "no signature");
}

#[test]
fn the_page_checks_a_packed_file_too() {
    need!("docker-registry", "busybox", "openssl", "jq", "sha256sum", "tar");
    let (shared, sealift) = (Shared::get(), Sealift::new());
    let [directory, packed_form, ..] = scripts();
    if packed_form.is_empty() {
        // The page may do with "unpack it first"; then that is what the directory part is for.
        return;
    }
    // The packed part unpacks, and may leave the rest to the directory's commands.
    let script = match packed_form.contains("openssl") {
        true => packed_form,
        false => format!("{packed_form}\n{directory}"),
    };
    let key = &shared.keys.public;
    let bundle = sealift.at("bundle.tar");
    std::fs::copy(&shared.tar, &bundle).unwrap();
    assert_ends(&follow(&sealift, &script, &bundle, key), true, "a good packed file");

    let tar = std::fs::read(&bundle).unwrap();
    for suffix in ["index.json", "SHA256SUMS", ".dsse.json", "oci-layout"] {
        std::fs::write(&bundle, &tar).unwrap();
        let entry = packed::entry(&tar, suffix);
        flip(&bundle, (entry.data + entry.size / 2) as u64);
        let what = format!("a flipped byte in {suffix}");
        assert_ends(&follow(&sealift, &script, &bundle, key), false, &what);
    }
}

#[test]
fn the_page_proves_one_volume_by_itself_and_refuses_every_damage() {
    need!("openssl", "jq", "sha256sum", "tar");
    let sender = Sender::new();
    let images = crate::volumes::images();
    sender.export("discs", &images, &["--volume-size", "2MB"]).ok();
    let stranger = sender.sealift.keys("stranger");
    let [_, _, script, _] = scripts();
    let follow = |volume: &Path, key: &Path| follow(&sender.sealift, &script, volume, key);
    let (mut pieces, key) = (0, &sender.keys.public);
    for volume in crate::volumes::volumes(&sender.at("discs")) {
        assert_ends(&follow(&volume, key), true, "a good volume");
        assert_ends(&follow(&volume, &stranger.public), false, "another key");
        let entries = packed::entries(&std::fs::read(&volume).unwrap());
        pieces += entries.iter().filter(|it| it.path.starts_with("pieces/")).count();
        for entry in entries {
            let middle = (entry.data + entry.size / 2) as u64;
            flip(&volume, middle);
            let what = format!("a flipped byte in {}", entry.path);
            assert_ends(&follow(&volume, key), false, &what);
            flip(&volume, middle);
        }
    }
    assert!(pieces >= 2);
}

#[test]
fn the_page_accepts_a_good_receipt_and_refuses_every_damage() {
    need!("openssl", "jq", "sha256sum");
    let sealift = Sealift::new();
    let (keys, stranger) = (sealift.keys("site"), sealift.keys("stranger"));
    let images = crate::support::small_world::make();
    let names: Vec<String> = images.iter().map(|it| format!("x.example/{}", it.path())).collect();
    let named: Vec<_> = names.iter().map(String::as_str).zip(&images).collect();
    crate::support::images::write_layout(&sealift.at("layout"), &named);
    let receipt = sealift.at("receipt.json");
    run!(sealift, "inventory", "oci:layout", "-o", receipt, "--sign-key", keys.private).ok();
    let [.., script] = scripts();
    let script = script.replace("alpine:3.20", "app-1:1.0");

    let good = follow(&sealift, &script, &receipt, &keys.public);
    assert_ends(&good, true, "a good receipt");
    let said = String::from_utf8_lossy(&good.stdout);
    assert!(said.contains(&images[1].digest()["sha256:".len()..]), "{said}");
    let by_other = follow(&sealift, &script, &receipt, &stranger.public);
    assert_ends(&by_other, false, "another key");
    let bytes = std::fs::read(&receipt).unwrap();
    let lists = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    // In the payload, in the signature, at the beginning of the lists and at their end.
    for at in [200, lists - 20, lists + 5, bytes.len() - 2] {
        std::fs::write(&receipt, &bytes).unwrap();
        flip(&receipt, at as u64);
        let what = format!("a flipped byte at {at}");
        assert_ends(&follow(&sealift, &script, &receipt, &keys.public), false, &what);
    }
}

#[test]
fn openssl_reads_every_key_that_sealift_makes() {
    need!("openssl");
    let sealift = Sealift::new();
    let keys = sealift.keys("plain");
    let mut generate = sealift.command();
    generate.args(["key", "generate", "-o", "sealed"]).env("SEALIFT_PASSPHRASE", "open sesame");
    crate::support::sealift::ran(&mut generate).ok();

    let public = |arguments: &[&str], key: &Path| {
        let mut pkey = command("openssl");
        pkey.args(["pkey", "-pubout", "-in"]).arg(key).args(arguments);
        crate::support::text(&mut pkey)
    };

    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(public(&[], &keys.private), read(&keys.public));
    let sealed = sealift.at("sealed.key.pem");
    assert!(read(&sealed).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let opened = public(&["-passin", "pass:open sesame"], &sealed);
    assert_eq!(opened, read(&sealift.at("sealed.pub.pem")));
}
