//! Which repositories a registry has: from its catalog (distribution-spec, "Listing Repositories", an
//! extension), from Harbor's own API, which shows its catalog to administrators alone.

use serde::Deserialize;
use ureq::http::Method;

use super::call::{Call, CallTarget};
use super::client::Client;
use super::http::answer::Answer;
use super::http::url::Url;
use super::lists::trail::Trail;
use super::session::Session;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Registry, Repository};

/// Most repositories that are taken of one registry: ten times as many as large sites have.
const MAX_REPOSITORIES: usize = 200_000;
/// Stands for the registry as a whole, where credentials are looked up by path.
const WHOLE: &str = "sealift/catalog";

/// A page of the catalog.
#[derive(Deserialize)]
struct CatalogPage {
    // `null` where there are none, as Go writes an empty list.
    repositories: Option<Vec<String>>,
}

/// What came of asking for a page of the catalog.
pub(super) enum CatalogAnswer {
    /// The names on it, and where the next one is.
    Page(Vec<String>, Option<Url>),
    /// It is not shown.
    Hidden(Answer),
}

impl Client {
    /// The repositories of `registry`, or those alone that are `below` a path or have it as their
    /// name, in order. `None` where the registry does not show which it has.
    ///
    /// # Errors
    /// When the registry cannot be reached; [`Class::Refused`] when it does not take the
    /// credentials; [`Class::Damaged`] for a list that does not end, or of what are no names.
    pub fn repositories(
        &self,
        registry: &Registry,
        below: Option<&Repository>,
    ) -> Result<Option<Vec<Repository>>> {
        let inside = match below {
            Some(below) => format!("{below}/catalog").parse()?,
            None => WHOLE.parse()?,
        };
        let session = self.itself(registry, &inside).0;
        let names = match session.project()? {
            Some(project) => project.repositories(below.is_some(), MAX_REPOSITORIES)?,
            None => session.catalog()?,
        };
        let Some(names) = names else { return Ok(None) };
        let is_below = |name: &String| match below.map(Repository::as_str) {
            None => true,
            Some(path) => {
                name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        };
        let odd = |name: &str, e: Error| {
            let why = format!("{name:?} is no name of a repository: {e}");
            session.end.error(Class::Damaged, "list of all repositories", why)
        };
        let names = names.iter().filter(|name| is_below(name));
        let parsed = names.map(|name| name.parse::<Repository>().map_err(|e| odd(name, e)));
        let mut repositories = parsed.collect::<Result<Vec<Repository>>>()?;
        repositories.sort();
        repositories.dedup();
        Ok(Some(repositories))
    }
}

impl Session {
    /// All names in the catalog; `None` where it is not shown.
    fn catalog(&self) -> Result<Option<Vec<String>>> {
        let mut call = self.catalog_call()?;
        let (mut names, mut trail) = (Vec::new(), Trail::default());
        loop {
            match self.catalog_page(&call, &mut trail)? {
                CatalogAnswer::Hidden(answer) if matches!(answer.status, 401 | 403 | 404 | 405) => {
                    answer.discard();
                    return Ok(None);
                }
                CatalogAnswer::Hidden(answer) => return Err(self.end.refusal(&call.what, answer)),
                CatalogAnswer::Page(more, next) => {
                    names.extend(more);
                    if names.len() > MAX_REPOSITORIES {
                        let why = format!("more than {MAX_REPOSITORIES} repositories");
                        let error = self.end.error(Class::Damaged, &call.what, why);
                        return Err(error.hint("name the paths below which they are, one by one"));
                    }
                    match next {
                        Some(next) => call.target = CallTarget::Url(next),
                        None => return Ok(Some(names)),
                    }
                }
            }
        }
    }

    /// The call for the first page of the catalog.
    pub(super) fn catalog_call(&self) -> Result<Call<'static>> {
        let target = CallTarget::Url(self.base()?.with_path("/v2/_catalog?n=1000"));
        let scopes = vec!["registry:catalog:*".to_owned()];
        let what = "list of all repositories".to_owned();
        Ok(Call { method: Method::GET, target, headers: Vec::new(), body: None, scopes, what })
    }

    /// The page that `call` asks for.
    pub(super) fn catalog_page(&self, call: &Call<'_>, trail: &mut Trail) -> Result<CatalogAnswer> {
        let mut answer = self.call(call)?;
        if answer.status != 200 {
            return Ok(CatalogAnswer::Hidden(answer));
        }
        let bytes = self.read_document(&call.what, &mut answer)?;
        let Ok(CatalogPage { repositories: Some(names) }) = serde_json::from_slice(&bytes) else {
            return Ok(CatalogAnswer::Hidden(answer));
        };
        let next = self.next_page(&call.what, &answer, (&bytes, names.len()), trail)?;
        Ok(CatalogAnswer::Page(names, next))
    }
}
