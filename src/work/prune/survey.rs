//! [`survey`]: one repository, as it stands: what may go, and what has to stay.

use std::collections::{BTreeMap, BTreeSet};

use super::known::KnownParts;
use super::lot::Lot;
use super::name::{PruneAction, PruneName};
use crate::storage::holdings::Held;
use crate::storage::removal::ImageRemoval;
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::Result;
use crate::words::reference::Reference;

/// What was found of one repository.
pub(super) struct LotVerdict {
    /// The names that no kept bundle has.
    pub(super) names: Vec<PruneName>,
    /// The documents that go, in order.
    pub(super) documents: Vec<Descriptor>,
    /// The documents whose blobs nothing here needs for their sake any more.
    pub(super) emptied: BTreeSet<Digest>,
    /// Everything that is needed by what stays.
    pub(super) staying: BTreeSet<Digest>,
    /// Whether names go by themselves.
    pub(super) parts_names: bool,
}

/// A repository on its way to be judged.
struct Survey<'s> {
    lot: &'s Lot,
    known: KnownParts<'s>,
    place: &'s dyn ImageRemoval,
    jobs: usize,
    /// What stays, with everything below it.
    roots: BTreeSet<Digest>,
    /// What may go by name so far, and what it stands for.
    candidates: BTreeMap<Reference, Digest>,
    /// Lists of referrers under fallback tags: what they are, and of which document's referrers.
    lists: BTreeMap<Reference, (Digest, Digest)>,
    /// What stays, and why.
    stays: Vec<PruneName>,
    /// Of the documents that were brought, what somebody else's refers to, or is kept by its digest
    /// alone; asked once.
    held_fast: BTreeMap<Digest, bool>,
    /// What stays because of that.
    referred: BTreeSet<Digest>,
    /// What stays because what it refers to does.
    attached: BTreeSet<Digest>,
}

/// Looks at `place`, the repository that `lot` was brought to, and judges. Of `documents`, all that
/// bundles hold, it is known what they consist of.
///
/// # Errors
/// When the place cannot tell, or lets nothing be taken away.
pub(super) fn survey<'s>(
    lot: &'s Lot,
    documents: &'s BTreeMap<Digest, &'s Document>,
    place: &'s dyn ImageRemoval,
    jobs: usize,
) -> Result<LotVerdict> {
    let mut survey = Survey {
        lot,
        known: KnownParts::of(documents),
        place,
        jobs,
        roots: BTreeSet::new(),
        candidates: BTreeMap::new(),
        lists: BTreeMap::new(),
        stays: Vec::new(),
        held_fast: BTreeMap::new(),
        referred: BTreeSet::new(),
        attached: BTreeSet::new(),
    };
    survey.look_at_names()?;
    let present = survey.present()?;
    let may_go = !survey.candidates.is_empty() || !survey.lists.is_empty() || !present.is_empty();
    // Blobs may be left of documents that went before.
    if !may_go && !place.removes_blobs() {
        return Ok(survey.nothing());
    }
    let parts_names = place.parts_names()?;
    survey.learn()?;
    let staying = survey.settle(&present)?;
    survey.finish(&present, staying, parts_names)
}

impl Survey<'_> {
    /// What each name stands for, and whether it may go.
    fn look_at_names(&mut self) -> Result<()> {
        let names = self.place.names()?;
        let held = parallel::map(self.jobs, &names, |name| self.place.stands_for(name))?;
        for (name, held) in names.into_iter().zip(held) {
            let digest = match held {
                Held::Known(digest) | Held::Withheld(Some(digest)) => digest,
                // What nobody may know is not taken away.
                Held::Nothing | Held::Withheld(None) => continue,
            };
            let subject = name.tag.as_ref().and_then(|tag| tag.subject());
            if let Some(subject) = subject.filter(|it| self.lot.documents.contains(it)) {
                self.lists.insert(name, (digest, subject));
                continue;
            }
            match self.lot.last_brought(&name) {
                // Back to what an older bundle brought is moved, too.
                Some(last) if last != digest => {
                    self.stay(name, digest, PruneAction::Moved);
                }
                Some(_) if self.place.is_fixed(&name)? => {
                    self.stay(name, digest, PruneAction::Fixed);
                }
                Some(_) => _ = self.candidates.insert(name, digest),
                None => _ = self.roots.insert(digest),
            }
        }
        let unnamed = self.place.unnamed()?;
        self.roots.extend(unnamed.into_iter().filter(|it| !self.lot.documents.contains(it)));
        Ok(())
    }

    fn stay(&mut self, name: Reference, digest: Digest, action: PruneAction) {
        self.roots.insert(digest);
        self.stays.push(PruneName { name, digest, action });
    }

    /// The documents that were brought and are not needed by what is kept, as far as they are there.
    fn present(&self) -> Result<BTreeSet<Digest>> {
        let ours = self.known.parents_first(&self.lot.documents);
        let free: Vec<&Document> = ours
            .into_iter()
            .filter(|it| !self.lot.needed.contains(&it.descriptor().digest))
            .collect();
        let there = parallel::map(self.jobs, &free, |it| self.place.is_there(it.descriptor()))?;
        let free = free.into_iter().zip(there).filter(|(_, there)| *there);
        Ok(free.map(|(document, _)| document.descriptor().digest).collect())
    }

    /// Where nothing may go.
    fn nothing(self) -> LotVerdict {
        LotVerdict {
            names: self.stays,
            documents: Vec::new(),
            emptied: BTreeSet::new(),
            staying: BTreeSet::new(),
            parts_names: true,
        }
    }

    /// Reads what others have there, so as to know what they need.
    fn learn(&mut self) -> Result<()> {
        let lists = self.lists.values().map(|(list, _)| *list);
        let all: BTreeSet<Digest> = self.roots.iter().copied().chain(lists).collect();
        self.known.learn(&all, self.place, self.jobs)
    }

    /// Everything that is needed by what stays now.
    fn staying(&self) -> BTreeSet<Digest> {
        let mut staying = self.lot.needed.clone();
        let mut below = BTreeSet::new();
        self.roots.iter().for_each(|root| self.known.add_closure(*root, &mut below));
        staying.append(&mut below);
        staying
    }

    /// Lets everything stay that something else depends on, until nothing changes any more.
    fn settle(&mut self, present: &BTreeSet<Digest>) -> Result<BTreeSet<Digest>> {
        loop {
            let staying = self.staying();
            let before = self.roots.len();
            // A list stays with what its entries refer to, and with those of others.
            let is_ours = |list: &Digest| {
                self.known.parts(list).iter().all(|it| self.lot.documents.contains(&it.digest))
            };
            let lists = self.lists.values();
            let lists = lists.filter(|(list, of)| staying.contains(of) || !is_ours(list));
            let lists: Vec<Digest> = lists.map(|(list, _)| *list).collect();
            self.roots.extend(lists);
            let named = self.candidates.values().copied();
            let going: BTreeSet<Digest> =
                present.iter().copied().chain(named).filter(|it| !staying.contains(it)).collect();
            self.ask_who_refers(&going)?;
            for digest in going {
                let subjects = self.lot.subjects.get(&digest);
                if subjects.is_some_and(|of| !of.is_disjoint(&staying)) {
                    self.roots.insert(digest);
                    self.attached.insert(digest);
                }
                let below = self.known.closure(digest);
                if below.iter().any(|it| self.held_fast.get(it) == Some(&true)) {
                    self.roots.insert(digest);
                    self.referred.insert(digest);
                }
            }
            if self.roots.len() == before {
                return Ok(staying);
            }
        }
    }

    /// Finds out to which of `going` something refers that no bundle brought.
    fn ask_who_refers(&mut self, going: &BTreeSet<Digest>) -> Result<()> {
        let ahead = going.iter().filter(|it| !self.held_fast.contains_key(*it)).copied();
        let ahead: BTreeSet<Digest> = ahead.collect();
        let ahead = self.known.parents_first(&ahead);
        let found = parallel::map(self.jobs, &ahead, |document| {
            self.place.referring(document.descriptor())
        })?;
        for (document, referring) in ahead.into_iter().zip(found) {
            let digest = document.descriptor().digest;
            let is_ours = |it: &Digest| self.lot.documents.contains(it);
            let is_held = self.lot.pinned.contains(&digest) || !referring.iter().all(is_ours);
            self.held_fast.insert(digest, is_held);
        }
        for digest in &self.lot.pinned {
            self.held_fast.insert(*digest, true);
        }
        Ok(())
    }

    /// What goes, and in which order.
    fn finish(
        mut self,
        present: &BTreeSet<Digest>,
        staying: BTreeSet<Digest>,
        parts_names: bool,
    ) -> Result<LotVerdict> {
        let mut names = std::mem::take(&mut self.stays);
        for (name, digest) in &self.candidates {
            let action = match staying.contains(digest) {
                _ if self.referred.contains(digest) => PruneAction::Referred,
                _ if self.attached.contains(digest) => PruneAction::Shared,
                true if !parts_names => PruneAction::Shared,
                _ => PruneAction::Remove,
            };
            names.push(PruneName { name: name.clone(), digest: *digest, action });
        }
        let going: BTreeSet<Digest> = present.difference(&staying).copied().collect();
        let order = self.known.parents_first(&going);
        let mut documents: Vec<Descriptor> =
            order.into_iter().map(|document| document.descriptor().clone()).collect();
        for (name, (list, _)) in &self.lists {
            if staying.contains(list) {
                continue;
            }
            names.push(PruneName {
                name: name.clone(),
                digest: *list,
                action: PruneAction::Remove,
            });
            if let Some(document) = self.place.look_into(list)? {
                documents.push(document.descriptor().clone());
            }
        }
        names.sort_by(|one, other| one.name.cmp(&other.name));
        let mut emptied: BTreeSet<Digest> = match self.place.removes_blobs() {
            true => self.lot.documents.clone(),
            false => going,
        };
        for name in names.iter().filter(|name| name.action == PruneAction::Remove) {
            emptied.extend(self.known.closure(name.digest));
        }
        emptied.retain(|digest| !staying.contains(digest));
        Ok(LotVerdict { names, documents, emptied, staying, parts_names })
    }
}
