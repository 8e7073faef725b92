//! The second month: what is on this side already is not fetched again, and never believed.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::content::{Layer, tar};
use crate::support::files;
use crate::support::images::{Image, write_layout};
use crate::support::months::{Sender, image, layer_digest, predicate};
use crate::support::registry::{Registry, Request};
use crate::support::sealift::{Keys, Sealift, code, ran};
use crate::support::small_world;
use crate::support::{Process, Random, wait_for};

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
                false => BTreeMap::new(),
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

/// What a folder has, with who has each file.
fn inodes(bundle: &Path) -> BTreeMap<PathBuf, u64> {
    let files = files::tree(bundle).into_keys();
    files.map(|path| (path.clone(), std::fs::metadata(bundle.join(&path)).unwrap().ino())).collect()
}

impl Outside {
    /// The delivery of another month: one image was built again, one is gone.
    fn turn(&mut self) {
        let text = |text: &str| Layer::gzip(&tar(&[("file", text.as_bytes(), 0o644)]));
        let layers = [text("new"), text("newer")];
        let moved = Image::single(&self.images[1].repository, "1.0", r#"["/bin/false"]"#, &layers);
        moved.push(&self.registry);
        self.images[1] = moved;
        self.images.remove(6);
    }

    fn statement(&self, name: &str) -> Value {
        let shown = run!(self.sealift, "verify", name, "--key", self.keys.public, "--format=json");
        shown.ok().json()["statement"].clone()
    }
}

#[test]
fn a_bundle_is_brought_up_to_date_and_what_stays_is_not_written_again() {
    need!("docker-registry");
    let mut outside = Outside::new();
    outside.exported("june", &["--update"]);
    let (before, old) = (inodes(&outside.at("june")), outside.statement("june"));
    outside.turn();
    outside.exported("fresh", &[]);

    let (said, _, requests) = outside.exported("june", &["--update"]);

    assert_eq!((count(&said, "fetched"), blobs(&requests).len()), (3, 3), "two layers, a config");
    assert_ne!(outside.statement("june"), old);
    assert_eq!(outside.statement("june"), said["statement"]);
    assert_eq!(files::tree(&outside.at("june")), files::tree(&outside.at("fresh")));
    let after = inodes(&outside.at("june"));
    let stayed = after.iter().filter(|(path, inode)| before.get(*path) == Some(inode)).count();
    assert!(stayed > 10, "{stayed} files are what they were");
    for path in after.keys() {
        let about = std::fs::metadata(outside.at("june").join(path)).unwrap();
        assert_eq!((about.nlink(), about.permissions().mode() & 0o777), (1, 0o644), "{path:?}");
    }
    assert!(!outside.at("june.partial").exists());

    let (said, _, requests) = outside.exported("june", &["--update"]);
    assert_eq!(said["alreadyComplete"], true);
    assert_eq!(blobs(&requests).len(), 0);
    assert_eq!(inodes(&outside.at("june")), after);
}

#[test]
fn what_cannot_be_brought_up_to_date_is_told_and_stays() {
    need!("docker-registry", "openssl");
    let mut outside = Outside::new();
    outside.exported("june", &[]);
    outside.exported("june.tar", &[]);
    std::os::unix::fs::symlink("june", outside.at("link")).unwrap();
    outside.turn();
    let other = outside.sealift.keys("other");
    let old = files::tree(&outside.at("june"));
    let refused = |name: &str, exit: i32| {
        let seen = outside.registry.requests().len();
        let failed = ran(&mut outside.export(name, &["--update"])).exits(exit);
        assert_eq!(outside.registry.requests().len(), seen, "{name}: before anybody is asked");
        assert!(!outside.at(&format!("{name}.partial")).exists());
        failed.stdout
    };

    let said = refused("june.tar", code::USAGE);
    assert!(said.contains("june.tar is a packed file"), "{said}");
    assert!(said.contains("--reuse june.tar -o NEW.tar"), "{said}");
    let said = refused("link", code::USAGE);
    assert!(said.contains("link is a link"), "{said}");

    std::fs::write(outside.at("june/NOTES"), "mine").unwrap();
    let said = refused("june", code::USAGE);
    assert!(said.contains("june/NOTES") && said.contains("move it elsewhere"), "{said}");
    std::fs::remove_file(outside.at("june/NOTES")).unwrap();
    let extra = outside.at("june/blobs/sha256/NOTES");
    std::fs::write(&extra, "mine").unwrap();
    let said = refused("june", code::DAMAGED);
    assert!(said.contains("june cannot be brought up to date"), "{said}");
    assert!(said.contains("blobs/sha256/NOTES"), "{said}");
    std::fs::remove_file(extra).unwrap();

    let mut by_another = outside.sealift.command();
    let own = outside.keys.private.as_os_str();
    let plain = outside.export("june", &["--update"]);
    let arguments =
        plain.get_args().map(|it| if it == own { other.private.as_os_str() } else { it });
    by_another.args(arguments);
    let said = ran(&mut by_another).exits(code::UNTRUSTED).stdout;
    assert!(said.contains("june cannot be brought up to date"), "{said}");

    assert_eq!(files::tree(&outside.at("june")), old);
    std::fs::create_dir(outside.at("photos")).unwrap();
    std::fs::write(outside.at("photos/a.jpg"), "mine").unwrap();
    refused("photos", code::USAGE);
    assert!(outside.at("photos/a.jpg").exists());
}

#[test]
fn a_bundle_that_rotted_is_made_good_by_its_update() {
    need!("docker-registry");
    let mut outside = Outside::new();
    outside.exported("june", &[]);
    let victim = outside.images[5].blobs.keys().last().unwrap().clone();
    files::flip(&outside.at("june/blobs/sha256").join(&victim[7..]), 20);
    outside.turn();

    let (_, stderr, requests) = outside.exported("june", &["--update"]);

    assert!(blobs(&requests).contains(&victim));
    assert!(stderr.contains(&format!("is not used for {victim}")), "{stderr}");
}

#[test]
fn an_update_killed_at_any_moment_leaves_the_old_bundle_or_the_new_one() {
    need!("docker-registry");
    let mut outside = Outside::new();
    let mut random = Random::printed("update");
    let large: Vec<Image> = crate::killed::large_images();
    large.iter().for_each(|image| image.push(&outside.registry));
    outside.images.extend(large);
    outside.exported("old", &[]);
    outside.turn();
    let noise = random.bytes(12 << 20);
    let layer = Layer::gzip(&tar(&[("noise", &noise, 0o644)]));
    let image = Image::single("large/new", "1.0", r#"["/bin/true"]"#, &[layer]);
    image.push(&outside.registry);
    outside.images.push(image);
    let (old, begun) = (outside.statement("old"), std::time::Instant::now());
    files::copy(&outside.at("old"), &outside.at("new"));
    outside.exported("new", &["--update"]);
    let (new, takes) = (outside.statement("new"), begun.elapsed());
    let expected = files::tree(&outside.at("new"));
    let (mut olds, mut news) = (0, 0);

    for moment in 0..20u32 {
        let name = format!("moment-{moment}");
        files::copy(&outside.at("old"), &outside.at(&name));
        let mut export = outside.export(&name, &["--update"]);
        let mut process = Process::start(export.stdout(Stdio::null()).stderr(Stdio::null()));
        // Every fourth as soon as the new one has the name, while the old one goes.
        let until = takes.mul_f64(f64::from(moment + 1) / 21.0);
        let begun = std::time::Instant::now();
        let index = std::fs::read(outside.at("old/index.json")).unwrap();
        let exchanged = || {
            moment % 4 == 0
                && std::fs::read(outside.at(&name).join("index.json")).ok() != Some(index.clone())
        };
        while !process.ended() && begun.elapsed() < until.max(takes * u32::from(moment % 4 == 0)) {
            if exchanged() {
                break;
            }
        }
        process.signal(rustix::process::Signal::KILL);
        wait_for("the killed process", || process.ended());

        let stands = outside.statement(&name);
        match stands {
            ref stands if *stands == old => olds += 1,
            ref stands if *stands == new => news += 1,
            other => panic!("{moment}: {other}"),
        }
        outside.exported(&name, &["--update"]);
        assert_eq!(files::tree(&outside.at(&name)), expected, "{moment}");
        assert!(!outside.at(&format!("{name}.partial")).exists(), "{moment}");
        files::remove(&outside.at(&name));
    }
    println!("{olds} times the old one stood, {news} times the new one");
    assert!(olds > 0 && news > 0, "{olds} {news}");
}

/// `command`, of which a call of the kernel's is meddled with, as strace spells it.
fn meddled(command: &Command, how: &str) -> Command {
    let mut meddled = Command::new("strace");
    meddled.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("inject={how}")]);
    meddled.arg(command.get_program()).args(command.get_args());
    meddled.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    meddled.current_dir(command.get_current_dir().unwrap()).stdin(Stdio::null());
    meddled
}

#[test]
fn a_file_system_without_exchange_or_links_keeps_the_old_bundle() {
    need!("docker-registry", "strace");
    let mut outside = Outside::new();
    outside.exported("june", &[]);
    outside.turn();
    let old = files::tree(&outside.at("june"));
    // What FAT and NFS say, and FUSE.
    for (how, why) in [
        ("renameat2:error=EINVAL", "cannot exchange two folders in one step"),
        ("linkat:error=EPERM", "keeps no file under two names"),
    ] {
        let export = outside.export("june", &["--update"]);
        let failed = ran(&mut meddled(&export, how)).exits(code::USAGE);

        assert!(failed.stdout.contains(why), "{failed:?}");
        assert!(failed.stdout.contains("--reuse june -o NEW"), "{failed:?}");
        assert_eq!(files::tree(&outside.at("june")), old);
        let left: Vec<_> = std::fs::read_dir(outside.at(".")).unwrap().collect();
        let left = left.into_iter().map(|it| it.unwrap().file_name().into_string().unwrap());
        assert_eq!(left.filter(|name| name.contains("sealift-")).count(), 0);
    }

    // Without links, blobs of another bundle are copied.
    let export = outside.export("july", &["--reuse", "june"]);
    let said = ran(&mut meddled(&export, "linkat:error=EPERM")).ok().json();
    assert_eq!(count(&said, "fetched"), 3);
    run!(outside.sealift, "verify", "july", "--key", outside.keys.public).ok();
    for path in blob_files(&outside.at("july")) {
        let about = std::fs::metadata(&path).unwrap();
        assert_eq!((about.nlink(), about.permissions().mode() & 0o777), (1, 0o644));
    }
}

#[test]
fn an_update_killed_at_its_exchange_or_while_the_old_one_goes_is_finished_by_the_next_run() {
    need!("docker-registry", "strace");
    let mut outside = Outside::new();
    outside.exported("old", &[]);
    let old = outside.statement("old");
    outside.turn();
    files::copy(&outside.at("old"), &outside.at("new"));
    outside.exported("new", &["--update"]);
    let (new, expected) = (outside.statement("new"), files::tree(&outside.at("new")));
    let exchanges = [("renameat2", 2), ("unlinkat", 40), ("unlinkat", 50), ("unlinkat", 60)];
    let mut stood = Vec::new();
    for (call, when) in exchanges {
        let name = format!("{call}-{when}");
        files::copy(&outside.at("old"), &outside.at(&name));
        let export = outside.export(&name, &["--update"]);

        let killed = ran(&mut meddled(&export, &format!("{call}:signal=KILL:when={when}")));

        stood.push((name.clone(), killed.code, outside.statement(&name) == new));
        assert!([&old, &new].contains(&&outside.statement(&name)));
        outside.exported(&name, &["--update"]);
        assert_eq!(files::tree(&outside.at(&name)), expected, "{name}");
        assert!(!outside.at(&format!("{name}.partial")).exists(), "{name}");
    }
    println!("{stood:?}");
    assert!(stood.iter().any(|(_, code, new)| *code != 0 && *new), "{stood:?}");
}

#[test]
fn the_last_bundle_of_the_stream_is_used_again_where_it_still_is() {
    need!("docker-registry");
    let mut outside = Outside::new();
    let stream =
        |more: &[&'static str]| [&["--stream", "prod", "--history", "history"], more].concat();
    outside.exported("june", &stream(&["--new-epoch"]));

    let (said, _, requests) = outside.exported("july.tar", &stream(&[]));
    assert_eq!((said["position"]["sequence"].as_u64(), blobs(&requests).len()), (Some(2), 0));
    assert_eq!(count(&said, "reused"), small_world::BLOBS as u64);
    assert_eq!(manifests(&requests).len(), 0);

    // What is in its place now is hashed as anything is.
    std::fs::rename(outside.at("july.tar"), outside.at("moved.tar")).unwrap();
    std::fs::write(outside.at("july.tar"), "photos").unwrap();
    let (said, stderr, _) = outside.exported("august", &stream(&[]));
    assert_eq!(said["position"]["sequence"], 3);
    assert_eq!((count(&said, "reused"), stderr.contains("july")), (0, false), "{stderr}");
    std::fs::remove_file(outside.at("july.tar")).unwrap();

    // The folder has the next number, and what was in it is what it was made of.
    let before = outside.statement("august");
    outside.turn();
    let (said, _, requests) = outside.exported("august", &stream(&["--update"]));
    assert_eq!((said["position"]["sequence"].as_u64(), blobs(&requests).len()), (Some(4), 3));
    assert_ne!(outside.statement("august"), before);
    let (said, ..) = outside.exported("august", &stream(&["--update"]));
    assert_eq!(
        (&said["alreadyComplete"], &said["position"]["sequence"]),
        (&true.into(), &4.into())
    );
    files::remove(&outside.at("august"));
    let (said, stderr, _) = outside.exported("september", &stream(&[]));
    assert_eq!((count(&said, "reused"), stderr.contains("august")), (0, false), "{stderr}");
}

#[test]
fn an_update_in_a_stream_that_was_interrupted_is_finished_with_the_date_that_it_was_begun_with() {
    let sender = Sender::new();
    let [june, july] = ["june", "july"].map(|month| image("a/app:1", &["base", month]));
    for (layout, image) in [("june", &june), ("july", &july)] {
        write_layout(&sender.at(layout), &[("x.example/a/app:1", image)]);
    }
    let export = |layout: &str, date: &str, more: &[&str]| {
        let mut command = sender.sealift.command();
        command.args(["export", &format!("oci:{layout}"), "-o", "b", "--stream", "prod"]);
        command.arg("--sign-key").arg(&sender.keys.private).args(more);
        ran(command.env("SOURCE_DATE_EPOCH", date))
    };
    let said = || {
        let signed = predicate(&sender.at("b"));
        (signed["sequence"].as_u64().unwrap(), signed["createdAt"].as_str().unwrap().to_owned())
    };
    export("june", "1760000000", &["--new-epoch"]).ok();
    files::copy(&sender.at("b"), &sender.at("old"));
    let layer = sender.at("july/blobs/sha256").join(&layer_digest("july")[7..]);
    let bytes = std::fs::read(&layer).unwrap();

    // A layer is damaged, and there again when the same is done once more.
    files::flip(&layer, 100);
    export("july", "1760100000", &["--update"]).exits(code::DAMAGED);
    std::fs::write(&layer, &bytes).unwrap();
    export("july", "1760200000", &["--update"]).ok();
    assert_eq!(said(), (2, "2025-10-10T12:40:00Z".to_owned()));

    // Beside it may lie the one before, whose number is taken: going back to it is a new one.
    files::copy(&sender.at("old"), &sender.at("b.partial"));
    export("june", "1760300000", &["--update"]).ok();
    assert_eq!(said(), (3, "2025-10-12T20:13:20Z".to_owned()));
    assert!(!sender.at("b.partial").exists());
}
