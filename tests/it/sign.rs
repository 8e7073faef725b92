//! Sign: one more signature of a bundle that is there, made here, by openssl, or over and over.

use std::fs;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::support::ceremony::{export, run, two_of_three};
use crate::support::files::{flip, tree};
use crate::support::sealift::{Sealift, code, ran};
use crate::support::{Process, wait_for};

/// A site that trusts two of three, and a bundle that alice has signed.
fn site() -> Sealift {
    let sealift = Sealift::new();
    two_of_three(&sealift);
    export(&sealift, "b", "alice", "");
    sealift
}

fn openssl(sealift: &Sealift, line: &str) {
    let mut openssl = Command::new("openssl");
    let openssl = openssl.args(line.split_whitespace()).current_dir(sealift.at(""));
    let ended = openssl.output().unwrap();
    assert!(ended.status.success(), "{line}: {ended:?}");
}

#[test]
fn two_people_sign_one_folder_on_two_machines() {
    let sealift = site();
    let before = tree(&sealift.at("b"));

    let first =
        run(&sealift, "sign b --sign-key bob.key.pem --trust trust --format json").ok().json();

    run(&sealift, "verify b --trust trust").ok().says("signed by alice, bob, not by carol");
    assert_eq!(first["alreadySigned"], false);
    assert_eq!(first["signers"].as_array().unwrap().len(), 2);
    assert_eq!(first["trust"]["missing"][0]["name"], "carol");
    let mut after = tree(&sealift.at("b"));
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(after, before, "nothing else was touched");
    // Once more changes nothing, and one key counts once.
    let all = tree(&sealift.at("b"));
    run(&sealift, "sign b --sign-key bob.key.pem --trust trust")
        .ok()
        .says("nothing was added")
        .says("role default takes 2 signatures of 3: signed by alice, bob, not by carol");
    assert_eq!(tree(&sealift.at("b")), all);
    // Nothing was left beside it.
    let names = fs::read_dir(sealift.at("")).unwrap().map(|it| it.unwrap().file_name());
    assert!(names.into_iter().all(|it| !it.to_string_lossy().starts_with(".sealift")));
    // Both sides of the ledger know.
    run(&sealift, "ledger show").ok().says("sign").says("b");
}

#[test]
fn one_key_is_no_two_people_and_a_stranger_none() {
    let sealift = site();

    run(&sealift, "sign b --sign-key alice.key.pem --trust trust")
        .ok()
        .says("nothing was added")
        .says("signed by alice, not by bob, carol");
    let before = tree(&sealift.at("b"));
    run(&sealift, "sign b --sign-key mallory.key.pem --trust trust")
        .exits(code::USAGE)
        .says("is none of those that sign for role default");
    assert_eq!(tree(&sealift.at("b")), before);

    run(&sealift, "verify b --trust trust").exits(code::UNTRUSTED).says("takes 2 signatures");
}

#[test]
fn a_custodian_signs_with_openssl_alone() {
    let sealift = site();

    run(&sealift, "sign b --prepare b.pae --trust trust").ok().says("openssl pkeyutl -sign");
    openssl(&sealift, "pkeyutl -sign -rawin -inkey carol.key.pem -in b.pae -out c.sig");
    openssl(&sealift, "base64 -in c.sig -out c.b64");
    // Neither another's signature nor one over something else.
    run(&sealift, "sign b --attach c.sig --signer bob.pub.pem --trust trust")
        .exits(code::UNTRUSTED)
        .says("is none by key");
    openssl(&sealift, "pkeyutl -sign -rawin -inkey carol.key.pem -in root.1.json -out other.sig");
    run(&sealift, "sign b --attach other.sig --signer carol.pub.pem --trust trust")
        .exits(code::UNTRUSTED);
    export(&sealift, "another", "alice", "--stream prod --new-epoch");
    run(&sealift, "sign another --prepare another.pae --trust trust").ok();
    openssl(&sealift, "pkeyutl -sign -rawin -inkey carol.key.pem -in another.pae -out a.sig");
    run(&sealift, "sign b --attach a.sig --signer carol.pub.pem --trust trust")
        .exits(code::UNTRUSTED);
    fs::write(sealift.at("short.sig"), [0; 63]).unwrap();
    run(&sealift, "sign b --attach short.sig --signer carol.pub.pem --trust trust")
        .exits(code::USAGE)
        .says("64 bytes");
    run(&sealift, "verify b --trust trust").exits(code::UNTRUSTED);
    run(&sealift, "sign b --attach c.b64 --signer carol.pub.pem --trust trust").ok();
    run(&sealift, "verify b --trust trust").ok().says("signed by alice, carol");

    // The same bytes as if it had been done here.
    let there = tree(&sealift.at("b"));
    export(&sealift, "again", "alice", "");
    run(&sealift, "sign again --sign-key carol.key.pem --key alice.pub.pem").ok();
    assert_eq!(tree(&sealift.at("again")), there);
    run(&sealift, "sign b --prepare b.pae --trust trust").exits(code::USAGE).says("exists already");
    // What is prepared is no part of the bundle.
    run(&sealift, "sign b --prepare b/pae --trust trust")
        .exits(code::USAGE)
        .says("lies in the bundle");
    assert!(!sealift.at("b/pae").exists());
}

#[test]
fn every_other_form_is_made_anew_with_the_signature_and_packs_to_the_same() {
    let sealift = site();
    run(&sealift, "pack b -o b.tar").ok();
    run(&sealift, "pack b -o discs/b --volume-size 2MB").ok();
    let packed = fs::read(sealift.at("b.tar")).unwrap();

    run(&sealift, "sign b.tar --sign-key bob.key.pem --trust trust")
        .exits(code::USAGE)
        .says("-o NEW");
    run(&sealift, "sign discs/b --sign-key bob.key.pem --trust trust").exits(code::USAGE);
    run(&sealift, "sign b.tar -o two.tar --sign-key bob.key.pem --trust trust").ok();
    run(&sealift, "sign discs/b -o two --sign-key bob.key.pem --trust trust").ok();

    for bundle in ["two.tar", "two"] {
        run(&sealift, &format!("verify {bundle} --trust trust")).ok().says("signed by alice, bob");
    }
    assert_eq!(fs::read(sealift.at("b.tar")).unwrap(), packed);
    run(&sealift, "pack two -o again.tar").ok();
    assert!(fs::read(sealift.at("again.tar")).unwrap() == fs::read(sealift.at("two.tar")).unwrap());
    run(&sealift, "sign b.tar -o two.tar --sign-key carol.key.pem --trust trust")
        .exits(code::USAGE)
        .says("exists already");
    // What alice has signed is made anew as it is.
    run(&sealift, "sign b.tar -o same.tar --sign-key alice.key.pem --trust trust").ok();
    assert_eq!(fs::read(sealift.at("same.tar")).unwrap(), packed);
    // Signed in its place it is the same, too.
    run(&sealift, "sign b --sign-key bob.key.pem --trust trust").ok();
    assert_eq!(tree(&sealift.at("b")), tree(&sealift.at("two")));
}

#[test]
fn what_is_wrong_or_somebody_elses_is_not_signed() {
    let sealift = site();
    let blobs = sealift.at("b/blobs/sha256");
    let blob = fs::read_dir(&blobs).unwrap().map(|it| it.unwrap().path());
    let blob = blob.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let before = tree(&sealift.at("b/sig"));

    run(&sealift, "sign b --sign-key bob.key.pem --key mallory.pub.pem").exits(code::UNTRUSTED);
    run(&sealift, "sign b --sign-key bob.key.pem").exits(code::USAGE).says("--key <PUB.pem>");
    run(&sealift, "sign b --key alice.pub.pem").exits(code::USAGE);
    run(&sealift, "sign b --sign-key bob.pub.pem --key alice.pub.pem")
        .exits(code::USAGE)
        .says("this is a public key");
    for bundle in ["bob.key.pem", "bob.pub.pem b"] {
        for key in ["b", "bob.key.pem"] {
            run(&sealift, &format!("sign {bundle} --sign-key {key} --key alice.pub.pem"))
                .exits(code::USAGE)
                .says("is a key, and no bundle")
                .says("the key behind --sign-key");
        }
    }
    flip(&blob, 100);
    run(&sealift, "sign b --sign-key bob.key.pem --key alice.pub.pem").exits(code::DAMAGED);
    run(&sealift, "sign b --prepare b.pae --key alice.pub.pem").exits(code::DAMAGED);
    assert!(!sealift.at("b.pae").exists());
    fs::remove_file(&blob).unwrap();
    run(&sealift, "sign b --sign-key bob.key.pem --key alice.pub.pem").exits(code::INCOMPLETE);

    assert_eq!(tree(&sealift.at("b/sig")), before);
    run(&sealift, "ledger show").ok().says("failed");
}

#[test]
fn what_the_root_is_against_is_not_signed() {
    let sealift = site();
    run(&sealift, "inspect b --format json").ok();
    let seen = run(&sealift, "inspect b --format json").json();
    let digest = seen["images"][0]["digest"].as_str().unwrap().to_owned();
    run(&sealift, &format!("trust deny root.2.json --digest {digest} --reason x --trust trust"))
        .ok();
    crate::support::ceremony::sign(&sealift, "root.2.json", &["alice", "bob"]);
    run(&sealift, "trust rotate root.2.json --trust trust").ok();
    let before = tree(&sealift.at("b"));

    run(&sealift, "sign b --sign-key bob.key.pem --trust trust")
        .exits(code::UNTRUSTED)
        .says("denied");

    assert_eq!(tree(&sealift.at("b")), before);
}

#[test]
fn a_signature_is_there_whole_or_not_at_all() {
    let sealift = site();
    let without = tree(&sealift.at("b"));
    for wait in 0..12 {
        let mut command = sealift.command();
        command.args("sign b --sign-key bob.key.pem --trust trust".split_whitespace());
        let mut process = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        std::thread::sleep(std::time::Duration::from_millis(wait * 7));
        process.signal(Signal::KILL);
        wait_for("the killed process", || process.ended());

        run(&sealift, "verify b --key alice.pub.pem").ok();
    }
    ran(sealift.command().args("sign b --sign-key bob.key.pem --trust trust".split_whitespace()))
        .ok();
    run(&sealift, "verify b --trust trust").ok();
    let now = tree(&sealift.at("b"));
    assert_eq!(now.len(), without.len() + 1, "{now:?}");
}

/// Runs a program of somebody else's with `line`, and gives it `input`.
fn other(sealift: &Sealift, program: &str, line: &[&str], input: &str) {
    use std::io::Write as _;
    let mut command = Command::new(program);
    command.args(line).current_dir(sealift.at("")).env("HOME", sealift.home());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ended = process.wait_with_output().unwrap();
    assert!(ended.status.success(), "{program} {line:?}: {ended:?}");
}

#[test]
fn keys_of_openssl_ssh_and_minisign_sign_and_verify() {
    need!("ssh-keygen", "minisign", "signify-openbsd");
    let sealift = site();
    fs::write(sealift.at("phrase"), "correct horse\n").unwrap();
    let ssh = |name: &str, phrase: &str| {
        other(&sealift, "ssh-keygen", &["-q", "-t", "ed25519", "-N", phrase, "-f", name], "");
    };
    ssh("s1", "");
    ssh("s2", "correct horse");
    other(&sealift, "minisign", &["-G", "-W", "-p", "m1.pub", "-s", "m1"], "");
    let phrase = "correct horse\ncorrect horse\n";
    other(&sealift, "minisign", &["-G", "-p", "m2.pub", "-s", "m2"], phrase);
    other(&sealift, "signify-openbsd", &["-G", "-n", "-p", "y1.pub", "-s", "y1.sec"], "");
    openssl(&sealift, "genpkey -algorithm ed25519 -out o1");
    openssl(&sealift, "pkey -in o1 -pubout -out o1.pub");
    openssl(&sealift, "pkcs8 -topk8 -in o1 -passout pass:correct_horse -out o2");
    fs::write(sealift.at("phrase_"), "correct_horse\n").unwrap();

    for (private, public, phrase) in [
        ("s1", "s1.pub", ""),
        ("s2", "s2.pub", "phrase"),
        ("m1", "m1.pub", ""),
        ("m2", "m2.pub", "phrase"),
        ("o1", "o1.pub", ""),
        ("o2", "o1.pub", "phrase_"),
    ] {
        let file = match phrase {
            "" => String::new(),
            phrase => format!("--passphrase-file {phrase}"),
        };
        fs::remove_dir_all(sealift.at("b")).unwrap();
        run(
            &sealift,
            &format!("export {} -o b --sign-key {private} {file}", crate::support::ceremony::HELLO),
        )
        .ok();
        run(&sealift, &format!("verify b --key {public}")).ok();
        run(&sealift, "verify b --key alice.pub.pem").exits(code::UNTRUSTED);
        // In every form it is the same key.
        let shown = run(&sealift, &format!("key show {private} {file} --format json")).ok().json();
        let of_public = run(&sealift, &format!("key show {public} --format json")).ok().json();
        assert_eq!(shown["keyId"], of_public["keyId"], "{private}");
        fs::write(sealift.at("as.pem"), shown["publicKey"].as_str().unwrap()).unwrap();
        run(&sealift, "verify b --key as.pem").ok();
        if !file.is_empty() {
            fs::write(sealift.at("wrong"), "another horse\n").unwrap();
            run(&sealift, &format!("key show {private} --passphrase-file wrong"))
                .exits(code::USAGE)
                .says("does not open the private key");
            run(&sealift, &format!("key show {private}")).exits(code::USAGE).says("no passphrase");
        }
    }
    run(&sealift, "key show y1.pub").ok();
    run(&sealift, "key show y1.sec").exits(code::USAGE);
    // A key of another kind is none, whoever made it.
    other(&sealift, "ssh-keygen", &["-q", "-t", "ecdsa", "-N", "", "-f", "e1"], "");
    for file in ["e1", "e1.pub"] {
        run(&sealift, &format!("key show {file}")).exits(code::USAGE).says("ssh-ed25519");
    }
    // One key in two spellings is no two people.
    let root = "--signer alice=s1.pub --threshold 2";
    let shown = run(&sealift, "key show s1.pub --format json").ok().json();
    fs::write(sealift.at("as.pem"), shown["publicKey"].as_str().unwrap()).unwrap();
    run(&sealift, &format!("trust new root.9.json {root} --signer bob=as.pem")).exits(code::USAGE);
}

#[test]
fn a_key_gets_another_passphrase_and_stays_the_same_key() {
    let sealift = site();
    for (name, phrase) in [("old", "first horse\n"), ("new", "second horse\n"), ("wrong", "x\n")] {
        fs::write(sealift.at(name), phrase).unwrap();
    }
    let id = |file: &str, more: &str| {
        run(&sealift, &format!("key show {file} --format json {more}")).ok().json()["keyId"].clone()
    };
    let before = id("bob.key.pem", "");

    run(&sealift, "key passphrase bob.key.pem --new-passphrase-file old").ok();
    assert_eq!(id("bob.key.pem", "--passphrase-file old"), before);
    let bytes = fs::read(sealift.at("bob.key.pem")).unwrap();
    run(&sealift, "key passphrase bob.key.pem --passphrase-file wrong --new-passphrase-file new")
        .exits(code::USAGE);
    run(&sealift, "key passphrase bob.key.pem --passphrase-file old")
        .exits(code::USAGE)
        .says("--new-passphrase-file");
    run(&sealift, "key passphrase bob.pub.pem --new-passphrase-file new").exits(code::USAGE);
    assert_eq!(fs::read(sealift.at("bob.key.pem")).unwrap(), bytes, "nothing has changed");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(sealift.at("bob.key.pem")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    std::os::unix::fs::symlink("bob.key.pem", sealift.at("link")).unwrap();
    run(&sealift, "key passphrase link --passphrase-file old --new-passphrase-file new").ok();
    assert!(sealift.at("link").is_symlink());
    run(&sealift, "key passphrase bob.key.pem --passphrase-file new --no-passphrase").ok();
    assert_eq!(id("bob.key.pem", ""), before);
    run(&sealift, "sign b --sign-key bob.key.pem --trust trust").ok();
}
