//! [`Part`]: what of a bundle belongs to some of its images.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::{Contents, Image, Referrer};
use crate::words::digest::Digest;

/// The referrers of each repository, by their place in the contents.
pub type Referring<'c> = BTreeMap<&'c str, Vec<usize>>;

/// What some images of a bundle consist of, and what refers to them, or to that, in their
/// repositories.
#[derive(Debug)]
pub struct Part {
    reached: BTreeSet<Digest>,
    /// The referrers, by their place in the contents, in order.
    pub referrers: Vec<usize>,
}

impl Part {
    /// What of `contents` belongs to `images` of it, of whose referrers `referring` are.
    #[must_use]
    pub fn of<'i>(
        contents: &Contents,
        referring: &Referring<'_>,
        images: impl IntoIterator<Item = &'i Image>,
    ) -> Part {
        let (mut reached, mut repositories) = (BTreeSet::new(), BTreeSet::new());
        for image in images {
            reached.extend(contents.closure(image.digest));
            // What referred to the original goes on doing so, to what stands for it.
            reached.extend(image.rewritten_from);
            repositories.insert(image.name.name());
        }
        let theirs = repositories.iter().filter_map(|name| referring.get(name.as_str()));
        let mut by_subject: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
        for at in theirs.flatten() {
            by_subject.entry(contents.referrers[*at].subject).or_default().push(*at);
        }
        let mut referrers = Vec::new();
        let mut ahead: Vec<Digest> = reached.iter().copied().collect();
        while let Some(subject) = ahead.pop() {
            for at in by_subject.remove(&subject).unwrap_or_default() {
                referrers.push(at);
                let closure = contents.closure(contents.referrers[at].digest);
                ahead.extend(closure.into_iter().filter(|digest| reached.insert(*digest)));
            }
        }
        referrers.sort_unstable();
        Part { reached, referrers }
    }

    /// This part of `contents`, with these `images` and `referrers`, whatever they are called in it.
    #[must_use]
    pub fn cut(
        self,
        contents: &Contents,
        images: Vec<Image>,
        referrers: Vec<Referrer>,
    ) -> Contents {
        let mut part = Contents {
            images,
            referrers,
            replaced: contents.replaced.clone(),
            ..Contents::default()
        };
        let held = |digest| Some((digest, contents.documents.get(&digest)?.clone()));
        part.documents = self.reached.into_iter().filter_map(held).collect();
        part.blobs = part.walk_blobs(|_| {});
        part
    }
}

/// The images of `contents`, by their places, that need some of `digests`: for themselves, or for
/// what refers to them, or to that, in their repositories. With each those that it needs.
#[must_use]
pub fn needing(
    contents: &Contents,
    digests: &BTreeSet<Digest>,
) -> BTreeMap<usize, BTreeSet<Digest>> {
    let images = contents.images.len();
    let mut needing: BTreeMap<usize, BTreeSet<Digest>> = BTreeMap::new();
    let mut seen: BTreeSet<(usize, Digest)> = BTreeSet::new();
    let mut ahead: Vec<(usize, Digest)> = Vec::new();
    for (digest, places) in contents.needed_by(digests) {
        ahead.extend(places.into_iter().map(|place| (place, digest)));
    }
    // Whoever needs the one that refers to it has a subject that images of its repository hold.
    while !ahead.is_empty() {
        ahead.retain(|one| seen.insert(*one));
        let mut referring: BTreeMap<Digest, Vec<(&str, Digest)>> = BTreeMap::new();
        for (place, digest) in std::mem::take(&mut ahead) {
            match place.checked_sub(images).and_then(|at| contents.referrers.get(at)) {
                Some(it) => {
                    referring.entry(it.subject).or_default().push((&it.repository, digest));
                }
                None => {
                    needing.entry(place).or_default().insert(digest);
                }
            }
        }
        let mut holders = contents.needed_by(&referring.keys().copied().collect());
        for (at, image) in contents.images.iter().enumerate() {
            if let Some(original) = image.rewritten_from.filter(|it| referring.contains_key(it)) {
                holders.entry(original).or_default().push(at);
            }
        }
        for (subject, users) in &referring {
            for place in holders.get(subject).into_iter().flatten() {
                let repository = match place.checked_sub(images) {
                    Some(at) => contents.referrers[at].repository.clone(),
                    None => contents.images[*place].name.name(),
                };
                let same = users.iter().filter(|(theirs, _)| *theirs == repository);
                ahead.extend(same.map(|(_, digest)| (*place, *digest)));
            }
        }
    }
    needing
}

/// The referrers of `contents`, for [`Part::of`].
#[must_use]
pub fn referring(contents: &Contents) -> Referring<'_> {
    let mut referring = Referring::new();
    for (at, referrer) in contents.referrers.iter().enumerate() {
        referring.entry(&referrer.repository).or_default().push(at);
    }
    referring
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::samples::Stock;

    #[test]
    fn an_image_needs_its_parts_and_those_of_what_refers_to_it_in_its_repository() {
        let mut stock = Stock::default();
        let [a, b] = ["a", "b"].map(|text| stock.image(text, "linux/amd64"));
        let of_a = stock.referrer("x/sbom", &a);
        let of_that = stock.referrer("x/signature", &of_a);
        let names = [("x.example/r:a", &a), ("x.example/r:b", &b), ("x.example/s:a", &a)];
        let mut contents = stock.contents(&names);
        for referrer in [&of_a, &of_that] {
            stock.refer(&mut contents, "x.example/r", referrer);
        }
        let needing = |digest: Digest| -> Vec<usize> {
            needing(&contents, &BTreeSet::from([digest])).into_keys().collect()
        };
        let layer = |of: &crate::words::document::Descriptor| {
            contents.documents[&of.digest].children().last().unwrap().digest
        };

        assert_eq!(needing(a.digest), [0, 2]);
        assert_eq!(needing(layer(&a)), [0, 2]);
        assert_eq!(needing(layer(&b)), [1]);
        assert_eq!(needing(of_a.digest), [0]);
        assert_eq!(needing(of_that.digest), [0]);
        assert!(needing(Digest::of(b"nobody's")).is_empty());
    }
}
