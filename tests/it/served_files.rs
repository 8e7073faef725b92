//! `sealift serve` gives bundles as the files that they lie in, asked for by the real curl.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::age::{identity, tool};
use crate::support::content::{Layer, tar};
use crate::support::images::{Image, write_layout};
use crate::support::registry::Credentials;
use crate::support::sealift::{Keys, Sealift, Served, ran};
use crate::support::{Random, command, http, output, text};

/// A bundle of one image that is packed (`a b.tar`), the same as a folder (`june`), and a delta.
struct Lying {
    sealift: Sealift,
    keys: Keys,
    bytes: Vec<u8>,
}

impl Lying {
    fn get() -> &'static Lying {
        static LYING: OnceLock<Lying> = OnceLock::new();
        LYING.get_or_init(|| {
            let sealift = Sealift::new_in(Path::new(env!("CARGO_TARGET_TMPDIR")));
            let noise = Random::new(7).bytes(3 << 20);
            let layer = Layer::gzip(&tar(&[("noise", &noise, 0o644)]));
            let (one, two) = (
                Image::single("acme/app", "1.0", "[]", std::slice::from_ref(&layer)),
                Image::single("acme/app", "2.0", "[]", &[layer, Layer::gzip(&tar(&[]))]),
            );
            write_layout(&sealift.at("one"), &[("x.example/acme/app:1.0", &one)]);
            write_layout(&sealift.at("two"), &[("x.example/acme/app:2.0", &two)]);
            let keys = sealift.keys("signer");
            let key = keys.private.display().to_string();
            let signed = ["--sign-key", &key];
            run!(sealift, "export", "oci:one", "-o", "a b.tar", signed[0], signed[1]).ok();
            run!(sealift, "export", "oci:one", "-o", "june", signed[0], signed[1]).ok();
            let since = ["--since", "a b.tar"];
            run!(
                sealift, "export", "oci:two", "-o", "d.tar", since[0], since[1], signed[0],
                signed[1]
            )
            .ok();
            let bytes = std::fs::read(sealift.at("a b.tar")).unwrap();
            Lying { sealift, keys, bytes }
        })
    }

    fn serve(&self, bundle: &str, more: &[&str]) -> Served {
        self.sealift.serve_with(&self.sealift.at(bundle), &self.keys.public, more)
    }
}

fn curl(arguments: &[&str]) -> std::process::Command {
    let mut curl = command("curl");
    curl.args(["--silent", "--show-error", "--fail"]).args(arguments);
    curl
}

#[test]
fn curl_gets_a_bundle_whole_in_parts_and_from_where_it_broke_off() {
    need!("curl");
    let lying = Lying::get();
    let served = lying.serve("a b.tar", &[]);
    let url = format!("http://127.0.0.1:{}/bundles/a%20b.tar", served.port);

    assert!(output(&mut curl(&[&url])) == lying.bytes);
    for range in ["0-511", "512-100000", "3000000-", "-1024"] {
        let part = output(&mut curl(&["--range", range, &url]));
        let (from, to) = match range.split_once('-').unwrap() {
            ("", last) => (lying.bytes.len() - last.parse::<usize>().unwrap(), lying.bytes.len()),
            (from, "") => (from.parse().unwrap(), lying.bytes.len()),
            (from, to) => (from.parse().unwrap(), to.parse::<usize>().unwrap() + 1),
        };
        assert!(part == lying.bytes[from..to], "{range}");
    }
    // What broke off is taken up where it did.
    let half = lying.sealift.at("half");
    std::fs::write(&half, &lying.bytes[..1_000_000]).unwrap();
    let half = half.to_str().unwrap();
    output(&mut curl(&["--continue-at", "-", "--output", half, &url]));
    assert!(std::fs::read(half).unwrap() == lying.bytes);

    let head = text(&mut curl(&["--head", &url])).to_ascii_lowercase();
    let length = format!("content-length: {}", lying.bytes.len());
    for line in ["200 ok", "accept-ranges: bytes", "content-type: application/x-tar", "etag: \""] {
        assert!(head.contains(line), "{line}: {head}");
    }
    assert!(head.contains(&length), "{head}");
    let code = |more: &[&str]| {
        let mut curl = command("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}"]).args(more);
        text(&mut curl)
    };
    assert_eq!(code(&["--range", "99999999-", &url]), "416");
    assert_eq!(code(&["--header", "If-Match: \"other\"", &url]), "412");
    assert_eq!(code(&["--request", "PUT", "--data", "x", &url]), "405");

    // What is changed on the disk has another tag, and the old one is refused.
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().trim();
    let wanted = format!("If-Match: {tag}");
    assert_eq!(code(&["--header", &wanted, &url]), "200");
    let file = std::fs::File::options().append(true).open(lying.sealift.at("a b.tar")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(code(&["--header", &wanted, &url]), "412");
}

#[test]
fn each_bundle_that_is_one_file_is_given_and_a_name_only_once() {
    need!("age");
    let lying = Lying::get();
    let recipient = identity(&lying.sealift, "id");
    tool(&lying.sealift, &format!("age -r {recipient} -o d.tar.age d.tar"));
    std::fs::create_dir(lying.sealift.at("far")).unwrap();
    std::fs::copy(lying.sealift.at("d.tar"), lying.sealift.at("far/d.tar")).unwrap();
    let at = |name: &str| lying.sealift.at(name).display().to_string();
    let also = ["d.tar.age", "d.tar", "far/d.tar"].map(at);
    let line = ["--also", &also[0], "--also", &also[1], "--also", &also[2]];
    let served = lying.serve("june", &[&line[..], &["--identity", &at("id")]].concat());

    let list = http::get(served.port, "/bundles/", &[]).json();
    let names: Vec<&str> =
        list["bundles"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["d.tar.age", "d.tar"], "june is a folder, and the other d.tar comes second");
    for (name, kind) in [("d.tar", "application/x-tar"), ("d.tar.age", "application/octet-stream")]
    {
        let answer = http::get(served.port, &format!("/bundles/{name}"), &[]);
        assert_eq!(answer.header("Content-Type"), Some(kind));
        assert!(answer.bytes() == std::fs::read(lying.sealift.at(name)).unwrap(), "{name}");
    }
    let size = std::fs::metadata(lying.sealift.at("d.tar")).unwrap().len();
    assert_eq!(list["bundles"][1]["size"], size);
    for name in ["june", "far%2Fd.tar", "..%2Fa%20b.tar", "a%20b.tar"] {
        assert_eq!(http::get(served.port, &format!("/bundles/{name}"), &[]).status, 404, "{name}");
    }
}

#[test]
fn a_bundle_has_the_rules_that_images_have() {
    need!("openssl", "htpasswd", "curl");
    let (lying, credentials) = (Lying::get(), Credentials::new());
    let (certificate, key) = credentials.certificate();
    let named = |path: &Path| path.display().to_string();
    let (log, users): (PathBuf, PathBuf) =
        (lying.sealift.at("access.log"), certificate.with_file_name("htpasswd"));
    let (certificate, key, users) = (named(&certificate), named(&key), named(&users));
    let tls = ["--tls-cert", &certificate, "--tls-key", &key, "--htpasswd", &users];
    std::fs::write(lying.sealift.at("w.tar"), &lying.bytes).unwrap();
    let served = lying.serve("w.tar", &[&tls[..], &["--access-log", &named(&log)]].concat());
    let url = format!("https://{}/bundles/w.tar", served.host());
    let authority = named(&credentials.cert_dir().join("ca.crt"));
    let user = format!("{}:{}", Credentials::USER, Credentials::PASSWORD);

    let refused = ran(&mut curl(&["--cacert", &authority, &url]));
    assert!(refused.code == 22 && refused.stderr.contains("401"), "{}", refused.stderr);
    let asked = ["--cacert", &authority, "--user", &user, &url];
    assert!(output(&mut curl(&asked)) == lying.bytes);
    let part = output(&mut curl(&[&["--range", "100-4999"], &asked[..]].concat()));
    assert!(part == lying.bytes[100..5000]);
    let log = std::fs::read_to_string(log).unwrap();
    for line in [
        "\"GET /bundles/w.tar HTTP/1.1\" 401".to_owned(),
        format!("\"GET /bundles/w.tar HTTP/1.1\" 200 {}", lying.bytes.len()),
        "\"GET /bundles/w.tar HTTP/1.1\" 206 4900".to_owned(),
    ] {
        assert!(log.contains(&line), "{line}: {log}");
    }
}
