//! A request line becomes a [`Route`]. Pure: no shelf, no socket, no allocation beyond the words.

use crate::words::digest::{Digest, DigestError};
use crate::words::reference::{Registry, Repository, Tag};

/// Longest path and query that is looked at. The longest legal one (a name of 255 bytes, a digest,
/// two types of 127 bytes, all percent-encoded) stays below it.
pub const MAX_TARGET: usize = 2048;

/// What a request asks for: the pull half of distribution-spec 1.1, "Endpoints".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/v2/` (end-1): whether this is a registry.
    Version,
    /// `/v2/<name>/manifests/<reference>` (end-3).
    Manifest {
        /// In which repository.
        repository: NamedRepository,
        /// Which one.
        name: ManifestName,
    },
    /// `/v2/<name>/blobs/<digest>` (end-2).
    Blob {
        /// In which repository.
        repository: NamedRepository,
        /// Which one.
        digest: Digest,
    },
    /// `/v2/<name>/tags/list` (end-8a, end-8b).
    Tags {
        /// Of which repository.
        repository: NamedRepository,
        /// Which part of the list.
        page: Page,
    },
    /// `/v2/<name>/referrers/<digest>` (end-12a, end-12b).
    Referrers {
        /// In which repository.
        repository: NamedRepository,
        /// To what; none for a digest of an algorithm that no bundle carries, to which nothing
        /// refers.
        subject: Option<Digest>,
        /// Only those of this type.
        artifact_type: Option<String>,
    },
    /// `/v2/_catalog`, which the spec leaves to registries and clients know from `distribution`.
    Catalog {
        /// Which part of the list.
        page: Page,
    },
    /// No endpoint of a read-only registry, or not a legal request to one.
    Refused(Refusal),
}

/// Why a request is refused before anything is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is meant for another host than this one.
    Host,
    /// It has no password, or a wrong one.
    Stranger,
    /// Neither `GET` nor `HEAD`.
    Method,
    /// The path or the query is too long.
    TooLong,
    /// The query is not percent-encoded text of visible ASCII characters.
    Query,
    /// `n` is not a number.
    Page,
    /// A digest that follows no grammar.
    Digest,
    /// A path outside the API.
    Path,
    /// A name that no repository can have.
    Name,
    /// A tag or digest that no manifest here can have.
    Manifest,
    /// A digest that no blob here can have.
    Blob,
}

/// The repository that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRepository {
    /// `<name>`, as the client wrote it.
    pub name: Repository,
    /// `?ns=`: the host that a mirror's client wants the name to be of. containerd sends it.
    pub host: Option<Registry>,
}

/// `<reference>`: by which name a manifest is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestName {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

/// `?n=` and `?last=` (distribution-spec, "Listing Tags").
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// At most so many entries; all when absent.
    pub n: Option<usize>,
    /// Only what comes after this one.
    pub last: Option<String>,
}

/// Says what `method path?query` asks for. The path is read from its right end, because a
/// repository's name may hold any number of slashes and every word of the API.
pub fn route(method: &str, path: &str, query: Option<&str>) -> Route {
    find(method, path, query.unwrap_or_default()).unwrap_or_else(Route::Refused)
}

fn find(method: &str, path: &str, query: &str) -> Result<Route, Refusal> {
    if !matches!(method, "GET" | "HEAD") {
        return Err(Refusal::Method);
    }
    if path.len() + query.len() > MAX_TARGET {
        return Err(Refusal::TooLong);
    }
    let path = path.strip_prefix("/v2").ok_or(Refusal::Path)?;
    match path {
        "" | "/" => return Ok(Route::Version),
        "/_catalog" => return Ok(Route::Catalog { page: page(query)? }),
        _ => {}
    }
    let path = path.strip_prefix('/').ok_or(Refusal::Path)?;
    let (rest, last) = path.rsplit_once('/').ok_or(Refusal::Path)?;
    let (name, kind) = rest.rsplit_once('/').ok_or(Refusal::Path)?;
    let repository = || repository(name, query);
    match (kind, last) {
        ("manifests", name) => {
            Ok(Route::Manifest { repository: repository()?, name: manifest(name)? })
        }
        ("blobs", digest) => Ok(Route::Blob {
            repository: repository()?,
            digest: digest_of(digest)?.ok_or(Refusal::Blob)?,
        }),
        ("tags", "list") => Ok(Route::Tags { repository: repository()?, page: page(query)? }),
        ("referrers", subject) => Ok(Route::Referrers {
            repository: repository()?,
            subject: digest_of(subject)?,
            artifact_type: member(query, "artifactType")?,
        }),
        _ => Err(Refusal::Path),
    }
}

fn repository(name: &str, query: &str) -> Result<NamedRepository, Refusal> {
    let name = name.parse().map_err(|_| Refusal::Name)?;
    let host = match member(query, "ns")? {
        Some(host) => Some(host.parse().map_err(|_| Refusal::Name)?),
        None => None,
    };
    Ok(NamedRepository { name, host })
}

fn manifest(text: &str) -> Result<ManifestName, Refusal> {
    if let Ok(tag) = text.parse() {
        return Ok(ManifestName::Tag(tag));
    }
    match text.contains([':', '%']) {
        true => digest_of(text)?.map(ManifestName::Digest).ok_or(Refusal::Manifest),
        false => Err(Refusal::Manifest),
    }
}

/// A digest from the path; none when its algorithm is one that bundles do not carry. Its colon is
/// the only character of a legal path that some clients encode, so it is the only one decoded.
fn digest_of(text: &str) -> Result<Option<Digest>, Refusal> {
    match text.replacen("%3A", ":", 1).replacen("%3a", ":", 1).parse() {
        Ok(digest) => Ok(Some(digest)),
        Err(DigestError::Algorithm(_)) => Ok(None),
        Err(DigestError::Grammar) => Err(Refusal::Digest),
    }
}

fn page(query: &str) -> Result<Page, Refusal> {
    let n = match member(query, "n")? {
        Some(n) if n.bytes().all(|c| c.is_ascii_digit()) => {
            // More than fits means all.
            Some(n.parse().unwrap_or(usize::MAX))
        }
        Some(_) => return Err(Refusal::Page),
        None => None,
    };
    Ok(Page { n, last: member(query, "last")? })
}

/// The first value of `name` in `query`; an empty one counts as absent.
fn member(query: &str, name: &str) -> Result<Option<String>, Refusal> {
    let value = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name && !value.is_empty()).then_some(value));
    value.map(decode).transpose()
}

/// Undoes percent-encoding. Only visible ASCII comes out: nothing else stands in a name, a tag or
/// a media type. A `+` stays one, since types such as `application/x+json` are sent bare.
fn decode(text: &str) -> Result<String, Refusal> {
    let mut out = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || bytes.next().and_then(|c| char::from(c).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or(Refusal::Query)?;
                u8::try_from(high * 16 + low).map_err(|_| Refusal::Query)?
            }
            byte => byte,
        };
        if !byte.is_ascii_graphic() {
            return Err(Refusal::Query);
        }
        out.push(char::from(byte));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn get(target: &str) -> Route {
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        route("GET", path, query)
    }

    fn repository(name: &str, host: Option<&str>) -> NamedRepository {
        NamedRepository { name: name.parse().unwrap(), host: host.map(|h| h.parse().unwrap()) }
    }

    fn tagged(name: &str, host: Option<&str>, tag: &str) -> Route {
        let name = (repository(name, host), ManifestName::Tag(tag.parse().unwrap()));
        Route::Manifest { repository: name.0, name: name.1 }
    }

    fn page(n: Option<usize>, last: Option<&str>) -> Page {
        Page { n, last: last.map(str::to_owned) }
    }

    #[test]
    fn every_endpoint_is_found_from_the_right() {
        let digest = Digest::of(b"");
        let blob = |name| Route::Blob { repository: repository(name, None), digest };
        let all = page(None, None);
        for (target, expected) in [
            ("/v2".to_owned(), Route::Version),
            ("/v2/".to_owned(), Route::Version),
            (
                "/v2/library/alpine/manifests/3.20".to_owned(),
                tagged("library/alpine", None, "3.20"),
            ),
            ("/v2/a/manifests/b/manifests/c".to_owned(), tagged("a/manifests/b", None, "c")),
            ("/v2/a/tags/list/manifests/list".to_owned(), tagged("a/tags/list", None, "list")),
            ("/v2/manifests/manifests/x".to_owned(), tagged("manifests", None, "x")),
            (format!("/v2/v2/blobs/sha256:{HEX}"), blob("v2")),
            (format!("/v2/blobs/blobs/sha256%3A{HEX}"), blob("blobs")),
            (
                format!("/v2/a/manifests/sha256%3a{HEX}"),
                Route::Manifest {
                    repository: repository("a", None),
                    name: ManifestName::Digest(digest),
                },
            ),
            (
                "/v2/a/manifests/1?ns=localhost%3A5000".to_owned(),
                tagged("a", Some("localhost:5000"), "1"),
            ),
            ("/v2/a/manifests/1?ns=".to_owned(), tagged("a", None, "1")),
            (
                "/v2/docker.io/a/tags/list".to_owned(),
                Route::Tags { repository: repository("docker.io/a", None), page: all.clone() },
            ),
            (
                "/v2/a/tags/list?n=2&last=x&ns=index.docker.io".to_owned(),
                Route::Tags {
                    repository: repository("a", Some("docker.io")),
                    page: page(Some(2), Some("x")),
                },
            ),
            (
                "/v2/_catalog?last=a%2Fb&n=99999999999999999999999&n=1".to_owned(),
                Route::Catalog { page: page(Some(usize::MAX), Some("a/b")) },
            ),
            (
                format!("/v2/a/referrers/sha256:{HEX}?artifactType=a%2Fb+c%2Bd"),
                Route::Referrers {
                    repository: repository("a", None),
                    subject: Some(digest),
                    artifact_type: Some("a/b+c+d".to_owned()),
                },
            ),
            (
                format!("/v2/a/referrers/sha512:{HEX}{HEX}"),
                Route::Referrers {
                    repository: repository("a", None),
                    subject: None,
                    artifact_type: None,
                },
            ),
        ] {
            assert_eq!(get(&target), expected, "{target}");
            assert_eq!(
                route("HEAD", target.split('?').next().unwrap(), target.split('?').nth(1)),
                expected
            );
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused_with_its_reason() {
        let long = "a/".repeat(2000);
        for (target, why) in [
            ("/".to_owned(), Refusal::Path),
            ("*".to_owned(), Refusal::Path),
            ("/v1/_ping".to_owned(), Refusal::Path),
            ("/v2x".to_owned(), Refusal::Path),
            ("/v2/a".to_owned(), Refusal::Path),
            ("/v2//manifests".to_owned(), Refusal::Path),
            ("/v2/manifests/x".to_owned(), Refusal::Path),
            ("/v2/a/tags/list/".to_owned(), Refusal::Path),
            ("/v2/a/tags/lists".to_owned(), Refusal::Path),
            ("/v2/a/blobs/uploads/".to_owned(), Refusal::Path),
            ("/v2//manifests/x".to_owned(), Refusal::Name),
            ("/v2/../manifests/x".to_owned(), Refusal::Name),
            ("/v2/a/../b/manifests/x".to_owned(), Refusal::Name),
            ("/v2/a%2Fb/manifests/x".to_owned(), Refusal::Name),
            ("/v2/A/manifests/x".to_owned(), Refusal::Name),
            ("/v2/h:5000/a/manifests/x".to_owned(), Refusal::Name),
            ("/v2/a/manifests/x?ns=no%20host".to_owned(), Refusal::Query),
            ("/v2/a/manifests/x?ns=-".to_owned(), Refusal::Name),
            ("/v2/a/manifests/".to_owned(), Refusal::Manifest),
            ("/v2/a/manifests/..".to_owned(), Refusal::Manifest),
            ("/v2/a/manifests/.x".to_owned(), Refusal::Manifest),
            ("/v2/a/manifests/a%00b".to_owned(), Refusal::Digest),
            ("/v2/a/manifests/sha256:abc".to_owned(), Refusal::Digest),
            (format!("/v2/a/manifests/sha512:{HEX}{HEX}"), Refusal::Manifest),
            ("/v2/a/blobs/latest".to_owned(), Refusal::Digest),
            (format!("/v2/a/blobs/sha256%253A{HEX}"), Refusal::Digest),
            (format!("/v2/a/blobs/sha512:{HEX}{HEX}"), Refusal::Blob),
            ("/v2/a/referrers/latest".to_owned(), Refusal::Digest),
            ("/v2/a/tags/list?n=-1".to_owned(), Refusal::Page),
            ("/v2/a/tags/list?n=1e3".to_owned(), Refusal::Page),
            ("/v2/a/tags/list?last=%0d%0aX:y".to_owned(), Refusal::Query),
            ("/v2/a/tags/list?last=%e2%80%ae".to_owned(), Refusal::Query),
            ("/v2/a/tags/list?last=%2".to_owned(), Refusal::Query),
            ("/v2/a/tags/list?last=%+2".to_owned(), Refusal::Query),
            (format!("/v2/{long}manifests/x"), Refusal::TooLong),
            (format!("/v2/_catalog?last={long}"), Refusal::TooLong),
        ] {
            assert_eq!(get(&target), Route::Refused(why), "{target}");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "get", ""] {
            let answer = route(method, "/v2/a/blobs/uploads/", None);
            assert_eq!(answer, Route::Refused(Refusal::Method), "{method}");
        }
    }
}
