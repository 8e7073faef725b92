//! [`Call`]: a request that is sent with redirects, credentials and retries settled.

use std::time::Duration;

use ureq::http::Method;

use super::auth::authorization::Authorization;
use super::auth::{MAX_ENDED, MAX_ROUNDS};
use super::fault::{self, Parts};
use super::http::answer::Answer;
use super::http::url::Url;
use super::http::{Outgoing, Payload};
use super::meter::Exact;
use super::session::Session;
use crate::tools::retry::sleep;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result, Side};

/// How many redirects in a row are followed. Storage backends need one, mirrors two.
const MAX_REDIRECTS: usize = 5;

/// How long the requests that a token was taken for may take to say so, after one was refused.
const NEWS: Duration = Duration::from_millis(200);

/// Whether a token that was refused was taken before, be it by an answer that comes a moment later.
fn has_ended(known: &Authorization, cancel: &Cancel) -> Result<bool> {
    if !known.was_taken() && known.is_token() {
        sleep(NEWS, cancel)?;
    }
    Ok(known.was_taken())
}

/// A request that may be sent again without harm.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Below `/v2/<name>/`.
    pub(super) target: CallTarget,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<&'a [u8]>,
    /// Scopes that the token needs.
    pub(super) scopes: Vec<String>,
    /// What it is about, for messages.
    pub(super) what: String,
}

/// Why a body did not arrive.
pub(super) struct Mishap {
    pub(super) error: Error,
    /// Whether it broke off on its way, so that nobody knows how much of it arrived.
    pub(super) broke: bool,
}

impl From<Error> for Mishap {
    fn from(error: Error) -> Mishap {
        Mishap { error, broke: false }
    }
}

/// Where a request goes.
pub(super) enum CallTarget {
    /// Below the repository, as in `manifests/latest`.
    Path(String),
    /// To an address that the registry gave.
    Url(Url),
    /// To an address that the user named, and wherever that leads to nobody goes.
    Only(Url),
}

impl Session {
    /// A call that reads `path`. At a destination it asks for the right to write as well, so
    /// that one token serves a whole import.
    pub(super) fn read(&self, method: Method, path: String, what: String) -> Call<'static> {
        let scopes = self.scopes(self.end.side == Side::Destination);
        let target = CallTarget::Path(path);
        Call { method, target, headers: Vec::new(), body: None, scopes, what }
    }

    /// Sends `call`, again and again where that may help.
    ///
    /// # Errors
    /// When no answer comes, or none but 408, 429 and the like. Every other answer is returned.
    pub(super) fn call(&self, call: &Call<'_>) -> Result<Answer> {
        let retry = self.shared.settings.retry;
        retry.run(&*self.shared.progress, || self.call_once(call))
    }

    /// As [`call`](Session::call), but only once.
    pub(super) fn call_once(&self, call: &Call<'_>) -> Result<Answer> {
        let answer = self.answered_once(call)?;
        match fault::is_transient(answer.status) {
            true => Err(self.end.refusal(&call.what, answer)),
            false => Ok(answer),
        }
    }

    /// Sends `call`, which has a document as its body, and gives the good answer. `parts` says what
    /// a refusal may be about.
    ///
    /// # Errors
    /// Every other answer, but those with which `stands` agrees.
    pub(super) fn send_document(
        &self,
        call: &Call<'_>,
        parts: Parts,
        stands: impl Fn(u16) -> bool,
    ) -> Result<Answer> {
        let retry = self.shared.settings.retry;
        retry.run(&*self.shared.progress, || {
            let answer = self.answered_once(call)?;
            match matches!(answer.status, 200..=299) || stands(answer.status) {
                true => Ok(answer),
                false => Err(self.end.refusal_of_document(&call.what, answer, parts)),
            }
        })
    }

    /// Sends `call` once, with what it takes to be let in; whatever is answered then.
    fn answered_once(&self, call: &Call<'_>) -> Result<Answer> {
        let base = self.base()?;
        let url = match &call.target {
            CallTarget::Path(path) => self.host.access().url(&base, self.repository.as_str(), path),
            CallTarget::Url(url) | CallTarget::Only(url) => url.clone(),
        };
        let mut authorization = self.known_authorization(&base, &call.scopes)?;
        let (mut round, mut ended) = (1, 0);
        loop {
            let answer = self.follow(call, &base, &url, authorization.as_ref())?;
            match &authorization {
                Some(known) if !matches!(answer.status, 401 | 403) => known.set_taken(),
                Some(known)
                    if answer.own
                        && ended < MAX_ENDED
                        && has_ended(known, &self.shared.progress.handle())? =>
                {
                    ended += 1;
                    round = 1;
                }
                _ => {}
            }
            if round < MAX_ROUNDS
                && let Some(next) =
                    self.renew(&base, &call.scopes, authorization.as_ref(), &answer)?
            {
                answer.discard();
                authorization = next;
                round += 1;
                continue;
            }
            return match self.token_elsewhere(&answer)? {
                Some(token) => {
                    let url = answer.url.clone();
                    answer.discard();
                    self.follow_from(call, None, &url, &url, Some(&token))
                }
                None => Ok(answer),
            };
        }
    }

    /// Sends `call` to `url` and follows redirects. Credentials go to the registry's own scheme,
    /// host and port only, and never again once a redirect has left them.
    pub(super) fn follow(
        &self,
        call: &Call<'_>,
        base: &Url,
        url: &Url,
        authorization: Option<&Authorization>,
    ) -> Result<Answer> {
        self.follow_from(call, Some(base), base, url, authorization)
    }

    /// As [`follow`](Session::follow), where `authorization` is for `whom`, which is the registry
    /// itself, at `base`, or another that a redirect led to.
    fn follow_from(
        &self,
        call: &Call<'_>,
        base: Option<&Url>,
        whom: &Url,
        url: &Url,
        authorization: Option<&Authorization>,
    ) -> Result<Answer> {
        let is_own = |url: &Url| base.is_some_and(|base| url.same_origin(base));
        let (mut own, mut shown) = (is_own(url), url.same_origin(whom));
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(
                &call.what,
                Outgoing {
                    method: call.method.clone(),
                    url: &url,
                    own,
                    headers: &call.headers,
                    authorization: authorization.filter(|_| shown).map(Authorization::header),
                    payload: call.body.map_or(Payload::None, Payload::Bytes),
                },
            )?;
            let reads = call.method == Method::GET || call.method == Method::HEAD;
            let redirect = match answer.status {
                307 | 308 => true,
                301..=303 => reads,
                _ => false,
            };
            if !redirect || matches!(call.target, CallTarget::Only(_)) {
                return Ok(answer);
            }
            url = self.location(&answer, &call.what)?;
            own = own && is_own(&url);
            shown = shown && url.same_origin(whom);
            answer.discard();
        }
        Err(self.end.error(Class::Other, &call.what, "redirected too often"))
    }

    /// Sends `body` to `url` by `method`, once; `range` is the `Content-Range` of a piece.
    ///
    /// # Errors
    /// When no answer comes, or one that the same request may change a moment later: 408, 429 and
    /// the like, and a 401, after which the token is dropped so that the next attempt gets a new
    /// one. A fault of the content comes out as itself.
    pub(super) fn send_body(
        &self,
        what: &str,
        method: Method,
        url: &Url,
        range: Option<String>,
        body: &mut Exact<'_>,
    ) -> Result<Answer, Mishap> {
        let base = self.base()?;
        let (own, scopes) = (url.same_origin(&base), self.scopes(true));
        let authorization = match own {
            true => self.known_authorization(&base, &scopes)?,
            false => None,
        };
        let mut headers = vec![("content-type", "application/octet-stream".to_owned())];
        headers.extend(range.map(|range| ("content-range", range)));
        let size = body.size();
        let sent = self.send(
            what,
            Outgoing {
                method,
                url,
                own,
                headers: &headers,
                authorization: authorization.as_ref().map(Authorization::header),
                payload: Payload::Stream(body, size),
            },
        );
        if let Some(fault) = body.take_fault() {
            return Err(Error::io(format!("{what}: cannot read the content"), fault).into());
        }
        let answer = sent.map_err(|error| Mishap { broke: error.is_transient(), error })?;
        self.delivered(what, answer, authorization.filter(|_| own))
    }

    /// `answer`, unless the same body may be answered better a moment later.
    fn delivered(
        &self,
        what: &str,
        answer: Answer,
        authorization: Option<Authorization>,
    ) -> Result<Answer, Mishap> {
        match (answer.status, authorization) {
            (401, Some(authorization)) => {
                self.forget(&authorization);
                Err(self.end.refusal(what, answer).transient().into())
            }
            (status, _) if fault::is_transient(status) => {
                // A proxy that gave up waiting in the middle of a long body.
                let broke = matches!(status, 408 | 502 | 504);
                Err(Mishap { error: self.end.refusal(what, answer), broke })
            }
            _ => Ok(answer),
        }
    }
}
