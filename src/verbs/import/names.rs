//! The names that the images of a bundle get at the destination.

use super::halt::Halt;
use super::request::Request;
use crate::bundle::contents::Contents;
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;
use crate::work::mapping::{Mapping, Naming};

/// The names that the images get, in their order.
///
/// # Errors
/// [`Halt::Apart`] with all that get none of their own.
pub(super) fn names(
    request: &Request,
    naming: Naming,
    contents: &Contents,
) -> Result<Vec<Reference>, Halt> {
    let images = contents.images.iter().map(|image| &image.name);
    mapping(request, naming)
        .apply_all(images)
        .map_err(|clashes| Halt::apart(clashes, contents, false))
}

/// Says which rules mean no image of `contents`, and whether flattening changes no name.
pub(super) fn tell_idle(
    request: &Request,
    naming: Naming,
    contents: &Contents,
    progress: &dyn Progress,
) {
    let mapping = mapping(request, naming);
    let idle = mapping.idle(contents.images.iter().map(|image| &image.name));
    if !idle.is_empty() {
        let text = phrase![
            "no image of the bundle is meant by ",
            Remedy::Rules,
            format!(" {}", idle.join(" "))
        ];
        progress.event(Event::note(text));
    }
    if request.flatten && changes_nothing(&mapping, contents) {
        let text = phrase![Remedy::Flatten, " has no effect here: it changes no name"];
        progress.event(Event::note(text));
    }
}

/// Whether flattening leaves every name as it is.
fn changes_nothing(flat: &Mapping, contents: &Contents) -> bool {
    let deep = Mapping { flatten: false, ..flat.clone() };
    let same = |name: &Reference| match (flat.apply(name), deep.apply(name)) {
        (Ok(flat), Ok(deep)) => flat == deep,
        _ => false,
    };
    contents.images.iter().all(|image| same(&image.name))
}

fn mapping(request: &Request, naming: Naming) -> Mapping {
    let (flatten, rules) = (request.flatten, request.rules.clone());
    Mapping { flatten, rules, ..Mapping::new(naming) }
}
