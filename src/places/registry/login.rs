//! Whether a registry takes a name and a password, asked before they are kept.

use std::sync::Arc;

use ureq::http::Method;

use super::auth::credential::Credential;
use super::auth::credentials::Credentials;
use super::call::{Call, CallTarget};
use super::client::Client;
use super::fault::unusable::is_page;
use super::session::Session;
use super::settings::Settings;
use crate::words::error::{Class, Error, ErrorKind, Result, Side};
use crate::words::progress::Progress;
use crate::words::reference::{Registry, Repository};

/// What a registry said of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginVerdict {
    /// It asked for them and took them.
    Taken,
    /// It lets anyone in, so that nothing is known of them.
    NeverAsked,
}

/// Asks `registry` whether it takes `user` and `password`: `GET /v2/`, with a token where it
/// wants one. Nothing that files say of credentials is used.
///
/// # Errors
/// [`Class::Refused`] when it does not; else those of any request. No error holds the password.
pub fn check_login(
    settings: Settings,
    registry: &Registry,
    user: &str,
    password: &str,
    progress: Arc<dyn Progress>,
) -> Result<LoginVerdict> {
    let credentials = Credentials::only(registry, Credential::pair(user, password));
    let client = Client::with(settings, credentials, progress)?;
    // The question is about no repository; the name is in no address and in no scope.
    let nowhere: Repository = "login".parse()?;
    let session = client.repository(registry, &nowhere, Side::Destination).0;
    session.check().map_err(|error| {
        match error.class() == Class::Refused && error.kind() == ErrorKind::AccessDenied {
            true => refused(registry, user).about(error.subjects().iter().cloned()).source(error),
            false => error,
        }
    })
}

fn refused(registry: &Registry, user: &str) -> Error {
    let text = format!("{registry} does not take the password of {user:?}");
    Error::new(Class::Refused, text)
        .of_kind(ErrorKind::AccessDenied)
        .on(Side::Destination)
        .hint("check both; many registries want an access token instead of the account's password")
}

impl Session {
    fn check(&self) -> Result<LoginVerdict> {
        let base = self.base()?;
        let url = base.with_path("/v2/");
        let call = Call {
            method: Method::GET,
            target: CallTarget::Url(url),
            headers: Vec::new(),
            body: None,
            scopes: Vec::new(),
            what: "login".to_owned(),
        };
        let mut answer = self.call(&call)?;
        match answer.status {
            200..=299 => {
                // Registries say next to nothing here, and some of that in odd types.
                if is_page(answer.peek()) {
                    return Err(self.end.unusable("login", "a registry's answer", true, ""));
                }
            }
            404 => {
                let why = "there is no registry at this address";
                return Err(self.end.error(Class::Other, "login", why));
            }
            _ => return Err(self.end.refusal("login", answer)),
        }
        answer.discard();
        Ok(match self.host.scheme() {
            Some(_) => LoginVerdict::Taken,
            None => LoginVerdict::NeverAsked,
        })
    }
}
