//! [`WebFolder`]: files of a web server that is no registry, read as one is: with the credentials that are
//! kept for its host and for no other, its certificates, proxies and redirects.

use ureq::http::Method;

use super::call::{Call, CallTarget};
use super::client::Client;
use super::http::url::Url;
use super::session::Session;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Registry, Repository};

/// Files below an address.
#[derive(Debug)]
pub struct WebFolder {
    session: Session,
    /// Its own address, with a slash behind it.
    url: Url,
}

impl Client {
    /// The files below `address`, as in `https://charts.example/stable`. Connects to nothing yet.
    ///
    /// Credentials go there as to a registry: by https, or where plain HTTP is allowed for the host.
    ///
    /// # Errors
    /// [`Class::Usage`] for what is no such address.
    pub fn web_folder(&self, address: &str) -> Result<WebFolder> {
        let bad = |why: &str| {
            Error::new(Class::Usage, format!("{address:?} {why}"))
                .hint("write it as in https://charts.example/stable; credentials stand in files")
        };
        if address.contains(['?', '#']) {
            return Err(bad("has a query, and is no folder"));
        }
        let url = Url::parse(&format!("{}/", address.trim_end_matches('/')));
        let url = url.ok_or_else(|| bad("is no address that is read"))?;
        let registry: Registry = url.authority().parse()?;
        // Credentials may be kept for a path; where that is none of a repository, they are the host's.
        let path = url.path().trim_matches('/').parse::<Repository>();
        let path = path.or_else(|_| "charts".parse())?;
        Ok(WebFolder { session: self.itself(&registry, &path).0, url })
    }
}

impl WebFolder {
    /// The bytes at `location`, which stands below the folder or is an address of its own, and of which
    /// somebody else may have written; at most `limit` of them. Nothing where there is nothing. Messages
    /// call it `what`.
    ///
    /// # Errors
    /// [`Class::Refused`] for more bytes, and for an address that is out of reach; those of any request.
    pub fn read(&self, location: &str, limit: u64, what: &str) -> Result<Option<Vec<u8>>> {
        let Session { end, shared, .. } = &self.session;
        if self.url.join(location).is_none() {
            return Err(end.error(Class::Damaged, what, format!("{location:?} is no address")));
        }
        let url = self.session.lead(&self.url, location, what)?;
        let call = Call {
            method: Method::GET,
            target: CallTarget::Url(url),
            headers: Vec::new(),
            body: None,
            scopes: self.session.scopes(false),
            what: what.to_owned(),
        };
        shared.settings.retry.run(&*shared.progress, || {
            let mut answer = self.session.call_once(&call)?;
            match answer.status {
                200 => {}
                404 | 410 => {
                    answer.discard();
                    return Ok(None);
                }
                _ => return Err(end.refusal(what, answer)),
            }
            let bytes = answer.read_all(limit).map_err(|e| end.broken_off(what, e))?;
            bytes.map(Some).ok_or_else(|| {
                let why = format!("it has more than {} MiB", limit >> 20);
                end.error(Class::Refused, what, why).hint("no real one is as large")
            })
        })
    }
}
