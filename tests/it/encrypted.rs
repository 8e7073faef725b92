//! Bundles that are encrypted for the road: what `age` makes of a packed bundle is read where it lies.

use std::path::{Path, PathBuf};

use crate::memory::run_within;
use crate::support::age::{export, identity, outside, run, tool};
use crate::support::content::{Layer, tar};
use crate::support::images::{Image, write_layout};
use crate::support::sealift::{Sealift, code};
use crate::support::terminal::Terminal;
use crate::support::{self, Random, files, packed};

/// How many bytes age encrypts together, and how many they are then.
const CHUNK: u64 = 64 << 10;
const SEALED: u64 = CHUNK + 16;
const MARK: &[u8] = b"age-encryption.org/v1\n";

/// A packed bundle of three layers of a quarter of a megabyte each, signed by `k`: `b.tar`.
fn bundle() -> Sealift {
    let sealift = outside();
    export(&sealift, "-o b.tar").ok();
    sealift
}

/// The bundle, and what age makes of it for `id`: `b.tar.age`.
fn locked() -> (Sealift, PathBuf) {
    let sealift = bundle();
    let recipient = identity(&sealift, "id");
    tool(&sealift, &format!("age -r {recipient} -o b.tar.age b.tar"));
    let file = sealift.at("b.tar.age");
    (sealift, file)
}

/// Where the content of an age file begins.
fn begin(file: &Path) -> u64 {
    let bytes = std::fs::read(file).unwrap();
    let mark = b"\n--- ";
    let line = bytes.windows(mark.len()).position(|part| part == mark).unwrap() + 1;
    let end = bytes[line..].iter().position(|byte| *byte == b'\n').unwrap();
    (line + end + 1 + 16) as u64
}

#[test]
fn what_age_encrypts_is_verified_inspected_compared_and_imported_where_it_lies() {
    need!("age");
    let (sealift, file) = locked();
    assert!(std::fs::read(&file).unwrap().starts_with(MARK));

    let plain = run(&sealift, "verify b.tar --key k.pub.pem --format json").ok().json();
    std::fs::remove_file(sealift.at("b.tar")).unwrap();
    let run = |line: &str| run(&sealift, line);
    let report = run("verify b.tar.age --identity id --key k.pub.pem --format json").ok();
    assert_eq!(report.json()["statement"], plain["statement"]);
    run("verify b.tar.age --identity id --key k.pub.pem").ok().says("is intact");
    run("inspect b.tar.age --identity id").ok().says("acme/app:1");
    run("diff b.tar.age b.tar.age --identity id --exit-code").ok();
    run("import b.tar.age --identity id --to oci:out --key k.pub.pem").ok();
    assert_eq!(files::whole_blobs(&sealift.at("out")).len(), 5);
    let again = run("import b.tar.age --identity id --to oci:out --key k.pub.pem --format json");
    assert_eq!(again.ok().number("/copied/blobs"), 0);

    let left: Vec<String> = std::fs::read_dir(sealift.at(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("tar"))
        .collect();
    assert_eq!(left, ["b.tar.age"], "nothing decrypted is left behind");
}

#[test]
fn an_encrypted_bundle_is_served_and_stands_in_for_what_another_lacks() {
    need!("age", "skopeo");
    let (sealift, file) = locked();
    let served = sealift.serve_with(&file, &sealift.at("k.pub.pem"), &["--identity", "id"]);
    let from = format!("docker://127.0.0.1:{}/acme/app:1", served.port);
    tool(&sealift, &format!("skopeo copy --src-tls-verify=false {from} oci:pulled:1"));

    run(&sealift, "export oci:images -o d.tar --sign-key k.key.pem --since b.tar").ok();
    std::fs::remove_file(sealift.at("b.tar")).unwrap();
    let import = "import d.tar --to oci:out --key k.pub.pem --identity id --base b.tar.age";
    run(&sealift, import).ok();
    assert_eq!(files::whole_blobs(&sealift.at("out")).len(), 5);
}

#[test]
fn a_wrong_identity_and_none_are_exit_3_and_say_what_to_name() {
    need!("age");
    let (sealift, _) = locked();
    identity(&sealift, "other");
    let run = |line: &str| run(&sealift, line);
    for verb in ["verify --key k.pub.pem", "inspect", "import --to oci:o --key k.pub.pem"] {
        let (verb, more) = verb.split_once(' ').unwrap_or((verb, "--long"));
        run(&format!("{verb} b.tar.age {more}"))
            .exits(code::UNTRUSTED)
            .says("no identity was named")
            .says("--identity");
        run(&format!("{verb} b.tar.age --identity other {more}"))
            .exits(code::UNTRUSTED)
            .says("no identity opens it")
            .says("--identity");
    }
    // With several, any one of them.
    run("verify b.tar.age --identity other --identity id --key k.pub.pem").ok();

    std::fs::write(sealift.at("public"), tool(&sealift, "age-keygen -y id")).unwrap();
    for (name, why) in [("public", "is a public key"), ("k.pub.pem", "holds no identity")] {
        run(&format!("inspect b.tar.age --identity {name}")).exits(code::USAGE).says(why);
    }
    run("inspect b.tar.age --identity nowhere").exits(code::USAGE).says("cannot read nowhere");
}

#[test]
fn ssh_keys_open_it_with_and_without_a_passphrase() {
    need!("age", "ssh-keygen");
    let sealift = bundle();
    std::fs::write(sealift.at("words"), "correct horse\n").unwrap();
    let mut keygen = support::command("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "correct horse", "-f"]).arg(sealift.at("guarded"));
    support::output(&mut keygen);
    let mut keygen = support::command("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(sealift.at("open"));
    support::output(&mut keygen);
    tool(&sealift, "age -R open.pub -R guarded.pub -o b.tar.age b.tar");
    let run = |line: &str| run(&sealift, line);

    run("verify b.tar.age --identity open --key k.pub.pem").ok();
    run("verify b.tar.age --identity guarded --passphrase-file words --key k.pub.pem").ok();
    run("inspect b.tar.age --identity guarded").exits(code::UNTRUSTED);
    let mut keygen = support::command("ssh-keygen");
    keygen.args(["-q", "-t", "rsa", "-N", "", "-f"]).arg(sealift.at("rsa"));
    support::output(&mut keygen);
    run("inspect b.tar.age --identity rsa").exits(code::USAGE).says("than ssh-ed25519");
}

#[test]
fn passphrases_open_bundles_and_identities() {
    need!("age", "script");
    let (sealift, _) = locked();
    let mut terminal = Terminal::start(sealift.command(), 100, "correct horse");
    terminal.types("age -p -o secret.age b.tar");
    terminal.types("age -p -o id.age id");
    std::fs::write(sealift.at("words"), "correct horse\n").unwrap();
    std::fs::write(sealift.at("wrong"), "correct house\n").unwrap();
    let run = |line: &str| run(&sealift, line);

    run("inspect secret.age --passphrase-file words").ok().says("acme/app:1");
    run("inspect secret.age --passphrase-file wrong").exits(code::UNTRUSTED);
    run("inspect secret.age").exits(code::UNTRUSTED).says("--passphrase-file");
    run("inspect b.tar.age --identity id.age --passphrase-file words").ok().says("acme/app:1");
    run("inspect b.tar.age --identity id.age --passphrase-file wrong").exits(code::UNTRUSTED);
    let shown = terminal.types("sealift inspect secret.age");
    assert!(shown.iter().any(|line| line.contains("acme/app:1")), "{shown:?}");
}

#[test]
fn a_flipped_byte_is_damage_and_it_is_said_where() {
    need!("age");
    let (sealift, file) = locked();
    let (whole, begin) = (std::fs::read(&file).unwrap(), begin(&file));
    let run = |line: &str| run(&sealift, line);
    let tar = std::fs::read(sealift.at("b.tar")).unwrap();
    let last = packed::entries(&tar).pop().unwrap();
    let within = begin + (last.data as u64 + 100_000) / CHUNK * SEALED;

    files::flip(&file, within + 17);
    run("verify b.tar.age --identity id --key k.pub.pem")
        .exits(code::DAMAGED)
        .says(&format!("bytes from {within} to {}", within + SEALED))
        .says("acme/app:1");
    run("import b.tar.age --identity id --to oci:out --key k.pub.pem").exits(code::DAMAGED);
    assert!(!sealift.at("out/index.json").exists());

    // In the first chunk, where the list is, and in the last one, which holds the end.
    let end = whole.len() as u64 - 3;
    for at in [begin + 700, end, end - 16] {
        std::fs::write(&file, &whole).unwrap();
        files::flip(&file, at);
        run("verify b.tar.age --identity id --key k.pub.pem").exits(code::DAMAGED);
    }
    // In the header, behind the mark: its own check value tells.
    std::fs::write(&file, &whole).unwrap();
    files::flip(&file, begin - 16 - 3);
    run("inspect b.tar.age --identity id").exits(code::DAMAGED).says("age header");
    // What is no longer known as age's is told for what it is not.
    std::fs::write(&file, &whole).unwrap();
    files::flip(&file, 3);
    run("inspect b.tar.age --identity id").exits(code::UNTRUSTED).says("is no bundle");
}

#[test]
fn what_was_cut_off_or_added_to_is_not_taken_for_whole() {
    need!("age");
    let (sealift, file) = locked();
    let (whole, begin) = (std::fs::read(&file).unwrap(), begin(&file));
    let verify = || run(&sealift, "verify b.tar.age --identity id --key k.pub.pem");
    let cut = |at: u64| std::fs::write(&file, &whole[..usize::try_from(at).unwrap()]).unwrap();

    for at in [begin + 2 * SEALED, begin + 3 * SEALED + 5_000] {
        cut(at);
        verify().exits(code::INCOMPLETE).says("the file ends at byte");
    }
    // Where not even the first chunk is whole, nobody can tell what its rest was.
    cut(begin + SEALED - 1);
    verify().exits(code::DAMAGED);
    cut(begin - 20);
    verify().exits(code::INCOMPLETE).says("within its age header");
    std::fs::write(&file, [&whole[..], b"more"].concat()).unwrap();
    verify().exits(code::DAMAGED);
    // Chunks that are exchanged are no others' chunks.
    let mut exchanged = whole.clone();
    let (one, two) = (usize::try_from(begin + SEALED).unwrap(), usize::try_from(SEALED).unwrap());
    let (left, right) = exchanged[one..].split_at_mut(two);
    left.swap_with_slice(&mut right[..two]);
    std::fs::write(&file, exchanged).unwrap();
    verify().exits(code::DAMAGED);
}

#[test]
fn what_is_in_an_age_file_and_no_bundle_is_told_for_what_it_is() {
    need!("age");
    let sealift = bundle();
    let recipient = identity(&sealift, "id");
    std::fs::write(sealift.at("x.gz"), b"\x1f\x8b\x08").unwrap();
    std::fs::write(sealift.at("empty"), b"").unwrap();
    for name in ["x.gz", "empty"] {
        tool(&sealift, &format!("age -r {recipient} -o {name}.age {name}"));
    }
    let run = |line: &str| run(&sealift, line);
    run("inspect x.gz.age --identity id").exits(code::UNTRUSTED).says("compressed with gzip");
    run("inspect empty.age --identity id").exits(code::INCOMPLETE).says("an empty file");
    tool(&sealift, &format!("age -a -r {recipient} -o text.age b.tar"));
    run("inspect text.age --identity id").exits(code::UNTRUSTED).says("written as text");
    tool(&sealift, &format!("age -r {recipient} -o images.age b.tar"));
    run("export oci-archive:images.age -o n --sign-key k.key.pem")
        .exits(code::DAMAGED)
        .says("encrypted with age");
}

#[test]
fn a_large_layer_is_decrypted_within_64_mebibytes() {
    need!("age");
    // Not in /tmp, which is memory on some machines.
    let scratch = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sealift = Sealift::new_in(scratch.path());
    sealift.keys("k");
    let layer = Layer::plain(&tar(&[("noise", &Random::new(5).bytes(80 << 20), 0o644)]));
    let image = Image::single("acme/large", "1", "[]", &[layer]);
    write_layout(&sealift.at("images"), &[("acme/large:1", &image)]);
    run(&sealift, "export oci:images -o b.tar --sign-key k.key.pem").ok();
    let recipient = identity(&sealift, "id");
    tool(&sealift, &format!("age -r {recipient} -o b.tar.age b.tar"));
    for line in [
        "verify b.tar.age --identity id --key k.pub.pem",
        "inspect b.tar.age --identity id",
        "import b.tar.age --identity id --to oci:out --key k.pub.pem",
    ] {
        run_within(line, sealift.command().args(line.split(' ')));
    }
}
