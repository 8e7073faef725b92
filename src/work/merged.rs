//! [`Merged`]: what several bundles hold, as one. Pure: contents in, contents out.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::contents::{Contents, Image, Referrer};
use crate::bundle::subset::{Referring, needing, subset};
use crate::words::at::At;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::reference::Reference;
use crate::work::choice::Choice;
use crate::work::graph::note_left_out;

/// Several bundles as one: of a name that stands in more than one, the newest stands for all.
#[derive(Debug)]
#[non_exhaustive]
pub struct Merged {
    /// What is in it.
    pub contents: Contents,
    /// Which of the bundles each name is taken from.
    pub names: BTreeMap<Reference, At<Contents>>,
    /// Which of the bundles has each blob.
    pub blobs: BTreeMap<Digest, At<Contents>>,
}

impl Merged {
    /// What `parts` hold, the oldest first, as far as `choice` means it. What refers to an image
    /// comes along from all of them; of what goes by a tag, the newest.
    ///
    /// # Errors
    /// As [`Choice::of`]; [`Class::Incomplete`] when a blob is in none of the parts, by image.
    pub fn of(parts: &[&Contents], choice: &Choice) -> Result<Merged> {
        let mut images: BTreeMap<&Reference, (At<Contents>, &Image)> = BTreeMap::new();
        let mut referrers: BTreeSet<&Referrer> = BTreeSet::new();
        let mut all = Contents::default();
        let mut blobs = BTreeMap::new();
        for (at, part) in At::along(parts.iter().copied()) {
            images.extend(part.images.iter().map(|image| (&image.name, (at, image))));
            let tags: BTreeSet<_> = part.referrers.iter().filter_map(tag_of).collect();
            referrers.retain(|known| tag_of(known).is_none_or(|tag| !tags.contains(&tag)));
            referrers.extend(&part.referrers);
            all.documents.extend(part.documents.iter().map(|(digest, it)| (*digest, it.clone())));
            blobs.extend(part.blobs.carried().map(|blob| (blob.digest, at)));
        }
        let mut names: BTreeMap<Reference, At<Contents>> =
            images.iter().map(|(name, (at, _))| ((*name).clone(), *at)).collect();
        all.images = images.into_values().map(|(_, image)| image.clone()).collect();
        all.referrers = referrers.into_iter().cloned().collect();
        let mut contents = match choice.of(&all)? {
            Some(chosen) => chosen,
            None => subset(&all, &Referring::among(&all), |_| true),
        };
        let kept: BTreeSet<&Reference> = contents.images.iter().map(|it| &it.name).collect();
        names.retain(|name, _| kept.contains(name));
        // One bundle may carry what another left out.
        note_left_out(&mut contents);
        contents.list_blobs(|blob| blobs.contains_key(&blob.digest));
        none_missing(&contents)?;
        Ok(Merged { contents, names, blobs })
    }
}

/// The name that a referrer goes by, which stands for one thing alone.
fn tag_of(referrer: &Referrer) -> Option<(&str, &str)> {
    Some((&referrer.repository, referrer.tag.as_ref()?.as_str()))
}

/// Fails with every blob of `contents` that is not carried, image by image.
fn none_missing(contents: &Contents) -> Result<()> {
    let missing: BTreeSet<Digest> = contents.blobs.lacking().map(|blob| blob.digest).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let needing = needing(contents, &missing);
    let name = |at: &At<Image>| at.of(&contents.images).name.to_string();
    let lines = needing.iter().flat_map(|(at, digests)| {
        digests.iter().map(|digest| format!("{} needs blob {digest}", name(at)))
    });
    let text = format!(
        "{} in none of the bundles given",
        match missing.len() {
            1 => "1 blob that is needed is".to_owned(),
            many => format!("{} that are needed are", count(many, "blob")),
        }
    );
    Err(Error::new(Class::Incomplete, text)
        .details(lines)
        .about(needing.keys().map(|at| Subject::Image(name(at))))
        .hint("give the bundles that they lean on along, the first whole one among them"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::blob_list::BlobList;
    use crate::bundle::samples::Stock;
    use crate::words::document::Descriptor;
    use crate::work::choice::Pattern;

    const A: &str = "x.example/r:a";

    /// A base with an image and its signature, and a delta that moves the name to another.
    fn two() -> (Stock, Contents, Contents, [Descriptor; 3]) {
        let mut stock = Stock::default();
        let [old, new] = ["old", "new"].map(|text| stock.image(text, "linux/amd64"));
        let sbom = stock.referrer("x/sbom", &old);
        let mut base = stock.contents(&[(A, &old), ("x.example/r:kept", &old)]);
        stock.refer(&mut base, "x.example/r", &sbom);
        let delta = stock.contents(&[(A, &new)]);
        (stock, base, delta, [old, new, sbom])
    }

    #[test]
    fn the_newest_name_wins_and_the_others_stay_with_what_refers_to_them() {
        let (_, base, delta, [old, new, sbom]) = two();

        let merged = Merged::of(&[&base, &delta], &Choice::default()).unwrap();

        let digests: Vec<Digest> = merged.contents.images.iter().map(|it| it.digest).collect();
        assert_eq!(digests, [new.digest, old.digest]);
        assert_eq!(merged.contents.referrers.len(), 1);
        assert!(merged.contents.documents.contains_key(&sbom.digest));
        assert_eq!(merged.names.values().map(|at| at.place()).collect::<Vec<_>>(), [1, 0]);
        assert_eq!(merged.contents.blobs.lacking().count(), 0);
    }

    #[test]
    fn what_no_kept_image_needs_is_left_behind() {
        let (_, base, delta, [old, ..]) = two();
        let only = vec![Pattern::parse(A).unwrap()];
        let choice = Choice { only, ..Choice::default() };

        let merged = Merged::of(&[&base, &delta], &choice).unwrap();

        assert_eq!(merged.contents.images.len(), 1);
        assert!(!merged.contents.documents.contains_key(&old.digest));
        assert!(merged.contents.referrers.is_empty());
    }

    #[test]
    fn a_blob_that_no_part_carries_is_told_by_image() {
        let (_, base, mut delta, [_, new, _]) = two();
        let layer = delta.documents[&new.digest].children().last().unwrap().digest;
        let needed = delta.blobs.needed().to_vec();
        delta.blobs = BlobList::carrying(needed, |blob| blob.digest != layer);

        let error = Merged::of(&[&base, &delta], &Choice::default()).unwrap_err();

        assert_eq!(error.class(), Class::Incomplete);
        assert_eq!(error.findings(), [format!("{A} needs blob {layer}")]);
        let except = vec![Pattern::parse(A).unwrap()];
        let choice = Choice { except, ..Choice::default() };
        assert!(Merged::of(&[&base, &delta], &choice).is_ok());
    }
}
