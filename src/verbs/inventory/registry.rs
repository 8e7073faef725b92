//! What a registry holds: its repositories, their tags, and what these stand for.

use super::found::{Found, KeepGoing};
use super::walk::Walk;
use crate::bundle::receipt::Unread;
use crate::places::registry::{Client, RegistryRepository};
use crate::tools::parallel;
use crate::words::at::At;
use crate::words::error::{Class, Error, Result, Side};
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Reference, Registry, Repository, Tag};

/// The tags of the repositories of a registry.
pub(in crate::verbs) struct TaggedImages {
    /// The repositories.
    pub(in crate::verbs) repositories: Vec<RegistryRepository>,
    /// Each tag, with its repository.
    pub(in crate::verbs) images: Vec<(At<RegistryRepository>, Reference)>,
    /// The repositories that cannot be read.
    pub(in crate::verbs) unread: Vec<Unread>,
}

/// The tags of all of `registry`, or of what lies below `path`, or is called so.
///
/// # Errors
/// When the registry does not show what it has, or any of it cannot be read.
pub(super) fn tagged(
    (registry, path): (&Registry, Option<&Repository>),
    client: &Client,
    jobs: usize,
    keep_going: KeepGoing,
    progress: &dyn Progress,
) -> Result<TaggedImages> {
    let shown = client.repositories(registry, path)?;
    let is_hidden = shown.is_none();
    let names = match (shown, path) {
        (Some(names), _) => names,
        (None, Some(path)) => {
            progress.event(Event::note(format!(
                "{registry} does not show which repositories it has; what lies below {path} is not \
                 looked at"
            )));
            vec![path.clone()]
        }
        (None, None) => return Err(hidden(registry)),
    };
    let repositories: Vec<RegistryRepository> =
        names.iter().map(|name| client.itself(registry, name)).collect();
    let items = repositories.len() as u64;
    progress.event(Event::Phase { name: "listing tags", bytes: 0, items });
    let tags = parallel::map(jobs, &repositories, |repository| tags(repository, keep_going))?;
    progress.event(Event::Done);
    let (mut images, mut unread): (Vec<(At<RegistryRepository>, Reference)>, _) =
        Default::default();
    for (at, (name, tags)) in names.iter().zip(tags).enumerate() {
        match tags {
            Ok(tags) => images.extend(tags.into_iter().map(|tag| {
                let (registry, repository) = (registry.clone(), name.clone());
                let name = Reference { registry, repository, tag: Some(tag), digest: None };
                (At::nth(at), name)
            })),
            Err(one) => Vec::push(&mut unread, one),
        }
    }
    if let (true, Some(path)) = (images.is_empty() && unread.is_empty(), path) {
        if is_hidden {
            return Err(hidden(registry));
        }
        let text = format!("registry {registry} has no image in {path}, nor below");
        return Err(Error::new(Class::Incomplete, text).hint("see whether the path is right"));
    }
    Ok(TaggedImages { repositories, images, unread })
}

/// All of `registry`, or what lies below `path`, or is called so.
///
/// # Errors
/// As [`tagged`]; when any manifest cannot be read.
pub(super) fn all(
    place: (&Registry, Option<&Repository>),
    client: &Client,
    jobs: usize,
    keep_going: KeepGoing,
    progress: &dyn Progress,
) -> Result<Found> {
    let TaggedImages { repositories, images, unread } =
        tagged(place, client, jobs, keep_going, progress)?;
    let count = Some(repositories.len() as u64);
    let found = Found { repositories: count, unread, ..Found::default() };
    read(images, &repositories, found, (jobs, keep_going), progress)
}

/// That nobody can tell what is in `registry`.
fn hidden(registry: &Registry) -> Error {
    let text = format!("registry {registry} does not show which repositories it has");
    Error::new(Class::Refused, text).on(Side::Source).hint(
        "log in as somebody who may see its catalog (at a Harbor: list repositories), or name its \
         repositories one by one",
    )
}

/// The one image `name`.
///
/// # Errors
/// When it cannot be read.
pub(super) fn one(name: &Reference, client: &Client, progress: &dyn Progress) -> Result<Found> {
    let repositories = [client.itself(&name.registry, &name.repository)];
    let images = vec![(At::nth(0), name.clone())];
    read(images, &repositories, Found::default(), (1, KeepGoing(false)), progress)
}

/// The tags of `repository`. Registries go on listing a repository whose last tag was removed.
fn tags(
    repository: &RegistryRepository,
    keep_going: KeepGoing,
) -> Result<std::result::Result<Vec<Tag>, Unread>> {
    match repository.tags() {
        Ok(tags) => Ok(Ok(tags)),
        Err(error) if error.class() == Class::Incomplete => Ok(Ok(Vec::new())),
        Err(error) => keep_going.pass(&repository.to_string(), error).map(Err),
    }
}

/// Reads `images` of `repositories`.
fn read(
    images: Vec<(At<RegistryRepository>, Reference)>,
    repositories: &[RegistryRepository],
    mut found: Found,
    (jobs, keep_going): (usize, KeepGoing),
    progress: &dyn Progress,
) -> Result<Found> {
    let items = images.len() as u64;
    progress.event(Event::Phase { name: "reading manifests", bytes: 0, items });
    let walk = Walk::new(progress);
    let unread = parallel::map(jobs, &images, |(at, name)| {
        let repository = at.of(repositories);
        let refers = |subject: &_| repository.listed_referrers(subject);
        match walk.image(repository, name, &name.kept(), &refers) {
            Ok(()) => Ok(None),
            Err(error) => keep_going.pass(&name.to_string(), error).map(Some),
        }
    })?;
    progress.event(Event::Done);
    found.unread.extend(unread.into_iter().flatten());
    (found.content, found.parts) = walk.finish();
    found.checked()
}
