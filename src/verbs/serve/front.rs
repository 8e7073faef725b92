//! The page at `/`: what is served here, for a person with a browser.

use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};

use super::body::AnswerBody;

/// What a browser may do with the page: show it as it is, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// The answer with `page`.
pub fn answer(page: &Bytes) -> Response<AnswerBody> {
    let length = HeaderValue::from(page.len());
    let mut response = Response::new(AnswerBody::Memory(page.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_LENGTH, length);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
