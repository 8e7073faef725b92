//! What registries have: their tags and, where that is wanted, what these stand for.

use super::at::ListedAt;
use super::held::HeldImage;
use super::listing::PlaceListing;
use super::request::{Depth, Request};
use super::unnamable::Unnamable;
use crate::places::registry::{Client, RegistryRepository};
use crate::storage::holdings::Holdings as _;
use crate::storage::store::ImageSource as _;
use crate::tools::parallel;
use crate::verbs::described::described;
use crate::verbs::inventory::{TaggedImages, tagged};
use crate::words::at::At;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Reference, Registry, Repository, Tag};

/// All of `registry`, or what lies below `path`, or is called so.
///
/// # Errors
/// When the registry does not show what it has.
pub(super) fn all(
    place: (&Registry, Option<&Repository>),
    mut listing: PlaceListing,
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<PlaceListing> {
    let TaggedImages { repositories, mut images, unread } =
        tagged(place, client, request.jobs.most, progress)?;
    let at = ListedAt::of(&listing.shown);
    for unread in unread {
        listing.lack(Unnamable { image: unread.image, at: at.clone(), reason: unread.reason })?;
    }
    images.retain(|(_, name)| !name.tag.as_ref().is_some_and(is_companion));
    look(listing, &images, &repositories, request, progress)
}

/// The one image `name`.
///
/// # Errors
/// When it is not there, or cannot be read.
pub(super) fn one(
    name: &Reference,
    listing: PlaceListing,
    request: &Request,
    client: &Client,
    progress: &dyn Progress,
) -> Result<PlaceListing> {
    let repositories = [client.itself(&name.registry, &name.repository)];
    repositories[0].resolve(name)?;
    look(listing, &[(At::nth(0), name.clone())], &repositories, request, progress)
}

/// Whether `tag` is that of a signature or the like, which belongs to another image and comes along with it
/// (distribution-spec, "Referrers Tag Schema"; cosign's have an ending).
fn is_companion(tag: &Tag) -> bool {
    let made = tag.as_str().strip_prefix("sha256-").and_then(|rest| rest.split_at_checked(64));
    made.is_some_and(|(hex, ending)| {
        Digest::from_hex(hex).is_ok() && (ending.is_empty() || ending.starts_with('.'))
    })
}

fn look(
    mut listing: PlaceListing,
    images: &[(At<RegistryRepository>, Reference)],
    repositories: &[RegistryRepository],
    request: &Request,
    progress: &dyn Progress,
) -> Result<PlaceListing> {
    let (depth, cancel) = (request.depth(), progress.handle());
    if depth > Depth::Names {
        let items = images.len() as u64;
        progress.event(Event::Phase { name: "reading manifests", bytes: 0, items });
    }
    let found = parallel::map(request.jobs.most, images, |(at, name)| {
        cancel.check()?;
        match ask(at.of(repositories), name, depth, &cancel) {
            Ok(held) => {
                held.digest
                    .into_iter()
                    .for_each(|digest| progress.event(Event::Finished { digest }));
                Ok(Ok(held))
            }
            Err(error) if is_of_image(&error) => Ok(Err(error)),
            Err(error) => Err(error),
        }
    })?;
    if depth > Depth::Names {
        progress.event(Event::Done);
    }
    for ((_, name), found) in images.iter().zip(found) {
        let at = ListedAt::of(&listing.shown);
        match found {
            Ok(held) => listing.add(HeldImage { at: vec![at], ..held })?,
            Err(error) => listing.lack(Unnamable::new(name.to_string(), at, &error))?,
        }
    }
    Ok(listing)
}

/// Whether `error` is one of an image, and not of the place or the person.
fn is_of_image(error: &Error) -> bool {
    matches!(error.class(), Class::Damaged | Class::Incomplete)
}

/// What is to be known of `name`.
fn ask(
    repository: &RegistryRepository,
    name: &Reference,
    depth: Depth,
    cancel: &Cancel,
) -> Result<HeldImage> {
    let held = HeldImage { is_pinned: false, ..HeldImage::named(name) };
    match depth {
        Depth::Names => Ok(held),
        Depth::Digests => {
            // Without the manifest itself, which some registries count.
            let found = match repository.published(name)? {
                Some(found) => found,
                None => repository.resolve(name)?.descriptor().clone(),
            };
            Ok(HeldImage { digest: Some(found.digest), ..held })
        }
        Depth::Contents => {
            let document = repository.resolve(name)?;
            let about = described(repository, &document, cancel)?;
            Ok(HeldImage {
                digest: Some(document.descriptor().digest),
                config: about.config,
                parts: about.parts,
                platforms: about.platforms,
                ..held
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_signatures_are_no_images() {
        let hex = "a".repeat(64);
        let is = |tag: &str| is_companion(&tag.parse().unwrap());

        assert!(is(&format!("sha256-{hex}")) && is(&format!("sha256-{hex}.sig")));
        assert!(!is(&format!("sha256-{hex}-debug")) && !is("sha256-abc") && !is("1.0"));
    }
}
