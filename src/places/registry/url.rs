//! [`Url`]: an absolute `http` or `https` address, and how a `Location` leads from one to another.

use std::fmt;

/// Longest address that is followed. Pre-signed storage addresses have about 2 KiB.
const MAX_URL: usize = 16 << 10;

/// An absolute address without user information and fragment, in visible ASCII only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Url {
    https: bool,
    authority: String,
    /// Path and query; starts with `/`.
    path: String,
}

impl Url {
    /// `https://authority/path`, or `http://` as `https` says.
    pub(super) fn new(https: bool, authority: &str, path: &str) -> Url {
        Url { https, authority: authority.to_ascii_lowercase(), path: path.to_owned() }
    }

    /// Reads an absolute address; nothing else is one.
    pub(super) fn parse(text: &str) -> Option<Url> {
        if text.len() > MAX_URL || !text.bytes().all(|c| c.is_ascii_graphic()) {
            return None;
        }
        let text = text.split('#').next()?;
        let (scheme, rest) = text.split_once("://")?;
        let https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        // A name and password inside an address would be sent as credentials that nobody chose.
        if authority.is_empty() || authority.contains(['@', '\\']) {
            return None;
        }
        let path = match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("/{path}"),
        };
        let url = Url { https, authority: authority.to_ascii_lowercase(), path };
        url.to_string().parse::<ureq::http::Uri>().ok().map(|_| url)
    }

    /// Where `location`, found in an answer from here, leads.
    pub(super) fn join(&self, location: &str) -> Option<Url> {
        let scheme = if self.https { "https" } else { "http" };
        if location.contains("://") && !location.starts_with(['/', '?']) {
            return Url::parse(location);
        }
        let here = self.path.split('?').next().unwrap_or("/");
        let text = match location {
            rest if rest.starts_with("//") => format!("{scheme}:{rest}"),
            rest if rest.starts_with('/') => {
                format!("{scheme}://{}{}", self.authority, without_dots(rest))
            }
            rest if rest.starts_with('?') => format!("{scheme}://{}{here}{rest}", self.authority),
            rest => {
                let folder = here.rsplit_once('/').map_or("", |(folder, _)| folder);
                let path = without_dots(&format!("{folder}/{rest}"));
                format!("{scheme}://{}{path}", self.authority)
            }
        };
        Url::parse(&text)
    }

    /// The same address with `name=value` added to its query.
    pub(super) fn with_query(&self, name: &str, value: &str) -> Url {
        let joint = match self.path.contains('?') {
            true if self.path.ends_with(['?', '&']) => "",
            true => "&",
            false => "?",
        };
        let path = format!("{}{joint}{name}={}", self.path, encode(value));
        Url { path, ..self.clone() }
    }

    /// Where `link`, the next page of the list that is here, is to be had: here, by its query; by
    /// its own path, at this host, if it is another list's. `None` for a path without a query that
    /// leads here, which would be the same page again.
    pub(super) fn with_page(&self, link: &Url) -> Option<Url> {
        let cut = |path: &str| -> (String, Option<String>) {
            let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
            (path.to_owned(), query.map(str::to_owned))
        };
        let ((here, _), (there, query)) = (cut(&self.path), cut(&link.path));
        let ending =
            |path: &str| -> Vec<String> { path.rsplit('/').take(2).map(str::to_owned).collect() };
        let same = ending(&here) == ending(&there);
        let path = match (same, query) {
            (true, Some(query)) => format!("{here}?{query}"),
            (true, None) => return None,
            (false, _) => link.path.clone(),
        };
        Some(Url { path, ..self.clone() })
    }

    /// Whether it is `https`.
    pub(super) fn is_https(&self) -> bool {
        self.https
    }

    /// `host` or `host:port`.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The host without port and brackets.
    pub(super) fn host(&self) -> &str {
        match self.authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => self.authority.split(':').next().unwrap_or(&self.authority),
        }
    }

    /// The port, given or implied.
    pub(super) fn port(&self) -> u16 {
        let given = match self.authority.rsplit_once(']') {
            Some((_, rest)) => rest.strip_prefix(':'),
            None => self.authority.split_once(':').map(|(_, port)| port),
        };
        let implied = if self.https { 443 } else { 80 };
        given.and_then(|port| port.parse().ok()).unwrap_or(implied)
    }

    /// Whether credentials for one may go to the other: scheme, host and port are the same.
    pub(super) fn same_origin(&self, other: &Url) -> bool {
        self.https == other.https && self.host() == other.host() && self.port() == other.port()
    }

    /// Scheme, host and port, for people: paths and queries may hold secrets.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.authority)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)
    }
}

impl fmt::Debug for Url {
    /// Without path and query, since signed addresses are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

/// `path`, which starts with `/`, with its dot segments taken for what they mean (RFC 3986,
/// section 5.2.4); its query stays as it is.
fn without_dots(path: &str) -> String {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let (path, query) = path.split_at(end);
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let folder = path.ends_with("/.") || path.ends_with("/..");
    let slash = if folder && !kept.is_empty() { "/" } else { "" };
    format!("/{}{slash}{query}", kept.join("/"))
}

/// Percent-encodes `value` for a query. `:` and `/` stay, as every registry expects of a scope or
/// a digest.
pub(super) fn encode(value: &str) -> String {
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
        for bad in ["https://u:p@h.example/", "ftp://h/x", "https:///x", "/a b", "/a\r\nb", "/é"] {
            assert!(here.join(bad).is_none(), "{bad}");
        }
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
