//! What engines hold, as far as they tell.

use std::collections::{BTreeMap, BTreeSet};

use super::at::ListedAt;
use super::held::HeldImage;
use super::listing::PlaceListing;
use crate::places::engine::content::ContentStore;
use crate::places::engine::{Driver, Engine};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::Progress;
use crate::words::reference::Reference;

/// All images of `engine`.
///
/// # Errors
/// When it cannot be asked.
pub(super) fn all(
    engine: &Engine,
    listing: PlaceListing,
    progress: &dyn Progress,
) -> Result<PlaceListing> {
    let driver = Driver::new(engine.clone(), progress.handle());
    match engine {
        Engine::Containerd { .. } => of_content_store(&driver, listing),
        Engine::Podman { .. } | Engine::Docker => of_stock(&driver, listing),
    }
}

/// The image that `engine` has under `name`.
///
/// # Errors
/// When it cannot be asked, or has none.
pub(super) fn one(
    engine: &Engine,
    name: &str,
    listing: PlaceListing,
    progress: &dyn Progress,
) -> Result<PlaceListing> {
    let name: Reference = name.parse()?;
    let mut all = all(engine, listing, progress)?;
    let is_it = |held: &HeldImage| match name.digest {
        Some(digest) => held.digest == Some(digest),
        None => held.name.as_ref() == Some(&name),
    };
    all.images.retain(|_, held| is_it(held));
    match all.images.is_empty() {
        false => Ok(all),
        true => Err(Error::new(Class::Incomplete, format!("{engine} has no image {name}"))
            .hint(format!("name {engine} alone to see what it has"))),
    }
}

/// What `driver` has under `name`, as an export takes it from there.
fn at(driver: &Driver, name: Option<&Reference>) -> Vec<ListedAt> {
    let is_source = !matches!(driver.engine(), Engine::Containerd { agent: Some(_), .. });
    let source = name.filter(|_| is_source).map(|name| format!("{driver}{name}"));
    vec![ListedAt { source, ..ListedAt::of(driver) }]
}

/// Those of podman and docker, which keep no manifests, but know some of their digests.
fn of_stock(driver: &Driver, mut listing: PlaceListing) -> Result<PlaceListing> {
    for image in driver.all()? {
        if image.names.is_empty() {
            let at = at(driver, None);
            listing.add(HeldImage { config: image.config, at, ..HeldImage::default() })?;
        }
        for (name, digest) in image.names {
            let at = at(driver, Some(&name));
            let held = HeldImage {
                digest,
                config: image.config,
                at,
                is_pinned: false,
                ..HeldImage::named(&name)
            };
            listing.add(held)?;
        }
    }
    Ok(listing)
}

/// Those of containerd. Kubernetes has it keep each under its tag, under its digest, and under the digest of
/// its config.
fn of_content_store(driver: &Driver, mut listing: PlaceListing) -> Result<PlaceListing> {
    let all = ContentStore::new(driver.clone()).all()?;
    let (mut configs, mut named) = (BTreeMap::<Digest, Digest>::new(), BTreeSet::new());
    let mut names = Vec::new();
    for (text, digest) in &all {
        match (text.parse::<Digest>(), text.parse::<Reference>()) {
            (Ok(config), _) => {
                configs.insert(*digest, config);
            }
            (_, Ok(name)) => {
                named.insert(*digest);
                names.push((name, *digest));
            }
            _ => {}
        }
    }
    for (name, digest) in names {
        let (config, at) = (configs.get(&digest).copied(), at(driver, Some(&name)));
        let held = HeldImage { config, at, is_pinned: false, ..HeldImage::named(&name) };
        listing.add(HeldImage { digest: Some(digest), ..held })?;
    }
    for (_, digest) in all.iter().filter(|(_, digest)| !named.contains(digest)) {
        let (config, at) = (configs.get(digest).copied(), at(driver, None));
        listing.add(HeldImage { digest: Some(*digest), config, at, ..HeldImage::default() })?;
    }
    Ok(listing.without_twins())
}
