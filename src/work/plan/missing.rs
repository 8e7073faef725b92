//! [`MissingBlob`]: what an image needs and nobody has.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::count::Count;
use super::obstacle::Obstacle;
use crate::bundle::contents::{Contents, Image};
use crate::bundle::subset::needing;
use crate::words::at::At;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::Class;
use crate::words::phrase::phrase;
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;

/// A blob that an image needs, and that nobody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MissingBlob {
    /// The image, as it is called in the bundle.
    pub image: Reference,
    /// The blob.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl MissingBlob {
    /// Those of `digests`, blobs of `contents`, for each image that needs them.
    #[must_use]
    pub fn among(contents: &Contents, digests: &BTreeSet<Digest>) -> Vec<MissingBlob> {
        if digests.is_empty() {
            return Vec::new();
        }
        let needed = contents.blobs.needed().iter();
        let sizes: BTreeMap<Digest, u64> = needed.map(|blob| (blob.digest, blob.size)).collect();
        let of_image = |(at, digests): (At<Image>, BTreeSet<Digest>)| {
            let image = at.of(&contents.images);
            let missing = |digest| MissingBlob {
                image: image.name.clone(),
                digest,
                size: sizes.get(&digest).copied().unwrap_or(0),
            };
            digests.into_iter().map(missing).collect::<Vec<_>>()
        };
        needing(contents, digests).into_iter().flat_map(of_image).collect()
    }

    /// All these as an obstacle: neither the bundle nor a base carries them, and the `place` that they go
    /// to, if it could have them, does not. Nothing where there are none.
    #[must_use]
    pub fn obstacle(missing: &[MissingBlob], place: Option<&str>) -> Option<Obstacle> {
        let mut weight = Count::default();
        let each: BTreeMap<Digest, u64> = missing.iter().map(|it| (it.digest, it.size)).collect();
        each.iter().for_each(|(digest, size)| weight.add(&Descriptor::new("", *digest, *size)));
        if each.is_empty() {
            return None;
        }
        let it = if each.len() == 1 { "it" } else { "them" };
        let text = format!(
            "the bundle does not carry {} of {} bytes, and {}",
            count(each.len(), "blob"),
            weight.bytes,
            match place {
                Some(place) => format!("{place} does not have {it}"),
                None => format!("no base at hand has {it}"),
            }
        );
        let hint = phrase![
            format!("bring an earlier bundle that has {it} along and name it ("),
            Remedy::Base,
            format!("), or have the sender make one that carries {it}")
        ];
        // Of a place that was said to hold them, by a receipt or by the bundles that it took.
        let hint = match place {
            Some(_) => hint.and(phrase![
                ": `",
                Remedy::Inventory,
                " PLACE ",
                Remedy::Against,
                " BUNDLE` looks for each blob, and its receipt tells the sender what was lost; one \
                 made without that believes the manifests which are there"
            ]),
            None => hint,
        };
        let line =
            |it: &MissingBlob| format!("{} needs blob {} ({} bytes)", it.image, it.digest, it.size);
        Some(Obstacle::new(Class::Incomplete, text, hint).about(missing.iter().map(line)))
    }
}
