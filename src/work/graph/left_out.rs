//! What of the images a selection leaves out, and those of which it takes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::asked::Selection;
use crate::bundle::contents::{Contents, Image, LeftOut, Reason};
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::platform::Platform;
use crate::words::remedy::Remedy;

/// Notes at each image of `contents` what its documents, and those that refer to any of them, point
/// at and is not carried.
pub fn note_left_out(contents: &mut Contents) {
    let mut referring: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
    for referrer in &contents.referrers {
        referring.entry(referrer.subject).or_default().push(referrer.digest);
    }
    let all = contents.images.iter().map(|image| left_out(contents, &referring, image));
    let all: Vec<Vec<LeftOut>> = all.collect();
    for (image, left_out) in contents.images.iter_mut().zip(all) {
        image.left_out = left_out;
    }
}

/// What the documents of `image`, and those that refer to any of them, point at and will not be
/// carried, each once.
fn left_out(
    contents: &Contents,
    referring: &BTreeMap<Digest, Vec<Digest>>,
    image: &Image,
) -> Vec<LeftOut> {
    let (mut seen, mut known) = (BTreeSet::new(), BTreeSet::new());
    let mut out = Vec::new();
    let referrers = |digest: &Digest| referring.get(digest).into_iter().flatten().copied();
    let mut ahead = vec![image.digest];
    ahead.extend(image.rewritten_from.iter().flat_map(referrers));
    while let Some(root) = ahead.pop() {
        for document in contents.children_first([root]) {
            if !known.insert(document.descriptor().digest) {
                continue;
            }
            ahead.extend(referrers(&document.descriptor().digest));
            for child in document.children() {
                let reason = match child.is_document() {
                    true if contents.documents.contains_key(&child.digest) => continue,
                    true => Reason::Platform,
                    false if child.is_foreign() => Reason::Foreign,
                    false => continue,
                };
                if seen.insert(child.digest) {
                    out.push(LeftOut {
                        digest: child.digest,
                        media_type: child.media_type.to_string(),
                        size: child.size,
                        platform: child.platform.as_deref().cloned(),
                        reason,
                    });
                }
            }
        }
    }
    out
}

/// An image of which the selection takes nothing, with the platforms that it says it is there for.
pub type Lacking = (String, Vec<String>);

/// What `image` is there for, when the selection took nothing of it.
pub(super) fn platforms_of(
    contents: &Contents,
    image: &Image,
    select: &Selection,
) -> Option<Lacking> {
    if select.platforms.is_empty() || !contents.manifests(image.digest).is_empty() {
        return None;
    }
    // One manifest may be listed for several.
    let documents = contents.children_first([image.digest]);
    let listed = documents.into_iter().flat_map(Document::children);
    let listed: BTreeSet<&Platform> = listed
        .filter(|entry| entry.is_document())
        .filter_map(|entry| entry.platform.as_deref())
        .filter(|it| !it.is_unknown())
        .collect();
    Some((image.name.to_string(), listed.into_iter().map(ToString::to_string).collect()))
}

/// Refuses a selection that takes nothing of some images, all of which it names: that is a wrong
/// selection, not an empty success.
///
/// # Errors
/// [`Class::Incomplete`] when there are any.
pub fn none_lacks(wanted: &[Platform], lacking: Vec<Lacking>) -> Result<()> {
    let wanted = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let there_for = |has: &[String]| match has {
        [] => phrase!["it does not say what it runs on; leave ", Remedy::Platform, " out"],
        has => format!("it is there for {}", has.join(", ")).into(),
    };
    Err(match &lacking[..] {
        [] => return Ok(()),
        [(name, has)] => {
            let text = format!("{name} is not there for {wanted}");
            Error::new(Class::Incomplete, text).hint(there_for(has))
        }
        all => Error::new(
            Class::Incomplete,
            format!("{} images are not there for {wanted}", all.len()),
        )
        .details(all.iter().map(|(name, has)| phrase![name.as_str(), ": ", there_for(has)]))
        .hint("choose platforms that they have, or export them on their own"),
    })
}
