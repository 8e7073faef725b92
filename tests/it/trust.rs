//! The trust folder: how many of whom have to sign, what is not taken, and how one root follows another.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::ceremony::{
    countersign, export, fingerprint, run, sign, signers, two_of_three, version,
};
use crate::support::sealift::{Sealift, code, ran};

#[test]
fn a_bundle_takes_as_many_signatures_as_the_root_says() {
    let sealift = Sealift::new();
    two_of_three(&sealift);
    export(&sealift, "b", "alice", "");

    run(&sealift, "verify b --trust trust").exits(code::UNTRUSTED).says(
        "threshold: role default takes 2 signatures of 3: signed by alice, not by bob, carol",
    );
    run(&sealift, "import b --to oci:in --trust trust").exits(code::UNTRUSTED);
    // One who is not asked does not count.
    countersign(&sealift, "b", "mallory");
    run(&sealift, "verify b --trust trust")
        .exits(code::UNTRUSTED)
        .says("signed by alice, not by bob");
    countersign(&sealift, "b", "carol");
    run(&sealift, "verify b --trust trust")
        .ok()
        .says("role default takes 2 signatures of 3: signed by alice, carol, not by bob (root 1 of trust)");
    let found = run(&sealift, "verify b --trust trust --format json").json();
    let names = |list: &str| -> Vec<String> {
        let list = found["trust"][list].as_array().unwrap().iter();
        list.map(|it| it["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (names("signed"), names("missing")),
        (vec!["alice".into(), "carol".into()], vec!["bob".into()])
    );
    assert_eq!(found["trust"]["threshold"], 2);
    assert_eq!(found["signers"].as_array().unwrap().len(), 2);
    for verb in
        ["inspect b --trust trust", "diff b b --trust trust", "import b --to oci:in --trust trust"]
    {
        run(&sealift, verb).ok();
    }
}

#[test]
fn a_stream_has_signers_of_its_own() {
    let sealift = Sealift::new();
    two_of_three(&sealift);
    run(&sealift, "trust add root.2.json --signer dave=dave.pub.pem --stream prod --threshold 1 --trust trust").ok();
    sign(&sealift, "root.2.json", &["bob", "carol"]);
    run(&sealift, "trust rotate root.2.json --trust trust").ok();
    export(&sealift, "ours", "dave", "--stream prod --new-epoch");
    export(&sealift, "other", "dave", "--stream test --new-epoch");
    export(&sealift, "none", "dave", "");
    export(&sealift, "theirs", "alice", "--stream prod --new-epoch --history elsewhere");
    countersign(&sealift, "theirs", "bob");

    run(&sealift, "verify ours --trust trust")
        .ok()
        .says("role prod takes 1 signature of 1: signed by dave");
    run(&sealift, "verify other --trust trust")
        .exits(code::UNTRUSTED)
        .says("role * takes 2 signatures");
    run(&sealift, "verify none --trust trust").exits(code::UNTRUSTED).says("role default takes 2");
    run(&sealift, "verify theirs --trust trust")
        .exits(code::UNTRUSTED)
        .says("role prod takes 1 signature");
}

#[test]
fn the_folder_is_named_once_and_no_key_beside_it_or_it_is_where_it_usually_is() {
    let sealift = Sealift::new();
    two_of_three(&sealift);
    export(&sealift, "b", "alice", "");
    countersign(&sealift, "b", "bob");

    for odd in [
        "verify b --trust trust --key alice.pub.pem",
        "verify b --trust trust --trust trust",
        "import b --to oci:in --trust trust --insecure-no-verify",
        "inspect b --trust trust --key alice.pub.pem",
        "inventory oci:b -o r --trust trust",
    ] {
        run(&sealift, odd).exits(code::USAGE);
    }
    run(&sealift, "verify b").exits(code::USAGE).says("--key <PUB.pem> or --trust <DIR>");
    run(&sealift, "verify b --trust nothing")
        .exits(code::USAGE)
        .says("there is no root of trust in nothing");
    let init =
        format!("trust init root.1.json --fingerprint {}", fingerprint(&sealift, "root.1.json"));
    let own = sealift.home().parent().unwrap().join("config/sealift/trust");
    run(&sealift, &format!("{init} --trust {}", own.display())).ok();
    run(&sealift, "verify b").ok().says("role default takes 2 signatures of 3");
    run(&sealift, "import b --to oci:in").ok();
    // Whoever says a key means that key.
    run(&sealift, "verify b --key mallory.pub.pem").exits(code::UNTRUSTED);
    // A folder that is there and broken is not passed over.
    std::fs::remove_file(own.join("root.json")).unwrap();
    run(&sealift, "verify b").exits(code::USAGE).says("there is no root of trust");
}

#[test]
fn a_folder_that_others_may_write_is_not_believed() {
    let sealift = Sealift::new();
    two_of_three(&sealift);
    export(&sealift, "b", "alice", "");
    countersign(&sealift, "b", "bob");
    let mode = |name: &str, mode| {
        std::fs::set_permissions(sealift.at(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };

    mode("trust", 0o775);
    run(&sealift, "verify b --trust trust").exits(code::UNTRUSTED).says("may be written by others");
    mode("trust", 0o755);
    mode("trust/root.json", 0o646);
    run(&sealift, "verify b --trust trust")
        .exits(code::UNTRUSTED)
        .says("trust/root.json may be written");
    mode("trust/root.json", 0o644);
    run(&sealift, "verify b --trust trust").ok();
    std::os::unix::fs::symlink(sealift.at("trust"), sealift.at("link")).unwrap();
    run(&sealift, "verify b --trust link").exits(code::UNTRUSTED).says("a link is not followed");
}

#[test]
fn the_first_root_is_taken_by_its_fingerprint_and_no_other() {
    let sealift = Sealift::new();
    signers(&sealift, &["alice", "mallory"]);
    run(&sealift, "trust new root.1.json --signer alice=alice.pub.pem")
        .ok()
        .says("nobody has signed it yet");
    run(&sealift, "trust new evil.json --signer alice=mallory.pub.pem").ok();
    let told = fingerprint(&sealift, "root.1.json");
    let init = |root: &str, fingerprint: &str| {
        ran(sealift.command().args([
            "trust",
            "init",
            root,
            "--trust",
            "trust",
            "--fingerprint",
            fingerprint,
        ]))
    };

    init("root.1.json", &told).exits(code::UNTRUSTED).says("is not signed by enough");
    sign(&sealift, "root.1.json", &["alice"]);
    sign(&sealift, "evil.json", &["mallory"]);
    init("evil.json", &told).exits(code::UNTRUSTED).says("is not the root that was named");
    init("evil.json", &told[7..39]).exits(code::UNTRUSTED).says("is not the root that was named");
    init("root.1.json", "0123").exits(code::USAGE).says("that is no fingerprint");
    run(&sealift, "trust init root.1.json --trust trust").exits(code::USAGE).says("--fingerprint");
    assert!(!sealift.at("trust").exists());
    // As it is read out: in groups, in capitals, half of it.
    let groups = told[7..39]
        .to_uppercase()
        .as_bytes()
        .chunks(4)
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect::<Vec<_>>()
        .join(" ");
    init("root.1.json", &groups).ok().says("the next root");
    init("root.1.json", &told).exits(code::USAGE).says("has a root of trust already");
    assert_eq!(version(&sealift.at("trust")), 1);
}

#[test]
fn a_root_rotates_when_old_and_new_signers_agree() {
    let sealift = Sealift::new();
    two_of_three(&sealift);
    run(&sealift, "trust add root.2.json --signer dave=dave.pub.pem --roots --stream * --stream default --trust trust").ok();
    run(&sealift, "trust remove root.2.json alice --trust trust").ok();

    run(&sealift, "trust verify root.2.json --trust trust").exits(code::UNTRUSTED).says(
        "role root of version 1 takes 2 signatures of 3: nobody has signed of alice, bob, carol",
    );
    run(&sealift, "trust sign root.2.json --sign-key mallory.key.pem --trust trust")
        .exits(code::USAGE);
    sign(&sealift, "root.2.json", &["alice", "dave"]);
    run(&sealift, "trust rotate root.2.json --trust trust")
        .exits(code::UNTRUSTED)
        .says("not by bob, carol");
    assert_eq!(version(&sealift.at("trust")), 1);
    // Each of them in a home of his own.
    std::fs::copy(sealift.at("root.2.json"), sealift.at("of-bob.json")).unwrap();
    sign(&sealift, "of-bob.json", &["bob"]);
    run(&sealift, "trust rotate root.2.json of-bob.json --trust trust")
        .ok()
        .says("root 2 of trust");
    run(&sealift, "trust verify --trust trust").ok().says("roots 1 to 2 follow each other");
    run(&sealift, "trust rotate root.1.json --trust trust")
        .exits(code::STALE)
        .says("root 1 is old");
    // A draft that is signed is not changed under its signers.
    run(&sealift, "trust remove root.2.json bob --trust trust")
        .exits(code::USAGE)
        .says("is signed already");

    export(&sealift, "b", "alice", "");
    countersign(&sealift, "b", "bob");
    run(&sealift, "verify b --trust trust")
        .exits(code::UNTRUSTED)
        .says("signed by bob, not by carol, dave");
    countersign(&sealift, "b", "dave");
    run(&sealift, "verify b --trust trust").ok();
}

#[test]
fn a_revoked_key_counts_for_what_is_listed_alone() {
    let sealift = Sealift::new();
    two_of_three(&sealift);
    for name in ["before", "after"] {
        export(&sealift, name, "alice", &format!("--expires {}", name.len()));
        countersign(&sealift, name, "bob");
    }
    let shown = |name: &str| run(&sealift, &format!("inspect {name} --format json")).json();
    let before = shown("before")["statement"].as_str().unwrap().to_owned();
    run(
        &sealift,
        &format!("trust revoke root.2.json alice --reason stolen --accept {before} --trust trust"),
    )
    .ok();
    sign(&sealift, "root.2.json", &["bob", "carol"]);
    run(&sealift, "trust rotate root.2.json --trust trust").ok().says("revoked at").says("stolen");

    let verify = |name: &str| ran(sealift.command().args(["inspect", name, "--trust", "trust"]));
    verify("before").says("alice (revoked, this one still counts)");
    verify("after")
        .exits(code::UNTRUSTED)
        .says("threshold: role default takes 2 signatures of 2: signed by bob, not by carol")
        .says("revoked: the key ")
        .says("stolen");
    // A signature more, and nobody needs hers.
    countersign(&sealift, "after", "carol");
    verify("after").says("signed by bob, carol");
}

#[test]
fn what_is_denied_is_not_taken_whoever_signed() {
    let sealift = Sealift::new();
    two_of_three(&sealift);
    export(&sealift, "b", "alice", "");
    countersign(&sealift, "b", "bob");
    let held = run(&sealift, "inspect b --format json").json();
    let statement = held["statement"].as_str().unwrap().to_owned();
    let image = held["images"][0]["digest"].as_str().unwrap().to_owned();
    let name = held["images"][0]["name"].as_str().unwrap().to_owned();
    let (repository, _) = name.rsplit_once(':').unwrap();
    let (above, _) = repository.rsplit_once('/').unwrap();
    let sums = std::fs::read_to_string(sealift.at("b/SHA256SUMS")).unwrap();
    let mut layer =
        sums.lines().filter_map(|line| line.split_once("  blobs/sha256/")).map(|(hex, _)| hex);
    let layer = format!("sha256:{}", layer.next_back().unwrap());
    let mut number = 1;
    let mut next = |change: &str| {
        number += 1;
        let draft = format!("root.{number}.json");
        run(&sealift, &format!("trust deny {draft} {change} --trust trust")).ok();
        sign(&sealift, &draft, &["bob", "carol"]);
        run(&sealift, &format!("trust rotate {draft} --trust trust")).ok();
        run(&sealift, "verify b --trust trust")
    };

    for (what, said) in [
        (format!("--digest {statement}"), "denied: this statement".to_owned()),
        (format!("--digest {image}"), format!("denied: {image}, which is {name}: bad")),
        (format!("--digest {layer}"), format!("denied: {layer}")),
        (format!("--repository {repository}"), format!("denied: {name}, by {repository}: bad")),
        (format!("--repository {above}/*"), format!("denied: {name}, by {above}/*: bad")),
    ] {
        next(&format!("{what} --reason bad")).exits(code::UNTRUSTED).says(&said);
        next(&format!("{what} --lift")).ok();
    }
}

#[test]
fn what_makes_no_sense_is_not_drafted() {
    let sealift = Sealift::new();
    two_of_three(&sealift);
    let refused = |line: &str, why: &str| {
        run(&sealift, &format!("trust {line}")).exits(code::USAGE).says(why);
    };
    refused("new root.1.json --signer alice=alice.pub.pem", "exists already");
    refused("new x --signer alice=alice.pub.pem --signer bob=bob.pub.pem", "--threshold");
    refused("new x --signer alice=alice.pub.pem --threshold 2", "takes 2 of 1 signatures");
    refused(
        "new x --signer a=alice.pub.pem --signer b=alice.pub.pem --threshold 2",
        "stands twice",
    );
    refused("new x --signer alice", "NAME=PUB.pem");
    refused("new x --signer ALICE=alice.pub.pem", "no name of a signer");
    refused("add x --signer erin --roots --trust trust", "no key of erin");
    refused("add x --signer alice=bob.pub.pem --roots --trust trust", "another key of alice");
    refused("add x --signer alice --trust trust", "what they sign is not said");
    refused("remove x erin --trust trust", "no key of erin");
    refused("remove x alice --stream prod --trust trust", "no role for prod");
    refused("deny x --repository quay.io --reason bad --trust trust", "no name of a repository");
    refused("deny x --digest sha256:00 --reason bad --trust trust", "digest");
    refused("deny x --repository quay.io/a --lift --trust trust", "is not denied");
    refused("add x --signer alice=alice.pub.pem --roots", "no root yet");
    assert!(!sealift.at("x").exists());
}
