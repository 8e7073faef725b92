//! Faulty and lying registries: every fault has its test, through the command line, and each says
//! how the run ends, how long it may take, and how much is read.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::support::Random;
use crate::support::content::{Layer, digest, tar};
use crate::support::double::{Body, Double, Reply, Seen, first, no_script};
use crate::support::images::Image;
use crate::support::registry::authfile;
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};

/// More than what lies in the sockets of six connections, far less than what a server would send.
const LITTLE: u64 = 48 << 20;
/// A second's patience and all pauses between the attempts, with room for a busy machine.
const BOUNDED: Duration = Duration::from_secs(150);

fn image() -> Image {
    let layers = [
        Layer::gzip(&tar(&[("small", b"small", 0o644)])),
        Layer::plain(&tar(&[("large", &Random::new(4).bytes(600_000), 0o644)])),
    ];
    Image::single("team/app", "1.0", r#"["/bin/true"]"#, &layers)
}

/// The digest of the larger layer.
fn large() -> String {
    let image = image();
    image.blobs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap().0.clone()
}

/// The program with a key, and a bundle where it is asked for.
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

    fn output(&self) -> PathBuf {
        self.sealift.at("out.tar")
    }

    fn export(&self, name: &str, more: &[&str]) -> Ran {
        let mut command = self.sealift.command();
        command.args(["export", name, "--sign-key"]).arg(&self.keys.private);
        command.arg("-o").arg(self.output()).args(more);
        ran(&mut command)
    }

    /// Exports from `double`, which holds the image.
    fn export_from(&self, double: &Double, more: &[&str]) -> Ran {
        double.hold(&image());
        self.export(&format!("{}/team/app:1.0", double.host()), more)
    }

    /// Imports the image into `double`.
    fn import_into(&self, double: &Double, more: &[&str]) -> Ran {
        if !self.output().exists() {
            let outside = Double::start(no_script);
            self.export_from(&outside, &[]).ok();
        }
        let mut command = self.sealift.command();
        command.arg("import").arg(self.output()).arg("--key").arg(&self.keys.public);
        command.args(["--to", &format!("docker://{}", double.host())]).args(more);
        ran(&mut command)
    }
}

fn is_blob(seen: &Seen) -> bool {
    seen.is("GET", "/blobs/sha256:")
}

#[test]
fn a_429_is_waited_out_for_as_long_as_it_asks() {
    let soon = first(2);
    let double = Double::start(move |seen| {
        (seen.is("GET", "/manifests/1.0") && soon())
            .then(|| Reply::new(429, "").header("retry-after", "1"))
    });
    let world = World::new();
    let begun = Instant::now();

    world.export_from(&double, &[]).ok().says("retrying in 1.0 s").says("HTTP 429");

    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert_eq!(double.count("GET", "/manifests/1.0"), 3);
}

#[test]
fn a_429_without_an_end_is_given_up_after_six_attempts() {
    let double =
        Double::start(|seen| is_blob(seen).then(|| Reply::new(429, "").header("retry-after", "0")));
    let world = World::new();

    let ran = world.export_from(&double, &["--jobs", "1"]).exits(code::REFUSED);

    ran.says("too many requests (HTTP 429)").says("log in, or wait");
    assert_eq!(double.count("GET", "/blobs/"), 6, "attempts around attempts do not multiply");
    assert!(!world.output().exists());
}

#[test]
fn a_500_or_503_that_passes_is_survived_in_both_directions() {
    for status in [500, 503] {
        let (soon, later) = (first(2), first(2));
        let outside =
            Double::start(move |seen| (is_blob(seen) && soon()).then(|| Reply::new(status, "")));
        let inside = Double::start(move |seen| {
            (seen.method == "PUT" && later()).then(|| Reply::new(status, "<html>oops</html>"))
        });
        let world = World::new();

        world.export_from(&outside, &[]).ok().says(&format!("HTTP {status}"));
        world.import_into(&inside, &[]).ok().says(&format!("HTTP {status}"));

        let held = inside.stock(|stock| stock.document("team/app", "1.0").map(digest));
        assert_eq!(held.as_deref(), Some(image().digest()));
    }
}

#[test]
fn a_500_or_503_without_an_end_is_a_failure_that_names_it() {
    for status in [500, 503] {
        let double =
            Double::start(move |seen| is_blob(seen).then(|| Reply::new(status, "<html>x</html>")));
        let world = World::new();
        let begun = Instant::now();

        let ran = world.export_from(&double, &["--jobs", "1"]).exits(1);

        let host = format!("source registry {}", double.host());
        ran.says(&host).says(&format!("the registry failed (HTTP {status})"));
        assert_eq!(double.count("GET", "/blobs/"), 6);
        assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
        assert!(!world.output().exists());
    }
}

#[test]
fn a_body_that_trickles_is_given_up_wherever_it_is() {
    let slow = Duration::from_millis(50);
    for part in ["/manifests/1.0", "/blobs/", "/tags/list"] {
        let double = Double::start(move |seen| {
            let body = Body::Trickle(vec![b' '; 1 << 20], slow);
            (seen.is("GET", part)).then(|| Reply::with(200, body))
        });
        let world = World::new();
        let begun = Instant::now();

        let ran = match part {
            "/tags/list" => {
                let name = format!("{}/team/app", double.host());
                run!(world.sealift, "tags", name, "--timeout", "1")
            }
            _ => world.export_from(&double, &["--timeout", "1", "--jobs", "1"]),
        };

        ran.exits(1).says(&format!("source registry {}", double.host()));
        assert!(begun.elapsed() < BOUNDED, "{part}: {:?}", begun.elapsed());
        assert!(!world.output().exists());
    }
}

#[test]
fn a_registry_that_says_nothing_at_all_is_given_up_after_the_timeout() {
    let double = Double::start(|seen| {
        // Longer than the test waits; the thread ends with the process.
        (seen.is("GET", "/manifests/")).then(|| {
            std::thread::sleep(Duration::from_secs(20));
            Reply::new(200, "")
        })
    });
    let world = World::new();
    let begun = Instant::now();

    world.export_from(&double, &["--timeout", "1"]).exits(1).says("no answer in time");

    assert!(begun.elapsed() < BOUNDED, "{:?}", begun.elapsed());
}

#[test]
fn a_digest_header_that_lies_is_damage_when_reading_and_when_writing() {
    let wrong = digest(b"something else");
    let lie = wrong.clone();
    let outside = Double::start(move |seen| {
        let bytes = image().root().bytes.clone();
        seen.is("GET", "/manifests/1.0").then(|| {
            Reply::new(200, bytes)
                .header("content-type", crate::support::images::OCI_MANIFEST)
                .header("docker-content-digest", lie.clone())
        })
    });
    let world = World::new();
    world.export_from(&outside, &[]).exits(code::DAMAGED).says(&wrong);
    assert!(!world.output().exists());

    for part in ["/blobs/uploads/", "/manifests/sha256:", "/manifests/1.0"] {
        let lie = wrong.clone();
        let inside = Double::start(move |seen| {
            let reply = || Reply::new(201, "").header("docker-content-digest", lie.clone());
            seen.is("PUT", part).then(reply)
        });

        let ran = world.import_into(&inside, &[]).exits(code::DAMAGED);

        ran.says(&format!("the registry stored {wrong}"));
        let named = inside.stock(|stock| stock.document("team/app", "1.0").is_some());
        assert!(!named, "{part}: a name was given");
    }
}

#[test]
fn a_201_without_storing_is_found_out_before_anything_is_named() {
    let forgetful =
        Double::start(|seen| seen.is("PUT", "/blobs/uploads/").then(|| Reply::new(201, "")));
    let world = World::new();

    let ran = world.import_into(&forgetful, &[]).exits(code::REFUSED);

    ran.says("took blob sha256:").says("does not keep what it is given");
    assert_eq!(forgetful.count("PUT", "/manifests/"), 0);
}

#[test]
fn a_name_that_is_answered_with_201_and_not_kept_is_found_out() {
    let forgetful =
        Double::start(|seen| seen.is("PUT", "/manifests/1.0").then(|| Reply::new(201, "")));
    let world = World::new();

    let ran = world.import_into(&forgetful, &[]).exits(code::REFUSED);

    ran.says("reads back as nothing");
}

#[test]
fn wrong_bytes_for_a_pinned_digest_are_damage() {
    let other = Image::single("team/app", "1.0", r#"["/bin/false"]"#, &[]);
    let bytes = other.root().bytes.clone();
    let double = Double::start(move |seen| {
        let kind = crate::support::images::OCI_MANIFEST;
        seen.is("GET", "/manifests/sha256:")
            .then(|| Reply::new(200, bytes.clone()).header("content-type", kind))
    });
    let world = World::new();
    let pinned = format!("{}/team/app@{}", double.host(), image().digest());

    let ran = world.export(&pinned, &[]).exits(code::DAMAGED);

    ran.says(image().digest()).says(other.digest());
    assert!(!world.output().exists());
}

#[test]
fn wrong_bytes_for_a_layer_are_damage_and_no_bundle_appears() {
    for fault in ["flipped", "longer", "shorter"] {
        let bytes = image().blobs[&large()].clone();
        let double = Double::start(move |seen| {
            let mut bytes = bytes.clone();
            match fault {
                "flipped" => bytes[300_000] ^= 1,
                "longer" => bytes.push(0),
                _ => bytes.truncate(300_000),
            }
            seen.is("GET", &large()).then(|| Reply::new(200, bytes))
        });
        let world = World::new();

        let ran = world.export_from(&double, &["--jobs", "1"]);

        let want = if fault == "shorter" { code::INCOMPLETE } else { code::DAMAGED };
        ran.exits(want).says(&large());
        assert!(!world.output().exists(), "{fault}");
    }
}

#[test]
fn an_error_page_of_64_mib_is_not_read() {
    for status in [403, 404, 500] {
        for body in [Body::Spaces(64 << 20), Body::Endless] {
            let page = body.clone();
            let double =
                Double::start(move |seen| is_blob(seen).then(|| Reply::with(status, page.clone())));
            let world = World::new();

            let ran = world.export_from(&double, &["--jobs", "1"]);

            let want = [(403, code::REFUSED), (404, code::INCOMPLETE), (500, 1)];
            ran.exits(want.iter().find(|(of, _)| *of == status).unwrap().1);
            assert!(double.sent() < LITTLE, "{status}: {} bytes were taken", double.sent());
        }
    }
}

#[test]
fn a_connection_that_breaks_off_in_a_layer_is_resumed_from_there() {
    let (breaks, whole) = (first(2), image().blobs[&large()].clone());
    let double = Double::start(move |seen| {
        let from = seen.header("range").and_then(|range| {
            range.strip_prefix("bytes=")?.trim_end_matches('-').parse::<usize>().ok()
        });
        let rest = whole[from.unwrap_or(0)..].to_vec();
        (seen.is("GET", &large()) && breaks()).then(|| {
            let cut = Reply::with(
                if from.is_some() { 206 } else { 200 },
                Body::Cut(rest[..200_000].to_vec(), rest.len()),
            );
            let (at, all) = (from.unwrap_or(0), whole.len());
            cut.header("content-range", format!("bytes {at}-{}/{all}", all - 1))
        })
    });
    let world = World::new();

    world.export_from(&double, &["--jobs", "1"]).ok();

    let ranges: Vec<_> = double
        .seen()
        .into_iter()
        .filter(|seen| seen.is("GET", &large()))
        .map(|seen| seen.header("range").map(str::to_owned))
        .collect();
    assert_eq!(ranges.len(), 3, "{ranges:?}");
    assert_eq!(ranges[0], None);
    assert!(ranges[1..].iter().all(Option::is_some), "{ranges:?}");
    let bytes: usize = image().blobs.values().map(Vec::len).sum();
    assert!(double.sent() < bytes as u64 + 100_000, "{} of {bytes}", double.sent());
}

#[test]
fn a_connection_that_is_gone_after_an_upload_is_no_failure() {
    let gone = first(2);
    let double = Double::start(move |seen| {
        (seen.is("PUT", "/blobs/uploads/") && gone()).then(|| Reply::with(500, Body::Gone))
    });
    let world = World::new();

    world.import_into(&double, &["--jobs", "1"]).ok();

    let held = double.stock(|stock| stock.document("team/app", "1.0").map(digest));
    assert_eq!(held.as_deref(), Some(image().digest()));
}

#[test]
fn a_416_to_a_resumed_download_begins_from_the_start() {
    let (breaks, whole) = (first(1), image().blobs[&large()].clone());
    let double = Double::start(move |seen| {
        let asked = seen.is("GET", &large());
        if asked && breaks() {
            return Some(Reply::with(200, Body::Cut(whole[..200_000].to_vec(), whole.len())));
        }
        (asked && seen.header("range").is_some()).then(|| Reply::new(416, ""))
    });
    let world = World::new();

    world.export_from(&double, &["--jobs", "1"]).ok();

    assert_eq!(double.count("GET", &large()), 3, "cut, refused, whole");
    run!(world.sealift, "verify", world.output(), "--key", world.keys.public).ok();
}

/// The endless answers, and the arguments that run into them.
fn endless() -> Vec<(&'static str, Vec<String>)> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    vec![
        ("/tags/list", words(&["tags", "HOST/team/app"])),
        ("/v2/_catalog", words(&["search", "x", "--registry", "HOST"])),
        ("/api/v2.0/search", words(&["search", "x", "--registry", "HOST"])),
        ("/api/v1/find", words(&["search", "x", "--registry", "HOST"])),
        ("/v1/search", words(&["search", "x", "--registry", "HOST"])),
        (
            "/manifests/1.0",
            words(&["export", "HOST/team/app:1.0", "-o", "x.tar", "--sign-key", "KEY"]),
        ),
        (
            "/referrers/",
            words(&["export", "HOST/team/app:1.0", "-o", "x.tar", "--sign-key", "KEY"]),
        ),
        ("/token", words(&["tags", "HOST/private/app", "--authfile", "AUTH"])),
    ]
}

#[test]
fn no_answer_is_read_without_an_end() {
    for (part, arguments) in endless() {
        for body in [Body::Spaces(1 << 30), Body::Endless] {
            let page = body.clone();
            let double = Double::start(move |seen| {
                let host = seen.header("host").unwrap_or_default();
                if seen.target.contains(part) {
                    let kind = match part {
                        "/referrers/" => crate::support::images::OCI_INDEX,
                        "/manifests/1.0" => crate::support::images::OCI_MANIFEST,
                        _ => "application/json",
                    };
                    return Some(Reply::with(200, page.clone()).header("content-type", kind));
                }
                seen.target.contains("/private/").then(|| {
                    let bearer = format!("Bearer realm=\"http://{host}/token\",service=\"x\"");
                    Reply::new(401, "").header("www-authenticate", bearer)
                })
            });
            double.hold(&image());
            let world = World::new();
            let auth = authfile(&world.sealift.at(""), &double.host(), "user", "secret");
            let mut command = world.sealift.command();
            command.args(arguments.iter().map(|word| match word.as_str() {
                "KEY" => world.keys.private.display().to_string(),
                "AUTH" => auth.display().to_string(),
                word => word.replace("HOST", &double.host()),
            }));
            let begun = Instant::now();

            let ran = ran(&mut command);

            assert_ne!(ran.code, code::DONE, "{part}: {body:?}: {ran:?}");
            assert!(double.count("GET", part) > 0, "{part}: was never asked");
            assert!(double.sent() < LITTLE, "{part}: {body:?}: {} bytes", double.sent());
            assert!(begun.elapsed() < BOUNDED, "{part}: {body:?}");
        }
    }
}

#[test]
fn pages_without_an_end_are_cut_off() {
    let counts = Mutex::new(0_u64);
    let double = Double::start(move |seen| {
        let mut count = counts.lock().unwrap();
        *count += 1;
        let next = format!("<{}{count}>; rel=\"next\"", seen.target);
        let tags: Vec<String> = (0..1000).map(|n| format!("\"t{count}-{n}\"")).collect();
        let body = format!(r#"{{"tags":[{}]}}"#, tags.join(","));
        Some(Reply::new(200, body).header("link", next))
    });
    let sealift = Sealift::new();
    let begun = Instant::now();

    let ran = run!(sealift, "tags", format!("{}/team/app", double.host()));

    ran.exits(code::DAMAGED).says("more than 200000 tags");
    assert!(begun.elapsed() < BOUNDED);
}
