//! Referrers on arrival: by the registry's API where it has one, under the fallback tag where it
//! has none, beside other writers, and never before what they refer to.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Barrier, Mutex};

use serde_json::{Value, json};

use crate::support::content::{Layer, digest, tar};
use crate::support::double::{Double, Reply, no_script};
use crate::support::images::{Image, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST};
use crate::support::registry::Registry;
use crate::support::sealift::{Keys, Ran, Sealift, ran};
use crate::support::{command, http, text};

/// An image, the same every time, with one referrer of the type `kind`.
fn image(kind: &str) -> Image {
    let layer = Layer::gzip(&tar(&[("file", b"content", 0o644)]));
    let mut image = Image::single("team/app", "1.0", r#"["/bin/true"]"#, &[layer]);
    let (subject, size) = (image.digest().to_owned(), image.root().bytes.len());
    let config = image.blob(OCI_EMPTY, b"{}");
    let content = image.blob(kind, kind.as_bytes());
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","artifactType":"{kind}","config":{config},"layers":[{content}],"subject":{{"mediaType":"{OCI_MANIFEST}","digest":"{subject}","size":{size}}}}}"#
    );
    image.document(OCI_MANIFEST, &text, "");
    image
}

fn referrer(image: &Image) -> &str {
    &image.documents.last().unwrap().digest
}

fn fallback(image: &Image) -> String {
    image.digest().replace(':', "-")
}

/// The digests that a list of referrers has.
fn entries(list: &[u8]) -> BTreeSet<String> {
    let list: Value = serde_json::from_slice(list).unwrap();
    assert_eq!(list["mediaType"], OCI_INDEX);
    let manifests = list["manifests"].as_array().unwrap();
    manifests.iter().map(|entry| entry["digest"].as_str().unwrap().to_owned()).collect()
}

struct World {
    sealift: Sealift,
    keys: Keys,
}

impl World {
    fn new() -> World {
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        World { sealift, keys }
    }

    /// A bundle of `image`, from a registry with the API.
    fn bundle(&self, image: &Image, file: &str) -> PathBuf {
        let outside = Double::start(no_script);
        outside.hold(image);
        let bundle = self.sealift.at(file);
        // One name at every source, so that all land in one repository.
        let name = format!("{}/{}", outside.host(), image.path());
        run!(self.sealift, "export", name, "-o", bundle, "--sign-key", self.keys.private).ok();
        bundle
    }

    fn command(&self, bundle: &PathBuf, host: &str) -> std::process::Command {
        let mut command = self.sealift.command();
        command.arg("import").arg(bundle).arg("--key").arg(&self.keys.public);
        command.args(["--to", &format!("docker://{host}")]);
        command
    }

    fn import(&self, bundle: &PathBuf, host: &str) -> Ran {
        ran(&mut self.command(bundle, host)).ok()
    }
}

#[test]
fn an_old_registry_gets_the_fallback_tag_that_other_clients_find() {
    need!("docker-registry", "skopeo");
    let (world, registry) = (World::new(), Registry::empty());
    let image = image("application/vnd.acme.sbom");

    world.import(&world.bundle(&image, "a.tar"), &registry.host());

    let at = |reference: &str| format!("docker://{}/team/app{reference}", registry.host());
    let skopeo = |name: String| {
        text(command("skopeo").args(["inspect", "--raw", "--tls-verify=false"]).arg(name))
    };
    let list = skopeo(at(&format!(":{}", fallback(&image))));
    assert_eq!(entries(list.as_bytes()), BTreeSet::from([referrer(&image).to_owned()]));
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["manifests"][0]["artifactType"], "application/vnd.acme.sbom");
    let found = skopeo(at(&format!("@{}", referrer(&image))));
    assert_eq!(found.as_bytes(), image.documents.last().unwrap().bytes);
}

#[test]
fn a_registry_with_the_api_lists_them_itself_and_gets_no_tag() {
    let (world, double) = (World::new(), Double::start(no_script));
    let image = image("application/vnd.acme.sbom");

    world.import(&world.bundle(&image, "a.tar"), &double.host());

    let path = format!("/v2/team/app/referrers/{}", image.digest());
    let list = http::get(double.port(), &path, &[]).bytes();
    assert_eq!(entries(&list), BTreeSet::from([referrer(&image).to_owned()]));
    assert_eq!(double.count("PUT", "/manifests/sha256-"), 0);
}

#[test]
fn a_subject_is_there_before_what_refers_to_it() {
    let (world, double) = (World::new(), Double::start(no_script));
    let image = image("application/vnd.acme.sbom");

    world.import(&world.bundle(&image, "a.tar"), &double.host());

    let puts: Vec<String> = double
        .seen()
        .into_iter()
        .filter(|seen| seen.is("PUT", "/manifests/"))
        .map(|seen| digest(&seen.body))
        .collect();
    let place = |digest: &str| puts.iter().position(|put| put == digest).unwrap();
    assert!(place(image.digest()) < place(referrer(&image)), "{puts:?}");
}

#[test]
fn a_list_that_is_there_keeps_the_entries_of_others() {
    let (world, double) = (World::new(), Double::start(no_script));
    double.stock(|stock| stock.old = true);
    let (mine, theirs) = (image("application/vnd.acme.mine"), image("application/vnd.acme.theirs"));

    world.import(&world.bundle(&theirs, "theirs.tar"), &double.host());
    world.import(&world.bundle(&mine, "mine.tar"), &double.host());

    let list = double.stock(|stock| stock.document("team/app", &fallback(&mine)).unwrap().to_vec());
    let both = [&mine, &theirs].map(|image| referrer(image).to_owned());
    assert_eq!(entries(&list), BTreeSet::from(both));

    let before = double.count("PUT", "/manifests/sha256-");
    world.import(&world.bundle(&mine, "again.tar"), &double.host());
    assert_eq!(double.count("PUT", "/manifests/sha256-"), before, "nothing to add");
}

/// Runs both imports at once and gives the list that comes of it.
fn at_once(world: &World, bundles: &[PathBuf; 2], host: &str) {
    std::thread::scope(|scope| {
        for bundle in bundles {
            scope.spawn(|| world.import(bundle, host));
        }
    });
}

#[test]
fn two_imports_at_once_lose_no_entry() {
    // Both have read the list before either writes it.
    let (both, reads) = (Barrier::new(2), Mutex::new(0));
    let double = Double::start(move |seen| {
        if seen.is("GET", "/manifests/sha256-") && !seen.target.contains('.') {
            let number = {
                let mut reads = reads.lock().unwrap();
                *reads += 1;
                *reads
            };
            if number <= 2 {
                both.wait();
            }
        }
        None
    });
    double.stock(|stock| stock.old = true);
    let (a, b) = (image("application/vnd.acme.a"), image("application/vnd.acme.b"));
    let world = World::new();
    let bundles = [world.bundle(&a, "a.tar"), world.bundle(&b, "b.tar")];

    at_once(&world, &bundles, &double.host());

    let list = double.stock(|stock| stock.document("team/app", &fallback(&a)).unwrap().to_vec());
    let both = [&a, &b].map(|image| referrer(image).to_owned());
    assert_eq!(entries(&list), BTreeSet::from(both));
    assert!(double.count("PUT", "/manifests/sha256-") > 2, "one was lost at first");
}

#[test]
fn two_imports_at_once_into_a_real_registry_lose_no_entry() {
    need!("docker-registry");
    let (world, registry) = (World::new(), Registry::empty());
    let (a, b) = (image("application/vnd.acme.a"), image("application/vnd.acme.b"));
    let bundles = [world.bundle(&a, "a.tar"), world.bundle(&b, "b.tar")];

    at_once(&world, &bundles, &registry.host());

    let list = registry.document("team/app", &fallback(&a)).unwrap();
    assert_eq!(entries(&list), BTreeSet::from([&a, &b].map(|image| referrer(image).to_owned())));
}

#[test]
fn where_a_registry_knows_versions_only_the_one_that_was_read_is_replaced() {
    let theirs = digest(b"somebody else's");
    let entry = json!({"mediaType": OCI_MANIFEST, "digest": theirs, "size": 15});
    let list = |entries: &[Value]| {
        json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).to_string()
    };
    let (nothing, one) = (list(&[]), list(&[entry]));
    let state = Arc::new(Mutex::new((1, nothing.into_bytes())));
    let (kept, conflicts) = (Arc::clone(&state), Arc::new(Mutex::new(0)));
    let seen_conflicts = Arc::clone(&conflicts);
    let double = Double::start(move |seen| {
        if !seen.target.contains("/manifests/sha256-") || seen.target.contains('.') {
            return None;
        }
        let mut kept = kept.lock().unwrap();
        if seen.method != "PUT" {
            let reply = Reply::new(200, kept.1.clone()).header("content-type", OCI_INDEX);
            return Some(reply.header("etag", format!("\"{}\"", kept.0)));
        }
        let mut conflicts = conflicts.lock().unwrap();
        if *conflicts == 0 {
            // Another writer is faster, once.
            *kept = (2, one.clone().into_bytes());
        }
        if seen.header("if-match") != Some(&format!("\"{}\"", kept.0)) {
            *conflicts += 1;
            return Some(Reply::new(412, ""));
        }
        *kept = (kept.0 + 1, seen.body.clone());
        Some(Reply::new(201, ""))
    });
    double.stock(|stock| stock.old = true);
    let (world, image) = (World::new(), image("application/vnd.acme.mine"));

    world.import(&world.bundle(&image, "a.tar"), &double.host());

    let both = BTreeSet::from([referrer(&image).to_owned(), theirs]);
    assert_eq!(entries(&state.lock().unwrap().1), both);
    assert_eq!(*seen_conflicts.lock().unwrap(), 1);
}
