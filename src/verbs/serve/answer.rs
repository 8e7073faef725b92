//! A request becomes a response: distribution-spec 1.1, the pull half.

use std::sync::Arc;

use hyper::header::{self, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde_json::json;

use super::asked_for::is_for_this_machine;
use super::body::AnswerBody;
use super::conditions::{asked_range, is_another, is_known};
use super::counts::{self, Counts};
use super::front;
use super::given::{self, GivenFile};
use super::ledger::Ledger;
use super::order::Order;
use super::page;
use super::passwords::Passwords;
use super::range::{ByteRange, span};
use super::replies::{
    absent, changed, json_answer, length, refused, set, text_answer, unknown_name, unmodified,
    unreadable, unsatisfiable,
};
use super::route::{ManifestName, NamedRepository, Page, Refusal, Route, route};
use super::shelf::Shelf;
use super::terms::Terms;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::escape::safe;
use crate::words::media::OCI_INDEX;
use crate::words::progress::{Cancellable, Event, Progress, Silent};

const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// Where it is asked whether the server is there.
const HEALTH: &str = "/healthz";
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
    counts: Arc<Counts>,
    /// Who may ask; everybody where there are none.
    passwords: Option<Arc<Passwords>>,
    /// Whether the kernel may send files: what goes by TLS has to be encrypted first.
    plain: bool,
}

impl Desk {
    /// Answers from `shelf`; tells `log` of every request, and of blobs that turn out damaged.
    /// Where only this machine can ask, as `local` says, it is to be asked for by no other name.
    pub fn new(shelf: Shelf, log: Arc<dyn Progress>, local: bool) -> Desk {
        let (shelf, counts) = (Arc::new(shelf), Arc::default());
        Desk { shelf, log, ledger: None, local, counts, passwords: None, plain: true }
    }

    /// Answers from `shelf`, whose bytes nobody has verified yet and whose names are secret: they
    /// are not listed, and all bytes are checked before the last of them are given out. What is
    /// given out is noted in `ledger`, until `cancel` says stop.
    pub fn private(shelf: Shelf, ledger: Arc<Ledger>, cancel: Cancel) -> Desk {
        let log = Arc::new(Cancellable::new(Silent, cancel));
        Desk { ledger: Some(ledger), ..Desk::new(shelf, log, true) }
    }

    /// The same, on these terms.
    pub fn under(self, terms: &Terms) -> Desk {
        Desk { passwords: terms.passwords.clone(), plain: terms.tls.is_none(), ..self }
    }

    /// What is counted of its answers.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Tells a person something.
    pub fn note(&self, text: String) {
        self.log.event(Event::note(text));
    }

    /// The answer to `request`, and who asks, where that has to be proven. Never fails: a fault of the
    /// medium is an answer, too.
    pub async fn answer(&self, request: &Parts) -> (Response<AnswerBody>, Option<String>) {
        let (path, query) = (request.uri.path(), request.uri.query());
        let mut user = None;
        let route = match self.local && !is_for_this_machine(request) {
            true => Route::Refused(Refusal::Host),
            false => route(request.method.as_str(), path, query),
        };
        // Whoever only wants to know whether it is there has no password.
        let is_open = route == Route::Refused(Refusal::Host) || path == HEALTH;
        let route = match &self.passwords {
            Some(passwords) if !is_open => {
                user = passwords.user(request.headers.get(header::AUTHORIZATION)).await;
                if user.is_some() { route } else { Route::Refused(Refusal::Stranger) }
            }
            _ => route,
        };
        let mut response = match route {
            // No endpoint of a registry is called as one of these.
            Route::Refused(Refusal::Path) => {
                self.beside(path, request).await.unwrap_or_else(|| refused(Refusal::Path))
            }
            route => self.routed(route, request).await,
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
        (response, user)
    }

    /// What is answered beside a registry's endpoints: pages for people, and what watches over servers.
    async fn beside(&self, path: &str, request: &Parts) -> Option<Response<AnswerBody>> {
        match path {
            _ if self.ledger.is_some() => None,
            HEALTH => Some(text_answer("ok\n".to_owned(), "text/plain; charset=utf-8")),
            "/metrics" => {
                Some(text_answer(self.counts.text(self.shelf.bundles()), counts::TEXT_FORMAT))
            }
            given::FOLDER => Some(json_answer(&self.shelf.files().list())),
            path => match self.shelf.front(path) {
                Some(page) => Some(front::answer(page)),
                None => Some(self.file(self.shelf.files().find(path)?, request).await),
            },
        }
    }

    /// A bundle as the file that it is. What a `HEAD` says is asked of the file as well: it is not held
    /// against a digest, so its state is its name.
    async fn file(&self, file: &Arc<GivenFile>, request: &Parts) -> Response<AnswerBody> {
        let asked = Arc::clone(file);
        let Ok(Some((stretch, state))) = tokio::task::spawn_blocking(move || asked.now()).await
        else {
            return unreadable();
        };
        let (size, etag) = (stretch.size(), format!("\"{}\"", state.digest().hex()));
        if is_another(&request.headers, &etag) {
            return changed(&etag);
        }
        let mut response = Response::new(AnswerBody::empty());
        set(&mut response, header::CONTENT_TYPE, file.media_type());
        set(&mut response, header::CONTENT_LENGTH, &size.to_string());
        set(&mut response, header::ACCEPT_RANGES, "bytes");
        set(&mut response, header::ETAG, &etag);
        if is_known(&request.headers, &etag) {
            return unmodified(response);
        }
        if request.method == Method::HEAD {
            return response;
        }
        let span = span(asked_range(&request.headers, &etag), size);
        let (first, count) = match span {
            ByteRange::Whole => (0, size),
            ByteRange::Part { first, last } => (first, last - first + 1),
            ByteRange::Unsatisfiable => return unsatisfiable(size),
        };
        let found = (stretch, state);
        let order = Order::of_file(&self.shelf, file, found, (first, count), &self.log);
        match AnswerBody::ordered(order, self.plain).await {
            Ok(content) => filled(response, content, span, size),
            Err(_) => unreadable(),
        }
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
        let span = span(asked_range(&request.headers, &etag(&blob.digest)), blob.size);
        let (first, count) = match span {
            ByteRange::Whole => (0, blob.size),
            ByteRange::Part { first, last } => (first, last - first + 1),
            ByteRange::Unsatisfiable => return unsatisfiable(blob.size),
        };
        let (shelf, part) = (&self.shelf, (first, count));
        let ledger = self.ledger.as_ref();
        match AnswerBody::blob(shelf, (blob, self.plain), part, &self.log, ledger).await {
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

/// `304` when the client has the content already.
fn unless_known(
    response: Response<AnswerBody>,
    content: &Descriptor,
    request: &Parts,
) -> Response<AnswerBody> {
    match is_known(&request.headers, &etag(&content.digest)) {
        true => unmodified(response),
        false => response,
    }
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
