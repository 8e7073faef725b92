//! [`compare`]: what places hold, and others do not use. Pure.
//!
//! Nothing is called unused on a guess: whatever may be the same counts as used, and what cannot be
//! compared is told apart.

use std::collections::{BTreeMap, BTreeSet};

use super::held::HeldImage;
use super::listing::PlaceListing;
use super::report::{ComparedBy, ComparedWith, ImageList, UsesCompared, merged};
use super::request::Request;
use crate::words::digest::Digest;
use crate::words::reference::Reference;
use crate::work::mapping::{Mapping, Naming};

/// What is known of an image that is used, for the question whether another one of its name is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    /// Whether it is asked for by its name, whatever that stands for.
    is_asked: bool,
    has_digest: bool,
    has_config: bool,
}

impl Known {
    fn of(used: &HeldImage) -> Known {
        Known {
            is_asked: used.is_asked,
            has_digest: used.digest.is_some() || !used.parts.is_empty(),
            has_config: used.config.is_some(),
        }
    }

    /// Whether its digest tells that it is, or is not, `held`.
    fn tells(self, held: &HeldImage) -> bool {
        self.has_digest && held.digest.is_some() || self.has_config && held.config.is_some()
    }

    /// Whether its name counts for `held`.
    fn counts(self, held: &HeldImage) -> bool {
        self.is_asked || !self.tells(held)
    }
}

/// All that is used, as it is called at one place.
#[derive(Debug, Default)]
struct Used {
    /// Digests that stand for an image as a whole.
    roots: BTreeSet<Digest>,
    /// Those, and those of what belongs to them.
    all: BTreeSet<Digest>,
    /// Every name that one has, or would have at the place.
    names: BTreeMap<String, BTreeSet<Known>>,
    /// What is known of any.
    known: BTreeSet<Known>,
}

impl Used {
    /// What `others` use, where names are mapped into a place by any of `into`.
    fn of(others: &[PlaceListing], into: &[Mapping]) -> Used {
        let mut used = Used::default();
        for (other, held) in
            others.iter().flat_map(|it| it.images.values().map(move |held| (it, held)))
        {
            let known = Known::of(held);
            used.known.insert(known);
            used.roots.extend(held.roots());
            used.all.extend(held.all());
            if let Some(name) = held.tagged() {
                for name in aliases(name, &other.naming, into) {
                    used.names.entry(name).or_default().insert(known);
                }
            }
        }
        used
    }

    /// Whether `held`, which goes by `names`, is used; nothing where that cannot be told. If not, how that was found.
    fn has(&self, held: &HeldImage, names: &BTreeSet<String>) -> Option<Result<(), ComparedBy>> {
        let by_digest = held.roots().any(|digest| self.all.contains(&digest))
            || held.all().any(|digest| self.roots.contains(&digest));
        let same = names.iter().filter_map(|name| self.names.get(name)).flatten();
        if by_digest || same.into_iter().any(|known| known.counts(held)) {
            return Some(Ok(()));
        }
        let by_digest = self.known.iter().any(|known| known.tells(held));
        let by_name = self.known.iter().any(|known| known.counts(held));
        match (by_digest, by_name, names.is_empty()) {
            (true, false, _) => Some(Err(ComparedBy::Digest)),
            (true, true, false) => Some(Err(ComparedBy::DigestAndName)),
            (false, _, false) => Some(Err(ComparedBy::Name)),
            // What has no name may be any of those whose digests are not known.
            (_, _, true) => None,
        }
    }
}

/// Of all that is `held`, what none of the `others` uses.
pub(super) fn compare(
    held: Vec<PlaceListing>,
    others: &[PlaceListing],
    request: &Request,
) -> ImageList {
    // A rule adds to what an image may be called, and takes nothing away.
    let mappings = |naming: &Naming| {
        let plain = Mapping::new(naming.clone());
        let (rules, flatten) = (request.rules.clone(), request.flatten);
        [Mapping { rules, flatten, ..plain.clone() }, plain]
    };
    let away: Vec<Mapping> = others.iter().flat_map(|other| mappings(&other.naming)).collect();
    let (mut unused, mut undecided, mut count) = (Vec::new(), Vec::new(), 0);
    for listing in held {
        let used = Used::of(others, &mappings(&listing.naming));
        for held in listing.images.into_values() {
            let names = match held.tagged() {
                Some(name) => aliases(name, &listing.naming, &away),
                None => BTreeSet::new(),
            };
            match used.has(&held, &names) {
                Some(Ok(())) => count += 1,
                Some(Err(by)) => unused.push((held, Some(by))),
                None => undecided.push((held, None)),
            }
        }
    }
    let with = others.iter().map(|other| ComparedWith {
        place: other.shown.clone(),
        images: other.images.len() as u64,
        digests: other.images.values().filter(|it| Known::of(it).has_digest).count() as u64,
    });
    let images = merged(unused.into_iter());
    let compared = UsesCompared {
        with: with.collect(),
        used: count,
        unused: images.len() as u64,
        undecided: merged(undecided.into_iter()),
    };
    ImageList { images, compared: Some(compared), ..ImageList::default() }
}

/// The rules of `request` that fit no name of either side, as they were written: most likely misspelt.
pub(super) fn idle(
    held: &[PlaceListing],
    others: &[PlaceListing],
    request: &Request,
) -> Vec<String> {
    let mapping = Mapping { rules: request.rules.clone(), ..Mapping::new(Naming::FullNames) };
    let names = || [held, others].into_iter().flatten().flat_map(|it| it.images.values());
    mapping.idle(names().filter_map(|held| held.name.as_ref()))
}

/// What `name`, of a place with this `naming`, may be called elsewhere: as it is, as an import `into` a place
/// would call it, and, between two registries, as it is called below the path in each.
fn aliases(name: &Reference, naming: &Naming, into: &[Mapping]) -> BTreeSet<String> {
    let mut all = BTreeSet::from([name.to_string()]);
    // Where a rule makes no name, nothing can be called so.
    all.extend(into.iter().filter_map(|into| into.apply(name).ok()).map(|made| made.to_string()));
    if let (Naming::Registry { prefix, .. }, Some(tag)) = (naming, &name.tag) {
        let path = name.repository.as_str();
        let below = match prefix {
            Some(prefix) => path.strip_prefix(prefix.as_str()).and_then(|it| it.strip_prefix('/')),
            None => Some(path),
        };
        // No name of an image begins so.
        all.extend(below.map(|below| format!("//{below}:{tag}")));
    }
    all
}

#[cfg(test)]
mod tests;
