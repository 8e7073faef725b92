//! What of a bundle can be used for an import.

use super::failed::Failed;
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
    match failure {
        Some(error) if chosen.is_none() && unsound.is_empty() => Err(error),
        Some(error) if !failed.is_empty() && !request.keep_going => Err(error),
        Some(error) if failed.is_empty() => {
            let text = format!("{error}; nothing of it is needed for the images that were chosen");
            progress.event(Event::note(text));
            Ok((trusted, failed))
        }
        _ => Ok((trusted, failed)),
    }
}
