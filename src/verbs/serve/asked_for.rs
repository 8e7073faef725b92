//! Whom a request is meant for, which matters where only this machine can ask.
//!
//! A page in a browser on this machine can have its own name lead to 127.0.0.1 (DNS rebinding),
//! and then read what is served there as its own. Such a request carries that name.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::http::request::Parts;
use hyper::{Version, header};

/// Whether `request` is for an address, or for `localhost`: for no name that somebody could let
/// lead here. Other ports are fine, as those of tunnels.
pub fn is_for_this_machine(request: &Parts) -> bool {
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_local),
        // HTTP/1.0 may come without; no browser speaks it.
        (None, _) => request.version < Version::HTTP_11,
        (Some(_), Some(_)) => false,
    };
    host && request.uri.authority().is_none_or(|authority| is_local(authority.as_str()))
}

/// Whether `host`, which may have a port, is an address or `localhost`.
fn is_local(host: &str) -> bool {
    let (host, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, rest)) if v6.parse::<Ipv6Addr>().is_ok() => {
            ("localhost", rest.strip_prefix(':').or((rest.is_empty()).then_some("")))
        }
        _ => host.split_once(':').map_or((host, Some("")), |(host, port)| (host, Some(port))),
    };
    let digits = port.is_some_and(|port| port.bytes().all(|c| c.is_ascii_digit()));
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let named = name == "localhost" || name.ends_with(".localhost");
    digits && (named || name.parse::<Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    #[test]
    fn addresses_and_localhost_are_this_machine_and_other_names_are_not() {
        for (host, local) in [
            ("127.0.0.1:5000", true),
            ("127.0.0.1", true),
            ("10.1.2.3:5000", true),
            ("[::1]:5000", true),
            ("[::1]", true),
            ("LocalHost:8080", true),
            ("localhost.:8080", true),
            ("a.localhost", true),
            ("evil.example", false),
            ("evil.example:5000", false),
            ("127.0.0.1.evil.example:5000", false),
            ("localhost.evil.example", false),
            ("evillocalhost", false),
            ("evil.example@127.0.0.1:5000", false),
            ("127.0.0.1:5000@evil.example", false),
            ("127.0.0.1:5000:evil", false),
            ("[::1]evil.example", false),
            ("[evil.example]:5000", false),
            ("2130706433", false),
            ("127.1", false),
            ("", false),
        ] {
            assert_eq!(is_local(host), local, "{host}");
        }
    }

    #[test]
    fn every_word_on_the_host_has_to_be_the_same() {
        let asked = |uri: &str, hosts: &[&str], version| {
            let mut request = Request::builder().uri(uri).version(version);
            for host in hosts {
                request = request.header("host", *host);
            }
            is_for_this_machine(&request.body(()).unwrap().into_parts().0)
        };
        let (new, old) = (Version::HTTP_11, Version::HTTP_10);

        assert!(asked("/v2/", &["127.0.0.1:5000"], new));
        assert!(asked("http://localhost:5000/v2/", &["localhost:5000"], new));
        assert!(!asked("http://evil.example/v2/", &["localhost:5000"], new));
        assert!(!asked("http://localhost:5000/v2/", &["evil.example"], new));
        assert!(!asked("/v2/", &["localhost", "evil.example"], new));
        assert!(!asked("/v2/", &["localhost", "localhost"], new));
        assert!(!asked("/v2/", &[], new));
        assert!(asked("/v2/", &[], old));
    }
}
