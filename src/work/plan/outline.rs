//! What belongs into a repository of the destination, before that was asked about anything.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Action, DocumentStep, NameAction, NameStep, ReferrersList, RepositoryPlan, Scope, Transfer,
};
use crate::bundle::contents::Contents;
use crate::words::digest::Digest;
use crate::words::document::is_document;
use crate::words::reference::{Reference, Tag};

/// Everything of `scope`, as if nothing were there yet.
pub(super) fn outline(contents: &Contents, scope: &Scope) -> RepositoryPlan {
    let ranks = ranks(contents);
    let mut seen = BTreeSet::new();
    let (mut blobs, mut documents) = (Vec::new(), Vec::new());
    for root in scope.roots(contents) {
        for document in contents.children_first(root) {
            let about = document.descriptor();
            if !seen.insert(about.digest) {
                continue;
            }
            for child in document.children() {
                let moves = !is_document(&child.media_type) && !child.is_foreign();
                if moves && seen.insert(child.digest) {
                    blobs.push(Transfer { blob: child.clone(), action: Action::Copy });
                }
            }
            documents.push(DocumentStep {
                document: about.clone(),
                rank: ranks.get(&about.digest).copied().unwrap_or(0),
                present: false,
                subject: document.subject().map(|subject| subject.digest),
            });
        }
    }
    documents.sort_by_key(|step| step.rank);
    RepositoryPlan {
        repository: scope.name.clone(),
        blobs,
        documents,
        names: names(contents, scope),
        lists: lists(contents, scope),
        path: scope.path.clone(),
    }
}

/// How many steps each document has below it: its children, and what it refers to. None can be
/// its own: each name is a digest of what names the others.
fn ranks(contents: &Contents) -> BTreeMap<Digest, usize> {
    let mut ranks: BTreeMap<Digest, usize> = BTreeMap::new();
    let mut open: Vec<Digest> = contents.documents.keys().copied().collect();
    while !open.is_empty() {
        let before = open.len();
        open.retain(|digest| {
            let Some(document) = contents.documents.get(digest) else { return false };
            let below = document.children().into_iter().chain(document.subject());
            let mut held = below.filter(|below| contents.documents.contains_key(&below.digest));
            let rank = held.try_fold(0, |rank, below| {
                ranks.get(&below.digest).map(|below| rank.max(below + 1))
            });
            if let Some(rank) = rank {
                ranks.insert(*digest, rank);
            }
            rank.is_none()
        });
        if open.len() == before {
            break;
        }
    }
    ranks
}

fn names(contents: &Contents, scope: &Scope) -> Vec<NameStep> {
    let step = |name: Reference, to: &Reference, digest: Digest, from: Option<Digest>| NameStep {
        name,
        to: to.clone(),
        digest,
        now: None,
        rewritten_from: from,
        action: NameAction::Create,
    };
    let images = scope.images.iter().map(|(index, to)| {
        let image = &contents.images[*index];
        step(image.name.clone(), to, image.digest, image.rewritten_from)
    });
    let referrers = scope.referrers.iter().filter_map(|(index, to)| {
        let referrer = &contents.referrers[*index];
        Some(step(referrer.name()?, to.as_ref()?, referrer.digest, None))
    });
    images.chain(referrers).collect()
}

fn lists(contents: &Contents, scope: &Scope) -> Vec<ReferrersList> {
    let mut lists: BTreeMap<Tag, BTreeSet<Digest>> = BTreeMap::new();
    for (index, to) in &scope.referrers {
        let referrer = &contents.referrers[*index];
        if to.is_none() {
            let tag = Tag::referrers_of(&referrer.subject);
            lists.entry(tag).or_default().insert(referrer.digest);
        }
    }
    lists
        .into_iter()
        .map(|(tag, referrers)| ReferrersList { tag, referrers: referrers.into_iter().collect() })
        .collect()
}
