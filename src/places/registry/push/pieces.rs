//! Uploads in pieces: for registries behind proxies that limit a body, and for lines that break
//! (distribution-spec, "Pushing a blob in chunks").
//!
//! What the registry says of its progress is checked against what was sent. It may be behind,
//! then the missing part is sent again; a registry that contradicts itself has lost the upload,
//! and the blob is sent anew. In the end the digest decides, which both ends compute.

use ureq::http::Method;

use super::sending::divisible;
use crate::places::registry::call::{Call, CallTarget, Mishap};
use crate::places::registry::http::answer::Answer;
use crate::places::registry::http::url::Url;
use crate::places::registry::meter::{Exact, Meter};
use crate::places::registry::session::Session;
use crate::storage::content::Content;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Event;

/// As many bytes as a registry has to have more of, of a piece that it did not take whole, for that
/// to count as progress. Less is a failure as any other: of those only a few in a row are borne.
const PROGRESS: u64 = 64 << 10;

/// One upload.
struct Upload<'a> {
    session: &'a Session,
    blob: &'a Descriptor,
    content: &'a mut dyn Content,
    /// Where in the content the next byte is read.
    at: u64,
    meter: &'a Meter<'a>,
    what: String,
    /// The newest address of the upload.
    place: Url,
    /// How much the registry has.
    offset: u64,
    /// Failures in a row, with no progress in between that is worth the name.
    faults: u32,
    /// Whether anything but plain sending happened. Then a wrong digest is no verdict on the
    /// content, which is worth another try.
    disturbed: bool,
}

impl Session {
    /// Sends `blob` from `offset` on to the upload at `place`, whose earlier bytes are there.
    pub(crate) fn send_in_pieces(
        &self,
        blob: &Descriptor,
        content: &mut dyn Content,
        place: Url,
        offset: u64,
        meter: &Meter<'_>,
    ) -> Result<()> {
        let mut upload = Upload {
            session: self,
            blob,
            content,
            at: 0,
            meter,
            what: self.blob_name(blob),
            place,
            offset,
            faults: 0,
            disturbed: offset > 0,
        };
        let done = upload.run();
        let place = upload.place;
        match &done {
            Ok(()) => self.note_upload(blob, None),
            // The next run, or the next attempt of this one, goes on with it.
            Err(e) if self.left_address(blob).is_some() && resumable(e) => {}
            Err(_) => {
                self.note_upload(blob, None);
                self.give_up(&place);
            }
        }
        done
    }

    /// The upload of `blob` that an earlier run left, and how far it got, if the registry still
    /// knows.
    pub(crate) fn left_over(&self, blob: &Descriptor) -> Result<Option<(Url, u64)>> {
        let Some(place) = self.left_address(blob) else { return Ok(None) };
        let call = self.status_call(&place, &self.blob_name(blob));
        // Asked once: where the registry cannot tell, the blob is simply sent anew.
        let status = self.call_once(&call).and_then(|answer| self.read_status(&call, answer));
        match status {
            Ok(Some((place, offset))) if offset > 0 && offset <= blob.size => {
                return Ok(Some((place, offset)));
            }
            Ok(Some(_)) => self.give_up(&place),
            Err(e) if e.class() == Class::Interrupted => return Err(e),
            Ok(None) | Err(_) => {}
        }
        self.note_upload(blob, None);
        Ok(None)
    }

    fn full_name(&self) -> String {
        format!("{}/{}", self.end.registry, self.repository)
    }

    fn left_address(&self, blob: &Descriptor) -> Option<Url> {
        let journal = self.shared.journal();
        let address = journal.as_ref()?.find(&self.full_name(), &blob.digest)?;
        let place = Url::parse(&address)?;
        // The file may have been edited: nobody is led to another host by it.
        self.base().is_ok_and(|base| place.same_origin(&base)).then_some(place)
    }

    /// Remembers where the upload of `blob` is, or that it is over. Addresses at other hosts,
    /// which may be signed, are not written down.
    fn note_upload(&self, blob: &Descriptor, place: Option<&Url>) {
        let own = |place: &&Url| self.base().is_ok_and(|base| place.same_origin(&base));
        let address = place.filter(own).map(ToString::to_string);
        let mut journal = self.shared.journal();
        let Some(open) = &*journal else { return };
        if let Err(error) = open.note(&self.full_name(), &blob.digest, address.as_deref()) {
            *journal = None;
            drop(journal);
            let text = format!("unfinished uploads will not be remembered: {error}");
            self.shared.progress.event(Event::note(text));
        }
    }

    /// The newest address of an upload, and how many bytes the registry says it has; `None` when
    /// it knows of no such upload, or does not tell.
    fn upload_status(&self, place: &Url, what: &str) -> Result<Option<(Url, u64)>> {
        let call = self.status_call(place, what);
        let answer = self.call(&call)?;
        self.read_status(&call, answer)
    }

    fn status_call(&self, place: &Url, what: &str) -> Call<'static> {
        Call {
            method: Method::GET,
            target: CallTarget::Url(place.clone()),
            headers: Vec::new(),
            body: None,
            scopes: self.scopes(true),
            what: what.to_owned(),
        }
    }

    fn read_status(&self, call: &Call<'_>, answer: Answer) -> Result<Option<(Url, u64)>> {
        let CallTarget::Url(place) = &call.target else { return Ok(None) };
        let found = match (answer.status, range_end(&answer)) {
            (200..=299, Some(end)) => Some((self.next_place(&answer, place, &call.what)?, end)),
            (200..=299 | 400..=499, _) => None,
            _ => return Err(self.end.refusal(&call.what, answer)),
        };
        answer.discard();
        Ok(found)
    }

    /// Where an answer says that the upload goes on; the same place when it does not say.
    fn next_place(&self, answer: &Answer, place: &Url, what: &str) -> Result<Url> {
        match answer.headers.contains_key("location") {
            true => self.location(answer, what),
            false => Ok(place.clone()),
        }
    }
}

/// Whether an upload that failed so can be gone on with later.
fn resumable(error: &Error) -> bool {
    error.is_transient() || error.class() == Class::Interrupted
}

impl Upload<'_> {
    fn run(&mut self) -> Result<()> {
        self.session.note_upload(self.blob, Some(&self.place));
        while self.offset < self.blob.size {
            self.piece()?;
            self.session.note_upload(self.blob, Some(&self.place));
        }
        self.close()
    }

    /// Sends one piece, and finds out how far that led.
    fn piece(&mut self) -> Result<()> {
        let size = self.session.host.sending().piece().min(self.blob.size - self.offset);
        if self.at != self.offset {
            self.content.seek(self.offset)?;
            self.at = self.offset;
        }
        let range = format!("{}-{}", self.offset, self.offset + size - 1);
        let mut body = Exact::new(self.content, size, self.meter);
        let sent =
            self.session.send_body(&self.what, Method::PATCH, &self.place, Some(range), &mut body);
        self.at += body.sent();
        match sent {
            Ok(answer) => self.answered(answer, size),
            Err(mishap) => self.recover(mishap),
        }
    }

    fn answered(&mut self, answer: Answer, size: u64) -> Result<()> {
        match answer.status {
            200..=299 => {
                let end = self.offset + size;
                self.place = self.session.next_place(&answer, &self.place, &self.what)?;
                let told = range_end(&answer);
                answer.discard();
                self.session.host.sending().took(size);
                let known = match told {
                    Some(told) if told < end => self.behind(end)?,
                    _ => end,
                };
                self.advance(known, end)
            }
            413 if self.session.shrink(size, 413) => {
                answer.discard();
                Ok(())
            }
            416 => self.out_of_range(answer, size),
            400 | 404 | 410 => Err(self.lost(self.session.end.refusal(&self.what, answer))),
            _ => Err(self.session.end.refusal(&self.what, answer)),
        }
    }

    /// The registry has `known` bytes, after a piece that went to `end`.
    fn advance(&mut self, known: u64, end: u64) -> Result<()> {
        let gained = known - self.offset;
        self.offset = known;
        if self.has_progress(gained, known == end) {
            return Ok(());
        }
        self.faults += 1;
        if self.faults > 1 {
            self.session.host.sending().got_nowhere();
        }
        if self.faults < self.session.shared.settings.retry.attempts {
            return Ok(());
        }
        let why = format!(
            "the registry takes next to nothing of each piece, {gained} of {} bytes at last",
            end - known + gained
        );
        Err(self.session.end.error(Class::Other, &self.what, why))
    }

    /// Whether so much is progress, which is taken note of. All that was sent is, however little.
    fn has_progress(&mut self, gained: u64, all: bool) -> bool {
        let is_some = gained > 0 && (all || gained >= PROGRESS);
        if is_some {
            self.faults = 0;
        }
        is_some
    }

    /// A piece begins elsewhere than the registry expects it; or it is too large (GHCR), if the
    /// registry has just what came before it.
    fn out_of_range(&mut self, answer: Answer, size: u64) -> Result<()> {
        let refusal = self.session.end.refusal(&self.what, answer).transient();
        if divisible(size)
            && let Some((place, known)) = self.session.upload_status(&self.place, &self.what)?
            && known == self.offset
            && self.session.shrink(size, 416)
        {
            (self.place, self.disturbed) = (place, true);
            return Ok(());
        }
        self.recover(refusal.into())
    }

    /// The registry took a piece and says that it has less than `end`. Some take only a part of
    /// it; some say something else altogether. Asking again tells them apart.
    fn behind(&mut self, end: u64) -> Result<u64> {
        self.disturbed = true;
        let Some((place, known)) = self.session.upload_status(&self.place, &self.what)? else {
            return Ok(end);
        };
        self.place = place;
        Ok(if known > self.offset && known < end { known } else { end })
    }

    /// A piece failed: waits, and asks the registry what it has of it.
    fn recover(&mut self, mishap: Mishap) -> Result<()> {
        if !mishap.error.is_transient() {
            return Err(mishap.error);
        }
        self.pause(mishap)
            .and_then(|broke| {
                let known = self.session.upload_status(&self.place, &self.what)?;
                Ok((broke, known))
            })
            .and_then(|(broke, known)| match known {
                Some((place, known)) if (self.offset..=self.at).contains(&known) => {
                    if self.has_progress(known - self.offset, known == self.at) {
                        self.session.host.sending().resumed(true);
                    } else if broke {
                        self.session.host.sending().got_nowhere();
                    }
                    (self.place, self.offset, self.disturbed) = (place, known, true);
                    Ok(())
                }
                _ => {
                    let why = "the registry has lost the upload";
                    Err(self.lost(self.session.end.error(Class::Other, &self.what, why)))
                }
            })
    }

    /// Waits before the next attempt, unless there were too many. Whether the line broke.
    fn pause(&mut self, mishap: Mishap) -> Result<bool> {
        if mishap.broke {
            self.session.broke_off();
        }
        self.faults += 1;
        let retry = self.session.shared.settings.retry;
        if self.faults >= retry.attempts {
            return Err(mishap.error);
        }
        retry.wait(self.faults, &mishap.error, &*self.session.shared.progress)?;
        Ok(mishap.broke)
    }

    /// The upload is of no use any more: the blob has to be sent anew.
    fn lost(&self, error: Error) -> Error {
        self.session.host.sending().resumed(false);
        self.session.note_upload(self.blob, None);
        error.transient()
    }

    /// All bytes are there: the registry is to compare the digest and keep the blob.
    fn close(&mut self) -> Result<()> {
        if self.at != self.offset {
            // Only an upload that was whole already comes here so; its bytes are checked too.
            self.content.seek(self.offset)?;
            self.at = self.offset;
        }
        loop {
            let url = self.place.with_query("digest", &self.blob.digest.to_string());
            let mut nothing = std::io::empty();
            let mut body = Exact::new(&mut nothing, 0, self.meter);
            match self.session.send_body(&self.what, Method::PUT, &url, None, &mut body) {
                Ok(answer) if matches!(answer.status, 200..=299) => {
                    return self.session.check_arrived(self.blob, answer, &self.what);
                }
                Ok(answer) => {
                    let again = self.disturbed && matches!(answer.status, 400 | 404 | 410 | 416);
                    let error = self.session.end.refusal(&self.what, answer);
                    return Err(if again { self.lost(error) } else { error });
                }
                Err(mishap) if !mishap.error.is_transient() => return Err(mishap.error),
                Err(mishap) => {
                    self.pause(mishap)?;
                    // The blob may be there, and only the answer got lost.
                    if self.session.has_blob(self.blob)? {
                        return Ok(());
                    }
                    self.disturbed = true;
                }
            }
        }
    }
}

/// How many bytes a `Range` of `0-N` stands for. `0-0` is what registries say of an upload that
/// has nothing yet, though it might be one byte.
fn range_end(answer: &Answer) -> Option<u64> {
    let range = answer.header("range")?.trim();
    let range =
        range.strip_prefix("bytes").map_or(range, |rest| rest.trim_start_matches([' ', '=']));
    let (start, end) = range.split_once('-')?;
    match (start.trim().parse::<u64>().ok()?, end.trim().parse::<u64>().ok()?) {
        (0, 0) => Some(0),
        (0, end) => end.checked_add(1),
        _ => None,
    }
}
