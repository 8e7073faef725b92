//! Blobs: whether they are there, and their bytes from any offset on.

use std::io::{self, Read};

use ureq::BodyReader;
use ureq::http::Method;

use super::fault::End;
use super::host::HeadWorth;
use super::http::answer::Answer;
use super::http::steady::Steady;
use super::meter::Meter;
use super::session::Session;
use crate::storage::raw::Raw;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};

impl Session {
    /// Whether `blob` is there with its size.
    pub(super) fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        if matches!(self.host.head(), HeadWorth::Lies | HeadWorth::Exposed)
            || self.host.hides_blobs()
        {
            return self.gives_blob(blob);
        }
        let path = format!("blobs/{}", blob.digest);
        let call = self.read(Method::HEAD, path, self.blob_name(blob));
        let answer = self.call(&call)?;
        match answer.status {
            200 => {
                self.host.set_shows_blobs(true);
                Ok(answer.size().is_none_or(|length| length == blob.size))
            }
            404 => self.host.has_after_all(|| self.gives_blob(blob)),
            // Proxies that know no HEAD; storages whose signed addresses are for GET alone.
            405 | 501 => self.gives_blob(blob),
            400..=499 if !answer.own => self.gives_blob(blob),
            _ => Err(self.end.refusal(&call.what, answer)),
        }
    }

    /// As [`has_blob`](Session::has_blob), where HEAD does not tell: asks for one byte.
    pub(super) fn gives_blob(&self, blob: &Descriptor) -> Result<bool> {
        let path = format!("blobs/{}", blob.digest);
        let mut call = self.read(Method::GET, path, self.blob_name(blob));
        if blob.size > 0 {
            call.headers.push(("range", "bytes=0-0".to_owned()));
        }
        let answer = self.call(&call)?;
        let found = match answer.status {
            // The rest of a whole answer is not read; the connection is closed instead.
            200 => return Ok(answer.size().is_none_or(|length| length == blob.size)),
            206 => range_total(&answer).is_none_or(|total| total == blob.size),
            404 | 416 => false,
            _ => return Err(self.end.refusal(&call.what, answer)),
        };
        answer.discard();
        Ok(found)
    }

    /// Whether `blob`, which the registry took, is there. Some find nothing by HEAD of what they have.
    pub(super) fn has_taken(&self, blob: &Descriptor) -> Result<bool> {
        let seen = self.has_blob(blob)?;
        if seen || self.host.hides_blobs() {
            return Ok(seen);
        }
        let given = self.gives_blob(blob)?;
        if given {
            self.host.set_shows_blobs(false);
        }
        Ok(given)
    }

    /// The bytes of `blob` from `offset` on, unchecked.
    pub(super) fn open_blob(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        if offset > 0 && offset >= blob.size {
            return Ok(Raw::new(io::empty()));
        }
        let meter = Meter::enter(&self.shared, &self.host.down, blob.size - offset);
        let what = self.blob_name(blob);
        let mut call = self.read(Method::GET, format!("blobs/{}", blob.digest), what);
        if offset > 0 {
            call.headers.push(("range", format!("bytes={offset}-")));
        }
        let mut answer = self.call(&call)?;
        if answer.status == 416 && offset > 0 {
            // A registry that promises ranges and cannot keep it: from the start, then.
            answer.discard();
            call.headers.retain(|(name, _)| *name != "range");
            answer = self.call(&call)?;
        }
        let skip = match answer.status {
            200 => offset,
            206 if range_start(&answer) == Some(offset) => 0,
            206 => {
                let why = "the registry sends another range than it was asked for";
                return Err(self.end.error(Class::Other, &call.what, why));
            }
            404 => {
                answer.discard();
                return Err(self.end.error(Class::Incomplete, &call.what, "no such blob"));
            }
            416 => {
                answer.discard();
                let why = format!("has fewer bytes than the {} of its manifest", blob.size);
                return Err(self.end.error(Class::Damaged, &call.what, why));
            }
            _ => return Err(self.end.refusal(&call.what, answer)),
        };
        self.refuse_compressed(&call.what, &answer, blob.size - (offset - skip))?;
        let patience = answer.patience;
        let reader = Steady::new(answer.body.into_reader(), patience);
        let mut body = BlobBody { reader, end: self.end.clone(), what: call.what, meter };
        if skip > 0 {
            // The registry knows no ranges: what was read before is read again and dropped.
            let skipped = io::copy(&mut (&mut body).take(skip), &mut io::sink());
            skipped.map_err(|e| Error::io("cannot go on with a blob", e))?;
        }
        Ok(Raw::new(body))
    }
}

impl Session {
    /// Refuses a blob that was compressed on its way. Some storages only say so of what is
    /// compressed by itself, and then it comes with the length that it has.
    fn refuse_compressed(&self, what: &str, answer: &Answer, size: u64) -> Result<()> {
        match answer.encoding() {
            Some(encoding) if answer.length() != Some(size) => {
                Err(self.end.compressed(what, encoding))
            }
            _ => Ok(()),
        }
    }
}

/// The size of the whole that a 206 is a part of, where it is known.
fn range_total(answer: &Answer) -> Option<u64> {
    answer.header("content-range")?.rsplit_once('/')?.1.trim().parse().ok()
}

/// Where the range of a 206 begins.
fn range_start(answer: &Answer) -> Option<u64> {
    let range = answer.header("content-range")?.trim().strip_prefix("bytes ")?;
    range.split('-').next()?.trim().parse().ok()
}

/// A blob as it comes in. A fault names the registry and may be survived by asking again.
struct BlobBody<'a> {
    reader: Steady<BodyReader<'static>>,
    end: End,
    what: String,
    meter: Meter<'a>,
}

impl Read for BlobBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.meter.read(&mut self.reader, buffer).map_err(|e| match e.kind() {
            io::ErrorKind::Interrupted => e,
            _ => {
                let text = format!("{}: {}: the transfer broke off", self.end, self.what);
                self.end.noted(Error::io(text, e)).transient().into_io()
            }
        })
    }
}
