//! [`Known`](KnownParts): what documents consist of, those of bundles and those of others.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::contents::MAX_LEVELS;
use crate::storage::removal::ImageRemoval;
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::Result;

/// What documents consist of: those of bundles, and those at a place that others brought.
pub(super) struct KnownParts<'k> {
    ours: &'k BTreeMap<Digest, &'k Document>,
    others: BTreeMap<Digest, Vec<Descriptor>>,
}

impl<'k> KnownParts<'k> {
    /// Those of bundles.
    pub(super) fn of(ours: &'k BTreeMap<Digest, &'k Document>) -> KnownParts<'k> {
        KnownParts { ours, others: BTreeMap::new() }
    }

    /// Reads at `place` what is below `roots` and not known, level by level.
    pub(super) fn learn(
        &mut self,
        roots: &BTreeSet<Digest>,
        place: &dyn ImageRemoval,
        jobs: usize,
    ) -> Result<()> {
        let mut level: BTreeSet<Digest> = roots.clone();
        for _ in 0..MAX_LEVELS {
            let is_new =
                |it: &&Digest| !self.ours.contains_key(*it) && !self.others.contains_key(*it);
            let ahead: Vec<Digest> = level.iter().filter(is_new).copied().collect();
            if ahead.is_empty() {
                return Ok(());
            }
            let read = parallel::map(jobs, &ahead, |digest| place.look_into(digest))?;
            level.clear();
            for (digest, document) in ahead.into_iter().zip(read) {
                let parts: Vec<Descriptor> = match &document {
                    Some(document) => document.children().into_iter().cloned().collect(),
                    None => Vec::new(),
                };
                level.extend(parts.iter().filter(|it| it.is_document()).map(|it| it.digest));
                self.others.insert(digest, parts);
            }
        }
        Ok(())
    }

    /// What the document `digest` names, as far as it is known.
    pub(super) fn parts(&self, digest: &Digest) -> Vec<&Descriptor> {
        match self.ours.get(digest) {
            Some(document) => document.children(),
            None => self.others.get(digest).into_iter().flatten().collect(),
        }
    }

    /// `root` and everything below it.
    pub(super) fn closure(&self, root: Digest) -> BTreeSet<Digest> {
        let mut seen = BTreeSet::new();
        self.add_closure(root, &mut seen);
        seen
    }

    /// Adds `root` and everything below it to `seen`, which has everything below what is in it.
    pub(super) fn add_closure(&self, root: Digest, seen: &mut BTreeSet<Digest>) {
        let mut ahead = vec![root];
        while let Some(digest) = ahead.pop() {
            if seen.insert(digest) {
                ahead.extend(self.parts(&digest).into_iter().map(|part| part.digest));
            }
        }
    }

    /// `documents`, of bundles, each before what it names, and what refers to others last.
    pub(super) fn parents_first(&self, documents: &BTreeSet<Digest>) -> Vec<&'k Document> {
        let mut order = Vec::new();
        let mut seen = BTreeSet::new();
        for root in documents {
            let mut open = vec![(*root, false)];
            while let Some((digest, is_done)) = open.pop() {
                let Some(document) = self.ours.get(&digest) else { continue };
                if is_done {
                    order.push(*document);
                } else if documents.contains(&digest) && seen.insert(digest) {
                    open.push((digest, true));
                    open.extend(document.children().iter().map(|part| (part.digest, false)));
                }
            }
        }
        order.reverse();
        order.sort_by_key(|document| document.subject().is_some());
        order
    }
}
