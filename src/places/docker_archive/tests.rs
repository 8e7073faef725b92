mod odd;

use std::io::Read;
use std::path::Path;

use ::tar::{Builder, EntryType, Header};
use serde_json::{Value, json};

use super::*;
use crate::places::layout::blob_path;
use crate::storage::reading::read_small;
use crate::words::cancel::Cancel;
use crate::words::document::{Kind, MAX_DOCUMENT};
use crate::words::media::{OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use crate::words::platform::Platform;

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The entries of an archive, as they are written.
#[derive(Default, Clone)]
struct Archive(Vec<(String, Vec<u8>)>);

impl Archive {
    fn file(&mut self, path: &str, bytes: impl AsRef<[u8]>) {
        self.0.push((path.to_owned(), bytes.as_ref().to_vec()));
    }

    /// Adds the config of an image of `layers`; gives its file.
    fn config(&mut self, text: &str, layers: &[&[u8]]) -> String {
        let bytes = config(text, layers);
        let path = format!("{}.json", Digest::of(&bytes).hex());
        self.file(&path, bytes);
        path
    }

    fn list(&mut self, images: Value) {
        self.file(DOCKER_INDEX, images.to_string());
    }

    fn tar(&self) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (path, bytes) in &self.0 {
            let mut header = Header::new_ustar();
            header.set_entry_type(EntryType::Regular);
            header.set_path(path).unwrap();
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            builder.append(&header, &bytes[..]).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn open(&self) -> Result<DockerArchive> {
        let bytes: Arc<[u8]> = self.tar().into();
        let open = move || {
            let bytes = std::io::Cursor::new(Arc::clone(&bytes));
            Ok(Box::new(bytes) as Box<dyn Read + Send>)
        };
        DockerArchive::open(
            Tree::of_stream(Path::new("app.tar"), Box::new(open), &Cancel::default())?,
            "app",
        )
    }

    /// Why the archive, or its first image that is wrong, cannot be had.
    fn fails(&self) -> Error {
        let mut broken = match self.open() {
            Ok(archive) => archive.images().unreadable,
            Err(error) => return error,
        };
        broken.swap_remove(0).error
    }
}

fn config(text: &str, layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| Digest::of(layer)).collect();
    let config = json!({
        "os": "linux", "architecture": "amd64", "author": text,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    config.to_string().into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut out, bytes).unwrap();
    out.finish().unwrap()
}

/// One image of `layers`, whose files hold `files`.
fn simple(layers: &[&[u8]], files: &[&[u8]]) -> Archive {
    let mut archive = Archive::default();
    let mut paths = Vec::new();
    for (number, file) in files.iter().enumerate() {
        paths.push(format!("{number}/layer.tar"));
        archive.file(&paths[number], file);
    }
    let config = archive.config("a", layers);
    archive.list(json!([{"Config": config, "RepoTags": ["app:1"], "Layers": paths}]));
    archive
}

fn only(archive: &DockerArchive) -> (Reference, Document) {
    let names: Vec<&Reference> = archive.names().collect();
    assert_eq!(names.len(), 1, "{names:?}");
    (names[0].clone(), archive.resolve(names[0]).unwrap())
}

#[test]
fn a_manifest_is_made_of_what_is_there() {
    let archive = simple(&[b"one", b"two", b"one"], &[b"one", b"two", b"one"]).open().unwrap();

    let (name, made) = only(&archive);

    assert_eq!(name.to_string(), "docker.io/library/app:1");
    assert!(archive.is_made(&made.descriptor().digest));
    let bytes = config("a", &[b"one", b"two", b"one"]);
    // Written down once and for all: the digest of every image from an archive hangs on it.
    let wanted = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},"layers":[{{"mediaType":"{LAYER}","digest":"{one}","size":3}},{{"mediaType":"{LAYER}","digest":"{}","size":3}},{{"mediaType":"{LAYER}","digest":"{one}","size":3}}]}}"#,
        Digest::of(&bytes),
        bytes.len(),
        Digest::of(b"two"),
        one = Digest::of(b"one"),
    );
    assert_eq!(String::from_utf8_lossy(made.raw()), wanted);
    for part in made.children() {
        read_small(&archive, part, 1000, "x", &Cancel::default()).unwrap();
    }
}

#[test]
fn the_list_may_be_in_small_letters() {
    let mut archive = Archive::default();
    let config = archive.config("a", &[b"one"]);
    archive.file("l.tar", b"one");
    let mut twice = archive.clone();
    archive.list(json!([{"config": config, "repoTags": ["app:1"], "layers": ["l.tar"]}]));

    assert_eq!(only(&archive.open().unwrap()).0.to_string(), "docker.io/library/app:1");

    let entry = json!({"Config": config, "RepoTags": ["app:1"], "Layers": ["l.tar"], "layers": []});
    twice.list(json!([entry]));
    let error = twice.fails();
    assert_eq!(error.class(), Class::Damaged);
    assert!(error.message().contains("\"Layers\" stands twice"), "{error}");
}

#[test]
fn compressed_layers_stay_as_they_are() {
    let (packed, zstd) = (gzip(b"one"), zstd::encode_all(&b"two"[..], 1).unwrap());
    let archive = simple(&[b"one", b"two"], &[&packed, &zstd]).open().unwrap();

    let (_, made) = only(&archive);

    let Kind::Manifest { layers, .. } = made.kind() else { panic!() };
    assert_eq!(layers[0], Descriptor::of(format!("{LAYER}+gzip"), &packed));
    assert_eq!(layers[1], Descriptor::of(format!("{LAYER}+zstd"), &zstd));
    assert_eq!(read_small(&archive, &layers[1], 1000, "x", &Cancel::default()).unwrap(), zstd);
}

#[test]
fn a_layer_beside_the_blobs_may_have_an_ending_to_its_name() {
    let packed = gzip(b"one");
    for (name, bytes) in [("tar.gz", &packed[..]), ("tgz", &packed), ("tar.gz", b"one")] {
        let mut archive = Archive::default();
        let layer = format!("{}.{name}", blob_path(&Digest::of(bytes)));
        archive.file(&layer, bytes);
        let config = config("a", &[b"one"]);
        let path = blob_path(&Digest::of(&config));
        archive.file(&path, config);
        archive.list(json!([{"Config": path, "RepoTags": ["app:1"], "Layers": [layer]}]));

        let (_, made) = only(&archive.open().unwrap());

        assert_eq!(made.children().last().unwrap().digest, Digest::of(bytes), "{layer}");
    }
}

#[test]
fn a_compressed_layer_that_is_not_what_the_config_says_is_refused() {
    let packed = gzip(b"one");
    let longer = [&packed[..], b"more"].concat();
    for file in [&gzip(b"other")[..], &packed[..packed.len() - 1], &longer] {
        let class = simple(&[b"one"], &[file]).fails().class();
        assert!(matches!(class, Class::Damaged | Class::Incomplete), "{class:?}");
    }
}

#[test]
fn an_image_may_have_no_layers_and_no_name() {
    let mut archive = Archive::default();
    let config = archive.config("a", &[]);
    archive.list(json!([{"Config": config, "RepoTags": null, "Layers": null}]));

    let (name, made) = only(&archive.open().unwrap());

    assert_eq!(name.to_string(), format!("localhost/app@{}", made.descriptor().digest));
    archive.0.pop();
    archive.list(json!([{"Config": config, "RepoTags": ["<none>:<none>"], "Layers": []}]));
    assert_eq!(only(&archive.open().unwrap()).0, name);
}

#[test]
fn one_of_several_images_is_named_by_name_or_place() {
    let mut archive = Archive::default();
    archive.file("l", "one");
    let (a, b) = (archive.config("a", &[b"one"]), archive.config("b", &[b"one", b"one"]));
    archive.list(json!([
        {"Config": a, "RepoTags": ["a:1", "a:latest", "a:1"], "Layers": ["l"]},
        {"Config": b, "RepoTags": ["x.example/b:1"], "Layers": ["l", "./l"]},
    ]));
    let archive = archive.open().unwrap();
    let named = |text: &str| archive.named(&text.parse().unwrap()).map(ToString::to_string);

    assert_eq!(archive.names().count(), 3);
    assert_eq!(named("a").unwrap(), "docker.io/library/a:latest");
    assert_eq!(archive.at(0).unwrap().len(), 2);
    assert_eq!(archive.at(1).unwrap()[0].to_string(), "x.example/b:1");
    let error = named("c").unwrap_err();
    assert_eq!(error.class(), Class::Incomplete);
    assert!(error.way_out().unwrap().contains("x.example/b:1"), "{error:?}");
    assert_eq!(archive.at(2).unwrap_err().class(), Class::Incomplete);
}

#[test]
fn what_can_be_read_in_two_ways_is_damage() {
    let fine = simple(&[b"one"], &[b"one"]);
    let config_path = fine.0[1].0.clone();
    let entry = |config: &str, tags: Value, layers: Value| {
        json!([{"Config": config, "RepoTags": tags, "Layers": layers}]).to_string()
    };
    let good = entry(&config_path, json!(["app:1"]), json!(["0/layer.tar"]));
    for list in [
        good.replace("\"Config\"", "\"config\":\"x\",\"Config\""),
        good.replace("\"Layers\"", "\"layers\":[],\"Layers\""),
        good.replace("[{", "[{\"Config\":\"x\","),
        good.replace("[\"app:1\"]", "\"app:1\""),
        good.replace("[\"0/layer.tar\"]", "[]"),
        good.replace("[\"0/layer.tar\"]", "[\"0/layer.tar\", \"0/layer.tar\"]"),
        good.replace("[\"0/layer.tar\"]", "[\"../0/layer.tar\"]"),
        good.replace("[\"0/layer.tar\"]", "[7]"),
        good.replace(&config_path, "0/layer.tar"),
        "{}".to_owned(),
        "[1]".to_owned(),
        good.clone() + "x",
    ] {
        let mut archive = fine.clone();
        archive.0[2].1 = list.clone().into_bytes();
        assert_eq!(archive.fails().class(), Class::Damaged, "{list}");
    }
    let mut archive = fine.clone();
    archive.0[2].1 = good.replace("0/layer", "1/layer").into_bytes();
    assert_eq!(archive.fails().class(), Class::Incomplete);
    archive.0.pop();
    assert_eq!(archive.fails().class(), Class::Damaged, "no list at all");
    fine.open().unwrap();
}

#[test]
fn a_name_that_nobody_can_read_is_told_and_the_image_arrives() {
    let mut archive = simple(&[b"one"], &[b"one"]);
    let config_path = archive.0[1].0.clone();
    let mut list = |tags: Value| {
        let layers = ["/0/layer.tar"];
        archive.0[2].1 =
            json!([{"Config": config_path, "RepoTags": tags, "Layers": layers}]).to_string().into();
        let images = archive.open().unwrap().images();
        assert!(images.unreadable.is_empty());
        (images.names.iter().map(ToString::to_string).collect::<Vec<_>>(), images.notes)
    };

    let (names, notes) = list(json!(["UPPER:1", "app:1", "app:<none>"]));
    assert_eq!(names, ["docker.io/library/app:1"]);
    assert!(notes.len() == 2 && notes[0].contains("\"UPPER:1\""), "{notes:?}");
    let (names, notes) = list(json!(["UPPER:1"]));
    let (_, digest) = names[0].split_once('@').unwrap();
    assert_eq!((names.len(), notes.len()), (1, 1));
    assert_eq!(names[0], format!("localhost/app@{digest}"));
    assert_eq!(list(json!(null)), (names.clone(), Vec::new()));
    // A digest is that of the manifest, which is not in such an archive.
    let (names, _) = list(json!([format!("x.io/app@{}", Digest::of(b"")), "app:1"]));
    assert_eq!(names, [format!("x.io/app@{digest}"), "docker.io/library/app:1".to_owned()]);
}

#[test]
fn one_image_that_cannot_be_had_does_not_stop_the_others() {
    let mut archive = simple(&[b"one"], &[b"one"]);
    let config_path = archive.0[1].0.clone();
    let entry = |tag: &str, layers: &[&str]| json!({"Config": config_path, "RepoTags": [tag], "Layers": layers});
    let list = json!([
        entry("none:1", &[""]),
        entry("gone:1", &["1/layer.tar"]),
        entry("two:1", &["0/layer.tar", "0/layer.tar"]),
        entry("app:1", &["0/layer.tar"]),
    ]);
    archive.0[2].1 = list.to_string().into();

    let archive = archive.open().unwrap();

    let images = archive.images();
    assert_eq!(images.names, ["app:1".parse().unwrap()]);
    let told: Vec<(&str, Class)> =
        images.unreadable.iter().map(|it| (it.image.as_str(), it.error.class())).collect();
    let (none, gone, two) = ("none:1", "gone:1", "two:1");
    assert_eq!(told, [(none, Class::Incomplete), (gone, Class::Incomplete), (two, Class::Damaged)]);
    assert!(images.unreadable[0].error.message().contains("lacks base layers"));
    let error = archive.named(&two.parse().unwrap()).unwrap_err();
    assert_eq!(error.class(), Class::Damaged, "asked for by its name, its own reason is told");
}

#[test]
fn an_original_that_was_cut_short_is_made_again() {
    let layer = b"layer";
    let config_bytes = config("x", &[layer]);
    let blob = |bytes: &[u8]| blob_path(&Digest::of(bytes));
    let empty = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": null,
        "config": Descriptor::of(OCI_CONFIG, &config_bytes),
    });
    let empty = empty.to_string().into_bytes();
    let mut archive = Archive::default();
    for bytes in [&layer[..], &config_bytes, &empty] {
        archive.file(&blob(bytes), bytes);
    }
    let mut entry = json!(Descriptor::of(OCI_MANIFEST, &empty));
    let listed = json!([{
        "Config": blob(&config_bytes), "RepoTags": ["app:1"], "Layers": [blob(layer)],
    }]);
    archive.file("oci-layout", crate::places::layout::LAYOUT_MARK);
    archive.list(listed);
    for name in [Some("docker.io/library/app:1"), None] {
        if let Some(name) = name {
            entry["annotations"] = json!({"io.containerd.image.name": name});
        } else {
            entry["annotations"] = json!(null);
        }
        let mut archive = archive.clone();
        archive.file("index.json", json!({"schemaVersion": 2, "manifests": [entry]}).to_string());

        let archive = archive.open().unwrap();

        let images = archive.images();
        assert_eq!(images.names, ["app:1".parse().unwrap()], "{name:?}");
        let root = archive.resolve(&images.names[0]).unwrap();
        assert!(archive.is_made(&root.descriptor().digest));
        assert_eq!(root.children().len(), 2);
    }
}

#[test]
fn the_digest_in_a_name_is_not_believed() {
    let other = Digest::of(b"other");
    for path in
        [format!("{}.json", other.hex()), format!("sha256:{}", other.hex()), blob_path(&other)]
    {
        let mut archive = Archive::default();
        archive.file(&path, config("a", &[]));
        archive.list(json!([{"Config": path, "RepoTags": ["a:1"], "Layers": []}]));
        assert_eq!(archive.fails().class(), Class::Damaged, "{path}");
    }
    let mut archive = Archive::default();
    archive.file("config.json", config("a", &[b"one"]));
    archive.file(&blob_path(&other), "one");
    archive.list(
        json!([{"Config": "config.json", "RepoTags": ["a:1"], "Layers": [blob_path(&other)]}]),
    );
    assert_eq!(archive.fails().class(), Class::Damaged, "a layer");
}

#[test]
fn a_layer_is_found_wrong_when_it_is_read() {
    let archive = simple(&[b"one"], &[b"eno"]).open().unwrap();

    let (_, made) = only(&archive);

    let error = read_small(&archive, made.children()[1], 100, "x", &Cancel::default()).unwrap_err();
    assert_eq!(error.class(), Class::Damaged);
}

#[test]
fn a_name_for_two_images_is_refused() {
    let mut archive = Archive::default();
    let (a, b) = (archive.config("a", &[]), archive.config("b", &[]));
    archive.list(json!([
        {"Config": a, "RepoTags": ["a:1"], "Layers": []},
        {"Config": b, "RepoTags": ["a:1"], "Layers": []},
    ]));
    let archive = archive.open().unwrap();

    assert_eq!(archive.resolve(&"a:1".parse().unwrap()).unwrap_err().class(), Class::Damaged);
}

/// An archive that is a layout too, as docker 25 and sealift write it: an index of two platforms,
/// of which `docker` lists the first.
struct Hybrid {
    archive: Archive,
    first: Document,
    index: Document,
}

impl Hybrid {
    /// What it lists for docker.
    fn list(&self) -> Value {
        let (_, bytes) = self.archive.0.iter().find(|(path, _)| path == DOCKER_INDEX).unwrap();
        serde_json::from_slice(bytes).unwrap()
    }
}

fn hybrid(with_second: bool) -> Hybrid {
    let mut archive = Archive::default();
    let mut blob = |media_type: &str, bytes: &[u8], there: bool| {
        let about = Descriptor::of(media_type, bytes);
        let path = blob_path(&about.digest);
        if there && !archive.0.iter().any(|(known, _)| *known == path) {
            archive.file(&path, bytes);
        }
        about
    };
    let mut manifests = Vec::new();
    for (text, there) in [("a", true), ("b", with_second)] {
        let layer = blob(&format!("{LAYER}+gzip"), &gzip(text.as_bytes()), there);
        let config = config(text, &[text.as_bytes()]);
        let config = blob("application/vnd.oci.image.config.v1+json", &config, there);
        // Spelled in another way than ours.
        let raw = json!({"config": config, "schemaVersion": 2, "layers": [layer]});
        let raw = format!(" {raw}\n").into_bytes();
        blob(OCI_MANIFEST, &raw, there);
        manifests.push(Document::parse(raw, OCI_MANIFEST).unwrap());
    }
    let mut children: Vec<Descriptor> =
        manifests.iter().map(|manifest| manifest.descriptor().clone()).collect();
    children[0].platform = Some(Box::new("linux/amd64".parse().unwrap()));
    children[1].platform = Some(Box::new("linux/arm64".parse().unwrap()));
    let index = json!({"schemaVersion": 2, "manifests": children}).to_string().into_bytes();
    let mut root = blob(OCI_INDEX, &index, true);
    root.annotations =
        [("io.containerd.image.name".to_owned(), "docker.io/library/app:1".to_owned())].into();
    archive.file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let list = json!({"schemaVersion": 2, "manifests": [root]});
    archive.file("index.json", list.to_string());
    let path = |at: usize| blob_path(&manifests[0].children()[at].digest);
    archive.list(json!([{"Config": path(0), "RepoTags": ["app:1"], "Layers": [path(1)]}]));
    let first = manifests.swap_remove(0);
    Hybrid { archive, first, index: Document::parse(index, OCI_INDEX).unwrap() }
}

#[test]
fn original_manifests_are_taken_where_they_are_whole() {
    let whole = hybrid(true);
    let archive = whole.archive.open().unwrap();
    let (_, root) = only(&archive);
    assert_eq!(root.raw(), whole.index.raw());
    assert!(!archive.is_made(&root.descriptor().digest));
    for child in root.children() {
        for part in archive.document(child).unwrap().children() {
            read_small(&archive, part, MAX_DOCUMENT, "x", &Cancel::default()).unwrap();
        }
    }

    let sparse = hybrid(false);
    let archive = sparse.archive.open().unwrap();
    let (name, root) = only(&archive);
    assert_eq!(root.raw(), sparse.first.raw(), "the one of the platform that is there");
    assert_eq!(name.to_string(), "docker.io/library/app:1");
}

#[test]
fn what_the_layout_lacks_is_made_and_what_docker_lacks_is_taken() {
    let mut hybrid = hybrid(true);
    let place = hybrid.archive.0.iter().position(|(path, _)| path == "index.json").unwrap();
    hybrid.archive.0[place].1 = br#"{"schemaVersion":2,"manifests":[]}"#.to_vec();
    let archive = hybrid.archive.open().unwrap();
    let (_, root) = only(&archive);
    assert!(archive.is_made(&root.descriptor().digest));
    assert_eq!(root.children()[1].digest, hybrid.first.children()[1].digest);

    let Hybrid { mut archive, index, .. } = self::hybrid(true);
    archive.0.pop();
    archive.list(json!([]));
    let (name, root) = only(&archive.open().unwrap());
    assert_eq!((name.to_string().as_str(), root.raw()), ("docker.io/library/app:1", index.raw()));
}

#[test]
fn an_engine_says_what_its_image_is_called() {
    let mut archive = simple(&[], &[]).open().unwrap();
    let name: Reference = "localhost/x:1".parse().unwrap();

    archive.call(name.clone()).unwrap();

    assert_eq!(archive.names().collect::<Vec<_>>(), [&name]);
    archive.resolve(&name).unwrap();
}

#[test]
fn a_name_that_is_one_image_for_docker_and_another_for_others_is_refused() {
    let mut hybrid = hybrid(true);
    hybrid.archive.0.pop();
    let config = hybrid.archive.config("evil", &[]);
    hybrid.archive.list(json!([{"Config": config, "RepoTags": ["app:1"], "Layers": []}]));

    assert_eq!(hybrid.archive.fails().class(), Class::Damaged);
}

#[test]
fn layers_of_originals_are_unpacked_too() {
    let mut hybrid = hybrid(true);
    let layer = blob_path(&hybrid.first.children()[1].digest);
    let place = hybrid.archive.0.iter().position(|(path, _)| *path == layer).unwrap();
    let last = hybrid.archive.0[place].1.len() - 1;
    hybrid.archive.0[place].1[last] ^= 1;

    assert_eq!(hybrid.archive.fails().class(), Class::Damaged);
}

#[test]
fn an_original_without_a_name_is_called_after_the_archive() {
    let mut hybrid = hybrid(true);
    let mut list: Value = serde_json::from_slice(&hybrid.archive.0.pop().unwrap().1).unwrap();
    list[0]["RepoTags"] = Value::Null;
    hybrid.archive.list(list);
    let index = &mut hybrid.archive.0.iter_mut().find(|(path, _)| path == "index.json").unwrap().1;
    let text = String::from_utf8(index.clone()).unwrap();
    *index = text.replace("io.containerd.image.name", "other").into_bytes();

    let (name, root) = only(&hybrid.archive.open().unwrap());

    assert_eq!(root.raw(), hybrid.first.raw());
    assert_eq!(name.to_string(), format!("localhost/app@{}", root.descriptor().digest));
}

#[test]
fn an_original_is_taken_with_the_layers_that_docker_loads_only() {
    let mut other = hybrid(true);
    let layer = gzip(b"evil");
    other.archive.file(&blob_path(&Digest::of(&layer)), &layer);
    let mut lists = other.list();
    lists[0]["Layers"] = json!([blob_path(&Digest::of(&layer))]);
    other.archive.0.retain(|(path, _)| path != DOCKER_INDEX);
    other.archive.list(lists);
    assert_eq!(other.archive.fails().class(), Class::Damaged, "another layer is listed");

    // The layer listed is right, the manifest has another.
    let mut archive = Archive::default();
    let (good, evil) = (gzip(b"good"), gzip(b"evil"));
    let config = config("a", &[b"good"]);
    let about = |kind: &str, bytes: &[u8]| Descriptor::of(kind, bytes);
    let config_at = blob_path(&Digest::of(&config));
    let raw = json!({
        "schemaVersion": 2, "config": about("application/vnd.oci.image.config.v1+json", &config),
        "layers": [about(&format!("{LAYER}+gzip"), &evil)],
    });
    let raw = raw.to_string().into_bytes();
    for bytes in [&config, &good, &evil, &raw] {
        archive.file(&blob_path(&Digest::of(bytes)), bytes);
    }
    let mut root = about(OCI_MANIFEST, &raw);
    archive.file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
    let list = |tags: Value| {
        let layers = [blob_path(&Digest::of(&good))];
        json!([{"Config": config_at, "RepoTags": tags, "Layers": layers}])
    };
    let mut unnamed = archive.clone();
    unnamed.file("index.json", json!({"schemaVersion": 2, "manifests": [root]}).to_string());
    unnamed.list(list(json!(["app:1"])));
    let (_, made) = only(&unnamed.open().unwrap());
    assert_eq!(made.children()[1].digest, Digest::of(&good), "made of what is listed");

    let key = "io.containerd.image.name".to_owned();
    root.annotations = [(key, "docker.io/library/app:1".to_owned())].into();
    archive.file("index.json", json!({"schemaVersion": 2, "manifests": [root]}).to_string());
    archive.list(list(json!(["app:1"])));
    assert_eq!(archive.fails().class(), Class::Damaged, "one name, two images");
}

#[test]
fn an_index_with_two_images_for_the_platform_of_docker_s_is_refused() {
    let mut archive = Archive::default();
    let platform = |variant: Option<&str>| Platform {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        variant: variant.map(str::to_owned),
    };
    let index_of = |archive: &mut Archive, platforms: [Option<Platform>; 2]| {
        let mut children = Vec::new();
        for (text, platform) in ["evil", "good"].into_iter().zip(platforms) {
            let (layer, config) = (gzip(text.as_bytes()), config(text, &[text.as_bytes()]));
            let raw = json!({
                "schemaVersion": 2,
                "config": Descriptor::of("application/vnd.oci.image.config.v1+json", &config),
                "layers": [Descriptor::of(format!("{LAYER}+gzip"), &layer)],
            });
            let raw = raw.to_string().into_bytes();
            for bytes in [&layer, &config, &raw] {
                archive.file(&blob_path(&Digest::of(bytes)), bytes);
            }
            children.push(Descriptor {
                platform: platform.map(Box::new),
                ..Descriptor::of(OCI_MANIFEST, &raw)
            });
        }
        let raw = json!({"schemaVersion": 2, "manifests": children}).to_string();
        archive.file(&blob_path(&Digest::of(raw.as_bytes())), &raw);
        let mut root = Descriptor::of(OCI_INDEX, raw.as_bytes());
        root.annotations =
            [("io.containerd.image.name".to_owned(), "docker.io/library/app:1".to_owned())].into();
        archive.file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        let list = json!({"schemaVersion": 2, "manifests": [root]});
        archive.file("index.json", list.to_string());
        let blob = |bytes: &[u8]| blob_path(&Digest::of(bytes));
        let (layer, config) = (blob(&gzip(b"good")), blob(&config("good", &[b"good"])));
        archive.list(json!([{"Config": config, "RepoTags": ["app:1"], "Layers": [layer]}]));
    };
    let arm = Platform { architecture: "arm64".to_owned(), ..platform(None) };
    let unknown =
        Platform { os: "unknown".to_owned(), architecture: "unknown".to_owned(), variant: None };
    for (evil, good, is_fine) in [
        (Some(platform(None)), Some(platform(None)), false),
        (Some(platform(Some("v2"))), Some(platform(None)), false),
        (None, Some(platform(None)), false),
        (Some(platform(None)), None, false),
        // The config says amd64.
        (Some(platform(None)), Some(arm.clone()), false),
        (Some(arm), Some(platform(None)), true),
        (Some(unknown), Some(platform(None)), true),
    ] {
        let mut archive = std::mem::take(&mut archive);
        let told = format!("{evil:?} {good:?}");
        index_of(&mut archive, [evil, good]);
        match archive.open().unwrap().images().unreadable.pop() {
            None => assert!(is_fine, "{told}"),
            Some(Unreadable { error, .. }) => {
                assert!(!is_fine && error.class() == Class::Damaged, "{told}: {error}");
            }
        }
    }
}

#[test]
fn a_list_that_fills_the_memory_is_refused() {
    let mut archive = Archive::default();
    let config = archive.config("a", &[]);
    let listed =
        |tags: Value, layers: Value| json!({"Config": config, "RepoTags": tags, "Layers": layers});
    for (what, list) in [
        ("images", json!(vec![listed(Value::Null, Value::Null); 20_001])),
        ("names", json!([listed(json!(vec!["a:1"; 20_001]), Value::Null)])),
        ("layers", json!([listed(Value::Null, json!(vec!["l"; 100_001]))])),
    ] {
        let mut archive = archive.clone();
        archive.file("l", "");
        archive.list(list);
        let error = archive.fails();
        assert!(error.to_string().contains(&format!("too many {what}")), "{error}");
    }
}

#[test]
fn the_layout_s_name_for_an_image_without_a_tag_is_its_only_one() {
    let mut hybrid = hybrid(false);
    let named = format!("localhost/x@{}", hybrid.first.descriptor().digest);
    let mut root = hybrid.first.descriptor().clone();
    root.annotations = [("io.containerd.image.name".to_owned(), named.clone())].into();
    let mut list = hybrid.list();
    list[0]["RepoTags"] = Value::Null;
    hybrid.archive.0.retain(|(path, _)| path != DOCKER_INDEX && path != "index.json");
    hybrid.archive.file("index.json", json!({"schemaVersion": 2, "manifests": [root]}).to_string());
    hybrid.archive.list(list);

    let (name, root) = only(&hybrid.archive.open().unwrap());

    assert_eq!((name.to_string(), root.raw()), (named, hybrid.first.raw()));
}
