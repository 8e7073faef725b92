//! [`details`]: the newest tags of repositories that were found, and what the newest one is for and weighs.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;

use crate::places::registry::{Client, RegistryRepository, TagPages};
use crate::storage::store::ImageSource as _;
use crate::verbs::described::platform;
use crate::verbs::tags::natural;
use crate::words::digest::Digest;
use crate::words::document::{Document, Kind};
use crate::words::error::{Class, Error, Result, Side};
use crate::words::media::Role;
use crate::words::platform::Platform;
use crate::words::reference::{Reference, Tag};

/// Most requests of one search for details, of whatever many repositories.
pub const MAX_REQUESTS: u32 = 1_000;
/// Most pages of tags that are read of a repository: ten thousand tags are more than all but a few have.
const MAX_PAGES: usize = 10;
/// How many tags are shown.
const SHOWN: usize = 5;
/// Most platforms of which the size is asked for, each of which costs a request: those of an image that has
/// all that Go builds for.
const MAX_SIZED: usize = 16;

/// What is known of a repository.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct FoundDetails {
    /// `host/path`.
    pub name: String,
    /// How many tags it has.
    pub tag_count: u64,
    /// Whether it has more, which were not read.
    pub more_tags: bool,
    /// The newest tags by their versions, the newest first.
    pub newest: Vec<Tag>,
    /// What the newest one stands for.
    pub digest: Option<Digest>,
    /// What that runs on, and what it weighs.
    pub platforms: Vec<SizedPlatform>,
    /// Why that is not known.
    #[serde(serialize_with = "in_words")]
    pub error: Option<Error>,
}

/// An error as one text.
pub(super) fn in_words<S: serde::Serializer>(
    error: &Option<Error>,
    to: S,
) -> Result<S::Ok, S::Error> {
    error.as_ref().map(ToString::to_string).serialize(to)
}

/// What an image weighs on a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SizedPlatform {
    /// The platform; nothing of what is no image to run.
    pub platform: Option<Platform>,
    /// Bytes of its layers as they are moved, compressed; nothing where nobody was asked.
    pub bytes: Option<u64>,
}

/// How many requests may still be made.
#[derive(Debug)]
pub(super) struct Requests {
    left: AtomicU32,
}

impl Requests {
    pub(super) fn new() -> Requests {
        Requests { left: AtomicU32::new(MAX_REQUESTS) }
    }

    /// How many were made.
    pub(super) fn made(&self) -> u32 {
        MAX_REQUESTS - self.left.load(Ordering::Relaxed)
    }

    /// Makes one more.
    fn make(&self) -> Result<()> {
        let less = |left: u32| left.checked_sub(1);
        let made = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        made.map(|_| ()).map_err(|_| {
            Error::new(Class::Refused, format!("more than {MAX_REQUESTS} requests would be made"))
                .hint("ask for fewer repositories")
        })
    }
}

/// What is known of the repository `name`, which is a reason where that is nothing.
///
/// # Errors
/// Only a stop that was asked for.
pub(super) fn details(name: &str, client: &Client, requests: &Requests) -> Result<FoundDetails> {
    client.check()?;
    let mut found = FoundDetails {
        name: name.to_owned(),
        tag_count: 0,
        more_tags: false,
        newest: Vec::new(),
        digest: None,
        platforms: Vec::new(),
        error: None,
    };
    match look(&mut found, client, requests) {
        Err(error) if error.class() == Class::Interrupted => Err(error),
        looked => Ok(FoundDetails { error: looked.err(), ..found }),
    }
}

fn look(found: &mut FoundDetails, client: &Client, requests: &Requests) -> Result<()> {
    let name: Reference = found.name.parse()?;
    let repository = client.repository(&name.registry, &name.repository, Side::Source);
    requests.make()?;
    let TagPages { tags, more } = repository.first_tags(MAX_PAGES, &mut || requests.make())?;
    (found.tag_count, found.more_tags) = (tags.len() as u64, more);
    found.newest = newest(tags);
    let Some(tag) = found.newest.first() else { return Ok(()) };
    requests.make()?;
    let document = repository.resolve(&name.with_tag(tag.clone()))?;
    found.digest = Some(document.descriptor().digest);
    // Docker Hub counts each manifest as a pull.
    let most = if name.registry.as_str() == "docker.io" { 1 } else { MAX_SIZED };
    found.platforms = sized(&repository, &document, most, client, requests)?;
    Ok(())
}

/// What `document` runs on, with the sizes of `most` platforms.
fn sized(
    repository: &RegistryRepository,
    document: &Document,
    most: usize,
    client: &Client,
    requests: &Requests,
) -> Result<Vec<SizedPlatform>> {
    let Kind::Index { manifests } = document.kind() else {
        let platform = match document.kind() {
            Kind::Manifest { config: Some(config), .. }
                if config.media_type.role() == Role::Config =>
            {
                requests.make()?;
                platform(repository, config, &client.handle())?
            }
            _ => None,
        };
        return Ok(vec![SizedPlatform { platform, bytes: Some(weight(document)) }]);
    };
    let is_attestation =
        |it: &Option<Box<Platform>>| it.as_deref().is_some_and(Platform::is_unknown);
    let mut entries: Vec<_> =
        manifests.iter().filter(|entry| !is_attestation(&entry.platform)).collect();
    // What most people run comes first, as only the first ones may have sizes.
    entries.sort_by_key(|entry| {
        let platform = entry.platform.as_deref();
        let is_usual = platform.is_some_and(|it| it.os == "linux" && it.architecture == "amd64");
        !is_usual
    });
    let mut all = Vec::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let bytes = match at < most && entry.is_document() {
            true => {
                requests.make()?;
                let below = repository.document(entry)?;
                Some(weight(&below)).filter(|_| matches!(below.kind(), Kind::Manifest { .. }))
            }
            false => None,
        };
        all.push(SizedPlatform { platform: entry.platform.as_deref().cloned(), bytes });
    }
    Ok(all)
}

/// The bytes that a manifest names.
fn weight(document: &Document) -> u64 {
    document.children().iter().map(|child| child.size).fold(0, u64::saturating_add)
}

/// The newest of `tags` by their versions: plain ones with a dot (`1.27.3`) before those without (`20240101`),
/// and both before those with more (`1.27-alpine`) and names (`latest`). Tags of signatures are none.
fn newest(mut tags: Vec<Tag>) -> Vec<Tag> {
    tags.retain(|tag| !tag.as_str().starts_with("sha256-"));
    let kind = |tag: &Tag| {
        let text = tag.as_str();
        let text = text.strip_prefix('v').unwrap_or(text);
        let is_version = text.starts_with(|c: char| c.is_ascii_digit());
        let is_plain = text.bytes().all(|c| c.is_ascii_digit() || c == b'.');
        match (is_version, is_plain, text.contains('.')) {
            (true, true, true) => 0,
            (true, true, false) => 1,
            (true, false, _) => 2,
            (false, ..) => 3,
        }
    };
    tags.sort_by(|a, b| {
        let by_version = || natural(b.as_str(), a.as_str());
        kind(a).cmp(&kind(b)).then_with(by_version).then(Reverse(a).cmp(&Reverse(b)))
    });
    tags.dedup();
    tags.truncate(SHOWN);
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_tags_are_those_of_the_highest_versions() {
        let newest = |tags: &[&str]| -> Vec<String> {
            let tags = tags.iter().map(|tag| tag.parse().unwrap()).collect();
            super::newest(tags).iter().map(ToString::to_string).collect()
        };
        let signature = format!("sha256-{}.sig", "a".repeat(64));

        assert_eq!(
            newest(&[
                "3.9", "3.20.3", "20240923", "edge", "3.20", "latest", "3.20-rc1", &signature
            ]),
            ["3.20.3", "3.20", "3.9", "20240923", "3.20-rc1"]
        );
        assert_eq!(newest(&["v1.9", "v1.10", "main"]), ["v1.10", "v1.9", "main"]);
        assert_eq!(newest(&["latest", "dev"]), ["latest", "dev"]);
        assert!(newest(&[]).is_empty());
    }

    #[test]
    fn requests_come_to_an_end() {
        let requests = Requests::new();
        (0..MAX_REQUESTS).for_each(|_| requests.make().unwrap());

        assert_eq!(requests.make().unwrap_err().class(), Class::Refused);
        assert_eq!(requests.made(), MAX_REQUESTS);
    }
}
