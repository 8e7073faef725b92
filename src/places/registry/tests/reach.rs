//! Addresses that a registry gives lead nowhere that it is not beside.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::http::access::Access;
use super::super::http::reach::{Ground, Zone};
use super::super::http::url::Url;
use super::super::http::{Http, Outgoing, Silence};
use super::*;
use crate::storage::checked::samples::Unchecked;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::remedy::Remedy;

/// Addresses of the own link, in several forms.
const LINK: &[&str] = &[
    "http://169.254.169.254/latest/meta-data",
    "//169.254.169.254/latest/meta-data",
    "http://2852039166/latest",
    "http://0xa9.0xfe.0xa9.0xfe/latest",
    "http://[::ffff:169.254.169.254]/latest",
    "http://[64:ff9b::a9fe:a9fe]/latest",
    "http://metadata.google.internal/computeMetadata",
];

#[test]
fn redirects_and_uploads_lead_to_no_service_of_the_link() {
    for location in LINK {
        let to = format!("location: {location}");
        let server = Server::start(move |seen| match seen.line.split(' ').next().unwrap() {
            "GET" => reply(307, &[&to], ""),
            "POST" => reply(202, &[&to], ""),
            _ => reply(404, &[], ""),
        });
        let (source, sink) =
            (server.repository(Side::Source), server.repository(Side::Destination));
        let blob = Descriptor::new("a/b", Digest::of(b"x"), 1);

        let read = source.resolve(&name(&server, ":1")).unwrap_err();
        let sent = sink.put(&mut Unchecked(&blob, &mut io::Cursor::new(b"x"))).unwrap_err();

        for error in [read, sent] {
            assert_eq!(error.class(), Class::Refused, "{location}: {error}");
            assert!(!error.is_transient());
            assert!(error.to_string().contains("of the own link"), "{error}");
        }
    }
}

#[test]
fn what_a_name_means_is_judged_when_it_was_looked_up() {
    let server = Server::start(|_| reply(200, &[], ""));
    let port = server.address.rsplit(':').next().unwrap();
    let (http, settings) =
        (Http::new(1, &crate::words::cancel::Cancel::default()), Settings::default());
    let ask = |ground: Ground| {
        let url = Url::parse(&format!("http://localhost:{port}/")).unwrap().within(ground);
        http.send(&settings, Access::default(), Outgoing::get(&url))
    };

    for ground in [Ground::PUBLIC, Ground::beside(Zone::Private), Ground::beside(Zone::Link)] {
        let Err(Silence::Wire(error)) = ask(ground) else { panic!("{ground:?}") };
        let (_, kind) = super::super::fault::wire::describe(&error);
        assert_eq!(kind, super::super::fault::wire::WireFailure::OutOfReach(Zone::Machine));
    }
    assert!(server.log().is_empty());
    assert!(ask(Ground::beside(Zone::Machine)).is_ok());
    assert!(ask(Ground::PUBLIC).is_err(), "no connection is lent to whom it would be refused");
    let named = Url::parse("http://localhost/").unwrap();
    assert_eq!(http.beside(&named), Ground::beside(Zone::Machine));
}

#[test]
fn a_registry_on_this_machine_leads_to_another_port_of_it() {
    let storage = Server::start(|_| manifest());
    let to = format!("location: http://{}/x", storage.address);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let server = Server::start(move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        reply(307, &[&to], "")
    });

    server.repository(Side::Source).resolve(&name(&server, ":1")).unwrap();

    assert_eq!((asked.load(Ordering::Relaxed), storage.log().len()), (1, 1));
}

#[test]
fn a_public_registry_leads_to_public_places_only() {
    for (location, fine) in [
        ("http://cdn.example/x", true),
        ("http://registry.example:81/x", true),
        ("http://10.0.0.1:6379/x", false),
        ("http://192.168.1.1/x", false),
        ("http://[fd00::1]/x", false),
        ("http://100.100.100.200/x", false),
        ("http://169.254.169.254/x", false),
        ("http://127.0.0.1:1/x", false),
        ("http://0x7f.1:1/x", false),
        ("http://[::ffff:7f00:1]:1/x", false),
        ("http://localhost:1/x", false),
        ("http://minio.corp.internal/x", false),
        ("http://intranet/x", false),
    ] {
        let to = format!("location: {location}");
        // A proxy: it makes each connection, and answers on it itself.
        let proxy = Server::start(move |seen| match seen.header("host") {
            _ if seen.line.starts_with("CONNECT") => reply(200, &[], ""),
            Some("registry.example") => reply(307, &[&to], ""),
            _ => manifest(),
        });
        let proxies =
            Proxies { http: Some(format!("http://{}", proxy.address)), ..Proxies::default() };
        let registry: Registry = "registry.example".parse().unwrap();
        let plain_http = vec![registry.clone()];
        let settings = Settings { proxies, plain_http, ..Settings::default() };
        let client = Client::new(settings, Arc::new(Recorder::default())).unwrap();
        let app = client.repository(&registry, &"team/app".parse().unwrap(), Side::Source);

        let got = app.resolve(&"registry.example/team/app:1".parse().unwrap());

        assert_eq!(got.is_ok(), fine, "{location}: {got:?}");
        let connections = proxy.seen("CONNECT").len();
        assert_eq!(connections, if fine { 2 } else { 1 }, "{location}: {:?}", proxy.log());
        if let Err(error) = got {
            assert_eq!(error.class(), Class::Refused, "{location}: {error}");
        }
    }
}

/// A registry with a public name that leads to `location`, behind a proxy that makes each
/// connection and answers on it itself.
fn led_to(location: &str, allowed: &[&str]) -> (Server, Result<Document>) {
    let to = format!("location: {location}");
    let proxy = Server::start(move |seen| match seen.header("host") {
        _ if seen.line.starts_with("CONNECT") => reply(200, &[], ""),
        Some("registry.example") => reply(307, &[&to], ""),
        _ => manifest(),
    });
    let proxies = Proxies { http: Some(format!("http://{}", proxy.address)), ..Proxies::default() };
    let registry: Registry = "registry.example".parse().unwrap();
    let plain_http = vec![registry.clone()];
    let allow_redirects = allowed.iter().map(|host| host.parse().unwrap()).collect();
    let settings = Settings { proxies, plain_http, allow_redirects, ..Settings::default() };
    let client = Client::new(settings, Arc::new(Recorder::default())).unwrap();
    let app = client.repository(&registry, &"team/app".parse().unwrap(), Side::Source);
    let got = app.resolve(&"registry.example/team/app:1".parse().unwrap());
    (proxy, got)
}

#[test]
fn a_host_that_the_user_named_is_followed_to_wherever_it_is_and_no_other() {
    for (location, allowed, fine) in [
        ("http://10.0.0.5:9000/x", &["10.0.0.5"][..], true),
        ("http://10.0.0.5:9000/x", &["10.0.0.6", "10.0.0.5:9000"], true),
        ("http://10.0.0.5:6379/x", &["10.0.0.5:9000"], false),
        ("http://10.0.0.5:80/x", &["10.0.0.5:80"], true),
        ("http://minio.corp.internal/x", &["MINIO.corp.internal"], true),
        ("http://[fd00::1]:9000/x", &["[fd00::1]:9000"], true),
        ("http://10.0.0.6/x", &["10.0.0.5"], false),
        ("http://127.0.0.1:1/x", &["10.0.0.5"], false),
    ] {
        let (proxy, got) = led_to(location, allowed);

        assert_eq!(got.is_ok(), fine, "{location} {allowed:?}: {got:?}");
        assert_eq!(proxy.seen("CONNECT").len(), if fine { 2 } else { 1 }, "{location}");
    }
    let error = led_to("http://10.0.0.5:9000/x", &[]).1.unwrap_err();
    let hint = error.way_out().unwrap();
    assert!(hint.contains("allow_redirects 10.0.0.5:9000,"), "{hint}");
    let error = led_to("http://169.254.169.254/x", &[]).1.unwrap_err();
    assert!(
        !error.advice().unwrap().offers(Remedy::AllowRedirects),
        "nobody's storage is there: {error:?}"
    );
}

#[test]
fn a_place_that_does_not_answer_is_told_apart_from_the_registry_that_leads_there() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let to = format!("location: http://localhost:{}/x", closed.port());
    let server = Server::start(move |_| reply(307, &[&to], ""));

    let error = server.repository(Side::Source).resolve(&name(&server, ":1")).unwrap_err();

    let led = format!("http://localhost:{}, where the registry leads: ", closed.port());
    let text = error.to_string();
    assert!(text.contains(&format!("source registry {}: ", server.address)), "{text}");
    assert!(text.contains(&led), "{text}");
    assert!(error.way_out().unwrap().contains("has to be reached from here, too"), "{error:?}");
}
