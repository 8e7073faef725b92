//! What of a bundle can be used for an import.

use super::failed::Failed;
use super::leave_behind::whole_too;
use super::request::Request;
use crate::bundle::check::{Examined, Trusted, Usable};
use crate::bundle::contents::Contents;
use crate::words::error::Result;
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;

/// The bundle, with those of its `chosen` images that cannot be used. What is wrong with images that
/// are not chosen is said, and no more.
///
/// # Errors
/// With everything that is wrong with it, unless it is about single images, and none of those is
/// chosen, or the others are to arrive all the same.
pub(super) fn usable(
    examined: Examined,
    chosen: Option<&Contents>,
    request: &Request,
    progress: &dyn Progress,
) -> Result<(Trusted, Vec<Failed>)> {
    let Usable { trusted, unsound, failure } = examined.into_usable()?;
    let is_chosen = |name: &Reference| {
        chosen.is_none_or(|chosen| chosen.images.iter().any(|image| image.name == *name))
    };
    let failed = unsound.iter().filter(|(name, _)| is_chosen(name));
    let failed: Vec<Failed> = failed.map(|(name, error)| Failed::new(name, error)).collect();
    let stops = !failed.is_empty() || chosen.is_none();
    match failure {
        Some(error) if stops && !request.leave_behind.unsound() => {
            Err(whole_too(error, trusted.contents().images.len(), request.sharing))
        }
        Some(error) if failed.is_empty() => {
            let which = if chosen.is_some() { "images that were chosen" } else { "images" };
            let text = format!("{error}; nothing of it is needed for the {which}");
            progress.event(Event::note(text));
            Ok((trusted, failed))
        }
        _ => Ok((trusted, failed)),
    }
}
