//! What refers to the documents of a level: asked for, proven, and noted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use super::asked::Origin;
use super::next::Next;
use super::walker::Walker;
use super::weight::{add, within};
use crate::storage::store::Referrers;
use crate::tools::parallel;
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::Result;
use crate::words::phrase::phrase;
use crate::words::reference::Tag;
use crate::words::remedy::Remedy;

/// What refers to a document, and the place in the list of origins that it was found at.
type FoundReferrers = (At<Origin>, Descriptor, Referrers);
/// A document, and the place of the origin that it was read from.
type Read = (At<Origin>, Document);

impl Walker<'_, '_> {
    pub(super) fn look_for_referrers(
        &self,
        level: &[(At<Origin>, Document)],
    ) -> Result<Vec<FoundReferrers>> {
        if self.select.no_referrers {
            return Ok(Vec::new());
        }
        let bytes = AtomicU64::new(self.weight);
        parallel::map(self.jobs, level, |(origin, document)| {
            let subject = document.descriptor();
            let found = origin.of(self.origins).source.referrers(subject).map_err(|e| {
                e.context(format!("looking for signatures and the like of {}", subject.digest))
                    .hint(phrase![Remedy::NoReferrers, " leaves them behind"])
            })?;
            let tags = found.tags.iter().map(|(_, document)| document.descriptor().size);
            let listed = found.manifests.iter().chain(&found.claimed).map(|d| d.size);
            let more = listed.chain(tags).fold(0, add);
            within(add(bytes.fetch_add(more, Ordering::Relaxed), more))?;
            Ok((*origin, subject.clone(), found))
        })
    }

    /// Keeps of what was `found` only what does refer to its subject, and gives the documents that
    /// had to be read for it. A fallback list with other entries, such as the platforms of an
    /// image, is left behind, and what it is right about comes along without it.
    pub(super) fn settle(
        &self,
        mut found: Vec<FoundReferrers>,
    ) -> Result<(Vec<FoundReferrers>, Vec<Read>)> {
        let claims = found.iter().flat_map(|(origin, _, found)| {
            found.claimed.iter().map(|d| Next::referrer(*origin, d.clone()))
        });
        let read = self.fetch(claims.collect())?;
        let by_digest: BTreeMap<(At<Origin>, Digest), &Document> =
            read.iter().map(|(origin, d)| ((*origin, d.descriptor().digest), d)).collect();
        let mut proven = BTreeSet::new();
        for (origin, subject, found) in &mut found {
            let refers = |entry: &Descriptor| {
                let document = by_digest.get(&(*origin, entry.digest)).copied();
                let document = document.or_else(|| self.documents.get(&entry.digest));
                document.and_then(Document::subject).is_some_and(|s| s.digest == subject.digest)
            };
            let (right, wrong): (Vec<_>, Vec<_>) =
                std::mem::take(&mut found.claimed).into_iter().partition(refers);
            if !wrong.is_empty() {
                let list = Tag::referrers_of(&subject.digest);
                found.tags.retain(|(tag, _)| *tag != list);
            }
            proven.extend(right.iter().map(|entry| (*origin, entry.digest)));
            found.manifests.extend(right);
            // Nothing refers to itself.
            found.manifests.retain(|entry| entry.digest != subject.digest);
            found.tags.retain(|(_, document)| document.descriptor().digest != subject.digest);
        }
        let read = read.into_iter();
        let read = read.filter(|(origin, d)| proven.contains(&(*origin, d.descriptor().digest)));
        Ok((found, read.collect()))
    }

    pub(super) fn note_referrers(
        &mut self,
        origin: At<Origin>,
        subject: &Descriptor,
        found: &Referrers,
    ) {
        let repository = &origin.of(self.origins).repository;
        for manifest in &found.manifests {
            let key = (repository.clone(), None, manifest.digest, subject.digest);
            self.referrers.insert(key);
        }
        for (tag, document) in &found.tags {
            let digest = document.descriptor().digest;
            self.referrers.insert((repository.clone(), Some(tag.clone()), digest, subject.digest));
        }
    }
}
