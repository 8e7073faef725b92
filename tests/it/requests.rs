//! How often a registry is asked: counted in its own log, for a small delivery. Over a real line
//! time is round trips.

use std::collections::BTreeMap;

use crate::support::http;
use crate::support::images::Image;
use crate::support::registry::{Registry, Request};
use crate::support::sealift::{Keys, Sealift, ran};
use crate::support::small_world;

/// Requests by what they are about.
fn kinds(requests: &[Request]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for request in requests {
        let (method, path) = (request.method.as_str(), request.path.as_str());
        let kind = match method {
            _ if path.contains("/manifests/sha256-") && method != "PUT" => "asks for sha256-* tags",
            _ if path.contains("/tags/list") => "lists of tags",
            _ if path.contains("/referrers/") => "referrers",
            "HEAD" if path.contains("/manifests/") => "HEAD manifest",
            "GET" if path.contains("/manifests/") => "GET manifest",
            "PUT" if path.contains("/manifests/") => "PUT manifest",
            "HEAD" if path.contains("/blobs/") => "HEAD blob",
            "GET" if path.contains("/blobs/") => "GET blob",
            "POST" if path.contains("mount=") => "mount",
            "POST" => "POST upload",
            "PUT" => "PUT blob",
            _ => "other",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    kinds
}

/// A registry's log, from where it was last looked at.
struct Log<'r>(&'r Registry, usize);

impl Log<'_> {
    fn next(&mut self, what: &str) -> Vec<Request> {
        let all = self.0.requests();
        let new = all[self.1..].to_vec();
        self.1 = all.len();
        println!("{what}: {} requests, {:?}", new.len(), kinds(&new));
        new
    }
}

struct World {
    images: Vec<Image>,
    sealift: Sealift,
    keys: Keys,
}

impl World {
    fn new() -> World {
        let images = small_world::make();
        let (manifests, blobs) = small_world::count(&images);
        assert_eq!(images.len(), small_world::IMAGES);
        assert_eq!((manifests, blobs), (small_world::MANIFESTS, small_world::BLOBS));
        let sealift = Sealift::new();
        let keys = sealift.keys("signer");
        World { images, sealift, keys }
    }

    fn export(&self, host: &str) {
        let mut export = self.sealift.command();
        export.arg("export").args(self.images.iter().map(|i| format!("{host}/{}", i.path())));
        ran(export.args(["-o", "bundle.tar", "--sign-key"]).arg(&self.keys.private)).ok();
    }

    fn import(&self, host: &str, more: &[&str]) {
        let mut import = self.sealift.command();
        import.args(["import", "bundle.tar", "--to", &format!("docker://{host}")]);
        ran(import.arg("--key").arg(&self.keys.public).args(more)).ok();
    }
}

/// No request is made twice, but to look whether what was written is there.
fn asks_nothing_twice(requests: &[Request]) {
    let mut seen = BTreeMap::<_, usize>::new();
    for request in requests.iter().filter(|request| !request.is_write()) {
        *seen.entry((&request.method, &request.path)).or_default() += 1;
    }
    let again: Vec<_> = seen.into_iter().filter(|(_, times)| *times > 1).collect();
    assert!(again.is_empty(), "{again:#?}");
}

#[test]
fn an_export_asks_nothing_twice_and_little_beside_what_it_takes() {
    need!("docker-registry");
    let world = World::new();
    let outside = Registry::empty();
    world.images.iter().for_each(|image| image.push(&outside));
    let mut from = Log(&outside, 0);
    from.next("made");

    world.export(&outside.host());
    let export = from.next("export");
    assert!(export.len() <= 60, "{export:#?}");
    asks_nothing_twice(&export);
}

#[test]
fn an_import_asks_nothing_twice_and_one_of_what_is_there_little() {
    need!("docker-registry");
    let world = World::new();
    let (outside, inside) = (Registry::empty(), Registry::empty());
    world.images.iter().for_each(|image| image.push(&outside));
    world.export(&outside.host());
    let mut to = Log(&inside, 0);

    world.import(&inside.host(), &[]);
    let import = to.next("import");
    // Two of them find out what an answer to HEAD is worth, since some registries find nothing by
    // it whatever they hold, and a name that stands for another image is never overwritten.
    assert!(import.len() <= 215, "{import:#?}");

    world.import(&inside.host(), &[]);
    let again = to.next("import again");
    assert!(again.len() <= 62, "{again:#?}");
    assert!(!again.iter().any(Request::is_write), "{again:#?}");
    asks_nothing_twice(&again);

    world.import(&inside.host(), &["--quick"]);
    let quick = to.next("import again, --quick");
    assert!(quick.len() <= 30, "{quick:#?}");
    assert!(!quick.iter().any(Request::is_write), "{quick:#?}");
    asks_nothing_twice(&quick);
}

/// What `--quick` gives up, and what it does not.
#[test]
fn a_manifest_vouches_for_its_own_blobs_and_only_when_asked_to() {
    need!("docker-registry");
    let world = World::new();
    let (outside, inside) = (Registry::empty(), Registry::empty());
    world.images.iter().for_each(|image| image.push(&outside));
    world.export(&outside.host());
    world.import(&inside.host(), &[]);
    let image = &world.images[1];
    let lost = image.blobs.keys().next().unwrap();
    let gone = |digest: &str| {
        let path = format!("/v2/{}/blobs/{digest}", image.repository);
        let done = http::with_body(inside.port(), "DELETE", &path, &[], b"");
        assert_eq!(done.status, 202);
    };

    gone(lost);
    world.import(&inside.host(), &["--quick"]);
    assert!(!inside.has_blob(&image.repository, lost), "nobody looked");
    world.import(&inside.host(), &[]);
    assert!(inside.has_blob(&image.repository, lost), "what was lost comes back");

    gone(lost);
    let path = format!("/v2/{}/manifests/{}", image.repository, image.digest());
    assert_eq!(http::with_body(inside.port(), "DELETE", &path, &[], b"").status, 202);
    world.import(&inside.host(), &["--quick"]);
    assert!(inside.has_blob(&image.repository, lost), "a manifest that is not there says nothing");
}
