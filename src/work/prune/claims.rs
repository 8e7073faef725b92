//! [`Claims`]: what bundles brought to a place, and what of that is kept.

use std::collections::BTreeMap;

use super::lot::Lot;
use crate::bundle::contents::{Contents, Image};
use crate::bundle::subset::{Referring, Subset};
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::Result;
use crate::words::reference::{Reference, Tag};
use crate::work::mapping::Mapping;

/// What bundles brought to a place, repository by repository.
#[derive(Debug)]
#[non_exhaustive]
pub struct Claims<'c> {
    /// The repositories, in order.
    pub lots: Vec<Lot>,
    /// All documents of the bundles.
    pub documents: BTreeMap<Digest, &'c Document>,
}

impl<'c> Claims<'c> {
    /// What `kept` and `brought`, each the oldest first, brought under the names that `mapping` gives.
    /// `key` tells repositories apart.
    ///
    /// # Errors
    /// When `mapping` makes no acceptable name of one.
    pub fn of(
        kept: &'c [Contents],
        brought: &'c [Contents],
        mapping: &Mapping,
        key: impl Fn(&Reference) -> String,
    ) -> Result<Claims<'c>> {
        let mut lots: BTreeMap<String, Lot> = BTreeMap::new();
        let mut documents = BTreeMap::new();
        let all = kept.iter().map(|it| (it, true)).chain(brought.iter().map(|it| (it, false)));
        for (contents, is_kept) in all {
            documents.extend(contents.documents.iter().map(|(digest, it)| (*digest, it)));
            let referring = Referring::among(contents);
            for image in &contents.images {
                let to = mapping.apply(&image.name)?;
                let lot = lots.entry(key(&to)).or_insert_with(|| Lot::at(&to));
                let subset = Subset::of(contents, &referring, [image]);
                enter(lot, contents, image, &to, &subset, is_kept);
            }
        }
        Ok(Claims { lots: lots.into_values().collect(), documents })
    }
}

/// Enters that `image` was brought as `to`, with all that `subset` says it consists of.
fn enter(
    lot: &mut Lot,
    contents: &Contents,
    image: &Image,
    to: &Reference,
    subset: &Subset,
    is_kept: bool,
) {
    match to.tag {
        Some(_) => lot.claim(to.clone(), image.digest, is_kept),
        None if is_kept => _ = lot.pinned.insert(image.digest),
        None => {}
    }
    // So an import calls it where its name is taken, if it is told to.
    lot.claim(to.with_tag(Tag::of_digest(&image.digest)), image.digest, is_kept);
    for referrer in subset.referrers.iter().map(|at| at.of(&contents.referrers)) {
        let subjects = lot.subjects.entry(referrer.digest).or_default();
        subjects.insert(referrer.subject);
        // What refers to the original belongs to what was made of it.
        subjects.extend((image.rewritten_from == Some(referrer.subject)).then_some(image.digest));
        if let Some(tag) = &referrer.tag {
            lot.claim(to.with_tag(tag.clone()), referrer.digest, is_kept);
        }
    }
    let is_document = |digest: &&Digest| contents.documents.contains_key(*digest);
    lot.documents.extend(subset.digests().iter().filter(is_document));
    if is_kept {
        lot.needed.extend(subset.digests());
    }
}
