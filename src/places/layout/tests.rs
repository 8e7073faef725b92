mod odd;

use serde_json::json;

use super::*;
use crate::medium::Medium;
use crate::storage::checked::samples::Unchecked;
use crate::storage::holdings::BlobHoldings as _;
use crate::storage::store::{BlobSink as _, ImageSink as _};
use crate::tools::file::TEMP_PREFIX;
use crate::words::media::{OCI_INDEX, OCI_MANIFEST};

fn manifest(config: &[u8], subject: Option<&Descriptor>) -> Document {
    let mut raw = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": Descriptor::of("application/json", config), "layers": [],
    });
    if let Some(subject) = subject {
        raw["subject"] = json!(Descriptor::new(&subject.media_type, subject.digest, subject.size));
    }
    Document::parse(raw.to_string().into_bytes(), OCI_MANIFEST).unwrap()
}

fn store(root: &std::path::Path, image: &Document, name: &str) {
    let store = LayoutStore::open(root).unwrap();
    let config = Descriptor::of("application/json", b"{}");
    store.put(&mut Unchecked(&config, &mut &b"{}"[..])).unwrap();
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

    let layout = Layout::open(Medium::at(&root).open().unwrap()).unwrap();
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
    store.put(&mut Unchecked(&blob, &mut &b"hello"[..])).unwrap();

    assert!(store.has(&blob).unwrap());
    std::fs::write(root.join(blob_path(&blob.digest)), "hell").unwrap();
    assert!(!store.has(&blob).unwrap());
}

#[test]
fn a_blob_with_other_bytes_is_not_there_and_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let blob = Descriptor::of("a/b", b"hello");
    LayoutStore::open(&root).unwrap().put(&mut Unchecked(&blob, &mut &b"hello"[..])).unwrap();
    let store = LayoutStore::open(&root).unwrap();
    assert!(store.has(&blob).unwrap());

    std::fs::write(root.join(blob_path(&blob.digest)), "jello").unwrap();
    let store = LayoutStore::open(&root).unwrap();

    assert!(!store.has(&blob).unwrap());
    store.put(&mut Unchecked(&blob, &mut &b"hello"[..])).unwrap();
    assert!(store.has(&blob).unwrap());
    assert_eq!(std::fs::read(root.join(blob_path(&blob.digest))).unwrap(), b"hello");
}

#[test]
fn what_else_a_list_says_is_kept_and_null_is_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(root.join("oci-layout"), LAYOUT_MARK).unwrap();
    let list = r#"{"schemaVersion":2,"manifests":null,"annotations":{"a":"b"},"x.y":[1]}"#;
    std::fs::write(root.join("index.json"), list).unwrap();

    store(&root, &manifest(b"{}", None), "a:1");

    let index = std::fs::read(root.join("index.json")).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&index).unwrap();
    assert_eq!(index["annotations"], json!({"a": "b"}));
    assert_eq!(index["x.y"], json!([1]));
    assert_eq!(index["manifests"].as_array().unwrap().len(), 2);
}

#[test]
fn a_layout_of_another_version_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    for (mark, class) in [
        (r#"{"imageLayoutVersion":"2.0.0"}"#, Class::Refused),
        ("{}", Class::Damaged),
        ("", Class::Damaged),
    ] {
        std::fs::write(folder.path().join("oci-layout"), mark).unwrap();

        let error = LayoutStore::open(folder.path()).unwrap_err();

        assert_eq!(error.class(), class, "{mark}: {error}");
        assert!(error.message().contains("oci-layout") || class == Class::Refused, "{error}");
    }
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
        descriptor.annotations = [(key.to_owned(), value.to_owned())].into();
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
    let layout = Layout::open(Medium::at(&root).open().unwrap()).unwrap();
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

    let layout = Layout::open(Medium::at(&root).open().unwrap()).unwrap();
    let error = layout.resolve(&"docker.io/library/alpine:1".parse().unwrap()).unwrap_err();

    assert_eq!(error.class(), Class::Damaged);
    assert!(error.to_string().contains("alpine:1"), "{error}");
}

#[test]
fn a_layout_has_one_writer_and_forgets_none_of_its_images() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let image = manifest(b"{}", None);
    store(&root, &image, "alpine:3.20");
    std::fs::write(root.join(format!("blobs/sha256/{TEMP_PREFIX}x")), "half").unwrap();

    let (first, second) = (LayoutStore::open(&root).unwrap(), LayoutStore::open(&root).unwrap());
    first.publish(&"alpine:3.21".parse().unwrap(), &image).unwrap();
    first.finish().unwrap();
    assert_eq!(second.finish().unwrap_err().class(), Class::Busy);

    let tree = Medium::at(&root).open().unwrap();
    assert!(tree.files().all(|(path, _)| !path.contains(TEMP_PREFIX)), "what a killed run left");
    let layout = Layout::open(tree).unwrap();
    for name in ["alpine:3.20", "alpine:3.21"] {
        layout.resolve(&name.parse().unwrap()).unwrap();
    }
}

#[test]
fn what_is_no_layout_of_this_version_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let open = |root: &std::path::Path| Layout::open(Medium::at(root).open().unwrap()).map(drop);
    let made = |name: &str| {
        let root = folder.path().join(name);
        store(&root, &manifest(b"{}", None), "alpine:3.20");
        root
    };

    let later = made("later");
    std::fs::write(later.join("oci-layout"), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    assert_eq!(open(&later).unwrap_err().class(), Class::Refused);
    let linked = made("linked");
    std::os::unix::fs::symlink("/etc/hostname", linked.join("link")).unwrap();
    assert_eq!(open(&linked).unwrap_err().class(), Class::Damaged);
    open(&made("fine")).unwrap();
}

#[test]
fn tags_made_from_a_digest_lead_to_referrers() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let (image, other) = (manifest(b"{}", None), manifest(b"{ }", None));
    let raw = json!({
        "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [other.descriptor()],
    });
    let list = Document::parse(raw.to_string().into_bytes(), OCI_INDEX).unwrap();
    let sink = LayoutStore::open(&root).unwrap();
    for document in [&image, &other, &list] {
        sink.put_document(document).unwrap();
    }
    let subject = image.descriptor();
    let publish = |ending: &str, document: &Document| {
        let name = format!("x.example/a:sha256-{}{ending}", subject.digest.hex());
        sink.publish(&name.parse().unwrap(), document).unwrap();
    };
    for ending in [".sig", ".att", ".sbom", ".else"] {
        publish(ending, &other);
    }
    publish("", &list);
    sink.finish().unwrap();

    let found =
        Layout::open(Medium::at(&root).open().unwrap()).unwrap().referrers(subject).unwrap();

    let mut endings: Vec<&str> = found.tags.iter().map(|(tag, _)| &tag.as_str()[71..]).collect();
    endings.sort_unstable();
    assert_eq!(endings, ["", ".att", ".sbom", ".sig"]);
    assert_eq!(found.claimed, [other.descriptor().clone()], "what the list names");
}

#[test]
fn a_digest_decides_over_a_tag() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("layout");
    let (one, two) = (manifest(b"{}", None), manifest(b"{ }", None));
    store(&root, &one, "a:1");
    store(&root, &two, "a:2");

    let layout = Layout::open(Medium::at(&root).open().unwrap()).unwrap();
    let name = format!("a:1@{}", two.descriptor().digest);

    assert_eq!(layout.resolve(&name.parse().unwrap()).unwrap().raw(), two.raw());
}

/// A layout named `x` that holds `documents` and `blobs`, with `index` as its list.
fn written(
    documents: &[&Document],
    blobs: &[&[u8]],
    index: &serde_json::Value,
) -> (tempfile::TempDir, Layout) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("x");
    let store = LayoutStore::open(&root).unwrap();
    for document in documents {
        store.put(&mut Unchecked(document.descriptor(), &mut document.raw())).unwrap();
    }
    for blob in blobs {
        store.put(&mut Unchecked(&Descriptor::of("a/b", blob), &mut &blob[..])).unwrap();
    }
    store.finish().unwrap();
    drop(store);
    std::fs::write(root.join("index.json"), index.to_string()).unwrap();
    let layout = Layout::open(Medium::at(&root).open().unwrap()).unwrap();
    (folder, layout)
}

/// A layout named `x` of `documents`, with what its `index.json` says of each.
fn listing(entries: &[(&Document, serde_json::Value)]) -> (tempfile::TempDir, Layout) {
    let entry = |(document, annotations): &(&Document, serde_json::Value)| {
        let mut entry = json!(document.descriptor());
        entry["annotations"] = annotations.clone();
        entry
    };
    let manifests: Vec<serde_json::Value> = entries.iter().map(entry).collect();
    let documents: Vec<&Document> = entries.iter().map(|(document, _)| *document).collect();
    written(&documents, &[], &json!({"schemaVersion": 2, "manifests": manifests}))
}

fn names_of(layout: &Layout) -> Vec<String> {
    layout.images().names.iter().map(ToString::to_string).collect()
}

#[test]
fn every_image_has_a_name_or_goes_by_its_digest() {
    let (one, two) = (manifest(b"1", None), manifest(b"2", None));
    let digest = two.descriptor().digest;
    for (text, name) in [
        (json!(null), format!("localhost/x@{digest}")),
        (json!({REF_NAME: ""}), format!("localhost/x@{digest}")),
        (json!({REF_NAME: "1.0+build.5"}), format!("localhost/x@{digest}")),
        (json!({REF_NAME: "My_App:1"}), format!("localhost/x@{digest}")),
        (json!({REF_NAME: "x.io/a/b:1+2"}), format!("x.io/a/b@{digest}")),
        (
            json!({REF_NAME: format!("a@{}", one.descriptor().digest)}),
            format!("docker.io/library/a@{digest}"),
        ),
        (json!({REF_NAME: format!("a@{digest}")}), format!("docker.io/library/a@{digest}")),
        (json!({REF_NAME: "v1"}), "localhost/x:v1".to_owned()),
        (
            json!({REF_NAME: format!("sha256-{}", "a".repeat(64))}),
            format!("localhost/x:sha256-{}", "a".repeat(64)),
        ),
    ] {
        let (_folder, layout) = listing(&[(&one, json!({REF_NAME: "a:1"})), (&two, text.clone())]);

        let images = layout.images();

        assert_eq!(names_of(&layout), ["docker.io/library/a:1", &name], "{text}");
        let is_odd = name.contains('@') && text != json!({REF_NAME: format!("a@{digest}")});
        assert_eq!(images.notes.len(), usize::from(is_odd), "{:?}", images.notes);
        for name in &images.names {
            layout.resolve(name).unwrap();
        }
        let there = text.get(REF_NAME).and_then(serde_json::Value::as_str).unwrap_or_default();
        for wanted in [there, &digest.to_string(), &format!("@{digest}"), "@1", &name] {
            if !wanted.is_empty() {
                let picked = layout.resolve(&layout.pick(wanted).unwrap()).unwrap();
                assert_eq!(picked.descriptor().digest, digest, "{wanted}");
            }
        }
    }
    let (_folder, layout) =
        listing(&[(&one, json!({REF_NAME: "1+a"})), (&two, json!({REF_NAME: "1+b"}))]);
    assert_eq!(names_of(&layout).len(), 2);
    let error = layout.pick("1+c").unwrap_err();
    assert!(error.way_out().unwrap().contains("localhost/x@sha256:"), "{error:?}");
}

#[test]
fn what_cosign_and_hauler_list_beside_an_image_comes_along_with_it() {
    let image = manifest(b"image", None);
    let (signature, attestation, other) =
        (manifest(b"sig", None), manifest(b"att", None), manifest(b"other", None));
    let kind = |kind: &str, name: Option<&str>| {
        let mut annotations = json!({"kind": kind});
        if let Some(name) = name {
            annotations["dev.cosignproject.cosign/imageRef"] = json!(name);
            annotations["org.opencontainers.image.ref.name"] = json!(name);
        }
        annotations
    };
    for (family, name) in [
        ("dev.cosignproject.cosign", None),
        ("dev.cosignproject.cosign", Some("x.io/a:1")),
        ("dev.hauler", Some("x.io/a:1")),
    ] {
        let of = |what: &str| kind(&format!("{family}/{what}"), name);
        let entries = [(&image, of("image")), (&signature, of("sigs")), (&attestation, of("atts"))];
        let (_folder, layout) = listing(&entries);

        let digest = image.descriptor().digest;
        let own = name.map_or_else(|| format!("localhost/x@{digest}"), str::to_owned);
        assert_eq!(names_of(&layout), [own]);
        let found = layout.referrers(image.descriptor()).unwrap();
        let tags: Vec<String> = found.tags.iter().map(|(tag, _)| tag.to_string()).collect();
        let tag = |ending| format!("sha256-{}.{ending}", digest.hex());
        assert_eq!(tags, [tag("sig"), tag("att")]);
        assert_eq!(found.tags[0].1.raw(), signature.raw());
    }
    // Signatures that may be of either are nobody's, and are not left behind.
    let entries = [
        (&image, kind("dev.hauler/image", None)),
        (&other, kind("dev.hauler/image", None)),
        (&signature, kind("dev.hauler/sigs", None)),
    ];
    let (_folder, layout) = listing(&entries);
    assert_eq!(names_of(&layout).len(), 3);
}

#[test]
fn an_entry_that_is_odd_stops_no_other() {
    let (folder, _) = listing(&[(&manifest(b"1", None), json!({REF_NAME: "a:1"}))]);
    let path = folder.path().join("x/index.json");
    let mut index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let list = index["manifests"].as_array_mut().unwrap();
    list.push(json!({
        "mediaType": OCI_MANIFEST, "size": 2, "digest": format!("sha512:{}", "a".repeat(128)),
        "annotations": {REF_NAME: "b:1"},
    }));
    list.push(json!({"mediaType": "text/plain", "size": 1, "digest": Digest::of(b"x")}));
    std::fs::write(&path, index.to_string()).unwrap();

    let layout = Layout::open(Medium::at(folder.path().join("x")).open().unwrap()).unwrap();

    let images = layout.images();
    assert_eq!((images.names.len(), images.unreadable.len()), (2, 1));
    assert_eq!(images.unreadable[0].image, "b:1");
    let error = layout.pick("b:1").unwrap_err();
    assert_eq!(error.class(), Class::Refused, "it is there: {error}");
    let error = layout.resolve(&images.names[1]).unwrap_err();
    assert!(error.message().contains("text/plain"), "{error}");
    std::fs::write(&path, r#"{"schemaVersion":2,"manifests":null}"#).unwrap();
    let layout = Layout::open(Medium::at(folder.path().join("x")).open().unwrap()).unwrap();
    assert!(names_of(&layout).is_empty());
}

/// The entries of a list, each with what it says.
fn hauled(image: &Document, kind: &str) -> (Document, serde_json::Value) {
    let annotations = json!({
        "kind": kind, REF_NAME: "library/app:1", CONTAINERD_NAME: "index.docker.io/library/app:1",
    });
    (image.clone(), annotations)
}

#[test]
fn what_hauler_lists_under_one_name_comes_along_with_its_image() {
    let image = manifest(b"{}", None);
    let [one, two] = [b"1", b"2"].map(|text| manifest(text, Some(image.descriptor())));
    let (sigs, more, lost) = (manifest(b"s", None), manifest(b"t", None), manifest(b"l", None));
    let kind = |it: &Document| format!("dev.hauler/referrers/{}", it.descriptor().digest.hex());
    let all = [
        hauled(&image, "dev.hauler/image"),
        hauled(&sigs, "dev.hauler/sigs"),
        hauled(&more, "dev.hauler/sigs"),
        hauled(&one, &kind(&one)),
        hauled(&two, &kind(&two)),
        hauled(&lost, &kind(&lost)),
    ];
    let entries: Vec<_> = all.iter().map(|(it, says)| (it, says.clone())).collect();

    let (_folder, layout) = listing(&entries);

    let by_digest = |it: &Document| format!("docker.io/library/app@{}", it.descriptor().digest);
    let mut wanted = vec!["docker.io/library/app:1".to_owned(), by_digest(&more), by_digest(&lost)];
    let mut names = names_of(&layout);
    wanted.sort();
    names.sort();
    assert_eq!(names, wanted);
    let found = layout.resolve(&"app:1".parse().unwrap()).unwrap();
    assert_eq!(found.raw(), image.raw());
    let found = layout.referrers(image.descriptor()).unwrap();
    assert_eq!(found.manifests, [one.descriptor().clone(), two.descriptor().clone()]);
    let tags: Vec<_> = found.tags.iter().map(|(tag, it)| (tag.as_str(), it.raw())).collect();
    let tag = format!("sha256-{}.sig", image.descriptor().digest.hex());
    assert_eq!(tags, [(tag.as_str(), sigs.raw())]);
}

#[test]
fn a_list_of_what_does_not_refer_to_its_image_is_one_of_its_own() {
    let image = manifest(b"{}", None);
    let (right, wrong) = (manifest(b"1", Some(image.descriptor())), manifest(b"2", None));
    let index = |entries: &[&Document]| {
        let entries: Vec<_> = entries.iter().map(|it| it.descriptor()).collect();
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
        Document::parse(index.to_string().into_bytes(), OCI_INDEX).unwrap()
    };
    let name = format!("x.io/app:sha256-{}", image.descriptor().digest.hex());
    for (list, is_right) in
        [(index(&[&right]), true), (index(&[&right, &wrong]), false), (index(&[]), true)]
    {
        let says = |name: &str| json!({REF_NAME: name});
        let entries = [
            (&image, says("x.io/app:1")),
            (&list, says(&name)),
            (&right, json!({})),
            (&wrong, says("x.io/wrong:1")),
        ];

        let (_folder, layout) = listing(&entries);

        let mut wanted = vec!["x.io/app:1".to_owned(), "x.io/wrong:1".to_owned()];
        let notes = layout.images().notes;
        if !is_right {
            wanted.push(format!("x.io/app@{}", list.descriptor().digest));
            assert!(notes[0].contains("does not refer to that image"), "{notes:?}");
            assert_eq!(notes.len(), 1);
        }
        assert_eq!(names_of(&layout), wanted);
        assert_eq!(notes.is_empty(), is_right);
    }
}

#[test]
fn a_layout_is_not_written_through_links_below_it() {
    use std::os::unix::fs::symlink;
    let image = manifest(b"{}", None);
    for link in ["blobs", "blobs/sha256"] {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let root = folder.path().join("layout");
        std::fs::create_dir_all(root.join(link).parent().unwrap()).unwrap();
        std::fs::write(root.join("oci-layout"), LAYOUT_MARK).unwrap();
        std::fs::create_dir(elsewhere.path().join("sha256")).unwrap();
        symlink(elsewhere.path(), root.join(link)).unwrap();

        let error = LayoutStore::open(&root).unwrap_err();

        assert!(error.to_string().contains("link"), "{error}");
        std::fs::remove_file(root.join(link)).unwrap();
        // Planted after a first look.
        let store = LayoutStore::open(&root).unwrap();
        symlink(elsewhere.path(), root.join(link)).unwrap();
        store.put_document(&image).unwrap_err();
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 1);
        assert_eq!(std::fs::read_dir(elsewhere.path().join("sha256")).unwrap().count(), 0);
    }
}

#[test]
fn a_layout_stays_the_folder_that_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let image = manifest(b"{}", None);
    store(&at("layout"), &image, "alpine:3.20");
    std::fs::create_dir(at("elsewhere")).unwrap();
    let sink = LayoutStore::open(&at("layout")).unwrap();

    std::fs::rename(at("layout"), at("moved")).unwrap();
    std::os::unix::fs::symlink(at("elsewhere"), at("layout")).unwrap();
    sink.put_document(&manifest(b"[]", None)).unwrap();
    sink.publish(&"alpine:3.21".parse().unwrap(), &image).unwrap();
    let error = sink.finish().unwrap_err();
    assert!(error.to_string().contains("is not the folder any more"), "{error}");

    assert_eq!(std::fs::read_dir(at("elsewhere")).unwrap().count(), 0);
    let index = std::fs::read_to_string(at("moved/index.json")).unwrap();
    assert!(index.contains("alpine:3.20") && index.contains("alpine:3.21"), "{index}");
}
