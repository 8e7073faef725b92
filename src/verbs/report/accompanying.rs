//! [`Accompanying`]: what came along with which image.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::contents::{Contents, Referrer};
use crate::verbs::inspect::KnownReferrer;
use crate::words::digest::Digest;

/// What refers to what, by subject.
pub(super) struct Accompanying<'c>(BTreeMap<Digest, Vec<&'c Referrer>>);

impl<'c> Accompanying<'c> {
    pub(super) fn of(contents: &'c Contents) -> Accompanying<'c> {
        let mut all: BTreeMap<Digest, Vec<&Referrer>> = BTreeMap::new();
        for referrer in &contents.referrers {
            all.entry(referrer.subject).or_default().push(referrer);
        }
        Accompanying(all)
    }

    /// What refers to any of `parts` in `repository`, and what refers to that in turn, each once.
    pub(super) fn to(&self, parts: BTreeSet<Digest>, repository: &str) -> Vec<KnownReferrer> {
        let mut seen = parts.clone();
        let mut ahead: Vec<Digest> = parts.into_iter().collect();
        let mut found = Vec::new();
        while let Some(subject) = ahead.pop() {
            let here = self.0.get(&subject).into_iter().flatten();
            for referrer in here.filter(|it| it.repository == repository) {
                if seen.insert(referrer.digest) {
                    ahead.push(referrer.digest);
                    found.push(*referrer);
                }
            }
        }
        found.sort();
        found.into_iter().map(KnownReferrer::of).collect()
    }
}
