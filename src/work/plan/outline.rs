//! What belongs into a repository of the destination, before that was asked about anything.

use std::collections::{BTreeMap, BTreeSet};

use super::delivery::Delivery;
use super::repository::{ReferrersList, RepositoryPlan};
use super::step::{Action, DocumentStep, NameAction, NameStep, Transfer};
use crate::bundle::contents::{Contents, Referrer};
use crate::bundle::subset::follow;
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::reference::{Reference, Tag};

/// Everything of `delivery` that its `names` do not leave behind, as if nothing were there yet.
pub(super) fn outline<H: ?Sized>(
    contents: &Contents,
    ranks: &BTreeMap<Digest, usize>,
    delivery: &Delivery<H>,
    names: Vec<NameStep>,
) -> RepositoryPlan {
    let chosen = choose(contents, delivery, names);
    // The same bytes may stand once as a manifest and once as a layer, in two stores.
    let mut seen = BTreeSet::new();
    let (mut blobs, mut documents) = (Vec::new(), Vec::new());
    for document in contents.children_first(chosen.roots.iter().copied()) {
        let about = document.descriptor();
        for child in document.children() {
            let moves = !child.is_document() && !child.is_foreign();
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
    documents.sort_by_key(|step| step.rank);
    RepositoryPlan {
        repository: delivery.name.clone(),
        blobs,
        documents,
        lists: lists(contents, &chosen),
        names: chosen.names,
        is_file: delivery.is_file,
        sibling: delivery.sibling.clone(),
    }
}

/// What of a delivery comes along.
struct Coming {
    roots: Vec<Digest>,
    names: Vec<NameStep>,
    /// Referrers without a tag.
    referrers: Vec<At<Referrer>>,
}

/// The images that are not left behind, and what refers to them or to what refers to them.
fn choose<H: ?Sized>(contents: &Contents, delivery: &Delivery<H>, names: Vec<NameStep>) -> Coming {
    let all = names.iter().all(|step| step.action != NameAction::Keep);
    let mut steps = names.into_iter();
    let (mut roots, mut names, mut reached) = (Vec::new(), Vec::new(), BTreeSet::new());
    for step in steps.by_ref().take(delivery.images.len()) {
        if step.action != NameAction::Keep {
            roots.push(step.digest);
            reached.extend(contents.closure(step.digest));
            reached.extend(step.rewritten_from.or(step.smaller_than));
        }
        names.push(step);
    }
    let mut ahead: Vec<(At<Referrer>, Option<NameStep>)> = Vec::new();
    let mut referring: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
    for (at, to) in &delivery.referrers {
        let step = to.as_ref().and_then(|_| steps.next());
        let subject = at.of(&contents.referrers).subject;
        referring.entry(subject).or_default().push(ahead.len());
        ahead.push((*at, step));
    }
    let is_kept = |(_, step): &(At<Referrer>, Option<NameStep>)| {
        step.as_ref().is_some_and(|step| step.action == NameAction::Keep)
    };
    let coming = match all {
        true => (0..ahead.len()).collect(),
        false => follow(
            reached,
            |subject| referring.get(subject).map(Vec::as_slice).unwrap_or_default(),
            |next| match &ahead[next] {
                kept if is_kept(kept) => BTreeSet::new(),
                (at, _) => contents.closure(at.of(&contents.referrers).digest),
            },
        ),
    };
    let mut referrers = Vec::new();
    for next in coming {
        let is_kept = is_kept(&ahead[next]);
        let (at, step) = (ahead[next].0, ahead[next].1.take());
        // In a registry a list is written when it turns out to be needed. Sent before, it
        // would stay without a tag where it is not.
        let waits = delivery.sibling.is_some() && step.as_ref().is_some_and(NameStep::is_list);
        if !is_kept && !waits {
            roots.push(at.of(&contents.referrers).digest);
        }
        match step {
            Some(step) => names.push(step),
            None => referrers.push(at),
        }
    }
    Coming { roots, names, referrers }
}

/// How many steps each document has below it: its children, and what it refers to. None can be
/// its own: each name is a digest of what names the others.
pub(super) fn ranks(contents: &Contents) -> BTreeMap<Digest, usize> {
    fn below(document: &Document) -> Vec<&Descriptor> {
        document.children().into_iter().chain(document.subject()).collect()
    }
    let mut ranks: BTreeMap<Digest, usize> = BTreeMap::new();
    for document in contents.below_first(contents.documents.keys().copied(), below) {
        let held = below(document).into_iter().filter_map(|below| ranks.get(&below.digest));
        let rank = held.map(|rank| rank + 1).max().unwrap_or(0);
        ranks.insert(document.descriptor().digest, rank);
    }
    ranks
}

/// The names of a delivery: of its images, then of the referrers that have one.
pub(super) fn names<H: ?Sized>(contents: &Contents, delivery: &Delivery<H>) -> Vec<NameStep> {
    let step = |name: Reference, to: &Reference, digest: Digest, from: Option<Digest>| {
        // What was made on export was signed then.
        let here = contents.replaced.contains_key(&digest);
        NameStep {
            name,
            to: to.clone(),
            digest,
            bytes: 0,
            now: None,
            withheld: false,
            rewritten_from: from.filter(|_| here),
            smaller_than: from.filter(|_| !here),
            action: NameAction::Create,
        }
    };
    let images = delivery.images.iter().map(|(at, to)| {
        let image = at.of(&contents.images);
        step(image.name.clone(), to, image.digest, image.rewritten_from)
    });
    let referrers = delivery.referrers.iter().filter_map(|(at, to)| {
        let (referrer, to) = (at.of(&contents.referrers), to.as_ref()?);
        Some(step(referrer.name().unwrap_or_else(|| to.clone()), to, referrer.digest, None))
    });
    images.chain(referrers).collect()
}

fn lists(contents: &Contents, chosen: &Coming) -> Vec<ReferrersList> {
    let mut lists: BTreeMap<Tag, BTreeSet<Digest>> = BTreeMap::new();
    for at in &chosen.referrers {
        let referrer = at.of(&contents.referrers);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::samples;
    use crate::places::layout::LayoutStore;
    use crate::words::media::{OCI_INDEX, OCI_MANIFEST};
    use serde_json::json;

    fn manifest(layers: &[Descriptor]) -> Document {
        let config = Descriptor::of("a/b", b"{}");
        let raw = json!({"schemaVersion": 2, "config": config, "layers": layers});
        Document::parse(raw.to_string().into_bytes(), OCI_MANIFEST).unwrap()
    }

    fn index(child: &Document) -> Document {
        let raw = json!({"schemaVersion": 2, "manifests": [child.descriptor()]});
        Document::parse(raw.to_string().into_bytes(), OCI_INDEX).unwrap()
    }

    fn holding(documents: &[&Document]) -> Contents {
        let documents = documents.iter().map(|d| (d.descriptor().digest, (*d).clone())).collect();
        Contents { documents, ..Contents::default() }
    }

    #[test]
    fn a_manifest_that_is_also_a_layer_goes_both_ways() {
        let inner = manifest(&[]);
        let carried = Descriptor::new("a/tar", inner.descriptor().digest, inner.descriptor().size);
        let outer = manifest(std::slice::from_ref(&carried));
        for order in [[&outer, &inner], [&inner, &outer]] {
            let mut contents = holding(&order);
            let tagged = |n: usize| format!("localhost/a:{n}").parse::<Reference>().unwrap();
            contents.images = order
                .iter()
                .enumerate()
                .map(|(n, d)| samples::image(tagged(n), d.descriptor()))
                .collect();
            let delivery: Delivery = Delivery {
                there: Box::new(LayoutStore::open(std::path::Path::new("nowhere")).unwrap()),
                name: "localhost/a".to_owned(),
                sibling: None,
                images: vec![(At::nth(0), tagged(0)), (At::nth(1), tagged(1))],
                referrers: Vec::new(),
                is_file: false,
                absent: false,
            };

            let plan =
                outline(&contents, &ranks(&contents), &delivery, names(&contents, &delivery));

            assert_eq!(plan.documents.len(), 2);
            assert!(plan.blobs.iter().any(|transfer| transfer.blob == carried), "{plan:?}");
        }
    }

    #[test]
    fn a_long_chain_is_ranked_in_one_walk() {
        let mut chain = vec![manifest(&[])];
        for _ in 0..5_000 {
            chain.push(index(&chain[chain.len() - 1]));
        }
        let contents = holding(&chain.iter().collect::<Vec<_>>());

        let ranks = ranks(&contents);

        assert!(chain.iter().enumerate().all(|(at, d)| ranks[&d.descriptor().digest] == at));
    }
}
