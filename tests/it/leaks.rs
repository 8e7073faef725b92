//! Secrets stay where they belong: no password, token or signed address is in anything that the
//! program prints or writes, whether it succeeds or fails, and whatever a registry echoes.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::support::content::{Layer, tar};
use crate::support::double::{Double, Reply, Seen, no_script};
use crate::support::images::Image;
use crate::support::registry::authfile;
use crate::support::sealift::{Keys, Ran, Sealift, ran};

const USER: &str = "robot$mover";
const PASSWORD: &str = "pa55word-of-mover";
const TOKEN: &str = "t0ken.of.the.registry";
const SIGNATURE: &str = "s1gnature-of-an-address";
const PROXY: &str = "pr0xy-password";

fn secrets() -> Vec<String> {
    let pair = BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
    vec![PASSWORD.into(), TOKEN.into(), SIGNATURE.into(), PROXY.into(), pair]
}

/// Asserts that no secret is in what a run said.
#[track_caller]
fn silent(ran: &Ran) {
    for secret in secrets() {
        let said = ran.stdout.contains(&secret) || ran.stderr.contains(&secret);
        assert!(!said, "{secret} is said in\n{}{}", ran.stdout, ran.stderr);
    }
}

/// Asserts that no secret is in any file below `folder`, but in the credentials file itself.
fn nothing_below(folder: &Path, except: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nothing_below(&path, except);
        } else if path != except {
            let bytes = std::fs::read(&path).unwrap();
            for secret in secrets() {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{secret} is in {}", path.display());
            }
        }
    }
}

fn image() -> Image {
    let layer = Layer::gzip(&tar(&[("file", b"content", 0o644)]));
    Image::single("team/app", "1.0", r#"["/bin/true"]"#, &[layer])
}

/// [`empty`], with the image.
fn registry(then: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Double {
    let double = empty(then);
    double.hold(&image());
    double
}

/// A registry with tokens whose other answers are up to `then`.
fn empty(then: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Double {
    Double::start(move |seen| {
        let host = seen.header("host").unwrap_or_default();
        let shown = seen.header("authorization").unwrap_or_default();
        if seen.target.starts_with("/token") {
            let granted = format!(r#"{{"token":"{TOKEN}","expires_in":300}}"#);
            return then(seen).or_else(|| Some(Reply::new(200, granted)));
        }
        if shown != format!("Bearer {TOKEN}") {
            let bearer = format!("Bearer realm=\"http://{host}/token\",service=\"x\"");
            return Some(Reply::new(401, "").header("www-authenticate", bearer));
        }
        then(seen)
    })
}

/// What a registry says that repeats what it was shown.
fn echo(status: u16, seen: &Seen) -> Reply {
    let shown = seen.header("authorization").unwrap_or("nothing");
    let message = format!("no right with {shown} of {USER}, Authorization: {shown}");
    Reply::new(status, format!(r#"{{"errors":[{{"code":"DENIED","message":"{message}"}}]}}"#))
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

    /// Crosses from `outside`, which cannot be read, and from `plain`, which can, to `inside`, which
    /// cannot be written, and shows no secret.
    fn fail_in_silence(&self, outside: &Double, plain: &Double, inside: &Double) {
        let mut runs = self.cross(outside, inside);
        runs.extend(self.cross(plain, inside).into_iter().filter(|ran| ran.code != 0));

        assert_eq!(runs.len(), 8, "six that could not read, two that could not write");
        for ran in runs {
            assert_ne!(ran.code, 0);
            silent(&ran);
        }
        self.check_files();
    }

    /// Runs an export and an import, each for people and for programs.
    fn cross(&self, outside: &Double, inside: &Double) -> Vec<Ran> {
        let mut runs = Vec::new();
        for format in ["text", "json"] {
            for output in ["out.tar", "out"] {
                let _ = std::fs::remove_file(self.sealift.at("out.tar"));
                let _ = std::fs::remove_dir_all(self.sealift.at("out"));
                let mut export = self.sealift.command();
                export.args(["export", &format!("{}/team/app:1.0", outside.host()), "-o", output]);
                export.arg("--sign-key").arg(&self.keys.private);
                export.arg("--authfile").arg(self.authfile(outside)).args(["--format", format]);
                runs.push(ran(&mut export));
            }
            let mut import = self.sealift.command();
            import.args(["import", "out", "--to", &format!("docker://{}", inside.host())]);
            import.arg("--key").arg(&self.keys.public);
            import.arg("--authfile").arg(self.authfile(inside)).args(["--format", format]);
            runs.push(ran(&mut import));
        }
        runs
    }

    fn authfile(&self, double: &Double) -> std::path::PathBuf {
        let folder = self.sealift.at("secrets");
        std::fs::create_dir_all(&folder).unwrap();
        authfile(&folder, &double.host(), USER, PASSWORD)
    }

    /// Nothing that was written has a secret.
    fn check_files(&self) {
        std::fs::remove_dir_all(self.sealift.at("secrets")).unwrap();
        let home = self.sealift.at("");
        nothing_below(home.parent().unwrap(), Path::new(""));
    }
}

#[test]
fn a_run_that_succeeds_shows_no_secret() {
    let world = World::new();

    let runs = world.cross(&registry(no_script), &empty(no_script));

    for ran in runs {
        silent(&ran.ok());
    }
    world.check_files();
}

#[test]
fn a_run_that_fails_shows_no_secret_even_when_a_registry_repeats_it() {
    for status in [400, 401, 403, 412] {
        let world = World::new();
        let plain = Double::start(no_script);
        plain.hold(&image());
        let outside = registry(move |seen| seen.is("GET", "/blobs/").then(|| echo(status, seen)));
        let inside = empty(move |seen| (seen.method == "POST").then(|| echo(status, seen)));

        world.fail_in_silence(&outside, &plain, &inside);
    }
}

#[test]
fn a_token_server_that_repeats_the_password_does_not_get_it_shown() {
    let world = World::new();
    let refusing = || registry(|seen| seen.target.starts_with("/token").then(|| echo(401, seen)));

    for ran in world.cross(&refusing(), &refusing()) {
        assert_ne!(ran.code, 0);
        silent(&ran);
    }
    world.check_files();
}

#[test]
fn a_signed_address_is_not_shown_when_it_fails() {
    let storage = Double::start(|_| Some(Reply::new(403, "<Error>SignatureDoesNotMatch</Error>")));
    for place in [
        format!("http://{}/blob?X-Amz-Signature={SIGNATURE}", storage.host()),
        format!("http://user:{SIGNATURE}@127.0.0.1/blob"),
    ] {
        let world = World::new();
        let redirecting = || {
            let place = place.clone();
            empty(move |seen| {
                let blob = seen.is("GET", "/blobs/") || seen.method == "POST";
                let status = if seen.method == "POST" { 202 } else { 307 };
                blob.then(|| Reply::new(status, "").header("location", place.clone()))
            })
        };

        let (plain, inside) = (Double::start(no_script), redirecting());
        plain.hold(&image());
        let outside = redirecting();
        outside.hold(&image());
        world.fail_in_silence(&outside, &plain, &inside);
    }
}

#[test]
fn a_signed_address_is_not_shown_when_nobody_answers_there() {
    let place = format!("http://127.0.0.1:1/blob?X-Amz-Signature={SIGNATURE}");
    let outside = Double::start(move |seen| {
        let reply = || Reply::new(307, "").header("location", place.clone());
        seen.is("GET", "/blobs/").then(reply)
    });
    outside.hold(&image());
    let world = World::new();
    let name = format!("{}/team/app:1.0", outside.host());

    let ran = run!(world.sealift, "export", name, "-o", "x", "--sign-key", world.keys.private);

    assert_ne!(ran.code, 0);
    silent(&ran.says("http://127.0.0.1:1"));
}

#[test]
fn a_proxys_password_is_not_shown_when_it_fails() {
    let refusing = Double::start(|_| Some(Reply::new(407, "")));
    let sealift = Sealift::new();
    for proxy in [
        format!("http://user:{PROXY}@{}", refusing.host()),
        format!("http://user:{PROXY}@127.0.0.1:1"),
        format!("nonsense://user:{PROXY}@x"),
    ] {
        let mut command = sealift.command();
        command.args(["tags", "registry.example.test/a"]).env("https_proxy", &proxy);
        let ran = ran(&mut command);
        assert_ne!(ran.code, 0);
        silent(&ran);
    }
}
