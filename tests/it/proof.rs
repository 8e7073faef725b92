//! `proof`: one bundle is verified by the programs of others, and each refuses it once it was tampered with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::support::months::{Sender, image};
use crate::support::sealift::{Sealift, code, ran};
use crate::support::{command, files, have, peers};

/// A program, what it needs, and how it is asked: with `$ID`, `$KEY` for the sender's key in PEM, and the files
/// of the proof around it.
struct Verifier {
    name: &'static str,
    needs: &'static [&'static str],
    script: &'static str,
}

const VERIFIERS: [Verifier; 7] = [
    Verifier {
        name: "OpenSSL",
        needs: &["openssl"],
        script: "openssl pkeyutl -verify -pubin -inkey $KEY -rawin -in statement.pae -sigfile $ID.sig",
    },
    Verifier {
        name: "minisign",
        needs: &["minisign"],
        script: "minisign -V -p $ID.signify.pub -x $ID.minisig -m statement.pae",
    },
    Verifier {
        name: "signify",
        needs: &["signify-openbsd"],
        script: "signify-openbsd -V -p $ID.signify.pub -x $ID.signify.sig -m statement.pae",
    },
    Verifier {
        name: "ssh-keygen",
        needs: &["ssh-keygen"],
        script: "ssh-keygen -Y verify -f allowed_signers -I $ID -n sealift-bundle -s $ID.sshsig \
                 < statement.pae",
    },
    Verifier {
        name: "cryptography",
        needs: &["peers:python"],
        script: r#"$PYTHON -c 'import sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key as load
key, signature, signed = (open(path, "rb").read() for path in sys.argv[1:])
load(key).verify(signature, signed)' $KEY $ID.sig statement.pae"#,
    },
    Verifier {
        name: "securesystemslib",
        needs: &["peers:python"],
        script: "$PYTHON $SUPPORT/dsse.py $ID.sigstore.json $KEY",
    },
    Verifier {
        name: "@sigstore/verify",
        needs: &["node", "peers:npm"],
        script: "node $SUPPORT/sigstore.js $ID.sigstore.json $KEY",
    },
];

/// A sender with the bundle `b` of two images, in which one signed.
fn sender() -> Sender {
    let sender = Sender::new();
    let images = [image("a/app:1", &["base", "app"]), image("a/db:1", &["base", "db"])];
    sender.export("b", &images, &[]).ok();
    sender
}

/// The beginning of the key's id that the file names have.
fn id(sealift: &Sealift, key: &Path) -> String {
    let shown = run!(sealift, "key", "show", key, "--format", "json").ok().json();
    shown["keyId"].as_str().unwrap()[..16].to_owned()
}

/// Asks `verifier` in the folder `proof`.
fn accepts(verifier: &Verifier, proof: &Path, id: &str, key: &Path) -> bool {
    let mut shell: Command = command("sh");
    let libraries = |language: &str| peers::libraries(language).unwrap_or_default();
    let support = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support");
    shell
        .args(["-euc", verifier.script])
        .current_dir(proof)
        .env("ID", id)
        .env("KEY", key)
        .env("SUPPORT", support)
        .env("PYTHON", libraries("python").join("bin/python"))
        .env("NODE_PATH", libraries("npm").join("node_modules"));
    let output = shell.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    println!("{}: {}\n{}", verifier.name, output.status, String::from_utf8_lossy(&said));
    output.status.success()
}

/// The file `name` of the proof `from`, written to `to` as `change` says.
fn rewrite(from: &Path, to: &Path, name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    fs::write(to.join(name), change(fs::read(from.join(name)).unwrap())).unwrap();
}

/// `statement` as somebody would have it who brings other images under the same signature.
fn forged(statement: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(statement).unwrap();
    assert!(text.contains("a/app:1"), "{text}");
    text.replace("a/app:1", "a/app:2").into_bytes()
}

/// The bundle and its proof as they would be with that statement, and everything else as it was.
fn tampered(sender: &Sender, id: &str) -> PathBuf {
    let (proof, forgery) = (sender.at("proof"), sender.at("forgery"));
    files::copy(&proof, &forgery);
    files::copy(&sender.at("b"), &sender.at("forged"));
    let encoded = |payload: &str| {
        let payload = BASE64_STANDARD.decode(payload).unwrap();
        BASE64_STANDARD.encode(forged(&payload))
    };
    rewrite(&proof, &forgery, "statement.json", |bytes| forged(&bytes));
    // It is as long as before, so that its length is right.
    rewrite(&proof, &forgery, "statement.pae", |bytes| forged(&bytes));
    rewrite(&proof, &forgery, &format!("{id}.sigstore.json"), |bytes| {
        let mut bundle: Value = serde_json::from_slice(&bytes).unwrap();
        let payload = &mut bundle["dsseEnvelope"]["payload"];
        *payload = encoded(payload.as_str().unwrap()).into();
        bundle.to_string().into_bytes()
    });
    let name = format!("{id}.dsse.json");
    let (from, to) = (sender.at("b/sig"), sender.at("forged/sig"));
    files::make_writable(&to.join(&name));
    rewrite(&from, &to, &name, |bytes| {
        let text = String::from_utf8(bytes).unwrap();
        let payload = text.split('"').nth(3).unwrap();
        text.replace(payload, &encoded(payload)).into_bytes()
    });
    forgery
}

#[test]
fn one_bundle_is_verified_by_the_programs_of_others_and_each_refuses_a_tampered_one() {
    let sender = sender();
    let (sealift, keys) = (&sender.sealift, &sender.keys);
    let id = id(sealift, &keys.public);
    let (key, private) = (&keys.public, &keys.private);
    run!(sealift, "proof", "b", "--key", key, "--sign-key", private, "-o", "proof")
        .ok()
        .says("minisign, ssh-keygen");
    let (proof, forgery) = (sender.at("proof"), tampered(&sender, &id));
    let stranger = sealift.keys("stranger");

    run!(sealift, "proof", "forged", "--key", key, "-o", "none").exits(code::UNTRUSTED);
    run!(sealift, "verify", "forged", "--key", key).exits(code::UNTRUSTED);
    for verifier in VERIFIERS.iter().filter(|it| have(it.needs)) {
        let name = verifier.name;
        assert!(accepts(verifier, &proof, &id, key), "{name} refuses what was signed");
        assert!(!accepts(verifier, &forgery, &id, key), "{name} takes another statement");
        if verifier.script.contains("$KEY") {
            let stranger = &stranger.public;
            assert!(!accepts(verifier, &proof, &id, stranger), "{name} takes another key");
        }
    }
    assert!(!sender.at("none").exists());
}

#[test]
fn every_command_of_the_page_in_the_folder_ends_well_and_says_what_the_bundle_is() {
    need!("openssl", "minisign", "signify-openbsd", "ssh-keygen", "jq", "peers:python");
    let sender = sender();
    let (sealift, keys) = (&sender.sealift, &sender.keys);
    let (key, private) = (&keys.public, &keys.private);
    run!(sealift, "proof", "b", "--key", key, "--sign-key", private, "-o", "proof").ok();
    let page = fs::read_to_string(sender.at("proof/README.txt")).unwrap();
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    let script: Vec<&str> =
        commands.into_iter().filter(|it| !it.contains(" is a Sigstore")).collect();
    let script = script.join("\n");
    let script = script.replace("signify -V", "signify-openbsd -V").replace("$BUNDLE", "../b");

    let follow = || {
        let python = peers::libraries("python").unwrap().join("bin");
        let path = format!("{}:{}", python.display(), std::env::var("PATH").unwrap());
        let mut shell = command("sh");
        let shell = shell.args(["-euc", &script]).current_dir(sender.at("proof"));
        shell.env("PATH", path).output().unwrap()
    };

    let good = follow();
    let said = String::from_utf8_lossy(&good.stdout).into_owned();
    assert!(good.status.success(), "{said}{}", String::from_utf8_lossy(&good.stderr));
    for word in
        ["Signature Verified Successfully", "Signature Verified\n", "Good \"sealift-bundle\""]
    {
        assert!(said.contains(word), "{word} in {said}");
    }
    let sums = sender.at("b/SHA256SUMS");
    files::flip(&sums, 3);
    assert!(!follow().status.success(), "another list of files is taken");
}

#[test]
fn a_proof_is_the_same_of_every_form_and_is_made_without_the_private_key() {
    let sender = sender();
    let (sealift, keys) = (&sender.sealift, &sender.keys);
    let key = &keys.public;
    run!(sealift, "pack", "b", "-o", "b.tar").ok();
    run!(sealift, "pack", "b", "-o", "discs/b", "--volume-size", "2MB").ok();
    let mut proofs = Vec::new();
    for (at, form) in ["b", "b.tar", "discs/b"].into_iter().enumerate() {
        let output = format!("proof{at}");
        let told =
            run!(sealift, "proof", form, "--key", key, "-o", output, "--format", "json").ok();
        assert_eq!(told.json()["signatures"][0]["withPrivateKey"], false);
        proofs.push(files::tree(&sender.at(&output)));
    }

    assert_eq!(proofs[0], proofs[1]);
    assert_eq!(proofs[0], proofs[2]);
    let names: Vec<String> = proofs[0].keys().map(|path| path.display().to_string()).collect();
    assert!(
        !names.iter().any(|it| it.ends_with(".minisig") || it.ends_with(".sshsig")),
        "{names:?}"
    );
    assert!(names.contains(&format!("{}.sigstore.json", id(sealift, key))), "{names:?}");
}

#[test]
fn nothing_is_written_over_or_into_anything_and_no_key_comes_from_the_bundle() {
    let sender = sender();
    let (sealift, keys) = (&sender.sealift, &sender.keys);
    let (key, stranger) = (&keys.public, sealift.keys("stranger"));
    let before = files::tree(&sender.at("b"));
    fs::create_dir(sender.at("taken")).unwrap();

    run!(sealift, "proof", "b", "--key", key, "-o", "taken")
        .exits(code::USAGE)
        .says("exists already");
    run!(sealift, "proof", "b", "--key", key, "-o", "b/x")
        .exits(code::USAGE)
        .says("lies in the bundle");
    run!(sealift, "proof", "b", "--key", stranger.public, "-o", "x").exits(code::UNTRUSTED);
    run!(sealift, "proof", "b", "-o", "x").exits(code::USAGE).says("--key");
    run!(sealift, "proof", "b", "--key", key, "--sign-key", stranger.private, "-o", "x")
        .exits(code::UNTRUSTED)
        .says("has not signed b");
    assert!(!sender.at("x").exists());
    assert_eq!(files::tree(&sender.at("b")), before);
    // What a run that was killed has left is no obstacle.
    fs::create_dir(sender.at(".sealift-x")).unwrap();
    fs::write(sender.at(".sealift-x/half"), b"").unwrap();
    run!(sealift, "proof", "b", "--key", key, "-o", "x").ok();
    assert!(!sender.at("x/half").exists() && !sender.at(".sealift-x").exists());
}

#[test]
fn of_a_bundle_of_two_signers_each_has_a_proof_of_his_own() {
    let sender = sender();
    let (sealift, keys) = (&sender.sealift, &sender.keys);
    let second = sealift.keys("second");
    // The same export by another is the same to the byte, but for who signs it.
    let mut export = sealift.command();
    export.args(["export", "oci:month", "-o", "c", "--sign-key"]).arg(&second.private);
    ran(&mut export).ok();
    let [one, two] = [&keys.public, &second.public].map(|key| id(sealift, key));
    let name = format!("{two}.dsse.json");
    fs::copy(sender.at("c/sig").join(&name), sender.at("b/sig").join(&name)).unwrap();
    let (first, other) = (&keys.public, &second.public);

    let both = ["proof", "b", "-o", "both", "--format", "json", "--key"];
    let mut both_of = sealift.command();
    let both = ran(both_of.args(both).arg(first).arg("--key").arg(other)).ok().json();
    let alone =
        run!(sealift, "proof", "b", "-o", "alone", "--key", first, "--format", "json").ok().json();

    assert_eq!(both["signatures"].as_array().map(Vec::len), Some(2));
    assert_eq!(alone["signatures"].as_array().map(Vec::len), Some(1));
    assert_eq!(alone["otherSignatures"][0]["path"], format!("sig/{name}"));
    let read = |path: String| fs::read(sender.at(&path)).unwrap();
    for id in [&one, &two] {
        assert_eq!(read(format!("both/{id}.sig")).len(), 64);
    }
    assert_eq!(read(format!("both/{one}.sig")), read(format!("alone/{one}.sig")));
    assert!(!sender.at(&format!("alone/{two}.sig")).exists());
}
