use serde_json::json;

use super::*;
use crate::seams::store::{BlobSink as _, ImageSink as _};
use crate::words::document::OCI_MANIFEST;

fn manifest(config: &[u8], subject: Option<&Descriptor>) -> Document {
    let mut raw = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": Descriptor::of("application/json", config), "layers": [],
    });
    if let Some(subject) = subject {
        raw["subject"] =
            json!(Descriptor::new(subject.media_type.as_str(), subject.digest, subject.size));
    }
    Document::parse(raw.to_string().into_bytes(), OCI_MANIFEST).unwrap()
}

fn store(root: &std::path::Path, image: &Document, name: &str) {
    let store = LayoutStore::open(root).unwrap();
    let config = Descriptor::of("application/json", b"{}");
    store.put(&config, &mut &b"{}"[..]).unwrap();
    store.put_document(image).unwrap();
    store.put_document(&manifest(b"{}", Some(image.descriptor()))).unwrap();
    store.publish(&name.parse().unwrap(), image).unwrap();
    store.finish().unwrap();
}

#[test]
fn what_is_stored_can_be_read_again_with_its_referrers() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let image = manifest(b"{}", None);

    store(&root, &image, "alpine:3.20");
    store(&root, &image, "alpine:3.20");

    let layout = Layout::open(Tree::open(&root).unwrap()).unwrap();
    assert_eq!(layout.entries().len(), 2, "one image and its referrer, each once");
    let found = layout.resolve(&"docker.io/library/alpine:3.20".parse().unwrap()).unwrap();
    assert_eq!(found.raw(), image.raw());
    assert_eq!(layout.referrers(image.descriptor()).unwrap().manifests.len(), 1);
    let error = layout.resolve(&"alpine:3.21".parse().unwrap()).unwrap_err();
    assert_eq!(error.class(), Class::Incomplete);
}

#[test]
fn a_blob_of_the_wrong_size_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let store = LayoutStore::open(&root).unwrap();
    let blob = Descriptor::of("a/b", b"hello");
    store.put(&blob, &mut &b"hello"[..]).unwrap();

    assert!(store.has(&blob).unwrap());
    std::fs::write(root.join(blob_path(&blob.digest)), "hell").unwrap();
    assert!(!store.has(&blob).unwrap());
}

#[test]
fn a_folder_with_other_things_in_it_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "x").unwrap();

    assert_eq!(LayoutStore::open(folder.path()).unwrap_err().class(), Class::Usage);
}

#[test]
fn bare_tags_get_the_folders_name() {
    let name = |key: &str, value: &str| {
        let mut descriptor = Descriptor::of("a/b", b"");
        descriptor.annotations.insert(key.to_owned(), value.to_owned());
        entry_name(&descriptor, "alpine").map(|name| name.to_string())
    };

    assert_eq!(name(REF_NAME, "3.20").as_deref(), Some("localhost/alpine:3.20"));
    assert_eq!(name(REF_NAME, "a:1").as_deref(), Some("docker.io/library/a:1"));
    assert_eq!(name(REF_NAME, "x.io/a/b:1").as_deref(), Some("x.io/a/b:1"));
    assert_eq!(name(CONTAINERD_NAME, "x.io/a:1").as_deref(), Some("x.io/a:1"));
    assert_eq!(name("other", "x.io/a:1"), None);
}

#[test]
fn what_another_program_listed_meanwhile_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (root, image) = (folder.path().join("layout"), manifest(b"{}", None));
    let slow = LayoutStore::open(&root).unwrap();

    store(&root, &image, "alpine:3.20");
    let error = slow.publish(&"alpine:3.21".parse().unwrap(), &image).unwrap_err();

    assert!(error.to_string().contains("another program"), "{error}");
    let layout = Layout::open(Tree::open(&root).unwrap()).unwrap();
    layout.resolve(&"alpine:3.20".parse().unwrap()).unwrap();
}

#[test]
fn a_list_that_nobody_could_read_again_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let (root, image) = (folder.path().join("layout"), manifest(b"{}", None));
    let sink = LayoutStore::open(&root).unwrap();
    sink.put_document(&image).unwrap();
    sink.finish().unwrap();

    let path = "long/".repeat(40);
    for number in 0..10_000 {
        let name = format!("localhost/{path}{number}:1");
        sink.publish(&name.parse().unwrap(), &image).unwrap();
    }
    let error = sink.finish().unwrap_err();

    assert_eq!(error.class(), Class::NoRoom);
    drop(sink);
    LayoutStore::open(&root).unwrap();
}

#[test]
fn a_name_that_stands_for_two_images_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (root, one, other) =
        (folder.path().join("layout"), manifest(b"{}", None), manifest(b"[]", None));
    store(&root, &one, "alpine:1");
    store(&root, &other, "alpine:2");
    let path = root.join("index.json");
    let index = std::fs::read_to_string(&path).unwrap().replace("alpine:2", "alpine:1");
    std::fs::write(&path, index).unwrap();

    let layout = Layout::open(Tree::open(&root).unwrap()).unwrap();
    let error = layout.resolve(&"docker.io/library/alpine:1".parse().unwrap()).unwrap_err();

    assert_eq!(error.class(), Class::Damaged);
    assert!(error.to_string().contains("alpine:1"), "{error}");
}
