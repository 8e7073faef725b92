//! What a request makes its answer depend on (RFC 9110 section 13): which content the client has, or wants.

use hyper::header::{self, HeaderMap, HeaderName};

/// Whether the client has the content with this `etag` already (`If-None-Match`, by the weak comparison).
pub fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    tags(headers, header::IF_NONE_MATCH).any(|tag| matches!(tag, "*") || strong(tag) == etag)
}

/// Whether the client wants other content than that with this `etag` (`If-Match`, by the strong comparison).
pub fn is_another(headers: &HeaderMap, etag: &str) -> bool {
    let asked = headers.contains_key(header::IF_MATCH);
    asked && !tags(headers, header::IF_MATCH).any(|tag| matches!(tag, "*") || tag == etag)
}

/// The `Range` header, unless `If-Range` says that it was meant for other bytes than those with this `etag`.
pub fn asked_range<'a>(headers: &'a HeaderMap, etag: &str) -> Option<&'a str> {
    let meant = headers.get(header::IF_RANGE).is_none_or(|tag| *tag == *etag);
    headers.get(header::RANGE).filter(|_| meant)?.to_str().ok()
}

fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let all = headers.get_all(name).into_iter().filter_map(|tags| tags.to_str().ok());
    all.flat_map(|tags| tags.split(',')).map(str::trim)
}

fn strong(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn said(name: HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn a_weak_tag_is_known_but_never_the_very_bytes() {
        for (value, known, another) in [
            ("\"a\"", true, false),
            ("\"b\", \"a\"", true, false),
            ("W/\"a\"", true, true),
            ("*", true, false),
            ("\"b\"", false, true),
            ("a", false, true),
            ("", false, true),
        ] {
            let of = |name| said(name, value);
            assert_eq!(is_known(&of(header::IF_NONE_MATCH), "\"a\""), known, "{value}");
            assert_eq!(is_another(&of(header::IF_MATCH), "\"a\""), another, "{value}");
        }
        assert!(!is_known(&HeaderMap::new(), "\"a\"") && !is_another(&HeaderMap::new(), "\"a\""));
    }

    #[test]
    fn a_range_that_was_meant_for_other_bytes_is_none() {
        for (tag, range) in [("\"a\"", Some("bytes=1-2")), ("\"b\"", None), ("W/\"a\"", None)] {
            let mut headers = said(header::RANGE, "bytes=1-2");
            assert_eq!(asked_range(&headers, "\"a\""), Some("bytes=1-2"));
            headers.insert(header::IF_RANGE, HeaderValue::from_static(tag));
            assert_eq!(asked_range(&headers, "\"a\""), range, "{tag}");
        }
    }
}
