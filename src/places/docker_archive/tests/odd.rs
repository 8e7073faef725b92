//! Archives that other tools make otherwise than docker does.

use super::*;

#[test]
fn two_images_of_one_name_are_told_apart_by_place() {
    let mut archive = Archive::default();
    for (file, layer) in [("0.tar", b"one"), ("1.tar", b"two")] {
        archive.file(file, layer);
    }
    let configs = [archive.config("a", &[b"one"]), archive.config("b", &[b"two"])];
    let entry = |at: usize, names: &[&str]| json!({"Config": configs[at], "RepoTags": names, "Layers": [format!("{at}.tar")]});
    archive.list(json!([entry(0, &["app:1"]), entry(1, &["app:1", "other:1"])]));

    let archive = archive.open().unwrap();

    let digests = [0, 1].map(|place| {
        let names = archive.at(place).unwrap();
        let name = &names[0];
        assert_eq!(name.kept().to_string(), "docker.io/library/app:1", "{place}");
        archive.resolve(name).unwrap().descriptor().digest
    });
    assert_ne!(digests[0], digests[1]);
    let names: Vec<String> = archive.at(1).unwrap().iter().map(ToString::to_string).collect();
    let pinned = format!("docker.io/library/app:1@{}", digests[1]);
    assert_eq!(names, [pinned.as_str(), "docker.io/library/other:1"]);
    let all = archive.images();
    assert_eq!(all.names.len(), 2, "each name once: {:?}", all.names);
    let error = archive.resolve(&"app:1".parse().unwrap()).unwrap_err();
    assert_eq!(error.class(), Class::Damaged);
    let shown = [format!("@0 is {}", digests[0]), format!("@1 is {}", digests[1])];
    assert_eq!(error.findings(), shown);
    assert!(error.way_out().unwrap().contains(":@1=NAME"), "{error:?}");
}

#[test]
fn layers_that_docker_alone_unpacks_are_called_what_they_are() {
    for (packed, name) in [
        (&b"\xfd7zXZ\0\0\x04\xe6\xd6\xb4\x46"[..], "xz"),
        (b"BZh91AY&SY\x01\x02", "bzip2"),
        (b"\x04\x22\x4d\x18\x64\x40\xa7", "lz4"),
    ] {
        let mut archive = simple(&[b"one", b"two"], &[b"one", packed]);
        let config = archive.config("fine", &[b"one"]);
        archive.0.retain(|(path, _)| path != DOCKER_INDEX);
        let broken = archive.0[2].0.clone();
        archive.list(json!([
            {"Config": broken, "RepoTags": ["app:1"], "Layers": ["0/layer.tar", "1/layer.tar"]},
            {"Config": config, "RepoTags": ["fine:1"], "Layers": ["0/layer.tar"]},
        ]));

        let images = archive.open().unwrap().images();

        assert_eq!(images.names.len(), 1, "one stops no other");
        let error = &images.unreadable[0].error;
        assert_eq!(error.class(), Class::Refused);
        assert!(error.message().contains("layer 1/layer.tar is compressed with"), "{error}");
        assert!(error.message().contains(name), "{error}");
        assert!(error.way_out().unwrap().contains("skopeo copy"), "{error:?}");
    }
}

#[test]
fn gzip_with_members_and_padding_and_zstd_with_other_frames_are_layers() {
    let members = [gzip(b"on"), gzip(b"e")].concat();
    let padded = [gzip(b"one"), vec![0; 5000]].concat();
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7];
    let half = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let frames = [&skipped[..], &half(b"o"), &skipped, &half(b"ne"), &skipped].concat();
    for (packed, packing) in [(members, "gzip"), (padded, "gzip"), (frames, "zstd")] {
        let archive = simple(&[b"one"], &[&packed]).open().unwrap();

        let (_, image) = only(&archive);

        let layer = image.children()[1];
        assert_eq!(layer.digest, Digest::of(&packed), "the bytes stay");
        assert_eq!(layer.media_type, format!("{LAYER}+{packing}"));
        read_small(&archive, layer, 10_000, "x", &Cancel::default()).unwrap();
    }
    let garbage = simple(&[b"one"], &[&[gzip(b"one"), b"x".to_vec()].concat()]).fails();
    assert!(garbage.message().contains("other bytes behind its gzip"), "{garbage}");
}

#[test]
fn archives_of_the_first_kind_are_called_what_they_are() {
    for list in [Some(r#"{"app":{"1":"abc"}}"#), None] {
        let mut archive = Archive::default();
        for file in ["VERSION", "json", "layer.tar"] {
            archive.file(&format!("abc/{file}"), b"1.0");
        }
        list.iter().for_each(|list| archive.file("repositories", list));

        let error = archive.fails();

        assert_eq!(error.class(), Class::Damaged);
        assert!(error.message().contains("docker 1.9 and older"), "{error}");
        assert!(!error.message().contains("it is a docker archive"), "{error}");
        // Newer ones have the same files beside their list.
        let config = archive.config("a", &[b"1.0"]);
        archive.list(json!([{"Config": config, "RepoTags": ["a:1"], "Layers": ["abc/layer.tar"]}]));
        only(&archive.open().unwrap());
    }
}

#[test]
fn folders_of_skopeos_own_kind_are_called_what_they_are() {
    let manifest = json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []});
    for version in [Some("Directory Transport Version: 1.1\n"), None] {
        let mut archive = Archive::default();
        version.iter().for_each(|version| archive.file("version", version));
        archive.list(manifest.clone());
        archive.file(Digest::of(b"x").hex().as_str(), b"x");
        let folder = tempfile::tempdir().unwrap();
        for (path, bytes) in &archive.0 {
            std::fs::write(folder.path().join(path), bytes).unwrap();
        }
        let tree = Tree::open_source(folder.path(), &Cancel::default()).unwrap();
        let errors = [
            archive.fails(),
            DockerArchive::open(tree, "x").unwrap_err(),
            Layout::open(Tree::open_source(folder.path(), &Cancel::default()).unwrap())
                .unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.class(), Class::Damaged);
            assert!(error.message().contains("skopeo's kind dir:"), "{error}");
            assert!(error.way_out().unwrap().contains("skopeo copy --all dir:"), "{error:?}");
        }
    }
}

#[test]
fn an_entry_that_is_odd_stops_no_other() {
    let mut archive = Archive::default();
    archive.file("l.tar", b"one");
    let config = archive.config("a", &[b"one"]);
    let fine = json!({"Config": config, "RepoTags": ["fine:1"], "Layers": ["l.tar"]});
    for (odd, said) in [
        (json!({"Config": null, "RepoTags": ["odd:1"], "Layers": ["l.tar"]}), "names no config"),
        (json!({"Config": "", "RepoTags": ["odd:1"], "Layers": ["l.tar"]}), "names no config"),
        (json!({"RepoTags": ["odd:1"], "Layers": ["l.tar"]}), "names no config"),
        (json!({"Config": config, "RepoTags": "odd:1", "Layers": ["l.tar"]}), "no list of names"),
        (json!({"Config": config, "RepoTags": ["odd:1"], "Layers": [7]}), "no list of layers"),
        (json!({"Config": config, "RepoTags": ["odd:1"], "Layers": [null]}), "lacks base layers"),
        (json!(null), "names no config"),
    ] {
        let mut archive = archive.clone();
        archive.list(json!([odd, fine]));

        let images = archive.open().unwrap().images();

        assert_eq!(images.names.len(), 1, "{odd}");
        let broken = &images.unreadable[0];
        assert!(broken.error.message().contains(said), "{odd}: {}", broken.error);
        let label = if odd["RepoTags"].is_array() { "odd:1" } else { "@0" };
        assert_eq!(broken.image, label, "{odd}");
    }
    let mut nulls = archive.clone();
    nulls.list(json!([{"Config": config, "RepoTags": [null, "fine:1"], "Layers": ["l.tar"]}]));
    assert_eq!(only(&nulls.open().unwrap()).0.to_string(), "docker.io/library/fine:1");
}
