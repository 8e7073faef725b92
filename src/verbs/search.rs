//! `search`: repositories by a part of their names, at the registries that can tell.

use serde::Serialize;

use crate::places::registry::{Client, FoundRepository, SearchBy};
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
}

impl Request {
    /// Looks for `term` at `registries`, and takes 25 repositories from each. The fields say
    /// otherwise.
    #[must_use]
    pub fn new(term: impl Into<String>, registries: Vec<Registry>) -> Request {
        Request { term: term.into(), registries, limit: 25 }
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
    /// Why it could not be searched.
    #[serde(serialize_with = "in_words")]
    pub error: Option<Error>,
}

fn in_words<S: serde::Serializer>(error: &Option<Error>, to: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(ToString::to_string).serialize(to)
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
}

/// Searches as `request` says. A registry that cannot be searched does not keep the others from
/// it: the outcome says of each what came of it.
///
/// # Errors
/// Only a stop that was asked for.
pub fn search(request: &Request, client: &Client) -> Result<Answers> {
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
            error,
        });
    }
    Ok(Answers { term: request.term.clone(), registries })
}
