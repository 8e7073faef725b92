//! A request becomes a response: distribution-spec 1.1, the pull half.

use std::sync::Arc;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::asked_for::is_for_this_machine;
use super::body::AnswerBody;
use super::front;
use super::ledger::Ledger;
use super::page;
use super::range::{ByteRange, span};
use super::route::{ManifestName, NamedRepository, Page, Refusal, Route, route};
use super::shelf::Missing;
use super::shelf::Shelf;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::escape::safe;
use crate::words::media::OCI_INDEX;
use crate::words::progress::{Cancellable, Event, Progress, Silent};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// As much of a path as an access note shows.
const NOTED: usize = 200;

/// Answers requests from one shelf. Shared by all connections.
#[derive(Clone)]
pub struct Desk {
    shelf: Arc<Shelf>,
    log: Arc<dyn Progress>,
    ledger: Option<Arc<Ledger>>,
    /// Whether only this machine may ask.
    local: bool,
}

impl Desk {
    /// Answers from `shelf`; tells `log` of every request, and of blobs that turn out damaged.
    /// Where only this machine can ask, as `local` says, it is to be asked for by no other name.
    pub fn new(shelf: Shelf, log: Arc<dyn Progress>, local: bool) -> Desk {
        Desk { shelf: Arc::new(shelf), log, ledger: None, local }
    }

    /// Answers from `shelf`, whose bytes nobody has verified yet and whose names are secret: they
    /// are not listed, and all bytes are checked before the last of them are given out. What is
    /// given out is noted in `ledger`, until `cancel` says stop.
    pub fn private(shelf: Shelf, ledger: Arc<Ledger>, cancel: Cancel) -> Desk {
        let log = Arc::new(Cancellable::new(Silent, cancel));
        Desk { shelf: Arc::new(shelf), log, ledger: Some(ledger), local: true }
    }

    /// Tells a person something.
    pub fn note(&self, text: String) {
        self.log.event(Event::note(text));
    }

    /// The answer to `request`. Never fails: a fault of the medium is an answer, too.
    pub async fn answer(&self, request: &Parts) -> Response<AnswerBody> {
        let (path, query) = (request.uri.path(), request.uri.query());
        let route = match self.local && !is_for_this_machine(request) {
            true => Route::Refused(Refusal::Host),
            false => route(request.method.as_str(), path, query),
        };
        let mut response = match self.shelf.front() {
            // No endpoint of a registry is called so.
            Some(page) if path == "/" && route == Route::Refused(Refusal::Path) => {
                front::answer(page)
            }
            _ => self.routed(route, request).await,
        };
        set(&mut response, API_VERSION, "registry/2.0");
        set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        self.log.event(Event::Answered(format!(
            "{} {} {} {}",
            request.method,
            safe(path, NOTED),
            response.status().as_u16(),
            length(&response)
        )));
        if request.method == Method::HEAD {
            *response.body_mut() = AnswerBody::empty();
        }
        response
    }

    /// What a registry answers to `route`.
    async fn routed(&self, route: Route, request: &Parts) -> Response<AnswerBody> {
        match route {
            Route::Version => json_answer(&json!({})),
            Route::Manifest { repository, name } => self.manifest(&repository, &name, request),
            Route::Blob { repository, digest } => self.blob(&repository, &digest, request).await,
            Route::Tags { repository, page } => self.tags(&repository, &page),
            Route::Catalog { .. } if self.ledger.is_some() => refused(Refusal::Path),
            Route::Catalog { page } => self.catalog(&page),
            Route::Referrers { repository, subject, artifact_type } => {
                self.referrers(&repository, subject.as_ref(), artifact_type.as_deref())
            }
            Route::Refused(refusal) => refused(refusal),
        }
    }

    /// end-3.
    fn manifest(
        &self,
        repository: &NamedRepository,
        name: &ManifestName,
        request: &Parts,
    ) -> Response<AnswerBody> {
        let document = match self.shelf.manifest(repository, name) {
            Ok(document) => document,
            Err(missing) => return absent(missing, "MANIFEST_UNKNOWN", "manifest unknown"),
        };
        if let Some(ledger) = &self.ledger {
            ledger.answer();
        }
        let descriptor = document.descriptor();
        let mut response = Response::new(AnswerBody::document(document));
        identify(&mut response, descriptor, &descriptor.media_type);
        unless_known(response, descriptor, request)
    }

    /// end-2. A `HEAD` does not touch the medium.
    async fn blob(
        &self,
        repository: &NamedRepository,
        digest: &Digest,
        request: &Parts,
    ) -> Response<AnswerBody> {
        let blob = match self.shelf.blob(repository, digest) {
            Ok(blob) => blob,
            Err(missing) => return absent(missing, "BLOB_UNKNOWN", "blob unknown to registry"),
        };
        let mut response = Response::new(AnswerBody::empty());
        identify(&mut response, blob, "application/octet-stream");
        set(&mut response, header::ACCEPT_RANGES, "bytes");
        let response = unless_known(response, blob, request);
        if request.method == Method::HEAD || response.status() != StatusCode::OK {
            return response;
        }
        let span = span(asked_range(&request.headers, blob), blob.size);
        let (first, count) = match span {
            ByteRange::Whole => (0, blob.size),
            ByteRange::Part { first, last } => (first, last - first + 1),
            ByteRange::Unsatisfiable => return unsatisfiable(blob.size),
        };
        match AnswerBody::blob(&self.shelf, blob, (first, count), &self.log, self.ledger.as_ref())
            .await
        {
            Ok(content) => filled(response, content, span, blob.size),
            Err(_) => unreadable(),
        }
    }

    /// end-8a and end-8b.
    fn tags(&self, repository: &NamedRepository, page: &Page) -> Response<AnswerBody> {
        let tags = match self.shelf.tags(repository) {
            Ok(tags) => tags,
            Err(_) => return unknown_name(),
        };
        let (part, more) = page::cut(&tags, page);
        let mut response = json_answer(&json!({ "name": repository.name, "tags": part }));
        if let (true, Some(last)) = (more, part.last()) {
            // `ns` has to come back with the next request, which would else list other hosts.
            let host =
                repository.host.as_ref().map(|host| format!("&ns={host}")).unwrap_or_default();
            let target =
                format!("/v2/{}/tags/list?n={}&last={last}{host}", repository.name, part.len());
            set(&mut response, header::LINK, &format!("<{target}>; rel=\"next\""));
        }
        response
    }

    /// Not in the spec; `GET /v2/_catalog` as `distribution` answers it.
    fn catalog(&self, page: &Page) -> Response<AnswerBody> {
        let (part, more) = page::cut(self.shelf.catalog(), page);
        let mut response = json_answer(&json!({ "repositories": part }));
        if let (true, Some(last)) = (more, part.last()) {
            let target = format!("/v2/_catalog?n={}&last={last}", part.len());
            set(&mut response, header::LINK, &format!("<{target}>; rel=\"next\""));
        }
        response
    }

    /// end-12a and end-12b. A subject that nothing refers to has an empty list, not a `404`.
    fn referrers(
        &self,
        repository: &NamedRepository,
        subject: Option<&Digest>,
        artifact_type: Option<&str>,
    ) -> Response<AnswerBody> {
        let all = match self.shelf.referrers(repository, subject) {
            Ok(all) => all,
            Err(_) => return unknown_name(),
        };
        let wanted = |d: &&Document| artifact_type.is_none() || d.artifact_type() == artifact_type;
        let manifests: Vec<Descriptor> = all.into_iter().filter(wanted).map(described).collect();
        let mut response = json_answer(
            &json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests }),
        );
        set(&mut response, header::CONTENT_TYPE, OCI_INDEX);
        if artifact_type.is_some() {
            set(&mut response, FILTERS_APPLIED, "artifactType");
        }
        response
    }
}

/// A referrer as the list shows it: with its own type and annotations (distribution-spec,
/// "Listing Referrers").
fn described(document: &Document) -> Descriptor {
    Descriptor {
        artifact_type: document.artifact_type().map(Box::from),
        annotations: document.annotations().clone(),
        ..document.descriptor().clone()
    }
}

/// The `Range` header, unless `If-Range` says that it was meant for other bytes.
fn asked_range<'a>(headers: &'a HeaderMap, blob: &Descriptor) -> Option<&'a str> {
    let meant = headers.get(header::IF_RANGE).is_none_or(|tag| *tag == *etag(&blob.digest));
    headers.get(header::RANGE).filter(|_| meant)?.to_str().ok()
}

fn etag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

/// The headers that say which content this is.
fn identify(response: &mut Response<AnswerBody>, content: &Descriptor, media_type: &str) {
    set(response, header::CONTENT_TYPE, media_type);
    set(response, header::CONTENT_LENGTH, &content.size.to_string());
    set(response, CONTENT_DIGEST, &content.digest.to_string());
    set(response, header::ETAG, &etag(&content.digest));
}

/// `304` when the client has the content already (`If-None-Match`).
fn unless_known(
    mut response: Response<AnswerBody>,
    content: &Descriptor,
    request: &Parts,
) -> Response<AnswerBody> {
    let etag = etag(&content.digest);
    let is_it =
        |tag: &str| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag;
    let known = request.headers.get_all(header::IF_NONE_MATCH).iter();
    if known.filter_map(|tags| tags.to_str().ok()).any(|tags| tags.split(',').any(is_it)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = AnswerBody::empty();
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    response
}

/// `response` with `content`; as `206` when that is only a part of the `size` bytes.
fn filled(
    mut response: Response<AnswerBody>,
    content: AnswerBody,
    span: ByteRange,
    size: u64,
) -> Response<AnswerBody> {
    *response.body_mut() = content;
    if let ByteRange::Part { first, last } = span {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{size}"));
        set(&mut response, header::CONTENT_LENGTH, &(last - first + 1).to_string());
    }
    response
}

fn absent(missing: Missing, code: &str, message: &str) -> Response<AnswerBody> {
    match missing {
        Missing::Name => unknown_name(),
        Missing::Content => failure(StatusCode::NOT_FOUND, code, message),
    }
}

fn unknown_name() -> Response<AnswerBody> {
    failure(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry")
}

fn unsatisfiable(size: u64) -> Response<AnswerBody> {
    let mut response =
        failure(StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_INVALID", "the blob has no such bytes");
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

/// What went wrong is for the person at the server, who was told; clients get no paths.
fn unreadable() -> Response<AnswerBody> {
    failure(
        StatusCode::INTERNAL_SERVER_ERROR,
        "UNKNOWN",
        "the bundle cannot be read any more, or it was changed; see the server's messages",
    )
}

fn refused(refusal: Refusal) -> Response<AnswerBody> {
    use StatusCode as Status;
    let (status, code, message) = match refusal {
        Refusal::Method => {
            (Status::METHOD_NOT_ALLOWED, "UNSUPPORTED", "this registry is read-only")
        }
        Refusal::Host => (
            Status::MISDIRECTED_REQUEST,
            "DENIED",
            "this server is for its own machine and answers to addresses and localhost only; a \
             proxy in front of it has to send one of them as Host",
        ),
        Refusal::TooLong => (Status::URI_TOO_LONG, "UNSUPPORTED", "the address is too long"),
        Refusal::Query => (Status::BAD_REQUEST, "UNSUPPORTED", "the query is malformed"),
        Refusal::Page => {
            (Status::BAD_REQUEST, "PAGINATION_NUMBER_INVALID", "n is not a number of entries")
        }
        Refusal::Digest => (Status::BAD_REQUEST, "DIGEST_INVALID", "this is not a digest"),
        Refusal::Path => (Status::NOT_FOUND, "UNSUPPORTED", "no such endpoint"),
        Refusal::Name => (Status::NOT_FOUND, "NAME_INVALID", "no repository can have this name"),
        Refusal::Manifest => (Status::NOT_FOUND, "MANIFEST_UNKNOWN", "manifest unknown"),
        Refusal::Blob => (Status::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry"),
    };
    let mut response = failure(status, code, message);
    if refusal == Refusal::Method {
        set(&mut response, header::ALLOW, "GET, HEAD");
    }
    response
}

/// An error body (distribution-spec, "Error Codes").
fn failure(status: StatusCode, code: &str, message: &str) -> Response<AnswerBody> {
    let mut response = json_answer(&json!({ "errors": [{ "code": code, "message": message }] }));
    *response.status_mut() = status;
    response
}

fn json_answer(value: &Value) -> Response<AnswerBody> {
    let bytes = ascii(value).into_bytes();
    let length = bytes.len();
    let mut response = Response::new(AnswerBody::Memory(bytes.into()));
    set(&mut response, header::CONTENT_TYPE, "application/json");
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    response
}

/// JSON of visible ASCII characters only: annotations come from anywhere, and clients print what
/// they get.
fn ascii(value: &Value) -> String {
    use std::fmt::Write as _;
    let text = value.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && c != '\x7f' {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

fn length(response: &Response<AnswerBody>) -> &str {
    let length = response.headers().get(header::CONTENT_LENGTH);
    length.and_then(|length| length.to_str().ok()).unwrap_or("0")
}

/// Sets a header. A value that no header can hold (a media type with a line break) is left out.
fn set(response: &mut Response<AnswerBody>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_goes_out_in_ascii_and_means_the_same() {
        let value = json!({ "größe": "\u{1b}]0;\u{202e}\u{9b}漢\u{1f600}\u{7f}\"\\" });

        let text = ascii(&value);

        assert!(text.bytes().all(|c| c.is_ascii_graphic()), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
