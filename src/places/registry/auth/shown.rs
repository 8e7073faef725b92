//! Which credentials a registry and its token server are shown: none in the clear, unless somebody said so.

use super::TokenServer;
use super::credential::Credential;
use crate::places::registry::http::url::Url;
use crate::places::registry::session::Session;
use crate::words::error::{Class, Result};
use crate::words::phrase::phrase;
use crate::words::reference::Registry;
use crate::words::remedy::Remedy;

impl Session {
    /// The credentials for this repository.
    ///
    /// # Errors
    /// [`Class::Refused`] when there are some, and the registry speaks no TLS though nobody said
    /// that it does not: whoever took its port would get them.
    pub(super) fn credential(&self) -> Result<Option<Credential>> {
        let (files, registry) = (&self.shared.credentials, &self.end.registry);
        let found = files.find(registry, &self.repository)?;
        let hushed = self.host.fell_back() || self.host.access().hushed;
        if found.is_some() && hushed && !files.are_for_plain_http(registry) {
            let why = "it does not speak TLS here, and there are credentials for it";
            return Err(self.end.error(Class::Refused, "not logged in", why).hint(phrase![
                "nothing was sent; if it is to speak plain HTTP, say so with ",
                Remedy::PlainHttp,
                format!(" {registry}, or once for all with `"),
                Remedy::Login,
                " ",
                Remedy::PlainHttp,
                format!(" {registry} {registry}`")
            ]));
        }
        Ok(found)
    }

    /// What a token server of the registry at `base` is shown.
    ///
    /// # Errors
    /// [`Class::Refused`] when that would cross plain HTTP to another port than the registry's own,
    /// which nobody allowed.
    pub(super) fn shown_to(
        &self,
        base: &Url,
        server: &TokenServer<'_>,
    ) -> Result<Option<Credential>> {
        if server.anonymous {
            return Ok(None);
        }
        let found = self.credential()?;
        // A token that was given is for the registry, and no token server sees it.
        let secret = matches!(found, Some(Credential::Password { .. } | Credential::Identity(_)));
        let realm = server.realm;
        if !secret || realm.is_https() || realm.same_origin(base) || self.is_said(realm) {
            return Ok(found);
        }
        let text = format!(
            "the registry sends credentials to {}: it is another port, and plain HTTP",
            realm.origin()
        );
        let error = self.end.error(Class::Refused, "token server", text);
        Err(error.hint(phrase![
            "nothing was sent there; if it belongs to the registry, say so with ",
            Remedy::PlainHttp,
            format!(" {}", realm.authority())
        ]))
    }

    /// Whether somebody said that credentials may go to the host and port of `url` in the clear.
    fn is_said(&self, url: &Url) -> bool {
        url.authority().parse::<Registry>().is_ok_and(|place| {
            let named = self.shared.settings.plain_http.contains(&place);
            named || self.shared.credentials.are_for_plain_http(&place)
        })
    }
}
