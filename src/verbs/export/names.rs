//! Which images of an opened place are meant, and what they are called.

use std::collections::BTreeSet;
use std::fmt;

use crate::places::docker_archive::DockerArchive;
use crate::places::layout::Images;
use crate::places::location::Pick;
use crate::storage::store::ImageSource;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// The images of a place that are meant.
pub(super) enum Names {
    /// Those that were named.
    Chosen(Vec<Reference>),
    /// All that it has.
    All(Images),
}

/// The images of an archive that are meant; all without `pick`.
pub(super) fn picked(archive: &DockerArchive, pick: Option<&Pick>) -> Result<Names> {
    Ok(Names::Chosen(match pick {
        None => return some(archive, archive.images()),
        Some(Pick::Name(name)) => vec![archive.named(name)?.clone()],
        Some(Pick::Digest(digest)) => vec![archive.with_digest(*digest)?],
        Some(Pick::Index(place)) => archive.at(*place)?,
    }))
}

/// All `images` of `place`, where there are any.
fn some(place: &dyn fmt::Display, images: Images) -> Result<Names> {
    match images.names.is_empty() && images.unreadable.is_empty() {
        true => Err(Error::new(Class::Incomplete, format!("{place} has no images"))),
        false => Ok(Names::All(images)),
    }
}

/// `names` of `source`, where the one image that they stand for is to be `called` otherwise: by its
/// digest with another tag.
pub(super) fn renamed<S: ImageSource + fmt::Display>(
    source: &S,
    names: Names,
    called: Option<&Reference>,
) -> Result<Names> {
    let Some(called) = called else {
        return match names {
            Names::All(images) => some(source, images),
            chosen @ Names::Chosen(_) => Ok(chosen),
        };
    };
    let (names, lost) = match names {
        Names::All(images) => (images.names, images.unreadable),
        Names::Chosen(names) => (names, Vec::new()),
    };
    if let Some(lost) = lost.into_iter().next() {
        return Err(lost.error);
    }
    let mut digests = BTreeSet::new();
    for name in &names {
        digests.insert(source.resolve(name)?.descriptor().digest);
    }
    let mut digests = digests.into_iter();
    match (digests.next(), digests.next()) {
        (Some(digest), None) if called.digest.is_none_or(|wanted| wanted == digest) => {
            Ok(Names::Chosen(vec![Reference { digest: Some(digest), ..called.clone() }]))
        }
        (Some(digest), None) => {
            let text = format!("{source} holds {digest}, and was to be called {called}");
            Err(Error::new(Class::Usage, text).hint("give it a name with a tag"))
        }
        (None, _) => Err(Error::new(Class::Incomplete, format!("{source} has no images"))),
        _ => {
            let text = format!("{source} has several images, and {called} is one name");
            Err(Error::new(Class::Usage, text)
                .hint("choose one by its place, as in docker-archive:FILE:@0=NAME"))
        }
    }
}
