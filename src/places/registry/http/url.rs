//! [`Url`]: an absolute `http` or `https` address, and how a `Location` leads from one to another.
//!
//! The crate `url` reads addresses, as browsers do. What it understood is written out anew for the
//! transport, which reads it with a parser of its own; an address in which the two see another host
//! or port is none.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use ::url::{Host, Position, Url as Parsed};
use ureq::http::Uri;

use super::reach::{Ground, Zone};

/// Longest address that is followed. Pre-signed storage addresses have about 2 KiB.
const MAX_URL: usize = 16 << 10;

/// An absolute address without user information and fragment, in visible ASCII only.
#[derive(Clone)]
pub(crate) struct Url {
    parsed: Parsed,
    /// `host` or `host:port`, as it was named.
    authority: String,
    /// Which places it may lead to.
    ground: Ground,
}

impl Url {
    /// The root of `authority`, a host with or without a port, which the user named. `None` where
    /// no address can have such a host, as `1.2.3.4.5`.
    pub(crate) fn of(https: bool, authority: &str) -> Option<Url> {
        let url = Url::parse(&format!("{}://{authority}/", scheme(https)))?;
        Some(Url { authority: authority.to_ascii_lowercase(), ..url })
    }

    /// Reads an absolute address; nothing else is one. It is taken to be the user's own: one of
    /// anybody else has to be [`within`](Url::within) bounds.
    pub(crate) fn parse(text: &str) -> Option<Url> {
        let (_, rest) = text.split_once("://").filter(|_| is_plain(text))?;
        // A name and password inside an address would be sent as credentials that nobody chose,
        // and what has further slashes means another host to each reader.
        let authority = rest.split(['/', '?', '#']).next()?;
        let fine = !authority.is_empty() && !authority.contains(['@', '\\']);
        fine.then(|| Parsed::parse(text).ok())?.and_then(|parsed| Url::checked(parsed, None))
    }

    /// `parsed`, if it is what this type promises.
    fn checked(mut parsed: Parsed, here: Option<&Url>) -> Option<Url> {
        parsed.set_fragment(None);
        let simple = matches!(parsed.scheme(), "http" | "https")
            && parsed.username().is_empty()
            && parsed.password().is_none();
        let uri: Uri = parsed.as_str().parse().ok()?;
        let agreed = uri.host() == parsed.host_str() && uri.port_u16() == parsed.port();
        let authority = parsed[Position::BeforeHost..Position::AfterPort].to_owned();
        let ground = match here {
            Some(here) if here.parsed.host() == parsed.host() => here.ground,
            Some(_) => Ground::PUBLIC,
            None => Ground::ANYWHERE,
        };
        (simple && agreed).then_some(Url { parsed, authority, ground })
    }

    /// Where `location`, found in an answer from here, leads. At another host it reaches public
    /// places only, unless it is [`within`](Url::within) wider bounds.
    pub(crate) fn join(&self, location: &str) -> Option<Url> {
        if location.contains("://") && !location.starts_with(['/', '?']) {
            return Url::parse(location).and_then(|url| Url::checked(url.parsed, Some(self)));
        }
        if !is_plain(location) || location.contains('\\') || location.starts_with("///") {
            return None;
        }
        // What stands before a colon is no scheme here, as in `sha256:...`.
        let end = location.find(['/', '?', '#']).unwrap_or(location.len());
        let parsed = match location[..end].contains(':') {
            true => self.parsed.join(&format!("./{location}")),
            false => self.parsed.join(location),
        };
        Url::checked(parsed.ok()?, Some(self))
    }

    /// The same address, which may lead to `ground` and no further.
    pub(crate) fn within(self, ground: Ground) -> Url {
        Url { ground, ..self }
    }

    /// Which places it may lead to.
    pub(crate) fn ground(&self) -> Ground {
        self.ground
    }

    /// The kind of place where it leads, if that can be told without looking it up.
    pub(crate) fn zone(&self) -> Option<Zone> {
        match self.ip() {
            Some(address) => Some(Zone::of(address)),
            None => Zone::of_name(self.host()),
        }
    }

    /// `path`, which may have a query, at the same host.
    pub(crate) fn with_path(&self, path: &str) -> Url {
        let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        let mut url = self.clone();
        url.parsed.set_path(path);
        url.parsed.set_query(query);
        url
    }

    /// The same address with `name=value` added to its query.
    pub(crate) fn with_query(&self, name: &str, value: &str) -> Url {
        let query = self.parsed.query().unwrap_or_default();
        let joint = if query.is_empty() || query.ends_with('&') { "" } else { "&" };
        let query = format!("{query}{joint}{name}={}", encode(value));
        let mut url = self.clone();
        url.parsed.set_query(Some(&query));
        url
    }

    /// Where `link`, the next page of the list that is here, is to be had: here, by its query; by
    /// its own path, at this host, if it is another list's. `None` for a path without a query that
    /// leads here, which would be the same page again.
    pub(crate) fn with_page(&self, link: &Url) -> Option<Url> {
        let ending = |url: &Url| -> Vec<String> {
            url.parsed.path().rsplit('/').take(2).map(str::to_owned).collect()
        };
        match (ending(self) == ending(link), link.parsed.query()) {
            (true, Some(query)) => {
                let mut url = self.clone();
                url.parsed.set_query(Some(query));
                Some(url)
            }
            (true, None) => None,
            (false, _) => Some(self.with_path(link.path())),
        }
    }

    /// Whether it is `https`.
    pub(crate) fn is_https(&self) -> bool {
        self.parsed.scheme() == "https"
    }

    /// `host` or `host:port`.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query.
    pub(crate) fn path(&self) -> &str {
        &self.parsed[Position::BeforePath..]
    }

    /// The host without port and brackets.
    pub(crate) fn host(&self) -> &str {
        self.parsed.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The host, where it is an address and no name.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        match self.parsed.host()? {
            Host::Ipv4(v4) => Some(v4.into()),
            Host::Ipv6(v6) => Some(v6.into()),
            Host::Domain(_) => None,
        }
    }

    /// Whether the host is this machine, by its address or as `localhost`.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host() == "localhost" || self.ip().is_some_and(|address| address.is_loopback())
    }

    /// Whether it leads to `place`, a host, or a host and a port.
    pub(crate) fn is_at(&self, place: &str) -> bool {
        let Some(other) = Url::of(self.is_https(), place) else { return false };
        let any_port =
            other.parsed.port().is_none() && !place.ends_with(&format!(":{}", other.port()));
        self.host() == other.host() && (any_port || self.port() == other.port())
    }

    /// The port, given or implied.
    pub(crate) fn port(&self) -> u16 {
        let implied = if self.is_https() { 443 } else { 80 };
        self.parsed.port().unwrap_or(implied)
    }

    /// Whether credentials for one may go to the other: scheme, host and port are the same.
    pub(crate) fn same_origin(&self, other: &Url) -> bool {
        self.is_https() == other.is_https()
            && self.host() == other.host()
            && self.port() == other.port()
    }

    /// Scheme, host and port, for people: paths and queries may hold secrets.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.parsed.scheme(), self.authority)
    }
}

fn scheme(https: bool) -> &'static str {
    if https { "https" } else { "http" }
}

/// Whether `text` is short enough, and has no character that some readers drop or change.
fn is_plain(text: &str) -> bool {
    text.len() <= MAX_URL && text.bytes().all(|c| c.is_ascii_graphic())
}

impl PartialEq for Url {
    fn eq(&self, other: &Url) -> bool {
        self.parsed == other.parsed
    }
}

impl Eq for Url {}

impl Hash for Url {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parsed.hash(state);
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parsed.as_str())
    }
}

impl fmt::Debug for Url {
    /// Without path and query, since signed addresses are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

/// Percent-encodes `value` for a query. `:` and `/` stay, as every registry expects of a scope or
/// a digest.
pub(crate) fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.bytes() {
        match c {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(char::from(c)),
            b'-' | b'.' | b'_' | b'~' | b':' | b'/' => out.push(char::from(c)),
            _ => out.push_str(&format!("%{c:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_leads_where_browsers_would_go() {
        let here = Url::parse("https://h.example:5000/v2/a/blobs/uploads/?x=1").unwrap();
        for (location, there) in [
            ("/v2/u/1?_state=a%3D%3D", "https://h.example:5000/v2/u/1?_state=a%3D%3D"),
            ("//cdn.example/x", "https://cdn.example/x"),
            ("http://h.example:5000/x", "http://h.example:5000/x"),
            ("HTTPS://CDN.example?a=b", "https://cdn.example/?a=b"),
            ("uuid?state=1", "https://h.example:5000/v2/a/blobs/uploads/uuid?state=1"),
            ("?digest=1", "https://h.example:5000/v2/a/blobs/uploads/?digest=1"),
            ("/x?next=http://y.example/", "https://h.example:5000/x?next=http://y.example/"),
            ("/x#part", "https://h.example:5000/x"),
            ("./u?s=../1", "https://h.example:5000/v2/a/blobs/uploads/u?s=../1"),
            ("../sha256:1", "https://h.example:5000/v2/a/blobs/sha256:1"),
            ("../../../../../x/", "https://h.example:5000/x/"),
            ("/a//b/./c/..", "https://h.example:5000/a//b/"),
        ] {
            assert_eq!(here.join(location).unwrap().to_string(), there, "{location}");
        }
        for bad in [
            "https://u:p@h.example/",
            "https://h.example:5000@evil.example/",
            "https://evil.example\\@h.example:5000/",
            "https:///x",
            "https:/\\evil.example/x",
            "///evil.example/x",
            "/\\evil.example/x",
            "\\\\evil.example/x",
            "ftp://h/x",
            "/a b",
            "/a\r\nb",
            "/é",
            "https://1.2.3.4.5/",
            "https://h.example:99999/",
            "https://h%00.example/",
        ] {
            assert!(here.join(bad).is_none(), "{bad}");
        }
        assert_eq!(here.join("sha256:1").unwrap().path(), "/v2/a/blobs/uploads/sha256:1");
    }

    #[test]
    fn an_address_is_one_whatever_it_is_written_like() {
        for (text, host, port) in [
            ("http://2852039166/t", "169.254.169.254", 80),
            ("http://0xa9fea9fe:81/t", "169.254.169.254", 81),
            ("http://0251.0376.0251.0376/t", "169.254.169.254", 80),
            ("http://169.254.43518/t", "169.254.169.254", 80),
            ("http://127.1/t", "127.0.0.1", 80),
            ("http://%31%32%37.0.0.1/t", "127.0.0.1", 80),
            ("https://[::FFFF:169.254.169.254]/t", "::ffff:a9fe:a9fe", 443),
            ("https://[0:0:0:0:0:0:0:1]:444/t", "::1", 444),
            ("https://h.example:443/t", "h.example", 443),
            ("https://xn--mnchen-3ya.example/t", "xn--mnchen-3ya.example", 443),
            ("https://a_b.example/t", "a_b.example", 443),
        ] {
            let url = Url::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((url.host(), url.port()), (host, port), "{text}");
            let sent: Uri = url.to_string().parse().unwrap();
            assert_eq!(sent.host().unwrap().trim_matches(['[', ']']), host, "{text}");
            assert_eq!(sent.port_u16().unwrap_or(if url.is_https() { 443 } else { 80 }), port);
        }
        assert!(Url::of(true, "1.2.3.4.5").is_none());
        assert_eq!(Url::of(true, "H.example:443").unwrap().authority(), "h.example:443");
    }

    #[test]
    fn an_address_from_outside_reaches_public_places_until_more_is_allowed() {
        let here = Url::parse("https://h.example:5000/v2/").unwrap();

        assert_eq!(here.ground(), Ground::ANYWHERE);
        assert_eq!(here.join("/x").unwrap().ground(), Ground::ANYWHERE);
        assert_eq!(here.join("http://h.example:1/x").unwrap().ground(), Ground::ANYWHERE);
        let there = here.join("https://cdn.example/x").unwrap();
        assert_eq!(there.ground(), Ground::PUBLIC);
        assert_eq!(there.join("/y").unwrap().ground(), Ground::PUBLIC);
        assert_eq!(there.with_query("a", "b").with_path("/z").ground(), Ground::PUBLIC);
        let wide = there.within(Ground::beside(Zone::Private));
        assert_eq!(wide.join("//h.example/").unwrap().ground(), Ground::PUBLIC);
    }

    #[test]
    fn the_next_page_is_where_the_list_is_whatever_its_link_calls_the_place() {
        let here = Url::parse("https://h/v2/docker/a/tags/list?n=2").unwrap();
        for (link, next) in [
            ("https://h/v2/docker/a/tags/list?last=b", "https://h/v2/docker/a/tags/list?last=b"),
            ("https://h/v2/a/tags/list?last=b", "https://h/v2/docker/a/tags/list?last=b"),
            (
                "http://inner.local:5000/v2/a/tags/list?last=b",
                "https://h/v2/docker/a/tags/list?last=b",
            ),
            ("http://inner/v2/pages/7", "https://h/v2/pages/7"),
        ] {
            let url = here.with_page(&Url::parse(link).unwrap()).unwrap();
            assert_eq!(url.to_string(), next, "{link}");
        }
        assert!(here.with_page(&here.join("list").unwrap()).is_none());
    }

    #[test]
    fn a_query_is_kept_and_added_to() {
        let url = |text: &str| Url::parse(text).unwrap().with_query("digest", "sha256:ab&c");

        assert_eq!(url("http://h/x").to_string(), "http://h/x?digest=sha256:ab%26c");
        assert_eq!(url("http://h/x?s=1").to_string(), "http://h/x?s=1&digest=sha256:ab%26c");
    }

    #[test]
    fn a_place_without_a_port_is_every_port_of_its_host() {
        for (url, place, there) in [
            ("http://minio:9000/x", "minio", true),
            ("http://minio:9000/x", "minio:9000", true),
            ("http://minio:9000/x", "minio:80", false),
            ("https://minio/x", "minio:443", true),
            ("https://minio:8443/x", "minio:443", false),
            ("http://10.0.0.5:9000/x", "10.0.0.5", true),
            ("http://[fd00::5]:9000/x", "[fd00::5]", true),
            ("http://[fd00::5]:9000/x", "[fd00::5]:9001", false),
            ("http://minio.evil.example/x", "minio", false),
        ] {
            assert_eq!(Url::parse(url).unwrap().is_at(place), there, "{url} {place}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let url = |text: &str| Url::parse(text).unwrap();
        for (a, b, same) in [
            ("https://h/x", "https://H:443/y", true),
            ("http://h:80/x", "http://h/", true),
            ("https://h/x", "http://h/x", false),
            ("https://h/x", "https://h:8443/x", false),
            ("https://h/x", "https://h.evil/x", false),
            ("http://[::1]:5/x", "http://[::1]:5/", true),
            ("http://[::1]:5/x", "http://[::1]:6/", false),
        ] {
            assert_eq!(url(a).same_origin(&url(b)), same, "{a} {b}");
        }
    }
}
