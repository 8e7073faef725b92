//! Promises of the client, proved against scripted servers on loopback.

mod answers;
mod auth;
mod mirrors;
mod movement;
mod reach;
mod tagged;

use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::storage::checked::samples::Unchecked;
use crate::storage::content::Content;
use crate::storage::holdings::{BlobHoldings as _, Holdings as _};
use crate::storage::store::{BlobSink as _, BlobSource as _, ImageSink as _, ImageSource as _};
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, ErrorKind, Result, Side, Subject};
use crate::words::media::OCI_MANIFEST;
use crate::words::progress::{Event, Recorder};
use crate::words::reference::{Reference, Registry, Repository, Tag};
use crate::words::remedy::Remedy;

/// A request as the server saw it.
#[derive(Debug, Clone)]
struct Seen {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

type Answerer = Box<dyn Fn(&Seen) -> Vec<u8> + Send + Sync>;

/// An HTTP server that answers by a function and keeps a log.
struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    fn start(answer: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (log, answer): (_, Arc<Answerer>) = (seen.clone(), Arc::new(Box::new(answer)));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (log, answer) = (log.clone(), answer.clone());
                std::thread::spawn(move || serve(stream, &log, &answer));
            }
        });
        Server { address, seen }
    }

    fn log(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.line.clone()).collect()
    }

    fn seen(&self, start: &str) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.line.starts_with(start)).cloned().collect()
    }

    fn repository(&self, side: Side) -> RegistryRepository {
        self.with(side, Settings::default(), Arc::new(Recorder::default()))
    }

    fn with(
        &self,
        side: Side,
        mut settings: Settings,
        progress: Arc<Recorder>,
    ) -> RegistryRepository {
        settings.plain_http.push(self.address.parse().unwrap());
        settings.retry.first = Duration::from_millis(1);
        let client = Client::new(settings, progress).unwrap();
        let registry = self.address.parse().unwrap();
        client.repository(&registry, &"team/app".parse().unwrap(), side)
    }
}

fn serve(stream: TcpStream, log: &Mutex<Vec<Seen>>, answer: &Answerer) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    while let Some(seen) = read_request(&mut reader, &mut stream) {
        let reply = answer(&seen);
        log.lock().unwrap().push(seen);
        if stream.write_all(&reply).is_err() || reply.is_empty() {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>, stream: &mut TcpStream) -> Option<Seen> {
    // A TLS handshake: hang up, as a server that expects HTTP does.
    if reader.fill_buf().ok()?.first() == Some(&0x16) {
        return None;
    }
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let mut seen = Seen { line, headers, body: Vec::new() };
    let length = seen.header("content-length").map_or(0, |l| l.parse().unwrap());
    if seen.header("expect").is_some() {
        if seen.line.contains("/too-large") {
            return Some(seen);
        }
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    seen.body = body;
    Some(seen)
}

fn reply(status: u16, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut out = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        out.push_str(&format!("{header}\r\n"));
    }
    [out.as_bytes(), b"\r\n", body].concat()
}

fn document() -> Document {
    let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let empty = format!(r#"{{"mediaType":"a/b","digest":"sha256:{hex}","size":0}}"#);
    let raw = format!(r#"{{"schemaVersion":2,"config":{empty},"layers":[{empty}]}}"#);
    Document::parse(raw.into_bytes(), OCI_MANIFEST).unwrap()
}

fn manifest() -> Vec<u8> {
    manifest_with("x: y")
}

fn manifest_with(header: &str) -> Vec<u8> {
    let kind = format!("content-type: {OCI_MANIFEST}; charset=utf-8");
    reply(200, &[&kind, header], document().raw())
}

/// The notes that were told.
fn notes(told: &Recorder) -> Vec<String> {
    let notes = told.events().into_iter().filter_map(|event| match event {
        Event::Note(text) => Some(text.to_string()),
        _ => None,
    });
    notes.collect()
}

fn name(server: &Server, rest: &str) -> Reference {
    format!("{}/team/app{rest}", server.address).parse().unwrap()
}

/// Settings with the credentials `user:secret` for `server`.
fn login(server: &Server, folder: &Path) -> Settings {
    let path = folder.join("auth.json");
    let json = format!(r#"{{"auths":{{"{}":{{"auth":"dXNlcjpzZWNyZXQ="}}}}}}"#, server.address);
    std::fs::write(&path, json).unwrap();
    Settings { auth_files: vec![path], ..Settings::default() }
}

#[test]
fn a_token_that_harbor_forgot_is_replaced_behind_its_basic_challenge() {
    let (issued, good) = (Mutex::new(0), Arc::new(Mutex::new(1)));
    let valid = good.clone();
    let server = Server::start(move |seen| {
        let host = seen.header("host").unwrap();
        if seen.line.starts_with("GET /service/token") {
            assert_eq!(seen.header("authorization"), Some("Basic dXNlcjpzZWNyZXQ="));
            let mut issued = issued.lock().unwrap();
            *issued += 1;
            return reply(200, &[], format!(r#"{{"token":"t{issued}","expires_in":1800}}"#));
        }
        match seen.header("authorization") {
            Some(got) if got == format!("Bearer t{}", valid.lock().unwrap()) => manifest(),
            // Harbor offers only this to any request with a header that is not good enough.
            Some(_) => reply(401, &["www-authenticate: Basic realm=\"harbor\""], ""),
            None => {
                let realm = format!(
                    "www-authenticate: Bearer realm=\"http://{host}/service/token\",\
                     service=\"harbor-registry\",scope=\"repository:team/app:pull\""
                );
                reply(401, &[&realm], "")
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let settings = login(&server, folder.path());
    let repository = server.with(Side::Source, settings, Arc::new(Recorder::default()));
    let get = "GET /v2/team/app/manifests/1";
    let token = "GET /service/token?service=harbor-registry&scope=repository:team/app:pull";

    repository.resolve(&name(&server, ":1")).unwrap();
    repository.resolve(&name(&server, ":1")).unwrap();
    assert_eq!(server.log(), [get, token, get, get], "probe, token, and both reads with it");

    *good.lock().unwrap() = 2;
    repository.resolve(&name(&server, ":1")).unwrap();
    assert_eq!(server.log()[4..], [get, get, token, get], "old token, none, and the new one");
    assert!(!format!("{repository:?}").contains("secret"));
}

#[test]
fn a_token_that_ends_is_renewed_in_time_and_never_asked_for_twice() {
    let server = Server::start(|seen| {
        let host = seen.header("host").unwrap();
        if seen.line.starts_with("GET /token") {
            return reply(200, &[], r#"{"access_token":"t","expires_in":1}"#);
        }
        let basic = "www-authenticate: Basic realm=\"x\"";
        let bearer = format!("www-authenticate: Bearer realm=\"http://{host}/token\"");
        match seen.header("authorization") {
            Some("Bearer t") => manifest(),
            _ => reply(401, &[basic, &bearer], ""),
        }
    });
    let repository = server.repository(Side::Source);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| repository.resolve(&name(&server, ":1")).unwrap());
        }
    });
    assert_eq!(server.seen("GET /token").len(), 1, "single flight");

    std::thread::sleep(Duration::from_millis(1000));
    let before = server.log().len();
    repository.resolve(&name(&server, ":1")).unwrap();

    assert_eq!(server.seen("GET /token").len(), 2, "renewed before use");
    assert_eq!(server.log().len(), before + 2, "no 401 in between");
}

#[test]
fn a_refused_password_is_tried_once_and_the_realm_must_be_the_registrys() {
    let server = Server::start(|seen| {
        let host = seen.header("host").unwrap();
        match seen.line.as_str() {
            "GET /v2/team/app/manifests/evil" => {
                reply(401, &["www-authenticate: Bearer realm=\"https://evil.test/t\""], "")
            }
            line if line.starts_with("GET /token") => {
                reply(401, &[], r#"{"errors":[{"code":"UNAUTHORIZED","message":"bad login"}]}"#)
            }
            _ => {
                let bearer = format!("www-authenticate: Bearer realm=\"http://{host}/token\"");
                reply(401, &[&bearer], "")
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let settings = login(&server, folder.path());
    let repository = server.with(Side::Source, settings, Arc::new(Recorder::default()));

    let error = repository.resolve(&name(&server, ":evil")).unwrap_err();
    assert_eq!(error.class(), Class::Refused);
    assert!(error.to_string().contains("https://evil.test/t"), "{error}");

    for _ in 0..3 {
        let error = repository.resolve(&name(&server, ":1")).unwrap_err();
        assert_eq!(error.class(), Class::Refused);
        assert!(error.to_string().contains("UNAUTHORIZED: bad login"), "{error}");
        assert!(error.advice().unwrap().offers(Remedy::Login), "{error:?}");
    }
    assert_eq!(server.seen("GET /token").len(), 1, "a wrong password may lock an account");
}

#[test]
fn credentials_cross_neither_a_redirect_nor_a_location() {
    let other = Server::start(|seen| match seen.line.starts_with("PUT") {
        true => reply(201, &[], ""),
        false => reply(200, &[], "hello"),
    });
    let away = other.address.clone();
    let server = Server::start(move |seen| match seen.header("authorization") {
        None => reply(401, &["www-authenticate: Basic realm=\"x\""], ""),
        Some(_) if seen.line.starts_with("POST") => {
            reply(202, &[&format!("location: http://{away}/upload?state=1")], "")
        }
        Some(_) => reply(307, &[&format!("location: http://{away}/blob")], ""),
    });
    let folder = tempfile::tempdir().unwrap();
    let settings = login(&server, folder.path());
    let repository = server.with(Side::Source, settings, Arc::new(Recorder::default()));
    let blob = Descriptor::of("a/b", b"hello");

    let mut text = String::new();
    repository.open(&blob, 0).unwrap().unchecked().read_to_string(&mut text).unwrap();
    repository.put(&mut Unchecked(&blob, &mut &b"hello"[..])).unwrap();

    assert_eq!(text, "hello");
    assert_eq!(other.seen("").len(), 2);
    assert!(other.seen("").iter().all(|seen| seen.header("authorization").is_none()));
    assert_eq!(server.seen("GET").len(), 2, "with and without credentials");
}

#[test]
fn a_relative_location_keeps_its_query() {
    let blob = Descriptor::of("a/b", b"hello");
    let server = Server::start(|seen| match seen.line.starts_with("POST") {
        true => reply(202, &["location: /v2/team/app/blobs/uploads/7?_state=a%3D"], ""),
        false => reply(201, &[], ""),
    });

    server.repository(Side::Destination).put(&mut Unchecked(&blob, &mut &b"hello"[..])).unwrap();

    let put = &server.seen("PUT")[0];
    let line = format!("PUT /v2/team/app/blobs/uploads/7?_state=a%3D&digest={}", blob.digest);
    assert_eq!(put.line, line);
    assert_eq!((put.header("content-length"), &put.body[..]), (Some("5"), &b"hello"[..]));
    assert_eq!(put.header("transfer-encoding"), None);
}

#[test]
fn a_mount_that_is_not_one_leaves_no_session() {
    let server = Server::start(|seen| match seen.line.split(' ').next() {
        Some("POST") => reply(202, &["location: /v2/team/app/blobs/uploads/7"], ""),
        _ => reply(204, &[], ""),
    });
    let blob = Descriptor::of("a/b", b"hello");

    let mounted =
        server.repository(Side::Destination).mount(&blob, &"base".parse().unwrap()).unwrap();

    assert!(!mounted);
    let post = format!("POST /v2/team/app/blobs/uploads/?mount={}&from=base", blob.digest);
    assert_eq!(server.log(), [post.as_str(), "DELETE /v2/team/app/blobs/uploads/7"]);
}

#[test]
fn a_lying_registry_is_caught() {
    let server = Server::start(|_| manifest());
    let repository = server.repository(Side::Source);
    let other = crate::words::digest::Digest::of(b"other");

    let error = repository.resolve(&name(&server, &format!("@{other}"))).unwrap_err();

    assert_eq!(error.class(), Class::Damaged);
    assert!(error.to_string().starts_with("source registry 127.0.0.1"), "{error}");
    let right = document().descriptor().clone();
    repository.document(&right).unwrap();
    let longer = Descriptor { size: right.size + 1, ..right };
    assert_eq!(repository.document(&longer).unwrap_err().class(), Class::Damaged);
}

#[test]
fn a_registry_that_asks_for_patience_gets_it() {
    let times = Mutex::new(0);
    let server = Server::start(move |_| {
        let mut times = times.lock().unwrap();
        *times += 1;
        match *times {
            1 => reply(429, &["retry-after: 1"], ""),
            2 => reply(503, &[], ""),
            _ => manifest(),
        }
    });
    let progress = Arc::new(Recorder::default());
    let repository = server.with(Side::Source, Settings::default(), progress.clone());

    repository.resolve(&name(&server, ":1")).unwrap();

    let waits: Vec<u64> = progress
        .events()
        .iter()
        .filter_map(|event| match event {
            Event::Retrying { wait_ms, .. } => Some(*wait_ms),
            _ => None,
        })
        .collect();
    assert_eq!((waits.len(), waits[0]), (2, 1000), "{waits:?}");
    assert!(waits[1] < 1000);
}

#[test]
fn an_endless_manifest_is_refused() {
    for length in [format!("content-length: {}", 5 << 20), "connection: close".to_owned()] {
        let server = Server::start(move |_| {
            let mut out =
                format!("HTTP/1.1 200 OK\r\ncontent-type: {OCI_MANIFEST}\r\n{length}\r\n\r\n")
                    .into_bytes();
            out.resize(out.len() + (5 << 20), b' ');
            out
        });

        let error = server.repository(Side::Source).resolve(&name(&server, ":1")).unwrap_err();

        assert_eq!(error.class(), Class::Refused, "{error}");
        assert_eq!(error.kind(), ErrorKind::AnswerUnusable);
        assert!(error.to_string().contains("4 MiB"), "{error}");
        assert_eq!(server.log().len(), 1, "not tried again");
    }
}

#[test]
fn a_faulty_source_is_not_blamed_on_the_destination() {
    struct Faulty;
    impl Read for Faulty {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(Error::new(Class::Damaged, "source registry s: layer is bad").into_io())
        }
    }
    impl Content for Faulty {}
    let server = Server::start(|seen| match seen.line.starts_with("POST") {
        true => reply(202, &["location: /up/7"], ""),
        false => reply(204, &[], ""),
    });
    let repository = server.repository(Side::Destination);
    let blob = Descriptor::of("a/b", b"hello");

    let error = repository.put(&mut Unchecked(&blob, &mut Faulty)).unwrap_err();
    assert_eq!((error.class(), error.is_transient()), (Class::Damaged, false));
    assert_eq!(error.to_string(), "source registry s: layer is bad");
    assert_eq!(server.log().last().unwrap(), "DELETE /up/7", "the session is given up");

    let error = repository.put(&mut Unchecked(&blob, &mut &b"hel"[..])).unwrap_err();
    assert_eq!(error.class(), Class::Incomplete, "{error}");
}

#[test]
fn a_failed_upload_says_whether_another_try_may_help() {
    let large = Descriptor::new("a/b", crate::words::digest::Digest::of(b""), 9 << 20);
    for (status, transient, class) in [
        (503, true, Class::Other),
        (429, true, Class::Refused),
        (403, false, Class::Refused),
        (507, false, Class::NoRoom),
    ] {
        let server = Server::start(move |seen| match seen.line.split(' ').next() {
            Some("POST") => reply(202, &["location: /up/7"], ""),
            Some("PUT") => reply(status, &["retry-after: 3"], ""),
            _ => reply(204, &[], ""),
        });

        let content = &mut crate::storage::content::Once(io::repeat(0).take(large.size));
        let error =
            server.repository(Side::Destination).put(&mut Unchecked(&large, content)).unwrap_err();

        assert_eq!((error.class(), error.is_transient()), (class, transient), "{error}");
        assert_eq!(error.wait().is_some(), transient);
        assert!(error.to_string().starts_with("destination registry "), "{error}");
        assert_eq!(server.seen("PUT").len(), 1, "the caller has to begin again");
    }
}

#[test]
fn a_large_blob_is_not_sent_to_a_proxy_that_will_not_take_it() {
    /// Of which large bodies must take nothing; small ones are sent without asking.
    struct Unread;
    impl Read for Unread {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(0);
            Ok(buffer.len())
        }
    }
    impl Content for Unread {
        fn seek(&mut self, offset: u64) -> Result<()> {
            assert_eq!(offset, 0);
            Ok(())
        }
    }
    let large = Descriptor::new("a/b", crate::words::digest::Digest::of(b""), 1 << 40);
    let server = Server::start(|seen| match seen.line.split(' ').next() {
        Some("POST") => reply(202, &["location: /too-large/7"], ""),
        Some("PUT" | "PATCH") => reply(413, &["connection: close"], "<html>"),
        _ => reply(204, &[], ""),
    });

    let mut content = Unread;
    let error =
        server.repository(Side::Destination).put(&mut Unchecked(&large, &mut content)).unwrap_err();

    assert_eq!(error.class(), Class::Refused, "{error}");
    assert!(error.to_string().contains("HTTP 413"), "{error}");
    assert_eq!(server.seen("PUT").len(), 1);
    assert!((1..8).contains(&server.seen("PATCH").len()), "smaller ones were tried");
    assert_eq!(error.kind(), ErrorKind::BodyTooLarge);
    assert!(error.way_out().unwrap().contains("chunk_size"));
}

#[test]
fn a_manifest_that_is_too_large_is_not_told_to_go_in_pieces() {
    let server = Server::start(|_| reply(413, &[], "<html>"));

    let error = server.repository(PUSH).put_document(&document()).unwrap_err();

    assert_eq!(serde_json::to_value(error.kind()).unwrap(), "body-too-large");
    assert!(error.way_out().unwrap().ends_with("behind with except"), "{error:?}");
}

#[test]
fn a_refusal_elsewhere_names_the_place_and_does_not_tell_to_log_in() {
    let other = Server::start(|_| reply(403, &[], ""));
    let location = format!("location: http://{}/blob", other.address);
    let server = Server::start(move |_| reply(307, &[&location], ""));

    let repository = server.repository(Side::Source);

    let error = repository.open(&Descriptor::of("a/b", b"hello"), 0).map(drop).unwrap_err();

    assert!(error.to_string().contains(&other.address), "{error}");
    assert!(error.way_out().is_some_and(|hint| !hint.contains("login")), "{error:?}");
}

#[test]
fn a_proxy_that_does_not_speak_http_is_a_mistake_of_the_user() {
    for proxy in ["socks5://127.0.0.1:1080", "socks4://h.example", "nonsense://x", "http://"] {
        let proxies = Proxies { http: Some(proxy.to_owned()), ..Proxies::default() };
        let plain_http = vec!["192.0.2.7".parse().unwrap()];
        let settings = Settings { proxies, plain_http, ..Settings::default() };
        let client = Client::new(settings, Arc::new(Recorder::default())).unwrap();
        let repository =
            client.repository(&"192.0.2.7".parse().unwrap(), &"a".parse().unwrap(), Side::Source);

        let error = repository.tags().map(drop).unwrap_err();

        assert_eq!(error.class(), Class::Usage, "{proxy}: {error}");
        assert!(error.way_out().is_some_and(|hint| hint.contains("http_proxy")));
    }
}

#[test]
fn a_redirect_never_leaves_tls() {
    let server = Server::start(|_| reply(200, &[], ""));
    let repository = server.repository(Side::Source);
    let answer = |location: &str| {
        let mut headers = ureq::http::HeaderMap::new();
        headers.insert("location", location.parse().unwrap());
        let url = super::http::url::Url::parse("https://h.example/v2/").unwrap();
        let body = ureq::Body::builder().data(Vec::new());
        let patience = Duration::from_secs(1);
        super::http::answer::Answer {
            status: 307,
            headers,
            body,
            url,
            own: true,
            patience,
            seen: Vec::new(),
        }
    };

    let error = repository.0.location(&answer("http://h.example/x"), "blob").unwrap_err();

    assert_eq!(error.class(), Class::Refused, "{error}");
    repository.0.location(&answer("/x"), "blob").unwrap();
    repository.0.location(&answer("https://cdn.example/x"), "blob").unwrap();
}

#[test]
fn a_loopback_registry_without_tls_is_found_and_a_blob_resumed() {
    let server = Server::start(|seen| match seen.header("range") {
        Some("bytes=2-") => reply(206, &["content-range: bytes 2-4/5"], "llo"),
        // A registry that knows no ranges.
        _ => reply(200, &[], "hello"),
    });
    let client = Client::new(Settings::default(), Arc::new(Recorder::default())).unwrap();
    let registry: Registry = server.address.parse().unwrap();
    let repository = client.repository(&registry, &"team/app".parse().unwrap(), Side::Source);
    let blob = Descriptor::of("a/b", b"hello");

    for (offset, rest) in [(0, "hello"), (2, "llo"), (3, "lo"), (5, "")] {
        let mut text = String::new();
        repository.open(&blob, offset).unwrap().unchecked().read_to_string(&mut text).unwrap();
        assert_eq!(text, rest);
    }
}

#[test]
fn referrers_come_from_the_fallback_tag_where_there_is_no_api() {
    let subject = document().descriptor().clone();
    let tag = format!("sha256-{}", subject.digest.hex());
    let found = tag.clone();
    let server = Server::start(move |seen| {
        let path = seen.line.rsplit('/').next().unwrap();
        let index = format!(
            r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"a/b","digest":"{}","size":3}}]}}"#,
            crate::words::digest::Digest::of(b"sig")
        );
        let kind = format!("content-type: {}", crate::words::media::OCI_INDEX);
        match path == found {
            true => reply(200, &[&kind], index),
            false if path == format!("{found}.sig") => match seen.line.starts_with("HEAD") {
                true => manifest()[..manifest().len() - document().raw().len()].to_vec(),
                false => manifest(),
            },
            false => reply(404, &[], ""),
        }
    });
    let repository = server.repository(Side::Source);

    let referrers = repository.referrers(&subject).unwrap();
    repository.referrers(&subject).unwrap();

    assert_eq!(referrers.claimed.len(), 1);
    let tags: Vec<String> = referrers.tags.iter().map(|(tag, _)| tag.to_string()).collect();
    assert_eq!(tags, [tag.clone(), format!("{tag}.sig")]);
    assert_eq!(server.seen("GET /v2/team/app/referrers/").len(), 1, "asked once a host");
}

#[test]
fn tags_come_in_pages_that_stay_at_the_registry() {
    let server = Server::start(|seen| match seen.line.as_str() {
        "GET /v2/team/app/tags/list?n=1000" => {
            reply(200, &["link: <list?n=1000&last=b>; rel=\"next\""], r#"{"tags":["a","b"]}"#)
        }
        "GET /v2/team/app/tags/list?n=1000&last=b" => {
            reply(200, &["link: <http://evil.test/>; rel=prev"], r#"{"tags":["c"]}"#)
        }
        _ => reply(404, &[], ""),
    });

    let tags = server.repository(Side::Source).tags().unwrap();

    assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn what_is_not_there_is_told_from_what_is_not_allowed() {
    let server = Server::start(|seen| match seen.line.ends_with("gone") {
        true => reply(404, &[], r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"x"}]}"#),
        false => reply(403, &[], r#"{"errors":[{"code":"DENIED","message":"quota"}]}"#),
    });
    let repository = server.repository(Side::Source);

    let gone = repository.resolve(&name(&server, ":gone")).unwrap_err();
    let denied = repository.resolve(&name(&server, ":denied")).unwrap_err();

    assert_eq!(gone.class(), Class::Incomplete);
    assert_eq!(
        gone.message(),
        format!("source registry {}: team/app:gone: no such image", server.address)
    );
    let image = Subject::Image(format!("{}/team/app:gone", server.address));
    assert!(gone.subjects().contains(&image), "{:?}", gone.subjects());
    assert_eq!((denied.class(), denied.kind()), (Class::Refused, ErrorKind::AccessDenied));
    assert!(denied.to_string().contains("HTTP 403, DENIED: quota"), "{denied}");
    assert!(repository.published(&name(&server, ":gone")).unwrap().is_none());
}

#[test]
fn nobody_at_home_is_told_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let server = Server { address, seen: Arc::default() };
    let progress = Arc::new(Recorder::default());
    let repository = server.with(Side::Source, Settings::default(), progress.clone());

    let error = repository.resolve(&name(&server, ":1")).unwrap_err();

    assert!(error.to_string().contains("refused"), "{error}");
    assert!(error.way_out().is_some());
    assert_eq!(progress.events(), [], "no retries for what was never heard of");
}

const PUSH: Side = Side::Destination;

#[test]
fn the_refusals_of_harbor_say_what_a_person_can_do() {
    let server = Server::start(|seen| match seen.line.as_str() {
        line if line.starts_with("PUT") && line.ends_with("/fixed") => reply(
            412,
            &[],
            r#"{"errors":[{"code":"PRECONDITION","message":"Failed to process request due to
                'app:fixed' configured as immutable."}]}"#
                .replace('\n', " "),
        ),
        line if line.starts_with("PUT") => reply(
            403,
            &[],
            r#"{"errors":[{"code":"DENIED","message":"adding 3.1 GiB of storage resource, which
                when updated to current usage of 49.0 GiB will exceed the configured upper limit
                of 50.0 GiB."}]}"#
                .replace('\n', " ")
                .replace("                ", ""),
        ),
        _ => reply(401, &["www-authenticate: "], r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#),
    });
    let repository = server.repository(PUSH);

    let missing =
        repository.put(&mut Unchecked(&Descriptor::of("a/b", b"x"), &mut &b"x"[..])).unwrap_err();
    assert_eq!(missing.class(), Class::Refused);
    assert!(missing.to_string().contains("of team/app: the project does not exist"), "{missing}");
    assert!(missing.advice().unwrap().offers(Remedy::CreateProjects), "{missing:?}");

    let fixed = repository.publish(&name(&server, ":fixed"), &document()).unwrap_err();
    assert_eq!(fixed.class(), Class::Refused);
    assert!(fixed.to_string().contains("the tag is immutable (HTTP 412"), "{fixed}");

    let full = repository.publish(&name(&server, ":1"), &document()).unwrap_err();
    assert_eq!((full.class(), full.kind()), (Class::NoRoom, ErrorKind::NoSpace));
    assert!(full.to_string().contains("no room (HTTP 403, DENIED: adding 3.1 GiB"), "{full}");
    assert!(full.way_out().unwrap().contains("quota"), "{full:?}");
    assert!(!full.is_transient());
}

#[test]
fn whether_sparse_indexes_are_taken_is_tried_and_tidied_up() {
    use crate::words::media::OCI_INDEX;
    let missing = [Descriptor::of(OCI_MANIFEST, b"not there")];
    for (put, delete, takes, remark) in [
        (201, 202, true, false),
        (201, 405, true, true),
        (404, 500, false, false),
        (500, 500, false, false),
    ] {
        let server = Server::start(move |seen| match seen.line.split(' ').next() {
            Some("PUT") => reply(put, &[], r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#),
            Some("DELETE") => reply(delete, &[], ""),
            _ => reply(200, &[], ""),
        });
        let progress = Arc::new(Recorder::default());
        let repository = server.with(PUSH, Settings::default(), progress.clone());

        assert_eq!(repository.takes_sparse(OCI_INDEX, &missing).unwrap(), None);
        assert_eq!(server.log(), ["GET /v2/"], "nothing is written to ask");
        let taken = repository.try_sparse(OCI_INDEX, &missing).unwrap();

        assert_eq!(taken, takes);
        let put = &server.seen("PUT")[0];
        let pushed = crate::words::digest::Digest::of(&put.body);
        assert!(put.line.ends_with(&format!("/manifests/{pushed}")), "by digest, without a name");
        let gone = server.seen("DELETE");
        assert_eq!(gone.iter().filter(|seen| seen.line.ends_with(&pushed.to_string())).count(), {
            usize::from(takes)
        });
        let notes = progress.events().into_iter().filter(|e| matches!(e, Event::Note(_))).count();
        assert_eq!(notes, usize::from(remark));
    }
}

#[test]
fn parts_that_are_lacking_are_told_by_codes_and_only_of_what_was_left_out_believed_at_once() {
    let codes = r#"{"errors":[{"code":"UNKNOWN"},{"code":"MANIFEST_BLOB_UNKNOWN"}]}"#;
    let foreign = String::from_utf8(document().raw().to_vec()).unwrap();
    let foreign =
        foreign.replace("\"a/b\"", "\"application/vnd.oci.image.layer.nondistributable.v1.tar\"");
    let foreign = Document::parse(foreign.into_bytes(), OCI_MANIFEST).unwrap();
    let denied = r#"{"errors":[{"code":"DENIED","message":"MANIFEST_BLOB_UNKNOWN"}]}"#;
    for (document, status, body, tries, class, lacks) in [
        (&foreign, 500, codes, 1, Class::Refused, true),
        (&foreign, 404, codes, 1, Class::Refused, true),
        (&foreign, 403, denied, 1, Class::Refused, false),
        (&foreign, 500, denied, 6, Class::Other, false),
        (&document(), 500, codes, 6, Class::Other, true),
        (&document(), 400, codes, 1, Class::Refused, true),
    ] {
        let server = Server::start(move |_| reply(status, &[], body));
        let repository = server.repository(PUSH);

        let error = repository.put_document(document).unwrap_err();

        assert_eq!(server.seen("PUT").len(), tries, "{error}");
        assert_eq!(
            (error.class(), error.kind() == ErrorKind::PartsLacking),
            (class, lacks),
            "{error}"
        );
        let advises = error.way_out().is_some();
        assert_eq!(advises, !(lacks && class == Class::Refused), "{error:?}");
    }
}

/// A server that calls itself Harbor, and answers `api` below its API.
fn harbor(api: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static) -> Server {
    let known = |seen: &Seen| {
        seen.line.starts_with("GET /service/token") && seen.header("authorization").is_some()
    };
    Server::start(move |seen| match seen.line.contains(" /api/v2.0/") {
        true => api(seen),
        false if known(seen) => reply(200, &[], r#"{"token":"T"}"#),
        false => {
            let realm = format!("http://{}/service/token", seen.header("host").unwrap());
            let bearer =
                format!("www-authenticate: Bearer realm=\"{realm}\",service=\"harbor-registry\"");
            reply(401, &[&bearer], "")
        }
    })
}

#[test]
fn a_harbors_api_gets_the_password_and_nobody_else_does() {
    let other = Server::start(|_| reply(200, &[], r#"{"auth_mode":"x","project_id":1}"#));
    let away = other.address.clone();
    let server = harbor(move |seen| match seen.line.starts_with("HEAD") {
        true => reply(200, &[], ""),
        false => reply(307, &[&format!("location: http://{away}/api")], ""),
    });
    let folder = tempfile::tempdir().unwrap();
    let settings = login(&server, folder.path());
    let repository = server.with(PUSH, settings, Arc::new(Recorder::default()));

    let project = repository.project().unwrap().unwrap();
    let found = project.look().unwrap();

    assert_eq!((project.name(), found.standing), ("team", Standing::Exists));
    let asked = server.seen("");
    let (first, rest) = asked.split_first().unwrap();
    assert_eq!((first.line.as_str(), first.header("authorization")), ("GET /v2/", None));
    assert!(rest.iter().all(|seen| seen.header("authorization") == Some("Basic dXNlcjpzZWNyZXQ=")));
    assert!(!other.seen("").is_empty());
    assert!(other.seen("").iter().all(|seen| seen.header("authorization").is_none()));
    assert!(!format!("{project:?}").contains("secret"));
}

#[test]
fn an_api_that_tells_nothing_leaves_everything_unknown() {
    for body in ["<html>log in</html>", "null", "[]", "{}", r#"{"project_id":"x"}"#] {
        let server = harbor(move |_| reply(200, &[], body));
        let project = server.repository(PUSH).project().unwrap().unwrap();

        let found = project.look().unwrap();

        assert_eq!((found.quota, found.public), (None, None), "{body}");
        assert_eq!((found.may_push, found.read_only), (None, false), "{body}");
        assert!(!project.is_immutable(&"1".parse().unwrap()).unwrap());
    }
    let standing = |server: &Server| {
        let project = server.repository(PUSH).project().unwrap().unwrap();
        project.look().unwrap().standing
    };
    // A proxy that lets only `/v2/` through says of every project that there is none.
    assert_eq!(standing(&harbor(|_| reply(404, &[], ""))), Standing::Unknown);
    let real = harbor(|seen| match seen.line.ends_with("/systeminfo") {
        true => reply(200, &[], r#"{"auth_mode":"db_auth"}"#),
        false => reply(404, &[], ""),
    });
    assert_eq!(standing(&real), Standing::Missing);
}

#[test]
fn an_endless_answer_of_an_api_is_not_read() {
    let server = harbor(|_| reply(200, &[], vec![b' '; 2 << 20]));

    let error = server.repository(PUSH).project().unwrap().unwrap().look().unwrap_err();

    assert_eq!((error.class(), error.kind()), (Class::Refused, ErrorKind::AnswerUnusable));
}
