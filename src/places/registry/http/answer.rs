//! [`Answer`]: what a server said: the headers, and a body that is read within limits.

use std::io::{self, Read as _};
use std::time::Duration;

use ureq::Body;
use ureq::http::HeaderMap;

use super::steady::Steady;
use super::url::Url;

/// How much of a refusal's body is read: enough for any list of errors, too little to fill memory.
pub(crate) const MAX_ERROR_BODY: u64 = 64 << 10;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    /// Whether that is still the registry itself.
    pub(crate) own: bool,
    /// How long the body may stand still.
    pub(crate) patience: Duration,
    /// What was read of the body to see what the answer is about.
    pub(crate) seen: Vec<u8>,
}

impl Answer {
    /// The value of a header, if it is readable text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether a cache on the way here gave it.
    pub(crate) fn is_remembered(&self) -> bool {
        self.header("age").is_some_and(|age| age.trim() != "0")
    }

    /// The length that the headers announce.
    pub(crate) fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// In which form its body comes, where that is another one than it was asked for in.
    pub(crate) fn encoding(&self) -> Option<&str> {
        let encoding = self.header("content-encoding").map(str::trim);
        encoding.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
    }

    /// The size of what is asked for, as far as the length tells.
    pub(crate) fn size(&self) -> Option<u64> {
        self.length().filter(|_| self.encoding().is_none())
    }

    /// The beginning of the body, which [`read_some`](Answer::read_some) gives once more.
    pub(crate) fn peek(&mut self) -> &[u8] {
        if self.seen.is_empty() {
            self.seen = self.read_some(MAX_ERROR_BODY);
        }
        &self.seen
    }

    /// At most `limit` bytes of the body, and what could be read when it breaks off.
    pub(crate) fn read_some(&mut self, limit: u64) -> Vec<u8> {
        if !self.seen.is_empty() {
            return std::mem::take(&mut self.seen);
        }
        let mut bytes = Vec::new();
        let body = Steady::new(self.body.as_reader(), self.patience);
        let _ = body.take(limit).read_to_end(&mut bytes);
        bytes
    }

    /// The whole body, if it has at most `limit` bytes; `None` when it has more.
    pub(crate) fn read_all(&mut self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        if self.length().is_some_and(|length| length > limit) {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        let body = Steady::new(self.body.as_reader(), self.patience);
        body.take(limit + 1).read_to_end(&mut bytes)?;
        Ok((bytes.len() as u64 <= limit).then_some(bytes))
    }

    /// Reads what is left of a small body, so that the connection can be used again.
    pub(crate) fn discard(mut self) {
        self.read_some(MAX_ERROR_BODY);
    }
}
