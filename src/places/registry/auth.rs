//! How a request gets its `Authorization`: from what is known, or from a registry's challenge.

use std::fmt;
use std::time::Instant;

use base64::Engine as _;
use ureq::http::Method;
use zeroize::Zeroizing;

use super::challenge::{self, Challenge};
use super::credentials::Credential;
use super::host::Scheme;
use super::http::{Answer, Outgoing, Payload};
use super::realm;
use super::session::Session;
use super::token::{self, Key, Token};
use super::url::Url;
use crate::words::error::{Class, Error, Result};

/// How often one request is sent for the sake of credentials: with an old token, without any
/// (Harbor answers an expired token as if Basic were all it knew), and with a new one.
pub(super) const MAX_ROUNDS: u32 = 3;

/// Something to show to a registry, never to people.
#[derive(Clone)]
pub(super) enum Authorization {
    /// A bearer token, and where it is kept.
    Token(Key, Token),
    /// The whole header.
    Basic(Zeroizing<String>),
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Authorization::Token(..) => "Token(..)",
            Authorization::Basic(_) => "Basic(..)",
        })
    }
}

impl Authorization {
    /// The whole `Authorization` header.
    pub(super) fn header(&self) -> &str {
        match self {
            Authorization::Token(_, token) => token.header(),
            Authorization::Basic(header) => header,
        }
    }

    fn basic(user: &str, password: &str) -> Authorization {
        let pair = Zeroizing::new(format!("{user}:{password}"));
        let code = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(&*pair));
        Authorization::Basic(Zeroizing::new(format!("Basic {}", *code)))
    }
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
            Some(Scheme::Bearer { realm, service }) => {
                self.token(base, &realm, service.as_deref(), scopes, scopes).map(Some)
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
        if !answer.own || !matches!(answer.status, 401 | 403) {
            return Ok(None);
        }
        let asked = challenges(answer);
        let bearer = asked.iter().find(|c| matches!(c, Challenge::Bearer { .. }));
        let lacking = asked.iter().any(Challenge::is_insufficient_scope);
        if answer.status == 403 && !lacking {
            return Ok(None);
        }
        if let Some(old @ Authorization::Token(..)) = old {
            self.forget(old);
            if bearer.is_none() {
                return Ok(Some(None));
            }
        }
        if let Some(Challenge::Bearer { realm, service, scope, .. }) = bearer {
            let realm = self.trusted(realm, base)?;
            let service = service.clone();
            self.host.set_scheme(Scheme::Bearer { realm: realm.clone(), service: service.clone() });
            let wider = widen(scopes, scope.as_deref());
            let token = self.token(base, &realm, service.as_deref(), scopes, &wider)?;
            return Ok(Some(Some(token)));
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

    /// Drops a token that the registry did not take.
    pub(super) fn forget(&self, authorization: &Authorization) {
        if let Authorization::Token(key, token) = authorization {
            self.shared.tokens.forget(key, token);
        }
    }

    fn credential(&self) -> Result<Option<Credential>> {
        self.shared.credentials.find(&self.end.registry, &self.repository)
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

    fn trusted(&self, realm: &str, base: &Url) -> Result<Url> {
        realm::check(realm, base).map_err(|why| {
            let text = format!("the registry sends credentials to {realm}: {why}");
            self.end
                .error(Class::Refused, "token server", text)
                .hint("nothing was sent there; ask whoever runs the registry")
        })
    }

    /// The token for `scopes`; where it has to be fetched, one for `wider`.
    fn token(
        &self,
        base: &Url,
        realm: &Url,
        service: Option<&str>,
        scopes: &[String],
        wider: &[String],
    ) -> Result<Authorization> {
        // Credentials differ by path, so a token belongs to the repository that it was fetched
        // for; the scopes name it.
        let key: Key = (
            base.origin(),
            realm.to_string(),
            service.unwrap_or_default().to_owned(),
            scopes.join(" "),
        );
        let fetch = || self.fetch_token(base, realm, service, wider);
        let token = self.shared.tokens.get(&key, fetch)?;
        Ok(Authorization::Token(key, token))
    }

    fn fetch_token(
        &self,
        base: &Url,
        realm: &Url,
        service: Option<&str>,
        scopes: &[String],
    ) -> Result<Token> {
        let what = format!("token server {}", realm.origin());
        let form = ("content-type", "application/x-www-form-urlencoded".to_owned());
        let own = realm.same_origin(base);
        let asked = Instant::now();
        let answer = match self.credential()? {
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
                self.send(&what, out)?
            }
        };
        self.read_token(&what, answer, asked)
    }

    fn read_token(&self, what: &str, mut answer: Answer, asked: Instant) -> Result<Token> {
        if answer.status != 200 {
            return Err(self.end.refusal(what, answer));
        }
        let body = answer.read_all(token::MAX_TOKEN_BODY).map_err(|e| {
            Error::io(format!("{}: {what}: cannot read the token", self.end), e).transient()
        })?;
        let body = Zeroizing::new(body.unwrap_or_default());
        token::parse(&body, asked).map_err(|why| self.end.error(Class::Other, what, why))
    }
}

/// The challenges of an answer, whose headers may be several.
fn challenges(answer: &Answer) -> Vec<Challenge> {
    let headers = answer.headers.get_all("www-authenticate");
    challenge::parse(headers.iter().filter_map(|value| value.to_str().ok()))
}

/// What the registry asks for on top of what the request needs.
fn widen(scopes: &[String], asked: Option<&str>) -> Vec<String> {
    let mut out = scopes.to_vec();
    for scope in asked.unwrap_or_default().split_ascii_whitespace() {
        if !out.iter().any(|have| have == scope) {
            out.push(scope.to_owned());
        }
    }
    out
}
