//! Scanners that look at images before they cross: ClamAV's own, and scripts that misbehave.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::limits::Disk;
use crate::support::content::{Layer, digest, tar};
use crate::support::images::{Image, write_layout};
use crate::support::sealift::{Ran, code, ran};
use crate::support::site::Site;

/// The file by which scanners are tried out, harmless by itself, and put together here so that none takes
/// this one for it (eicar.org).
fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into()
}

/// A site with images in the layout `in`: `clean:1`, and `evil:1`, whose first layer is the same.
fn site() -> Site {
    let site = Site::new();
    let sealift = &site.sealift;
    let base = Layer::gzip(&tar(&[("etc/name", b"base", 0o644), ("usr/x", b"x", 0o755)]));
    let mut files = tar::Builder::new(Vec::new());
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        files.append_data(&mut header, name, bytes).unwrap();
    };
    add("etc/fine", b"fine");
    add("opt/ü \u{1b}[31m/a/b/c/d/e/f/-r it's $(x)", &eicar());
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Link);
    link.set_size(0);
    files.append_link(&mut link, "bin/sh", "etc/fine").unwrap();
    let evil = Layer::zstd(&files.into_inner().unwrap());
    let clean = Image::single("acme/clean", "1", "[]", std::slice::from_ref(&base));
    let evil = Image::single("acme/evil", "1", "[]", &[base, evil]);
    write_layout(
        &sealift.at("in"),
        &[("x.example/acme/clean:1", &clean), ("x.example/acme/evil:1", &evil)],
    );
    std::fs::create_dir(sealift.at("scratch")).unwrap();
    site
}

/// A script, by its path.
fn script(site: &Site, name: &str, body: &str) -> String {
    let path = site.sealift.at(name);
    let version = "if [ \"$1\" = --version ]; then echo Tool 7; exit; fi\n";
    std::fs::write(&path, format!("#!/bin/sh\n{version}{body}\n")).unwrap();
    assert!(Command::new("chmod").arg("755").arg(&path).status().unwrap().success());
    path.display().to_string()
}

/// Has `command` scan, with `more` arguments, which are split at spaces.
fn with(site: &Site, mut run: Command, command: &str, more: &str) -> Ran {
    run.args(more.split_whitespace());
    if !command.is_empty() {
        run.args(["--scan", command, "--scan-scratch"]).arg(site.sealift.at("scratch"));
    }
    let ran = ran(&mut run);
    assert_eq!(left(site), 0, "files are left in the scratch folder");
    ran
}

fn export(site: &Site, images: &str, bundle: &str, command: &str, more: &str) -> Ran {
    with(site, site.export(&[format!("oci:in{images}")], bundle, ""), command, more)
}

fn import(site: &Site, bundle: &str, to: &str, command: &str, more: &str) -> Ran {
    with(site, site.import(bundle, to, ""), command, more)
}

/// How many files are in the scratch folder.
fn left(site: &Site) -> usize {
    std::fs::read_dir(site.sealift.at("scratch")).unwrap().count()
}

fn lines(site: &Site, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(site.sealift.at(name)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The commands by which ClamAV looks, with one signature.
fn clamav(site: &Site) -> [String; 2] {
    let eicar = eicar();
    let line = format!("{}:{}:Eicar-Test\n", &digest(&eicar)[7..], eicar.len());
    let path = site.sealift.at("signatures.hsb");
    std::fs::write(&path, line).unwrap();
    let path = path.display();
    [
        format!("clamscan --database={path} --no-summary --infected -"),
        format!("clamscan --database={path} --no-summary --infected --recursive {{dir}}"),
    ]
}

#[test]
fn clamscan_finds_eicar_on_export_and_on_import_and_lets_pass_what_is_clean() {
    need!("clamscan");
    let site = site();
    let [stream, files] = clamav(&site);
    export(&site, "", "evil.tar", "", "").ok();
    for command in [&stream, &files] {
        for output in ["out", "out.tar"] {
            export(&site, "", output, command, "")
                .exits(code::UNTRUSTED)
                .says("found something in layer sha256:")
                .says("of x.example/acme/evil:1")
                .says("Eicar-Test.UNOFFICIAL FOUND");
            assert!(!site.exists(output));
        }
        import(&site, "evil.tar", "oci:there", command, "")
            .exits(code::UNTRUSTED)
            .says("of x.example/acme/evil:1")
            .says("Eicar-Test.UNOFFICIAL FOUND");
        assert!(!site.exists("there"), "nothing may be written");
    }
    // The file is named as it is in the layer, and nothing in its name reaches a terminal.
    let found = import(&site, "evil.tar", "oci:there", &files, "").exits(code::UNTRUSTED);
    assert!(
        found.stderr.contains(r"opt/ü \u{1b}[31m/a/b/c/d/e/f/-r it's $(x): Eicar"),
        "{found:?}"
    );
    assert!(!found.stderr.contains('\u{1b}'));
    // What an export left is signed by nobody; without the image it goes on from there.
    assert!(site.exists("out.partial/blobs") && !site.exists("out.partial/sig"));

    let made = export(&site, ":x.example/acme/clean:1", "out", &files, "--format json").ok().json();
    let said = made["screenings"].as_array().unwrap();
    assert_eq!((said.len(), &said[0]["kind"]), (1, &Value::from("scan")));
    assert_eq!(said[0]["image"], "x.example/acme/clean:1");
    assert_eq!((&said[0]["command"], &said[0]["layers"]), (&files.as_str().into(), &1.into()));
    assert!(said[0]["tool"].as_str().unwrap().starts_with("ClamAV "), "{said:?}");
    run!(site.sealift, "inspect", "out").ok().says("found nothing in 1 layer");
    import(&site, "out", "oci:there", &stream, "").ok().says("found nothing in 1 image");
    let noted: Vec<Value> =
        run!(site.sealift, "ledger", "show", "--format", "json").ok().json()["entries"]
            .as_array()
            .unwrap()
            .clone();
    let has = |test: &dyn Fn(&Value) -> bool| noted.iter().any(test);
    assert!(has(&|it| it["event"]["screenings"][0]["command"] == stream.as_str()), "{noted:#?}");
    assert!(
        has(&|it| it["event"]["verb"] == "import" && it["event"]["error"]["class"] == "untrusted"),
        "{noted:#?}"
    );
}

#[test]
fn each_layer_is_seen_once_as_it_is_asked_for() {
    let site = site();
    let log = site.sealift.at("log").display().to_string();
    let own = format!("echo \"$@\" >> {log}; ");
    let stream = script(&site, "stream", &format!("{own} tar -t >> {log}"));
    let files =
        script(&site, "files", &format!("{own} cd \"$1/files\" && find . -type f >> {log}"));
    let layout = script(
        &site,
        "layout",
        &format!(
            "{own} test -f \"$1/oci-layout\" && grep -q \"$2\" \"$1/index.json\" && cd \"$1/blobs/sha256\" \
             && for f in *; do echo \"$f  $f\" | sha256sum -c >/dev/null || exit 2; done"
        ),
    );
    // Beside {layout}, {image} and {digest} are one word each, whatever is in them.
    let more = [
        "--scan",
        &format!("{files} {{dir}}"),
        "--scan",
        &format!("{layout} {{layout}} {{image}}"),
    ]
    .map(str::to_owned);
    for output in ["b", "b.tar"] {
        let mut export = site.sealift.command();
        export.args(["export", "oci:in", "-o", output, "--sign-key"]).arg(&site.keys.private);
        export.args(&more);
        with(&site, export, &format!("{stream} '{{image}} and' {{digest}}"), "").ok();

        let lines = lines(&site, "log");
        std::fs::remove_file(&log).unwrap();
        let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
        assert_eq!(count(" and sha256:"), 2, "{lines:#?}");
        assert_eq!(count("x.example/acme/clean:1 and"), 1, "the shared layer once: {lines:#?}");
        // Once in a stream, and once among files.
        assert_eq!((count("usr/x"), count("etc/fine"), count("bin/sh")), (2, 2, 1), "{lines:#?}");
        assert_eq!(count("sealift-") - 2, 2, "each image in a layout: {lines:#?}");
    }
    export(&site, "", "b", "", "").exits(code::USAGE).says("exists already");
    let same = format!("{stream} '{{image}} and' {{digest}}");
    let mut again = site.sealift.command();
    again.args(["export", "oci:in", "-o", "b", "--sign-key"]).arg(&site.keys.private).args(&more);
    with(&site, again, &same, "").ok().says("is complete already");
    assert!(!site.exists("log"), "what was scanned is not scanned again");

    export(&site, "", "n", &stream, "--dry-run")
        .ok()
        .says("would scan 2 layers")
        .says("of 2 images");
    import(&site, "b", "oci:n", &stream, "--dry-run").ok().says("would scan 2 layers");
    assert!(!site.exists("log") && !site.exists("n"));
}

#[test]
fn what_was_not_scanned_does_not_cross() {
    let site = site();
    export(&site, "", "b", "", "").ok();
    let noisy = "cat >/dev/null; printf 'bad \\033[31mred\\n'; yes \"$(printf %0500d 7)\" | head -c 100000000; exit 1";
    let hangs = format!("echo $$ > {}; sleep 600", site.sealift.at("pid").display());
    for (body, exit, words, more) in [
        ("cat >/dev/null; echo broken >&2; exit 2", 1, "failed (exit code 2)", ""),
        ("cat >/dev/null; kill -9 $$", 1, "was killed", ""),
        (hangs.as_str(), 1, "did not end within 1 seconds", "--scan-timeout 1"),
        (noisy, 3, "found something in", ""),
    ] {
        let command = script(&site, "scanner", body);
        let ran = [
            export(&site, "", "n", &command, more).exits(exit).says(words),
            import(&site, "b", "oci:n", &command, more).exits(exit).says(words),
        ];
        for ran in ran {
            let hint = "give it longer with --scan-timeout";
            assert_eq!(ran.stderr.contains(hint), !more.is_empty(), "{ran:?}");
            assert!(ran.stderr.len() < 40_000 && !ran.stderr.contains('\u{1b}'), "{body}");
        }
        assert!(!site.exists("n"), "{body}");
    }
    let pid = lines(&site, "pid").remove(0);
    assert!(!PathBuf::from(format!("/proc/{pid}")).exists(), "it lives on");

    import(&site, "b", "oci:n", "/no/such/scanner", "").exits(1).says("is not installed");
    // Whom the system keeps from looking on the PATH does not know whether it is there.
    let closed = site.sealift.at("closed");
    std::fs::create_dir(&closed).unwrap();
    assert!(Command::new("chmod").arg("000").arg(&closed).status().unwrap().success());
    let mut bound = site.sealift.bound_command();
    let path = format!("{}:{}", closed.display(), std::env::var("PATH").unwrap());
    bound.env("PATH", path).args(["import", "b", "--to", "oci:n", "--key"]);
    bound.arg(&site.keys.public).args(["--scan", "no-such-scanner"]);
    ran(&mut bound).exits(1).says("cannot run no-such-scanner").says("does not cross");
    export(&site, "", "n", "clamscan '", "").exits(code::USAGE).says("a quote is not closed");
    export(&site, "", "n", "clamscan {dri}", "").exits(code::USAGE).says("stands for nothing");
}

#[test]
fn files_that_have_no_room_are_not_laid_until_the_disk_is_full() {
    need!("root", "mount");
    let site = site();
    std::fs::remove_dir(site.sealift.at("scratch")).unwrap();
    let _disk = Disk::new(site.sealift.at("scratch"), "32M");
    let files = script(&site, "files", "test -d \"$1\"");
    let zeros = Layer::gzip(&tar(&[("zeros", &vec![0; 40 << 20], 0o644)]));
    let image = Image::single("acme/zeros", "1", "[]", &[zeros]);
    write_layout(&site.sealift.at("large"), &[("x.example/acme/zeros:1", &image)]);

    let export = site.export(&["oci:large".to_owned()], "n", "");
    with(&site, export, &format!("{files} {{dir}}"), "")
        .exits(code::NO_ROOM)
        .says("no room to lay the files of a layer down that is scanned")
        .says("--scan-scratch");
    assert!(!site.exists("n"));
}

#[test]
fn layers_that_nobody_can_look_into_stop_what_they_belong_to() {
    let site = site();
    let fine = script(&site, "fine", "cat >/dev/null");
    let files = script(&site, "files", "test -d \"$1\"");
    let layer = |media_type, bytes: &[u8]| Layer {
        media_type,
        bytes: bytes.to_vec(),
        diff_id: digest(bytes),
    };
    let gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
    for (name, layer, command, exit, words) in [
        (
            "encrypted",
            layer("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", b"?"),
            &fine,
            code::UNTRUSTED,
            "cannot be scanned: it is application/vnd",
        ),
        ("xz", layer(gzip, b"\xfd7zXZ\0\0\x04\xe6\xd6"), &fine, code::UNTRUSTED, "it is xz"),
        ("no-tar", layer(gzip, &[b'x'; 2000]), &files, code::DAMAGED, "is no tar"),
    ] {
        let image = Image::single("acme/odd", name, "[]", &[layer]);
        let at = format!("odd-{name}");
        write_layout(&site.sealift.at(&at), &[(&format!("x.example/acme/{name}:1"), &image)]);
        let command = match command == &files {
            true => format!("{command} {{dir}}"),
            false => command.clone(),
        };
        let mut export = site.sealift.command();
        export.args(["export", &format!("oci:{at}"), "-o", &format!("{name}.tar"), "--sign-key"]);
        export.arg(&site.keys.private);
        with(&site, export, &command, "").exits(exit).says(words).says(&format!("acme/{name}:1"));
        assert!(!site.exists(&format!("{name}.tar")), "{name}");
    }
}

#[test]
fn a_finished_bundle_that_no_scanner_saw_is_not_called_scanned() {
    let site = site();
    let stops = script(&site, "stops", "cat > /dev/null; exit 1");
    export(&site, ":x.example/acme/clean:1", "plain", "", "").ok();
    export(&site, ":x.example/acme/clean:1", "plain", &stops, "")
        .exits(code::USAGE)
        .says("does not say that these scanners have seen it");
}
