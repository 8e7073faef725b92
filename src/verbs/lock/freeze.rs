//! [`freeze`]: images with what is known of them, as a lock has them.

use std::collections::{BTreeMap, BTreeSet};

use super::request::Request;
use crate::bundle::contents::{Contents, Image, Referrer};
use crate::lists::{LockedImage, LockedList, LockedReferrer, LockedWish};
use crate::places::location::Source;
use crate::words::digest::Digest;
use crate::words::reference::Reference;
use crate::work::weights::{ImageWeight, Weights};

/// Most characters that are kept of the type of a referrer, which whoever made it chose.
const MAX_TYPE: usize = 255;

/// The images of `request`, which are those of `contents` and weigh what `weights` say.
pub(super) fn freeze(request: &Request, contents: &Contents, weights: &Weights) -> LockedList {
    let mut asked: BTreeMap<Reference, (Vec<LockedWish>, bool)> = BTreeMap::new();
    for meant in &request.images {
        let Source::Registry(name) = &meant.image else { continue };
        let (wishes, is_pinned) = asked.entry(name.kept()).or_insert((Vec::new(), true));
        wishes.extend(meant.asked.iter().map(|(text, spot)| LockedWish::new(text, spot.as_ref())));
        *is_pinned &= name.tag.is_some() && name.digest.is_some();
    }
    let weights: BTreeMap<&Reference, &ImageWeight> =
        weights.images.iter().map(|weight| (&weight.name, weight)).collect();
    let mut referring: BTreeMap<Digest, Vec<&Referrer>> = BTreeMap::new();
    for referrer in &contents.referrers {
        referring.entry(referrer.subject).or_default().push(referrer);
    }
    let images = contents.images.iter().map(|image| {
        let (asked, pinned) = asked.remove(&image.name).unwrap_or_default();
        let weight = weights.get(&image.name);
        LockedImage {
            platforms: image.platforms.clone(),
            bytes: weight.map_or(0, |weight| weight.bytes),
            alone: weight.map_or(0, |weight| weight.alone),
            pinned,
            referrers: referrers(image, contents, &referring),
            asked,
            ..LockedImage::new(image.name.clone(), image.digest, &*image.media_type)
        }
    });
    LockedList::new(request.platforms.clone(), images.collect())
}

/// What refers to `image`, to a part of it, or to what does.
fn referrers(
    image: &Image,
    contents: &Contents,
    referring: &BTreeMap<Digest, Vec<&Referrer>>,
) -> Vec<LockedReferrer> {
    let repository = image.name.name();
    let (mut seen, mut ahead) = (BTreeSet::new(), vec![image.digest]);
    let mut found = Vec::new();
    while let Some(root) = ahead.pop() {
        for digest in contents.closure(root) {
            if !seen.insert(digest) {
                continue;
            }
            let all = referring.get(&digest).into_iter().flatten();
            for referrer in all.filter(|it| it.repository == repository) {
                let kind = referrer.artifact_type.as_ref();
                let kind = kind.map(|kind| kind.chars().take(MAX_TYPE).collect());
                found.push(LockedReferrer::new(referrer.digest, kind));
                ahead.push(referrer.digest);
            }
        }
    }
    found
}
