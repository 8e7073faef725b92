//! `search`: repositories by a part of their names, at the registries that can tell.

mod details;

use serde::Serialize;

pub use self::details::{FoundDetails, MAX_REQUESTS, SizedPlatform};
use self::details::{Requests, details, in_words};
use crate::places::registry::{Client, FoundRepository, SearchBy};
use crate::tools::pace::Jobs;
use crate::tools::parallel;
use crate::words::error::{Error, Result};
use crate::words::reference::Registry;

/// What to look for, and where.
#[derive(Debug)]
#[non_exhaustive]
pub struct Request {
    /// What the names have to do with; what that means is the registry's choice.
    pub term: String,
    /// The registries. No other one is asked.
    pub registries: Vec<Registry>,
    /// How many repositories are taken from each.
    pub limit: usize,
    /// Whether each of them is asked for its newest tags, and what the newest is.
    pub details: bool,
    /// Repositories asked at a time.
    pub jobs: Jobs,
}

impl Request {
    /// Looks for `term` at `registries`, and takes 25 repositories from each. The fields say
    /// otherwise.
    #[must_use]
    pub fn new(term: impl Into<String>, registries: Vec<Registry>) -> Request {
        let (term, jobs) = (term.into(), Jobs::default());
        Request { term, registries, limit: 25, details: false, jobs }
    }
}

/// What one registry gave.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Searched {
    /// The registry.
    pub registry: Registry,
    /// How it was searched; nothing where it could not be.
    pub searched_by: Option<SearchBy>,
    /// What was found, in the registry's order.
    pub repositories: Vec<FoundRepository>,
    /// Whether there is more.
    pub more: bool,
    /// What is known of each, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Vec<FoundDetails>>,
    /// Why it could not be searched.
    #[serde(serialize_with = "in_words")]
    pub error: Option<Error>,
}

/// What all of them gave.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Answers {
    /// What was looked for.
    pub term: String,
    /// Registry by registry, in the order asked for.
    pub registries: Vec<Searched>,
    /// How many requests the details took, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

/// Searches as `request` says. A registry that cannot be searched does not keep the others from
/// it: the outcome says of each what came of it.
///
/// # Errors
/// Only a stop that was asked for.
pub fn search(request: &Request, client: &Client) -> Result<Answers> {
    // 1. What does each registry find?
    let mut registries = Vec::new();
    for registry in &request.registries {
        client.check()?;
        let (hits, error) = match client.search(registry, &request.term, request.limit) {
            Ok(hits) => (Some(hits), None),
            Err(error) => (None, Some(error)),
        };
        registries.push(Searched {
            registry: registry.clone(),
            searched_by: hits.as_ref().map(|hits| hits.by),
            more: hits.as_ref().is_some_and(|hits| hits.more),
            repositories: hits.map(|hits| hits.found).unwrap_or_default(),
            details: None,
            error,
        });
    }

    // 2. What is each of that?
    let requests = Requests::new();
    for searched in registries.iter_mut().filter(|_| request.details) {
        let of = |found: &FoundRepository| details(&found.name, client, &requests);
        searched.details = Some(parallel::map(request.jobs.most, &searched.repositories, of)?);
    }
    let requests = request.details.then(|| u64::from(requests.made()));
    Ok(Answers { term: request.term.clone(), registries, requests })
}
