//! [`Weights`]: what each of some images weighs, and what it alone adds to the others.

use serde::Serialize;

use super::diff::{Difference, ImageSet};
use super::plan::Count;
use crate::bundle::contents::Contents;
use crate::words::reference::Reference;

/// What one image weighs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImageWeight {
    /// Its name.
    pub name: Reference,
    /// Bytes of everything that it consists of, manifests among them.
    pub bytes: u64,
    /// Bytes that it alone adds: no other of the images has them, and nothing that refers to one.
    pub alone: u64,
}

/// What some images weigh.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Weights {
    /// Each of them, by name.
    pub images: Vec<ImageWeight>,
    /// All manifests and blobs, each once.
    pub total: Count,
    /// Those of them that several images need, or an image and what refers to one.
    pub shared: Count,
    /// Those of them that only signatures, SBOMs and the like need.
    pub of_referrers: Count,
}

impl Weights {
    /// What the images of `contents` weigh, whether they are carried or not.
    #[must_use]
    pub fn of(contents: &Contents) -> Weights {
        let nothing = ImageSet::of(&Contents::default());
        let all = Difference::between(&nothing, &ImageSet::of(contents));
        let sides = all.new.unwrap_or_default();
        let images = all.images.into_iter().map(|image| ImageWeight {
            bytes: image.after.and_then(|after| after.bytes).unwrap_or_default(),
            alone: image.adds.unwrap_or_default(),
            name: image.name,
        });
        Weights {
            images: images.collect(),
            total: sides.all,
            shared: sides.of_several.unwrap_or_default(),
            of_referrers: sides.of_referrers.unwrap_or_default(),
        }
    }
}
