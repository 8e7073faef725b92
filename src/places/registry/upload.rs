//! Uploads of blobs: a session, one streamed PUT, or a mount that moves no byte
//! (distribution-spec, "Pushing blobs").

use std::io::{self, Read};

use ureq::http::Method;

use super::http::Answer;
use super::session::{Call, Session, Target};
use super::url::Url;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Repository;

/// Reads exactly so many bytes, and keeps the fault that ended it: ureq would report it as one of
/// its own, and the wrong end would be blamed.
pub(super) struct Exact<'a> {
    inner: &'a mut dyn Read,
    left: u64,
    fault: Option<io::Error>,
}

impl<'a> Exact<'a> {
    /// Expects `size` bytes of `inner`.
    pub(super) fn new(inner: &'a mut dyn Read, size: u64) -> Exact<'a> {
        Exact { inner, left: size, fault: None }
    }

    /// The reader's own fault, if it had one.
    pub(super) fn fault(self) -> Option<io::Error> {
        self.fault
    }

    fn fail(&mut self, fault: io::Error) -> io::Error {
        self.fault = Some(fault);
        io::Error::other("the source of an upload failed")
    }
}

impl Read for Exact<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if want == 0 {
            return Ok(0);
        }
        loop {
            return match self.inner.read(&mut buffer[..want]) {
                Ok(0) => {
                    let why = format!("the content ends {} bytes early", self.left);
                    Err(self.fail(Error::new(Class::Incomplete, why).into_io()))
                }
                Ok(got) => {
                    self.left -= got as u64;
                    Ok(got)
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => Err(self.fail(e)),
            };
        }
    }
}

impl Session {
    /// Uploads `blob` in one streamed PUT, once; the session is given up on failure.
    pub(super) fn upload(&self, blob: &Descriptor, content: &mut dyn Read) -> Result<()> {
        let what = self.blob_name(blob);
        let call = self.start(String::new(), self.scopes(true), what);
        let answer = self.call(&call)?;
        if answer.status != 202 {
            return Err(self.end.refusal(&call.what, answer));
        }
        let session = self.location(&answer, &call.what)?;
        answer.discard();
        let url = session.with_query("digest", &blob.digest.to_string());
        let stored = self.put(&call.what, &url, content, blob.size).and_then(|answer| {
            if answer.status != 201 {
                return Err(self.end.refusal(&call.what, answer));
            }
            self.check_stored(&answer, blob.digest, &call.what)?;
            answer.discard();
            Ok(())
        });
        if stored.is_err() {
            self.give_up(&session);
        }
        stored
    }

    /// Takes `blob` from the repository `from` of the same registry, if that one lets it.
    pub(super) fn mount_blob(&self, blob: &Descriptor, from: &Repository) -> Result<bool> {
        let mut scopes = self.scopes(true);
        scopes.push(format!("repository:{from}:pull"));
        let query = format!("?mount={}&from={}", blob.digest, super::url::encode(from.as_str()));
        let call = self.start(query, scopes, self.blob_name(blob));
        let answer = match self.call(&call) {
            // The token server may refuse a token for the other repository.
            Err(error) if error.class() == Class::Refused && !error.is_transient() => {
                return Ok(false);
            }
            other => other?,
        };
        match answer.status {
            201 => {
                self.check_stored(&answer, blob.digest, &call.what)?;
                answer.discard();
                Ok(true)
            }
            202 => {
                self.give_up_mount(answer, &call.what);
                Ok(false)
            }
            401 | 403 | 404 | 405 => {
                answer.discard();
                Ok(false)
            }
            _ => Err(self.end.refusal(&call.what, answer)),
        }
    }

    /// A 202 to a mount has opened an upload session that nobody will use.
    fn give_up_mount(&self, answer: Answer, what: &str) {
        let session = self.location(&answer, what);
        answer.discard();
        if let Ok(session) = session {
            self.give_up(&session);
        }
    }

    /// Tells the registry that a session is not needed any more. Where that fails the registry
    /// removes the session by its age.
    fn give_up(&self, session: &Url) {
        let call = Call {
            method: Method::DELETE,
            target: Target::Url(session.clone()),
            headers: Vec::new(),
            body: None,
            scopes: self.scopes(true),
            what: "giving up an upload".to_owned(),
        };
        if let Ok(answer) = self.call_once(&call) {
            answer.discard();
        }
    }

    fn start(&self, query: String, scopes: Vec<String>, what: String) -> Call<'static> {
        Call {
            method: Method::POST,
            target: Target::Path(format!("blobs/uploads/{query}")),
            headers: Vec::new(),
            body: Some(&[]),
            scopes,
            what,
        }
    }

    /// How messages call a blob.
    pub(super) fn blob_name(&self, blob: &Descriptor) -> String {
        format!("blob {} of {}", blob.digest, self.repository)
    }
}
