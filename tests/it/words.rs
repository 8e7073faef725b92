//! Words that are true: what is wrong is called what it is, with the way out.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::double::{Double, Reply};
use crate::support::sealift::{Keys, Sealift, code};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");

/// That image as the bundle `b` in the scratch folder.
fn hello(sealift: &Sealift) -> Keys {
    let keys = sealift.keys("signer");
    run!(sealift, "export", HELLO, "-o", "b", "--sign-key", keys.private).ok();
    keys
}

/// `text` as Windows' Notepad saves it when asked for "Unicode".
fn utf16(text: &str) -> Vec<u8> {
    let marked = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    marked.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn what_is_no_bundle_is_called_what_it_is() {
    let sealift = Sealift::new();
    let keys = hello(&sealift);
    let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for (name, bytes, what, exit) in [
        ("june.tar.gz", &gzip[..], "compressed with gzip", code::UNTRUSTED),
        ("june.zip", b"PK\x03\x04\x14\0\0\0", "a zip file", code::UNTRUSTED),
        ("june.txt", b"hello, world\n", "a text file", code::UNTRUSTED),
        ("june.html", b"<html><body>Log in</body></html>", "a web page", code::UNTRUSTED),
        ("june.pem", b"-----BEGIN PUBLIC KEY-----\n", "a key or certificate", code::UNTRUSTED),
        ("june.empty", b"", "an empty file", code::INCOMPLETE),
        ("june.zero", &[0; 4096], "nothing but zeros", code::UNTRUSTED),
    ] {
        std::fs::write(sealift.at(name), bytes).unwrap();
        let words = format!("{name} is no bundle: it is");
        for verb in ["verify", "inspect"] {
            let done = run!(sealift, verb, name, "--key", keys.public).exits(exit);
            done.says(&words).says(what).says("hint: ");
        }
        run!(sealift, "import", name, "--to", "oci:x", "--key", keys.public).exits(exit).says(what);
        // The same is said of what was named as an archive of images.
        let source = format!("oci-archive:{name}");
        let done = run!(sealift, "export", source, "-o", "y", "--sign-key", keys.private);
        if name != "june.tar.gz" {
            assert!(matches!(done.code, code::DAMAGED | code::INCOMPLETE), "{done:?}");
            done.says("is no OCI layout; it is").says(what);
        }
    }
    assert!(!sealift.at("x").exists() && !sealift.at("y").exists());

    std::fs::create_dir(sealift.at("stick")).unwrap();
    run!(sealift, "verify", "stick", "--key", keys.public).exits(code::UNTRUSTED).says("is empty");
    std::fs::rename(sealift.at("b"), sealift.at("stick/b")).unwrap();
    run!(sealift, "verify", "stick", "--key", keys.public)
        .exits(code::UNTRUSTED)
        .says("stick is no bundle: it holds one in the folder b")
        .says("name that: stick/b");
    let layout = HELLO.strip_prefix("oci:").unwrap();
    run!(sealift, "verify", layout, "--key", keys.public)
        .exits(code::UNTRUSTED)
        .says("is an OCI layout, which nobody signed");
}

#[test]
fn litter_of_systems_beside_a_bundle_is_called_that_and_may_go() {
    let sealift = Sealift::new();
    let keys = hello(&sealift);
    std::fs::write(sealift.at("b/.DS_Store"), "x").unwrap();
    std::fs::create_dir(sealift.at("b/System Volume Information")).unwrap();
    let index = sealift.at("b/System Volume Information/IndexerVolumeGuid");
    std::fs::write(&index, "x").unwrap();

    let verify = || run!(sealift, "verify", "b", "--key", keys.public);
    let done = verify().exits(code::DAMAGED);
    assert!(!done.stderr.contains("damaged"), "{done:?}");
    done.says(".DS_Store: is litter of macOS")
        .says("IndexerVolumeGuid: is litter of Windows")
        .says("it may be deleted")
        .says("hint: systems leave such files");

    // Beside what nobody knows, nothing is to be used.
    std::fs::write(sealift.at("b/more"), "x").unwrap();
    verify().exits(code::DAMAGED).says("nobody signed for").says("hint: use nothing from it");

    std::fs::remove_file(sealift.at("b/more")).unwrap();
    std::fs::remove_file(sealift.at("b/.DS_Store")).unwrap();
    std::fs::remove_file(&index).unwrap();
    verify().ok();
}

#[test]
fn lists_rules_and_keys_are_read_as_windows_saves_them() {
    let sealift = Sealift::new();
    hello(&sealift);
    let list = format!("# what we need\n{HELLO}  # the one\n");
    let pem = std::fs::read_to_string(sealift.at("signer.key.pem")).unwrap();
    let public = std::fs::read_to_string(sealift.at("signer.pub.pem")).unwrap();
    let rules = "# names\ndocker.io/library/hello:1.0 = team/hello:9 # renamed\n";
    let bytes: [(&str, fn(&str) -> Vec<u8>); 3] = [
        ("wide", utf16),
        ("mark", |text| format!("\u{feff}{text}").into_bytes()),
        ("mac", |text| text.replace('\n', "\r").into_bytes()),
    ];
    for (kind, bytes) in bytes {
        std::fs::write(sealift.at("list"), bytes(&list)).unwrap();
        std::fs::write(sealift.at("key"), bytes(&pem)).unwrap();
        std::fs::write(sealift.at("pub"), bytes(&public)).unwrap();
        std::fs::write(sealift.at("rules"), bytes(rules)).unwrap();

        run!(sealift, "export", "-f", "list", "-o", kind, "--sign-key", "key").ok();
        let to = format!("oci:into-{kind}");
        run!(sealift, "import", kind, "--to", to, "--key", "pub", "--map-file", "rules")
            .ok()
            .says("team/hello:9");
    }

    std::fs::write(sealift.at("list"), &utf16(&list)[2..]).unwrap();
    run!(sealift, "export", "-f", "list", "-o", "n", "--sign-key", "key")
        .exits(code::USAGE)
        .says("list: is text in UTF-16 without the mark that says so");
    std::fs::write(sealift.at("list"), b"alpine\nb\xfccher\n").unwrap();
    run!(sealift, "export", "-f", "list", "-o", "n", "--sign-key", "key")
        .exits(code::USAGE)
        .says("list: is not in UTF-8: line 2");
}

#[test]
fn a_key_that_others_may_read_is_warned_of_and_one_that_cannot_be_read_is_wrong_usage() {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let open = |mode: u32, name: &str| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&keys.private, mode).unwrap();
        run!(sealift, "export", HELLO, "-o", name, "--sign-key", keys.private).ok()
    };

    open(0o644, "a").says("warning: ").says("everybody may read it (mode 0644)");
    open(0o640, "b").says("its group may read it (mode 0640)");
    let quiet = open(0o600, "c");
    assert!(!quiet.stderr.contains("warning"), "{quiet:?}");

    for (key, words) in
        [("nowhere.pem", "No such file"), ("a", "cannot read"), ("signer.key.pem/x", "cannot read")]
    {
        run!(sealift, "verify", "a", "--key", key).exits(code::USAGE).says(words);
        run!(sealift, "export", HELLO, "-o", "n", "--sign-key", key).exits(code::USAGE).says(words);
    }
}

#[test]
fn a_smaller_index_that_was_made_on_export_is_what_was_signed() {
    let sealift = Sealift::new();
    let keys = sealift.keys("signer");
    let platform = ["--platform", "linux/amd64"];
    let export = ["export", HELLO, "-o", "b", "--sign-key", "signer.key.pem", "--rewrite-index"];
    crate::support::sealift::ran(sealift.command().args(export).args(platform)).ok();

    let import = |to: &str, more: &[&str]| {
        let args = ["import", "b", "--to", to, "--key", "signer.pub.pem"];
        crate::support::sealift::ran(sealift.command().args(args).args(more)).ok()
    };
    for done in [import("oci:in", &["--dry-run"]), import("oci:in", &[])] {
        assert!(!done.stdout.contains("instead of"), "{done:?}");
        done.says("an index made on export, of sha256:66e339d0e2ea");
    }
    let json = import("oci:in", &["--format", "json"]).json();
    assert!(json["images"][0].get("rewritten_from").is_none(), "{json}");
    assert!(json["images"][0]["smaller_than"].as_str().unwrap().starts_with("sha256:66e3"));

    // What is made on import is not.
    let whole = ["export", HELLO, "-o", "s", "--sign-key", "signer.key.pem"];
    crate::support::sealift::ran(sealift.command().args(whole).args(platform)).ok();
    let args = ["import", "s", "--to", "oci:small", "--rewrite-index", "--key"];
    crate::support::sealift::ran(sealift.command().args(args).arg(&keys.public))
        .ok()
        .says("instead of sha256:66e339d0e2ea")
        .says("which was signed");
}

#[test]
fn a_host_with_a_slash_is_searched_itself_for_all_that_it_shows() {
    let double = Double::start(|seen| {
        let is_list = seen.target.starts_with("/v2/_catalog");
        let text = r#"{"repositories": ["team/app", "other/thing"]}"#;
        let found = Reply::new(200, text).header("content-type", "application/json");
        Some(if is_list { found } else { Reply::new(404, "") })
    });
    let sealift = Sealift::new();

    let done = run!(sealift, "search", format!("{}/", double.host())).ok();

    let host = double.host();
    done.says(&format!("{host}/team/app")).says(&format!("{host}/other/thing"));
}

#[test]
fn the_kinds_of_entries_of_a_tar_have_names() {
    let sealift = Sealift::new();
    let keys = hello(&sealift);
    for (kind, words) in [
        (b'6', "is a pipe (FIFO), not a file"),
        (b'3', "is a character device, not a file"),
        (b'4', "is a block device, not a file"),
        (b'V', "is a volume label, not a file"),
        (b'Z', "is an entry of the unknown tar type \"Z\", not a file"),
    ] {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_dir_all("", sealift.at("b")).unwrap();
        let mut header = tar::Header::new_ustar();
        header.set_path("odd").unwrap();
        header.set_size(0);
        header.set_entry_type(tar::EntryType::new(kind));
        header.set_cksum();
        tar.append(&header, std::io::empty()).unwrap();
        std::fs::write(sealift.at("odd.tar"), tar.into_inner().unwrap()).unwrap();

        run!(sealift, "verify", "odd.tar", "--key", keys.public).exits(code::DAMAGED).says(words);
    }
}
