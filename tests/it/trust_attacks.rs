//! The attacks that The Update Framework lists, each on a site that trusts two of three signers; and a
//! verification from where nothing can be written and nobody can be asked.

use std::os::unix::fs::PermissionsExt as _;

use crate::support::ceremony::{
    countersign, export, fingerprint, private, run, sign, two_of_three, version,
};
use crate::support::files::{copy, make_writable};
use crate::support::later::signed_again;
use crate::support::sealift::{Sealift, code, ran};

/// A site with a bundle `b` that two have signed, which carries the roots.
fn site() -> Sealift {
    let sealift = Sealift::new();
    two_of_three(&sealift);
    export(&sealift, "b", "alice", "--trust trust");
    countersign(&sealift, "b", "bob");
    run(&sealift, "verify b --trust trust").ok();
    sealift
}

/// The next root, in which nothing is different but when it expires, signed by `names`.
fn next_root(sealift: &Sealift, number: u64, days: u32, names: &[&str]) {
    let draft = format!("root.{number}.json");
    let line = format!("trust add {draft} --signer alice --roots --expires {days} --trust trust");
    run(sealift, &line).ok();
    sign(sealift, &draft, names);
}

#[test]
fn arbitrary_installation_what_strangers_signed_is_not_taken() {
    let sealift = site();
    export(&sealift, "evil", "mallory", "");
    // With a root of his own, as if it were the next one.
    run(&sealift, "trust new mine.json --signer mallory=mallory.pub.pem").ok();
    run(&sealift, "trust sign mine.json --sign-key mallory.key.pem").ok();
    for verb in ["verify", "import --to oci:in"] {
        run(&sealift, &format!("{verb} evil --trust trust"))
            .exits(code::UNTRUSTED)
            .says("has no valid signature by a key of root 1");
    }
    for number in [1, 2] {
        let _ =
            std::fs::copy(sealift.at("mine.json"), sealift.at(&format!("evil/root.{number}.json")));
        let refused = run(&sealift, "verify evil --trust trust");
        assert!([code::UNTRUSTED, code::STALE].contains(&refused.code), "{refused:?}");
        std::fs::remove_file(sealift.at(&format!("evil/root.{number}.json"))).unwrap();
    }
    assert_eq!(version(&sealift.at("trust")), 1);
    assert!(!sealift.at("in").exists());
}

#[test]
fn endless_data_nothing_is_read_beyond_its_size() {
    let sealift = site();
    let hole = |name: &str| {
        let path = sealift.at(name);
        if path.exists() {
            make_writable(&path);
        }
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    };
    // Not one of these could be read in the memory that there is.
    for name in ["root.2.json", "SHA256SUMS", "sig/0000000000000000.dsse.json"] {
        copy(&sealift.at("b"), &sealift.at("big"));
        make_writable(&sealift.at("big/sig"));
        hole(&format!("big/{name}"));
        let refused = run(&sealift, "verify big --trust trust");
        assert_ne!(refused.code, code::DONE, "{name}");
        std::fs::remove_dir_all(sealift.at("big")).unwrap();
    }
    hole("trust/root.2.json");
    run(&sealift, "verify b --trust trust").exits(code::UNTRUSTED).says("larger than");
}

#[test]
fn extraneous_content_nothing_comes_along_that_nobody_signed_for() {
    let sealift = site();
    let other = format!("blobs/sha256/{}", "0".repeat(64));
    for name in [other.as_str(), "readme.txt", "root.9.json", "trust"] {
        copy(&sealift.at("b"), &sealift.at("more"));
        std::fs::write(sealift.at("more").join(name), "x").unwrap();
        run(&sealift, "verify more --trust trust").exits(code::DAMAGED).says("nobody signed for");
        run(&sealift, "import more --to oci:in --trust trust").exits(code::DAMAGED);
        std::fs::remove_dir_all(sealift.at("more")).unwrap();
    }
    assert!(!sealift.at("in").exists());
}

#[test]
fn fast_forward_no_number_is_jumped_to() {
    let sealift = site();
    next_root(&sealift, 2, 36500, &["alice", "bob"]);
    run(&sealift, "trust rotate root.2.json --trust trust").ok();
    next_root(&sealift, 3, 36500, &["alice", "bob"]);
    let ahead = sealift.at("ahead.json");
    // The same signers have signed what would be the fourth.
    copy(&sealift.at("trust"), &sealift.at("theirs"));
    run(&sealift, "trust rotate root.3.json --trust theirs").ok();
    run(&sealift, "trust add ahead.json --signer alice --roots --trust theirs").ok();
    sign(&sealift, "ahead.json", &["alice", "bob"]);
    assert!(ahead.exists());
    run(&sealift, "trust rotate ahead.json --trust trust")
        .exits(code::STALE)
        .says("root 4 does not follow root 2");

    export(&sealift, "one", "alice", "--stream prod --new-epoch");
    countersign(&sealift, "one", "bob");
    run(&sealift, "import one --to oci:in --trust trust").ok();
    export(&sealift, "two", "alice", "--stream prod");
    signed_again(
        &sealift.at("two"),
        &sealift.at("alice.key.pem"),
        "\"sequence\":2,\"previous\":{\"sequence\":1",
        "\"sequence\":900,\"previous\":{\"sequence\":899",
    );
    countersign(&sealift, "two", "bob");
    run(&sealift, "import two --to oci:in --trust trust").exits(code::STALE);
}

#[test]
fn indefinite_freeze_what_has_expired_is_found_out() {
    let sealift = site();
    export(&sealift, "old", "alice", "--expires 1");
    countersign(&sealift, "old", "bob");
    run(&sealift, "verify old --trust trust").exits(code::STALE).says("expired at");
    // Drafts are dated as bundles are, in 2025.
    next_root(&sealift, 2, 1, &["alice", "bob"]);
    run(&sealift, "trust rotate root.2.json --trust trust").ok();
    run(&sealift, "verify b --trust trust")
        .exits(code::STALE)
        .says("root-expired: root 2 holds no more since")
        .says("sealift trust rotate");
    run(&sealift, "import b --to oci:in --trust trust").exits(code::STALE);
    run(&sealift, "trust verify --trust trust").exits(code::STALE).says("holds no more");
    // The way on, over another one that has expired meanwhile.
    next_root(&sealift, 3, 2, &["alice", "bob"]);
    copy(&sealift.at("trust"), &sealift.at("theirs"));
    run(&sealift, "trust rotate root.3.json --trust theirs").ok();
    run(&sealift, "trust add root.4.json --signer alice --roots --expires 36500 --trust theirs")
        .ok();
    sign(&sealift, "root.4.json", &["alice", "bob"]);
    run(&sealift, "trust rotate root.3.json root.4.json --trust trust").ok();
    run(&sealift, "verify b --trust trust").ok();
}

#[test]
fn rollback_nothing_old_takes_the_place_of_what_was_taken() {
    let sealift = site();
    for (name, more) in [("one", "--new-epoch"), ("two", "")] {
        export(&sealift, name, "alice", &format!("--stream prod {more} --trust trust"));
        countersign(&sealift, name, "bob");
        run(&sealift, &format!("import {name} --to oci:in --trust trust")).ok();
    }
    run(&sealift, "import one --to oci:in --trust trust").exits(code::STALE).says("an old one");
    run(&sealift, "verify one --trust trust --remember").exits(code::STALE);
    next_root(&sealift, 2, 36500, &["alice", "bob"]);
    run(&sealift, "trust rotate root.2.json --trust trust").ok();
    run(&sealift, "trust rotate root.1.json --trust trust")
        .exits(code::STALE)
        .says("root 1 is old");
    // A bundle that carries the first root alone does not take the second one back.
    run(&sealift, "verify two --trust trust").ok().says("(root 2 of trust)");
    assert_eq!(version(&sealift.at("trust")), 2);
}

#[test]
fn mix_and_match_parts_of_two_bundles_are_none() {
    let sealift = site();
    export(&sealift, "other", "alice", "--expires 36500");
    countersign(&sealift, "other", "bob");
    let mixed = |from: &str, name: &str| {
        let _ = std::fs::remove_dir_all(sealift.at("mixed"));
        copy(&sealift.at("b"), &sealift.at("mixed"));
        let to = sealift.at("mixed").join(name);
        make_writable(to.parent().unwrap());
        let _ = std::fs::remove_file(&to);
        std::fs::copy(sealift.at(from).join(name), &to).unwrap();
        run(&sealift, "verify mixed --trust trust")
    };
    let bob = format!("sig/{}.dsse.json", private(&sealift, "bob").public().id().short());
    mixed("other", "SHA256SUMS").exits(code::DAMAGED).says("is not the list that was signed");
    mixed("other", &bob).exits(code::UNTRUSTED).says("two different statements");
    // Two roots of one version, each signed as it has to be.
    next_root(&sealift, 2, 100, &["alice", "bob"]);
    std::fs::rename(sealift.at("root.2.json"), sealift.at("fork.json")).unwrap();
    next_root(&sealift, 2, 36500, &["alice", "bob"]);
    assert_ne!(fingerprint(&sealift, "fork.json"), fingerprint(&sealift, "root.2.json"));
    run(&sealift, "trust rotate fork.json root.2.json --trust trust")
        .exits(code::USAGE)
        .says("two different roots");
    run(&sealift, "trust rotate root.2.json --trust trust").ok();
    run(&sealift, "trust rotate fork.json --trust trust")
        .exits(code::STALE)
        .says("two roots of version 2");
}

#[test]
fn wrong_key_a_signature_counts_for_its_role_alone() {
    let sealift = site();
    run(&sealift, "trust add root.2.json --signer dave=dave.pub.pem --stream prod --threshold 1 --trust trust").ok();
    sign(&sealift, "root.2.json", &["alice", "bob"]);
    run(&sealift, "trust rotate root.2.json --trust trust").ok();
    export(&sealift, "of-dave", "dave", "");
    countersign(&sealift, "of-dave", "alice");
    run(&sealift, "verify of-dave --trust trust")
        .exits(code::UNTRUSTED)
        .says("signed by alice, not by bob");
    // The signature of mallory in the name of bob.
    export(&sealift, "forged", "alice", "");
    let file = countersign(&sealift, "forged", "mallory");
    let [bob, mallory] = ["bob", "mallory"].map(|name| private(&sealift, name).public().id());
    let text = std::fs::read_to_string(&file).unwrap().replace(&mallory.hex(), &bob.hex());
    std::fs::write(file.with_file_name(format!("{}.dsse.json", bob.short())), text).unwrap();
    std::fs::remove_file(file).unwrap();
    run(&sealift, "verify forged --trust trust")
        .exits(code::UNTRUSTED)
        .says("signed by alice, not by bob");
    // One of a bundle over a root, and the other way round.
    let envelope = std::fs::read(sealift.at("trust/root.1.json")).unwrap();
    std::fs::write(sealift.at("forged/sig").join(format!("{}.dsse.json", bob.short())), envelope)
        .unwrap();
    run(&sealift, "verify forged --trust trust")
        .exits(code::UNTRUSTED)
        .says("not a signature file");
}

#[test]
fn threshold_with_one_key_twice_counts_once() {
    let sealift = site();
    export(&sealift, "alone", "alice", "");
    let alice = private(&sealift, "alice").public().id();
    let own = sealift.at("alone/sig").join(format!("{}.dsse.json", alice.short()));
    for other in ["bob", "mallory"] {
        let id = private(&sealift, other).public().id().short();
        std::fs::copy(&own, own.with_file_name(format!("{id}.dsse.json"))).unwrap();
        run(&sealift, "verify alone --trust trust")
            .exits(code::UNTRUSTED)
            .says("takes 2 signatures of 3: signed by alice, not by bob, carol");
    }
    // The same in a root: her signature twice, and twice under another name.
    next_root(&sealift, 2, 30, &["alice"]);
    let text = std::fs::read_to_string(sealift.at("root.2.json")).unwrap();
    let one = &text[text.find("[{").unwrap() + 1..text.find("]}").unwrap()];
    let named = one.replace(&alice.hex(), &private(&sealift, "bob").public().id().hex());
    for twice in [format!("{one},{one}"), format!("{one},{named}"), format!("{named},{one}")] {
        std::fs::write(sealift.at("twice.json"), text.replace(one, &twice)).unwrap();
        run(&sealift, "trust rotate twice.json --trust trust").exits(code::UNTRUSTED);
    }
    assert_eq!(version(&sealift.at("trust")), 1);
}

/// From media and a home that are read-only, in a network of its own that leads nowhere.
#[test]
fn verify_needs_no_network_and_writes_nothing_and_names_each_rule_that_is_broken() {
    need!("root", "unshare", "setpriv");
    let sealift = site();
    next_root(&sealift, 2, 36500, &["alice", "bob"]);
    copy(&sealift.at("trust"), &sealift.at("theirs"));
    run(&sealift, "trust rotate root.2.json --trust theirs").ok();
    export(&sealift, "next", "alice", "--trust theirs");
    countersign(&sealift, "next", "carol");
    run(&sealift, "trust revoke root.3.json carol --reason stolen --trust theirs").ok();
    let image = run(&sealift, "inspect b --format json").json()["images"][0]["digest"].clone();
    let deny = format!(
        "trust deny root.3.json --digest {} --reason bad --trust theirs",
        image.as_str().unwrap()
    );
    run(&sealift, &deny).ok();
    sign(&sealift, "root.3.json", &["alice", "bob"]);
    copy(&sealift.at("theirs"), &sealift.at("strict"));
    run(&sealift, "trust rotate root.3.json --trust strict").ok();
    for place in ["", "trust", "strict", "../home"] {
        let mode = std::fs::Permissions::from_mode(0o555);
        std::fs::set_permissions(sealift.at(place), mode).unwrap();
    }
    let alone = |line: &str| {
        let bound = sealift.bound_command();
        let mut command = std::process::Command::new("unshare");
        command.arg("-n").arg(bound.get_program()).args(bound.get_args());
        command.args(line.split(' ')).env_clear().stdin(std::process::Stdio::null());
        command.envs(bound.get_envs().filter_map(|(name, value)| Some((name, value?))));
        ran(command.current_dir(sealift.at("")))
    };

    alone("verify b --trust trust").ok();
    // A newer root that cannot be kept counts for who looks, and for nobody else.
    alone("verify next --trust trust").ok().says("signed by alice, carol").says(
        "the bundle brought root 2, which cannot be written there, and counts for this run alone",
    );
    alone("verify next --trust strict")
        .exits(code::UNTRUSTED)
        .says("threshold: role default takes 2 signatures of 2: signed by alice, not by bob")
        .says("revoked: the key ")
        .says("denied: sha256:");
    std::fs::set_permissions(sealift.at(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    alone("import next --to oci:in --trust trust")
        .exits(code::REFUSED)
        .says("cannot keep the root of trust");
    assert_eq!(version(&sealift.at("trust")), 1);
}
