//! `sealift serve` for many: several bundles, who may ask and how fast, what is noted, and how it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustix::process::Signal;

use crate::support::content::{Layer, tar};
use crate::support::engines::skopeo;
use crate::support::images::{Image, write_layout};
use crate::support::months::{Sender, image};
use crate::support::registry::Credentials;
use crate::support::sealift::{Keys, Sealift, Served, code, ran};
use crate::support::{Process, Random, command, files, http, output, text, wait_for};

/// A bundle with one image, whose layer is larger than what sockets hold.
struct Large {
    sealift: Sealift,
    keys: Keys,
    digest: String,
    bytes: Vec<u8>,
}

impl Large {
    fn get() -> &'static Large {
        static LARGE: OnceLock<Large> = OnceLock::new();
        LARGE.get_or_init(|| {
            let sealift = Sealift::new_in(Path::new(env!("CARGO_TARGET_TMPDIR")));
            let noise = Random::new(5).bytes(14 << 20);
            let layer = Layer::gzip(&tar(&[("noise", &noise, 0o644)]));
            let image = Image::single("acme/large", "1.0", "[]", &[layer]);
            write_layout(&sealift.at("layout"), &[("x.example/acme/large:1.0", &image)]);
            let keys = sealift.keys("signer");
            run!(sealift, "export", "oci:layout", "-o", "b.tar", "--sign-key", &keys.private).ok();
            let (digest, bytes) = image.blobs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
            let (digest, bytes) = (digest.clone(), bytes.clone());
            Large { sealift, keys, digest, bytes }
        })
    }

    fn serve(&self, more: &[&str]) -> Served {
        self.sealift.serve_with(&self.sealift.at("b.tar"), &self.keys.public, more)
    }

    fn path(&self) -> String {
        format!("/v2/acme/large/blobs/{}", self.digest)
    }

    /// A connection that has asked for the layer.
    fn ask(&self, served: &Served) -> TcpStream {
        let mut socket = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let (path, host) = (self.path(), served.host());
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).unwrap();
        socket
    }
}

fn metric(served: &Served, name: &str) -> u64 {
    let text = String::from_utf8(http::get(served.port, "/metrics", &[]).bytes()).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// The code that a server ended with.
fn ended(served: &mut Served) -> i32 {
    wait_for("the server ends", || served.process.ended());
    served.process.0.wait().unwrap().code().unwrap_or(-1)
}

#[test]
fn several_bundles_are_one_registry_in_which_a_delta_finds_what_it_lacks() {
    let sender = Sender::new();
    let june = [image("team/app:1.0", &["base", "app 1"]), image("team/db:1.0", &["base", "db"])];
    let july = [image("team/app:1.0", &["base", "app 2"]), image("team/new:1.0", &["base", "n"])];
    sender.export("june", &june, &[]).ok();
    sender.export("july", &july, &["--since", "june"]).ok();
    let alone = ["serve", "july", "--listen", "127.0.0.1:0", "--key"];
    ran(sender.sealift.command().args(alone).arg(&sender.keys.public))
        .exits(code::INCOMPLETE)
        .says("base");

    let also = sender.at("june").display().to_string();
    let more = ["--also", &also];
    let served = sender.sealift.serve_with(&sender.at("july"), &sender.keys.public, &more);

    let pulled = |name: &str| {
        let found = http::get(served.port, &format!("/v2/team/{name}"), &[]);
        (found.status, found.header("Docker-Content-Digest").unwrap_or_default().to_owned())
    };
    assert_eq!(pulled("app/manifests/1.0"), (200, july[0].digest().to_owned()), "the first's");
    let old = june[0].digest().to_owned();
    assert_eq!(pulled(&format!("app/manifests/{old}")), (200, old), "by digest");
    assert_eq!(pulled("db/manifests/1.0").1, june[1].digest());
    for (name, image) in [("app", &july[0]), ("app", &june[0]), ("db", &june[1]), ("new", &july[1])]
    {
        for (digest, bytes) in &image.blobs {
            let path = format!("/v2/team/{name}/blobs/{digest}");
            assert!(http::get(served.port, &path, &[]).bytes() == *bytes, "{path}");
        }
    }
    let metrics = String::from_utf8(http::get(served.port, "/metrics", &[]).bytes()).unwrap();
    for bundle in ["june", "july"] {
        let line = metrics.lines().find(|line| line.contains(&format!("{bundle}\"}} 2")));
        assert!(line.is_some_and(|line| line.starts_with("sealift_bundle_images{")), "{metrics}");
    }
    let front = String::from_utf8(http::get(served.port, "/", &[]).bytes()).unwrap();
    assert!(front.contains("href=\"/bundles/1\"") && front.contains("june"), "{front}");
    for (at, status) in [("1", 200), ("2", 200), ("3", 404), ("0", 404), ("x", 404)] {
        assert_eq!(http::get(served.port, &format!("/bundles/{at}"), &[]).status, status, "{at}");
    }

    // What it says of the name that both have.
    let (_told, json) = told_at_start(&sender, &["july", "--also", "june"]);
    let hidden = json["hidden"].as_array().unwrap();
    assert_eq!(hidden.len(), 1, "{json}");
    assert!(hidden[0]["name"].as_str().unwrap().ends_with("team/app:1.0"), "{json}");
    assert_eq!(hidden[0]["shown"], july[0].digest());
    assert_eq!(hidden[0]["hidden"], june[0].digest());
}

/// What `serve` says with these arguments once it listens, and the process.
fn told_at_start(sender: &Sender, arguments: &[&str]) -> (Process, serde_json::Value) {
    let mut serve = sender.sealift.command();
    serve.arg("serve").args(arguments).args(["--listen", "127.0.0.1:0", "--format", "json"]);
    serve.arg("--key").arg(&sender.keys.public).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = Process::start(&mut serve);
    let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    let mut json = String::new();
    while !json.ends_with("\n}\n") {
        json += &(lines.next().unwrap().unwrap() + "\n");
    }
    (process, serde_json::from_str(&json).unwrap())
}

#[test]
fn a_bundle_that_is_also_served_is_verified_by_the_same_trust() {
    let (sender, other) = (Sender::new(), Sender::new());
    sender.export("ours", &[image("team/app:1.0", &["app"])], &[]).ok();
    other.export("theirs", &[image("team/db:1.0", &["db"])], &[]).ok();

    let mut line = sender.sealift.command();
    line.args(["serve", "ours", "--listen", "127.0.0.1:0", "--also"]).arg(other.at("theirs"));
    ran(line.arg("--key").arg(&sender.keys.public)).exits(code::UNTRUSTED).says("theirs");
}

#[test]
fn no_log_is_written_into_a_bundle_and_addresses_are_such() {
    let sender = Sender::new();
    sender.export("folder", &[image("team/app:1.0", &["app"])], &[]).ok();
    sender.export("b.tar", &[image("team/app:1.0", &["app"])], &[]).ok();
    let before = files::tree(&sender.at("."));
    let serve = |line: &str| {
        let mut serve = sender.sealift.command();
        serve.arg("serve").arg("--key").arg(&sender.keys.public).args(line.split(' '));
        ran(&mut serve)
    };

    for line in [
        "folder --access-log folder/log",
        "b.tar --access-log b.tar",
        "b.tar --also folder --access-log folder/sig/log",
        "folder --also b.tar --access-log ./b.tar",
    ] {
        let said = serve(&format!("{line} --listen 127.0.0.1:0")).exits(code::USAGE);
        assert!(said.stderr.contains("bundle") && said.stderr.contains("hint: "), "{said:?}");
    }
    assert_eq!(files::tree(&sender.at(".")), before);
    for address in [":5000", "5000", "harbor.example:5000", "localhost:x"] {
        serve(&format!("b.tar --listen {address}")).exits(code::USAGE).says("as 127.0.0.1:5000");
    }
    // The same as the number.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    serve(&format!("b.tar --listen localhost:{port}"))
        .says(&format!("cannot listen on 127.0.0.1:{port}"));
    let missing = serve("b.tar --listen 127.0.0.1:0 --tls-cert none.pem --tls-key none.key");
    missing.exits(code::USAGE).says("see whether it is there");
}

#[test]
fn what_cannot_be_asked_for_by_its_name_is_told_at_the_start() {
    let sender = Sender::new();
    let (docker, local) = (image("team/app:1.0", &["app"]), image("team/app:1.0", &["other"]));
    let names = [("docker.io/team/app:1.0", &docker), ("localhost:5000/team/app:1.0", &local)];
    crate::support::images::write_layout(&sender.at("src"), &names);
    let mut export = sender.sealift.command();
    export.args(["export", "oci:src", "-o", "b", "--sign-key"]).arg(&sender.keys.private);
    ran(&mut export).ok();

    let (_told, json) = told_at_start(&sender, &["b"]);

    let hidden = json["hidden"].as_array().unwrap();
    assert_eq!(hidden.len(), 1, "{json}");
    assert_eq!(hidden[0]["name"], "localhost:5000/team/app:1.0");
    assert_eq!(
        (&hidden[0]["shown"], &hidden[0]["hidden"]),
        (&docker.digest().into(), &local.digest().into())
    );
    let port = json["listening"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let found = |of: &str| {
        let found = http::get(port, &format!("/v2/team/app/manifests/{of}"), &[]);
        found.header("Docker-Content-Digest").unwrap_or_default().to_owned()
    };
    assert_eq!(found("1.0"), docker.digest());
    assert_eq!(found(local.digest()), local.digest());
}

#[test]
fn passwords_are_asked_for_and_go_by_tls_whose_certificate_is_renewed() {
    need!("openssl", "htpasswd", "skopeo");
    let (large, one, two) = (Large::get(), Credentials::new(), Credentials::new());
    let (folder, wrong) = (large.sealift.at("tls"), large.sealift.at("wrong"));
    std::fs::create_dir(&folder).unwrap();
    let at = |name: &str| folder.join(name);
    let take = |credentials: &Credentials| {
        let (certificate, key) = credentials.certificate();
        // As a renewal does it: beside, and then renamed.
        for (from, to) in [(key, "key"), (certificate, "crt")] {
            std::fs::copy(from, at("new")).unwrap();
            std::fs::rename(at("new"), at(to)).unwrap();
        }
    };
    take(&one);
    let htpasswd = one.certificate().0.with_file_name("htpasswd");
    let named = |path: PathBuf| path.display().to_string();
    let (crt, key, users) = (named(at("crt")), named(at("key")), named(htpasswd));
    let log = named(large.sealift.at("tls.log"));
    let served = large.serve(&[
        "--tls-cert",
        &crt,
        "--tls-key",
        &key,
        "--htpasswd",
        &users,
        "--access-log",
        &log,
    ]);
    let copy = |credentials: &Credentials, password: &str, to: &Path| {
        let name = format!("docker://{}/acme/large:1.0", served.host());
        let mut skopeo = skopeo("copy");
        skopeo.args([
            "--src-tls-verify=true",
            "--src-creds",
            &format!("{}:{password}", Credentials::USER),
        ]);
        skopeo.arg("--src-cert-dir").arg(credentials.cert_dir());
        skopeo.arg(name).arg(format!("dir:{}", to.display()));
        ran(&mut skopeo)
    };

    copy(&one, Credentials::PASSWORD, &large.sealift.at("first")).ok();
    let layer = large.sealift.at("first").join(&large.digest[7..]);
    assert!(std::fs::read(layer).unwrap() == large.bytes);
    assert_ne!(copy(&one, "wrong horse", &wrong).code, 0);
    assert_ne!(copy(&two, Credentials::PASSWORD, &wrong).code, 0, "another authority's");

    // A certificate without its key changes nothing; with it, clients get the new one.
    std::fs::copy(two.certificate().0, at("crt")).unwrap();
    copy(&one, Credentials::PASSWORD, &large.sealift.at("second")).ok();
    take(&two);
    let renewed = large.sealift.at("third");
    wait_for("the new certificate", || copy(&two, Credentials::PASSWORD, &renewed).code == 0);

    let curl = |path: &str| {
        let mut curl = command("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code} %header{www-authenticate}"]);
        curl.arg("--cacert").arg(two.cert_dir().join("ca.crt"));
        text(curl.arg(format!("https://{}{path}", served.host())))
    };
    need!("curl");
    assert!(curl("/healthz").starts_with("200"));
    for closed in ["/v2/", "/metrics", "/", "/nothing"] {
        assert!(curl(closed).starts_with("401"), "{closed}: {}", curl(closed));
    }
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains(" - mover [") && log.contains(" - - ["), "{log}");
}

#[test]
fn passwords_do_not_cross_a_network_in_clear_unasked() {
    need!("htpasswd");
    let large = Large::get();
    let line = output(command("htpasswd").args(["-Bbn", "ann", "secret"]));
    std::fs::write(large.sealift.at("users"), line).unwrap();
    let serve = |listen: &str, more: &[&str]| {
        let mut line = large.sealift.command();
        line.args(["serve", "b.tar", "--htpasswd", "users", "--listen", listen, "--key"]);
        line.arg(&large.keys.public).args(more).args(["--grace", "0"]);
        line
    };

    ran(&mut serve("0.0.0.0:0", &[])).exits(code::USAGE).says("in clear");
    let mut allowed = serve("0.0.0.0:0", &["--htpasswd-over-http"]);
    let mut allowed = Process::start(allowed.stdout(Stdio::piped()));
    let mut lines = BufReader::new(allowed.0.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("listening on http://0.0.0.0:"));

    std::fs::write(large.sealift.at("users"), "ann:$apr1$x$y\n").unwrap();
    ran(&mut serve("127.0.0.1:0", &[])).exits(code::USAGE).says("users: line 1: the hash of ann");
}

#[test]
fn a_changed_file_of_passwords_is_taken_up_and_a_broken_one_is_not() {
    need!("htpasswd");
    let large = Large::get();
    let line = |user: &str| output(command("htpasswd").args(["-Bbn", "-C", "5", user, "secret"]));
    let (file, new) = (large.sealift.at("changing"), large.sealift.at("changing.new"));
    let write = |bytes: &[u8]| {
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(&new, &file).unwrap();
    };
    write(&line("ann"));
    let told = large.sealift.at("changing.told");
    let mut serve = large.sealift.command();
    serve.args(["serve", "b.tar", "--listen", "127.0.0.1:0", "--key"]).arg(&large.keys.public);
    serve.arg("--htpasswd").arg(&file).stderr(std::fs::File::create(&told).unwrap());
    let mut served = Process::start(serve.stdout(Stdio::piped()));
    let mut line_of_it = String::new();
    BufReader::new(served.0.stdout.take().unwrap()).read_line(&mut line_of_it).unwrap();
    let port = line_of_it.trim().rsplit(':').next().unwrap().parse().unwrap();
    let status = |user: &str| {
        let said = BASE64_STANDARD.encode(format!("{user}:secret"));
        http::get(port, "/v2/", &[("Authorization", &format!("Basic {said}"))]).status
    };
    assert_eq!((status("ann"), status("bob")), (200, 401));

    write(&line("bob"));
    wait_for("the new user", || status("bob") == 200);
    assert_eq!(status("ann"), 401, "who was there before");
    write(b"ann:secret\n");
    let all = || std::fs::read_to_string(&told).unwrap();
    wait_for("it is told", || all().contains("the passwords stay as they were: "));
    assert!(all().contains("the passwords were read anew"), "{}", all());
    assert_eq!((status("ann"), status("bob")), (401, 200));
}

#[test]
fn every_request_is_a_line_of_the_log_whatever_it_says() {
    let large = Large::get();
    for (format, first) in [("combined", "127.0.0.1 - - ["), ("json", "{")] {
        let log = large.sealift.at(&format!("access.{format}"));
        let name = log.display().to_string();
        let served = large.serve(&["--access-log", &name, "--access-log-format", format]);

        let agent = [("User-Agent", "evil\u{9b}2J\"\\ \u{e9}")];
        assert_eq!(http::get(served.port, "/v2/x\"y/tags/list?n=1", &agent).status, 404);
        let whole = http::get(served.port, &large.path(), &[]).bytes();
        assert!(whole == large.bytes);
        // One that dies: fewer bytes are noted than there are.
        let mut dies = large.ask(&served);
        dies.read_exact(&mut [0; 1000]).unwrap();
        drop(dies);
        let lines = || std::fs::read_to_string(&log).unwrap_or_default();
        wait_for("three lines", || lines().lines().count() == 3);

        let all = lines();
        assert!(all.bytes().all(|c| c == b'\n' || (b' '..=b'~').contains(&c)), "{all}");
        assert!(all.lines().all(|line| line.starts_with(first)), "{all}");
        let sent = |line: &str| match format {
            "json" => serde_json::from_str::<serde_json::Value>(line).unwrap()["bytes"].as_u64(),
            _ => line.split("\" ").nth(1).unwrap().split(' ').nth(1).unwrap().parse().ok(),
        };
        let size = large.bytes.len() as u64;
        let lines_of_it: Vec<_> = all.lines().skip(1).map(|line| sent(line).unwrap()).collect();
        assert!(lines_of_it[0] == size && lines_of_it[1] < size, "{all}");

        // What is no request is answered, and noted and counted as well.
        let mut none = TcpStream::connect(("127.0.0.1", served.port)).unwrap();
        none.write_all(b"no request\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        none.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 400 "), "{answer:?}");
        wait_for("its line", || lines().lines().count() == 4);
        let line = lines().lines().last().unwrap().to_owned();
        let told = if format == "json" { r#""status":400"# } else { r#"] "-" 400 0 "-" "-""# };
        assert!(line.contains(told), "{line}");
        let metrics = String::from_utf8(http::get(served.port, "/metrics", &[]).bytes()).unwrap();
        assert!(metrics.contains("sealift_http_requests_total{code=\"400\"} 1"), "{metrics}");

        // As logrotate does it.
        std::fs::rename(&log, log.with_extension("1")).unwrap();
        assert_eq!(http::get(served.port, "/healthz", &[]).status, 200);
        wait_for("a new file", || lines().contains("/healthz"));
    }
}

#[test]
fn answers_under_way_end_and_nobody_else_is_let_in() {
    let large = Large::get();
    let mut served = large.serve(&["--grace", "50"]);
    let mut slow = large.ask(&served);
    let mut got = vec![0; 100_000];
    slow.read_exact(&mut got).unwrap();
    assert_eq!(metric(&served, "sealift_http_requests_in_flight"), 1);

    served.process.signal(Signal::TERM);
    wait_for("nobody is let in", || TcpStream::connect(("127.0.0.1", served.port)).is_err());
    assert!(!served.process.ended());
    slow.read_to_end(&mut got).unwrap();

    assert!(got.ends_with(&large.bytes), "all of it");
    assert_eq!(ended(&mut served), 0);
}

#[test]
fn answers_under_way_are_waited_for_no_longer_than_was_said() {
    let large = Large::get();
    let mut served = large.serve(&["--grace", "0"]);
    let mut slow = large.ask(&served);
    slow.read_exact(&mut [0; 1000]).unwrap();

    served.process.signal(Signal::TERM);

    assert_eq!(ended(&mut served), 0);
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(rest.len() < large.bytes.len() - 1000, "broken off");
}

#[test]
fn a_client_gets_its_bytes_a_second_over_all_of_its_connections() {
    let large = Large::get();
    let served = large.serve(&["--client-rate", "7MB"]);
    let begun = Instant::now();

    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let got = http::get(served.port, &large.path(), &[]).bytes();
                assert!(got == large.bytes);
            });
        }
    });

    // A third less than what it takes, for the burst at the beginning and the sockets' queues.
    let least = 2.0 * large.bytes.len() as f64 / 7e6 * 0.66;
    assert!(begun.elapsed().as_secs_f64() > least, "{:?}", begun.elapsed());
}

#[test]
fn a_socket_that_systemd_hands_over_is_served() {
    need!("systemd-socket-activate");
    let large = Large::get();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = large.sealift.command();
    let mut activate = command("systemd-socket-activate");
    activate.arg("--listen").arg(free.to_string()).arg(line.get_program());
    activate.arg("serve").arg(large.sealift.at("b.tar")).arg("--key").arg(&large.keys.public);
    let _activated = Process::start(activate.stdout(Stdio::null()).stderr(Stdio::null()));
    wait_for("it listens", || TcpStream::connect(free).is_ok());

    // The first client waits in the socket while the bundle is verified.
    let found = http::get(free.port(), "/v2/acme/large/manifests/1.0", &[]);

    assert_eq!(found.status, 200);
}

#[test]
fn what_the_examples_say_is_understood() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/serve");
    let sealift = Sealift::new();
    let mut help = sealift.command();
    let help = text(help.args(["serve", "--help"]));
    let mut all = String::new();
    for name in ["sealift.service", "sealift.socket", "kubernetes.yaml"] {
        let said = std::fs::read_to_string(examples.join(name)).unwrap();
        let program = sealift.command().get_program().display().to_string();
        let here = said.replace("/usr/bin/sealift", &program);
        std::fs::write(sealift.at(name), here).unwrap();
        all += &said;
    }
    let options: Vec<&str> = all
        .split([' ', '\n', '=', '(', ')', '[', ']', ','])
        .filter(|word| word.starts_with("--") && word.len() > 3)
        .filter(|word| !["--now"].contains(word))
        .collect();
    assert!(options.len() > 10, "{options:?}");
    for option in options {
        let is_there = help.split_whitespace().any(|word| word == option);
        assert!(is_there, "{option} is none of\n{help}");
    }

    need!("systemd-analyze");
    let mut verify = command("systemd-analyze");
    verify.arg("verify").arg(sealift.at("sealift.service")).arg(sealift.at("sealift.socket"));
    let said = output(&mut verify);
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
    need!("python3");
    let parse = "import sys, yaml; print(len(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let mut yaml = command("python3");
    assert_eq!(text(yaml.args(["-c", parse]).arg(sealift.at("kubernetes.yaml"))).trim(), "2");
}
