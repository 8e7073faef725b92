//! [`check`]: whether the names of a lock still stand for what it says, and whether that is still there.

use super::old_lock;
use super::report::{LockChanges, LockChecked, MovedImage, foreign};
use super::request::CheckRequest;
use crate::lists::LockedImage;
use crate::places::location::Source;
use crate::places::registry::{Client, RegistryRepository};
use crate::storage::holdings::{Held, Holdings as _};
use crate::storage::store::ImageSource as _;
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Side};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;

/// What became of a locked image.
enum Fate {
    Same,
    /// Its tag stands for another digest, or is gone; what is locked is there.
    Moved(Option<Digest>),
    Gone,
}

/// Asks the registries whether all is as `request` has it locked. Tags are asked for by `HEAD`, which
/// registries that count pulls do not count; nothing is written.
///
/// # Errors
/// Where the lock cannot be read, or a registry cannot be asked. What is not as it was locked is none:
/// [`LockChecked::failure`] is.
pub fn check(
    request: &CheckRequest,
    client: &Client,
    progress: &dyn Progress,
) -> Result<LockChecked> {
    // 1. What is locked?
    let there = old_lock::existing(&request.lock)?;
    let lock = there.read()?;

    // 2. What became of it?
    let items = lock.images.len() as u64;
    progress.event(Event::Phase { name: "checking a lock", bytes: 0, items });
    let fates = parallel::map(request.jobs.most, &lock.images, |image| {
        let fate = fate(image, client).map_err(|e| match image.asked.is_empty() {
            true => e,
            false => e.context(image.askers()),
        })?;
        progress.event(Event::Finished { digest: image.digest });
        Ok(fate)
    })?;
    progress.event(Event::Done);

    // 3. What do the lists ask for that it does not have?
    let mut changes = match &request.images {
        None => LockChanges::default(),
        Some(images) => {
            let wrong = images.iter().filter_map(foreign).collect();
            let summary = |count| (Class::Usage, format!("{count} of the images cannot be locked"));
            Error::all(wrong, summary).map_or(Ok(()), Err)?;
            let names: Vec<Reference> =
                images.iter().filter_map(|meant| name(&meant.image)).collect();
            LockChanges::of_names(&lock, names.iter())
        }
    };
    let (images, mut gone) = (lock.images.len(), Vec::new());
    for (image, fate) in lock.images.into_iter().zip(fates) {
        match fate {
            Fate::Same => {}
            Fate::Gone => gone.push(image),
            Fate::Moved(after) => changes.moved.push(MovedImage {
                name: image.name,
                before: image.digest,
                after,
                asked: image.asked,
            }),
        }
    }
    let ok = changes.is_none() && gone.is_empty();
    Ok(LockChecked { ok, lock: request.lock.clone(), digest: there.digest, images, changes, gone })
}

/// The name of an image of a registry, as a lock has it.
fn name(image: &Source) -> Option<Reference> {
    match image {
        Source::Registry(name) => Some(name.kept()),
        _ => None,
    }
}

fn fate(image: &LockedImage, client: &Client) -> Result<Fate> {
    let name = &image.name;
    let repository = client.repository(&name.registry, &name.repository, Side::Source);
    let mut now = Some(image.digest);
    if name.tag.is_some() && !image.pinned {
        now = stands_for(&repository, name)?;
        if now == Some(image.digest) {
            return Ok(Fate::Same);
        }
    }
    let exact = Reference { tag: None, ..image.exact() };
    Ok(match stands_for(&repository, &exact)? {
        None => Fate::Gone,
        Some(_) if now == Some(image.digest) => Fate::Same,
        Some(_) => Fate::Moved(now),
    })
}

/// What `name` stands for in `repository`. What its registry does not say, or not have, one that stands in
/// for it may.
fn stands_for(repository: &RegistryRepository, name: &Reference) -> Result<Option<Digest>> {
    match repository.held(name) {
        Ok(Held::Known(digest) | Held::Withheld(Some(digest))) => return Ok(Some(digest)),
        Err(error) if error.class() == Class::Interrupted => return Err(error),
        _ => {}
    }
    match repository.resolve(name) {
        Ok(document) => Ok(Some(document.descriptor().digest)),
        Err(error) if error.class() == Class::Incomplete => Ok(None),
        Err(error) => Err(error.on_unless_noted(Side::Source)),
    }
}
