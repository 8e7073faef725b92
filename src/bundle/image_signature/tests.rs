//! Against signatures of cosign's own: testdata/image-signatures/README.md says how they were made.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use super::*;
use crate::bundle::contents::Referrer;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/image-signatures");

/// The images of the folder, by name and tag, with all that is attached to them.
struct Fixture {
    contents: Contents,
    images: BTreeMap<String, Digest>,
}

fn blob(digest: Digest) -> Vec<u8> {
    std::fs::read(format!("{FOLDER}/layout/blobs/sha256/{}", digest.hex())).unwrap()
}

fn read(part: &Descriptor) -> Result<Vec<u8>> {
    Ok(blob(part.digest))
}

fn keys(name: &str) -> Vec<ImageKey> {
    let pem = std::fs::read_to_string(format!("{FOLDER}/{name}.pub.pem")).unwrap();
    ImageKey::all_from_pem(&pem).unwrap()
}

impl Fixture {
    fn load() -> Fixture {
        let index = std::fs::read(format!("{FOLDER}/layout/index.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        let (mut contents, mut images) = (Contents::default(), BTreeMap::new());
        for entry in index["manifests"].as_array().unwrap() {
            let descriptor = Descriptor::from_value(entry).unwrap();
            let name: Reference = entry["annotations"]["org.opencontainers.image.ref.name"]
                .as_str()
                .unwrap()
                .parse()
                .unwrap();
            let tag = name.tag.clone().unwrap();
            let subject = tag.as_str().split('.').next().and_then(|it| it.strip_prefix("sha256-"));
            let Some(subject) = subject.map(|hex| Digest::from_hex(hex).unwrap()) else {
                let document = Document::parse(blob(descriptor.digest), &descriptor.media_type);
                contents.documents.insert(descriptor.digest, document.unwrap());
                images.insert(format!("{}:{tag}", name.repository.last()), descriptor.digest);
                continue;
            };
            let root = Document::parse(blob(descriptor.digest), &descriptor.media_type).unwrap();
            let listed: Vec<Document> = match root.kind() {
                Kind::Index { manifests } => {
                    let parse = |d: &Descriptor| Document::parse(blob(d.digest), &d.media_type);
                    manifests.iter().map(|it| parse(it).unwrap()).collect()
                }
                _ => vec![root],
            };
            for document in listed {
                let digest = document.descriptor().digest;
                contents.referrers.push(Referrer {
                    repository: name.name(),
                    tag: None,
                    digest,
                    media_type: document.descriptor().media_type.to_string(),
                    size: document.descriptor().size,
                    subject,
                    artifact_type: document.artifact_type().map(str::to_owned),
                });
                contents.documents.insert(digest, document);
            }
        }
        Fixture { contents, images }
    }

    /// What comes of asking for `image`, called `quay.io/org/IMAGE`.
    fn ask(&self, image: &str, keys: &[ImageKey], names: SignedNames) -> TriedSignature {
        self.ask_as(image, &format!("quay.io/org/{image}"), keys, names)
    }

    fn ask_as(
        &self,
        image: &str,
        name: &str,
        keys: &[ImageKey],
        names: SignedNames,
    ) -> TriedSignature {
        let demand = SignatureDemand { keys, names };
        let name = name.parse().unwrap();
        signed_by(&self.contents, self.images[image], &name, demand, &read).unwrap()
    }
}

#[test]
fn all_kinds_of_keys_count_in_all_forms_and_no_other_key_does() {
    let fixture = Fixture::load();
    let stranger = keys("stranger");
    for kind in ["p256", "rsa", "ed25519"] {
        for style in ["tag", "referrer", "bundle"] {
            let image = format!("{kind}-{style}:1");
            let own = keys(kind);
            let names = if style == "bundle" { SignedNames::Any } else { SignedNames::Own };
            let signed =
                fixture.ask(&image, &own, names).unwrap_or_else(|e| panic!("{image}: {e:?}"));
            assert_eq!(signed.key, own[0].id());
            assert_eq!(signed.form == SignatureForm::SigstoreBundle, style == "bundle", "{image}");
            let both = [stranger.clone(), own].concat();
            assert_eq!(fixture.ask(&image, &both, names), Ok(signed), "any one of several");
            assert_eq!(fixture.ask(&image, &stranger, names), Err(Unsigned::OtherKey), "{image}");
        }
    }
    fixture.ask("rsa-pss:1", &keys("rsa"), SignedNames::Own).unwrap();
    let none = fixture.ask("unsigned:1", &keys("p256"), SignedNames::Any);
    assert_eq!(none, Err(Unsigned::NothingAttached));
}

#[test]
fn a_good_signature_that_was_swapped_is_refused_in_all_forms() {
    let fixture = Fixture::load();
    for style in ["tag", "referrer", "bundle"] {
        let tried = fixture.ask(&format!("swapped-{style}:1"), &keys("p256"), SignedNames::Any);
        let signed = fixture.images[&format!("p256-{style}:1")];
        assert_eq!(tried, Err(Unsigned::OtherDigest(signed)), "{style}");
    }
}

#[test]
fn a_signed_image_under_another_name_or_tag_is_refused_unless_any_name_is_taken() {
    let fixture = Fixture::load();
    let key = keys("p256");

    let moved = fixture.ask("moved:1", &key, SignedNames::Own);
    assert_eq!(moved, Err(Unsigned::OtherName("quay.io/org/elsewhere".to_owned())));
    fixture.ask("moved:1", &key, SignedNames::Any).unwrap();

    fixture.ask("tagged:1", &key, SignedNames::Own).unwrap();
    let tagged = fixture.ask_as("tagged:2", "quay.io/org/tagged:2", &key, SignedNames::Own);
    assert_eq!(tagged, Err(Unsigned::OtherName("quay.io/org/tagged:1".to_owned())));

    let bundle = fixture.ask("p256-bundle:1", &key, SignedNames::Own);
    assert_eq!(bundle, Err(Unsigned::Nameless), "cosign says no name there");
}

#[test]
fn no_byte_of_what_was_signed_can_change() {
    let fixture = Fixture::load();
    let key = keys("p256");
    for (image, names) in [("p256-tag:1", SignedNames::Own), ("p256-bundle:1", SignedNames::Any)] {
        let demand = Wanted { by: SignerWanted::Keys(&key), names };
        let name = format!("quay.io/org/{image}").parse().unwrap();
        let digest = fixture.images[image];
        let part = Attached::signatures(&fixture.contents, digest).remove(0);
        let bytes = blob(part.layer.digest);
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            let Ok(signed) = tried(&part, &bad, digest, &name, demand) else { continue };
            // Around the envelope of a bundle there is what decides nothing: a hint, another's member.
            assert_eq!(signed.form, SignatureForm::SigstoreBundle, "byte {at}");
            let envelope =
                |bytes: &[u8]| SigstoreBundle::parse(bytes).unwrap().envelope.payload().to_vec();
            assert_eq!(envelope(&bad), envelope(&bytes), "byte {at}");
        }
    }
}

#[test]
fn what_is_too_large_or_too_much_is_not_read() {
    let fixture = Fixture::load();
    let key = keys("p256");
    let digest = fixture.images["p256-tag:1"];
    let part = Attached::signatures(&fixture.contents, digest).remove(0);
    let name = "quay.io/org/p256-tag:1".parse().unwrap();
    let demand = SignatureDemand { keys: &key, names: SignedNames::Own };
    let with = |layers: &[String]| {
        let text = format!(
            "{{\"schemaVersion\":2,\"config\":{{\"mediaType\":\"application/json\",\"digest\":\"{digest}\",\
             \"size\":1}},\"layers\":[{}]}}",
            layers.join(",")
        );
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let document = Document::parse(text.into_bytes(), kind).unwrap();
        let mut contents = fixture.contents.clone();
        contents.referrers.retain(|it| it.subject == digest);
        let at = document.descriptor().digest;
        contents.referrers[0].digest = at;
        contents.documents.insert(at, document);
        contents
    };
    let layer = |size: u64, signature: &str| {
        let (kind, blob) = (&part.layer.media_type, part.layer.digest);
        format!(
            "{{\"mediaType\":\"{kind}\",\"digest\":\"{blob}\",\"size\":{size},\"annotations\":\
             {{\"dev.cosignproject.cosign/signature\":\"{signature}\"}}}}"
        )
    };
    let good = part.layer.annotations.get("dev.cosignproject.cosign/signature").unwrap();
    let reads = AtomicUsize::new(0);
    let count = |part: &Descriptor| {
        reads.fetch_add(1, Ordering::Relaxed);
        read(part)
    };
    let ask = |layers: &[String]| signed_by(&with(layers), digest, &name, demand, &count).unwrap();

    let large = ask(&[layer(MAX_PART + 1, &good)]);
    assert!(matches!(large, Err(Unsigned::Unusable(_))), "{large:?}");
    assert_eq!(reads.swap(0, Ordering::Relaxed), 0);
    let junk = vec![layer(part.layer.size, "AAAA"); MAX_TRIED - 1];
    ask(&[junk.clone(), vec![layer(part.layer.size, &good)]].concat()).unwrap();
    reads.store(0, Ordering::Relaxed);
    let many = [junk, vec![layer(part.layer.size, "AAAA"), layer(part.layer.size, &good)]].concat();
    assert_eq!(ask(&many), Err(Unsigned::OtherKey), "the last was not tried");
    assert_eq!(reads.into_inner(), MAX_TRIED);
}

#[test]
fn what_cannot_be_read_is_told_as_that() {
    let fixture = Fixture::load();
    let demand = SignatureDemand { keys: &keys("p256"), names: SignedNames::Own };
    let name = "quay.io/org/p256-tag:1".parse().unwrap();
    let fail = |_: &Descriptor| Err(Error::new(Class::Incomplete, "gone"));

    let error = signed_by(&fixture.contents, fixture.images["p256-tag:1"], &name, demand, &fail);

    assert_eq!(error.unwrap_err().class(), Class::Incomplete);
}

#[test]
fn attestations_count_by_their_key_and_are_no_signatures() {
    let fixture = Fixture::load();
    let (own, stranger) = (keys("p256"), keys("stranger"));
    for image in ["attested-tag:1", "attested-bundle:1"] {
        let digest = fixture.images[image];
        let found = attested_by(&fixture.contents, digest, &own, &read).unwrap();
        let found: Vec<&str> = found.iter().map(|it| it.predicate_type.as_str()).collect();
        assert_eq!(found, ["https://spdx.dev/Document"], "{image}");
        assert!(is_sbom(found[0]));
        assert!(attested_by(&fixture.contents, digest, &stranger, &read).unwrap().is_empty());
        assert!(evidence(&fixture.contents, digest).contains(found[0]), "{image}");
        assert!(fixture.ask(image, &own, SignedNames::Any).is_err(), "{image}");
    }
    let other = fixture.images["unsigned:1"];
    assert!(attested_by(&fixture.contents, other, &own, &read).unwrap().is_empty());
    assert!(evidence(&fixture.contents, other).is_empty());
}

/// The two signers by certificate of the folder.
const MAIL: &str = "builder@example.org";
const WORKFLOW: &str = "https://git.example.org/org/app/.workflows/build.yml@refs/heads/main";
const ISSUER: &str = "https://login.example.org";

fn keyless(identity: &str, issuer: &str) -> KeylessSigner {
    let root = std::fs::read(format!("{FOLDER}/trusted_root.json")).unwrap();
    KeylessSigner::new(TrustedRoot::parse(&root).unwrap(), identity, issuer)
}

#[test]
fn signers_by_certificate_count_by_their_names_to_the_letter() {
    let fixture = Fixture::load();
    let ask = |image: &str, signer: &KeylessSigner, names| {
        let name = format!("quay.io/org/{image}").parse().unwrap();
        let (contents, digest) = (&fixture.contents, fixture.images[image]);
        signed_keyless(contents, digest, &name, (signer, names), &read).unwrap()
    };
    let (tag, bundle) = ("keyless-tag:1", "keyless-bundle:1");
    let (mail, workflow) = (keyless(MAIL, ISSUER), keyless(WORKFLOW, ISSUER));

    let by_mail = ask(tag, &mail, SignedNames::Own).unwrap();
    assert_eq!(by_mail.form, SignatureForm::SimpleSigning);
    let by_workflow = ask(bundle, &workflow, SignedNames::Any).unwrap();
    assert_eq!(by_workflow.form, SignatureForm::SigstoreBundle);
    assert_ne!(by_mail.key, by_workflow.key);
    assert_eq!(ask(bundle, &workflow, SignedNames::Own), Err(Unsigned::Nameless));

    let other = Err(Unsigned::OtherSigner(format!("{MAIL} ({ISSUER})")));
    for (identity, issuer) in [
        ("builder@example.com", ISSUER),
        ("Builder@example.org", ISSUER),
        ("", ISSUER),
        (MAIL, "https://login.example.com"),
        (MAIL, "https://login.example.org/"),
    ] {
        assert_eq!(ask(tag, &keyless(identity, issuer), SignedNames::Own), other, "{identity}");
    }
    assert_eq!(fixture.ask(tag, &keys("p256"), SignedNames::Any), Err(Unsigned::Keyless));
    assert_eq!(fixture.ask(bundle, &keys("p256"), SignedNames::Any), Err(Unsigned::Keyless));
    for unlike in ["p256-tag:1", "p256-bundle:1"] {
        let why = ask(unlike, &mail, SignedNames::Any);
        assert_eq!(why, Err(Unsigned::unusable(NO_CERTIFICATE)), "{unlike}");
    }
}

#[test]
fn certificates_and_logs_that_do_not_hold_are_refused() {
    let fixture = Fixture::load();
    let signer = keyless(MAIL, ISSUER);
    for (image, why) in [
        ("keyless-unlogged:1", "no log promised to keep it"),
        ("keyless-late:1", "by no authority that is believed, or did not hold then"),
        ("keyless-other-entry:1", "its log entry is of something else"),
        ("keyless-other-log:1", "no log that is believed has it"),
        ("keyless-stranger:1", "by no authority that is believed"),
        ("keyless-server:1", "by no authority that is believed"),
    ] {
        let name = format!("quay.io/org/{image}").parse().unwrap();
        let wanted = (&signer, SignedNames::Any);
        let digest = fixture.images[image];
        let tried = signed_keyless(&fixture.contents, digest, &name, wanted, &read).unwrap();
        let said = tried.unwrap_err().in_words();
        assert!(said.contains(why), "{image}: {said}");
    }
}

#[test]
fn no_byte_of_a_bundle_with_a_certificate_can_change_what_it_says() {
    let fixture = Fixture::load();
    let signer = keyless(WORKFLOW, ISSUER);
    let (image, names) = ("keyless-bundle:1", SignedNames::Any);
    let name = format!("quay.io/org/{image}").parse().unwrap();
    let digest = fixture.images[image];
    let part = Attached::signatures(&fixture.contents, digest).remove(0);
    let bytes = blob(part.layer.digest);
    let wanted = Wanted { by: SignerWanted::Keyless(&signer), names };
    let good = tried(&part, &bytes, digest, &name, wanted).unwrap();
    for at in (0..bytes.len()).step_by(3) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        // What is left out of account, as the version of an entry that stands beside it, may change.
        if let Ok(signed) = tried(&part, &bad, digest, &name, wanted) {
            assert_eq!(signed, good, "byte {at}");
            let parts = |bytes: &[u8]| {
                let bundle = SigstoreBundle::parse(bytes).unwrap();
                let payload = bundle.envelope.payload().to_vec();
                (payload, bundle.certificate, bundle.entries[0].body.clone())
            };
            assert_eq!(parts(&bad), parts(&bytes), "byte {at}");
        }
    }
}
