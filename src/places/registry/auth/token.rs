//! [`Tokens`]: bearer tokens, fetched once for many who need them and renewed in time
//! (distribution project, "Token Authentication Specification").

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::granted;
use crate::places::registry::http::url::{Url, encode};
use crate::words::error::{Class, Error, Result};

/// Largest answer of a token server that is read. Tokens with many scopes have some 10 KiB.
pub(crate) const MAX_TOKEN_BODY: u64 = 1 << 20;
/// Largest token: what fits into the request headers that common servers take, with room.
const MAX_TOKEN: usize = 64 << 10;
/// How long a token holds that does not say so (the specification's default).
const DEFAULT_LIFETIME: u64 = 60;
/// How long before its end a token is renewed, or a tenth of its life if that is less.
const MARGIN: Duration = Duration::from_secs(10);

/// A bearer token, never shown.
#[derive(Clone)]
pub(crate) struct Token {
    header: Arc<Zeroizing<String>>,
    granted: Option<Arc<granted::Granted>>,
    until: Instant,
    /// Whether the registry took it once.
    taken: Arc<AtomicBool>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl Token {
    /// Hears that the registry took it.
    pub(crate) fn set_taken(&self) {
        self.taken.store(true, Ordering::Relaxed);
    }

    /// Whether the registry took it once, so that it has ended when it is refused now.
    pub(crate) fn was_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }

    /// The whole `Authorization` header.
    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// What it says that it allows, where it says so.
    pub(crate) fn granted(&self) -> Option<&granted::Granted> {
        self.granted.as_deref()
    }
}

/// For whom a token is: registry host, token server, service, and scopes, or where there are
/// none, whose it is.
pub(crate) type TokenKey = (String, String, String, String);

/// What became of the wish for a token.
#[derive(Default)]
enum TokenSlot {
    #[default]
    Empty,
    Held(Token),
    /// Why the server refused. Asking again with the same password could lock the account.
    Denied(Error),
}

/// All tokens of a run.
#[derive(Default)]
pub(crate) struct Tokens(Mutex<HashMap<TokenKey, Arc<Mutex<TokenSlot>>>>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(..)")
    }
}

impl Tokens {
    /// The token for `key`; `fetch` is called when there is none that still holds, by one thread
    /// while all others who want the same wait for it.
    ///
    /// # Errors
    /// Those of `fetch`; a refusal is repeated without asking again.
    pub(crate) fn get(
        &self,
        key: &TokenKey,
        fetch: impl FnOnce() -> Result<Token>,
    ) -> Result<Token> {
        let slot = self.slot(key);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            TokenSlot::Held(token) if Instant::now() < token.until => return Ok(token.clone()),
            TokenSlot::Denied(error) => return Err(error.clone()),
            _ => {}
        }
        match fetch() {
            Ok(token) => {
                *slot = TokenSlot::Held(token.clone());
                Ok(token)
            }
            Err(error) => {
                if error.class() == Class::Refused && !error.is_transient() {
                    *slot = TokenSlot::Denied(error.clone());
                }
                Err(error)
            }
        }
    }

    /// Drops `token`, unless another thread has renewed it already.
    pub(crate) fn forget(&self, key: &TokenKey, token: &Token) {
        let slot = self.slot(key);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(&*slot, TokenSlot::Held(held) if Arc::ptr_eq(&held.header, &token.header)) {
            *slot = TokenSlot::Empty;
        }
    }

    fn slot(&self, key: &TokenKey) -> Arc<Mutex<TokenSlot>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(key.clone()).or_default().clone()
    }
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<Zeroizing<String>>,
    access_token: Option<Zeroizing<String>>,
    // Text, a float or a number from 1970 on, where the specification has a number and a date.
    expires_in: Option<Value>,
    issued_at: Option<Value>,
}

/// A number of seconds, however it is written.
fn seconds(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    // Whole seconds do; the cast ends at the largest number there is.
    number.is_finite().then_some(number as i64)
}

/// A moment: a date, or seconds since 1970.
fn moment(value: &Value) -> Option<Timestamp> {
    let date = value.as_str().and_then(|text| text.trim().parse().ok());
    date.or_else(|| Timestamp::from_second(seconds(value)?).ok())
}

/// Reads a token server's answer to a question that was asked at `asked`.
///
/// # Errors
/// Why it is none, without quoting it.
pub(crate) fn parse(body: &[u8], asked: Instant) -> Result<Token, &'static str> {
    let granted: TokenAnswer =
        serde_json::from_slice(body).map_err(|_| "the answer is no token")?;
    let given = |token: Option<Zeroizing<String>>| token.filter(|token| !token.is_empty());
    let token =
        given(granted.token).or(given(granted.access_token)).ok_or("the answer has no token")?;
    let header = Arc::new(header(&token)?);
    let life = granted.expires_in.as_ref().and_then(seconds);
    let life = life.and_then(|life| u64::try_from(life).ok());
    let issued = granted.issued_at.as_ref().and_then(moment);
    let life = lifetime(life, issued, Timestamp::now());
    let granted = granted::Granted::read(&token).map(Arc::new);
    let until = asked + life.saturating_sub(MARGIN.min(life / 10));
    Ok(Token { header, granted, until, taken: Arc::default() })
}

/// The whole `Authorization` header for `token`.
///
/// # Errors
/// Why it is no token, without quoting it.
pub(crate) fn header(token: &str) -> Result<Zeroizing<String>, &'static str> {
    match token.len() <= MAX_TOKEN && token.bytes().all(|c| c.is_ascii_graphic()) {
        true => Ok(Zeroizing::new(format!("Bearer {token}"))),
        false => Err("the token cannot be sent in a header"),
    }
}

/// How long a token still holds. `issued_at` counts when it makes sense beside this machine's
/// clock: a server may hand out a token that it made before, but clocks also differ.
fn lifetime(expires_in: Option<u64>, issued_at: Option<Timestamp>, now: Timestamp) -> Duration {
    // A year is for ever, and no sum with it overflows.
    let whole = expires_in.filter(|s| *s > 0).unwrap_or(DEFAULT_LIFETIME).min(365 * 86_400);
    let age = issued_at.map_or(0, |at| now.as_second() - at.as_second());
    match u64::try_from(age) {
        Ok(age) if age < whole => Duration::from_secs(whole - age),
        _ => Duration::from_secs(whole),
    }
}

/// The address to ask for a token.
pub(crate) fn question(realm: &Url, service: Option<&str>, scopes: &[String]) -> Url {
    let mut url = realm.clone();
    if let Some(service) = service {
        url = url.with_query("service", service);
    }
    scopes.iter().fold(url, |url, scope| url.with_query("scope", scope))
}

/// The form to exchange an identity token for a bearer token (OAuth 2, RFC 6749, 6).
pub(crate) fn exchange(
    identity: &str,
    service: Option<&str>,
    scopes: &[String],
) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "grant_type=refresh_token&client_id=sealift&service={}&scope={}&refresh_token={}",
        encode(service.unwrap_or_default()),
        encode(&scopes.join(" ")),
        encode(identity)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        for (expires_in, issued_at, seconds) in [
            (None, None, 60),
            (Some(0), None, 60),
            (Some(300), None, 300),
            (Some(300), Some("2026-11-21T09:59:00Z"), 240),
            (Some(300), Some("2026-11-21T05:00:00Z"), 300),
            (Some(300), Some("2026-11-21T10:05:00Z"), 300),
            (Some(300), Some("yesterday"), 300),
            (Some(u64::MAX), None, 365 * 86_400),
        ] {
            let issued = issued_at.and_then(|at| moment(&Value::from(at)));
            let life = lifetime(expires_in, issued, now);
            assert_eq!(life.as_secs(), seconds, "{expires_in:?} {issued_at:?}");
        }
        let asked = Instant::now();
        let until = |body: &str| parse(body.as_bytes(), asked).unwrap().until - asked;
        assert_eq!(until(r#"{"token":"a","expires_in":300}"#).as_secs(), 290);
        assert_eq!(until(r#"{"access_token":"a"}"#).as_secs(), 54);
        for odd in [
            r#"{"token":"a","expires_in":"300","issued_at":0}"#,
            r#"{"token":"a","expires_in":300.9,"issued_at":"0"}"#,
            r#"{"token":"a","expires_in":"3e2","issued_at":1700000000.5}"#,
            r#"{"token":"a","expires_in":" 300 ","issued_at":null}"#,
            r#"{"token":"a","expires_in":300,"issued_at":{"at":[]}}"#,
        ] {
            assert_eq!(until(odd).as_secs(), 290, "{odd}");
        }
        assert_eq!(until(r#"{"token":"a","expires_in":"soon"}"#).as_secs(), 54);
        assert_eq!(until(r#"{"token":"a","expires_in":-5}"#).as_secs(), 54);
    }

    #[test]
    fn what_is_no_token_is_refused_and_not_quoted() {
        for body in [r#"{"token":"a\r\nX: s3cret"}"#, r#"{"token":"s3cret b"}"#, "s3cret", "{}"] {
            let why = parse(body.as_bytes(), Instant::now()).unwrap_err();
            assert!(!why.contains("s3cret"));
        }
        let token = parse(br#"{"token":"s3cret"}"#, Instant::now()).unwrap();
        assert_eq!(token.header(), "Bearer s3cret");
        assert!(!format!("{token:?}").contains("s3cret"));
    }

    #[test]
    fn a_question_names_service_and_every_scope() {
        let realm = Url::parse("https://a/t?x=1").unwrap();
        let scopes = ["repository:a/b:pull,push".to_owned(), "repository:c:pull".to_owned()];

        assert_eq!(
            question(&realm, Some("my reg"), &scopes).to_string(),
            "https://a/t?x=1&service=my%20reg&scope=repository:a/b:pull%2Cpush\
             &scope=repository:c:pull"
        );
    }
}
