//! Looking for repositories: by the registry's own search where it has one, else in its catalog.
//!
//! There is no standard for this. Docker Hub answers docker's old search (`/v1/search`), which
//! Artifactory, Nexus and others speak as well; Quay and Harbor have one each; every other
//! registry may show the list of all its repositories (distribution-spec, "Listing Repositories",
//! an extension that many leave out).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::call::CallTarget;
use super::catalog::CatalogAnswer;
use super::client::Client;
use super::fault;
use super::http::Outgoing;
use super::http::answer::Answer;
use super::http::url::{Url, encode};
use super::lists::trail::{MAX_PAGES, Trail};
use super::session::Session;
use crate::words::error::{Class, Error, Result, Side};
use crate::words::phrase::phrase;
use crate::words::reference::{Registry, Repository};
use crate::words::remedy::Remedy;

/// Most entries that Docker Hub and Quay give a page.
const PAGE: usize = 100;
/// Where Docker Hub is searched, which is not where its images are.
const HUB_SEARCH: &str = "index.docker.io";
/// How much of a description is kept. Docker Hub's have at most 100 characters, Quay's are whole
/// pages of Markdown.
const MAX_DESCRIPTION: usize = 200;

/// How a registry was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SearchBy {
    /// Docker's search, as Docker Hub has it.
    Docker,
    /// Quay's.
    Quay,
    /// Harbor's.
    Harbor,
    /// The list of all repositories, of which those whose names contain the term were taken.
    Catalog,
}

/// A repository that was found. All text is the registry's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FoundRepository {
    /// `host/path`.
    pub name: String,
    /// What it says about itself; empty where the registry keeps no descriptions.
    pub description: String,
    /// How many users like it, where they can.
    pub stars: Option<u64>,
}

/// What a search gave.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hits {
    /// How it was done.
    pub by: SearchBy,
    /// What was found, in the registry's order.
    pub found: Vec<FoundRepository>,
    /// Whether there is more than was asked for.
    pub more: bool,
}

impl Hits {
    fn new(by: SearchBy) -> Hits {
        Hits { by, found: Vec::new(), more: false }
    }

    fn add(
        &mut self,
        session: &Session,
        path: &str,
        description: Option<&str>,
        stars: Option<u64>,
    ) {
        let one_line: Vec<&str> = description.unwrap_or_default().split_whitespace().collect();
        self.found.push(FoundRepository {
            name: format!("{}/{path}", session.end.registry),
            description: one_line.join(" ").chars().take(MAX_DESCRIPTION).collect(),
            stars,
        });
    }

    fn cut(mut self, limit: usize) -> Hits {
        self.more |= self.found.len() > limit;
        self.found.truncate(limit);
        self
    }
}

impl Client {
    /// The repositories of `registry` that `term` finds, at most `limit` of them. Asks this
    /// registry alone: for Docker Hub its search host, for every other one its own address.
    ///
    /// # Errors
    /// [`Class::Refused`] when the registry has no search and does not show its catalog.
    pub fn search(&self, registry: &Registry, term: &str, limit: usize) -> Result<Hits> {
        // Stands for the registry as a whole, where credentials are looked up by path.
        let whole: Repository = "sealift-search".parse()?;
        let session = self.repository(registry, &whole, Side::Source).0;
        let hits = match registry.as_str() {
            "docker.io" => {
                let no_host = || Error::new(Class::Other, "Docker Hub has no address");
                let hub = Url::of(true, HUB_SEARCH).ok_or_else(no_host)?;
                session.search_docker(&hub, term, limit)?
            }
            _ => session.search_own(term, limit)?,
        };
        match hits {
            Some(hits) => Ok(hits.cut(limit)),
            None => session.search_catalog(term, limit).map(|hits| hits.cut(limit)),
        }
    }
}

#[derive(Deserialize)]
struct DockerPage {
    results: Vec<DockerHit>,
    num_pages: Option<u64>,
}

#[derive(Deserialize)]
struct DockerHit {
    name: String,
    description: Option<String>,
    star_count: Option<u64>,
}

#[derive(Deserialize)]
struct QuayPage {
    results: Vec<QuayHit>,
    #[serde(default)]
    has_additional: bool,
}

#[derive(Deserialize)]
struct QuayHit {
    namespace: QuayNamespace,
    name: String,
    description: Option<String>,
    stars: Option<u64>,
}

#[derive(Deserialize)]
struct QuayNamespace {
    name: String,
}

#[derive(Deserialize)]
struct HarborAnswer {
    // `null` where there are none, as Go writes an empty list.
    repository: Option<Vec<HarborHit>>,
    // Tells Harbor's answer from others that have repositories.
    #[serde(rename = "project")]
    _project: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct HarborHit {
    repository_name: String,
}

impl Session {
    /// The searches that a registry can have at its own address; `None` when it has none.
    fn search_own(&self, term: &str, limit: usize) -> Result<Option<Hits>> {
        let base = self.base()?;
        if let Some(hits) = self.search_harbor(&base, term)? {
            return Ok(Some(hits));
        }
        if let Some(hits) = self.search_quay(&base, term, limit)? {
            return Ok(Some(hits));
        }
        self.search_docker(&base, term, limit)
    }

    /// `GET /v1/search` (Docker Registry HTTP API V1, "Search").
    fn search_docker(&self, base: &Url, term: &str, limit: usize) -> Result<Option<Hits>> {
        let mut hits = Hits::new(SearchBy::Docker);
        for number in 1..=pages(limit) {
            let path = format!("/v1/search?q={}&n={PAGE}&page={number}", encode(term));
            let Some(page): Option<DockerPage> = self.ask(base, &path, None)? else {
                return self.absent(number, &hits);
            };
            for hit in &page.results {
                // Docker Hub's own images come without their namespace.
                let official = base.host() == HUB_SEARCH && !hit.name.contains('/');
                let namespace = if official { "library/" } else { "" };
                let path = format!("{namespace}{}", hit.name);
                hits.add(self, &path, hit.description.as_deref(), hit.star_count);
            }
            hits.more = page.num_pages.is_some_and(|pages| pages > number);
            if page.results.is_empty() || !hits.more || hits.found.len() >= limit {
                break;
            }
        }
        Ok(Some(hits))
    }

    /// `GET /api/v1/find/repositories` (Quay API, "search").
    fn search_quay(&self, base: &Url, term: &str, limit: usize) -> Result<Option<Hits>> {
        let mut hits = Hits::new(SearchBy::Quay);
        for number in 1..=pages(limit) {
            let path = format!("/api/v1/find/repositories?query={}&page={number}", encode(term));
            let Some(page): Option<QuayPage> = self.ask(base, &path, None)? else {
                return self.absent(number, &hits);
            };
            for hit in &page.results {
                let path = format!("{}/{}", hit.namespace.name, hit.name);
                hits.add(self, &path, hit.description.as_deref(), hit.stars);
            }
            hits.more = page.has_additional;
            if page.results.is_empty() || !hits.more || hits.found.len() >= limit {
                break;
            }
        }
        Ok(Some(hits))
    }

    /// `GET /api/v2.0/search` (Harbor API). Once it is known to be Harbor, the user's own
    /// credentials are shown, because without them only public projects are searched.
    fn search_harbor(&self, base: &Url, term: &str) -> Result<Option<Hits>> {
        let path = format!("/api/v2.0/search?q={}", encode(term));
        let Some(public): Option<HarborAnswer> = self.ask(base, &path, None)? else {
            return Ok(None);
        };
        let own = match self.basic()? {
            Some(basic) => self.ask::<HarborAnswer>(base, &path, Some(basic.header()))?,
            None => None,
        };
        let mut hits = Hits::new(SearchBy::Harbor);
        for hit in own.unwrap_or(public).repository.unwrap_or_default() {
            hits.add(self, &hit.repository_name, None, None);
        }
        Ok(Some(hits))
    }

    /// A page after the first that is no answer any more ends the list.
    fn absent(&self, number: u64, hits: &Hits) -> Result<Option<Hits>> {
        Ok((number > 1).then(|| hits.clone()))
    }

    /// Everything in `_catalog` whose name contains `term`.
    fn search_catalog(&self, term: &str, limit: usize) -> Result<Hits> {
        let mut call = self.catalog_call()?;
        let mut hits = Hits::new(SearchBy::Catalog);
        let (term, mut trail) = (term.to_lowercase(), Trail::default());
        loop {
            let (names, next) = match self.catalog_page(&call, &mut trail)? {
                CatalogAnswer::Page(names, next) => (names, next),
                CatalogAnswer::Hidden(answer) => return Err(self.cannot_search(answer)),
            };
            for name in names.iter().filter(|name| name.to_lowercase().contains(&term)) {
                hits.add(self, name, None, None);
            }
            match next {
                Some(next) if hits.found.len() <= limit => call.target = CallTarget::Url(next),
                _ => return Ok(hits),
            }
        }
    }

    fn cannot_search(&self, answer: Answer) -> crate::words::error::Error {
        let status = answer.status;
        answer.discard();
        let why = format!("it has no search, and does not show what it holds (HTTP {status})");
        let error = self.end.error(Class::Refused, "cannot be searched", why);
        match status {
            401 | 403 => error.hint("log in as somebody who may see its catalog, or use its page"),
            _ => error.hint(phrase![
                "look at its web page; `",
                Remedy::Tags,
                "` lists a repository's tags"
            ]),
        }
    }

    /// The JSON under `path`; `None` when the answer is anything else. Follows no redirect, so
    /// that nobody but the registry is asked.
    fn ask<T: DeserializeOwned>(
        &self,
        base: &Url,
        path: &str,
        authorization: Option<&str>,
    ) -> Result<Option<T>> {
        let url = base.with_path(path);
        let own = base.host() != HUB_SEARCH;
        let what = "search";
        let retry = self.shared.settings.retry;
        retry.run(&*self.shared.progress, || {
            let headers = [("accept", "application/json".to_owned())];
            let mut answer = self.send(
                what,
                Outgoing { own, headers: &headers, authorization, ..Outgoing::get(&url) },
            )?;
            match answer.status {
                200 => {
                    let bytes = self.read_document(what, &mut answer)?;
                    Ok(serde_json::from_slice(&bytes).ok())
                }
                status if fault::is_transient(status) => Err(self.end.refusal(what, answer)),
                _ => {
                    answer.discard();
                    Ok(None)
                }
            }
        })
    }
}

/// How many pages are read for `limit` entries, should each page have a single one.
fn pages(limit: usize) -> u64 {
    limit.clamp(1, MAX_PAGES) as u64
}
