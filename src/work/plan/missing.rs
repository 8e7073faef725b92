//! [`MissingBlob`]: what an image needs and nobody has.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::count::Count;
use super::obstacle::Obstacle;
use crate::bundle::contents::Contents;
use crate::bundle::subset::needing;
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
    /// Those of `digests`, blobs of `contents`, for each image that needs them, or for what refers to none
    /// of these.
    #[must_use]
    pub fn among(contents: &Contents, digests: &BTreeSet<Digest>) -> Vec<MissingBlob> {
        if digests.is_empty() {
            return Vec::new();
        }
        let needed = contents.blobs.needed().iter();
        let sizes: BTreeMap<Digest, u64> = needed.map(|blob| (blob.digest, blob.size)).collect();
        let missing = |image: &Reference, digest| MissingBlob {
            image: image.clone(),
            digest,
            size: sizes.get(&digest).copied().unwrap_or(0),
        };
        let (mut all, mut left) = (Vec::new(), digests.clone());
        for (at, digests) in needing(contents, digests) {
            let image = &at.of(&contents.images).name;
            left.retain(|digest| !digests.contains(digest));
            all.extend(digests.into_iter().map(|digest| missing(image, digest)));
        }
        if left.is_empty() {
            return all;
        }
        // What refers to nothing that is there arrives as well, and belongs to no image.
        let roots = contents.needed_by(&left);
        for digest in left {
            let roots = roots.get(&digest).into_iter().flatten();
            let names = roots.filter_map(|at| contents.root_name(*at).parse().ok());
            let mut names: BTreeSet<Reference> = names.collect();
            if names.is_empty() {
                names.extend(contents.images.first().map(|image| image.name.clone()));
            }
            all.extend(names.iter().map(|name| missing(name, digest)));
        }
        all
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::blob_list::BlobList;
    use crate::bundle::samples::Stock;

    #[test]
    fn what_refers_to_nothing_that_is_there_lacks_no_less_than_an_image() {
        let mut stock = Stock::default();
        let [a, other] = ["a", "other"].map(|text| stock.image(text, "linux/amd64"));
        let sbom = stock.referrer("x/sbom", &other);
        let mut contents = stock.contents(&[("x.example/r:a", &a)]);
        stock.refer(&mut contents, "x.example/other", &sbom);
        let needed = contents.blobs.needed().to_vec();
        contents.blobs = BlobList::carrying(needed, |_| false);
        let all: BTreeSet<Digest> = contents.blobs.lacking().map(|blob| blob.digest).collect();

        let missing = MissingBlob::among(&contents, &all);

        let named: BTreeSet<Digest> = missing.iter().map(|it| it.digest).collect();
        assert_eq!(named, all);
        let theirs = format!("x.example/other@{}", sbom.digest);
        assert!(missing.iter().any(|it| it.image.to_string() == theirs), "{missing:?}");
    }
}
