//! The names that the images of a bundle get at the destination.

use super::Request;
use super::partly::Halt;
use crate::bundle::contents::Contents;
use crate::places::location::Destination;
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::mapping::{Mapping, Naming};

/// The names that the images get, in their order.
///
/// # Errors
/// [`Halt::Apart`] with all that get none of their own.
pub(super) fn names(request: &Request, contents: &Contents) -> Result<Vec<Reference>, Halt> {
    let images = contents.images.iter().map(|image| &image.name);
    mapping(request).apply_all(images).map_err(|clashes| Halt::apart(clashes, contents, false))
}

/// Says which rules mean no image of `contents`, and whether flattening changes no name.
pub(super) fn tell_idle(request: &Request, contents: &Contents, progress: &dyn Progress) {
    let idle = mapping(request).idle(contents.images.iter().map(|image| &image.name));
    if !idle.is_empty() {
        let text = format!("no image of the bundle is meant by --map {}", idle.join(" "));
        progress.event(Event::Note(text));
    }
    if flattens_nothing(request, contents) {
        let text = "--flatten has no effect here: it changes no name";
        progress.event(Event::Note(text.to_owned()));
    }
}

/// Whether `--flatten` leaves every name as it is.
fn flattens_nothing(request: &Request, contents: &Contents) -> bool {
    let flat = mapping(request);
    let deep = Mapping { flatten: false, ..flat.clone() };
    let same = |name: &Reference| match (flat.apply(name), deep.apply(name)) {
        (Ok(flat), Ok(deep)) => flat == deep,
        _ => false,
    };
    request.flatten && contents.images.iter().all(|image| same(&image.name))
}

fn mapping(request: &Request) -> Mapping {
    let naming = match &request.to {
        Destination::Registry { registry, prefix } => {
            Naming::Registry { registry: registry.clone(), prefix: prefix.clone() }
        }
        _ => Naming::FullNames,
    };
    Mapping { naming, flatten: request.flatten, rules: request.rules.clone() }
}
