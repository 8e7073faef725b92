//! What a killed or hostile hand left behind.

use crate::storage::checked::samples::Unchecked;
use std::os::unix::fs::symlink;

use super::super::*;
use crate::bundle::blob_list::BlobList;
use crate::bundle::contents::Contents;
use crate::bundle::draft::making::hash;
use crate::bundle::keys::PrivateKey;
use crate::bundle::samples;
use crate::bundle::statement::Predicate;
use crate::medium::Medium;
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::Class;
use crate::words::media::OCI_MANIFEST;
use crate::words::moment::moment;
use crate::words::progress::Silent;

const TIME: &str = "2026-11-21T00:00:00Z";

/// The head of a bundle of one image with `layers`.
fn head(key: &PrivateKey, layers: &[Descriptor]) -> Head {
    let config = Descriptor::of("application/vnd.oci.image.config.v1+json", b"{}");
    let raw = serde_json::json!({"schemaVersion": 2, "config": config, "layers": layers});
    let document = Document::parse(raw.to_string().into_bytes(), OCI_MANIFEST).unwrap();
    let about = document.descriptor().clone();
    let image = samples::image("localhost/a:1".parse().unwrap(), &about);
    let mut contents = Contents { images: vec![image], ..Contents::default() };
    contents.documents.insert(about.digest, document);
    contents.blobs = BlobList::whole(contents.walk_blobs());
    let configs = [(config.digest, b"{}"[..].into())].into();
    Head::make(&contents, &configs, &Predicate::of(&contents, moment(TIME), None), key)
}

fn layer(text: &[u8]) -> Descriptor {
    Descriptor::of("application/vnd.oci.image.layer.v1.tar", text)
}

fn error(output: &Path) -> Error {
    Draft::open(&Medium::at(output)).unwrap_err()
}

#[test]
fn a_leftover_that_is_a_link_is_not_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("elsewhere")).unwrap();
    std::fs::write(at("precious"), "").unwrap();
    symlink(at("elsewhere"), at("a.partial")).unwrap();
    symlink(at("precious"), at("b.tar.partial")).unwrap();
    symlink(at("nowhere"), at("c.tar.partial")).unwrap();
    symlink(at("precious"), at("d.tar.partial-old")).unwrap();
    std::fs::create_dir_all(at("e.partial/blobs")).unwrap();
    symlink(at("elsewhere"), at("e.partial/blobs/sha256")).unwrap();

    for name in ["a", "b.tar", "c.tar", "d.tar", "e"] {
        let error = error(&at(name));
        assert_eq!(error.class(), Class::Usage, "{name}: {error:?}");
        assert!(error.to_string().contains(".partial"), "{error}");
    }
    assert_eq!(std::fs::read_dir(at("elsewhere")).unwrap().count(), 0);
    assert_eq!(std::fs::metadata(at("precious")).unwrap().len(), 0);
    assert!(!at("nowhere").exists());
}

#[test]
fn what_was_set_aside_survives_a_kill_right_after() {
    let (folder, key) = (tempfile::tempdir().unwrap(), PrivateKey::generate().unwrap());
    let output = folder.path().join("x.tar");
    let (big, small) = (vec![7; 100_000], b"small");
    let start = |layers: &[Descriptor]| {
        let mut draft = Draft::open(&Medium::at(&output)).unwrap();
        draft.begin(&head(&key, layers)).unwrap();
        draft
    };

    let first = start(&[layer(&big)]);
    first.sink().put(&mut Unchecked(&layer(&big), &mut &big[..])).unwrap();
    drop(first);
    // Two exports of other content, both killed before a layer moved.
    drop(start(&[layer(small)]));
    drop(start(&[layer(b"other")]));

    let draft = Draft::open(&Medium::at(&output)).unwrap();
    assert!(hash(draft.found(), &layer(&big), &Silent).unwrap());
}

#[test]
fn a_bundle_that_no_file_can_hold_is_refused() {
    let (folder, key) = (tempfile::tempdir().unwrap(), PrivateKey::generate().unwrap());
    let huge = |n: u32| Descriptor::new("a/b", Digest::of(&n.to_be_bytes()), (1 << 53) - 1);
    let layers: Vec<Descriptor> = (0..2_100).map(huge).collect();

    let mut draft = Draft::open(&Medium::at(folder.path().join("x.tar"))).unwrap();
    let error = draft.begin(&head(&key, &layers)).unwrap_err();

    assert_eq!(error.class(), Class::NoRoom);
}
