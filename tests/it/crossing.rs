//! Two servers: what the user showed to the one is never seen by the other, whatever the first
//! one says. Foreign layers are not fetched at all.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::support::content::{Layer, digest, tar};
use crate::support::double::{Double, Reply, Seen, no_script};
use crate::support::images::{Image, OCI_CONFIG, OCI_MANIFEST};
use crate::support::registry::{Credentials, authfile};
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};

const USER: &str = "mover";
const PASSWORD: &str = "correct horse";
const TOKEN: &str = "a-token-of-the-registry";

fn image() -> Image {
    let layer = Layer::gzip(&tar(&[("file", b"content", 0o644)]));
    Image::single("team/app", "1.0", r#"["/bin/true"]"#, &[layer])
}

/// Asks for a password, or for a token of the registry's own; `None` when it was shown.
fn ask(seen: &Seen, bearer: bool) -> Option<Reply> {
    let host = seen.header("host").unwrap_or_default();
    let shown = seen.header("authorization").unwrap_or_default();
    if seen.target.starts_with("/token") {
        assert!(shown.starts_with("Basic "), "the registry's own token server gets the password");
        return Some(Reply::new(200, format!(r#"{{"token":"{TOKEN}","expires_in":300}}"#)));
    }
    let (scheme, challenge) = match bearer {
        true => ("Bearer ", format!("Bearer realm=\"http://{host}/token\",service=\"x\"")),
        false => ("Basic ", "Basic realm=\"x\"".to_owned()),
    };
    match shown.starts_with(scheme) {
        true => None,
        false => Some(Reply::new(401, "").header("www-authenticate", challenge)),
    }
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

    fn authfile(&self, host: &str) -> PathBuf {
        authfile(&self.sealift.at(""), host, USER, PASSWORD)
    }

    fn export(&self, double: &Double, more: &[&str]) -> Ran {
        double.hold(&image());
        self.export_image(double, more)
    }

    fn export_image(&self, double: &Double, more: &[&str]) -> Ran {
        let mut command = self.sealift.command();
        command.args(["export", &format!("{}/team/app:1.0", double.host()), "-o", "out.tar"]);
        command.arg("--sign-key").arg(&self.keys.private);
        command.arg("--authfile").arg(self.authfile(&double.host())).args(more);
        ran(&mut command)
    }

    fn import(&self, double: &Double, more: &[&str]) -> Ran {
        if !self.sealift.at("out.tar").exists() {
            self.export(&Double::start(no_script), &[]).ok();
        }
        let mut command = self.sealift.command();
        command.args(["import", "out.tar", "--to", &format!("docker://{}", double.host())]);
        command.arg("--key").arg(&self.keys.public);
        command.arg("--authfile").arg(self.authfile(&double.host())).args(more);
        ran(&mut command)
    }
}

#[test]
fn a_redirect_to_another_server_takes_no_credentials_along() {
    for bearer in [false, true] {
        let storage = Double::start(|seen| {
            let digest = seen.target.rsplit('/').next().unwrap();
            image().blobs.get(digest).map(|bytes| Reply::new(200, bytes.clone()))
        });
        let away = storage.host();
        let registry = Double::start(move |seen| {
            ask(seen, bearer).or_else(|| {
                let digest = seen.target.split_once("/blobs/")?.1;
                let place = format!("http://{away}/storage/{digest}");
                Some(Reply::new(307, "").header("location", place))
            })
        });
        let world = World::new();

        world.export(&registry, &[]).ok();

        assert_eq!(storage.seen().len(), image().blobs.len(), "that is where the blobs came from");
        storage.saw_no_credentials();
        let shown = registry.seen().iter().filter(|s| s.header("authorization").is_some()).count();
        assert!(shown > 0, "the registry itself was shown them");
    }
}

#[test]
fn an_upload_that_is_led_to_another_server_takes_no_credentials_along() {
    for bearer in [false, true] {
        let kept: Arc<Mutex<Vec<String>>> = Arc::default();
        let keep = Arc::clone(&kept);
        let storage = Double::start(move |seen| {
            keep.lock().unwrap().push(digest(&seen.body));
            (seen.method == "PUT").then(|| Reply::new(201, ""))
        });
        let away = storage.host();
        let registry = Double::start(move |seen| {
            ask(seen, bearer).or_else(|| match seen.method.as_str() {
                "POST" => {
                    let place = format!("http://{away}/upload?state=1");
                    Some(Reply::new(202, "").header("location", place))
                }
                "HEAD" => {
                    let digest = seen.target.split_once("/blobs/")?.1.to_owned();
                    let bytes = image().blobs.get(&digest)?.clone();
                    kept.lock().unwrap().contains(&digest).then(|| Reply::new(200, bytes))
                }
                _ => None,
            })
        });
        let world = World::new();

        world.import(&registry, &[]).ok();

        assert_eq!(storage.count("PUT", "/upload?state=1&digest=sha256:"), image().blobs.len());
        storage.saw_no_credentials();
    }
}

#[test]
fn a_token_server_elsewhere_is_never_asked() {
    need!("openssl", "htpasswd");
    let certificate = Credentials::new();
    let other = Double::start(no_script);
    let realms = [
        // By https, a token for nobody may come from elsewhere; these are not even asked for that.
        // Plain HTTP, named by a registry that is https.
        format!("http://{}/token", other.host()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        format!("https://{USER}@127.0.0.1/token"),
        "file:///etc/passwd".to_owned(),
    ];
    for realm in realms {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"x\"");
        let registry = Double::tls(&certificate, move |_| {
            Some(Reply::new(401, "").header("www-authenticate", challenge.clone()))
        });
        let world = World::new();
        let certs = certificate.cert_dir();

        let ran = world.export(&registry, &["--cert-dir", certs.to_str().unwrap()]);

        ran.exits(code::REFUSED).says("sends credentials to").says("nothing was sent there");
        assert_eq!(other.seen().len(), 0, "{realm}");
        registry.saw_no_credentials();
    }
}

#[test]
fn https_never_leads_to_http() {
    need!("openssl", "htpasswd");
    let certificate = Credentials::new();
    let certs = certificate.cert_dir();
    let certs = ["--cert-dir", certs.to_str().unwrap()];
    let other = Double::start(no_script);
    let world = World::new();

    let away = format!("http://{}/x", other.host());
    let registry = Double::tls(&certificate, move |seen| {
        ask(seen, false).or_else(|| {
            let blob = seen.is("GET", "/blobs/");
            blob.then(|| Reply::new(307, "").header("location", away.clone()))
        })
    });
    let ran = world.export(&registry, &certs).exits(code::REFUSED);
    ran.says("leads from https to http://");

    let away = format!("http://{}/x", other.host());
    let registry = Double::tls(&certificate, move |seen| {
        ask(seen, false).or_else(|| {
            let upload = seen.is("POST", "/uploads/");
            upload.then(|| Reply::new(202, "").header("location", away.clone()))
        })
    });
    let ran = world.import(&registry, &certs).exits(code::REFUSED);
    ran.says("leads from https to http://");

    assert_eq!(other.seen().len(), 0, "nothing was asked in the clear");
}

#[test]
fn the_urls_of_a_foreign_layer_are_not_asked_for_anything() {
    let other = Double::start(no_script);
    let registry = Double::start(|seen| ask(seen, false));
    let mut foreign = Image::new("team/app", "1.0");
    let config = foreign.blob(
        OCI_CONFIG,
        br#"{"architecture":"amd64","os":"windows","rootfs":{"type":"layers","diff_ids":["x"]}}"#,
    );
    let layer = format!(
        r#"{{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip","digest":"{}","size":7,"urls":["http://{}/layer"]}}"#,
        digest(b"foreign"),
        other.host()
    );
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[{layer}]}}"#
    );
    foreign.document(OCI_MANIFEST, &text, "");
    foreign.name("1.0");
    registry.hold(&foreign);
    let world = World::new();

    let exported = world.export_image(&registry, &["--format", "json"]).ok();
    let exported = exported.says("has 1 foreign layer").json();
    let inside = Double::start(|seen| ask(seen, false));
    world.import(&inside, &["--dry-run"]).ok().says("has 1 foreign layer").says("--except NAME");
    let plan = world.import(&inside, &["--dry-run", "--format", "json"]).ok().json();
    assert_eq!(plan["foreign"][0]["layers"], 1);
    assert_eq!(plan["foreign"][0]["owners"][0], other.host().as_str());
    world.import(&inside, &[]).ok();
    let key = &world.keys.public;
    run!(world.sealift, "verify", "out.tar", "--key", key).ok().says("has 1 foreign layer");
    run!(world.sealift, "inspect", "out.tar", "--key", key).ok().says("has 1 foreign layer");
    let strict = Double::start(|seen| {
        let errors = r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown"}]}"#;
        ask(seen, false).or_else(|| seen.is("PUT", "/manifests/").then(|| Reply::new(500, errors)))
    });
    let refused = world.import(&strict, &[]).exits(code::REFUSED);
    let refused = refused.says("1 of its layers is foreign").says("--except NAME");
    let refused = refused.says(&format!("hands them out at {}", other.host()));
    assert!(!refused.stderr.contains("try again later"), "{}", refused.stderr);
    let closed = Double::start(|seen| {
        let errors = r#"{"errors":[{"code":"DENIED","message":"no MANIFEST_BLOB_UNKNOWN"}]}"#;
        ask(seen, false).or_else(|| seen.is("PUT", "/manifests/").then(|| Reply::new(403, errors)))
    });
    let refused = world.import(&closed, &[]).exits(code::REFUSED);
    let refused = refused.says("log in with");
    assert!(!refused.stderr.contains("of its layers is foreign"), "{}", refused.stderr);
    let tries = strict
        .seen()
        .into_iter()
        .filter(|seen| seen.is("PUT", "/manifests/") && seen.header("authorization").is_some());
    assert_eq!(tries.count(), 1, "it would be refused again");

    assert_eq!(exported["images"][0]["leftOut"][0]["digest"], digest(b"foreign").as_str());
    assert_eq!(exported["images"][0]["leftOut"][0]["reason"], "foreign");
    assert_eq!(other.seen().len(), 0);
    for double in [&registry, &inside, &strict] {
        assert_eq!(double.count("", &digest(b"foreign")), 0, "nor is the registry asked for it");
    }
}

#[test]
fn a_next_page_elsewhere_is_looked_for_at_the_registry_itself() {
    let other = Double::start(no_script);
    let away = other.host();
    let registry = Double::start(move |seen| {
        ask(seen, false).or_else(|| {
            if seen.target.contains("last=a") {
                return Some(Reply::new(200, r#"{"tags":["b"]}"#));
            }
            // So say registries behind a proxy that do not know what they are called outside.
            let link = format!("<http://{away}/v2/a/tags/list?last=a>; rel=\"next\"");
            Some(Reply::new(200, r#"{"tags":["a"]}"#).header("link", link))
        })
    });
    let world = World::new();
    let file = world.authfile(&registry.host());

    let ran = run!(world.sealift, "tags", format!("{}/a", registry.host()), "--authfile", file);

    assert_eq!(ran.ok().stdout, "a\nb\n");
    assert_eq!(other.seen().len(), 0);
}
