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
                rank: rank(contents, about.digest),
                present: false,
                subject: document.subject().map(|subject| subject.digest),
            });
        }
    }
    // Subjects before their referrers is no rule of the specification, but some registries
    // refuse the other order; ranks put plain images first in any case.
    documents.sort_by_key(|step| (step.subject.is_some(), step.rank));
    RepositoryPlan {
        repository: scope.name.clone(),
        blobs,
        documents,
        names: names(contents, scope),
        lists: lists(contents, scope),
        path: scope.path.clone(),
    }
}

fn rank(contents: &Contents, digest: Digest) -> usize {
    let children = contents.documents.get(&digest).map(|d| d.children()).unwrap_or_default();
    let below = children.iter().filter(|child| contents.documents.contains_key(&child.digest));
    below.map(|child| rank(contents, child.digest) + 1).max().unwrap_or(0)
}

fn names(contents: &Contents, scope: &Scope) -> Vec<NameStep> {
    let step = |name: Reference, to: &Reference, digest: Digest| NameStep {
        name,
        to: to.clone(),
        digest,
        now: None,
        action: NameAction::Create,
    };
    let images = scope.images.iter().map(|(index, to)| {
        let image = &contents.images[*index];
        step(image.name.clone(), to, image.digest)
    });
    let referrers = scope.referrers.iter().filter_map(|(index, to)| {
        let referrer = &contents.referrers[*index];
        Some(step(referrer.name()?, to.as_ref()?, referrer.digest))
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
