//! [`screen`]: whether the images of a bundle are signed as is demanded, before anything is written.

use super::ready::Ready;
use super::request::Request;
use crate::bundle::contents::{Contents, Image};
use crate::bundle::image_signature::MAX_PART;
use crate::storage::reading::read_small;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Result, Side};
use crate::words::phrase::phrase;
use crate::words::progress::{Event, Progress};
use crate::words::remedy::Remedy;
use crate::work::signed_images::{idle_rules, signed_images};

/// Holds the images of `contents`, a part of the bundle, against what `request` demands of their signatures,
/// and notes what was found. They are asked for in the bundle itself and what is beside it alone, and for
/// the digests that the images have there.
///
/// # Errors
/// [`Class::Untrusted`] with every image that is not signed as
/// demanded; [`Class::Usage`] for a rule that means no image of the
/// bundle; [`Class::Incomplete`] where a signature is elsewhere.
pub(super) fn screen(
    request: &Request,
    ready: &Ready<'_>,
    contents: &Contents,
    progress: &dyn Progress,
) -> Result<()> {
    let rules = &request.signatures;
    if rules.is_empty() {
        return Ok(());
    }
    let all = ready.bundle.contents();
    idle_rules(rules, &all.images)?;
    let cancel = progress.handle();
    let name = request.bundle.to_string();
    let read = |blob: &Descriptor| {
        let read = read_small(&*ready.bundle, blob, MAX_PART, &name, &cancel);
        read.map_err(|e| match e.class() {
            Class::Incomplete => {
                e.hint(phrase!["name the bundle that brought it with ", Remedy::Base])
            }
            _ => e,
        })
    };
    let items = contents.images.len() as u64;
    progress.event(Event::Phase { name: "checking signatures of images", bytes: 0, items });
    let own = |image: &Image| image.digest;
    let found = signed_images(rules, all, &contents.images, own, request.jobs.most, &read);
    progress.event(Event::Done);
    let found = found.map_err(|e| e.on_unless_noted(Side::Source))?;
    ready.run.know(|event| event.screenings.extend(found));
    Ok(())
}
