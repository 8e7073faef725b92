//! [`screen`]: whether the images are signed as is demanded, before anything of them is kept.

use super::request::Request;
use crate::bundle::contents::Image;
use crate::bundle::image_signature::MAX_PART;
use crate::bundle::screening::Screening;
use crate::places::at_hand::AtHand;
use crate::storage::reading::read_small;
use crate::storage::store::BlobSources as _;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result, Side};
use crate::words::phrase::phrase;
use crate::words::progress::Progress;
use crate::words::remedy::Remedy;
use crate::work::graph::Graph;
use crate::work::signed_images::signed_images;

/// Holds the images of `graph` against what `request` demands of their signatures, which are read from what
/// is `at_hand` or their source. What is signed is an image as it is at its source, whatever is made of it.
///
/// # Errors
/// [`Class::Untrusted`] with every image that is not signed as demanded; [`Class::Usage`] for a rule that
/// means no image, and where no signatures come along; those of the source.
pub(super) fn screen(
    request: &Request,
    graph: &Graph<'_>,
    at_hand: &AtHand,
    progress: &dyn Progress,
) -> Result<Vec<Screening>> {
    let rules = &request.signatures;
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    if request.select.no_referrers {
        let text = "signatures are demanded, and are not to come along";
        return Err(Error::new(Class::Usage, text).hint(phrase![
            "leave out ",
            Remedy::NoReferrers,
            ": the other side may ask, too"
        ]));
    }
    let images = &graph.contents.images;
    let cancel = progress.handle();
    let read = |blob: &Descriptor| match at_hand.small(blob, MAX_PART, &cancel)? {
        Some(bytes) => Ok(bytes),
        None => {
            let (source, place) = graph.source_of(&blob.digest)?;
            let what = format!("source {place}");
            read_small(source, blob, MAX_PART, &what, &cancel)
                .map_err(|e| e.on_unless_noted(Side::Source))
        }
    };
    let original = |image: &Image| image.rewritten_from.unwrap_or(image.digest);
    signed_images(rules, &graph.contents, images, original, &read, request.jobs.most, progress)
}
