//! The whole verb over a real socket, asked by a client that knows nothing but `TcpStream`.

mod files;
mod loopback;
mod sound;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::samples::{Bundle, image, image_of, index, referrer};
use super::{Shelf, Terms, serve};
use crate::words::media::{OCI_INDEX, OCI_MANIFEST};
use crate::words::progress::{Event, Recorder};
use crate::words::reference::Tag;

/// A server that ends with the test.
struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    log: Arc<Recorder>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn of(bundle: Bundle) -> Server {
        Server::over(bundle.shelf())
    }

    fn over(shelf: Shelf) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, log) = (Arc::new(AtomicBool::new(false)), Arc::new(Recorder::default()));
        let (asked, told) = (Arc::clone(&stop), Arc::clone(&log));
        let thread = std::thread::spawn(move || {
            serve(shelf, listener, Terms::default(), move || asked.load(Ordering::Relaxed), told)
                .unwrap();
        });
        Server { address, stop, log, thread: Some(thread) }
    }

    fn connect(&self) -> Client {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client(BufReader::new(socket))
    }

    fn get(&self, path: &str) -> Answer {
        self.connect().ask("GET", path, "")
    }

    fn notes(&self) -> Vec<String> {
        let note = |event| match event {
            Event::Answered(text) => Some(text),
            Event::Note(text) => Some(text.to_string()),
            _ => None,
        };
        self.log.events().into_iter().filter_map(note).collect()
    }

    fn stop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Client(BufReader<TcpStream>);

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap().to_owned()
    }
}

impl Client {
    fn send(&mut self, method: &str, path: &str, headers: &str) {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
    }

    fn head(&mut self) -> Answer {
        let mut line = || {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let status = line().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HashMap::new();
        while let Some((name, value)) = line().split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        Answer { status, headers, body: Vec::new() }
    }

    fn ask(&mut self, method: &str, path: &str, headers: &str) -> Answer {
        self.send(method, path, headers);
        let mut answer = self.head();
        if method != "HEAD" && answer.status != 304 {
            answer.body = vec![0; answer.header("content-length").parse().unwrap()];
            self.0.read_exact(&mut answer.body).unwrap();
        }
        answer
    }
}

#[test]
fn an_image_is_pulled_over_one_connection() {
    let (amd, arm) = (image("amd"), image_of("arm", vec![7; 1_000_000]));
    let both = index(&[&amd, &arm]);
    let root = both.digest();
    let bundle = Bundle::default().with("alpine:3.20", both.clone()).carrying(amd);
    let server = Server::of(bundle.carrying(arm.clone()));
    let mut client = server.connect();

    let version = client.ask("GET", "/v2/", "");
    assert_eq!((version.status, &version.body[..]), (200, &b"{}"[..]));
    assert_eq!(version.header("docker-distribution-api-version"), "registry/2.0");

    for name in ["library/alpine", "docker.io/library/alpine"] {
        let head = client.ask("HEAD", &format!("/v2/{name}/manifests/3.20"), "");
        let index = client.ask("GET", &format!("/v2/{name}/manifests/3.20"), "");
        assert_eq!((head.status, index.status), (200, 200));
        assert_eq!(index.body, both.document.raw());
        for answer in [&head, &index] {
            assert_eq!(answer.header("content-type"), OCI_INDEX);
            assert_eq!(answer.header("docker-content-digest"), root.to_string());
            assert_eq!(answer.header("etag"), format!("\"{root}\""));
            assert_eq!(answer.header("content-length"), both.document.raw().len().to_string());
        }
        let path = format!("/v2/{name}/manifests/{}?ns=docker.io", arm.digest());
        let manifest = client.ask("GET", &path, "");
        assert_eq!(manifest.body, arm.document.raw());
        assert_eq!(manifest.header("content-type"), OCI_MANIFEST);
        for (blob, bytes) in &arm.blobs {
            let path = format!("/v2/{name}/blobs/{}", blob.digest);
            let head = client.ask("HEAD", &path, "");
            let got = client.ask("GET", &path, "");
            assert!(got.status == 200 && got.body == *bytes, "{path}");
            assert_eq!(head.header("content-length"), bytes.len().to_string());
            assert_eq!(got.header("content-type"), "application/octet-stream");
            assert_eq!(got.header("accept-ranges"), "bytes");
            assert_eq!(got.header("docker-content-digest"), blob.digest.to_string());
        }
    }
    let length = both.document.raw().len();
    let note = format!("GET /v2/library/alpine/manifests/3.20 200 {length}");
    assert!(server.notes().contains(&note), "{:?}", server.notes());
}

#[test]
fn parts_of_a_blob_are_exactly_those_asked_for() {
    let bytes: Vec<u8> = (0..600_000u32).map(|i| (i % 251) as u8).collect();
    let image = image_of("a", bytes.clone());
    let path = format!("/v2/library/a/blobs/{}", image.blobs[1].0.digest);
    let tag = format!("\"{}\"", image.blobs[1].0.digest);
    let server = Server::of(Bundle::default().with("a:1", image));
    let mut client = server.connect();

    for (range, from, to) in [
        ("0-0", 0, 1),
        ("300000-599998", 300_000, 599_999),
        ("-7", 599_993, 600_000),
        ("0-", 0, 600_000),
    ] {
        let part = client.ask("GET", &path, &format!("Range: bytes={range}\r\n"));
        assert_eq!(part.status, 206, "{range}");
        assert_eq!(part.header("content-range"), format!("bytes {from}-{}/600000", to - 1));
        assert!(part.body == bytes[from..to], "{range}");
    }
    let none = client.ask("GET", &path, "Range: bytes=600000-\r\n");
    assert_eq!((none.status, none.header("content-range")), (416, "bytes */600000"));
    for (headers, status) in [
        ("Range: bytes=0-1,5-6\r\n".to_owned(), 200),
        (format!("Range: bytes=0-1\r\nIf-Range: {tag}\r\n"), 206),
        ("Range: bytes=0-1\r\nIf-Range: \"other\"\r\n".to_owned(), 200),
        (format!("If-None-Match: \"x\", W/{tag}\r\n"), 304),
        ("If-None-Match: *\r\n".to_owned(), 304),
        ("If-None-Match: \"x\"\r\n".to_owned(), 200),
    ] {
        assert_eq!(client.ask("GET", &path, &headers).status, status, "{headers}");
    }
    assert_eq!(client.ask("HEAD", &path, "Range: bytes=0-1\r\n").status, 200);
}

#[test]
fn what_is_not_there_is_an_error_in_the_specs_form() {
    let (a, b) = (image("a"), image("b"));
    let (foreign, blob) = (b.digest(), b.blobs[1].0.digest);
    let server = Server::of(Bundle::default().with("a:1", a).with("b:1", b));

    for (path, status, code) in [
        ("/v2/library/a/manifests/2".to_owned(), 404, "MANIFEST_UNKNOWN"),
        ("/v2/library/c/manifests/1".to_owned(), 404, "NAME_UNKNOWN"),
        ("/v2/library/a/manifests/1?ns=quay.io".to_owned(), 404, "NAME_UNKNOWN"),
        (format!("/v2/library/a/manifests/{foreign}"), 404, "MANIFEST_UNKNOWN"),
        (format!("/v2/library/a/blobs/{blob}"), 404, "BLOB_UNKNOWN"),
        (format!("/v2/library/c/blobs/{blob}"), 404, "NAME_UNKNOWN"),
        ("/v2/library/c/tags/list".to_owned(), 404, "NAME_UNKNOWN"),
        (format!("/v2/library/c/referrers/{blob}"), 404, "NAME_UNKNOWN"),
        ("/v2/library/a/referrers/latest".to_owned(), 400, "DIGEST_INVALID"),
        ("/v2/library/a/tags/list?n=x".to_owned(), 400, "PAGINATION_NUMBER_INVALID"),
        ("/v2/../../etc/passwd".to_owned(), 404, "UNSUPPORTED"),
        ("/".to_owned(), 404, "UNSUPPORTED"),
        (format!("/v2/{}", "a/".repeat(2000)), 414, "UNSUPPORTED"),
    ] {
        let answer = server.get(&path);
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        let body = "Content-Length: 1000000000\r\nExpect: 100-continue\r\n";
        let answer = server.connect().ask(method, "/v2/library/a/blobs/uploads/", body);
        assert_eq!((answer.status, answer.code().as_str()), (405, "UNSUPPORTED"), "{method}");
        assert_eq!(answer.header("allow"), "GET, HEAD");
    }
    assert_eq!(server.connect().ask("HEAD", "/v2/library/c/manifests/1", "").status, 404);
}

#[test]
fn lists_come_in_pages_that_link_to_the_next() {
    let image = image("a");
    let fallback = Tag::referrers_of(&image.digest());
    let mut bundle = Bundle::default();
    for tag in ["latest", "1.10", "1.9", "Beta", fallback.as_str()] {
        bundle = bundle.with(&format!("quay.io/x/a:{tag}"), image.clone());
    }
    let server = Server::of(bundle.with("b:1", image));

    let mut path = "/v2/x/a/tags/list?n=2&ns=quay.io".to_owned();
    let mut tags = Vec::new();
    loop {
        let page = server.get(&path);
        assert_eq!(page.json()["name"], "x/a");
        tags.extend(page.json()["tags"].as_array().unwrap().clone());
        let Some(link) = page.headers.get("link") else { break };
        path = link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!(tags, ["1.10", "1.9", "Beta", "latest", fallback.as_str()]);

    let catalog = server.get("/v2/_catalog?n=1");
    assert_eq!(catalog.json()["repositories"][0], "docker.io/library/b");
    assert_eq!(catalog.header("link"), "</v2/_catalog?n=1&last=docker.io/library/b>; rel=\"next\"");
    let rest = server.get("/v2/_catalog?n=9&last=docker.io%2Flibrary%2Fb");
    assert_eq!(rest.json()["repositories"][0], "quay.io/x/a");
    assert_eq!(rest.header("link"), "");
}

#[test]
fn referrers_are_an_index_that_can_be_filtered() {
    let image = image("a");
    let (one, two) = (referrer("a/one", &image), referrer("a/two+x", &image));
    let path = format!("/v2/library/a/referrers/{}", image.digest());
    let lonely = format!("/v2/library/a/referrers/{}", one.digest());
    let wanted = two.digest().to_string();
    let server =
        Server::of(Bundle::default().with("a:1", image).carrying(one).carrying(two.clone()));

    let all = server.get(&path);
    let some = server.get(&format!("{path}?artifactType=a%2Ftwo%2Bx"));

    assert_eq!((all.status, all.header("content-type")), (200, OCI_INDEX));
    assert_eq!(all.json()["mediaType"], OCI_INDEX);
    assert_eq!(all.json()["schemaVersion"], 2);
    assert_eq!(all.json()["manifests"].as_array().unwrap().len(), 2);
    assert_eq!(all.header("oci-filters-applied"), "");
    assert_eq!(some.header("oci-filters-applied"), "artifactType");
    let found = &some.json()["manifests"];
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["digest"], *wanted);
    assert_eq!(found[0]["artifactType"], "a/two+x");
    assert_eq!(found[0]["size"], two.document.raw().len());
    assert_eq!(found[0]["annotations"]["who"], "größe \u{7f}");
    assert!(some.body.is_ascii());
    assert_eq!(server.get(&lonely).json()["manifests"], Value::Array(Vec::new()));
    assert_eq!(server.get(&format!("/v2/library/a/manifests/{wanted}")).status, 200);
}

#[test]
fn bytes_that_changed_after_verification_never_make_a_whole_answer() {
    let size = 3_000_000;
    let (image, small) = (image_of("a", vec![1; size]), image("small"));
    let (layer, config) = (image.blobs[1].0.digest, small.blobs[1].0.digest);
    let spoils: [fn(&mut Vec<u8>); 3] = [|b| b[0] ^= 1, |b| b.truncate(2_000_000), |b| b.push(0)];
    for spoil in spoils {
        let mut bundle = Bundle::default().with("a:1", image.clone()).with("b:1", small.clone());
        spoil(bundle.bytes.0.get_mut(&layer).unwrap());
        bundle.bytes.0.get_mut(&config).unwrap()[0] ^= 1;
        let server = Server::of(bundle);
        let mut client = server.connect();

        client.send("GET", &format!("/v2/library/a/blobs/{layer}"), "");
        let head = client.head();
        let mut body = Vec::new();
        let _cut_off = client.0.read_to_end(&mut body);

        assert_eq!((head.status, head.header("content-length")), (200, "3000000"));
        assert!(body.len() < size, "{} bytes arrived", body.len());
        assert!(server.notes().iter().any(|n| n.contains("cannot serve blob")));
        let refused = server.get(&format!("/v2/library/b/blobs/{config}"));
        assert_eq!(refused.status, 500, "one chunk is checked beforehand");
        for range in ["", "Range: bytes=0-1999999\r\n", "Range: bytes=1-40\r\n"] {
            let path = format!("/v2/library/a/blobs/{layer}");
            let again = server.connect().ask("GET", &path, range);
            assert_eq!(again.status, 500, "what was wrong once is checked beforehand: {range}");
        }
        assert_eq!(server.get("/v2/library/a/manifests/1").status, 200, "the others go on");
    }
}

#[test]
fn a_name_that_somebody_led_to_this_machine_gets_nothing() {
    let server = Server::of(Bundle::default().with("a:1", image("a")));
    let ask = |target: &str, host: &str| {
        let mut client = server.connect();
        let request = format!("GET {target} HTTP/1.1\r\n{host}\r\n");
        client.0.get_mut().write_all(request.as_bytes()).unwrap();
        client.head().status
    };
    let own = format!("Host: {}\r\n", server.address);

    for target in ["/v2/", "/v2/_catalog", "/v2/library/a/manifests/1"] {
        assert_eq!(ask(target, &own), 200, "{target}");
        assert_eq!(ask(target, "Host: localhost:8080\r\n"), 200, "{target}");
        assert_eq!(ask(target, "Host: evil.example\r\n"), 421, "{target}");
        assert_eq!(ask(target, ""), 421, "{target}");
        assert_eq!(ask(&format!("http://evil.example{target}"), &own), 421, "{target}");
    }
}

/// Asks `server` from another address of this machine.
fn asks_from(server: &Server, address: [u8; 4]) -> std::io::Result<u16> {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddr::from((address, 0)))?;
    connect(&socket, &server.address)?;
    let mut socket = TcpStream::from(socket);
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    socket.write_all(b"GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut status = [0; 12];
    socket.read_exact(&mut status)?;
    Ok(std::str::from_utf8(&status[9..]).unwrap().parse().unwrap())
}

#[test]
fn silent_connections_keep_nobody_out() {
    let server = Server::of(Bundle::default().with("a:1", image("a")));
    let begun_heads = |socket: &mut TcpStream| socket.write_all(b"GET /v2/ HTTP/1.1\r\nHost: ");

    let mut silent: Vec<TcpStream> = Vec::new();
    for number in 0..super::MAX_CONNECTIONS / 2 + 50 {
        let mut socket = TcpStream::connect(server.address).unwrap();
        if number % 2 == 0 {
            begun_heads(&mut socket).unwrap();
        }
        silent.push(socket);
    }

    assert_eq!(asks_from(&server, [127, 0, 0, 1]).unwrap(), 200, "from the same address");
    assert_eq!(asks_from(&server, [127, 0, 0, 2]).unwrap(), 200, "from another");
}

#[test]
fn answers_that_nobody_takes_keep_nobody_out() {
    let image = image_of("a", vec![1; 20_000_000]);
    let path = format!("/v2/library/a/blobs/{}", image.blobs[1].0.digest);
    let server = Server::of(Bundle::default().with("a:1", image));

    let busy = || {
        let mut client = server.connect();
        client.send("GET", &path, "");
        client
    };
    // All that one address may have: with one more, a slow machine would take it from the first.
    let mut stuck: Vec<Client> = (0..super::MAX_CONNECTIONS / 2).map(|_| busy()).collect();
    stuck.iter_mut().take(50).for_each(|client| assert_eq!(client.head().status, 200));

    assert_eq!(asks_from(&server, [127, 0, 0, 2]).unwrap(), 200, "there is room for another");
    // Long before anything gives up by itself (60 s), however slow the machine.
    let begun = Instant::now();
    assert_eq!(asks_from(&server, [127, 0, 0, 1]).unwrap(), 200, "they make room");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[test]
fn a_stop_lets_answers_end_and_closes_the_rest() {
    let image = image_of("a", vec![1; 20_000_000]);
    let path = format!("/v2/library/a/blobs/{}", image.blobs[1].0.digest);
    let mut server = Server::of(Bundle::default().with("a:1", image));
    let (mut idle, mut busy) = (server.connect(), server.connect());
    idle.ask("GET", "/v2/", "");
    busy.send("GET", &path, "");
    busy.head();

    let begun = Instant::now();
    let reader = std::thread::spawn(move || {
        let mut body = Vec::new();
        busy.0.read_to_end(&mut body).map(|_| body.len())
    });
    server.stop();

    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    assert_eq!(reader.join().unwrap().unwrap(), 20_000_000);
    assert_eq!(idle.0.read(&mut [0]).unwrap(), 0);
    assert!(TcpStream::connect(server.address).is_err());
}
