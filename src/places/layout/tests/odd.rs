//! Lists of images that tools write otherwise than the specification has it.

use serde_json::Value;

use super::*;
use crate::words::media::DOCKER_MANIFEST;
use crate::words::platform::Platform;
use crate::words::remedy::Remedy;

#[test]
fn what_a_list_leaves_out_is_what_go_reads_it_as() {
    let image = manifest(b"{}", None);
    let about = image.descriptor();
    let fine = json!({
        "mediaType": OCI_MANIFEST, "digest": about.digest, "size": about.size,
        "annotations": {REF_NAME: "x.io/a:1"},
    });
    let index = |entry: &Value| json!({"schemaVersion": 2, "manifests": [entry]});
    let with = |member: &str, value: Value| {
        let mut entry = fine.clone();
        match value == json!("-") {
            true => drop(entry.as_object_mut().unwrap().remove(member)),
            false => entry[member] = value,
        }
        entry
    };
    let mut lists = vec![
        json!({"manifests": [fine]}),
        json!({"schemaVersion": null, "mediaType": null, "manifests": [fine]}),
        json!({"schemaVersion": 0, "mediaType": "", "manifests": [fine], "annotations": null}),
        json!({"schemaVersion": 2, "manifests": [fine], "layers": null, "config": null, "x": {}}),
        index(&with("annotations", json!({REF_NAME: "x.io/a:1", "other": null}))),
    ];
    for plain in [json!("-"), json!(null), json!(""), json!("application/json")] {
        lists.push(index(&with("mediaType", plain)));
    }
    for (member, empty) in [
        ("size", json!("-")),
        ("size", json!(null)),
        ("platform", json!(null)),
        ("platform", json!({})),
        ("platform", json!({"os": null, "architecture": null})),
        ("urls", json!(null)),
        ("data", json!("")),
        ("artifactType", json!(null)),
        ("unknown", json!([{"a": null}])),
    ] {
        lists.push(index(&with(member, empty)));
    }
    for list in lists {
        let (_folder, layout) = written(&[&image], &[], &list);

        assert_eq!(names_of(&layout), ["x.io/a:1"], "{list}");
        let found = layout.resolve(&layout.images().names[0]).unwrap();
        assert_eq!(found.descriptor(), about, "{list}");
    }
    for none in [json!(null), json!({REF_NAME: null}), json!({}), json!({CONTAINERD_NAME: null})] {
        let (_folder, layout) = written(&[&image], &[], &index(&with("annotations", none)));

        assert_eq!(names_of(&layout), [format!("localhost/x@{}", about.digest)]);
    }
}

#[test]
fn what_nobody_can_make_anything_of_is_named_and_stops_no_other() {
    let image = manifest(b"{}", None);
    let about = image.descriptor();
    let name = json!({REF_NAME: "x.io/b:1"});
    let gone = Digest::of(b"gone");
    for (entry, said) in [
        (json!({"digest": about.digest, "size": "2", "annotations": name}), "size is a text"),
        (json!({"digest": about.digest, "size": -1, "annotations": name}), "the number -1"),
        (json!({"digest": null, "size": 2, "annotations": name}), "has no digest"),
        (json!({"digest": gone, "annotations": name}), "has no size"),
        (json!({"digest": gone, "size": 4, "annotations": name}), "has no mediaType"),
        (
            json!({"digest": about.digest, "size": 1, "platform": 7, "annotations": name}),
            "platform",
        ),
        (json!({"digest": about.digest, "urls": [{}], "annotations": name}), "urls[0]"),
        (json!([about.digest]), "is a list, and not an object"),
        (json!(null), "is null, and not an object"),
    ] {
        let fine = json!({"mediaType": OCI_MANIFEST, "digest": about.digest, "size": about.size});
        let index = json!({"schemaVersion": 2, "manifests": [fine, entry]});

        let (_folder, layout) = written(&[&image], &[], &index);

        let images = layout.images();
        assert_eq!((images.names.len(), images.unreadable.len()), (1, 1), "{entry}");
        let error = &images.unreadable[0].error;
        let text = error.to_string();
        assert!(text.contains(said) && text.starts_with("layout "), "{entry}: {text}");
        assert_eq!(text.contains("x.io/b:1"), entry.is_object(), "{text}");
        assert!(!text.contains("invalid type") && !text.contains("expected"), "{text}");
        assert_eq!(error.class(), Class::Damaged);
    }
}

#[test]
fn a_list_that_is_no_index_is_refused_by_name() {
    for (list, said) in [
        (json!([]), "is no index"),
        (json!({"schemaVersion": 2}), "has no manifests"),
        (json!({"manifests": {}}), "manifests is no list"),
        (json!({"schemaVersion": 1, "manifests": []}), "schemaVersion is not 2"),
        (json!({"schemaVersion": "2", "manifests": []}), "schemaVersion is not 2"),
        (json!({"manifests": [], "layers": []}), "as a manifest"),
        (json!({"manifests": [], "config": {}}), "as a manifest"),
        (json!({"manifests": [], "mediaType": DOCKER_MANIFEST}), "calls itself"),
        (json!({"manifests": [], "mediaType": 1}), "mediaType is no text"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("oci-layout"), LAYOUT_MARK).unwrap();
        std::fs::write(folder.path().join("index.json"), list.to_string()).unwrap();

        for error in [
            Layout::open(Medium::at(folder.path()).open().unwrap()).unwrap_err(),
            LayoutStore::open(folder.path()).unwrap_err(),
        ] {
            assert_eq!(error.class(), Class::Damaged, "{list}");
            let text = error.to_string();
            assert!(text.contains(said) && text.contains("index.json"), "{list}: {text}");
        }
    }
}

#[test]
fn a_digest_in_a_names_place_is_no_name() {
    let image = manifest(b"{}", None);
    let digest = image.descriptor().digest;
    let other = Digest::of(b"other");
    for (text, has_note) in [
        (digest.to_string(), false),
        (other.to_string(), true),
        (format!("sha512:{}", "0".repeat(128)), true),
        (format!("@{digest}"), true),
    ] {
        for key in [REF_NAME, CONTAINERD_NAME] {
            let mut entry = json!(image.descriptor());
            entry["annotations"] = json!({key: text});
            let index = json!({"schemaVersion": 2, "manifests": [entry]});

            let (_folder, layout) = written(&[&image], &[], &index);

            let images = layout.images();
            assert_eq!(names_of(&layout), [format!("localhost/x@{digest}")], "{text}");
            let note = &images.notes[0];
            assert_eq!(note.contains("is no image name"), has_note, "{note}");
            for wanted in [&text, &digest.to_string(), &format!("@{digest}"), "@0"] {
                let picked = layout.pick(wanted).unwrap();
                assert_eq!(picked.to_string(), format!("localhost/x@{digest}"), "{wanted}");
            }
        }
    }
}

/// An image for `platform`, with its config.
fn image_for(platform: &str) -> (Document, Vec<u8>) {
    let platform: Platform = platform.parse().unwrap();
    let config = json!({"os": platform.os, "architecture": platform.architecture});
    let config = config.to_string().into_bytes();
    (manifest(&config, None), config)
}

#[test]
fn a_name_with_an_image_for_each_platform_is_that_of_the_wanted_one() {
    let (amd64, arm64) = (image_for("linux/amd64"), image_for("linux/arm64"));
    let platforms = |texts: &[&str]| -> Vec<Platform> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    for (is_listed, name) in [(true, "x.io/a:1"), (false, "x.io/a:1"), (true, "1.0+b")] {
        let entry = |document: &Document, architecture: &str| {
            let mut entry = json!(document.descriptor());
            entry["annotations"] = json!({REF_NAME: name});
            if is_listed {
                entry["platform"] = json!({"os": "linux", "architecture": architecture});
            }
            entry
        };
        let index = json!({
            "schemaVersion": 2,
            "manifests": [entry(&amd64.0, "amd64"), entry(&arm64.0, "arm64")],
        });
        let open = || written(&[&amd64.0, &arm64.0], &[&amd64.1, &arm64.1], &index);

        for (wanted, found) in
            [("linux/arm64", &arm64.0), ("linux/arm64/v8", &arm64.0), ("linux/amd64", &amd64.0)]
        {
            let (_folder, layout) = open();
            let layout = layout.for_platforms(&platforms(&[wanted]));

            let picked = layout.pick(name).unwrap();
            assert_eq!(layout.resolve(&picked).unwrap().raw(), found.raw());
            let images = layout.images();
            assert_eq!(images.names.len(), 1);
            assert_eq!(layout.resolve(&images.names[0]).unwrap().raw(), found.raw());
            assert!(images.notes[0].contains("several images"), "{:?}", images.notes);
            // Places are those of the list.
            let second = layout.pick("@1");
            assert_eq!(second.is_ok(), wanted != "linux/amd64");
        }
        for none in [&[][..], &["linux/s390x"], &["linux/amd64", "linux/arm64"]] {
            let (_folder, layout) = open();
            let layout = layout.for_platforms(&platforms(none));

            let error = layout.pick(name).unwrap_err();

            assert_eq!(error.class(), Class::Damaged);
            let all = format!("{error} {:?}", error.findings());
            for (document, platform) in [(&amd64.0, "linux/amd64"), (&arm64.0, "linux/arm64")] {
                assert!(all.contains(&format!("{} for {platform}", document.descriptor().digest)));
            }
            assert!(error.advice().unwrap().offers(Remedy::Platform), "{error:?}");
        }
    }
    // What is for one platform twice is no matter of platforms.
    let (one, two) = (image_for("linux/amd64"), (manifest(b"[]", None), b"[]".to_vec()));
    let entry = |document: &Document| {
        let mut entry = json!(document.descriptor());
        entry["annotations"] = json!({REF_NAME: "x.io/a:1"});
        entry
    };
    let index = json!({"schemaVersion": 2, "manifests": [entry(&one.0), entry(&two.0)]});
    let (_folder, layout) = written(&[&one.0, &two.0], &[&one.1, &two.1], &index);
    let error = layout.pick("x.io/a:1").unwrap_err();
    assert!(!error.advice().unwrap().offers(Remedy::Platform), "{error:?}");
}

#[test]
fn signatures_under_the_name_of_two_images_stay_when_one_is_chosen() {
    let (amd64, arm64) = (image_for("linux/amd64"), image_for("linux/arm64"));
    let signature = manifest(b"sig", None);
    let entry = |document: &Document, kind: &str| {
        let mut entry = json!(document.descriptor());
        entry["annotations"] = json!({REF_NAME: "x.io/a:1", "kind": kind});
        entry
    };
    let index = json!({"schemaVersion": 2, "manifests": [
        entry(&amd64.0, "dev.hauler/image"), entry(&arm64.0, "dev.hauler/image"),
        entry(&signature, "dev.hauler/sigs"),
    ]});
    let (_folder, layout) =
        written(&[&amd64.0, &arm64.0, &signature], &[&amd64.1, &arm64.1], &index);

    let layout = layout.for_platforms(&["linux/arm64".parse().unwrap()]);

    let names = names_of(&layout);
    assert_eq!(names, ["x.io/a:1".to_owned(), format!("x.io/a@{}", signature.descriptor().digest)]);
}

#[test]
fn an_index_that_is_listed_for_an_image_comes_along_with_it() {
    let image = manifest(b"{}", None);
    let (right, wrong) = (manifest(b"1", Some(image.descriptor())), manifest(b"2", None));
    for (listed, is_right) in [(&right, true), (&wrong, false)] {
        let list = json!({
            "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [listed.descriptor()],
        });
        let list = Document::parse(list.to_string().into_bytes(), OCI_INDEX).unwrap();
        let (mut named, mut beside) = (json!(image.descriptor()), json!(list.descriptor()));
        named["annotations"] = json!({REF_NAME: "1"});
        beside["annotations"] =
            json!({"org.opencontainers.image.referrer.subject": image.descriptor().digest});
        let index = json!({"schemaVersion": 2, "manifests": [named, beside]});

        let (_folder, layout) = written(&[&image, listed, &list], &[], &index);

        let found = layout.referrers(image.descriptor()).unwrap();
        assert_eq!(found.claimed, [listed.descriptor().clone()]);
        assert!(found.tags.is_empty() && found.manifests.is_empty());
        let mut wanted = vec!["localhost/x:1".to_owned()];
        if !is_right {
            wanted.push(format!("localhost/x@{}", list.descriptor().digest));
        }
        assert_eq!(names_of(&layout), wanted);
    }
}
