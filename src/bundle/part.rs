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

/// The referrers of `contents`, for [`Part::of`].
#[must_use]
pub fn referring(contents: &Contents) -> Referring<'_> {
    let mut referring = Referring::new();
    for (at, referrer) in contents.referrers.iter().enumerate() {
        referring.entry(&referrer.repository).or_default().push(at);
    }
    referring
}
