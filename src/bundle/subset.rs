//! [`Subset`]: what of a bundle belongs to some of its images.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::{Contents, Image, Referrer};
use crate::words::at::At;
use crate::words::digest::Digest;

/// The referrers of one repository, by what they refer to.
type BySubject = BTreeMap<Digest, Vec<At<Referrer>>>;

/// The referrers of each repository of a bundle, to be looked up.
#[derive(Debug, Default)]
pub struct Referring<'c>(BTreeMap<&'c str, BySubject>);

impl Referring<'_> {
    /// Those of `contents`.
    #[must_use]
    pub fn among(contents: &Contents) -> Referring<'_> {
        let mut referring = Referring::default();
        for (at, it) in At::each(&contents.referrers) {
            let repository = referring.0.entry(it.repository.as_str()).or_default();
            repository.entry(it.subject).or_default().push(at);
        }
        referring
    }
}

/// What some images of a bundle consist of, and what refers to them, or to that, in their
/// repositories.
#[derive(Debug)]
pub struct Subset {
    digests: BTreeSet<Digest>,
    /// The referrers, in order.
    pub referrers: Vec<At<Referrer>>,
}

impl Subset {
    /// What of `contents` belongs to `images`, of whose referrers `referring` are.
    #[must_use]
    pub fn of<'i>(
        contents: &Contents,
        referring: &Referring<'_>,
        images: impl IntoIterator<Item = &'i Image>,
    ) -> Subset {
        let (mut digests, mut subjects) = (BTreeSet::new(), BTreeSet::new());
        let mut repositories = BTreeSet::new();
        for image in images {
            digests.extend(contents.closure(image.digest));
            // What referred to the original goes on doing so, to what stands for it.
            subjects.extend(image.rewritten_from);
            repositories.insert(image.name.name());
        }
        subjects.extend(&digests);
        let theirs = repositories.iter().filter_map(|name| referring.0.get(name.as_str()));
        let theirs: Vec<&BySubject> = theirs.collect();
        let merged;
        let by_subject = match &theirs[..] {
            [one] => *one,
            several => {
                let mut all = BySubject::new();
                for (subject, referrers) in several.iter().copied().flatten() {
                    all.entry(*subject).or_default().extend(referrers);
                }
                merged = all;
                &merged
            }
        };
        let mut referrers = follow(
            subjects,
            |subject| by_subject.get(subject).map(Vec::as_slice).unwrap_or_default(),
            |at| {
                let closure = contents.closure(at.of(&contents.referrers).digest);
                digests.extend(&closure);
                closure
            },
        );
        referrers.sort_unstable();
        Subset { digests, referrers }
    }

    /// Everything that belongs to it: documents and blobs.
    #[must_use]
    pub fn digests(&self) -> &BTreeSet<Digest> {
        &self.digests
    }

    /// These `documents` and their blobs, and nothing that refers to them.
    #[must_use]
    pub fn with(documents: BTreeSet<Digest>) -> Subset {
        Subset { digests: documents, referrers: Vec::new() }
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
        part.documents = self.digests.into_iter().filter_map(held).collect();
        part.blobs = contents.blobs.of_these(part.walk_blobs());
        part
    }
}

/// The part of `contents` that belongs to the images that `is_meant`: what they consist of, and
/// what refers to them, or to that, in their repositories: some of `referring`, the referrers of
/// `contents`.
#[must_use]
pub fn subset(
    contents: &Contents,
    referring: &Referring<'_>,
    is_meant: impl Fn(&Image) -> bool,
) -> Contents {
    let images: Vec<Image> = contents.images.iter().filter(|i| is_meant(i)).cloned().collect();
    let belonging = Subset::of(contents, referring, &images);
    let referrers =
        belonging.referrers.iter().map(|at| at.of(&contents.referrers).clone()).collect();
    belonging.cut(contents, images, referrers)
}

/// What refers to what is `reached`, and to what that brings along, and so on: level by level, each
/// in order. `referring` says what refers to a digest, and `brings` what comes along with it.
pub fn follow<'w, W: Copy + Ord + 'w>(
    mut reached: BTreeSet<Digest>,
    referring: impl Fn(&Digest) -> &'w [W],
    mut brings: impl FnMut(W) -> BTreeSet<Digest>,
) -> Vec<W> {
    let mut all = Vec::new();
    let mut new: Vec<Digest> = reached.iter().copied().collect();
    while !new.is_empty() {
        let mut level: Vec<W> = new.iter().flat_map(&referring).copied().collect();
        level.sort_unstable();
        new.clear();
        for one in &level {
            new.extend(brings(*one).into_iter().filter(|digest| reached.insert(*digest)));
        }
        all.extend(level);
    }
    all
}

/// The images of `contents` that need some of `digests`: for themselves, or for what refers to them,
/// or to that, in their repositories. With each those that it needs.
#[must_use]
pub fn needing(
    contents: &Contents,
    digests: &BTreeSet<Digest>,
) -> BTreeMap<At<Image>, BTreeSet<Digest>> {
    let referring = Referring::among(contents);
    let needed = At::each(&contents.images).map(|(at, image)| {
        let all = Subset::of(contents, &referring, [image]).digests;
        (at, all.intersection(digests).copied().collect::<BTreeSet<Digest>>())
    });
    needed.filter(|(_, needed)| !needed.is_empty()).collect()
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
            needing(&contents, &BTreeSet::from([digest])).into_keys().map(At::place).collect()
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
