//! Token servers of another domain: a name of a company's own in front of a public registry, and a
//! redirect to one. They are asked for a token that is for nobody, and shown nothing.

use std::path::Path;

use crate::support::content::{Layer, tar};
use crate::support::double::{Double, Reply, Seen};
use crate::support::images::Image;
use crate::support::proxy::Proxy;
use crate::support::registry::Credentials;
use crate::support::sealift::{Ran, Sealift, code, ran};

/// The company's own name, and that of the registry behind it.
const OWN: &str = "cr.vanity.example";
const REAL: &str = "ghcr.real.test";
const ANONYMOUS: &str = "for-nobody";

fn image() -> Image {
    let layer = Layer::gzip(&tar(&[("file", b"content", 0o644)]));
    Image::single("team/app", "1.0", r#"["/bin/true"]"#, &[layer])
}

/// Wants the token of the server at `REAL`, which hands it out to whoever shows nothing.
fn wants_a_token(seen: &Seen) -> Option<Reply> {
    if seen.target.starts_with("/token") {
        return Some(Reply::new(200, format!(r#"{{"token":"{ANONYMOUS}","expires_in":300}}"#)));
    }
    let challenge = format!("Bearer realm=\"https://{REAL}/token\",service=\"{REAL}\"");
    match seen.header("authorization") {
        Some(shown) if shown == format!("Bearer {ANONYMOUS}") => None,
        _ => Some(Reply::new(401, "").header("www-authenticate", challenge)),
    }
}

struct World {
    sealift: Sealift,
    credentials: Credentials,
}

impl World {
    fn new() -> World {
        World { sealift: Sealift::new(), credentials: Credentials::naming(&[OWN, REAL]) }
    }

    fn start(&self, script: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Double {
        let double = Double::tls(&self.credentials, script);
        double.hold(&image());
        double
    }

    /// Exports from `own`, with `real` behind it.
    fn export(&self, own: &Double, real: &Double, authfile: Option<&Path>) -> Ran {
        let proxy = Proxy::leading(&[(OWN, own.port()), (REAL, real.port())]);
        let key = self.sealift.keys("signer").private;
        let mut export = self.sealift.command();
        export.args(["export", &format!("{OWN}/team/app:1.0"), "-o", "out.tar", "--sign-key"]);
        export.arg(key).arg("--cert-dir").arg(self.credentials.cert_dir());
        if let Some(authfile) = authfile {
            export.arg("--authfile").arg(authfile);
        }
        ran(export.env("https_proxy", proxy.address()))
    }
}

/// Nothing but the token was shown, and to the token server nothing at all.
fn saw_nothing_secret(double: &Double) {
    let token = format!("Bearer {ANONYMOUS}");
    for seen in double.seen() {
        match seen.header("authorization") {
            None => {}
            Some(shown) => {
                assert_eq!(shown, token, "{seen:?}");
                assert!(!seen.target.starts_with("/token"), "{seen:?}");
            }
        }
        assert!(!seen.target.contains("account="), "{seen:?}");
    }
}

#[test]
fn a_token_server_of_another_domain_is_asked_for_a_token_that_is_for_nobody() {
    for logged_in in [false, true] {
        let world = World::new();
        let (own, real) = (world.start(wants_a_token), world.start(wants_a_token));
        let authfile = logged_in.then(|| world.credentials.authfile(OWN));

        world.export(&own, &real, authfile.as_deref()).ok();

        assert!(real.count("GET", "/token") > 0);
        assert_eq!(real.count("", "/v2/"), 0, "the content is the other's");
        [&own, &real].into_iter().for_each(saw_nothing_secret);
    }
}

#[test]
fn where_the_credentials_are_needed_a_token_server_of_another_domain_does_not_get_them() {
    let world = World::new();
    let closed = |seen: &Seen| {
        let challenge = format!("Bearer realm=\"https://{REAL}/token\",service=\"{REAL}\"");
        Some(
            wants_a_token(seen)
                .unwrap_or_else(|| Reply::new(401, "").header("www-authenticate", challenge)),
        )
    };
    let (own, real) = (world.start(closed), world.start(wants_a_token));
    let authfile = world.credentials.authfile(OWN);

    let refused = world.export(&own, &real, Some(&authfile)).exits(code::REFUSED);

    refused.says("sends credentials to").says(REAL);
    [&own, &real].into_iter().for_each(saw_nothing_secret);
}

#[test]
fn a_redirect_to_a_registry_that_wants_a_token_gets_one_that_is_for_nobody() {
    for logged_in in [false, true] {
        let world = World::new();
        let own = world.start(|seen| {
            let is_content = seen.target.contains("/manifests/") || seen.target.contains("/blobs/");
            let place = format!("https://{REAL}{}", seen.target);
            is_content.then(|| Reply::new(307, "").header("location", place))
        });
        let real = world.start(wants_a_token);
        let authfile = logged_in.then(|| world.credentials.authfile(OWN));

        world.export(&own, &real, authfile.as_deref()).ok();

        assert!(real.count("GET", "/token") > 0);
        assert!(real.count("GET", "/blobs/") >= image().blobs.len());
        [&own, &real].into_iter().for_each(saw_nothing_secret);
    }
}
