//! Where a registry leads by what it answers, and whether it is followed.

use super::http::answer::Answer;
use super::http::reach::Ground;
use super::http::url::Url;
use super::session::Session;
use crate::words::error::{Class, Result};

impl Session {
    /// Where the `Location` of `answer` leads.
    ///
    /// # Errors
    /// [`Class::Refused`] when it leads from https to http, or out of reach; [`Class::Other`] when it is absent or
    /// no address.
    pub(super) fn location(&self, answer: &Answer, what: &str) -> Result<Url> {
        let location = answer
            .header("location")
            .ok_or_else(|| self.end.error(Class::Other, what, "no Location in the answer"))?;
        self.lead(&answer.url, location, what)
    }

    /// Where `location`, found in an answer from `from`, leads.
    ///
    /// # Errors
    /// As [`location`](Session::location).
    pub(super) fn lead(&self, from: &Url, location: &str, what: &str) -> Result<Url> {
        let next = from.join(location).ok_or_else(|| {
            self.end.error(Class::Other, what, "the Location in the answer is no address")
        })?;
        let named = next.host() == self.base()?.host() || self.may_lead_to(&next);
        let ground = if named { Ground::ANYWHERE } else { self.ground(from)? };
        let next = next.within(ground);
        if let Some(zone) = next.zone().filter(|zone| !ground.allows(*zone)) {
            return Err(self.end.out_of_reach(what, &next, zone));
        }
        if from.is_https() && !next.is_https() {
            let why = format!("the registry leads from https to {}", next.origin());
            return Err(self.end.error(Class::Refused, what, why).hint(
                "its proxy has to pass on X-Forwarded-Proto, or the registry to use relative URLs",
            ));
        }
        Ok(next)
    }

    /// Whether the user named the host of `url` as one that a registry may lead to.
    fn may_lead_to(&self, url: &Url) -> bool {
        let mut allowed = self.shared.settings.allow_redirects.iter();
        allowed.any(|allowed| url.is_at(allowed.as_str()))
    }

    /// Which places an address that was found in an answer from `from` may lead to: those beside
    /// the registry, as far as all that led to `from` was beside it, too.
    pub(super) fn ground(&self, from: &Url) -> Result<Ground> {
        let beside = |url: &Url| self.shared.http.beside(url);
        Ok(beside(&self.base()?).and(beside(from)).and(from.ground()))
    }
}
