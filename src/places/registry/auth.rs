//! How a request gets its `Authorization`: from what is known, or from a registry's challenge.

pub(super) mod authorization;
pub(super) mod challenge;
pub(super) mod credential;
pub(super) mod credential_file;
pub(super) mod credentials;
pub(super) mod granted;
pub(super) mod helper;
pub(super) mod realm;
pub(super) mod scheme;
mod scopes;
pub(super) mod shown;
pub(super) mod splice;
pub(super) mod token;

use std::time::Instant;

use ureq::http::Method;
use zeroize::Zeroizing;

use self::authorization::Authorization;
use self::challenge::Challenge;
use self::credential::Credential;
use self::scheme::{HARBOR_SERVICE, Scheme};
use self::scopes::widen;
use self::token::{Token, TokenKey};
use super::http::answer::Answer;
use super::http::url::Url;
use super::http::{Outgoing, Payload};
use super::session::Session;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// How often one request is sent for the sake of credentials: with an old token, without any
/// (Harbor answers an expired token as if Basic were all it knew), and with a new one.
pub(super) const MAX_ROUNDS: u32 = 4;

/// How often a request is sent anew because a token ended that the registry had taken before: many
/// requests share one, and a token may be for few of them or for a short while.
pub(super) const MAX_ENDED: u32 = 32;

/// A token server, and whether credentials stay away from it.
struct TokenServer<'a> {
    realm: &'a Url,
    service: Option<&'a str>,
    anonymous: bool,
}

impl Session {
    /// What the registry is known to want to see; nothing while it never asked.
    pub(super) fn known_authorization(
        &self,
        base: &Url,
        scopes: &[String],
    ) -> Result<Option<Authorization>> {
        match self.host.scheme() {
            None => Ok(None),
            Some(Scheme::Basic) => self.basic(),
            // What a registry beside it wants is nothing to a web server.
            Some(Scheme::Bearer { .. }) if self.end.is_web => Ok(None),
            Some(Scheme::Bearer { realm, service, anonymous }) => {
                let server = TokenServer { realm: &realm, service: service.as_deref(), anonymous };
                self.token(base, &server, scopes, scopes).map(Some)
            }
        }
    }

    /// What to send after `answer`, a reply to a request with `old`: `None` when the answer
    /// stands, `Some(None)` when the request is to be sent without credentials.
    pub(super) fn renew(
        &self,
        base: &Url,
        scopes: &[String],
        old: Option<&Authorization>,
        answer: &Answer,
    ) -> Result<Option<Option<Authorization>>> {
        // A storage host that a redirect led to asks for nothing that is ours to give.
        let asks = answer.own && matches!(answer.status, 401 | 403);
        // A token that was given is all there is to show.
        if !asks || matches!(old, Some(Authorization::Given(_))) {
            return Ok(None);
        }
        let asked = challenges(answer);
        let is_bearer = |asked: &&Challenge| matches!(asked, Challenge::Bearer { .. });
        // A web server has no token service: whatever it names is asked for nothing.
        let bearer = asked.iter().find(is_bearer).filter(|_| !self.end.is_web);
        let lacking = asked.iter().any(Challenge::is_insufficient_scope);
        if answer.status == 403 && !lacking {
            return Ok(None);
        }
        if let Some(old @ Authorization::Token(..)) = old {
            self.forget(old);
            // What a token for nobody does not allow, the credentials would, and they stay here.
            if let Some(Scheme::Bearer { realm, anonymous: true, .. }) = self.host.scheme()
                && self.credential()?.is_some()
            {
                let why = "it belongs to another domain than the registry";
                return Err(self.distrusted(&realm.origin(), why));
            }
            // Without the header the registry tells how to get another. NGC names a token server
            // of another domain to those who show an expired token, and its own to all others.
            if bearer.is_none_or(|bearer| !self.is_known(bearer, base)) {
                return Ok(Some(None));
            }
        }
        if let Some(token) = bearer.map(|bearer| self.answer(base, scopes, bearer)) {
            return token.map(Some);
        }
        if asked.contains(&Challenge::Basic)
            && old.is_none()
            && let Some(basic) = self.basic()?
        {
            self.host.set_scheme(Scheme::Basic);
            return Ok(Some(Some(basic)));
        }
        Ok(None)
    }

    /// The token that a challenge asks for; `None` for one that asks for none.
    fn answer(
        &self,
        base: &Url,
        scopes: &[String],
        challenge: &Challenge,
    ) -> Result<Option<Authorization>> {
        let Challenge::Bearer { realm, service, scope, .. } = challenge else { return Ok(None) };
        let ground = self.ground(base)?;
        let (realm, anonymous) = match realm::check(realm, base, ground) {
            Ok(realm) => (realm, false),
            Err(why) => match realm::anonymous(realm, base, ground) {
                Some(realm) => (realm, true),
                None => return Err(self.distrusted(realm, why)),
            },
        };
        // Before the token is here, so that other threads wait for it instead of asking in vain.
        let known = Scheme::Bearer { realm: realm.clone(), service: service.clone(), anonymous };
        self.host.set_scheme(known);
        let wider = widen(scopes, scope.as_deref());
        let server = TokenServer { realm: &realm, service: service.as_deref(), anonymous };
        self.token(base, &server, scopes, &wider).map(Some)
    }

    /// Whether a challenge names the token server that is in use.
    fn is_known(&self, asked: &Challenge, base: &Url) -> bool {
        match (asked, self.host.scheme()) {
            (Challenge::Bearer { realm, .. }, Some(Scheme::Bearer { realm: known, .. })) => {
                let Ok(ground) = self.ground(base) else { return false };
                let asked = realm::check(realm, base, ground).ok();
                let asked = asked.or_else(|| realm::anonymous(realm, base, ground));
                asked.is_some_and(|realm| realm == known)
            }
            _ => false,
        }
    }

    /// Drops a token that the registry did not take.
    pub(super) fn forget(&self, authorization: &Authorization) {
        if let Authorization::Token(key, token) = authorization {
            self.shared.tokens.forget(key, token);
        }
    }

    /// User name and password as a header, where there are any.
    pub(super) fn basic(&self) -> Result<Option<Authorization>> {
        Ok(match self.credential()? {
            Some(Credential::Password { user, password }) => {
                Some(Authorization::basic(&user, &password))
            }
            _ => None,
        })
    }

    /// The user's name, where there are a name and a password.
    pub(super) fn user(&self) -> Result<Option<String>> {
        Ok(match self.credential()? {
            Some(Credential::Password { user, .. }) => Some(user),
            _ => None,
        })
    }

    /// Whether the token for pushing to this repository says that it allows `action`; `None` where
    /// there is none, or it does not say.
    pub(super) fn may(&self, action: &str) -> Option<bool> {
        let base = self.base().ok()?;
        match self.known_authorization(&base, &self.scopes(true)) {
            Ok(Some(Authorization::Token(_, token))) => {
                token.granted().map(|granted| granted.allows(self.repository.as_str(), action))
            }
            _ => None,
        }
    }

    /// Drops the token for pushing, because what it allows has changed.
    pub(super) fn renounce(&self) {
        let known =
            self.base().and_then(|base| self.known_authorization(&base, &self.scopes(true)));
        known.iter().flatten().for_each(|known| self.forget(known));
    }

    pub(super) fn trusted(&self, realm: &str, base: &Url) -> Result<Url> {
        realm::check(realm, base, self.ground(base)?).map_err(|why| self.distrusted(realm, why))
    }

    fn distrusted(&self, realm: &str, why: &str) -> Error {
        let text = format!("the registry sends credentials to {realm}: {why}");
        self.end
            .error(Class::Refused, "token server", text)
            .hint("nothing was sent there; ask whoever runs the registry")
    }

    /// A token that is for nobody, for the registry elsewhere that `answer`, to which a redirect
    /// led, comes from; `None` where it asks for anything else. What is configured and known for
    /// this registry is not shown to that one.
    pub(super) fn token_elsewhere(&self, answer: &Answer) -> Result<Option<Authorization>> {
        if self.end.is_web || answer.own || answer.status != 401 || !answer.url.is_https() {
            return Ok(None);
        }
        let base = answer.url.with_path("/");
        let asked = challenges(answer);
        let Some(Challenge::Bearer { realm, service, scope, .. }) =
            asked.iter().find(|asked| matches!(asked, Challenge::Bearer { .. }))
        else {
            return Ok(None);
        };
        let ground = self.ground(&base)?;
        let Some(realm) = realm::anonymous(realm, &base, ground) else { return Ok(None) };
        let scopes: Vec<String> = scope.iter().cloned().collect();
        let server = TokenServer { realm: &realm, service: service.as_deref(), anonymous: true };
        self.token(&base, &server, &scopes, &scopes).map(Some)
    }

    /// The token for `scopes`; where it has to be fetched, one for `wider`.
    fn token(
        &self,
        base: &Url,
        server: &TokenServer<'_>,
        scopes: &[String],
        wider: &[String],
    ) -> Result<Authorization> {
        if let Some(Credential::Bearer(token)) = self.shown_to(base, server)? {
            let header = token::header(&token)
                .map_err(|why| self.end.error(Class::Usage, "registrytoken", why))?;
            return Ok(Authorization::Given(header));
        }
        // Credentials differ by path, so a token belongs to the repository that it was fetched
        // for; the scopes name it.
        let whom = match (scopes, self.shown_to(base, server)?) {
            ([], Some(Credential::Password { user, password })) => {
                Digest::of(format!("{user}:{}", &*password).as_bytes()).to_string()
            }
            _ => scopes.join(" "),
        };
        let service_name = server.service.unwrap_or_default().to_owned();
        let key: TokenKey = (base.origin(), server.realm.to_string(), service_name, whom);
        let fetch = || self.fetch_token(base, server, wider);
        let token = self.shared.tokens.get(&key, fetch)?;
        Ok(Authorization::Token(key, token))
    }

    fn fetch_token(
        &self,
        base: &Url,
        server: &TokenServer<'_>,
        scopes: &[String],
    ) -> Result<Token> {
        let TokenServer { realm, service, anonymous } = *server;
        let what = format!("token server {}", realm.origin());
        let form = ("content-type", "application/x-www-form-urlencoded".to_owned());
        let own = realm.same_origin(base) && !anonymous;
        let asked = Instant::now();
        let answer = match self.shown_to(base, server)? {
            Some(Credential::Identity(identity)) => {
                let body = token::exchange(&identity, service, scopes);
                let (method, payload) = (Method::POST, Payload::Bytes(body.as_bytes()));
                let headers = &[form][..];
                let (url, authorization) = (realm, None);
                let out = Outgoing { method, url, own, headers, authorization, payload };
                self.send(&what, out)?
            }
            other => {
                let basic = match &other {
                    Some(Credential::Password { user, password }) => {
                        Some(Authorization::basic(user, password))
                    }
                    _ => None,
                };
                let url = &token::question(realm, service, scopes);
                let authorization = basic.as_ref().map(Authorization::header);
                let (method, payload) = (Method::GET, Payload::None);
                let out = Outgoing { method, url, own, headers: &[], authorization, payload };
                let answer = self.send(&what, out)?;
                match &other {
                    Some(Credential::Password { user, .. })
                        if answer.status == 401 && scopes.is_empty() =>
                    {
                        let words = self.end.token_refusal(&what, answer);
                        return Err(self.not_taken(user).source(words));
                    }
                    _ => answer,
                }
            }
        };
        let token = self.read_token(&what, answer, asked)?;
        // Harbor gives everybody a token who asks for a scope, and each says what it allows.
        if !anonymous
            && service == Some(HARBOR_SERVICE)
            && !scopes.is_empty()
            && token.granted().is_some()
        {
            self.prove()?;
        }
        Ok(token)
    }

    /// Fails when the registry does not know the user by that password. Asked without a scope,
    /// since Harbor answers everybody who asks for one.
    ///
    /// # Errors
    /// [`Class::Refused`], by the user's name. That nobody answers is no proof.
    pub(super) fn prove(&self) -> Result<()> {
        let (Some(Scheme::Bearer { realm, service, anonymous: false }), Some(_)) =
            (self.host.scheme(), self.user()?)
        else {
            return Ok(());
        };
        let server = TokenServer { realm: &realm, service: service.as_deref(), anonymous: false };
        match self.token(&self.base()?, &server, &[], &[]) {
            Err(error) if error.class() == Class::Refused && !error.is_transient() => Err(error),
            _ => Ok(()),
        }
    }

    /// The registry knows nobody of that name and password.
    fn not_taken(&self, user: &str) -> Error {
        let text = format!("{} does not take the password of {user:?}", self.end);
        let host = &self.end.registry;
        Error::new(Class::Refused, text).hint(phrase![
            "check both; the account or robot may be disabled or expired. `",
            Remedy::Login,
            format!(" {host}` keeps new ones, `"),
            Remedy::Logout,
            format!(" {host}` goes on without any")
        ])
    }

    fn read_token(&self, what: &str, mut answer: Answer, asked: Instant) -> Result<Token> {
        if answer.status != 200 {
            return Err(self.end.token_refusal(what, answer));
        }
        let body =
            answer.read_all(token::MAX_TOKEN_BODY).map_err(|e| self.end.broken_off(what, e))?;
        let body = Zeroizing::new(body.unwrap_or_default());
        token::parse(&body, asked).map_err(|why| self.end.error(Class::Other, what, why))
    }
}

/// The challenges of an answer, whose headers may be several.
pub(super) fn challenges(answer: &Answer) -> Vec<Challenge> {
    let headers = answer.headers.get_all("www-authenticate");
    challenge::parse(headers.iter().filter_map(|value| value.to_str().ok()))
}
