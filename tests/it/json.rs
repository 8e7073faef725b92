//! JSON is a promise: one value a run, the same members for ever, each of them described in
//! docs/json.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use sealift::bundle::ledger::{
    LedgerBook, LedgerEvent, LedgerImage, LedgerMapping, LedgerOverride, LedgerScribe, LedgerStage,
    LedgerTrust, LedgerVerb,
};
use sealift::words::error::{Class, Error, RuleRefusal};
use serde_json::{Value, json};

use crate::support::content::{Layer, digest, tar};
use crate::support::double::{Double, Reply, Seen, no_script};
use crate::support::harbor::{Harbor, Role};
use crate::support::images::{self, Image};
use crate::support::sealift::{Ran, Sealift, code, ran};
use crate::support::snapshot::{check, folder, members};
use crate::support::{Process, files};

/// A config and a layer of the bundle that version 0.1 wrote.
const CONFIG: &str = "a938e6f7dd5f4388c923bbde616fad6c44b58300ba60c7386374c7cd19968a45";
const LAYER: &str = "98a04b4aa0351fd3c395c4326cd60314c1dc6860ed2d511c54c0a2635d32991e";

/// A scratch folder with what version 0.1 wrote, and the layout `hello`.
fn desk() -> Sealift {
    let sealift = Sealift::new();
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let old = testdata.join("formats/v1");
    for name in ["folder", "packed.tar", "skipped.tar", "signer.pub.pem"] {
        files::copy(&old.join(name), &sealift.at(name));
    }
    files::copy(&testdata.join("hello"), &sealift.at("hello"));
    sealift
}

/// Runs `line`, which has no quotes, with JSON asked for.
fn run(sealift: &Sealift, line: &str) -> Ran {
    ran(sealift.command().args(line.split_whitespace()).args(["--format", "json"]))
}

/// Exports what `line` says, to a bundle whose signer and statement are new each time.
fn export(sealift: &Sealift, name: &str, line: &str) -> Ran {
    let ran = run(sealift, &format!("export {line} --sign-key own.key.pem"));
    let told = ran.json();
    let text = |member: &str| told[member].as_str().unwrap_or("nothing of that kind").to_owned();
    let base = told["leansOn"][0]["digest"].as_str().unwrap_or("nothing of that kind").to_owned();
    let varying = [
        (&text("key"), "<key>"),
        (&text("statement"), "<statement>"),
        (&base, "<base>"),
        (&free(&ran), "9"),
        (&read_back(&ran), "device"),
    ];
    check(name, &ran, &varying.map(|(given, placeholder)| (given.as_str(), placeholder)));
    ran
}

/// How much room the first place of a plan has, which is another one each time.
fn free(ran: &Ran) -> String {
    let told = serde_json::from_str::<Value>(&ran.stdout).unwrap_or_default();
    let free = told.pointer("/sizes/room/0/free").and_then(Value::as_u64);
    free.map_or("nothing of that kind".to_owned(), |free| free.to_string())
}

#[test]
fn beside_an_archive_on_standard_output_the_value_is_all_that_is_said() {
    let sealift = desk();
    run(&sealift, "key generate --no-passphrase -o own").ok();
    run(&sealift, "export oci:hello -o b --sign-key own.key.pem").ok();
    let import = |key: &str| {
        let line = format!("import b --to docker-archive:- --format json --key {key}");
        let out = sealift.command().args(line.split(' ')).output().unwrap();
        serde_json::from_slice::<Value>(&out.stderr).map(|value| value["ok"].clone())
    };

    assert_eq!(import("own.pub.pem").unwrap(), true);
    assert_eq!(import("signer.pub.pem").unwrap(), false);
}

#[test]
fn a_path_that_is_no_plain_text_reaches_no_terminal_as_it_is() {
    let sealift = desk();

    let made =
        ran(sealift.command().args(["key", "generate", "--no-passphrase", "-o", "z\x1b[31mk"]))
            .ok();

    assert!(!made.stdout.contains('\x1b') && made.stdout.contains("z\\u{1b}[31mk.key.pem"));
    for folder in [".", ".."] {
        run(&sealift, &format!("key generate --no-passphrase -o {folder}")).exits(code::USAGE);
    }
}

#[test]
fn keys() {
    let sealift = desk();

    let made = run(&sealift, "key generate --no-passphrase -o own").ok();
    let id = made.json()["keyId"].as_str().unwrap().to_owned();
    check("key-generate", &made, &[(&id, "<key>")]);
    check("key-show", &run(&sealift, "key show signer.pub.pem").ok(), &[]);
    let again = run(&sealift, "key generate --no-passphrase -o own").exits(code::USAGE);
    check("key-generate.taken", &again, &[]);
    let changed = run(&sealift, "key passphrase own.key.pem --no-passphrase").ok();
    check("key-passphrase", &changed, &[(&id, "<key>")]);
}

#[test]
fn signatures() {
    let sealift = desk();
    sealift.keys("own");
    let shown = run(&sealift, "key show own.pub.pem").json();
    let id = shown["keyId"].as_str().unwrap().to_owned();

    let sign = |line: &str| run(&sealift, &format!("sign {line} --key signer.pub.pem"));
    let made = sign("packed.tar -o signed --sign-key own.key.pem").ok();
    check("sign", &made, &[(&id, "<key>")]);
    check("sign.prepared", &sign("signed --prepare to-sign").ok(), &[]);
    check("sign.in-place", &sign("packed.tar --sign-key own.key.pem").exits(code::USAGE), &[]);
}

#[test]
fn configuration_of_clients() {
    let sealift = desk();

    let line =
        "mirror-config packed.tar --key signer.pub.pem --only acme/list --to docker://h.example";
    check("mirror-config", &run(&sealift, &format!("{line} --for docker,k3s -o etc")).ok(), &[]);
    let misled = run(&sealift, &format!("{line}/group --for docker")).exits(code::USAGE);
    check("mirror-config.misfit", &misled, &[]);
}

#[test]
fn proofs() {
    let sealift = desk();

    let made = run(&sealift, "proof packed.tar --key signer.pub.pem -o p").ok();
    check("proof", &made, &[]);
    let again = run(&sealift, "proof packed.tar --key signer.pub.pem -o p").exits(code::USAGE);
    check("proof.taken", &again, &[]);
    run(&sealift, "key generate --no-passphrase -o own").ok();
    let told = run(&sealift, "key show own.pub.pem").json();
    let own = told["keyId"].as_str().unwrap();
    let line = "proof packed.tar --key signer.pub.pem --sign-key own.key.pem -o q";
    check("proof.unsigned", &run(&sealift, line).exits(code::UNTRUSTED), &[(own, "<key>")]);
}

#[test]
fn roots_of_trust() {
    let sealift = desk();
    let mut varying: Vec<(String, String)> = Vec::new();
    for name in ["alice", "bob"] {
        sealift.keys(name);
        let shown = run(&sealift, &format!("key show {name}.pub.pem")).json();
        let id = shown["keyId"].as_str().unwrap().to_owned();
        varying.push((id, format!("<{name}>")));
        let pem = shown["publicKey"].to_string();
        varying.push((pem.trim_matches('"').to_owned(), format!("<pem of {name}>")));
    }
    let snapshot = |name: &str, line: &str, more: &[(&str, &str)]| {
        let ran = run(&sealift, line);
        let told = ran.json();
        let own = told["fingerprint"].as_str().or(told["trust"]["fingerprint"].as_str());
        let own = own.map(|own| (own, "<fingerprint>"));
        let all = varying.iter().map(|(given, shown)| (given.as_str(), shown.as_str()));
        check(name, &ran, &all.chain(own).chain(more.iter().copied()).collect::<Vec<_>>());
        ran
    };

    let two = "--signer alice=alice.pub.pem --signer bob=bob.pub.pem --threshold 1";
    snapshot("trust-new", &format!("trust new root.1.json {two}"), &[]).ok();
    snapshot("trust-verify.unsigned", "trust verify root.1.json", &[]).exits(code::UNTRUSTED);
    snapshot("trust-sign", "trust sign root.1.json --sign-key alice.key.pem", &[]).ok();
    let told = run(&sealift, "trust show root.1.json").json();
    let told = told["fingerprint"].as_str().unwrap().to_owned();
    let init = format!("trust init root.1.json --trust t --fingerprint {told}");
    snapshot("trust-init", &init, &[]).ok();
    run(&sealift, "export oci:hello -o b --sign-key bob.key.pem").ok();
    let statement = run(&sealift, "inspect b").json()["statement"].as_str().unwrap().to_owned();
    let varied = [(statement.as_str(), "<statement>")];
    snapshot("verify.trust", "verify b --trust t", &varied).ok();
    let line = format!("trust revoke root.2.json bob --reason gone --accept {statement} --trust t");
    snapshot("trust-revoke", &line, &varied).ok();
    let line = "trust deny root.2.json --repository quay.io/a/* --reason bad --trust t";
    snapshot("trust-deny.repository", line, &varied).ok();
    let other = digest(b"");
    let line = format!("trust deny root.2.json --digest {other} --reason bad --trust t");
    snapshot("trust-deny", &line, &varied).ok();
    let line = "trust add root.2.json --signer alice --stream prod --expires 36500 --trust t";
    snapshot("trust-add", line, &varied).ok();
    let line = "trust remove root.2.json alice --stream prod --trust t";
    snapshot("trust-remove", line, &varied).ok();
    run(&sealift, "trust sign root.2.json --sign-key alice.key.pem --trust t").ok();
    snapshot("trust-show", "trust show root.2.json --trust t", &varied).ok();
    snapshot("trust-rotate", "trust rotate root.2.json --trust t", &varied).ok();
    snapshot("trust-verify", "trust verify --trust t", &varied).ok();
    snapshot("verify.revoked", "verify b --trust t", &varied).ok();
    run(&sealift, "export oci:hello -o c --sign-key bob.key.pem --expires 36500").ok();
    snapshot("verify.threshold", "verify c --trust t", &[]).exits(code::UNTRUSTED);
}

/// An archive as docker writes it, without a manifest.
fn saved() -> Vec<u8> {
    let layer = images::one_file("a", "b");
    let rootfs = json!({"type": "layers", "diff_ids": [digest(&layer)]});
    let config = json!({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs});
    let list = json!([{"Config": "c.json", "RepoTags": ["a/b:1"], "Layers": ["l.tar"]}]);
    tar(&[
        ("c.json", config.to_string().as_bytes(), 0o644),
        ("l.tar", &layer, 0o644),
        ("manifest.json", list.to_string().as_bytes(), 0o644),
    ])
}

/// Whence a bundle was read back, which the file system decides.
fn read_back(ran: &Ran) -> String {
    let told = serde_json::from_str::<Value>(&ran.stdout).unwrap_or_default();
    told["readBack"].as_str().unwrap_or("nothing of that kind").to_owned()
}

#[test]
fn exports() {
    let sealift = desk();
    sealift.keys("own");

    export(&sealift, "export.dry-run", "oci:hello -o b --dry-run");
    export(&sealift, "export", "oci:hello -o b").ok();
    export(&sealift, "export.dry-run.since", "oci:hello -o next --dry-run --since b").ok();
    export(&sealift, "export.read-back", "oci:hello -o back --verify-media").ok();
    export(&sealift, "export.protected", "oci:hello -o kept.tar --redundancy 5%").ok();
    fs::create_dir(sealift.at("usb")).unwrap();
    export(&sealift, "export.drive", "oci:hello -o set --volume-size 2MB --volume-dir usb").ok();
    export(&sealift, "export.delta", "oci:hello -o delta --since b").ok();
    export(&sealift, "export.stream", "oci:hello -o first --stream prod --new-epoch").ok();
    export(&sealift, "export.part", "oci:hello -o part --platform linux/amd64").ok();
    export(&sealift, "export.smaller", "oci:hello -o less --platform linux/amd64 --rewrite-index")
        .ok();
    fs::create_dir(sealift.at("saved")).unwrap();
    fs::write(sealift.at("saved/none.tar"), "no archive").unwrap();
    export(&sealift, "export.skipped", "oci:hello docker-archive:saved -o most --skip-unreadable")
        .ok();
    fs::write(sealift.at("saved.tar"), saved()).unwrap();
    export(&sealift, "export.made", "docker-archive:saved.tar -o made").ok();
    let absent = run(&sealift, "export oci:hello:nobody -o no --sign-key own.key.pem");
    check("export.absent", &absent.exits(code::INCOMPLETE), &[]);
}

#[test]
fn locks() {
    let sealift = desk();
    run(&sealift, "key generate --no-passphrase -o own").ok();
    let double = Double::start(no_script);
    let image = |tag: &str, content: &str| {
        Image::single("acme/app", tag, "[]", &[Layer::gzip(&images::one_file("a", content))])
    };
    double.hold(&image("1", "1"));
    double.hold(&image("2", "2"));
    let host = double.host();
    let snapshot = |name: &str, line: &str| {
        let ran = run(&sealift, &line.replace("HOST", &host));
        let told = ran.json();
        let text = |member: &str| told[member].as_str().unwrap_or("none of that kind").to_owned();
        let lock = told.pointer("/locks/0").and_then(Value::as_str).unwrap_or("none of that kind");
        let (own, key, statement) = (text("digest"), text("key"), text("statement"));
        let varying = [
            (&*host, "registry.example"),
            (&own, "<digest>"),
            (lock, "<digest>"),
            (&key, "<key>"),
            (&statement, "<statement>"),
        ];
        check(name, &ran, &varying);
        ran
    };

    snapshot("lock", "lock HOST/acme/app:1 HOST/acme/app:>=2 -o images.lock").ok();
    snapshot("export.locked", "export -f images.lock -o b --sign-key own.key.pem").ok();
    let told = run(&sealift, "inspect b").ok().json();
    assert_eq!(told["locks"], run(&sealift, "verify b --key own.pub.pem").ok().json()["locks"]);
    snapshot("lock.check", "lock --check images.lock").ok();
    double.hold(&image("1", "moved"));
    snapshot("lock.drifted", "lock --check images.lock HOST/acme/app:1 HOST/acme/app:3").exits(1);
    snapshot("lock.update", "lock --update HOST/acme/app:1 -o images.lock").ok();
    let manifest = image("1", "moved").digest().to_owned();
    let seen = |target: String| Seen {
        method: "DELETE".to_owned(),
        target,
        headers: Vec::new(),
        body: Vec::new(),
    };
    double.stock(|stock| stock.answer(&seen(format!("/v2/acme/app/manifests/{manifest}"))));
    snapshot("lock.gone", "lock --check images.lock").exits(code::INCOMPLETE);
}

#[test]
fn screenings() {
    let sealift = desk();
    run(&sealift, "key generate --no-passphrase -o own").ok();
    let signed = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/image-signatures");
    files::copy(&signed.join("layout"), &sealift.at("layout"));
    files::copy(&signed.join("p256.pub.pem"), &sealift.at("p256.pub.pem"));
    let image = "oci:layout:quay.io/org/p256-tag:1";
    let rule = "--require-signature quay.io/org/*=p256.pub.pem";

    let made = export(&sealift, "export.signed", &format!("{image} -o b {rule}")).ok().json();

    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    let varying = [(text("key"), "<key>"), (text("statement"), "<statement>")];
    let varying: Vec<_> = varying.iter().map(|(given, shown)| (given.as_str(), *shown)).collect();
    check("inspect.signed", &run(&sealift, "inspect b").ok(), &varying);
    check("verify.signed", &run(&sealift, "verify b --key own.pub.pem").ok(), &varying);
    let other = format!("{image} -o c {}", rule.replace("p256.pub", "own.pub"));
    export(&sealift, "export.unsigned", &other).exits(code::UNTRUSTED);
}

#[test]
fn inventories() {
    let sealift = desk();
    let id = run(&sealift, "key generate --no-passphrase -o own").ok().json()["keyId"].clone();
    let check_one = |name: &str, ran: Ran| {
        let digest = ran.json()["digest"].as_str().unwrap_or("nothing of that kind").to_owned();
        check(name, &ran, &[(id.as_str().unwrap(), "<key>"), (&digest, "<receipt>")]);
    };

    let line = "inventory oci:folder oci-archive:packed.tar -o r --sign-key own.key.pem";
    check_one("inventory", run(&sealift, line).ok());
    check_one("inventory.unsigned", run(&sealift, "inventory oci:folder -o r").ok());
    let against = "--against packed.tar --key signer.pub.pem";
    let held = run(&sealift, &format!("inventory oci:folder {against}")).ok();
    check_one("inventory.against", held);
    let lacking = run(&sealift, &format!("inventory oci:hello {against} -o r"));
    check_one("inventory.lacking", lacking.exits(code::INCOMPLETE));
}

#[test]
fn fan_outs() {
    let sealift = desk();
    let bin = sealift.at("bin");
    fs::create_dir(&bin).unwrap();
    // In place of OpenSSH: the node n2 is off, all others are this machine.
    let script = "#!/bin/sh\n[ \"$1\" = -V ] && exit 0\nfor word; do\n    [ \"$word\" != n2 ] || \
                  { echo 'ssh: connect to host n2 port 22: No route to host' >&2; exit 255; }\ndone\nexec sh -s\n";
    fs::write(bin.join("ssh"), script).unwrap();
    fs::set_permissions(bin.join("ssh"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let scratch = sealift.at("").display().to_string();
    let scratch = scratch.trim_end_matches('/');
    let program = env!("CARGO_BIN_EXE_sealift");
    let fanout = |name: &str, more: &str, code: i32| {
        let line = format!(
            "fanout packed.tar --to oci:{scratch}/{{node}} --key signer.pub.pem --program {program} --format json {more}"
        );
        let ran = ran(sealift.command().env("PATH", &path).args(line.split_whitespace()));
        let json = ran.exits(code);
        let told = json.json();
        let since = told.pointer("/nodes/0/since").and_then(Value::as_str).unwrap_or("no time");
        check(name, &json, &[(scratch, "<scratch>"), (program, "<program>"), (since, "<since>")]);
    };

    fanout("fanout.dry-run", "--ssh n1 --dry-run", code::DONE);
    fanout("fanout.served", "--ssh n1 --dry-run --serve head", code::DONE);
    fanout("fanout", "--ssh n1", code::DONE);
    fanout("fanout.usage", "--ssh n1,n2,n3 -- --insecure-no-verify", code::USAGE);
    fanout("fanout.lacking", "--ssh n1,n2,n3", code::INCOMPLETE);
}

#[test]
fn receipts() {
    let sealift = desk();
    run(&sealift, "key generate --no-passphrase -o own").ok();
    let [app, db] = crate::import_receipts::two();
    let named = [("x.example/team/app:1", &app), ("x.example/team/db:1", &db)];
    images::write_layout(&sealift.at("l"), &named);
    run(&sealift, "export oci:l -o b --sign-key own.key.pem").ok();
    let (double, _) = crate::import_receipts::disturbed();
    let check_one = |name: &str, line: &str, code: i32| {
        let ran = run(&sealift, line).exits(code);
        let told = ran.json();
        let text = |at: &str| told.pointer(at).and_then(Value::as_str);
        let of = |at: &str| text(at).unwrap_or("nothing of that kind");
        let host = double.host();
        let varying = [
            (host.as_str(), "<host>"),
            (of("/signers/0"), "<key>"),
            (of("/key"), "<key>"),
            (of("/statement"), "<statement>"),
            (of("/bundles/0/statement"), "<statement>"),
            (of("/digest"), "<receipt>"),
            (of("/receipt/digest"), "<receipt>"),
            (of("/createdAt"), "<time>"),
        ];
        check(name, &ran, &varying);
    };

    let keys = "--sign-key own.key.pem --key own.pub.pem";
    let import = format!("import b --to docker://{} --jobs 1 --receipt r {keys}", double.host());
    check_one("import.receipt", &import, code::INCOMPLETE);
    let verify = "--key own.pub.pem --against b --against-key own.pub.pem";
    check_one("receipt-verify", &format!("receipt verify r {verify}"), code::INCOMPLETE);
    check_one("receipt-verify.nobody", "receipt verify r", code::UNTRUSTED);
    run(&sealift, "inventory oci:l -o held --sign-key own.key.pem").ok();
    check_one("receipt-verify.places", &format!("receipt verify held {verify}"), code::DONE);
}

#[test]
fn deltas() {
    let sealift = desk();
    let id = run(&sealift, "key generate --no-passphrase -o own").ok().json()["keyId"].clone();
    let made = |line: &str| {
        let ran = run(&sealift, &format!("export oci:hello {line} --sign-key own.key.pem")).ok();
        ran.json()["statement"].as_str().unwrap().to_owned()
    };
    let (base, delta) = (made("-o b"), made("-o delta --since b"));
    let told = |name: &str, line: &str, code: i32| {
        let ran = run(&sealift, &format!("{line} --key own.pub.pem")).exits(code);
        let (key, free) = (id.as_str().unwrap(), free(&ran));
        let varying = [(key, "<key>"), (&base, "<base>"), (&delta, "<statement>"), (&free, "9")];
        check(name, &ran, &varying);
    };

    told("inspect.delta", "inspect delta", code::DONE);
    told("verify.delta", "verify delta", code::DONE);
    told("verify.against", "verify delta --against oci:none", code::INCOMPLETE);
    told("import.dry-run.delta", "import delta --to oci:none --dry-run", code::INCOMPLETE);
    told("import.delta", "import delta --to oci:store --base b", code::DONE);
}

#[test]
fn squashes() {
    let sealift = desk();
    sealift.keys("own");
    let id = run(&sealift, "key show own.pub.pem").json()["keyId"].as_str().unwrap().to_owned();
    let line = "squash packed.tar folder -o whole --key signer.pub.pem --sign-key own.key.pem";

    let dry = run(&sealift, &format!("{line} --dry-run")).ok();
    check("squash.dry-run", &dry, &[(&id, "<key>"), (&free(&dry), "9")]);
    let made = run(&sealift, &line.replace("folder", "skipped.tar")).ok();
    let statement = made.json()["statement"].as_str().unwrap().to_owned();
    check("squash", &made, &[(&id, "<key>"), (&statement, "<statement>")]);
    check("squash.taken", &run(&sealift, line).exits(code::USAGE), &[]);
    let stream = "--stream prod --new-epoch --history h";
    let next = run(&sealift, &format!("{} {stream}", line.replace("whole", "next"))).ok();
    let statement = next.json()["statement"].as_str().unwrap().to_owned();
    check("squash.stream", &next, &[(&id, "<key>"), (&statement, "<statement>")]);
}

#[test]
fn packs() {
    let sealift = desk();

    check("pack.dry-run", &run(&sealift, "pack folder -o whole.tar --dry-run").ok(), &[]);
    check("pack", &run(&sealift, "pack folder -o whole.tar").ok(), &[]);
    check("pack.taken", &run(&sealift, "pack folder -o whole.tar").exits(code::USAGE), &[]);
    fs::create_dir(sealift.at("folder/repair")).unwrap();
    fs::write(sealift.at("folder/repair/a.par2"), "").unwrap();
    check("pack.volumes", &run(&sealift, "pack folder -o discs --volume-size 2MB").ok(), &[]);
    fs::create_dir(sealift.at("usb")).unwrap();
    let line = "pack folder -o set --volume-size 2MB --volume-dir usb";
    check("pack.drive", &run(&sealift, line).ok(), &[]);
    let line = "verify discs/discs.001.tar --key signer.pub.pem";
    check("verify.volume", &run(&sealift, line).ok(), &[]);
}

#[test]
fn protects() {
    let sealift = desk();
    for bundle in ["packed.tar", "folder"] {
        let name = format!("protect.{}", bundle.trim_end_matches(".tar"));
        check(&name, &run(&sealift, &format!("protect {bundle}")).ok(), &[]);
    }
    let line = "pack packed.tar -o discs --volume-size 2MB --redundancy 5%";
    check("pack.protected", &run(&sealift, line).ok(), &[]);
    check("protect.volumes", &run(&sealift, "protect discs").ok(), &[]);
}

#[test]
fn repairs() {
    let sealift = desk();
    let repair = |name: &str, line: &str| {
        let ran = run(&sealift, &format!("repair {line} --key signer.pub.pem"));
        let key = ran.json()["signers"][0].as_str().unwrap_or("nothing of that kind").to_owned();
        check(&format!("repair.{name}"), &ran, &[(&key, "<key>")]);
    };
    for bundle in ["packed.tar", "folder"] {
        run(&sealift, &format!("protect {bundle} --redundancy 1%")).ok();
    }
    repair("whole", "packed.tar");
    files::flip(&sealift.at("packed.tar"), 30_000);
    files::make_writable(&sealift.at("folder"));
    fs::remove_file(sealift.at("folder/manifest.json")).unwrap();
    repair("dry-run", "packed.tar --dry-run");
    let verify = run(&sealift, "verify packed.tar --key signer.pub.pem");
    check("verify.repairable", &verify, &[]);
    repair("copy", "packed.tar -o copy.tar");
    repair("packed", "packed.tar");
    repair("folder", "folder");
    let layer = sealift.at("folder/blobs/sha256").join(LAYER);
    files::make_writable(layer.parent().unwrap());
    fs::remove_file(layer.with_file_name(CONFIG)).unwrap();
    fs::remove_file(layer).unwrap();
    repair("lost", "folder");
}

#[test]
fn prunes() {
    let sealift = desk();
    sealift.keys("own");
    run(&sealift, "import packed.tar --to oci:store --key signer.pub.pem").ok();
    let kept = run(&sealift, "export oci:hello -o own --sign-key own.key.pem").ok().json();
    let kept = kept["statement"].as_str().unwrap();
    let told =
        |name: &str, ran: &Ran| check(name, ran, &[(kept, "<statement>"), (&free(ran), "9")]);
    let line =
        "prune oci:store --keep own --brought packed.tar --key signer.pub.pem --key own.pub.pem";

    told("prune", &run(&sealift, line).ok());
    told("prune.removed", &run(&sealift, &format!("{line} --yes")).ok());
    told("prune.again", &run(&sealift, line).ok());
    let archive = line.replace("oci:store", "oci-archive:x.tar");
    check("prune.archive", &run(&sealift, &archive).exits(code::USAGE), &[]);
}

/// A ledger, `l.jsonl`, with every member that one can have.
fn ledger(sealift: &Sealift) -> LedgerBook {
    let book = LedgerBook::at(sealift.at("l.jsonl"));
    let digest: sealift::words::digest::Digest = format!("sha256:{CONFIG}").parse().unwrap();
    let other: sealift::words::digest::Digest = format!("sha256:{LAYER}").parse().unwrap();
    let mut event = LedgerEvent::new(LedgerVerb::Import, LedgerStage::Begun);
    event.bundle = Some("june.tar".to_owned());
    event.statement = Some(digest);
    let stream = "prod".parse().unwrap();
    event.position =
        Some(sealift::bundle::position::StreamPosition { stream, epoch: 0, sequence: 7 });
    event.signers = vec![CONFIG.to_owned()];
    let (mut trust, mut mapping) = (LedgerTrust::default(), LedgerMapping::default());
    (trust.by, trust.keys) = ("keys".to_owned(), vec![CONFIG.to_owned()]);
    mapping.rules = vec!["docker.io/*=mirror/*".to_owned()];
    (event.trust, event.mapping) = (Some(trust), Some(mapping));
    event.place = Some("docker://harbor.example/group".to_owned());
    let mut image = LedgerImage::new(&"alpine:3.20".parse().unwrap(), digest);
    (image.to, image.was) =
        (Some("harbor.example/group/mirror/alpine:3.20".to_owned()), Some(other));
    event.images = vec![image];
    event.overrides = vec![LedgerOverride::new("gap", Some("May was lost"))];
    let at = "2026-11-26T20:00:00Z".parse().unwrap();
    let scribe = LedgerScribe { user: "carla".to_owned(), host: "site".to_owned(), at };
    let cancel = sealift::words::cancel::Cancel::default();
    book.append(event, &scribe, &cancel).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(book.path()).unwrap();
    std::io::Write::write_all(&mut file, b"{\"version\":1,").unwrap();
    let mut event = LedgerEvent::new(LedgerVerb::Import, LedgerStage::Failed);
    event.begun_by = Some(1);
    event.receipt = Some(digest);
    let refusal = RuleRefusal::new("no-root", vec!["alpine:3.20".to_owned()], "runs as root");
    let refusal = refusal.of_policy(digest).by_tool("Tool 7");
    event = event.failed(&Error::new(Class::Damaged, "a layer").refusing([refusal]));
    for what in [
        "images",
        "failed",
        "referrers",
        "copiedBlobs",
        "copiedBytes",
        "mountedBlobs",
        "presentBlobs",
        "fetchedBlobs",
        "fetchedBytes",
        "reusedBlobs",
        "heldBlobs",
        "blobs",
        "bytes",
        "problems",
    ] {
        event = event.count(what, 1);
    }
    book.append(event, &scribe, &cancel).unwrap();
    book
}

#[test]
fn ledgers() {
    let sealift = desk();
    ledger(&sealift);
    run(&sealift, "key generate --no-passphrase -o own").ok();
    check("ledger-show.whole", &run(&sealift, "ledger show --ledger l.jsonl").ok(), &[]);
    check("ledger-verify.whole", &run(&sealift, "ledger verify --ledger l.jsonl").ok(), &[]);
    let line = "ledger export --ledger l.jsonl -o e --sign-key own.key.pem";
    let exported = run(&sealift, line).ok();
    let key = exported.json()["key"].as_str().unwrap().to_owned();
    check("ledger-export.signed", &exported, &[(&key, "<key>")]);
    let line = "ledger verify e --key own.pub.pem";
    check("ledger-verify.extract", &run(&sealift, line).ok(), &[(&key, "<key>")]);
    let line = "ledger verify --ledger l.jsonl --extends e --key own.pub.pem";
    check("ledger-verify.extends", &run(&sealift, line).ok(), &[]);
    let text = fs::read_to_string(sealift.at("l.jsonl")).unwrap();
    fs::write(sealift.at("bad.jsonl"), text.replace("carla", "karla")).unwrap();
    check("ledger-verify.changed", &run(&sealift, "ledger verify bad.jsonl").exits(4), &[]);
    check("ledger-rotate.done", &run(&sealift, "ledger rotate --ledger l.jsonl").ok(), &[]);
    let alone = run(&sealift, "ledger verify l.jsonl").ok();
    let last = alone.json()["last"]["digest"].as_str().unwrap().to_owned();
    check("ledger-verify.alone", &alone, &[(&last, "<digest>")]);
}

#[test]
fn policies() {
    let sealift = desk();
    sealift.keys("own");
    let rule = |name: &str, more: &str| format!("[[rule]]\nname = \"{name}\"\n{more}\n");
    let warns = rule("tags", "denied-tags = [\"*\"]\naction = \"warn\"");
    fs::write(sealift.at("warns.toml"), format!("version = 1\n{warns}")).unwrap();
    let size = rule("size", "max-bundle-size = \"1kB\"");
    let idle = rule("idle", "images = [\"none\"]\nno-root = true");
    let root = rule("root", "no-root = true");
    fs::write(sealift.at("all.toml"), format!("version = 1\n{warns}{size}{idle}{root}")).unwrap();

    export(&sealift, "export.policy", "oci:hello -o b --policy warns.toml").ok();
    export(&sealift, "export.not-let-in", "oci:hello -o c --policy all.toml")
        .exits(code::UNTRUSTED);
    let told = run(&sealift, "inspect b").json();
    let (statement, key) = (told["statement"].as_str().unwrap(), &told["claimedSigners"][0]);
    let varying = [(statement, "<statement>"), (key.as_str().unwrap(), "<key>")];
    check("inspect.policy", &run(&sealift, "inspect b"), &varying);
    check("verify.policy", &run(&sealift, "verify b --key own.pub.pem"), &varying);
    let judged = run(&sealift, "policy check b --policy all.toml --key own.pub.pem");
    check("policy-check", &judged.exits(code::UNTRUSTED), &varying);
    let names = run(&sealift, "policy check a:1 --policy all.toml --names-only");
    check("policy-check.names", &names, &varying);
    check(
        "import.not-let-in",
        &run(&sealift, "import b --to oci:n --key own.pub.pem --policy all.toml"),
        &varying,
    );
    let ran = run(&sealift, "report b -o r.html --key own.pub.pem").ok();
    let at = ran.json()["reportedAt"].as_str().unwrap().to_owned();
    check("report.policy", &ran, &[&varying[..], &[(&*at, "<time>")]].concat());

    // Signed, as a rule demands.
    let signed = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/image-signatures");
    fs::copy(format!("{signed}/p256.pub.pem"), sealift.at("p256.pub.pem")).unwrap();
    let by = rule("signed", "signed-by = [\"p256.pub.pem\"]");
    fs::write(sealift.at("signed.toml"), format!("version = 1\n{by}")).unwrap();
    files::copy(Path::new(&format!("{signed}/layout")), &sealift.at("layout"));
    let line = "oci:layout:quay.io/org/p256-tag:1 -o s --policy signed.toml";
    export(&sealift, "export.signed-by-policy", line).ok();
}

#[test]
fn inspections_and_verifications() {
    let sealift = desk();
    let both = |bundle: &str, name: &str, code: i32| {
        for verb in ["inspect", "verify"] {
            let ran = run(&sealift, &format!("{verb} {bundle} --key signer.pub.pem")).exits(code);
            check(&format!("{verb}{name}"), &ran, &[]);
        }
    };
    both("packed.tar", "", code::DONE);
    both("skipped.tar", ".skipped", code::DONE);
    let ran = run(&sealift, "verify packed.tar --key signer.pub.pem --verify-media").ok();
    check("verify.read-back", &ran, &[(&read_back(&ran), "device")]);
    check("inspect.unasked", &run(&sealift, "inspect packed.tar").ok(), &[]);
    check("inspect.tree", &run(&sealift, "inspect packed.tar --tree").ok(), &[]);

    hurt(&sealift);
    both("folder", ".damaged", code::DAMAGED);
    sealift.keys("own");
    let untrusted = run(&sealift, "verify packed.tar --key own.pub.pem").exits(code::UNTRUSTED);
    let id = run(&sealift, "key show own.pub.pem").json()["keyId"].as_str().unwrap().to_owned();
    check("verify.untrusted", &untrusted, &[(&id, "<key>")]);
}

#[test]
fn reports() {
    let sealift = desk();
    let report = |name: &str, line: &str, code: i32| {
        let ran = run(&sealift, &format!("report {line} --key signer.pub.pem")).exits(code);
        let told = serde_json::from_str::<Value>(&ran.stdout).unwrap_or_default();
        let at = told["reportedAt"].as_str().unwrap_or("nothing of that kind").to_owned();
        check(name, &ran, &[(&at, "<time>")]);
    };
    report("report", "packed.tar -o r.html", code::DONE);
    report("report.against", "packed.tar --against skipped.tar -o r.json", code::DONE);
    report("report.shapeless", "packed.tar -o r.txt", code::USAGE);
    hurt(&sealift);
    report("report.damaged", "folder -o r.md", code::DAMAGED);

    // One whose config says all that is told.
    sealift.keys("own");
    let mut image = Image::new("x", "1");
    let config = json!({
        "created": "2025-10-01T00:00:00Z", "os": "linux", "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {"User": "app", "Labels": {"a": "b"}, "ExposedPorts": {"80/tcp": {}}},
    });
    let config = image.blob(images::OCI_CONFIG, config.to_string().as_bytes());
    let text = format!(
        r#"{{"schemaVersion":2,"config":{config},"layers":[],"annotations":{{"org.opencontainers.image.base.name":"docker.io/library/debian:12"}}}}"#
    );
    image.document(images::OCI_MANIFEST, &text, "");
    image.name("1");
    images::write_layout(&sealift.at("l"), &[("x.example/a:1", &image)]);
    run(&sealift, "export oci:l -o b --sign-key own.key.pem").ok();
    let ran = run(&sealift, "report b -o r.html --key own.pub.pem").ok();
    let told = ran.json();
    let [at, own, statement] = ["/reportedAt", "/signers/0", "/statement"]
        .map(|at| told.pointer(at).and_then(Value::as_str).unwrap().to_owned());
    let varying = [(&*at, "<time>"), (&*own, "<key>"), (&*statement, "<statement>")];
    check("report.told", &ran, &varying);
}

#[test]
fn differences() {
    let sealift = desk();
    sealift.keys("own");
    run(&sealift, "export oci:hello -o whole --sign-key own.key.pem").ok();
    let less = "--platform linux/amd64 --rewrite-index";
    run(&sealift, &format!("export oci:hello -o less {less} --sign-key own.key.pem")).ok();
    let diff = |name: &str, line: &str, code: i32| {
        let ran = run(&sealift, &format!("diff {line}")).exits(code);
        let told = ran.json();
        let of =
            |at: &str| told.pointer(at).and_then(Value::as_str).unwrap_or("nothing").to_owned();
        let [one, other] = ["/before/statement", "/after/statement"].map(of);
        let key = of("/after/claimedSigners/0");
        check(name, &ran, &[(&one, "<statement>"), (&other, "<statement>"), (&key, "<key>")]);
    };
    diff("diff", "whole less --key own.pub.pem", code::DONE);
    diff("diff.unasked", "less whole --exit-code", 1);
    fs::write(sealift.at("list.txt"), "hello:1.0\nalpine:3\n").unwrap();
    diff("diff.list", "list.txt less", code::DONE);
    fs::write(sealift.at("less/index.json"), "{}").unwrap();
    diff("diff.damaged", "list.txt less", code::DAMAGED);
}

#[test]
fn signatures_that_do_not_count() {
    let sealift = desk();
    for name in ["one", "two"] {
        sealift.keys(name);
        run(&sealift, &format!("export oci:hello -o {name} --sign-key {name}.key.pem")).ok();
    }
    let foreign = fs::read_dir(sealift.at("two/sig")).unwrap().next().unwrap().unwrap().path();
    let file = foreign.file_name().unwrap().to_str().unwrap().to_owned();
    fs::copy(&foreign, sealift.at("one/sig").join(&file)).unwrap();
    for verb in ["inspect", "verify"] {
        let ran = run(&sealift, &format!("{verb} one --key one.pub.pem")).ok();
        let told = ran.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (own, other) = (text(&told["signers"][0]), text(&told["otherSignatures"][0]["key"]));
        let statement = text(&told["statement"]);
        let tool = format!("sealift {}", env!("CARGO_PKG_VERSION"));
        let varying = [
            (own.as_str(), "<key>"),
            (&other, "<key>"),
            (&statement, "<statement>"),
            (&file, "<file>"),
            (&tool, "sealift <version>"),
        ];
        check(&format!("{verb}.signatures"), &ran, &varying);
    }
}

#[test]
fn bundles_of_a_stream() {
    let sealift = desk();
    sealift.keys("own");
    for (name, more) in [("one", "--new-epoch"), ("two", ""), ("three", "")] {
        let line = format!("export oci:hello -o {name} --stream prod {more}");
        run(&sealift, &format!("{line} --sign-key own.key.pem")).ok();
    }
    let checked = |name: &str, line: &str| {
        let ran = run(&sealift, &format!("{line} --key own.pub.pem"));
        let told = ran.json();
        let text = |value: &Value| value.as_str().unwrap_or("nothing of that kind").to_owned();
        let (own, statement) = (text(&told["signers"][0]), text(&told["statement"]));
        check(name, &ran, &[(&own, "<key>"), (&statement, "<statement>"), (&free(&ran), "9")]);
    };
    checked("import.first", "import one --to oci:in");
    checked("verify.gap", "verify three --remember --accept-gap lost");
    checked("import.dry-run.same", "import three --to oci:in --dry-run");
    let old = run(&sealift, "import two --to oci:in --key own.pub.pem").exits(code::STALE);
    check("import.old", &old, &[]);
}

/// Damages a layer of `folder`, takes a config away and puts something beside them.
fn hurt(sealift: &Sealift) {
    files::flip(&sealift.at("folder/blobs/sha256").join(LAYER), 9);
    fs::remove_file(sealift.at("folder/blobs/sha256").join(CONFIG)).unwrap();
    fs::write(sealift.at("folder/extra"), "x").unwrap();
}

#[test]
fn imports() {
    let sealift = desk();
    let inside = Double::start(no_script);
    let host = inside.host();
    let import = |name: &str, line: &str| {
        let ran = run(&sealift, &format!("import {line} --key signer.pub.pem"));
        check(name, &ran, &[(&host, "<host>"), (&free(&ran), "9")]);
        ran
    };
    import("import", "packed.tar --to oci:store").ok();
    import("import.dry-run", &format!("packed.tar --to docker://{host}/group --dry-run")).ok();
    import("import.again", "packed.tar --to oci:store").ok();
    let folder = sealift.at("node").display().to_string();
    let node = format!("packed.tar --to k3s:[{folder}/none]{folder} --only docker.io/acme/schema2");
    let ran = run(&sealift, &format!("import {node} --key signer.pub.pem"));
    check("import.node", &ran, &[(&folder, "<node>")]);
    let taken = "--map *=acme/list:1.0 --only quay.io/acme/zstd --only docker.io/acme/schema2";
    import("import.two-to-one", &format!("packed.tar --to oci:x {taken}")).exits(code::USAGE);
    let moved =
        "packed.tar --to oci:store --only quay.io/acme/zstd --map *=docker.io/acme/list:1.0";
    import("import.dry-run.taken", &format!("{moved} --dry-run")).exits(code::REFUSED);
    import("import.taken", moved).exits(code::REFUSED);
    let keep = "--on-existing keep-digest --dry-run";
    import("import.dry-run.by-digest", &format!("{moved} {keep}")).ok();
    import("import.replaced", &format!("{moved} --on-existing overwrite")).ok();
    import("import.to-oci", &format!("packed.tar --to docker://{host} --to-oci")).ok();
    let parts = format!("packed.tar --to docker://{host}/parts");
    import("import.shard", &format!("{parts} --shard 1/2")).ok();
    import("import.shards-lack", &format!("{parts} --finish")).exits(code::INCOMPLETE);
    import("import.files", "packed.tar --to docker-archive:each/ --only quay.io/acme/zstd").ok();

    hurt(&sealift);
    fs::remove_file(sealift.at("folder/extra")).unwrap();
    import("import.damaged", "folder --to oci:none").exits(code::INCOMPLETE);
    import("import.keep-going", "folder --to oci:some --keep-going --jobs 1").exits(code::DAMAGED);
}

#[test]
fn receives() {
    let sealift = desk();
    fs::create_dir(sealift.at("drop")).unwrap();
    for name in ["packed.tar", "short.tar"] {
        let bytes = fs::read(sealift.at("packed.tar")).unwrap();
        let end = if name == "short.tar" { bytes.len() / 2 } else { bytes.len() };
        fs::write(sealift.at("drop").join(name), &bytes[..end]).unwrap();
    }
    let line = "receive drop --to oci:in --once --settle 1 --key signer.pub.pem";
    check("receive", &run(&sealift, line).exits(code::INCOMPLETE), &[]);
}

#[test]
fn imports_of_parts() {
    let sealift = desk();
    sealift.keys("own");
    let (outside, inside) = (Double::start(no_script), Double::start(no_script));
    let mut image = Image::new("x/windows", "1");
    let layer = Layer::gzip(&images::one_file("a", "b"));
    let text = image.manifest(images::OCI_MANIFEST, "amd64", r#"["a"]"#, &[layer]);
    let foreign = r#","layers":[{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"sha256:98a04b4aa0351fd3c395c4326cd60314c1dc6860ed2d511c54c0a2635d32991e","size":9,"urls":["https://example.com/layer"]},"#;
    image.document(images::OCI_MANIFEST, &text.replace(r#","layers":["#, foreign), "");
    image.name("1");
    outside.hold(&image);
    // Two images that share a layer, of which one is for a variant of its architecture.
    for (path, arch) in [("x/one", "amd64"), ("x/two", r#"arm64","variant":"v8"#)] {
        let mut image = Image::new(path, "1");
        let layer = Layer::gzip(&images::one_file("base", "base"));
        let text = image.manifest(images::OCI_MANIFEST, arch, r#"["a"]"#, &[layer]);
        image.document(images::OCI_MANIFEST, &text, "");
        image.name("1");
        outside.hold(&image);
    }
    let (host, to) = (outside.host(), inside.host());
    let smaller = "oci:hello --platform linux/amd64 --rewrite-index";
    for (name, source) in [
        ("foreign", format!("{host}/x/windows:1")),
        ("sparse", "oci:hello --platform linux/amd64".to_owned()),
        ("shared", format!("{host}/x/one:1 {host}/x/two:1")),
        ("smaller", smaller.to_owned()),
    ] {
        run(&sealift, &format!("export {source} -o {name} --sign-key own.key.pem")).ok();
        let line = format!("import {name} --to docker://{to} --key own.pub.pem --dry-run");
        let plan = run(&sealift, &line).ok();
        let told = plan.json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (own, statement) = (text(&told["signers"][0]), text(&told["statement"]));
        let varying = [
            (own.as_str(), "<key>"),
            (&statement, "<statement>"),
            (&host, "<source>"),
            (&to, "<host>"),
        ];
        check(&format!("import.dry-run.{name}"), &plan, &varying);
        let tool = format!("sealift {}", env!("CARGO_PKG_VERSION"));
        let varying = [&varying[..], &[(&tool, "sealift <version>")]].concat();
        check(
            &format!("inspect.{name}"),
            &run(&sealift, &format!("inspect {name}")).ok(),
            &varying,
        );
    }
}

#[test]
fn projects_of_a_harbor() {
    need!("docker-registry");
    let (sealift, harbor) = (desk(), Harbor::start());
    harbor.project("group", 9_000_000);
    harbor.account("dev", "secret", &[("group", Role::Developer)]);
    let auth = harbor.authfile("dev", "secret").display().to_string();
    let to = format!("docker://{}/group --authfile {auth} --only quay.io/acme/zstd", harbor.host());
    let import = format!("import packed.tar --key signer.pub.pem --to {to}");

    let (plan, done) = (run(&sealift, &format!("{import} --dry-run")), run(&sealift, &import));

    check("import.dry-run.projects", &plan.ok(), &[(&harbor.host(), "<host>")]);
    check("import.projects", &done.ok(), &[(&harbor.host(), "<host>")]);
}

#[test]
fn serving() {
    let sealift = desk();
    served(&sealift, "serve", "packed.tar");
    sealift.keys("own");
    let index = fs::read_to_string(sealift.at("hello/index.json")).unwrap();
    let taken = index.replace("docker.io/library/hello:1.0", "docker.io/acme/schema2:2.0");
    fs::write(sealift.at("hello/index.json"), taken).unwrap();
    run(&sealift, "export oci:hello -o two --sign-key own.key.pem").ok();
    served(&sealift, "serve.hidden", "packed.tar --also two --key own.pub.pem");
}

/// What is printed once the bundles of `line` are served.
fn served(sealift: &Sealift, name: &str, line: &str) {
    let mut command = sealift.command();
    command.arg("serve").args(line.split(' ')).args(["--key", "signer.pub.pem"]);
    command.args(["--listen", "127.0.0.1:0"]);
    command.args(["--format", "json"]).stdout(std::process::Stdio::piped());
    let mut process = Process::start(&mut command);
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(process.0.stdout.take().unwrap()));
    let mut text = String::new();
    while !text.ends_with("\n}\n") {
        text += &(lines.next().unwrap().unwrap() + "\n");
    }
    let told: Value = serde_json::from_str(&text).unwrap();
    let host = told["listening"].as_str().unwrap().trim_start_matches("http://").to_owned();
    let text = text.replace(&host, "<host>");
    check(name, &Ran::printed(text), &[]);
}

/// A registry that wants to know who asks and believes everybody.
fn guarded() -> Double {
    Double::start(|seen| {
        let asks = Reply::new(401, "").header("www-authenticate", "Basic realm=\"x\"");
        let is_known = seen.header("authorization").is_some();
        Some(if is_known { Reply::new(200, "{}") } else { asks })
    })
}

#[test]
fn logins() {
    let (sealift, registry) = (desk(), guarded());
    let host = registry.host();
    fs::write(sealift.at("password"), "secret").unwrap();
    let mut login = sealift.command();
    login.args(["login", &host, "-u", "me", "--password-stdin", "--authfile", "auth.json"]);
    login.args(["--plain-http", &host, "--format", "json"]);
    login.stdin(fs::File::open(sealift.at("password")).unwrap());

    check("login", &ran(&mut login).ok(), &[(&host, "<host>")]);
    let out = format!("logout {host} --authfile auth.json");
    check("logout", &run(&sealift, &out).ok(), &[(&host, "<host>")]);
}

#[test]
fn looking_around() {
    let sealift = desk();
    let registry = Double::start(|seen| match seen.target.as_str() {
        "/v2/" => Some(Reply::new(200, "{}")),
        path if path.starts_with("/v2/team/app/tags/list") => {
            Some(Reply::new(200, json!({"name": "team/app", "tags": ["1.10", "1.9"]}).to_string()))
        }
        path if path.starts_with("/v2/_catalog") => {
            Some(Reply::new(200, json!({"repositories": ["team/app"]}).to_string()))
        }
        path if path.starts_with("/v1/search") => Some(Reply::new(404, "")),
        _ => Some(Reply::new(404, "")),
    });
    let hub = Double::start(|seen| match seen.target.starts_with("/v1/search") {
        true => Some(Reply::new(
            200,
            r#"{"num_results":1,"results":[{"name":"team/app","description":"An app","star_count":7}]}"#,
        )),
        false => Some(Reply::new(404, "")),
    });
    let closed = Double::start(|_| Some(Reply::new(403, "")));
    let [host, docker, none] = [registry.host(), hub.host(), closed.host()];
    let varying = [(host.as_str(), "<host>"), (&docker, "<docker>"), (&none, "<closed>")];

    check("tags", &run(&sealift, &format!("tags {host}/team/app")).ok(), &varying);
    let absent = run(&sealift, &format!("tags {host}/team/none")).exits(code::INCOMPLETE);
    check("tags.absent", &absent, &varying);
    let both = format!("search app --registry {host} --registry {docker}");
    check("search", &run(&sealift, &both).ok(), &varying);
    let some = format!("search app --registry {host} --registry {none}");
    check("search.refused", &run(&sealift, &some).exits(code::REFUSED), &varying);
    let held = Double::start(|seen| {
        let shown = json!({"repositories": ["acme/small", "acme/none"]}).to_string();
        seen.target.starts_with("/v2/_catalog").then(|| Reply::new(200, shown))
    });
    held.hold(&Image::single("acme/small", "1.0", "[]", &[Layer::gzip(&tar(&[]))]));
    let detailed = run(&sealift, &format!("search acme --registry {} --details", held.host()));
    let varying = [(held.host(), "<host>")];
    let varying = varying.each_ref().map(|(given, placeholder)| (given.as_str(), *placeholder));
    check("search.details", &detailed.exits(code::INCOMPLETE), &varying);
}

#[test]
fn lists_of_places() {
    let sealift = desk();
    files::copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/kubernetes/odd.json"),
        &sealift.at("odd.json"),
    );
    let bare = format!("sha256:{}", "7".repeat(64));
    let pods = json!({"kind": "PodList", "items": [{"spec": {"containers": [
        {"image": bare}, {"image": "acme/list:1.0"}, {"image": "acme/other:1.0"}]}}]});
    fs::write(sealift.at("pods.json"), pods.to_string()).unwrap();

    check("list", &run(&sealift, "list oci:hello").ok(), &[]);
    check("list.cluster", &run(&sealift, "list kubernetes:odd.json").exits(code::INCOMPLETE), &[]);
    let line = "list kubernetes:pods.json --unused-against folder --key signer.pub.pem";
    fs::write(sealift.at("asked.yaml"), "services:\n  web: {image: nginx:1.27}\n").unwrap();
    check("list.asked", &run(&sealift, "list -f asked.yaml").ok(), &[]);
    check("list.unused", &run(&sealift, line).ok(), &[]);
}

#[test]
fn a_path_that_is_no_text_is_told_all_the_same() {
    use std::os::unix::ffi::OsStrExt as _;
    let sealift = desk();
    let name = std::ffi::OsStr::from_bytes(b"a\xffb");
    fs::rename(sealift.at("packed.tar"), sealift.at("").join(name)).unwrap();
    let mut verify = sealift.command();
    verify.arg("verify").arg(name).args(["--key", "signer.pub.pem", "--format", "json"]);

    assert_eq!(ran(&mut verify).ok().json()["bundle"], "a\u{fffd}b");
    let mut generate = sealift.command();
    generate.args(["key", "generate", "--no-passphrase", "--format", "json", "-o"]).arg(name);
    let made = ran(&mut generate).ok().json();
    assert_eq!(made["publicKey"], "a\u{fffd}b.pub.pem");
}

#[test]
fn usage() {
    let sealift = desk();
    for (name, line) in [
        ("unknown-option", "verify packed.tar --nonsense"),
        ("missing", "export alpine"),
        ("bad-value", "import packed.tar --to nowhere --key signer.pub.pem"),
        ("bad-choice", "import packed.tar --to oci:x --key signer.pub.pem --on-existing burn"),
        ("no-verb", ""),
        ("unknown-verb", "vrify packed.tar"),
        ("unknown-page", "man nonsense"),
    ] {
        let ran = run(&sealift, line).exits(code::USAGE);
        check(&format!("usage.{name}"), &ran, &[]);
        assert!(ran.stderr.starts_with("error: "), "{ran:?}");
        let text = crate::support::sealift::ran(sealift.command().args(line.split_whitespace()));
        assert_eq!((text.stdout.as_str(), text.code), ("", code::USAGE), "{line}");
        // How it would be right depends on what was given, the format among it.
        let said = |ran: &Ran| ran.stderr.split("\n\nUsage").next().unwrap().to_owned();
        assert!(line.is_empty() || said(&text) == said(&ran), "{line}: {}", text.stderr);
    }
    let spelled = ran(sealift.command().args(["--format=json", "verify", "--nonsense"]));
    assert_eq!(spelled.exits(code::USAGE).json()["error"]["class"], "usage");
    // Who asks for no format, or in what cannot be an option, gets none.
    for line in ["verify --format", "verify --format yaml", "verify -- --format json x"] {
        let other = ran(sealift.command().args(line.split_whitespace())).exits(code::USAGE);
        assert_eq!(other.stdout, "", "{line}");
    }
}

/// A section of docs/json.md.
#[derive(Default)]
struct Section {
    /// The names in the first column of its tables.
    names: BTreeSet<String>,
    /// The sections that it leads to.
    links: Vec<String>,
    /// Its examples.
    examples: String,
}

/// docs/json.md, section by section.
fn sections() -> BTreeMap<String, Section> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let text = fs::read_to_string(page).unwrap();
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let (mut heading, mut is_example) = (String::new(), false);
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title.to_lowercase().replace(' ', "-");
        }
        let section = sections.entry(heading.clone()).or_default();
        match line {
            "```json" => is_example = true,
            "```" => is_example = false,
            line if is_example => section.examples += &format!("{line}\n"),
            line => {
                if let Some(row) = line.strip_prefix("| `") {
                    section.names.insert(row.split('`').next().unwrap().to_owned());
                }
                let links = line.split("](#").skip(1);
                section.links.extend(links.map(|it| it.split(')').next().unwrap().to_owned()));
            }
        }
    }
    sections
}

/// Every name that the section `heading` and those that it leads to describe.
fn described(sections: &BTreeMap<String, Section>, heading: &str) -> BTreeSet<String> {
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let mut ahead = vec![heading.to_owned()];
    while let Some(heading) = ahead.pop() {
        let section = sections.get(&heading);
        let section = section.unwrap_or_else(|| panic!("docs/json.md has no section {heading}"));
        if seen.insert(heading) {
            found.extend(section.names.iter().cloned());
            ahead.extend(section.links.iter().cloned());
        }
    }
    found
}

/// The snapshots by their verbs.
fn snapshots() -> BTreeMap<String, Vec<Value>> {
    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let verb = name.split('.').next().unwrap().to_owned();
        all.entry(verb)
            .or_default()
            .push(serde_json::from_slice(&fs::read(&path).unwrap()).unwrap());
    }
    all
}

/// Members that no snapshot has, since it would take hundreds of images, a policy of a Harbor, and
/// a descriptor that nobody writes any more.
const RARE: [&str; 3] = ["moreImages", "withheld", "urls"];

#[test]
fn every_member_is_described_and_every_one_that_is_described_is_there() {
    let (sections, snapshots) = (sections(), snapshots());
    let mut used = BTreeSet::new();
    for (verb, values) in &snapshots {
        let described = described(&sections, verb);
        let paths: BTreeSet<String> =
            values.iter().flat_map(|it| members(it).into_keys()).collect();
        for path in &paths {
            // Annotations have whatever names their authors chose.
            let Some((_, name)) = path.rsplit_once('.').filter(|_| !path.contains(".annotations."))
            else {
                continue;
            };
            let name = name.trim_end_matches("[]");
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric());
            assert!(plain && name.starts_with(char::is_lowercase), "{verb}: {name}");
            assert!(described.contains(name), "docs/json.md: {verb} has {name:?}");
            used.insert(name.to_owned());
        }
        let examples = serde_json::Deserializer::from_str(&sections[verb].examples);
        for example in examples.into_iter::<Value>() {
            let example = example.unwrap_or_else(|e| panic!("docs/json.md: {verb}: {e}"));
            let all: BTreeSet<String> = members(&example).into_keys().collect();
            let other: Vec<&String> = all.difference(&paths).collect();
            assert!(other.is_empty(), "docs/json.md: no {verb} prints {other:?}");
        }
    }
    let all: BTreeSet<String> = sections.into_values().flat_map(|it| it.names).collect();
    let unused = all.difference(&used).filter(|name| !RARE.contains(&name.as_str()));
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&String>::new(), "no snapshot has them");
}

#[test]
fn every_snapshot_is_that_of_a_verb() {
    let listed = ran(Sealift::new().command().args(["man", "--list"])).ok().stdout;
    let verbs: BTreeSet<String> = listed.lines().map(|verb| verb.replace(' ', "-")).collect();
    for verb in snapshots().keys() {
        assert!(verb == "usage" || verbs.contains(verb), "{verb}");
    }
}
