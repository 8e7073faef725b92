//! Each message that docs/exit-codes.md names is made, and has the exit code that stands there.

use std::collections::BTreeSet;

use crate::support::content::{digest, tar};
use crate::support::files::copy;
use crate::support::later::signed_again;
use crate::support::sealift::{Sealift, ran};

/// The image that the repository ships.
const HELLO: &str = concat!("oci:", env!("CARGO_MANIFEST_DIR"), "/testdata/hello");
const PAGE: &str = include_str!("../../docs/exit-codes.md");
/// What needs a full or a faulty disk, two programs, a signal or bundles of a stream; other
/// tests make those.
const ELSEWHERE: &[(i32, &str)] = &[
    (1, "is not what the names stand for today"),
    (2, "is of no registry"),
    (2, "is there, and is no lock"),
    (5, "is there no more"),
    (5, "not hold every image"),
    (1, "did not pass the check"),
    (6, "other images in its containerd than in its folder"),
    (2, "cannot be handed to a node"),
    (2, "there is no root of trust in"),
    (3, "cannot be scanned"),
    (3, "which nobody checked"),
    (5, "when the destination was read back"),
    (5, "the receipt says that something is missing"),
    (5, "are not there as they were brought"),
    (3, "is not taken by root"),
    (3, "has no valid signature by a key of root"),
    (3, "may be written by others"),
    (3, "is not signed by enough"),
    (3, "is not the root that was named"),
    (6, "cannot keep the root of trust"),
    (7, "holds no more since"),
    (7, "was taken already"),
    (7, "those between are missing"),
    (7, "two roots of version"),
    (3, "no identity was named"),
    (3, "no identity opens it"),
    (4, "are not as they were"),
    (4, "the ledger"),
    (4, "is not as it was written"),
    (2, "is there, and is no"),
    (6, "cannot write the ledger"),
    (1, "Input/output error"),
    (4, "does not give back what was written"),
    (6, "Read-only file system"),
    (5, "in none of the bundles given"),
    (6, "kubectl cannot tell what runs"),
    (5, "is not there"),
    (5, "is next, and the medium in"),
    (2, "is of another set"),
    (4, "got wrong bytes"),
    (6, "deletes nothing"),
    (2, "holds volumes of 2 sets"),
    (2, "is no volume, and holds none"),
    (3, "a key that was not given"),
    (3, "only who signed the bundle"),
    (2, "is too small for this bundle"),
    (2, "is not new"),
    (2, "goes on to"),
    (3, "is by another key"),
    (3, "and not of stream"),
    (6, "cannot write the history of stream"),
    (6, "cannot remember which bundle was taken"),
    (7, "two bundles are"),
    (7, "an old one"),
    (7, "does not follow"),
    (7, "is expected: it was not taken here"),
    (7, "the sender began to count again"),
    (7, "has been already"),
    (7, "nobody can tell which bundles were taken"),
    (6, "is unreadable"),
    (8, "no room"),
    (9, "another sealift is writing"),
    (130, "interrupted"),
    (2, "is no address that is read"),
    (2, "which is not read over HTTP"),
    (4, "was changed or replaced while it was read"),
    (6, "a part of it was asked for"),
    (6, "another range came"),
    (6, "and was not followed"),
    (6, "not allowed (HTTP 401)"),
];

/// The rows of the page: exit codes and messages.
fn rows() -> BTreeSet<(i32, &'static str)> {
    let rows = PAGE.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let code = cells.next()?.parse().ok()?;
        Some((code, cells.next()?.trim_matches('`')))
    });
    rows.collect()
}

#[test]
fn each_message_has_the_exit_code_of_its_class() {
    let sealift = Sealift::new();
    for name in ["k", "stranger"] {
        sealift.keys(name);
    }
    let export = |more: &str| {
        let args = format!("export {HELLO} --sign-key k.key.pem {more}");
        ran(sealift.command().args(args.split(' '))).ok();
    };
    export("-o b");
    export("-o b.tar");
    export("-o small --platform linux/amd64 --rewrite-index");
    export("-o old --expires 1");
    export("-o delta --since b");
    run!(sealift, "import", "b", "--to", "oci:in", "--key", "k.pub.pem").ok();
    run!(sealift, "inventory", "oci:small", "-o", "held.json").ok();
    let write = |name: &str, bytes: &[u8]| std::fs::write(sealift.at(name), bytes).unwrap();
    for name in ["damaged", "extra", "later", "litter", "missing", "unsigned"] {
        copy(&sealift.at("b"), &sealift.at(name));
    }
    write("damaged/index.json", b"{}");
    write("extra/x", b"");
    write("litter/.DS_Store", b"");
    signed_again(&sealift.at("later"), &sealift.at("k.key.pem"), "\"epoch\":0", "\"epoch\":1");
    std::fs::remove_file(sealift.at("missing/manifest.json")).unwrap();
    std::fs::remove_dir_all(sealift.at("unsigned/sig")).unwrap();
    let packed = std::fs::read(sealift.at("b.tar")).unwrap();
    write("cut.tar", &packed[..3000]);
    write("b.tar.par2", b"notes");
    copy(&sealift.at("b"), &sealift.at("spoilt"));
    run!(sealift, "protect", "spoilt").ok();
    std::fs::remove_dir_all(sealift.at("spoilt/blobs")).unwrap();
    write("other.tar", &packed);
    copy(&sealift.at("spoilt/repair/bundle.par2"), &sealift.at("other.tar.par2"));
    write("w.tar.par2", b"notes");
    write("x.gz", b"\x1f\x8b\x08");
    write("x.zip", b"PK\x03\x04");
    let config = format!(r#"{{"rootfs":{{"diff_ids":["{}"]}}}}"#, digest(b""));
    let list = br#"[{"Config":"c.json","RepoTags":["a:1"],"Layers":["l.xz"]}]"#;
    write(
        "xz.tar",
        &tar(&[
            ("c.json", config.as_bytes(), 0o644),
            ("l.xz", b"\xfd7zXZ\0\0\x04\xe6\xd6", 0o644),
            ("manifest.json", list, 0o644),
        ]),
    );
    write("old.toml", b"version = 0\n");
    write("strict.toml", b"version = 1\n[[rule]]\nname = \"none\"\ndenied-images = [\"*\"]\n");
    write("users.txt", b"ann:$apr1$x$y\n");
    write("bcrypt.txt", b"ann:$2y$05$MuTpXFYVmuXJDYURTDP0A.HjTpyst0q3K8uK690NfAWWho02uOhUC\n");
    write("bad.json", b"{\"_type\":\"x\"}");
    write("none.json", br#"{"kind":"List","items":[]}"#);
    write("odd.json", br#"{"kind":"Pod","spec":{"containers":[{"image":"Odd"}]}}"#);
    write("empty", b"");
    write("locked.age", b"age-encryption.org/v1\n");
    std::fs::create_dir(sealift.at("hollow")).unwrap();
    write("wide.txt", b"a\0b\0");
    write("bad.txt", b"A\nB\n");
    let absent = crate::support::double::Double::start(|_| {
        Some(crate::support::double::Reply::new(404, ""))
    });
    let portal = crate::support::double::Double::start(|_| {
        Some(crate::support::double::Reply::new(200, "<html>"))
    });
    let host = absent.host();
    let page = format!("tags {}/a", portal.host());
    let search = format!("search x --registry {host}");
    let (sign, trust) = ("--sign-key k.key.pem", "--key k.pub.pem");
    let plain = |args: &str| format!("{args} {trust}");
    let cases: &[(i32, &str, String)] = &[
        (0, "is complete already", format!("export {HELLO} -o b {sign}")),
        (1, "Connection refused", format!("export 127.0.0.1:1/a:1 -o n {sign}")),
        (
            1,
            "is not installed, or not on the PATH",
            format!("export {HELLO} -o n {sign} --scan nowhere/scanner"),
        ),
        (2, "stands for nothing", format!("export {HELLO} -o n {sign} --scan x={{dri}}")),
        (3, "found something in", format!("export {HELLO} -o n {sign} --scan false")),
        (1, "differ", "diff b small --exit-code".to_owned()),
        (1, "cannot listen on", plain("serve b --listen 203.0.113.1:1")),
        (2, "is not of bcrypt", plain("serve b --listen 127.0.0.1:0 --htpasswd users.txt")),
        (
            2,
            "would cross the network in clear",
            plain("serve b --listen 0.0.0.0:0 --htpasswd bcrypt.txt"),
        ),
        (
            2,
            "holds no certificate",
            plain("serve b --listen 127.0.0.1:0 --tls-cert users.txt --tls-key users.txt"),
        ),
        (2, "required arguments were not provided", "verify b".to_owned()),
        (2, "is not a destination", plain("import b --to ftp://x")),
        (2, "cannot read", "verify b --key nowhere".to_owned()),
        (2, "this is a private key", "verify b --key k.key.pem".to_owned()),
        (
            2,
            "is text in UTF-16 without the mark that says so",
            format!("export -f wide.txt -o n {sign}"),
        ),
        (2, "of the names cannot be read", format!("export -f bad.txt -o n {sign}")),
        (2, "exists already", format!("export {HELLO} -o b --sign-key stranger.key.pem")),
        (2, "would not be what its name says", plain("import b --to docker-archive:x.tar.zst")),
        (
            2,
            "is an address, and here a bundle is read",
            "protect http://h.example/b.tar".to_owned(),
        ),
        (2, "has a name or a password in it", plain("inspect http://a:b@h.example/b.tar")),
        (2, "is followed by a query", plain("inspect http://h.example/b.tar?a=b")),
        (2, "cannot be read from here", plain("verify http://h.example/b.tar --verify-media")),
        (2, "lies in the bundle itself", plain("import b --to oci:b/x")),
        (2, "lies in the bundle", "key generate --no-passphrase -o b/x".to_owned()),
        (2, "cannot be read back", plain("import b --to docker-archive:- --receipt r")),
        (2, "lies in the drop folder", plain("receive . --to oci:in --once")),
        (2, "lies at the destination itself", plain("import b --to oci:in --receipt in/r")),
        (2, "does not say what the report is to be", plain("report b -o r.txt")),
        (
            2,
            "belongs to no stream",
            format!("export {HELLO} -o n {sign} --stream p --after b --history h"),
        ),
        (2, "cannot be led to", plain("mirror-config b --for docker --to docker://h.example/g")),
        (2, "is no registry", plain("mirror-config b --for podman --to oci:x")),
        (2, "is a file, not a folder", plain("import b --to oci:empty/x")),
        (2, "there is no policy", "policy check b".to_owned()),
        (2, "of a policy is known here", plain("import b --to oci:n --policy old.toml")),
        (2, "no command can be run in images of", plain("import b --to oci:n --check true")),
        (
            3,
            "is another one than was asked for",
            plain(&format!("import b --to oci:n --statement sha256:{:064}", 0)),
        ),
        (2, "has no labels that pin images", plain("import b --to oci:n --pin")),
        (2, "is no name of a node", "fanout b --to oci:n --ssh a;b".to_owned()),
        (2, "import does not take that", "fanout b --to oci:n --ssh a -- --x".to_owned()),
        (2, "does not find the program", "fanout b --to oci:n --kubernetes".to_owned()),
        (2, "and only such a one is sent along", "fanout . --to oci:n --ssh a --send".to_owned()),
        (2, "brings no bundle to its nodes", "fanout empty --to oci:n --slurm --send".to_owned()),
        (
            2,
            "and only such a one is given to nodes",
            "fanout . --to oci:n --ssh a --serve head".to_owned(),
        ),
        (
            2,
            "and nodes read no such one from here",
            "fanout locked.age --to oci:n --ssh a --serve head".to_owned(),
        ),
        (
            2,
            "which port is free is known",
            "fanout empty --to oci:n --ssh a --serve head:0 --dry-run".to_owned(),
        ),
        (
            2,
            "is looked at as a file of this machine",
            "fanout http://head/b.tar --to oci:n --ssh a".to_owned(),
        ),
        (
            2,
            "is no name of a namespace",
            "fanout b --to oci:n --kubernetes --program /s --namespace a/b".to_owned(),
        ),
        (3, "not let in by policy", plain("import b --to oci:n --policy strict.toml")),
        (
            2,
            "no image is meant by the rule for signatures",
            plain("import b --to oci:n --require-signature nope=k.pub.pem"),
        ),
        (3, "demands one", plain("import b --to oci:n --require-signature *=k.pub.pem")),
        (3, "is nobody's word", "receipt verify held.json".to_owned()),
        (3, "is not signed", plain("verify unsigned")),
        (3, "has no valid signature by a trusted key", "verify b --key stranger.pub.pem".into()),
        (3, "has not signed", plain("proof b -o n --sign-key stranger.key.pem")),
        (3, "is no bundle: it is compressed with gzip", plain("verify x.gz")),
        (3, "is no bundle: it is a receipt", "inspect bad.json".to_owned()),
        (3, "does not go with the rest", plain("verify later")),
        (4, "is damaged", plain("verify damaged")),
        (4, "holds what nobody signed for", plain("verify extra")),
        (4, "it may be deleted", plain("verify litter")),
        (4, "cannot be repaired", plain("repair spoilt")),
        (4, "it does not say of what it is", plain("repair b.tar")),
        (4, "not a receipt", format!("export {HELLO} -o n {sign} --since bad.json")),
        (4, "is no OCI layout; it is a zip file", format!("export oci-archive:x.zip -o n {sign}")),
        (4, "is no JSON of kubectl's", "list kubernetes:x.zip".to_owned()),
        (5, "no such file or folder", plain("verify nowhere")),
        (5, "no such file (HTTP 404)", plain(&format!("verify http://{host}/b.tar"))),
        (5, "is incomplete", plain("verify missing")),
        (5, "is incomplete", plain("verify cut.tar")),
        (5, "is no bundle: it is an empty file", plain("import empty --to oci:n")),
        (5, "is no bundle: it is empty", plain("inspect hollow")),
        (5, "has no image", format!("export {HELLO}:nope -o n {sign}")),
        (5, "is not there for", format!("export {HELLO} --platform linux/s390x -o n {sign}")),
        (5, "there is no history of stream", format!("export {HELLO} -o n {sign} --stream p")),
        (5, "the bundle does not carry", plain("import delta --to oci:n")),
        (
            5,
            "the receipt does not tell",
            "receipt verify held.json --insecure-no-verify --against b".to_owned(),
        ),
        (5, "is not all held", plain("inventory oci:small --against b")),
        (5, "left out", "list odd.json".to_owned()),
        (5, "so that all would be unused", format!("list {HELLO} --unused-against none.json")),
        (5, "there is no recovery data of", plain("repair b")),
        (5, "no image of the bundle is meant by", plain("import b --to oci:n --only nope")),
        (6, "is not recovery data of this bundle", "protect b.tar".to_owned()),
        (6, "the recovery data of", plain("repair other.tar")),
        (
            6,
            "is complete, and its recovery data is not",
            "pack b -o w.tar --redundancy 5%".to_owned(),
        ),
        (6, "does not show which repositories it has", format!("inventory docker://{host} -o n")),
        (6, "with other images", plain("import small --to oci:in")),
        (
            6,
            "is compressed with xz, and not with gzip or zstd",
            format!("export docker-archive:xz.tar -o n {sign}"),
        ),
        (6, "a page for people came", page),
        (6, "cannot be searched", search),
        (6, "cannot write into", plain("import b --to oci:/proc/x")),
        (7, "the bundle expired at", plain("inspect old")),
    ];
    let mut made: BTreeSet<(i32, &str)> = ELSEWHERE.iter().copied().collect();
    for (code, message, args) in cases {
        let done = ran(sealift.command().args(args.split(' ')));
        done.exits(*code).says(message);
        made.insert((*code, message));
    }
    let mut part = sealift.command();
    part.args(format!("export {HELLO} -o n {sign}").split(' ')).args(["--since", "prod 2"]);
    ran(&mut part).exits(2).says("is not a whole line of an inventory");
    made.insert((2, "is not a whole line of an inventory"));
    let program = env!("CARGO_BIN_EXE_sealift");
    let line = format!("ulimit -f 1; exec {program} export {HELLO} -o large.tar {sign}");
    let mut limited = std::process::Command::new("bash");
    limited.args(["-c", &line]).current_dir(sealift.at(""));
    ran(limited.env("XDG_STATE_HOME", sealift.at("state"))).exits(8);
    made.insert((8, "and a file there can have"));

    assert_eq!(made, rows(), "the page and this test name the same messages");
    assert!(!sealift.at("n").exists());
}
