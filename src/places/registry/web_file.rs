//! [`WebFile`]: a large file of a web server, read by ranges, each of which is of the same file.

mod refusal;

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use ureq::BodyReader;
use ureq::http::Method;

use super::call::{Call, CallTarget};
use super::client::Client;
use super::fault::wire;
use super::http::access::Access;
use super::http::answer::Answer;
use super::http::steady::Steady;
use super::http::url::Url;
use super::session::Session;
use crate::medium::ranged::{Ranged, Remote, RemoteFile};
use crate::tools::drops::Drops;
use crate::tools::rate::read_limited;
use crate::tools::retry::Retry;
use crate::words::error::{Class, Error, Result, Side};
use crate::words::escape::safe;
use crate::words::reference::{Registry, Repository};

/// How much comes along with the first answer: what a bundle says of itself, in most of them.
const FIRST: u64 = 64 << 10;
/// No file is larger: positions in one are signed.
const MAX_SIZE: u64 = i64::MAX as u64;
/// Longest mark of a version that is sent back. Servers make them of a few numbers.
const MAX_MARK: usize = 1 << 10;
/// How often a part is asked for before it is given up: a minute, since a server that many nodes read from
/// at once may have no seat for one of them at first.
const ATTEMPTS: u32 = 10;

/// What a server says of a file, by which another one in its place is told.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    size: u64,
    tag: Option<String>,
    modified: Option<String>,
}

/// A file as it was first seen.
struct WebFile {
    session: Session,
    url: Url,
    version: Version,
}

impl fmt::Debug for WebFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebFile").field("url", &self.url.origin()).finish_non_exhaustive()
    }
}

impl Remote for Client {
    fn open(&self, address: &str) -> Result<RemoteFile> {
        let url = Url::parse(address).ok_or_else(|| {
            Error::new(Class::Usage, format!("{address:?} is no address that is read"))
                .hint("write it as in http://head:5000/bundles/june.tar; a space is %20, and what is not ASCII is \
                       percent-encoded as well (%C3%BC)")
        })?;
        let registry: Registry = url.authority().parse()?;
        let said = self.0.settings.plain_http.contains(&registry);
        let plain = !url.is_https();
        let access = Access { plain: Some(plain), hushed: plain && !said, ..Access::default() };
        // Credentials may be kept for a path; where that is none of a repository, they are the host's.
        let path = url.path().trim_matches('/').parse::<Repository>();
        let path = path.or_else(|_| "bundles".parse())?;
        let mut session = self.session(&registry, &path, Side::Source, access);
        session.end.is_web = true;

        let (answer, version) =
            Asking { session: &session, url: &url, known: None }.ask(0, FIRST)?;
        let size = version.size;
        let file = Arc::new(WebFile { session, url, version });
        let mut head = Vec::new();
        let mut reader = WebReader::of(Arc::clone(&file), 0, size.min(FIRST));
        reader.body = (size > 0).then(|| body(answer));
        reader.read_to_end(&mut head).map_err(|e| Error::io("cannot read what came first", e))?;
        Ok(RemoteFile { file, head })
    }
}

impl Ranged for WebFile {
    fn size(&self) -> u64 {
        self.version.size
    }

    fn read(self: Arc<Self>, at: u64, size: u64) -> Box<dyn Read + Send> {
        Box::new(WebReader::of(self, at, size))
    }
}

fn body(answer: Answer) -> Steady<BodyReader<'static>> {
    Steady::new(answer.body.into_reader(), answer.patience)
}

/// A request for a part of a file.
struct Asking<'a> {
    session: &'a Session,
    url: &'a Url,
    /// What is known of it, unless it is the first request.
    known: Option<&'a Version>,
}

impl Asking<'_> {
    /// What messages call it.
    fn what(&self) -> String {
        safe(self.url.path(), MAX_MARK)
    }

    /// Asks for the bytes from `at` to before `end`, or to before the end of the file where its size is not
    /// known. The body of the answer has all of them and no others, as far as its headers say.
    fn ask(&self, at: u64, end: u64) -> Result<(Answer, Version)> {
        let mut headers = vec![("range", format!("bytes={at}-{}", end - 1))];
        // A weak one never matches: it is compared with that of the answer alone.
        let strong = self.known.and_then(|known| known.tag.as_ref()).filter(|it| !is_weak(it));
        headers.extend(strong.map(|tag| ("if-match", tag.clone())));
        let call = Call {
            method: Method::GET,
            target: CallTarget::Only(self.url.clone()),
            headers,
            body: None,
            scopes: self.session.scopes(false),
            what: self.what(),
        };
        let shared = &self.session.shared;
        let retry = Retry { attempts: ATTEMPTS, ..shared.settings.retry };
        let answer = retry.run(&*shared.progress, || self.session.call_once(&call))?;
        let range = answer.header("content-range").map(str::to_owned);
        match (answer.status, self.known) {
            (206, _) => {}
            (416, None) if range.as_deref().map(str::trim) == Some("bytes */0") => {
                return Ok((answer, Version::EMPTY));
            }
            // There is no part of nothing.
            (200, None) if answer.length() == Some(0) => return Ok((answer, Version::EMPTY)),
            (412 | 416, Some(_)) => return Err(self.changed()),
            _ => return Err(self.refused(answer)),
        }
        if let Some(encoding) = answer.encoding() {
            let encoding = safe(encoding, MAX_MARK);
            let why = format!("it comes compressed (Content-Encoding: {encoding})");
            let hint = "have the server, or a proxy before it, give the file as it is";
            return Err(self.error(Class::Refused, why, hint));
        }
        let range = range.as_deref().and_then(Range::read);
        let Some(range) = range.filter(|range| range.first == at) else {
            return Err(self.wrong_range(range.is_some()));
        };
        if range.size > MAX_SIZE {
            let why = format!("it is said to have {} bytes, more than any file", range.size);
            return Err(self.error(Class::Refused, why, "check the address, and its server"));
        }
        let version = Version { size: range.size, tag: tag(&answer), modified: modified(&answer) };
        if self.known.is_some_and(|known| !known.is_also(&version)) {
            return Err(self.changed());
        }
        let wanted = end.min(range.size).saturating_sub(at);
        let is_whole = range.last.checked_sub(at).is_some_and(|more| more + 1 == wanted);
        match is_whole && answer.length().is_none_or(|length| length == wanted) {
            true => Ok((answer, version)),
            false => Err(self.wrong_range(true)),
        }
    }
}

impl Version {
    /// That of a file without a byte.
    const EMPTY: Version = Version { size: 0, tag: None, modified: None };

    /// Whether `other` may be of the same file, as far as both say.
    fn is_also(&self, other: &Version) -> bool {
        let differs = |a: &Option<String>, b: &Option<String>| {
            a.as_ref().zip(b.as_ref()).is_some_and(|(a, b)| a != b)
        };
        self.size == other.size
            && !differs(&self.tag, &other.tag)
            && !differs(&self.modified, &other.modified)
    }
}

/// Whether two files with this tag may differ (RFC 9110, 8.8.1).
fn is_weak(tag: &str) -> bool {
    !tag.starts_with('"')
}

fn tag(answer: &Answer) -> Option<String> {
    answer.header("etag").filter(|it| it.len() <= MAX_MARK).map(|it| it.trim().to_owned())
}

fn modified(answer: &Answer) -> Option<String> {
    answer.header("last-modified").filter(|it| it.len() <= MAX_MARK).map(|it| it.trim().to_owned())
}

/// A `Content-Range` (RFC 9110, 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
    size: u64,
}

impl Range {
    fn read(text: &str) -> Option<Range> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
            is_number.then(|| text.parse().ok()).flatten()
        };
        let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last, size) = (number(first)?, number(last)?, number(size)?);
        (first <= last && last < size).then_some(Range { first, last, size })
    }
}

/// A part of the file as it comes in, over drops of the connection.
struct WebReader {
    file: Arc<WebFile>,
    body: Option<Steady<BodyReader<'static>>>,
    at: u64,
    end: u64,
    drops: Drops,
}

impl WebReader {
    fn of(file: Arc<WebFile>, at: u64, size: u64) -> WebReader {
        WebReader { file, body: None, at, end: at.saturating_add(size), drops: Drops::default() }
    }

    fn asking(&self) -> Asking<'_> {
        let WebFile { session, url, version } = &*self.file;
        Asking { session, url, known: Some(version) }
    }

    fn attempt(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.body.is_none() {
            let (answer, _) = self.asking().ask(self.at, self.end)?;
            self.body = Some(body(answer));
        }
        let Some(body) = &mut self.body else { return Ok(0) };
        let end = &self.file.session.end;
        let what = || safe(self.file.url.path(), MAX_MARK);
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let want = left.min(buffer.len());
        let bucket = self.file.session.shared.bucket.as_ref();
        let got = read_limited(body, &mut buffer[..want], bucket).map_err(|e| {
            let text = format!("{end}: {}: the transfer broke off at byte {}", what(), self.at);
            end.noted(Error::io(text, e)).transient().hint(wire::BROKE)
        })?;
        match got as u64 {
            0 => {
                let why = format!("the transfer broke off at byte {}", self.at);
                Err(end.error(Class::Other, &what(), why).transient().hint(wire::BROKE))
            }
            // Only who has met the end of an answer gives its connection to the next one.
            all if all == self.end - self.at => match body.read(&mut [0]) {
                Ok(1..) => Err(self.asking().too_much()),
                _ => Ok(got),
            },
            _ => Ok(got),
        }
    }
}

impl Read for WebReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.end || buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.attempt(buffer) {
                Ok(got) => {
                    self.at += got as u64;
                    self.drops.came(got as u64);
                    if self.at >= self.end {
                        self.body = None;
                    }
                    return Ok(got);
                }
                Err(error) => {
                    self.body = None;
                    let shared = &self.file.session.shared;
                    self.drops.pause(error, shared.settings.retry, &*shared.progress)?;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_says_where_it_lies_in_what() {
        let range = |first, last, size| Some(Range { first, last, size });
        for (text, read) in [
            ("bytes 0-65535/2000000", range(0, 65_535, 2_000_000)),
            ("bytes 5-5/6", range(5, 5, 6)),
            ("bytes 5-6/6", None),
            ("bytes 6-5/9", None),
            ("bytes 0-5/*", None),
            ("bytes */6", None),
            ("bytes +0-5/6", None),
            ("bytes 0-5/99999999999999999999", None),
            ("items 0-5/6", None),
            ("", None),
        ] {
            assert_eq!(Range::read(text), read, "{text}");
        }
    }

    #[test]
    fn another_file_is_told_by_whatever_both_answers_say() {
        let version = |size, tag: Option<&str>, modified: Option<&str>| Version {
            size,
            tag: tag.map(str::to_owned),
            modified: modified.map(str::to_owned),
        };
        let first = version(7, Some("\"a\""), Some("Monday"));
        for (other, same) in [
            (version(7, Some("\"a\""), Some("Monday")), true),
            (version(7, None, Some("Monday")), true),
            (version(7, Some("\"a\""), None), true),
            (version(7, Some("\"b\""), Some("Monday")), false),
            (version(7, None, Some("Tuesday")), false),
            (version(8, Some("\"a\""), Some("Monday")), false),
        ] {
            assert_eq!(first.is_also(&other), same, "{other:?}");
        }
    }
}
