//! [`Session`]: one repository at a registry, and one request to it, whatever comes of that.
//! Redirects, credentials and retries are settled in `call.rs`.

use std::fmt;
use std::sync::Arc;

use super::fault::End;
use super::fault::wire::{self, WireFailure};
use super::host::Host;
use super::http::answer::Answer;
use super::http::url::Url;
use super::http::{Outgoing, Payload, Silence};
use super::lists::tagged::Tagged;
use super::pull_limit::PullLimit;
use super::shared::Shared;
use crate::storage::documents::DocumentsAtHand;
use crate::words::error::Result;
use crate::words::reference::Repository;

/// What the first request to a registry is about that may or may not speak TLS.
const ASKING_FOR_TLS: &str = "whether it speaks TLS";

/// A repository at a registry, as one end of a transfer.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) shared: Arc<Shared>,
    pub(super) host: Arc<Host>,
    pub(super) end: End,
    pub(super) repository: Repository,
    pub(super) tagged: Arc<Tagged>,
    /// What need not be fetched.
    pub(super) at_hand: Option<Arc<dyn DocumentsAtHand>>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}/{})", self.end, self.repository)
    }
}

impl Session {
    /// The scopes to read, and to write as well when `push`.
    pub(super) fn scopes(&self, push: bool) -> Vec<String> {
        let actions = if push { "pull,push" } else { "pull" };
        vec![format!("repository:{}:{actions}", self.repository)]
    }

    /// Sends one request, and words the failure when there is no answer.
    pub(super) fn send(&self, what: &str, out: Outgoing<'_>) -> Result<Answer> {
        let url = out.url;
        let access = self.host.access_to(url);
        // What has a body of its own has its place by the size of that.
        let streams = matches!(out.payload, Payload::Stream(..));
        let _pass = (!streams).then(|| self.host.questions.enter(0));
        match self.shared.http.send(&self.shared.settings, access, out) {
            Ok(answer) => {
                if answer.own {
                    self.host.set_answered();
                    PullLimit::of(&answer).into_iter().for_each(|quota| self.host.set_quota(quota));
                }
                if matches!(answer.status, 429 | 503) {
                    self.host.trouble();
                }
                Ok(answer)
            }
            Err(Silence::Setup(error)) => Err(error),
            Err(Silence::Wire(error)) => {
                // A connection that was closed because of that has no other fault.
                self.shared.progress.check()?;
                if matches!(error, ureq::Error::Timeout(_)) {
                    self.host.trouble();
                }
                Err(self.end.wire(what, url, error, self.host.answered(), self.is_led(url)))
            }
        }
    }

    /// Whether `url` is at another host than the registry, so that the registry has led to it.
    fn is_led(&self, url: &Url) -> bool {
        self.host.answered() && self.base().is_ok_and(|base| base.host() != url.host())
    }

    /// The registry's address.
    pub(super) fn base(&self) -> Result<Url> {
        let plain = self.shared.settings.plain_http.contains(&self.end.registry);
        self.host.base(plain, |https| self.speaks_tls(https))
    }

    /// Whether a registry on loopback, or an insecure one, speaks TLS. A bad certificate is TLS: it
    /// must not lead to plain HTTP.
    fn speaks_tls(&self, https: &Url) -> Result<bool> {
        let url = https.with_path("/v2/");
        let sent = self.shared.http.send(
            &self.shared.settings,
            self.host.access().clone(),
            Outgoing::get(&url),
        );
        match sent {
            Ok(answer) => {
                answer.discard();
                Ok(true)
            }
            Err(Silence::Setup(error)) => Err(error),
            Err(Silence::Wire(_)) if self.shared.progress.check().is_err() => {
                self.shared.progress.check().map(|()| false)
            }
            Err(Silence::Wire(error)) => match wire::describe(&error).1 {
                WireFailure::NotTls | WireFailure::Unreachable | WireFailure::Broken => Ok(false),
                WireFailure::Certificate
                | WireFailure::AuthorityItself
                | WireFailure::OutOfDate
                | WireFailure::OtherName
                | WireFailure::Other
                | WireFailure::OutOfReach(_) => {
                    Err(self.end.wire(ASKING_FOR_TLS, &url, error, true, false))
                }
            },
        }
    }
}
