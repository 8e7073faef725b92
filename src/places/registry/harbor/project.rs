//! [`Project`]: a project of a Harbor, and how Harbor's own API is asked about it.

use serde::de::DeserializeOwned;
use ureq::http::Method;

use crate::places::registry::call::{Call, CallTarget};
use crate::places::registry::fault;
use crate::places::registry::http::answer::Answer;
use crate::places::registry::http::url::encode;
use crate::places::registry::session::Session;
use crate::words::error::{Class, Error, Result};

/// Largest answer of the API that is read. A page of a hundred tags has some 30 KiB, the
/// permissions of an administrator 10 KiB.
const MAX_BODY: u64 = 1 << 20;

/// A project of a Harbor, seen with the credentials for one of its repositories.
#[derive(Debug, Clone)]
pub struct Project {
    pub(super) session: Session,
    pub(super) name: String,
}

impl Project {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This repository below the API.
    pub(super) fn within(&self) -> String {
        let repository = self.session.repository.as_str();
        let within = repository.split_once('/').map_or(repository, |(_, rest)| rest);
        // Twice, as the API's description asks: Harbor's router decodes once by itself.
        let within = encode_component(&encode_component(within));
        format!("/projects/{}/repositories/{within}", self.name)
    }

    /// The parsed answer to a GET; `None` when it is refused or not there: what Harbor does not
    /// tell is unknown, and no fault.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        let mut answer = self.ask(Method::GET, path)?;
        if answer.status != 200 {
            answer.discard();
            return Ok(None);
        }
        let end = &self.session.end;
        let body = answer.read_all(MAX_BODY).map_err(|e| end.broken_off("Harbor's API", e))?;
        let body = body.ok_or_else(|| end.too_much("Harbor's API", MAX_BODY))?;
        // A proxy that keeps the API away may answer with a page of its own.
        Ok(serde_json::from_slice(&body).ok())
    }

    /// The answer to a question about the project.
    pub(super) fn ask(&self, method: Method, path: &str) -> Result<Answer> {
        // Without it, a project whose name is a number would be looked up as an id.
        let headers = vec![("x-is-resource-name", "true".to_owned())];
        let what = format!("project {}", self.name);
        self.send(&self.call(method, path, what, headers, None)?)
    }

    /// A request to the API.
    pub(super) fn call<'b>(
        &self,
        method: Method,
        path: &str,
        what: String,
        headers: Vec<(&'static str, String)>,
        body: Option<&'b [u8]>,
    ) -> Result<Call<'b>> {
        let base = self.session.base()?;
        let url = base.with_path(&format!("/api/v2.0{path}"));
        Ok(Call { method, target: CallTarget::Url(url), headers, body, scopes: Vec::new(), what })
    }

    /// Sends `call` with name and password, again where that may help. The API takes no bearer
    /// tokens, so a session without a password asks as nobody.
    pub(super) fn send(&self, call: &Call<'_>) -> Result<Answer> {
        let session = &self.session;
        let CallTarget::Url(url) = &call.target else {
            return Err(Error::new(Class::Other, "an API call without an address"));
        };
        let (base, basic) = (session.base()?, session.basic()?);
        session.shared.settings.retry.run(&*session.shared.progress, || {
            let answer = session.follow(call, &base, url, basic.as_ref())?;
            match fault::is_transient(answer.status) {
                true => Err(session.end.refusal(&call.what, answer)),
                false => Ok(answer),
            }
        })
    }
}

/// Percent-encodes one component of a path, slashes and all.
fn encode_component(text: &str) -> String {
    encode(text).replace('/', "%2F").replace(':', "%3A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_are_encoded_twice() {
        let twice = |text: &str| encode_component(&encode_component(text));

        assert_eq!(twice("library/alpine"), "library%252Falpine");
        assert_eq!(twice("a.b_c-d"), "a.b_c-d");
    }
}
