//! Answers that are made of a few words: errors, lists, and what surrounds every answer.

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

use super::body::AnswerBody;
use super::route::Refusal;
use super::shelf::Missing;

/// What is not on the shelf.
pub fn absent(missing: Missing, code: &str, message: &str) -> Response<AnswerBody> {
    match missing {
        Missing::Name => unknown_name(),
        Missing::Content => failure(StatusCode::NOT_FOUND, code, message),
    }
}

/// There is no such repository.
pub fn unknown_name() -> Response<AnswerBody> {
    failure(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "repository name not known to registry")
}

/// What has `size` bytes has none of those that were asked for.
pub fn unsatisfiable(size: u64) -> Response<AnswerBody> {
    let mut response =
        failure(StatusCode::RANGE_NOT_SATISFIABLE, "RANGE_INVALID", "there are no such bytes");
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

/// It is another one than the client wants, by the name that it has now.
pub fn changed(etag: &str) -> Response<AnswerBody> {
    let text = "the bundle is not the one that was asked for: it was changed, or another one took its place";
    let mut response = failure(StatusCode::PRECONDITION_FAILED, "UNSUPPORTED", text);
    set(&mut response, header::ETAG, etag);
    response
}

/// `response` for a client that has the content already.
pub fn unmodified(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    *response.body_mut() = AnswerBody::empty();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

/// What went wrong is for the person at the server, who was told; clients get no paths.
pub fn unreadable() -> Response<AnswerBody> {
    failure(
        StatusCode::INTERNAL_SERVER_ERROR,
        "UNKNOWN",
        "the bundle cannot be read any more, or it was changed; see the server's messages",
    )
}

/// The answer to what nothing is looked up for.
pub fn refused(refusal: Refusal) -> Response<AnswerBody> {
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
        Refusal::Stranger => {
            (Status::UNAUTHORIZED, "UNAUTHORIZED", "a name and a password are needed here")
        }
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
    if refusal == Refusal::Stranger {
        set(&mut response, header::WWW_AUTHENTICATE, "Basic realm=\"sealift\", charset=\"UTF-8\"");
    }
    response
}

/// An error body (distribution-spec, "Error Codes").
pub fn failure(status: StatusCode, code: &str, message: &str) -> Response<AnswerBody> {
    let mut response = json_answer(&json!({ "errors": [{ "code": code, "message": message }] }));
    *response.status_mut() = status;
    response
}

/// An answer of JSON.
pub fn json_answer(value: &Value) -> Response<AnswerBody> {
    text_answer(ascii(value), "application/json")
}

/// An answer of `text`, which is of this `kind`.
pub fn text_answer(text: String, kind: &str) -> Response<AnswerBody> {
    let length = text.len();
    let mut response = Response::new(AnswerBody::Memory(text.into()));
    set(&mut response, header::CONTENT_TYPE, kind);
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

/// The length of the body of `response`, as its head says.
pub fn length(response: &Response<AnswerBody>) -> &str {
    let length = response.headers().get(header::CONTENT_LENGTH);
    length.and_then(|length| length.to_str().ok()).unwrap_or("0")
}

/// Sets a header. A value that no header can hold (a media type with a line break) is left out.
pub fn set(response: &mut Response<AnswerBody>, name: HeaderName, value: &str) {
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
