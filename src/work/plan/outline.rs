//! What belongs into a repository of the destination, before that was asked about anything.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Action, DocumentStep, NameAction, NameStep, ReferrersList, RepositoryPlan, Scope, Transfer,
};
use crate::bundle::contents::Contents;
use crate::words::digest::Digest;
use crate::words::document::is_document;
use crate::words::reference::{Reference, Tag};

/// Everything of `scope` that its `names` do not leave behind, as if nothing were there yet.
pub(super) fn outline(
    contents: &Contents,
    ranks: &BTreeMap<Digest, usize>,
    scope: &Scope,
    names: Vec<NameStep>,
) -> RepositoryPlan {
    let chosen = choose(contents, scope, names);
    let mut seen = BTreeSet::new();
    let (mut blobs, mut documents) = (Vec::new(), Vec::new());
    for root in &chosen.roots {
        for document in contents.children_first(*root) {
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
        lists: lists(contents, &chosen),
        names: chosen.names,
        path: scope.path.clone(),
    }
}

/// What of a scope comes along.
struct Chosen {
    roots: Vec<Digest>,
    names: Vec<NameStep>,
    /// Referrers without a tag, by their place in the contents.
    referrers: Vec<usize>,
}

/// The images that are not left behind, and what refers to them or to what refers to them.
fn choose(contents: &Contents, scope: &Scope, names: Vec<NameStep>) -> Chosen {
    let mut steps = names.into_iter();
    let (mut roots, mut names, mut reached) = (Vec::new(), Vec::new(), BTreeSet::new());
    for step in steps.by_ref().take(scope.images.len()) {
        if step.action != NameAction::Keep {
            roots.push(step.digest);
            reached.extend(contents.closure(step.digest));
        }
        names.push(step);
    }
    let mut ahead: Vec<(usize, Option<NameStep>)> = Vec::new();
    for (index, to) in &scope.referrers {
        let step = to.as_ref().and_then(|_| steps.next());
        ahead.push((*index, step));
    }
    let mut referrers = Vec::new();
    loop {
        let is_next =
            |(index, _): &(usize, _)| reached.contains(&contents.referrers[*index].subject);
        let (next, rest): (Vec<_>, Vec<_>) = ahead.into_iter().partition(is_next);
        if next.is_empty() {
            return Chosen { roots, names, referrers };
        }
        ahead = rest;
        for (index, step) in next {
            let digest = contents.referrers[index].digest;
            if step.as_ref().is_none_or(|step| step.action != NameAction::Keep) {
                roots.push(digest);
                reached.extend(contents.closure(digest));
            }
            match step {
                Some(step) => names.push(step),
                None => referrers.push(index),
            }
        }
    }
}

/// How many steps each document has below it: its children, and what it refers to. None can be
/// its own: each name is a digest of what names the others.
pub(super) fn ranks(contents: &Contents) -> BTreeMap<Digest, usize> {
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

/// The names of a scope: of its images, then of the referrers that have one.
pub(super) fn names(contents: &Contents, scope: &Scope) -> Vec<NameStep> {
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
        let (referrer, to) = (&contents.referrers[*index], to.as_ref()?);
        Some(step(referrer.name().unwrap_or_else(|| to.clone()), to, referrer.digest))
    });
    images.chain(referrers).collect()
}

fn lists(contents: &Contents, chosen: &Chosen) -> Vec<ReferrersList> {
    let mut lists: BTreeMap<Tag, BTreeSet<Digest>> = BTreeMap::new();
    for index in &chosen.referrers {
        let referrer = &contents.referrers[*index];
        let tag = Tag::referrers_of(&referrer.subject);
        lists.entry(tag).or_default().insert(referrer.digest);
    }
    let carried = |tag: &Tag| {
        let step = chosen.names.iter().find(|step| step.to.tag.as_ref() == Some(tag));
        step.map(|step| step.digest)
    };
    lists
        .into_iter()
        .map(|(tag, referrers)| ReferrersList {
            carried: carried(&tag),
            tag,
            referrers: referrers.into_iter().collect(),
        })
        .collect()
}
