//! `docs/verify-without-sealift.md` means what it says: its own commands are run from the page.

use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::files::{self, flip};
use crate::support::months::Sender;
use crate::support::sealift::Sealift;
use crate::support::shared::Shared;
use crate::support::{command, packed};

/// What the page is about, by a word of the heading; what none has is for a directory.
const FORMS: [&str; 7] =
    ["packed", "in volumes", "delta", "one volume", "receipt", "a ledger", "an extract"];

/// The page's `sh` blocks of the headings with `word` as one script; those for a directory without.
fn script(word: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/verify-without-sealift.md");
    let page = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
    let mut script = String::new();
    let (mut about, mut inside) = ("", false);
    for line in page.lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside && about == word => script += &format!("{line}\n"),
            heading if heading.starts_with("# ") || heading.starts_with("## ") => {
                let heading = heading.to_lowercase();
                about = FORMS.iter().find(|form| heading.contains(**form)).copied().unwrap_or("");
            }
            _ => {}
        }
    }
    assert!(!script.is_empty(), "the page has no commands for {word:?}");
    script
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
        .env("LEDGER", bundle)
        .env("EXTRACT", bundle)
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
    let script = script("");
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
    // The packed part unpacks, and leaves the rest to the directory's commands.
    let script = format!("{}\n{}", script("packed"), script(""));
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
    let script = script("one volume");
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
    let script = script("receipt").replace("alpine:3.20", "app-1:1.0");
    let check = |what: &str| {
        let good = follow(&sealift, &script, &receipt, &keys.public);
        assert_ends(&good, true, what);
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
            let what = format!("{what} with a flipped byte at {at}");
            assert_ends(&follow(&sealift, &script, &receipt, &keys.public), false, &what);
        }
    };

    run!(sealift, "inventory", "oci:layout", "-o", receipt, "--sign-key", keys.private).ok();
    check("a receipt of what is held");
    run!(sealift, "export", "oci:layout", "-o", "june", "--sign-key", keys.private).ok();
    let import = |key: &str, value: &str, to: &str, more: &[&str]| {
        let mut command = sealift.command();
        command.args(["import", "june", "--to", to, "--receipt"]).arg(&receipt).arg("--sign-key");
        command.arg(&keys.private).args([key, value]).args(more);
        crate::support::sealift::ran(&mut command).ok();
    };
    let public = keys.public.to_str().unwrap();
    import("--key", public, "oci:store", &[]);
    check("a receipt of an import");
    // One that says that something is missing is none that all is there.
    run!(
        sealift,
        "export",
        "oci:layout:x.example/small/app-1:1.0",
        "-o",
        "one",
        "--sign-key",
        keys.private
    )
    .ok();
    run!(
        sealift,
        "import",
        "one",
        "--to",
        "oci:other",
        "--key",
        keys.public,
        "--map",
        "x.example/small/app-1:1.0=x.example/small/app-2:1.0"
    )
    .ok();
    import("--key", public, "oci:other", &["--on-existing", "skip"]);
    let missing = follow(&sealift, &script, &receipt, &keys.public);
    assert_ends(&missing, false, "an image that is another one there");
}

#[test]
fn the_page_joins_volumes_and_refuses_them_without_one_or_with_a_changed_one() {
    need!("openssl", "jq", "sha256sum", "tar");
    let sender = Sender::new();
    sender.export("discs", &crate::volumes::images(), &["--volume-size", "2MB"]).ok();
    let script = format!("{}\n{}", script("in volumes"), script(""));
    let (bundle, key) = (sender.at("discs"), &sender.keys.public);
    let follow = || follow(&sender.sealift, &script, &bundle, key);

    assert_ends(&follow(), true, "good volumes");
    let volumes = crate::volumes::volumes(&bundle);
    let has_pieces = |volume: &&PathBuf| {
        let entries = packed::entries(&std::fs::read(volume).unwrap());
        entries.iter().any(|entry| entry.path.starts_with("pieces/"))
    };
    assert!(volumes.iter().filter(has_pieces).count() >= 2);
    let last = volumes.last().unwrap();
    let entries = packed::entries(&std::fs::read(last).unwrap());
    let entry = entries.iter().rfind(|entry| entry.size > 0).unwrap();
    flip(last, entry.data as u64);
    assert_ends(&follow(), false, "a flipped byte");
    flip(last, entry.data as u64);
    std::fs::remove_file(last).unwrap();
    assert_ends(&follow(), false, "a volume is missing");
}

#[test]
fn the_page_proves_of_a_delta_what_it_leaves_out_too() {
    need!("openssl", "jq", "sha256sum");
    let sender = Sender::new();
    let image = crate::support::months::image;
    sender.export("may", &[image("a/app:1", &["base", "app"])], &[]).ok();
    sender.export("june", &[image("a/app:2", &["base", "new"])], &["--since", "may"]).ok();
    let earlier = sender.at("may").display().to_string();
    let script = format!("{}\nEARLIER={earlier}\n{}", script(""), script("delta"));
    let (june, key) = (sender.at("june"), &sender.keys.public);

    assert_ends(&follow(&sender.sealift, &script, &june, key), true, "a good delta");
    let base = crate::support::months::layer_digest("base");
    let blob = sender.at("may/blobs/sha256").join(&base["sha256:".len()..]);
    assert!(blob.exists() && !june.join("blobs/sha256").join(blob.file_name().unwrap()).exists());
    flip(&blob, 100);
    assert_ends(&follow(&sender.sealift, &script, &june, key), false, "a changed base");
    std::fs::remove_file(blob).unwrap();
    assert_ends(&follow(&sender.sealift, &script, &june, key), false, "a base without the blob");
}

#[test]
fn the_page_accepts_a_good_ledger_and_its_extract_and_refuses_every_change() {
    need!("openssl", "jq", "sha256sum");
    let sender = Sender::new();
    let stranger = sender.sealift.keys("stranger");
    sender.export("b", &[crate::support::months::image("a/app:1", &["base"])], &[]).ok();
    sender.import("b", "oci:in", &[]).ok();
    let kept = sender.sealift.home().join(".local/state/sealift/ledger.jsonl");
    let (ledger, extract) = (sender.at("l.jsonl"), sender.at("e.ledger"));
    std::fs::copy(&kept, &ledger).unwrap();
    std::fs::copy(kept.with_extension("jsonl.head"), sender.at("l.jsonl.head")).unwrap();
    run!(sender.sealift, "ledger", "export", "-o", extract, "--sign-key", sender.keys.private).ok();
    let key = &sender.keys.public;

    for (file, script) in [(&ledger, script("a ledger")), (&extract, script("an extract"))] {
        let follow = |key: &Path| follow(&sender.sealift, &script, file, key);
        let name = file.display();
        assert_ends(&follow(key), true, &format!("{name} as it is"));
        let bytes = std::fs::read(file).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        assert!(lines.len() >= 4, "{text}");
        let last = lines.len() - 1;
        let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().concat();
        let mut swapped = lines.clone();
        swapped.swap(last - 2, last - 1);
        let spelled = text.replacen("\"verb\":\"import\"", "\"verb\":\"export\"", 1);
        let changes = [spelled, without(last - 1), without(last), swapped.concat()];
        for (at, changed) in changes.iter().enumerate() {
            assert_ne!(*changed, text);
            std::fs::write(file, changed).unwrap();
            assert_ends(&follow(key), false, &format!("{name} with change {at}"));
        }
        std::fs::write(file, bytes).unwrap();
    }
    let by_other = follow(&sender.sealift, &script("an extract"), &extract, &stranger.public);
    assert_ends(&by_other, false, "another key");
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
