//! [`PrunePlan`]: what goes, and what stays for which reason.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::claims::Claims;
use super::name::{PruneAction, PruneName};
use super::survey::{LotVerdict, survey};
use crate::storage::removal::ImageRemoval;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::Result;
use crate::work::plan::Count;

/// What becomes of one repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PruneLot {
    /// The repository, or the place where that has one alone.
    pub repository: String,
    /// Its names that no kept bundle has, of those that bundles brought.
    pub names: Vec<PruneName>,
    /// The documents that go, in this order.
    pub documents: Vec<Descriptor>,
    /// The blobs that go, where the place does not collect them by itself.
    pub blobs: Vec<Descriptor>,
    /// What nothing else needs of what goes here: manifests and blobs. What goes from several
    /// repositories counts in each.
    pub frees: Count,
    /// Whether names go by themselves, and not with what they stand for.
    #[serde(skip)]
    pub(super) parts_names: bool,
}

impl PruneLot {
    /// The names that go.
    pub fn going(&self) -> impl Iterator<Item = &PruneName> {
        self.names.iter().filter(|name| name.action == PruneAction::Remove)
    }
}

/// What goes, repository by repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PrunePlan {
    /// The repositories that bundles brought anything to.
    #[serde(rename = "repositories")]
    pub lots: Vec<PruneLot>,
    /// What of that nothing else needs, as far as is known: manifests and blobs.
    pub frees: Count,
}

impl PrunePlan {
    /// What is to go of what `claims` say was brought to `places`, of which there is one for each lot,
    /// called `repositories`. Changes nothing.
    ///
    /// # Errors
    /// When a place cannot tell, or lets nothing be taken away.
    pub fn make(
        claims: &Claims<'_>,
        places: &[Box<dyn ImageRemoval + '_>],
        repositories: Vec<String>,
        jobs: usize,
    ) -> Result<PrunePlan> {
        let mut surveyed = Vec::new();
        for (lot, place) in claims.lots.iter().zip(places) {
            surveyed.push(survey(lot, &claims.documents, &**place, jobs)?);
        }
        let mut used: BTreeSet<Digest> = BTreeSet::new();
        used.extend(claims.lots.iter().flat_map(|lot| &lot.needed));
        used.extend(surveyed.iter().flat_map(|it| &it.staying));
        let mut freed: BTreeMap<Digest, Descriptor> = BTreeMap::new();
        let mut lots = Vec::new();
        for ((found, place), repository) in surveyed.into_iter().zip(places).zip(repositories) {
            let LotVerdict { names, documents, emptied, parts_names, .. } = found;
            let parts = emptied.iter().flat_map(|it| claims.documents.get(it));
            let mut blobs: BTreeMap<Digest, Descriptor> = BTreeMap::new();
            for part in parts.flat_map(|document| document.children()) {
                let is_blob = !part.is_document() && !claims.documents.contains_key(&part.digest);
                if is_blob && !part.is_foreign() && !used.contains(&part.digest) {
                    blobs.insert(part.digest, part.clone());
                }
            }
            let mut going = Vec::new();
            let mut emptied: BTreeMap<Digest, Descriptor> = BTreeMap::new();
            if place.removes_blobs() {
                for blob in blobs.into_values() {
                    going.extend(place.is_there(&blob)?.then_some(blob));
                }
                emptied.extend(going.iter().map(|blob| (blob.digest, blob.clone())));
            } else {
                emptied.extend(blobs);
            }
            emptied.extend(documents.iter().map(|it| (it.digest, it.clone())));
            let frees = emptied.values().collect();
            freed.extend(emptied);
            lots.push(PruneLot { repository, names, documents, blobs: going, frees, parts_names });
        }
        Ok(PrunePlan { lots, frees: freed.values().collect() })
    }

    /// Whether there is nothing to take away.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lots.iter().all(|lot| {
            lot.going().next().is_none() && lot.documents.is_empty() && lot.blobs.is_empty()
        })
    }

    /// How many documents and blobs go, and their bytes.
    pub(super) fn weight(&self) -> (u64, u64) {
        let all = self.lots.iter().flat_map(|lot| lot.documents.iter().chain(&lot.blobs));
        all.fold((0, 0), |(items, bytes), it| (items + 1, bytes.saturating_add(it.size)))
    }
}
