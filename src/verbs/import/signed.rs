//! [`screen`]: whether the images of a bundle are signed as is demanded, before anything is written.

use super::ready::Ready;
use super::request::Request;
use crate::bundle::contents::{Contents, Image};
use crate::bundle::image_signature::MAX_PART;
use crate::storage::reading::read_small;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Result};
use crate::words::phrase::phrase;
use crate::words::progress::Progress;
use crate::words::remedy::Remedy;
use crate::work::signed_images::signed_images;

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
    let own = |image: &Image| image.digest;
    let (all, images) = (ready.bundle.contents(), &contents.images);
    let found = signed_images(rules, all, images, own, &read, request.jobs.most, progress)?;
    ready.run.know(|event| event.screenings.extend(found));
    Ok(())
}
