use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;
use crate::bundle::keys::PrivateKey;
use crate::words::error::Class;
use crate::words::moment::moment;

const THEN: &str = "2026-01-01T00:00:00Z";

/// Signers by their names.
struct People(Vec<(String, PrivateKey)>);

impl People {
    fn new(names: &[&str]) -> People {
        let one = |name: &&str| ((*name).to_owned(), PrivateKey::generate().unwrap());
        People(names.iter().map(one).collect())
    }

    fn key(&self, name: &str) -> &PrivateKey {
        &self.0.iter().find(|(own, _)| own == name).unwrap().1
    }

    fn named(&self, names: &[&str]) -> Vec<NamedKey> {
        let one = |name: &&str| NamedKey {
            name: name.parse().unwrap(),
            public_key: self.key(name).public().clone(),
        };
        names.iter().map(one).collect()
    }

    fn sign(&self, root: &Root, names: &[&str]) -> SignedRoot {
        let mut signed = SignedRoot::unsigned(root.clone());
        names.iter().for_each(|name| signed.sign(self.key(name)));
        signed
    }
}

fn three() -> (People, Root) {
    let people = People::new(&["alice", "bob", "carol", "dave"]);
    let keys = people.named(&["alice", "bob", "carol"]);
    let root = Root::first(keys, 2, moment(THEN), None).unwrap();
    (people, root)
}

#[test]
fn a_root_survives_its_bytes_and_nothing_else_is_one() {
    let (people, root) = three();
    let signed = people.sign(&root, &["alice", "bob"]);
    let bytes = signed.to_bytes();
    assert_eq!(SignedRoot::from_bytes(&bytes).unwrap(), signed);
    let text = String::from_utf8(root.to_bytes()).unwrap();
    assert_eq!(Root::from_bytes(text.as_bytes()).unwrap(), root);

    for (bad, why) in [
        (text.replace("\"version\":1", "\"version\":1,\"mystery\":2"), "mystery"),
        (text.replace("\"version\":1", "\"version\":1,\"version\":1"), "twice"),
        (text.replace("\"version\":1", "\"version\":1,\"Version\":2"), "disguise"),
        (text.replace("\"version\"", "\"Version\""), "disguise"),
        (text.replace("\"version\":1", "\"version\":0"), "version"),
        (text.replace("\"version\":1", "\"version\":1.0"), "u64"),
        (text.replace("\"version\":1,", ""), "version"),
        (text.replace("urn:sealift:root:v1", "urn:sealift:root:v2"), "form"),
        (text.replace("\"threshold\":2", "\"threshold\":0"), "signatures"),
        (text.replace("\"threshold\":2", "\"threshold\":4"), "signatures"),
        (text.replacen("\"alice\",\"bob\"", "\"bob\",\"alice\"", 1), "spelled"),
        (text.replacen("\"alice\",\"bob\"", "\"alice\",\"alice\",\"bob\"", 1), "spelled"),
        (text.replacen("\"alice\",\"bob\"", "\"erin\",\"bob\"", 1), "erin"),
        (text.replace("\"name\":\"bob\"", "\"name\":\"BOB\""), "name"),
        (text.replace("\"*\"", "\"..\""), "stream"),
        (text.replace("\\n-----END", "\\r\\n-----END"), "spelled"),
        (text.replace("\"denied\":{", "\"denied\": {"), "spelled"),
        (format!("{text} "), "spelled"),
        (format!("{text}{{}}"), "JSON"),
        ("{}".to_owned(), "form"),
        (format!("[{}]", "[".repeat(100)), "JSON"),
    ] {
        assert_ne!(bad, text, "{why}");
        let error = Root::from_bytes(bad.as_bytes()).unwrap_err();
        assert_eq!(error.class(), Class::Untrusted, "{bad}");
        assert!(error.to_string().contains(why), "{why}: {error}");
    }
    // The weak key of which all is zero but its first byte.
    let pem = root.keys[0].public_key.to_pem().unwrap().replace('\n', "\\n");
    let weak = "-----BEGIN PUBLIC KEY-----\\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\\n\
                -----END PUBLIC KEY-----\\n";
    let error = Root::from_bytes(text.replace(&pem, weak).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("weak"), "{error}");
    // One key under two names would count twice.
    let other = root.keys[1].public_key.to_pem().unwrap().replace('\n', "\\n");
    let error = Root::from_bytes(text.replace(&pem, &other).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("stands twice"), "{error}");
}

#[test]
fn an_envelope_of_a_root_has_one_spelling_and_an_end() {
    let (people, root) = three();
    let bytes = people.sign(&root, &["alice", "bob"]).to_bytes();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let signatures = &text[text.find("[{").unwrap() + 1..text.find("]}").unwrap()];
    let (one, two) = signatures.split_once("},").unwrap();

    for bad in [
        text.replace(signatures, &format!("{two},{one}}}")),
        text.replace(signatures, &format!("{one}}},{one}}}")),
        text.replace("root+json", "Root+json"),
        text.replace("vnd.sealift.root+json", "vnd.in-toto+json"),
        text.replace("\"signatures\"", "\"Signatures\""),
        text.replace("{\"payload\"", "{\"a\":1,\"payload\""),
        text.trim_end().to_owned(),
        format!("{text}\n"),
        text.replace("\"sig\":\"", "\"sig\":\"_"),
        "x".repeat(usize::try_from(MAX_ROOT).unwrap() + 1),
    ] {
        assert_ne!(bad, text);
        let same = SignedRoot::from_bytes(bad.as_bytes());
        let counts = same.is_ok_and(|it| it.own_tally().is_met());
        assert!(!counts, "{}", &bad[..200.min(bad.len())]);
    }
    // A signature of a bundle over the same bytes is none of a root.
    let envelope = crate::bundle::envelope::Envelope::sign(&root.to_bytes(), people.key("alice"));
    assert!(SignedRoot::from_bytes(&envelope.to_bytes()).is_err());
}

#[test]
fn a_threshold_counts_each_key_once_and_none_that_is_no_member() {
    let (people, root) = three();
    let met = |names: &[&str]| people.sign(&root, names).own_tally().is_met();

    assert!(!met(&[]));
    assert!(!met(&["alice"]));
    assert!(!met(&["alice", "alice"]));
    assert!(!met(&["alice", "dave"]));
    assert!(met(&["alice", "carol"]));
    let twice: BTreeSet<_> = [people.key("bob").public().id(); 2].into();
    assert!(!root.root.tally("root", &root.keys, &twice).is_met());
    // A signature that somebody else made in the name of bob.
    let forged = people.sign(&root, &["alice", "dave"]).to_bytes();
    let [bob, dave] = ["bob", "dave"].map(|name| people.key(name).public().id().hex());
    let forged = String::from_utf8(forged).unwrap().replace(&dave, &bob);
    let counts = SignedRoot::from_bytes(forged.as_bytes()).map(|it| it.own_tally().is_met());
    assert!(!counts.unwrap_or(false));
}

/// The second root, in which dave takes the place of alice.
fn second(people: &People, root: &Root) -> Root {
    let mut next = root.next(moment(THEN));
    next.keys = people.named(&["bob", "carol", "dave"]);
    let role = SigningRole {
        threshold: 2,
        keys: ["bob", "carol", "dave"].map(|it| it.parse().unwrap()).into(),
    };
    next.root = role.clone();
    next.streams.values_mut().for_each(|it| *it = role.clone());
    next.check().unwrap();
    next
}

#[test]
fn the_next_root_is_signed_by_the_old_threshold_and_by_the_new_one() {
    let (people, root) = three();
    let next = second(&people, &root);
    let verdict = |names: &[&str]| root.check_next(&people.sign(&next, names));

    for enough in [&["bob", "carol"][..], &["alice", "bob", "dave"], &["alice", "bob", "carol"]] {
        verdict(enough).unwrap_or_else(|e| panic!("{enough:?}: {e}"));
    }
    for few in [&["bob"][..], &["alice", "bob"], &["bob", "dave"], &["alice", "dave"], &[]] {
        let error = verdict(few).unwrap_err();
        assert_eq!(error.class(), Class::Untrusted, "{few:?}");
        assert!(!error.subjects().is_empty(), "who is missing: {few:?}");
    }
    for version in [0, 1, 3, 9, u64::MAX] {
        let other = Root { version, ..next.clone() };
        let error = root.check_next(&people.sign(&other, &["bob", "carol"])).unwrap_err();
        assert_eq!(error.class(), Class::Stale, "{version}");
    }
}

#[test]
fn a_folder_takes_roots_one_after_the_other_and_none_that_is_old_or_another() {
    let (people, root) = three();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("deep/trust");
    let first = people.sign(&root, &["alice", "bob"]);
    let few = TrustFolder::begin(&path, people.sign(&root, &["alice"])).unwrap_err();
    assert_eq!(few.class(), Class::Untrusted);
    let folder = TrustFolder::begin(&path, first.clone()).unwrap();
    assert_eq!(TrustFolder::begin(&path, first).unwrap_err().class(), Class::Usage);

    let next = second(&people, &root);
    let third = Root { expires_at: Some(moment(THEN)), ..next.next(moment(THEN)) };
    let fourth = Root { expires_at: None, ..third.next(moment(THEN)) };
    let all = [&next, &third, &fourth].map(|it| people.sign(it, &["bob", "carol"]).to_bytes());
    let source =
        |version: u64| Ok(all.get(usize::try_from(version).unwrap().wrapping_sub(2)).cloned());
    // An expired one on the way does not matter.
    let brought = folder.brought_up(source).unwrap();
    assert_eq!((brought.root().version, brought.brought()), (4, (&[2, 3, 4][..], true)));
    let again = TrustFolder::open(&path).unwrap();
    assert_eq!((again.root(), again.brought()), (&fourth, (&[][..], true)));
    assert_eq!(again.chain().unwrap().len(), 4);
    // What was taken is not taken back, and there is one root of each version.
    let other = Root { created_at: moment("2026-02-01T00:00:00Z"), ..fourth.clone() };
    let other = people.sign(&other, &["bob", "carol"]).to_bytes();
    let forked = again.brought_up(|version| Ok((version == 4).then(|| other.clone()))).unwrap_err();
    assert_eq!(forked.class(), Class::Stale);
    assert!(forked.message().contains("two roots of version 4"), "{forked}");
    let old = again.brought_up(|version| Ok((version < 4).then(|| all[0].clone()))).unwrap();
    assert_eq!(old.root().version, 4);
    // Another run has taken another one meanwhile.
    let late = folder.brought_up(|version| {
        Ok((version == 2).then(|| {
            let other = Root { created_at: moment("2026-02-01T00:00:00Z"), ..next.clone() };
            people.sign(&other, &["bob", "carol"]).to_bytes()
        }))
    });
    assert_eq!(late.unwrap_err().class(), Class::Stale);
}

#[test]
fn a_run_that_was_killed_between_two_files_is_gone_on_from() {
    let (people, root) = three();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("trust");
    let folder = TrustFolder::begin(&path, people.sign(&root, &["alice", "bob"])).unwrap();
    let next = people.sign(&second(&people, &root), &["bob", "carol"]);
    let before = std::fs::read(path.join(CURRENT)).unwrap();
    folder.brought_up(|version| Ok((version == 2).then(|| next.to_bytes()))).unwrap();

    std::fs::write(path.join(CURRENT), before).unwrap();

    assert_eq!(TrustFolder::open(&path).unwrap().root().version, 2);
    std::fs::write(path.join(root_file(2)), "{}").unwrap();
    assert_eq!(TrustFolder::open(&path).unwrap_err().class(), Class::Untrusted);
}

#[test]
fn what_others_may_write_and_what_is_a_link_is_not_believed() {
    let (people, root) = three();
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("trust");
    TrustFolder::begin(&path, people.sign(&root, &["alice", "bob"])).unwrap();
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let refused = |path: &Path, why: &str| {
        let error = TrustFolder::open(path).unwrap_err();
        assert_eq!(error.class(), Class::Untrusted, "{why}");
        assert!(error.to_string().contains(why), "{error}");
    };
    for (name, sound) in [("root.json", 0o644), ("", 0o755)] {
        for open in [0o020, 0o002] {
            mode(&path.join(name), sound | open);
            refused(&path, "may be written by others");
        }
        mode(&path.join(name), sound);
    }
    TrustFolder::open(&path).unwrap();
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    refused(&link, "link");
    std::fs::rename(path.join("root.json"), scratch.path().join("moved")).unwrap();
    std::os::unix::fs::symlink(scratch.path().join("moved"), path.join("root.json")).unwrap();
    refused(&path, "link");
    std::fs::remove_file(path.join("root.json")).unwrap();
    assert_eq!(TrustFolder::open(&path).unwrap_err().class(), Class::Usage);
    // A hole of any size is not read.
    let file = std::fs::File::create(path.join("root.json")).unwrap();
    file.set_len(1 << 40).unwrap();
    refused(&path, "larger");
}

#[test]
fn a_repository_is_denied_by_its_whole_name_or_with_all_below() {
    let denied = |repository: &str| DeniedRepository {
        repository: repository.to_owned(),
        reason: "x".to_owned(),
    };
    assert!(denied("quay.io/a/b").is_of("quay.io/a/b"));
    assert!(!denied("quay.io/a/b").is_of("quay.io/a/bc"));
    assert!(denied("quay.io/a/*").is_of("quay.io/a/b/c"));
    assert!(!denied("quay.io/a/*").is_of("quay.io/ab"));
    for (name, is_one) in [
        ("quay.io/*", true),
        ("host:5000/a", true),
        ("quay.io", false),
        ("*", false),
        ("quay.io/*/b", false),
        ("quay.io//b", false),
        ("Quay.io/b", false),
        ("", false),
    ] {
        assert_eq!(DeniedRepository::is_name(name), is_one, "{name}");
    }
}
