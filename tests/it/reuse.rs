//! The second month: what is on this side already is not fetched again, and never believed.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::content::{Layer, tar};
use crate::support::files;
use crate::support::images::{Image, write_layout};
use crate::support::registry::{Registry, Request};
use crate::support::sealift::{Keys, Sealift, code, ran};
use crate::support::small_world;

/// A registry with a small delivery, and whoever fetches it.
struct Outside {
    registry: Registry,
    images: Vec<Image>,
    sealift: Sealift,
    keys: Keys,
}

impl Outside {
    fn new() -> Outside {
        let registry = Registry::empty();
        let images = small_world::make();
        images.iter().for_each(|image| image.push(&registry));
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        Outside { registry, images, sealift, keys }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.sealift.at(name)
    }

    fn export(&self, name: &str, more: &[&str]) -> Command {
        let mut export = self.sealift.command();
        let host = self.registry.host();
        export.arg("export").args(self.images.iter().map(|i| format!("{host}/{}", i.path())));
        export.args(["-o", name, "--format=json", "--sign-key"]).arg(&self.keys.private).args(more);
        export
    }

    /// An export that works, what it says, and what it asked the registry for.
    fn exported(&self, name: &str, more: &[&str]) -> (Value, String, Vec<Request>) {
        let before = self.registry.requests().len();
        let done = ran(&mut self.export(name, more)).ok();
        let requests = self.registry.requests()[before..].to_vec();
        run!(self.sealift, "verify", name, "--key", self.keys.public).ok();
        (done.json(), done.stderr, requests)
    }
}

fn count(value: &Value, name: &str) -> u64 {
    value[name]["blobs"].as_u64().unwrap()
}

fn blobs(requests: &[Request]) -> Vec<String> {
    requests.iter().filter_map(Request::blob).collect()
}

fn manifests(requests: &[Request]) -> Vec<&Request> {
    let is_manifest = |r: &&Request| r.method == "GET" && r.path.contains("/manifests/");
    requests.iter().filter(is_manifest).filter(|r| r.status == 200).collect()
}

fn blob_files(bundle: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(bundle.join("blobs/sha256")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn nothing_that_is_here_is_fetched_again_in_any_form_of_bundle() {
    need!("docker-registry");
    let outside = Outside::new();
    for (first, second) in [("a", "b"), ("c", "d.tar"), ("e.tar", "f"), ("g.tar", "h.tar")] {
        let (said, _, requests) = outside.exported(first, &[]);
        let all = said["fetched"].clone();
        assert!(
            count(&said, "fetched") == small_world::BLOBS as u64 && !blobs(&requests).is_empty()
        );

        let (said, stderr, requests) = outside.exported(second, &["--reuse", first]);

        assert_eq!(said["reused"], all, "{second}: {stderr}");
        assert_eq!(count(&said, "fetched"), 0);
        assert_eq!(blobs(&requests), Vec::<String>::new(), "{second}");
        assert_eq!(manifests(&requests), Vec::<&Request>::new(), "{second}");
        // Tags are asked for all the same.
        for image in &outside.images {
            let path = format!("/v2/{}/manifests/{}", image.repository, image.tag);
            let asked = |r: &&Request| r.method == "HEAD" && r.path == path;
            assert_eq!(requests.iter().filter(asked).count(), 1, "{path}");
        }
        let digests = |name: &str| {
            let bundle = outside.at(name);
            match bundle.is_dir() {
                true => files::tree(&bundle)
                    .into_iter()
                    .filter(|(p, _)| !p.starts_with("sig"))
                    .collect(),
                false => std::collections::BTreeMap::new(),
            }
        };
        if outside.at(first).is_dir() && outside.at(second).is_dir() {
            assert_eq!(digests(first), digests(second));
        }
    }
}

#[test]
fn what_a_tag_means_now_is_exported_and_only_that_is_fetched() {
    need!("docker-registry");
    let mut outside = Outside::new();
    outside.exported("june", &[]);
    let layers =
        ["new", "newer"].map(|text| Layer::gzip(&tar(&[("file", text.as_bytes(), 0o644)])));
    let moved = Image::single(&outside.images[1].repository, "1.0", r#"["/bin/false"]"#, &layers);
    moved.push(&outside.registry);
    let digest = moved.digest().to_owned();
    let path = moved.path();
    outside.images[1] = moved;

    let (said, _, requests) = outside.exported("july", &["--reuse", "june"]);

    let host = outside.registry.host();
    let images = said["images"].as_array().unwrap();
    let image = images.iter().find(|i| i["name"] == format!("{host}/{path}")).unwrap();
    assert_eq!(image["digest"], digest);
    assert_eq!(count(&said, "fetched"), 3, "two layers and a config");
    assert_eq!(blobs(&requests).len(), 3);
    assert_eq!(manifests(&requests).len(), 1);
}

#[test]
fn a_damaged_blob_is_fetched_and_told_with_its_path_and_digest() {
    need!("docker-registry");
    let outside = Outside::new();
    outside.exported("june", &[]);
    let root = outside.images[1].root();
    let victims = [
        outside.images[1].blobs.keys().next().unwrap().clone(),
        outside.images[5].blobs.keys().last().unwrap().clone(),
        root.digest.clone(),
    ];
    for (turn, output) in ["a", "b.tar"].into_iter().enumerate() {
        for victim in &victims {
            let file = outside.at("june/blobs/sha256").join(&victim[7..]);
            if turn == 0 {
                files::flip(&file, 20);
            }
        }

        let (said, stderr, requests) = outside.exported(output, &["--reuse", "june"]);

        assert_eq!(count(&said, "fetched"), 2, "{stderr}");
        let mut fetched = blobs(&requests);
        fetched.sort();
        let mut expected = victims[..2].to_vec();
        expected.sort();
        assert_eq!(fetched, expected);
        assert_eq!(manifests(&requests).len(), 1);
        for victim in &victims {
            let named = format!("june/blobs/sha256/{} is not used for {victim}", &victim[7..]);
            assert!(stderr.contains(&named), "{stderr}");
        }
    }
}

#[test]
fn a_layout_a_registrys_storage_and_several_places_are_used() {
    need!("docker-registry");
    let outside = Outside::new();
    let named: Vec<(String, &Image)> =
        outside.images[..4].iter().map(|image| (image.path(), image)).collect();
    let named: Vec<(&str, &Image)> =
        named.iter().map(|(name, image)| (name.as_str(), *image)).collect();
    write_layout(&outside.at("layout"), &named);

    let (said, ..) = outside.exported("some", &["--reuse", "layout"]);
    assert!(count(&said, "fetched") > 0 && count(&said, "reused") > 0);

    let storage = outside.registry.storage().join("docker/registry/v2/blobs");
    let storage = storage.to_str().unwrap();
    let (said, _, requests) = outside.exported("all", &["--reuse", "layout", "--reuse", storage]);
    assert_eq!((count(&said, "fetched"), blobs(&requests).len()), (0, 0));

    let missing = ran(&mut outside.export("none", &["--reuse", "nowhere"])).exits(code::INCOMPLETE);
    assert!(missing.stdout.contains("nowhere: no such file or folder"), "{missing:?}");
    std::fs::create_dir(outside.at("empty")).unwrap();
    let (_, stderr, _) = outside.exported("none", &["--reuse", "empty", "--reuse", "all"]);
    assert!(stderr.contains("empty: no blob is there that could be used again"), "{stderr}");
}

#[test]
fn a_dry_run_says_what_is_here() {
    need!("docker-registry");
    let outside = Outside::new();
    outside.exported("june", &[]);

    let said = ran(&mut outside.export("july", &["--reuse", "june", "--dry-run"])).ok().json();

    assert_eq!((count(&said, "fetched"), count(&said, "reused")), (0, small_world::BLOBS as u64));
}

#[test]
fn one_file_of_two_bundles_is_written_by_nobody_any_more() {
    need!("docker-registry");
    let outside = Outside::new();
    outside.exported("june", &[]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let before: Vec<_> = blob_files(&outside.at("june")).iter().map(|path| mode(path)).collect();
    assert!(before.iter().all(|mode| *mode == 0o644));

    outside.exported("july", &["--reuse", "june"]);

    let mut shared = 0;
    for path in blob_files(&outside.at("july")) {
        let about = std::fs::metadata(&path).unwrap();
        if about.nlink() > 1 {
            shared += 1;
            let old = outside.at("june/blobs/sha256").join(path.file_name().unwrap());
            assert_eq!(about.ino(), std::fs::metadata(&old).unwrap().ino());
            assert_eq!((mode(&path), mode(&old)), (0o444, 0o444));
        }
    }
    // Layers are; the head, which every bundle has for itself, is not.
    let probe = ["--reflink=always", "june/index.json", "probe"];
    let copies = Command::new("cp").args(probe).current_dir(outside.at(".")).output().unwrap();
    assert!(shared > 10 || copies.status.success(), "{shared} blobs are one file");
    files::remove(&outside.at("june"));
    run!(outside.sealift, "verify", "july", "--key", outside.keys.public).ok();
}
