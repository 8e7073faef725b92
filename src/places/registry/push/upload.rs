//! Uploads of blobs: one streamed PUT, pieces where that does not do, or a mount that moves no
//! byte (distribution-spec, "Pushing blobs").

use ureq::http::Method;

use super::sending::{UploadWay, divisible};
use crate::places::registry::call::{Call, CallTarget};
use crate::places::registry::fault::codes;
use crate::places::registry::http::answer::Answer;
use crate::places::registry::http::url::Url;
use crate::places::registry::meter::{Exact, Meter};
use crate::places::registry::session::Session;
use crate::storage::content::Content;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Result};
use crate::words::progress::Event;
use crate::words::reference::Repository;

/// What became of a blob that was sent whole.
enum Whole {
    Stored,
    /// A body of this size is not taken; the upload is still open.
    TooLarge(Url),
    /// No body is taken with the last request.
    Bare,
}

impl Session {
    /// Uploads `blob`: goes on with what an earlier run left, else sends it in the form that the
    /// host is known to take.
    pub(crate) fn upload(&self, blob: &Descriptor, content: &mut dyn Content) -> Result<()> {
        let meter = Meter::enter(&self.shared, &self.host.up, blob.size);
        if let Some((place, offset)) = self.left_over(blob)? {
            return self.send_in_pieces(blob, content, place, offset, &meter);
        }
        let place = self.open_upload(blob)?;
        let way = self.host.sending().way(blob.size);
        let place = match way {
            UploadWay::Pieces(_) => place,
            UploadWay::Whole => match self.send_whole(blob, content, place, &meter)? {
                Whole::Stored => return Ok(()),
                Whole::TooLarge(place) => place,
                Whole::Bare => self.open_upload(blob)?,
            },
        };
        self.send_in_pieces(blob, content, place, 0, &meter)
    }

    fn open_upload(&self, blob: &Descriptor) -> Result<Url> {
        let call = self.start(String::new(), self.scopes(true), self.blob_name(blob));
        let answer = self.call(&call)?;
        if !matches!(answer.status, 200..=299) {
            return Err(self.end.refusal(&call.what, answer));
        }
        if let Some(least) = answer.header("oci-chunk-min-length").and_then(|l| l.parse().ok()) {
            self.host.sending().minimum(least);
        }
        let place = match answer.header("docker-upload-uuid") {
            // What the address ends with is known, where none is given.
            Some(id) if !answer.headers.contains_key("location") => {
                answer.url.join(&crate::places::registry::http::url::encode(id))
            }
            _ => Some(self.location(&answer, &call.what)?),
        };
        let no_place = || self.end.error(Class::Other, &call.what, "no address for the upload");
        let place = place.ok_or_else(no_place)?;
        answer.discard();
        Ok(place)
    }

    /// Sends `blob` in one streamed PUT, once; the upload is given up on failure.
    fn send_whole(
        &self,
        blob: &Descriptor,
        content: &mut dyn Content,
        place: Url,
        meter: &Meter<'_>,
    ) -> Result<Whole> {
        let what = self.blob_name(blob);
        let mut body = Exact::new(content, blob.size, meter);
        let url = place.with_query("digest", &blob.digest.to_string());
        let mut sent = self.send_body(&what, Method::PUT, &url, None, &mut body);
        let consumed = body.sent();
        let changed = sent.as_mut().is_ok_and(|answer| {
            matches!(answer.status, 400..=499) && codes::tell_of_changes(answer.peek())
        });
        let failure = match sent {
            Ok(answer) if changed => self.end.changed(&what, answer),
            Ok(answer) if matches!(answer.status, 200..=299) => {
                self.check_arrived(blob, answer, &what)?;
                self.host.sending().took(blob.size);
                return Ok(Whole::Stored);
            }
            // GHCR says 416 of a body that is too large for it.
            Ok(answer)
                if (answer.status == 413 || answer.status == 416 && divisible(blob.size))
                    && self.shrink(blob.size, answer.status) =>
            {
                answer.discard();
                return match consumed {
                    0 => Ok(Whole::TooLarge(place)),
                    _ => content.seek(0).map(|()| Whole::TooLarge(place)),
                };
            }
            // Some take a body by PATCH alone (Artifactory, Pulp, older Gitea's proxies).
            Ok(answer)
                if matches!(answer.status, 400 | 404 | 405 | 411 | 416 | 501)
                    && self.host.sending().bare() =>
            {
                answer.discard();
                if consumed > 0 {
                    content.seek(0)?;
                }
                return Ok(Whole::Bare);
            }
            Ok(answer) => self.end.refusal(&what, answer),
            Err(mishap) if mishap.broke => match self.no_room_for(blob) {
                Some(full) => full,
                None => {
                    self.broke_off();
                    mishap.error
                }
            },
            Err(mishap) => mishap.error,
        };
        self.give_up(&place);
        Err(failure)
    }

    /// Whether the answer to the last request of an upload means that `blob` is there. 201 says
    /// so; of any other good answer the registry is asked.
    pub(crate) fn check_arrived(
        &self,
        blob: &Descriptor,
        answer: Answer,
        what: &str,
    ) -> Result<()> {
        let status = answer.status;
        self.check_stored(&answer, blob.digest, what)?;
        answer.discard();
        if status == 201 || self.has_taken(blob)? {
            return Ok(());
        }
        let why = format!("the registry took it (HTTP {status}) and does not have it");
        Err(self.end.error(Class::Other, what, why).transient())
    }

    /// Takes notice that a body of `size` bytes was refused as too large; says so once a host.
    /// Whether smaller ones are worth a try.
    pub(crate) fn shrink(&self, size: u64, status: u16) -> bool {
        let mut sending = self.host.sending();
        let refused = sending.refused(size);
        if refused.first && refused.again {
            let text = format!(
                "{} refuses an upload of {size} bytes (HTTP {status}, as proxies with a limit do); \
                 sending in pieces of at most {} bytes",
                self.end,
                sending.piece()
            );
            drop(sending);
            self.shared.progress.event(Event::note(text));
        }
        refused.again
    }

    /// Takes notice that an upload broke off; says once a host what follows from it.
    pub(crate) fn broke_off(&self) {
        if self.host.sending().broke_off() {
            let text = format!(
                "{}: an upload broke off; from now on in pieces, to go on where it breaks",
                self.end
            );
            self.shared.progress.event(Event::note(text));
        }
    }

    /// Takes `blob` from the repository `from` of the same registry, if that one lets it.
    pub(crate) fn mount_blob(&self, blob: &Descriptor, from: &Repository) -> Result<bool> {
        let mut scopes = self.scopes(true);
        scopes.push(format!("repository:{from}:pull"));
        let query = format!(
            "?mount={}&from={}",
            blob.digest,
            crate::places::registry::http::url::encode(from.as_str())
        );
        let call = self.start(query, scopes, self.blob_name(blob));
        // Asked once: where no answer is to be had the blob is uploaded, with patience of its own.
        let answer = match self.call_once(&call) {
            Err(error) if error.class() == Class::Refused && error.is_transient() => {
                self.call(&call)?
            }
            // The token server may refuse a token for the other repository.
            Err(error) if error.class() == Class::Refused || error.is_transient() => {
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
            200..=299 => {
                answer.discard();
                self.has_blob(blob)
            }
            // Whatever else it says: a mount is an offer, and not taken.
            _ => {
                answer.discard();
                Ok(false)
            }
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
    ///
    /// Harbor is not told: it wants the right to delete for that, which those who only push have
    /// not, and which is never asked for.
    pub(crate) fn give_up(&self, session: &Url) {
        if self.is_known_harbor() {
            return;
        }
        let call = Call {
            method: Method::DELETE,
            target: CallTarget::Url(session.clone()),
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
            target: CallTarget::Path(format!("blobs/uploads/{query}")),
            headers: Vec::new(),
            body: Some(&[]),
            scopes,
            what,
        }
    }

    /// How messages call a blob.
    pub(crate) fn blob_name(&self, blob: &Descriptor) -> String {
        format!("blob {} of {}", blob.digest, self.repository)
    }
}
