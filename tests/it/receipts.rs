//! Receipts: a site says what it holds, or no more than what is held of the bundles that it was asked
//! about; the next bundle leaves that out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harbor::with_group;
use crate::support::content::digest;
use crate::support::double::{Double, Reply};
use crate::support::engines::{Containerd, Docker, Podman};
use crate::support::files::flip;
use crate::support::harbor::Role;
use crate::support::images::{Image, write_layout};
use crate::support::months::{Sender, carried, image, layer_digest, predicate, texts};
use crate::support::registry::Registry;
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};
use crate::support::told::{Told, statement};
use crate::support::{output, small_world};

/// Runs `inventory` with JSON asked for.
fn inventory(sealift: &Sealift, arguments: &[&str]) -> Ran {
    ran(sealift.command().arg("inventory").args(arguments).args(["--format", "json"]))
}

/// The digests of the manifests and of the blobs of `images`.
fn contents(images: &[Image]) -> (BTreeSet<String>, BTreeSet<String>) {
    let documents = images.iter().flat_map(|image| &image.documents);
    let blobs = images.iter().flat_map(|image| image.blobs.keys().cloned());
    (documents.map(|document| document.digest.clone()).collect(), blobs.collect())
}

/// The blobs that a registry's storage has, manifests among them.
fn stored(registry: &Registry) -> BTreeSet<String> {
    let all = registry.storage().join("docker/registry/v2/blobs/sha256");
    let each = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = each(all).flat_map(|two| each(two.path()));
    folders
        .filter(|entry| entry.path().join("data").is_file())
        .map(|entry| format!("sha256:{}", entry.file_name().display()))
        .collect()
}

/// Removes a blob from a registry's storage, as a collection of garbage that went wrong does.
fn lose(registry: &Registry, repository: &str, digest: &str) {
    let root = registry.storage().join("docker/registry/v2");
    let hex = digest.strip_prefix("sha256:").unwrap();
    std::fs::remove_dir_all(root.join("blobs/sha256").join(&hex[..2]).join(hex)).unwrap();
    let link = root.join("repositories").join(repository).join("_layers/sha256").join(hex);
    let _ = std::fs::remove_dir_all(link);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_registry_tells_all_it_has_by_its_manifests_alone() {
    need!("docker-registry");
    let (registry, sealift) = (Registry::empty(), Sealift::new());
    let keys = sealift.keys("site");
    let images = small_world::make();
    images.iter().for_each(|image| image.push(&registry));
    let before = registry.requests().len();
    let place = format!("docker://{}", registry.host());

    let report = inventory(&sealift, &[&place, "-o", "r.json", "--sign-key", path(&keys.private)]);

    let report = report.ok();
    let told = Told::at(&sealift.at("r.json"));
    let (manifests, blobs) = contents(&images);
    assert_eq!(told.manifests.keys().cloned().collect::<BTreeSet<_>>(), manifests);
    assert_eq!(told.blobs.keys().cloned().collect::<BTreeSet<_>>(), blobs);
    assert_eq!(told.digests(), stored(&registry));
    for image in &images {
        let name = format!("{}/{}", registry.host(), image.path());
        assert_eq!(told.names[&name], image.digest(), "{name}");
        for (digest, bytes) in &image.blobs {
            assert_eq!(told.blobs[digest], bytes.len() as u64);
        }
    }
    assert_eq!(told.about()["places"], json!([place]));
    assert_eq!(told.about()["against"], Value::Null);
    assert_eq!(report.json()["totals"], told.about()["totals"]);
    assert_eq!(report.number("/totals/names"), told.names.len() as u64);
    assert_eq!(report.number("/places/0/repositories"), images.len() as u64);
    let asked = &registry.requests()[before..];
    assert!(!asked.iter().any(|request| request.path.contains("/blobs/")), "{asked:?}");
    // A tag's manifest is had by its tag, one below it by its digest.
    let most = 4 + images.len() + told.names.len() + told.manifests.len();
    assert!(asked.len() <= most, "{} of {most}: {asked:?}", asked.len());
    assert!(asked.iter().all(|request| !request.is_write()));
}

#[test]
fn the_same_content_gives_the_same_bytes_however_it_is_read() {
    need!("docker-registry");
    let (registry, sealift) = (Registry::empty(), Sealift::new());
    let keys = sealift.keys("site");
    small_world::make().iter().for_each(|image| image.push(&registry));
    let place = format!("docker://{}", registry.host());
    let made = |name: &str, more: &[&str]| {
        let all = [&[&place, "-o", name, "--sign-key", path(&keys.private)], more].concat();
        inventory(&sealift, &all).ok();
        std::fs::read(sealift.at(name)).unwrap()
    };

    let one = made("one.json", &[]);

    assert_eq!(made("two.json", &["--jobs", "1"]), one);
    assert_eq!(made("one.json", &["--jobs", "20"]), one, "what is there is replaced");
    // At another time the lists are the same.
    let mut later = sealift.command();
    later.env("SOURCE_DATE_EPOCH", "1770000000").args(["inventory", &place, "-o", "later.json"]);
    ran(&mut later).ok();
    let lists = |bytes: &[u8]| bytes.splitn(2, |byte| *byte == b'\n').nth(1).unwrap().to_vec();
    let later = std::fs::read(sealift.at("later.json")).unwrap();
    assert!(later != one && lists(&later) == lists(&one));
}

#[test]
fn a_hundred_repositories_cost_two_requests_each() {
    need!("docker-registry");
    let (registry, sealift) = (Registry::empty(), Sealift::new());
    let images: Vec<Image> =
        (0..100).map(|n| image(&format!("team/app-{n}:1"), &["base"])).collect();
    images.iter().for_each(|image| image.push(&registry));
    let before = registry.requests().len();

    let place = format!("docker://{}/team", registry.host());
    let report = inventory(&sealift, &[&place, "-o", "r.json"]).ok();

    assert_eq!(report.number("/totals/names"), 100);
    assert_eq!(report.number("/totals/blobs"), contents(&images).1.len() as u64);
    let asked = registry.requests().len() - before;
    println!("{asked} requests for 100 repositories");
    // And what kind of registry it is, its catalog, and whether it lists referrers.
    assert!(asked <= 204, "{asked}");
}

#[test]
fn a_part_of_a_registry_is_told_of_by_its_path_or_its_name() {
    need!("docker-registry");
    let (registry, sealift) = (Registry::empty(), Sealift::new());
    for name in ["team/app:1", "team/app/web:1", "team/apple:1", "other/x:1"] {
        image(name, &[name]).push(&registry);
    }
    let host = registry.host();
    let named = |place: &str| {
        inventory(&sealift, &[&format!("docker://{host}/{place}"), "-o", "r"]).ok();
        let names = Told::at(&sealift.at("r")).names.into_keys();
        names.map(|name| name[host.len() + 1..].to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(named("team/app"), ["team/app/web:1", "team/app:1"]);
    assert_eq!(named("team"), ["team/app/web:1", "team/app:1", "team/apple:1"]);
    assert_eq!(named("other/x:1"), ["other/x:1"]);
    let nothing = inventory(&sealift, &[&format!("docker://{host}/tea"), "-o", "none"]);
    nothing.exits(code::INCOMPLETE).says("no image in tea");
    let wrong = inventory(&sealift, &[&format!("docker://{host}/other/x:2"), "-o", "none"]);
    wrong.exits(code::INCOMPLETE).says("no such image");
    assert!(!sealift.at("none").exists());
}

#[test]
fn a_registry_that_hides_its_catalog_is_asked_by_name() {
    let shown = image("team/app:1", &["base"]);
    let double = Double::start(|seen| match seen.target.contains("/v2/_catalog") {
        true => Some(Reply::new(401, "{}")),
        false => None,
    });
    double.hold(&shown);
    let sealift = Sealift::new();
    let host = double.host();

    let all = inventory(&sealift, &[&format!("docker://{host}"), "-o", "r"]);
    all.exits(code::REFUSED).says("does not show which repositories it has");
    assert!(!sealift.at("r").exists());
    let one = inventory(&sealift, &[&format!("docker://{host}/team/app"), "-o", "r"]).ok();
    one.says("what lies below team/app is not looked at");
    let none = inventory(&sealift, &[&format!("docker://{host}/team"), "-o", "none"]);
    none.exits(code::REFUSED).says("does not show which repositories it has");
    assert_eq!(Told::at(&sealift.at("r")).digests().len(), 3);
}

#[test]
fn a_harbor_is_asked_by_its_own_api_as_it_shows_its_catalog_to_nobody_else() {
    need!("docker-registry");
    let (harbor, auth) = with_group(Role::Developer);
    harbor.project("secret", -1);
    let sender = Sender::new();
    let images = [image("team/app:1", &["base", "a"]), image("team/db:1", &["base", "b"])];
    sender.export("june", &images, &[]).ok();
    let admin = harbor.authfile("admin", "Harbor12345");
    for (project, auth) in [("group", &auth), ("secret", &admin)] {
        let to = format!("docker://{}/{project}", harbor.host());
        sender.import("june", &to, &["--authfile", path(auth)]).ok();
    }
    let told = |place: &str| {
        let place = format!("docker://{}{place}", harbor.host());
        inventory(&sender.sealift, &[&place, "-o", "r", "--authfile", path(&auth)]).ok();
        Told::at(&sender.at("r"))
    };

    let project = told("/group");
    let (manifests, blobs) = contents(&images);
    assert_eq!(project.digests(), manifests.union(&blobs).cloned().collect());
    let name = format!("{}/group/team/db:1", harbor.host());
    assert!(project.names.contains_key(&name), "{:?}", project.names);
    assert!(harbor.requests().iter().all(|request| !request.path.contains("_catalog")));
    let all = told("");
    assert_eq!(all.names, project.names, "what these credentials do not see is not told");
}

#[test]
fn layouts_and_archives_tell_what_is_in_them() {
    let sender = Sender::new();
    let images = [image("team/app:1", &["base", "a"]), image("team/db:1", &["base", "b"])];
    sender.export("june", &images, &[]).ok();
    sender.export("june.tar", &images, &[]).ok();
    sender.export("july", &[image("team/db:2", &["base", "b", "c"])], &["--since", "june"]).ok();
    sender.import("june.tar", "oci-archive:all.tar", &[]).ok();
    std::fs::create_dir(sender.at("many")).unwrap();
    sender.import("june.tar", "oci-archive:many/", &[]).ok();
    let told = |places: &[&str]| {
        inventory(&sender.sealift, &[places, &["-o", "r"]].concat()).ok();
        Told::at(&sender.at("r"))
    };

    let (manifests, blobs) = contents(&images);
    let all: BTreeSet<String> = manifests.union(&blobs).cloned().collect();
    for place in ["oci:june", "oci-archive:june.tar", "oci-archive:all.tar", "oci-archive:many"] {
        let told = told(&[place]);
        assert_eq!(told.digests(), all, "{place}");
        assert_eq!(told.names["x.example/team/app:1"], images[0].digest(), "{place}");
    }
    // What a delta does not carry is not held by whoever has the delta alone.
    let delta = told(&["oci:july"]);
    assert!(!delta.blobs.contains_key(&layer_digest("base")));
    assert!(delta.blobs.contains_key(&layer_digest("c")));
    let both = told(&["oci:july", "oci:june"]);
    assert_eq!(both.names.len(), 3);
    assert!(both.blobs.contains_key(&layer_digest("base")));
    // docker's archives have layers as they are unpacked.
    sender.import("june.tar", "docker-archive:docker.tar", &[]).ok();
    let docker = told(&["docker-archive:docker.tar"]);
    assert_eq!(docker.names.len(), 2);
    assert!(docker.blobs.contains_key(&config(&images[0])));
}

/// The digest of the config of `image`.
fn config(image: &Image) -> String {
    let manifest: Value = serde_json::from_slice(&image.root().bytes).unwrap();
    manifest["config"]["digest"].as_str().unwrap().to_owned()
}

/// A site with a registry that got the bundle `june`, among what is nobody else's business.
struct Site {
    sender: Sender,
    registry: Registry,
    images: Vec<Image>,
    keys: Keys,
}

impl Site {
    fn new() -> Site {
        let sender = Sender::new();
        let images =
            vec![image("team/app:1", &["base", "app 1"]), image("team/db:1", &["base", "db 1"])];
        sender.export("june", &images, &[]).ok();
        let registry = Registry::empty();
        let secret = image("secret/weapon:9", &["base", "plans"]);
        secret.push(&registry);
        sender.import("june", &format!("docker://{}/vault", registry.host()), &[]).ok();
        let keys = sender.sealift.keys("site");
        Site { sender, registry, images, keys }
    }

    fn place(&self) -> String {
        format!("docker://{}/vault", self.registry.host())
    }

    /// Asks what is held of `bundle`.
    fn against(&self, bundle: &str, more: &[&str]) -> Ran {
        let (place, public) = (self.place(), path(&self.sender.keys.public).to_owned());
        let all = [&[&place, "--against", bundle, "--key", &public], more].concat();
        inventory(&self.sender.sealift, &all)
    }
}

/// Every run of 64 hex digits in `text`.
fn hex_digests(text: &str) -> BTreeSet<String> {
    let runs = text.split(|c: char| !c.is_ascii_hexdigit());
    runs.filter(|run| run.len() == 64).map(|hex| format!("sha256:{hex}")).collect()
}

#[test]
fn a_receipt_against_a_bundle_has_no_digest_and_no_name_that_the_bundle_did_not_have() {
    need!("docker-registry");
    let site = Site::new();
    let (manifests, blobs) = contents(&site.images);

    let key = path(&site.keys.private);
    let report = site.against("june", &["-o", "r.json", "--sign-key", key]).ok();

    let text = std::fs::read_to_string(site.sender.at("r.json")).unwrap();
    let first = text.lines().next().unwrap();
    let signed = statement(first);
    let all = format!("{text}{signed}");
    let envelope: Value = serde_json::from_str(first).unwrap();
    let own = [&envelope["signatures"][0]["keyid"], &signed["subject"][0]["digest"]["sha256"]];
    let bundle = report.json()["bundles"][0]["statement"].as_str().unwrap().to_owned();
    let mut allowed: BTreeSet<String> = manifests.union(&blobs).cloned().collect();
    allowed.extend(own.map(|hex| format!("sha256:{}", hex.as_str().unwrap())));
    allowed.insert(bundle);
    let found = hex_digests(&all);
    assert!(found.is_subset(&allowed), "{:?}", found.difference(&allowed));
    for secret in ["weapon", "secret", "vault", &site.registry.host(), "127.0.0.1", "docker://"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    let told = Told::at(&site.sender.at("r.json"));
    assert_eq!(told.digests(), manifests.union(&blobs).cloned().collect(), "and it has all those");
    assert_eq!(told.names["x.example/team/app:1"], site.images[0].digest());
    assert_eq!(told.about()["against"][0]["complete"], true);
    // Without a file nothing but the answer is told.
    let asked = site.against("june", &[]).ok();
    assert_eq!(asked.json()["receipt"], Value::Null);
    assert_eq!(asked.json()["bundles"][0]["complete"], true);
    assert_eq!(asked.json()["bundles"][0]["line"], Value::Null, "it is in no stream");
}

#[test]
fn what_is_not_held_of_a_bundle_is_named_by_image() {
    need!("docker-registry");
    let site = Site::new();
    let lost = layer_digest("db 1");
    lose(&site.registry, "vault/team/db", &lost);

    let report = site.against("june", &["-o", "r.json"]).exits(code::INCOMPLETE);

    let report = report.json();
    assert_eq!(report["bundles"][0]["missing"][0]["name"], "x.example/team/db:1");
    assert_eq!(report["bundles"][0]["missing"][0]["lacks"], json!([lost]));
    assert_eq!(report["bundles"][0]["missing"].as_array().unwrap().len(), 1);
    let told = Told::at(&site.sender.at("r.json"));
    assert!(!told.blobs.contains_key(&lost) && told.blobs.contains_key(&layer_digest("base")));
    assert_eq!(told.about()["against"][0]["complete"], false);
    assert_eq!(told.names.len(), 1, "the image that is whole");
    // What lies in another repository of the bundle counts, as it is mounted from there.
    let names = report["error"]["findings"].to_string();
    assert!(names.contains("x.example/team/db:1") && names.contains(&lost), "{names}");
}

#[test]
fn a_bundle_is_asked_about_by_its_record_and_only_if_its_sender_is_known() {
    need!("docker-registry");
    let site = Site::new();
    // What a record is: the bundle without its layers and configs.
    let kept = contents(&site.images).0;
    for blob in carried(&site.sender.at("june")) {
        if !kept.contains(&blob) {
            let file = site.sender.at("june/blobs/sha256").join(&blob["sha256:".len()..]);
            std::fs::remove_file(file).unwrap();
        }
    }

    site.against("june", &[]).ok();
    let stranger = site.sender.sealift.keys("stranger");
    let by_stranger = [&site.place(), "--against", "june", "--key", path(&stranger.public)];
    inventory(&site.sender.sealift, &by_stranger).exits(code::UNTRUSTED);
    let nobody = inventory(&site.sender.sealift, &[&site.place(), "--against", "june"]);
    nobody.exits(code::USAGE).says("--key");
    // Names were mapped on the way in, and are asked for as they were.
    let flat = site.against("june", &["--flatten"]).exits(code::INCOMPLETE).json();
    assert_eq!(flat["bundles"][0]["missing"].as_array().unwrap().len(), 2);
    let to = format!("docker://{}/vault", site.registry.host());
    site.sender.sealift.keys("again");
    let fresh = Sender::new();
    fresh.export("july", &site.images, &[]).ok();
    fresh.import("july", &to, &["--map", "x.example/team/*=new/*"]).ok();
    let public = path(&fresh.keys.public).to_owned();
    let mapped = ["--against", "july", "--key", &public, "--map", "x.example/team/*=new/*"];
    inventory(&fresh.sealift, &[&[&*to], &mapped[..]].concat()).ok();
}

#[test]
fn an_export_since_a_receipt_carries_what_the_storage_of_the_other_side_lacks() {
    need!("docker-registry");
    let site = Site::new();
    let july = [image("team/app:2", &["base", "app 2"]), image("new/tool:1", &["tool", "plans"])];
    let key = path(&site.keys.private);
    let all = format!("docker://{}", site.registry.host());
    let place = [&*all, "-o", "r.json", "--sign-key", key];
    inventory(&site.sender.sealift, &place).ok();

    let since_key = path(&site.keys.public);
    let made = site.sender.export("july", &july, &["--since", "r.json", "--since-key", since_key]);

    let made = made.ok();
    let (manifests, blobs) = contents(&july);
    let there = stored(&site.registry);
    let lacking: BTreeSet<String> = blobs.difference(&there).cloned().collect();
    assert_eq!(carried(&site.sender.at("july")), manifests.union(&lacking).cloned().collect());
    assert_eq!(
        texts(&predicate(&site.sender.at("july"))["base"]["lacks"]),
        blobs.intersection(&there).cloned().collect::<BTreeSet<_>>()
    );
    let on = &made.json()["leansOn"][0];
    let first = std::fs::read_to_string(site.sender.at("r.json")).unwrap();
    let envelope: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    let payload = {
        use base64::Engine as _;
        base64::prelude::BASE64_STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap()
    };
    assert_eq!((&on["kind"], &on["digest"]), (&"receipt".into(), &digest(&payload).into()));
    // Of the part that imports go to, a receipt tells what they can be sure to find.
    let vault = site.place();
    inventory(&site.sender.sealift, &[&vault, "-o", "vault.json", "--sign-key", key]).ok();
    let part = site.sender.export("part", &july, &["--since", "vault.json"]).ok();
    assert_eq!(part.number("/held/blobs"), 1, "the base alone");
    assert!(part.stderr.contains("--since-key"), "{}", part.stderr);
    site.sender.import("part", &vault, &[]).ok();
    // One that has aged is found out before anything is written.
    lose(&site.registry, "vault/team/app", &layer_digest("app 1"));
    let old = [image("team/app:3", &["base", "app 1", "app 3"])];
    site.sender.export("aged", &old, &["--since", "vault.json"]).ok();
    let before = site.registry.writes().len();
    let refused = site.sender.import("aged", &vault, &[]).exits(code::INCOMPLETE);
    refused.says(&layer_digest("app 1"));
    assert_eq!(site.registry.writes().len(), before);
}

#[test]
fn a_receipt_that_is_not_what_was_signed_is_refused() {
    let sender = Sender::new();
    let june = [image("team/app:1", &["base", "a"])];
    sender.export("june", &june, &[]).ok();
    let (site, stranger) = (sender.sealift.keys("site"), sender.sealift.keys("stranger"));
    let key = path(&site.private);
    inventory(&sender.sealift, &["oci:june", "-o", "signed", "--sign-key", key]).ok();
    inventory(&sender.sealift, &["oci:june", "-o", "plain"]).ok();
    let dry = |since: &str, more: &[&str]| {
        sender.export("x", &june, &[&["--dry-run", "--since", since], more].concat())
    };
    let by = |keys: &Keys| ["--since-key".to_owned(), path(&keys.public).to_owned()];
    let (by_site, by_stranger) = (by(&site), by(&stranger));
    let (by_site, by_stranger) =
        (by_site.each_ref().map(String::as_str), by_stranger.each_ref().map(String::as_str));

    dry("signed", &by_site).ok();
    dry("signed", &by_stranger).exits(code::UNTRUSTED);
    dry("plain", &by_site).exits(code::UNTRUSTED).says("is not signed");
    let noted = dry("plain", &[]).ok();
    assert!(noted.stderr.contains("plain is not signed"), "{}", noted.stderr);
    let length = std::fs::metadata(sender.at("signed")).unwrap().len();
    for at in (0..length).step_by(67) {
        std::fs::copy(sender.at("signed"), sender.at("bad")).unwrap();
        flip(&sender.at("bad"), at);
        let refused = dry("bad", &by_site);
        assert!(refused.code != 0, "byte {at}: {refused:?}");
    }
    for at in [length / 3, length - 1] {
        let bytes = std::fs::read(sender.at("signed")).unwrap();
        std::fs::write(sender.at("cut"), &bytes[..at as usize]).unwrap();
        dry("cut", &[]).exits(code::DAMAGED);
    }
}

#[test]
fn what_cannot_be_read_is_a_failure_or_stands_in_the_receipt() {
    need!("docker-registry");
    let (registry, sealift) = (Registry::empty(), Sealift::new());
    let (whole, broken) = (image("a/whole:1", &["base"]), image("b/broken:1", &["other"]));
    whole.push(&registry);
    broken.push(&registry);
    lose(&registry, "b/broken", broken.digest());
    let place = format!("docker://{}", registry.host());
    std::fs::write(sealift.at("r"), "an older one").unwrap();

    inventory(&sealift, &[&place, "-o", "r"]).exits(code::INCOMPLETE).says("b/broken");
    assert_eq!(std::fs::read_to_string(sealift.at("r")).unwrap(), "an older one");
    let left: Vec<_> = std::fs::read_dir(sealift.at("")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing half done: {left:?}");

    let passed = inventory(&sealift, &[&place, "-o", "r", "--keep-going"]);
    let passed = passed.exits(code::INCOMPLETE).json();
    let told = Told::at(&sealift.at("r"));
    assert_eq!(told.names.len(), 1);
    assert_eq!(told.about()["unread"], passed["unread"]);
    let unread = passed["unread"][0]["image"].as_str().unwrap();
    assert_eq!(unread, format!("{}/b/broken:1", registry.host()));
    // A registry that is not there is no image that is passed over.
    drop(registry);
    let gone = inventory(&sealift, &[&place, "-o", "gone", "--keep-going", "--timeout", "1"]);
    assert!(gone.code != 0 && !sealift.at("gone").exists(), "{gone:?}");
}

/// The line that the report of an inventory has.
fn line(report: &Ran) -> String {
    report.json()["bundles"][0]["line"].as_str().unwrap().to_owned()
}

#[test]
fn a_line_over_the_phone_is_enough_for_the_next_bundle() {
    need!("docker-registry");
    let site = Site::new();
    let (sender, at) = (&site.sender, "history");
    let june = [image("team/app:1", &["base", "app 1"])];
    let july = [image("team/app:2", &["base", "app 2"])];
    let stream = ["--stream", "prod", "--history", at];
    sender.export("1", &june, &[&stream[..], &["--new-epoch"]].concat()).ok();
    sender.import("1", &site.place(), &[]).ok();

    let asked = site.against("1", &[]).ok();
    let first = line(&asked);
    let mut read_out = sender.sealift.command();
    read_out.args(["inventory", &site.place(), "--against", "1", "--key"]);
    let shown = ran(read_out.arg(&sender.keys.public)).ok();
    assert_eq!(shown.stdout.lines().last(), Some(&*first), "alone in its line, the last");
    assert!(first.starts_with("prod 1 ") && first.len() == "prod 1 k4tq9-mzx3p".len(), "{first}");

    let made = sender.export("2", &july, &[&stream[..], &["--since", &first]].concat()).ok();
    let (manifests, blobs) = contents(&july);
    let lacking: BTreeSet<String> = blobs.difference(&stored(&site.registry)).cloned().collect();
    assert_eq!(carried(&sender.at("2")), manifests.union(&lacking).cloned().collect());
    let on = &predicate(&sender.at("2"))["base"]["on"];
    let statement = &asked.json()["bundles"][0]["statement"];
    assert_eq!((&on[0]["kind"], &on[0]["digest"]), (&"line".into(), statement));
    assert_eq!(on[0]["position"], json!({"stream": "prod", "epoch": 0, "sequence": 1}));
    assert_eq!(made.number("/held/blobs"), 1);
    sender.import("2", &site.place(), &[]).ok();
    // And the delta is held when all that it leans on is.
    let second = line(&site.against("2", &[]).ok());
    assert!(second.starts_with("prod 2 "), "{second}");
    // Outside of any stream a line is as good, spoken in any way.
    for spoken in [first.to_uppercase(), first.replace('-', " "), first.replace(' ', "  ")] {
        let more = ["--history", at, "--dry-run", "--since", &spoken];
        let made = sender.export("x", &july, &more).ok();
        assert_eq!(made.number("/held/blobs"), 1, "{spoken}");
        made.says("it leans on prod 1, and belongs to no stream itself: --stream prod");
    }
}

#[test]
fn a_receipt_that_is_taken_for_a_bundle_is_called_that() {
    let sender = Sender::new();
    sender.export("june", &[image("team/app:1", &["base"])], &[]).ok();
    let site = sender.sealift.keys("site");
    let (place, key) = (["oci:june", "-o"], path(&site.private).to_owned());
    inventory(&sender.sealift, &[&place[..], &["r.json", "--sign-key", &key]].concat()).ok();
    inventory(&sender.sealift, &[&place[..], &["plain.json"]].concat()).ok();

    for receipt in ["r.json", "plain.json"] {
        let looked = ran(sender.sealift.command().args(["inspect", receipt]));
        looked.exits(code::UNTRUSTED).says("it is a receipt").says("--since").says("sealift diff");
        sender.import(receipt, "oci:x", &[]).exits(code::UNTRUSTED).says("it is a receipt");
        ran(sender.sealift.command().args(["diff", receipt, "june"])).ok();
    }
}

#[test]
fn a_line_that_was_misheard_is_refused_with_what_differs() {
    need!("docker-registry");
    let site = Site::new();
    let sender = &site.sender;
    let stream = ["--stream", "prod", "--history", "history"];
    for (number, more) in [("1", &["--new-epoch"] as &[&str]), ("2", &[])] {
        let of = [image(&format!("team/tool:{number}"), &["base", number])];
        sender.export(number, &of, &[&stream[..], more].concat()).ok();
        sender.import(number, &site.place(), &[]).ok();
    }
    let [first, second] = ["1", "2"].map(|bundle| line(&site.against(bundle, &[]).ok()));
    let value = |line: &str| line.rsplit(' ').next().unwrap().to_owned();
    let since = |line: &str, history: &str| {
        let of = [image("team/app:3", &["base", "3"])];
        let more = ["--history", history, "--dry-run", "--since", line];
        sender.export("x", &of, &more)
    };

    since(&second, "history").ok();
    // A wrong character, and two that changed places.
    let (a, b) = (second.len() - 2, second.len() - 1);
    let mut misheard: Vec<u8> = second.clone().into_bytes();
    misheard[a] = if misheard[a] == b'k' { b'm' } else { b'k' };
    let misheard = String::from_utf8(misheard).unwrap();
    if misheard != second {
        since(&misheard, "history").exits(code::USAGE).says("misheard");
    }
    let mut swapped: Vec<u8> = second.clone().into_bytes();
    swapped.swap(a, b);
    if swapped[a] != swapped[b] {
        let swapped = String::from_utf8(swapped).unwrap();
        since(&swapped, "history").exits(code::USAGE).says("misheard");
    }
    since("prod 2 k0tq9-mzx3p", "history").exits(code::USAGE).says("'0'");
    since("prod", "history").exits(code::INCOMPLETE).says("goes in quotes");
    // A part of a line is one, as long as nothing is there that is called so.
    for part in ["prod 2", &format!("prod {}", value(&second))] {
        since(part, "history").exits(code::USAGE).says("is not a whole line of an inventory");
    }
    // The value of another bundle, a number that is none, another stream, another history.
    let other = since(&format!("prod 1 {}", value(&second)), "history").exits(code::USAGE);
    other.says(&value(&first)).says(&value(&second)).says("that of prod 2");
    let none = since(&format!("prod 12 {}", value(&second)), "history").exits(code::USAGE);
    none.says("no bundle prod 12").says("prod 1 to prod 2").says("that of prod 2");
    let stream = since(&format!("test 2 {}", value(&second)), "history").exits(code::USAGE);
    stream.says("no bundle test 2").says("nothing of stream test");
    let epoch = format!("prod 2 of epoch 1 {}", value(&second));
    since(&epoch, "history").exits(code::USAGE).says("no bundle prod 2 of epoch 1");
    since(&second, "elsewhere").exits(code::USAGE).says("no bundle prod 2").says("--history");
    assert!(!sender.at("x").exists() && !sender.at("elsewhere").exists());
}

#[test]
fn podman_tells_its_images_and_whether_it_has_those_of_a_bundle() {
    need!("podman");
    let sender = Sender::new();
    let podman = Podman::new();
    let images = [image("team/app:1", &["base", "a"]), image("team/db:1", &["base", "b"])];
    sender.export("june", &images, &[]).ok();
    let run = |arguments: &[&str]| {
        let mut command = sender.sealift.command();
        command.env("CONTAINERS_CONF", podman.conf());
        ran(command.args(arguments).args(["--key", path(&sender.keys.public)]))
    };
    run(&["import", "june", "--to", &podman.storage()]).ok();
    let storage = podman.storage();

    run(&["inventory", &storage, "--against", "june", "-o", "held"]).ok().says("all of 2 images");
    let held = Told::at(&sender.at("held"));
    let (manifests, blobs) = contents(&images);
    assert_eq!(held.digests(), manifests.union(&blobs).cloned().collect());
    let mut all = sender.sealift.command();
    all.env("CONTAINERS_CONF", podman.conf()).args(["inventory", &storage, "-o", "all"]);
    ran(&mut all).ok();
    let all = Told::at(&sender.at("all"));
    assert_eq!(all.names["x.example/team/app:1"], images[0].digest());
    assert!(all.blobs.contains_key(&config(&images[1])));

    output(podman.command().args(["rmi", "x.example/team/db:1"]));
    let part = run(&["inventory", &storage, "--against", "june"]).exits(code::INCOMPLETE);
    part.says("x.example/team/db:1 lacks");
}

#[test]
fn docker_tells_its_images_and_whether_it_has_those_of_a_bundle() {
    need!("root", "dockerd", "docker");
    let sender = Sender::new();
    let docker = Docker::start();
    let images = [image("team/app:1", &["base", "a"])];
    sender.export("june", &images, &[]).ok();
    let run = |arguments: &[&str]| {
        let mut command = sender.sealift.command();
        ran(command.env("DOCKER_HOST", docker.host()).args(arguments))
    };
    let key = ["--key", path(&sender.keys.public)];
    run(&[&["import", "june", "--to", "docker-daemon:"], &key[..]].concat()).ok();

    let asked = [&["inventory", "docker-daemon:", "--against", "june", "-o", "held"], &key[..]];
    run(&asked.concat()).ok().says("all of 1 image");
    let (manifests, blobs) = contents(&images);
    let held = Told::at(&sender.at("held"));
    assert_eq!(held.digests(), manifests.union(&blobs).cloned().collect());
    run(&["inventory", "docker-daemon:", "-o", "all"]).ok();
    assert!(Told::at(&sender.at("all")).blobs.contains_key(&config(&images[0])));
}

#[test]
fn containerd_tells_what_it_keeps_as_it_came() {
    need!("root", "containerd", "ctr");
    let sender = Sender::new();
    let containerd = Containerd::start();
    let images = [image("team/app:1", &["base", "a"])];
    sender.export("june", &images, &[]).ok();
    let run = |arguments: &[&str]| {
        let mut command = sender.sealift.command();
        ran(command.env("CONTAINERD_ADDRESS", containerd.address()).args(arguments))
    };
    let key = ["--key", path(&sender.keys.public)];
    run(&[&["import", "june", "--to", "containerd:"], &key[..]].concat()).ok();

    run(&["inventory", "containerd:", "-o", "all"]).ok();
    let (manifests, blobs) = contents(&images);
    let all = Told::at(&sender.at("all"));
    assert_eq!(all.digests(), manifests.union(&blobs).cloned().collect());
    assert_eq!(all.names["x.example/team/app:1"], images[0].digest());
    let asked = [&["inventory", "containerd:", "--against", "june"], &key[..]];
    run(&asked.concat()).ok().says("all of 1 image");
    let mut remove = containerd.command();
    remove.args(["content", "rm", &layer_digest("a")]);
    output(&mut remove);
    run(&asked.concat()).exits(code::INCOMPLETE).says(&layer_digest("a"));
}

#[test]
fn arguments_that_do_not_go_together_are_refused() {
    let sealift = Sealift::new();
    let keys = sealift.keys("site");
    write_layout(&sealift.at("l"), &[("x.example/a:1", &image("a:1", &["a"]))]);

    for (arguments, said) in [
        (&["oci:l"] as &[&str], "--output"),
        (&["-o", "r"], "PLACE"),
        (&["alpine", "-o", "r"], "no place"),
        (&["oci:l", "-o", "none/such/l/../r", "--key", "x"], "--against"),
        (&["oci:l", "oci:l", "--against", "l", "--key", path(&keys.public)], "several places"),
        (&["oci:l", "-o", "l"], "l"),
    ] {
        let refused = inventory(&sealift, arguments);
        assert!(refused.code != 0, "{arguments:?}: {refused:?}");
        refused.says(said);
    }
    assert!(!sealift.at("r").exists());
    let twice = inventory(&sealift, &["oci:l", "oci:l", "-o", "r"]).ok();
    assert_eq!(twice.number("/totals/names"), 1, "the same twice is there once");
    let mut table = sealift.command();
    let shown = ran(table.args(["inventory", "oci:l", "-o", "r"])).ok();
    assert!(shown.stdout.starts_with("PLACE "), "{}", shown.stdout);
    assert!(shown.stdout.contains("receipt r (sha256:"), "{}", shown.stdout);
}
