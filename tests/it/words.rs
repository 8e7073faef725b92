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
    run!(sealift, "verify", "stick", "--key", keys.public).exits(code::INCOMPLETE).says("is empty");
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
    type Save = fn(&str) -> Vec<u8>;
    let bytes: [(&str, Save); 3] = [
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
        assert!(!done.stdout.contains("which was signed"), "{done:?}");
        done.says("made smaller on export").says("sha256:66e339d0e2ea");
    }
    let json = import("oci:in", &["--format", "json"]).json();
    assert!(json["images"][0].get("rewrittenFrom").is_none(), "{json}");
    assert!(json["images"][0]["smallerThan"].as_str().unwrap().starts_with("sha256:66e3"));

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

#[test]
fn a_finished_export_run_again_is_complete_already() {
    let sealift = Sealift::new();
    let keys = hello(&sealift);
    let export = |name: &str, more: &[&str]| {
        let mut command = sealift.command();
        let args = ["export", HELLO, "-o", name, "--sign-key", "signer.key.pem"];
        // As people run it: the clock goes on.
        crate::support::sealift::ran(command.args(args).args(more).env_remove("SOURCE_DATE_EPOCH"))
    };
    for name in ["once", "once.tar"] {
        export(name, &["--expires", "9"]).ok();
        let before = crate::support::files::tree(&sealift.at(""));
        for more in [&[][..], &["--dry-run"]] {
            let done = export(name, &[&["--expires", "9"], more].concat()).ok();
            done.says(&format!("bundle {name} is complete already"));
        }
        let json = export(name, &["--expires", "9", "--format", "json"]).ok().json();
        assert_eq!(json["alreadyComplete"], true);

        // Another list, other platforms, another key, another name or time for it: not the same.
        export(name, &["--expires", "8"]).exits(code::USAGE).says("exists already").says(
            "it holds the same, and expires 9 days after it was made; one that expires 8 days",
        );
        for other in [
            &["--platform", "linux/amd64", "--expires", "9"][..],
            &["--name", "other:1", "--expires", "9"],
            &[],
        ] {
            export(name, other).exits(code::USAGE).says("exists already");
        }
        let stranger = sealift.keys("stranger");
        run!(sealift, "export", HELLO, "-o", name, "--sign-key", stranger.private)
            .exits(code::USAGE)
            .says("exists already");
        std::fs::remove_file(&stranger.private).unwrap();
        std::fs::remove_file(&stranger.public).unwrap();
        assert_eq!(crate::support::files::tree(&sealift.at("")), before);
    }
    // One that lost something is not complete.
    let blobs = std::fs::read_dir(sealift.at("once/blobs/sha256")).unwrap();
    std::fs::remove_file(blobs.last().unwrap().unwrap().path()).unwrap();
    export("once", &["--expires", "9"]).exits(code::USAGE);
    run!(sealift, "verify", "once.tar", "--key", keys.public).ok();
}

#[test]
fn a_file_that_is_too_large_for_where_it_goes_is_told_before_it_is_written() {
    let sealift = Sealift::new();
    hello(&sealift);
    // The limit of a user stands for that of a file system: 2 blocks of 1024 bytes.
    let limited = |kib: u32, args: &str| {
        let own = sealift.command();
        let program = own.get_program().to_str().unwrap();
        let mut command = std::process::Command::new("bash");
        let line = format!("ulimit -f {kib}; exec {program} {args}");
        command.args(["-c", &line]).current_dir(sealift.at("")).env_clear();
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        crate::support::sealift::ran(&mut command)
    };

    let packed = limited(2, &format!("export {HELLO} -o large.tar --sign-key signer.key.pem"));
    packed
        .exits(code::NO_ROOM)
        .says("large.tar will have ")
        .says("and a file there can have 2.00 KiB (2048 bytes) at most")
        .says("hint: ")
        .says("FAT takes less than 4 GiB");
    assert!(!sealift.at("large.tar").exists());
    let archive = limited(2, "import b --to docker-archive:large.tar --key signer.pub.pem");
    archive.exits(code::NO_ROOM).says("large.tar will have ");
    // Where it is not known before.
    limited(0, "import b --to docker-archive:large.tar.gz --key signer.pub.pem")
        .exits(code::NO_ROOM);
    assert!(!sealift.at("large.tar").exists() && !sealift.at("large.tar.gz").exists());
}

#[test]
fn an_archive_is_compressed_as_its_name_says() {
    let sealift = Sealift::new();
    let keys = hello(&sealift);
    let import = |to: &str, more: &[&str]| {
        let to = format!("docker-archive:{to}");
        let mut command = sealift.command();
        command.args(["import", "b", "--to", &to, "--key"]).arg(&keys.public).args(more);
        crate::support::sealift::ran(&mut command)
    };
    let magic = |name: &str| std::fs::read(sealift.at(name)).unwrap()[..2].to_vec();

    import("a.tar.gz", &[]).ok();
    import("b.TGZ", &[]).ok();
    import("c.tar", &[]).ok();
    import("d.img", &["--gzip"]).ok();
    import("e/", &["--name-template", "{name}.tgz"]).ok();
    for name in ["a.tar.gz", "b.TGZ", "d.img", "e/hello.tgz"] {
        assert_eq!(magic(name), [0x1f, 0x8b], "{name}");
    }
    assert_ne!(magic("c.tar"), [0x1f, 0x8b]);
    for name in ["x.tar.zst", "x.tar.xz", "x.tbz2", "x.zip"] {
        import(name, &[]).exits(code::USAGE).says("would not be what its name says");
        assert!(!sealift.at(name).exists());
    }
}

#[test]
fn an_attestation_without_its_parts_can_be_left_behind_as_the_hint_says() {
    use crate::support::content::digest;
    let sealift = Sealift::new();
    sealift.keys("signer");
    let from = std::path::Path::new(HELLO.strip_prefix("oci:").unwrap());
    let at = sealift.at("attested");
    crate::support::files::copy(from, &at);
    let read = |path: &std::path::Path| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let blob = |digest: &str| at.join("blobs/sha256").join(digest.replace("sha256:", ""));
    let put = |value: &serde_json::Value| {
        let bytes = value.to_string().into_bytes();
        std::fs::write(blob(&digest(&bytes)), &bytes).unwrap();
        (digest(&bytes), bytes.len())
    };
    let mut index = read(&at.join("index.json"));
    let mut top = read(&blob(index["manifests"][0]["digest"].as_str().unwrap()));
    let (config, size) = put(&serde_json::json!({"architecture": "unknown", "os": "unknown"}));
    let gone = digest(b"an attestation");
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let attestation = serde_json::json!({"schemaVersion": 2, "mediaType": kind,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config,
            "size": size},
        "layers": [{"mediaType": "application/vnd.in-toto+json", "digest": gone, "size": 14}]});
    let (attestation, size) = put(&attestation);
    top["manifests"].as_array_mut().unwrap().push(serde_json::json!({"mediaType": kind,
        "digest": attestation, "size": size,
        "platform": {"architecture": "unknown", "os": "unknown"}}));
    let (top, size) = put(&top);
    index["manifests"][0]["digest"] = top.into();
    index["manifests"][0]["size"] = size.into();
    std::fs::write(at.join("index.json"), index.to_string()).unwrap();

    let export = ["export", "oci:attested", "-o", "b", "--sign-key", "signer.key.pem"];
    let hint = ["--platform", "linux/amd64,linux/arm64", "--no-referrers", "--rewrite-index"];
    crate::support::sealift::ran(sealift.command().args(export))
        .exits(code::INCOMPLETE)
        .says(&gone)
        .says(&format!("hint: {}", hint.join(" ")));
    crate::support::sealift::ran(sealift.command().args(export).args(hint)).ok();
}

#[test]
fn an_option_that_has_no_effect_here_is_said() {
    let sealift = Sealift::new();
    hello(&sealift);
    let run = |args: &str| crate::support::sealift::ran(sealift.command().args(args.split(' ')));
    let import = "import b --key k.pub.pem --dry-run".replace("k.pub", "signer.pub");

    for (args, words) in [
        (
            format!("{import} --to oci:x --create-projects --chunk-size 5MB --timeout 9"),
            "note: --create-projects, --chunk-size, --timeout have no effect here: a layout is no \
             registry",
        ),
        (
            format!("{import} --to docker-archive:x.tar --quick"),
            "note: --quick has no effect here: an archive is no registry",
        ),
        (
            format!("{import} --to oci:x --keep-going --failed-list f"),
            "note: --failed-list has no effect here: a dry run brings nothing",
        ),
        (
            format!("export {HELLO} -o n --sign-key signer.key.pem --dry-run --limit-rate 1MB"),
            "note: --limit-rate has no effect here: no image is in a registry",
        ),
        (
            format!(
                "export {HELLO}:docker.io/library/hello:1.0 -o n --sign-key signer.key.pem --dry-run --skip-unreadable"
            ),
            "note: --skip-unreadable has no effect here: every image is named",
        ),
        (
            format!("{import} --to docker-archive:x.tar --jobs 3"),
            "note: --jobs has no effect here: an archive is written from front to back",
        ),
        (
            format!("{import} --to oci:x --rewrite-index --to-oci"),
            "note: --to-oci has no effect here: no manifest is of Docker's types",
        ),
        (
            format!("{import} --to oci:x --rewrite-index"),
            "note: --rewrite-index has no effect here: no index names parts that were left out",
        ),
        (
            format!("{import} --to oci:x --flatten --map docker.io/library/hello=a/hello"),
            "note: --flatten has no effect here: it changes no name",
        ),
        (
            format!("{import} --to oci:x --authfile nofile --cert-dir b"),
            "note: --authfile, --cert-dir have no effect here: a layout is no registry",
        ),
        (
            format!("{import} --to oci:x --verbose --format json"),
            "note: --verbose has no effect here: JSON has everything in full",
        ),
        (
            format!(
                "export {HELLO} -o n --sign-key signer.key.pem --dry-run --platform \
                     linux/amd64,linux/arm64 --rewrite-index --authfile nofile"
            ),
            "note: --rewrite-index has no effect here: no index names platforms",
        ),
        (
            "inspect b --long --format json".to_owned(),
            "note: --long has no effect here: JSON has everything in full",
        ),
        (
            "logout localhost:1 --jobs 2 --timeout 3".to_owned(),
            "note: --timeout, --jobs have no effect here: the registry is not asked",
        ),
        (
            format!("export {HELLO} -o n --sign-key signer.key.pem --dry-run --passphrase-file b"),
            "note: --passphrase-file has no effect here: the key is not encrypted",
        ),
    ] {
        let done = run(&args);
        assert_eq!(done.code, code::DONE, "{done:?}");
        assert!(done.stderr.contains(words), "{words:?} in {done:?}");
    }
    let quiet = run(&format!("{import} --to oci:x")).ok();
    assert!(!quiet.stderr.contains("no effect"), "{quiet:?}");
}

#[test]
fn what_an_interrupted_export_had_fetched_of_a_blob_is_not_counted_as_fetched() {
    let sealift = Sealift::new();
    hello(&sealift);
    crate::support::files::copy(&sealift.at("b"), &sealift.at("n.partial"));
    let blobs = sealift.at("n.partial/blobs/sha256");
    let all = std::fs::read_dir(&blobs).unwrap().map(|it| it.unwrap());
    let layer = all.max_by_key(|it| it.metadata().unwrap().len()).unwrap();
    let (bytes, name) = (std::fs::read(layer.path()).unwrap(), layer.file_name());
    std::fs::remove_file(layer.path()).unwrap();
    let part = blobs.join(format!(".sealift-part-{}", name.to_str().unwrap()));
    std::fs::write(part, &bytes[..1000]).unwrap();

    let export = ["export", HELLO, "-o", "n", "--sign-key", "signer.key.pem", "--format", "json"];
    let done = crate::support::sealift::ran(sealift.command().args(export)).ok();

    assert_eq!(done.number("/fetched/blobs"), 1, "{done:?}");
    assert_eq!(done.number("/fetched/bytes"), bytes.len() as u64 - 1000, "{done:?}");
    assert_eq!(done.number("/continued"), 1000, "{done:?}");
    done.says("fetching: 1 file, ");
}

#[test]
fn serving_a_bundle_that_is_dated_in_the_future_says_so() {
    let sealift = Sealift::new();
    sealift.keys("k");
    let mut export = sealift.command();
    export.args(["export", HELLO, "-o", "b", "--sign-key", "k.key.pem"]);
    crate::support::sealift::ran(export.env("SOURCE_DATE_EPOCH", "4100000000")).ok();
    let program = env!("CARGO_BIN_EXE_sealift");
    let mut serve = std::process::Command::new("timeout");
    serve.args(["-s", "INT", "4", program, "serve", "b", "--key", "k.pub.pem"]);
    serve.args(["--listen", "127.0.0.1:0"]).current_dir(sealift.at(""));

    let done = crate::support::sealift::ran(&mut serve);

    done.says("listening on ").says("warning: its date, 2099-12-").says("is in the future");
}

#[test]
fn ordinary_mistakes_are_told_with_their_way_out() {
    let sealift = Sealift::new();
    hello(&sealift);
    std::fs::write(sealift.at("empty.txt"), "# nothing yet\n").unwrap();
    std::fs::write(sealift.at("x.tar"), "").unwrap();
    let long = "a".repeat(300);
    let export = "-o n --sign-key signer.key.pem";
    for (args, words, hint) in [
        ("export a:1 -o n --sign-key signer.pub.pem", "this is a public key", "name the .key.pem"),
        (&format!("export -f empty.txt {export}"), "empty.txt names no image", "one name a line"),
        (&format!("export ./x.tar {export}"), "./x.tar is a file here", "oci-archive:FILE"),
        (&format!("export x.tar {export}"), "x.tar is a file here", "oci-archive:FILE"),
        (&format!("export empty.txt {export}"), "empty.txt is a file here", "-f FILE"),
        (&format!("export . {export}"), ". is a folder here", "oci:FOLDER"),
        (&format!("export h.example/{long}:1 {export}"), "of 300 characters is too long", "255"),
    ] {
        let done = crate::support::sealift::ran(sealift.command().args(args.split(' ')));
        let done = done.exits(code::USAGE).says(words);
        assert!(done.stderr.contains("hint: ") && done.stderr.contains(hint), "{done:?}");
        assert!(!done.stderr.contains("holds a secret"), "{done:?}");
    }
    run!(sealift, "verify", "docker://h/x", "--key", "signer.pub.pem")
        .exits(code::INCOMPLETE)
        .says("hint: check the path");
}
