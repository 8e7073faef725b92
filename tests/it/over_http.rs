//! A bundle is read over HTTP where it lies: by ranges, each byte once, of one and the same file, and nothing of
//! it lies on the disk of who reads.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::{Duration, UNIX_EPOCH};

use rustix::process::Signal;

use crate::memory::peak_of;
use crate::support::content::{Layer, tar};
use crate::support::double::{Double, Reply};
use crate::support::engines::Podman;
use crate::support::files;
use crate::support::gate::Gate;
use crate::support::images::{self, Image};
use crate::support::nginx::Nginx;
use crate::support::registry::{Credentials, Registry, authfile};
use crate::support::sealift::{Keys, Ran, Sealift, code, ran};
use crate::support::shaky::Shaky;
use crate::support::{Process, Random, output};

/// Sizes of the layers, of which the first image has the first two, and the second the last two.
const LAYERS: [usize; 3] = [3 << 20, 2 << 20, 1 << 20];
/// What may be asked for beside layers: the lists, manifests and configs with what follows them.
const LISTS: u64 = 200 << 10;

/// A bundle of two images that every test here reads, and who signed it.
struct Stock {
    sealift: Sealift,
    folder: PathBuf,
    keys: Keys,
    layers: Vec<String>,
}

impl Stock {
    fn get() -> &'static Stock {
        static STOCK: OnceLock<Stock> = OnceLock::new();
        STOCK.get_or_init(|| {
            let sealift = Sealift::new();
            let layers = LAYERS.map(|size| {
                let noise = Random::new(size as u64).bytes(size);
                Layer::plain(&tar(&[("noise", &noise, 0o644)]))
            });
            let cmd = r#"["/bin/true"]"#;
            let one = Image::single("acme/one", "1.0", cmd, &layers[..2]);
            let two = Image::single("acme/two", "1.0", cmd, &layers[1..]);
            let names = ["docker.io/acme/one:1.0", "docker.io/acme/two:1.0"];
            images::write_layout(&sealift.at("l"), &[(names[0], &one), (names[1], &two)]);
            let keys = sealift.keys("signer");
            run!(sealift, "export", "oci:l", "-o", "june.tar", "--sign-key", keys.private).ok();
            // A delta that carries none of them.
            let mut delta = sealift.command();
            delta.args(["export", "oci:l", "-o", "july.tar", "--since", "june.tar", "--sign-key"]);
            ran(delta.arg(&keys.private)).ok();
            let digests = layers.iter().map(|layer| crate::support::content::digest(&layer.bytes));
            let layers = digests.collect();
            Stock { folder: sealift.at(""), sealift, keys, layers }
        })
    }

    fn size(&self) -> u64 {
        fs::metadata(self.folder.join("june.tar")).unwrap().len()
    }
}

fn url(host: &str) -> String {
    format!("http://{host}/june.tar")
}

/// An import into the layout `to`, in which nothing is to be left in the folder for what is temporary.
fn import(sealift: &Sealift, bundle: &str, to: &str, more: &[&str]) -> Ran {
    let scratch = sealift.at("tmp");
    fs::create_dir_all(&scratch).unwrap();
    let mut command = sealift.command();
    command.args(["import", bundle, "--format", "json", "--to", to, "--key"]);
    command.arg(&Stock::get().keys.public).args(more).env("TMPDIR", &scratch);
    let ran = ran(&mut command);
    assert_eq!(fs::read_dir(scratch).unwrap().count(), 0, "something was staged");
    ran
}

/// How many bytes of a range are asked for.
fn asked(range: &str) -> u64 {
    let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    last.parse::<u64>().unwrap() - first.parse::<u64>().unwrap() + 1
}

#[test]
fn each_byte_is_asked_for_once_and_a_layer_that_is_there_not_at_all() {
    need!("nginx");
    let (stock, sealift) = (Stock::get(), Sealift::new());
    let nginx = Nginx::giving(&stock.folder, "", "");
    let url = url(&nginx.host());

    let shown = run!(sealift, "inspect", url, "--format", "json").ok();
    assert_eq!(shown.json()["bundle"], url);
    let looked = nginx.parts(0);
    assert!(looked.iter().map(|it| it.1).sum::<u64>() < LISTS, "{looked:?}");

    let before = nginx.parts(0).len();
    run!(sealift, "verify", url, "--key", stock.keys.public).ok();
    let verified = nginx.parts(before);
    let bytes: u64 = verified.iter().map(|it| it.1).sum();
    assert!((stock.size() * 99 / 100..stock.size() + LISTS).contains(&bytes), "{bytes}");
    assert!(verified.iter().all(|it| it.0 == 206), "{verified:?}");

    let before = nginx.parts(0).len();
    import(&sealift, &url, "oci:store", &[]).ok();
    let imported = nginx.parts(before);
    assert!(imported.iter().map(|it| it.1).sum::<u64>() < stock.size() + LISTS, "{imported:?}");
    let large: Vec<u64> = imported.iter().map(|it| it.1).filter(|it| *it >= 1 << 20).collect();
    assert_eq!(large.len(), LAYERS.len(), "a layer is one request: {imported:?}");
    let packed = stock.folder.join("june.tar");
    import(&sealift, packed.to_str().unwrap(), "oci:other", &[]).ok();
    assert_eq!(files::tree(&sealift.at("store")), files::tree(&sealift.at("other")));

    // One layer is lost at the destination.
    let lost = sealift.at("store/blobs/sha256").join(&stock.layers[1]["sha256:".len()..]);
    let size = fs::metadata(&lost).unwrap().len();
    fs::remove_file(&lost).unwrap();
    let before = nginx.parts(0).len();
    assert_eq!(import(&sealift, &url, "oci:store", &[]).ok().number("/copied/blobs"), 1);
    let mended = nginx.parts(before);
    let of_layers: Vec<u64> =
        mended.iter().map(|it| asked(&it.2)).filter(|it| *it > LISTS).collect();
    assert_eq!(of_layers, [size], "{mended:?}");
    assert!(mended.iter().map(|it| it.1).sum::<u64>() < size + LISTS, "{mended:?}");
    assert_eq!(files::tree(&sealift.at("store")), files::tree(&sealift.at("other")));
}

#[test]
fn it_goes_into_a_registry_and_into_podman_as_from_a_path() {
    need!("nginx", "docker-registry", "podman");
    let (stock, sealift) = (Stock::get(), Sealift::new());
    let nginx = Nginx::giving(&stock.folder, "", "");
    let url = url(&nginx.host());

    let registry = Registry::empty();
    import(&sealift, &url, &format!("docker://{}/group", registry.host()), &[]).ok();
    let there = run!(sealift, "list", format!("docker://{}/group", registry.host())).ok();
    there.says("acme/one:1.0").says("acme/two:1.0");

    let podman = Podman::new();
    let mut import = sealift.command();
    import.args(["import", &url, "--to", &podman.storage(), "--key"]).arg(&stock.keys.public);
    import.env("CONTAINERS_CONF", podman.conf());
    ran(&mut import).ok();
    let names = output(podman.command().args(["images", "--format", "{{.Repository}}"]));
    assert_eq!(String::from_utf8(names).unwrap().matches("docker.io/acme/").count(), 2);
}

#[test]
fn a_line_that_keeps_breaking_is_taken_up_where_it_broke() {
    need!("nginx");
    let (stock, sealift) = (Stock::get(), Sealift::new());
    let nginx = Nginx::giving(&stock.folder, "", "");
    let random = Random::printed("a_line_that_keeps_breaking_is_taken_up_where_it_broke");
    let line = Shaky::to(nginx.port(), random, 700 << 10, 1_200 << 10);

    import(&sealift, &url(&line.host()), "oci:store", &[]).ok();

    assert!(line.cuts() >= 4, "it broke {} times", line.cuts());
    // What was on its way when it broke is lost, and nothing else.
    let most = stock.size() + LISTS + line.cuts() * (512 << 10);
    assert!(line.down() < most, "{} bytes of {}", line.down(), stock.size());
    run!(sealift, "list", "oci:store").ok().says("acme/two:1.0");
}

/// Starts what `verb` says with the bundle behind `gate`, which shuts in the middle of a layer.
fn halfway(sealift: &Sealift, gate: &Gate, upstream: u16, verb: &[&str], conf: &Path) -> Process {
    gate.reset(upstream, 2 << 20);
    let mut command = sealift.command();
    command.arg(verb[0]).arg(url(&gate.host())).args(&verb[1..]);
    command.arg("--key").arg(&Stock::get().keys.public).env("CONTAINERS_CONF", conf);
    let mut process = Process::start(command.stderr(Stdio::piped()).stdout(Stdio::piped()));
    gate.wait_shut(|| process.ended());
    process
}

/// Its exit code, and what it said to people.
fn end(mut process: Process) -> (Option<i32>, String) {
    let mut said = String::new();
    process.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (process.0.wait().unwrap().code(), said)
}

#[test]
fn a_file_that_is_replaced_in_the_middle_is_one_error_and_gives_no_name() {
    need!("nginx", "docker-registry", "podman");
    let (stock, sealift) = (Stock::get(), Sealift::new());
    let folder = sealift.at("given");
    fs::create_dir(&folder).unwrap();
    let (packed, given) = (stock.folder.join("june.tar"), folder.join("june.tar"));
    files::copy(&packed, &given);
    let nginx = Nginx::giving(&folder, "", "");
    let gate = Gate::to(nginx.port());
    let (registry, podman) = (Registry::empty(), Podman::new());
    let place = format!("docker://{}/group", registry.host());

    for (round, verb) in [
        &["verify"][..],
        &["import", "--to", "oci:store"],
        &["import", "--to", &place],
        &["import", "--to", &podman.storage()],
    ]
    .into_iter()
    .enumerate()
    {
        let process = halfway(&sealift, &gate, nginx.port(), verb, &podman.conf());
        // The same bytes, and yet another file.
        files::copy(&packed, &folder.join("new"));
        let seconds = Duration::from_secs(1_000_000 + round as u64);
        let file = fs::File::options().write(true).open(folder.join("new")).unwrap();
        file.set_modified(UNIX_EPOCH + seconds).unwrap();
        fs::rename(folder.join("new"), &given).unwrap();
        gate.reset(nginx.port(), u64::MAX);

        let (code, said) = end(process);
        assert_eq!(code, Some(code::DAMAGED), "{verb:?}\n{said}");
        assert!(said.contains("was changed or replaced while it was read"), "{said}");
        assert!(said.contains("run the same command again once it stays as it is"), "{said}");
        assert_eq!(said.matches("was changed or replaced").count(), 1, "{verb:?}\n{said}");
        assert_eq!(said.matches("error: ").count(), 1, "{verb:?}\n{said}");
    }
    let index = fs::read_to_string(sealift.at("store/index.json")).unwrap_or_default();
    assert!(!index.contains("acme"), "{index}");
    let names = output(podman.command().args(["images", "--format", "{{.Repository}}"]));
    assert!(!String::from_utf8(names).unwrap().contains("acme"));
    let there = run!(sealift, "list", place);
    assert!(!there.stdout.contains("acme"), "{}", there.stdout);
}

#[test]
fn whoever_is_stopped_while_nothing_comes_ends_at_once_and_goes_on_later() {
    need!("nginx");
    let (stock, sealift) = (Stock::get(), Sealift::new());
    let nginx = Nginx::giving(&stock.folder, "", "");
    let gate = Gate::to(nginx.port());
    let import = ["import", "--to", "oci:store", "--timeout", "3600"];

    let process = halfway(&sealift, &gate, nginx.port(), &import, Path::new(""));
    process.signal(Signal::INT);

    let (code, said) = end(process);
    assert_eq!(code, Some(code::INTERRUPTED), "{said}");
    let index = fs::read_to_string(sealift.at("store/index.json")).unwrap_or_default();
    assert!(!index.contains("acme"), "{index}");
    gate.reset(nginx.port(), u64::MAX);
    run!(sealift, "import", url(&gate.host()), "--to", "oci:store", "--key", stock.keys.public)
        .ok();
}

#[test]
fn a_bundle_that_is_served_is_read_as_the_file_that_it_is() {
    let (stock, sealift) = (Stock::get(), Sealift::new());
    let served = sealift.serve(&stock.folder.join("june.tar"), &stock.keys.public);
    let url = format!("http://{}/bundles/june.tar", served.host());

    run!(sealift, "verify", url, "--key", stock.keys.public).ok();
    import(&sealift, &url, "oci:store", &[]).ok();
    assert_eq!(import(&sealift, &url, "oci:store", &[]).ok().number("/copied/blobs"), 0);
    run!(sealift, "diff", url, "oci:store", "--key", stock.keys.public, "--exit-code").ok();
    run!(sealift, "list", url, "--key", stock.keys.public).ok().says("docker.io/acme/two:1.0");
    run!(sealift, "report", url, "--key", stock.keys.public, "-o", "r.md").ok();
    run!(sealift, "proof", url, "--key", stock.keys.public, "-o", "p").ok();

    // What a delta does not carry comes from there as well.
    let delta = stock.sealift.at("july.tar");
    let delta = delta.to_str().unwrap();
    import(&sealift, delta, "oci:bare", &[]).exits(code::INCOMPLETE);
    let whole = import(&sealift, delta, "oci:bare", &["--base", &url]).ok();
    assert_eq!(whole.json()["images"].as_array().unwrap().len(), 2);
    run!(sealift, "verify", delta, "--base", url, "--key", stock.keys.public).ok();
}

#[test]
fn whatever_else_a_server_says_is_one_error_with_the_way_out() {
    need!("nginx");
    let (stock, sealift) = (Stock::get(), Sealift::new());
    let folder = sealift.at("given");
    fs::create_dir(&folder).unwrap();
    let packed = fs::read(stock.folder.join("june.tar")).unwrap();
    let mut damaged = packed.clone();
    let middle = packed.len() / 2;
    damaged[middle] ^= 1;
    for (name, bytes) in [
        ("damaged.tar", &damaged[..]),
        ("june.tar", &packed[..]),
        ("cut.tar", &packed[..packed.len() / 2]),
        ("empty.tar", b""),
        ("page.tar", b"<!DOCTYPE html><p>Log in"),
        ("june.tar.age", b"age-encryption.org/v1\n-> X25519 x"),
        ("june.tar.gz", b"\x1f\x8b\x08\x00"),
    ] {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let nginx = Nginx::giving(
        &folder,
        "",
        &format!(
            "location /whole/ {{ alias {0}/; max_ranges 0; }}
             location /led/ {{ return 302 http://storage.example/june.tar; }}
             location /signed/ {{ return 302 'http://storage.example/june.tar?sig=geheim'; }}
             location /known/ {{ return 302 'http://user:geheim@storage.example/june.tar'; }}
             location /nothing/ {{ return 204; }}
             location /proxy/ {{ return 407; }}
             location /odd/ {{ return 418; }}
             location /page/ {{ default_type text/html; return 200 '<html>log in'; }}
             location /shut/ {{ return 403; }}",
            folder.display()
        ),
    );
    let host = nginx.host();
    let verify = |path: &str| {
        let verify =
            run!(sealift, "verify", format!("http://{host}{path}"), "--key", stock.keys.public);
        assert_eq!(verify.stderr.matches("error: ").count(), 1, "{}", verify.stderr);
        verify
    };

    verify("/none.tar").exits(code::INCOMPLETE).says("no such file (HTTP 404)").says(&host);
    for (path, code) in [("/cut.tar", code::INCOMPLETE), ("/damaged.tar", code::DAMAGED)] {
        let wrong = verify(path).exits(code);
        // Nobody looks for recovery data there.
        assert!(!wrong.stderr.contains("repaired"), "{}", wrong.stderr);
    }
    verify("/cut.tar").says("is incomplete");
    verify("/empty.tar").exits(code::INCOMPLETE).says("is no bundle: it is an empty file");
    verify("/page.tar").exits(code::UNTRUSTED).says("is no bundle: it is a web page");
    verify("/page/june.tar")
        .exits(code::UNTRUSTED)
        .says("what came is no bundle: it is a web page");
    verify("/june.tar.gz").exits(code::UNTRUSTED).says("compressed with gzip");
    verify("/june.tar.age").exits(code::USAGE).says("is encrypted, which is not read over HTTP");
    verify("/whole/june.tar").exits(code::REFUSED).says("has to give ranges");
    let led = verify("/led/june.tar").exits(code::REFUSED);
    led.says("it leads to http://storage.example/june.tar (HTTP 302), and was not followed");
    let signed = verify("/signed/june.tar").exits(code::REFUSED).says("http://storage.example");
    assert!(!signed.stderr.contains("geheim"), "{}", signed.stderr);
    let known = verify("/known/june.tar").exits(code::REFUSED).says("leads to another address (");
    assert!(!known.stderr.contains("geheim"), "{}", known.stderr);
    let shut = verify("/shut/june.tar").exits(code::REFUSED).says("not allowed (HTTP 403)");
    assert!(
        !shut.stderr.contains("login") && !shut.stderr.contains("--authfile"),
        "{}",
        shut.stderr
    );
    verify("/nothing/june.tar").exits(code::REFUSED).says("HTTP 204").says("check the address");
    verify("/proxy/june.tar").exits(code::REFUSED).says("HTTP 407").says("no_proxy");
    verify("/odd/june.tar").exits(code::REFUSED).says("HTTP 418").says("check the address");

    // Addresses that nobody should write down, and places that are none.
    let plain = |bundle: &str| run!(sealift, "verify", bundle, "--key", stock.keys.public);
    for other in ["ftp://user:geheim@head/june.tar", "http:/head/june.tar"] {
        let refused = plain(other).exits(code::USAGE).says("only http:// and https://");
        assert!(!refused.stderr.contains("geheim"), "{}", refused.stderr);
    }
    for bent in ["/a b.tar", "/jüni.tar"] {
        plain(&format!("http://{host}{bent}")).exits(code::USAGE).says("percent-encoded");
    }
    for secret in ["http://a:geheim@head/june.tar", "http://head/june.tar?sig=geheim"] {
        let refused = plain(secret).exits(code::USAGE).says("head");
        assert!(!refused.stderr.contains("geheim"), "{}", refused.stderr);
    }
    let of_two =
        run!(sealift, "verify", url(&host), folder.join("june.tar"), "--key", stock.keys.public);
    of_two.exits(code::USAGE).says("not read over HTTP");
    let url = url(&host);
    run!(sealift, "verify", url, "--verify-media", "--key", stock.keys.public)
        .exits(code::USAGE)
        .says("lies on another machine");
    let key = stock.keys.public.to_str().unwrap();
    let sign = stock.keys.private.to_str().unwrap();
    for verb in [
        &["pack", &url, "-o", "p.tar"][..],
        &["sign", &url, "--sign-key", sign, "--key", key],
        &["protect", &url],
        &["repair", &url, "--key", key],
        &["squash", &url, &url, "-o", "s.tar", "--key", key],
        &["serve", &url, "--key", key],
        &["receive", &url, "--to", "oci:x", "--key", key],
        &["export", "oci:l", "--reuse", &url, "-o", "n.tar", "--sign-key", sign],
        &["export", "oci:l", "--since", &url, "-o", "n.tar", "--sign-key", sign],
    ] {
        let refused = ran(sealift.command().args(verb));
        assert_eq!(refused.code, code::USAGE, "{verb:?}\n{}", refused.stderr);
    }
    assert!(!sealift.at("http:").exists() && !sealift.at("x").exists());
}

/// What a server may answer to the request for a range, and what is to be said of it.
type Odd = (&'static str, fn(&[u8], (usize, usize)) -> Reply, i32, &'static str);

#[test]
fn nothing_that_a_server_says_of_a_range_is_believed() {
    let (stock, sealift) = (Stock::get(), Sealift::new());
    let part = |bytes: &[u8], (first, last): (usize, usize)| {
        let last = last.min(bytes.len() - 1);
        let range = format!("bytes {first}-{last}/{}", bytes.len());
        Reply::new(206, &bytes[first..=last]).header("content-range", range)
    };
    let odd: [Odd; 7] = [
        (
            "another place",
            |bytes, (first, last)| {
                let body = &bytes[first..=last.min(bytes.len() - 1)];
                Reply::new(206, body).header("content-range", "bytes 7-9/4000000")
            },
            code::REFUSED,
            "another range came",
        ),
        (
            "no place",
            |bytes, _| Reply::new(206, &bytes[..100]),
            code::REFUSED,
            "without saying which",
        ),
        (
            "fewer than asked for",
            |bytes, _| {
                let range = format!("bytes 0-99/{}", bytes.len());
                Reply::new(206, &bytes[..100]).header("content-range", range)
            },
            code::REFUSED,
            "another range came",
        ),
        (
            "more than said",
            |bytes, (first, last)| {
                let last = last.min(bytes.len() - 1);
                let range = format!("bytes {first}-{last}/{}", bytes.len());
                Reply::new(206, &bytes[first..=(last + 9).min(bytes.len() - 1)])
                    .header("content-range", range)
            },
            code::REFUSED,
            "another range came",
        ),
        (
            "a size that nothing has",
            |bytes, (first, last)| {
                let range = format!("bytes {first}-{last}/18446744073709551615");
                Reply::new(206, &bytes[first..=last]).header("content-range", range)
            },
            code::REFUSED,
            "more than any file",
        ),
        (
            "compressed",
            |bytes, (first, last)| {
                let range = format!("bytes {first}-{last}/{}", bytes.len());
                Reply::new(206, &bytes[first..=last])
                    .header("content-range", range)
                    .header("content-encoding", "gzip")
            },
            code::REFUSED,
            "it comes compressed",
        ),
        (
            "longer each time",
            |bytes, (first, last)| {
                let last = last.min(bytes.len() - 1);
                let range = format!("bytes {first}-{last}/{}", bytes.len() + first);
                Reply::new(206, &bytes[first..=last]).header("content-range", range)
            },
            code::DAMAGED,
            "was changed or replaced",
        ),
    ];
    let packed = fs::read(stock.folder.join("june.tar")).unwrap();
    let given = |answer: fn(&[u8], (usize, usize)) -> Reply| {
        let packed = packed.clone();
        Double::start(move |seen| {
            let range = seen.header("range")?.strip_prefix("bytes=")?;
            let (first, last) = range.split_once('-')?;
            Some(answer(&packed, (first.parse().ok()?, last.parse().ok()?)))
        })
    };
    let honest = given(part);
    run!(sealift, "verify", url(&honest.host()), "--key", stock.keys.public).ok();

    for (name, answer, code, words) in odd {
        let double = given(answer);
        let verify = run!(sealift, "verify", url(&double.host()), "--key", stock.keys.public);
        assert_eq!(verify.code, code, "{name}\n{}", verify.stderr);
        verify.says(words);
    }
}

#[test]
fn credentials_are_those_of_the_host_and_cross_plain_http_only_where_somebody_said_so() {
    need!("nginx", "openssl", "htpasswd");
    let (stock, sealift) = (Stock::get(), Sealift::new());
    let credentials = Credentials::new();
    let (certificate, key) = credentials.certificate();
    let words = credentials.cert_dir().parent().unwrap().join("htpasswd");
    // nginx of Debian knows bcrypt where the C library does.
    let guard = format!("auth_basic x; auth_basic_user_file {};", words.display());
    let open = Nginx::giving(&stock.folder, "", &guard);
    let tls = format!(
        "{guard} ssl_certificate {}; ssl_certificate_key {};",
        certificate.display(),
        key.display()
    );
    let shut = Nginx::giving(&stock.folder, " ssl", &tls);
    let verify = |bundle: &str, more: &[&Path]| {
        let mut verify = sealift.command();
        verify.args(["verify", bundle, "--key"]).arg(&stock.keys.public).args(more);
        ran(&mut verify)
    };
    let option = |name: &'static str| Path::new(name);
    let https = format!("https://{}/june.tar", shut.host());
    let cert_dir = credentials.cert_dir();

    verify(&https, &[]).exits(1).says("--cert-dir");
    let trusted = [option("--cert-dir"), &cert_dir];
    let refused = verify(&https, &trusted).exits(code::REFUSED);
    let refused = refused.says("not logged in, or not allowed (HTTP 401)");
    let refused = refused.says("\"auths\"").says("--authfile");
    assert!(!refused.stderr.contains("login`"), "{}", refused.stderr);
    let of_host = credentials.authfile(&shut.host());
    let known = [&trusted[..], &[option("--authfile"), &of_host]].concat();
    verify(&https, &known).ok();

    // Those of another host are not sent.
    let of_other = credentials.authfile(&open.host());
    let other = [&trusted[..], &[option("--authfile"), &of_other]].concat();
    verify(&https, &other).exits(code::REFUSED).says("HTTP 401");

    // By plain HTTP: a file that says so, an option that says so, or not at all.
    let http = url(&open.host());
    verify(&http, &[option("--authfile"), &of_other]).ok();
    let text = fs::read_to_string(&of_other).unwrap().replace("http://", "");
    let unsaid = sealift.at("auth.json");
    fs::write(&unsaid, text).unwrap();
    let host = open.host();
    let refused = verify(&http, &[option("--authfile"), &unsaid]).exits(code::REFUSED);
    refused.says("--plain-http").says("nothing was sent");
    let said = [option("--authfile"), &unsaid, option("--plain-http"), Path::new(&host)];
    verify(&http, &said).ok();
    let wrong = authfile(&sealift.at(""), &open.host(), Credentials::USER, "wrong");
    verify(&http, &[option("--authfile"), &wrong]).exits(code::REFUSED).says("HTTP 401");
}

#[test]
fn a_password_goes_to_whoever_was_named_and_to_no_token_service() {
    let sealift = Sealift::new();
    let public = &Stock::get().keys.public;
    let other = Double::start(|_| Some(Reply::new(200, r#"{"token":"T"}"#)));
    let bearer = format!("Bearer realm=\"http://{}/token\",service=\"x\"", other.host());
    let packed = fs::read(Stock::get().folder.join("june.tar")).unwrap();
    let realm = bearer.clone();
    let server = Double::start(move |seen| {
        let both = seen.target == "/both/june.tar";
        if both && seen.header("authorization").is_some_and(|it| it.starts_with("Basic ")) {
            let range = seen.header("range")?.strip_prefix("bytes=")?;
            let (first, last) = range.split_once('-')?;
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            let last = last.min(packed.len() - 1);
            let range = format!("bytes {first}-{last}/{}", packed.len());
            return Some(Reply::new(206, &packed[first..=last]).header("content-range", range));
        }
        let asks = Reply::new(401, "").header("www-authenticate", realm.clone());
        Some(if both { asks.header("www-authenticate", "Basic realm=\"x\"") } else { asks })
    });
    let host = server.host();
    let login = authfile(&sealift.at(""), &host, "user", "geheim");

    for more in [&[][..], &["--authfile", login.to_str().unwrap(), "--plain-http", &host]] {
        let mut verify = sealift.command();
        verify.args(["verify", &url(&host), "--key"]).arg(public).args(more);
        let refused = ran(&mut verify).exits(code::REFUSED);
        let refused = refused.says("it wants a token, and no name and password (HTTP 401)");
        assert_eq!(refused.stderr.matches("error: ").count(), 1, "{}", refused.stderr);
    }
    server.saw_no_credentials();
    // Where it takes a password as well, that is what it gets.
    let both = format!("http://{host}/both/june.tar");
    run!(sealift, "verify", both, "--key", public, "--authfile", login, "--plain-http", host).ok();
    assert!(other.seen().is_empty(), "{:?}", other.seen());
}

#[test]
fn memory_stays_flat_however_large_a_layer_is() {
    need!("nginx");
    let sealift = Sealift::new();
    let zeros = vec![0; 96 << 20];
    let large = Layer::plain(&tar(&[("zeros", &zeros, 0o644)]));
    let image = Image::single("acme/large", "1.0", r#"["/bin/true"]"#, &[large]);
    images::write_layout(&sealift.at("l"), &[("docker.io/acme/large:1.0", &image)]);
    let keys = sealift.keys("signer");
    run!(sealift, "export", "oci:l", "-o", "june.tar", "--sign-key", keys.private).ok();
    let nginx = Nginx::giving(&sealift.at(""), "", "");

    for verb in [&["verify"][..], &["import", "--to", "oci:store"]] {
        let mut command = sealift.command();
        command.arg(verb[0]).arg(url(&nginx.host())).args(&verb[1..]);
        let (most, code) = peak_of(command.arg("--key").arg(&keys.public));
        assert_eq!(code, Some(0), "{verb:?}");
        assert!(most < 64 << 10, "{verb:?}: {} MiB", most >> 10);
    }
}
