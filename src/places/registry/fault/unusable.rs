//! Answers that nobody can use: they say nothing of what is there, since whoever gave them may be no
//! registry at all.

use super::End;
use crate::words::error::{Class, Error, ErrorKind};

/// Whether `body` is a page for people: HTML, or XML. No JSON begins so.
pub(crate) fn is_page(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.trim_ascii_start().first() == Some(&b'<')
}

impl End {
    /// An answer about `what` that is not `wanted` ("a manifest"), for the reason `why` where it is no
    /// page for people.
    pub(crate) fn unusable(&self, what: &str, wanted: &str, is_page: bool, why: &str) -> Error {
        let (text, hint) = match is_page {
            true => (
                format!("a page for people came instead of {wanted}"),
                "it is no registry, or the page of a proxy, or one to log in on, stands before it: \
                 check the address, and have the proxy let it through",
            ),
            false => (
                format!("what came is not {wanted}: {why}"),
                "check the address: it is no registry, or something before it answers in its place",
            ),
        };
        self.error(Class::Refused, what, text).of_kind(ErrorKind::AnswerUnusable).hint(hint)
    }

    /// An answer about `what` that is larger than `most` bytes.
    pub(crate) fn too_much(&self, what: &str, most: u64) -> Error {
        let why = format!("larger than {} MiB", most >> 20);
        self.error(Class::Refused, what, why).of_kind(ErrorKind::AnswerUnusable).hint(
            "no registry has to send so much; leave that out, or check the address and what stands \
                 before it",
        )
    }
}
