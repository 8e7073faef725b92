//! Parts of a [`Plan`], for places that are filled one after another.

use std::collections::BTreeSet;

use super::Plan;
use super::repository::RepositoryPlan;
use super::sibling::Sibling;
use super::step::{Action, DocumentStep, NameAction, NameStep, Transfer};
use crate::bundle::contents::Contents;
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::media::DOCKER_MANIFEST;

impl Plan {
    /// The names that are to be written.
    pub fn changes(&self) -> impl Iterator<Item = &NameStep> {
        let all = self.repositories.iter().flat_map(|repository| &repository.names);
        all.filter(|step| matches!(step.action, NameAction::Create | NameAction::Replace))
    }

    /// The blobs whose bytes are to be sent.
    pub fn sent(&self) -> impl Iterator<Item = &Descriptor> {
        let all = self.repositories.iter().flat_map(|repository| &repository.blobs);
        all.filter(|transfer| transfer.action == Action::Copy).map(|transfer| &transfer.blob)
    }

    /// Leaves out the blobs that are to be sent, and those that are to be mounted from where they are sent to.
    pub fn leave_sent(&mut self) {
        let sent: BTreeSet<Digest> = self.sent().map(|blob| blob.digest).collect();
        for repository in &mut self.repositories {
            repository.blobs.retain(|transfer| !sent.contains(&transfer.blob.digest));
        }
        self.count();
    }

    /// Leaves of it no more than the blobs that are moved and that `contents` carry: nothing that
    /// anybody could see. Gives those that nobody carries.
    pub fn keep_carried_blobs(&mut self, contents: &Contents) -> BTreeSet<Digest> {
        let not_carried: BTreeSet<Digest> =
            contents.blobs.lacking().map(|blob| blob.digest).collect();
        let sent = self.sent().map(|blob| blob.digest);
        let lacking = sent.filter(|digest| not_carried.contains(digest)).collect();
        for repository in &mut self.repositories {
            repository.blobs.retain(|transfer| {
                transfer.action != Action::Present && !not_carried.contains(&transfer.blob.digest)
            });
            repository.documents.clear();
            repository.lists.clear();
            repository.names.clear();
        }
        self.count();
        lacking
    }

    /// The plan for the repository at `at` alone.
    ///
    /// Whoever runs it makes sure that the whole plan has no obstacles; it has none of its own.
    #[must_use]
    pub fn alone(&self, at: At<RepositoryPlan>) -> Plan {
        let mut plan = Plan::empty(self.statement);
        plan.repositories.extend(at.get(&self.repositories).cloned());
        plan.count();
        plan
    }

    /// Takes out of the plan one of Docker's manifests, that with the fewest bytes to send, with its
    /// blobs, where there is any and more to send than that: not every registry takes such, which
    /// only its answer tells, and everything else should not have been sent in vain by then.
    pub fn split_doubtful(&mut self, contents: &Contents) -> Option<Plan> {
        let all = At::each(&self.repositories);
        let doubtful = all.flat_map(|(at, repository)| {
            let is_it = |step: &&DocumentStep| {
                !step.present
                    && step.subject.is_none()
                    && step.document.media_type == DOCKER_MANIFEST
            };
            repository.documents.iter().filter(is_it).map(move |step| (at, step.document.digest))
        });
        let parts = |digest: &Digest| -> BTreeSet<Digest> {
            let document = contents.documents.get(digest);
            document.into_iter().flat_map(Document::children).map(|child| child.digest).collect()
        };
        let bytes = |(at, digest): &(At<RepositoryPlan>, Digest)| {
            let parts = parts(digest);
            let blobs = at.of(&self.repositories).blobs.iter();
            let sent =
                blobs.filter(|it| it.action == Action::Copy && parts.contains(&it.blob.digest));
            sent.map(|it| it.blob.size).fold(0, u64::saturating_add)
        };
        let (at, digest) = doubtful.min_by_key(bytes)?;
        let parts = parts(&digest);
        if bytes(&(at, digest)) >= self.copy.bytes {
            return None;
        }
        self.own(at, &parts);
        let mut first = Plan::empty(self.statement);
        for (place, repository) in self.repositories.iter_mut().enumerate() {
            let mut part = RepositoryPlan {
                repository: repository.repository.clone(),
                blobs: Vec::new(),
                documents: Vec::new(),
                names: Vec::new(),
                lists: Vec::new(),
                is_file: repository.is_file,
                sibling: repository.sibling.clone(),
            };
            if place == at.place() {
                let sent =
                    |it: &Transfer| it.action != Action::Present && parts.contains(&it.blob.digest);
                part.blobs = repository.blobs.iter().filter(|it| sent(it)).cloned().collect();
                repository.blobs.retain(|it| !sent(it));
                let is_it = |step: &DocumentStep| step.document.digest == digest;
                part.documents =
                    repository.documents.iter().filter(|step| is_it(step)).cloned().collect();
                repository.documents.retain(|step| !is_it(step));
            }
            first.repositories.push(part);
        }
        first.count();
        self.count();
        Some(first)
    }

    /// Has those of `blobs` that the repository at `at` would mount, once they were sent to another,
    /// sent to itself, and mounted by all others at its registry: it is to come first.
    pub(super) fn own(&mut self, at: At<RepositoryPlan>, blobs: &BTreeSet<Digest>) {
        let of = at.get(&self.repositories).and_then(|it| it.sibling.clone());
        let Some(Sibling { registry, repository: path }) = of else { return };
        let is_beside = |it: &RepositoryPlan| {
            it.sibling.as_ref().is_some_and(|sibling| sibling.registry == registry)
        };
        let beside = self.repositories.iter().filter(|it| is_beside(it));
        let all = beside.flat_map(|repository| &repository.blobs);
        let sent: BTreeSet<Digest> =
            all.filter(|it| it.action == Action::Copy).map(|it| it.blob.digest).collect();
        let places = self.repositories.iter_mut().enumerate();
        for (place, repository) in places.filter(|(_, it)| is_beside(it)) {
            let is_it = |it: &&mut Transfer| {
                blobs.contains(&it.blob.digest) && sent.contains(&it.blob.digest)
            };
            for transfer in repository.blobs.iter_mut().filter(is_it) {
                transfer.action = match (place == at.place(), &transfer.action) {
                    (_, Action::Present) => Action::Present,
                    (true, _) => Action::Copy,
                    (false, _) => Action::Mount { from: path.clone() },
                };
            }
        }
    }

    /// Leaves the repository at `at` as it is, and everything for it behind.
    pub fn leave(&mut self, at: At<RepositoryPlan>) {
        let Some(repository) = self.repositories.get_mut(at.place()) else { return };
        repository.blobs.clear();
        repository.documents.clear();
        repository.lists.clear();
        repository.names.iter_mut().for_each(|name| name.action = NameAction::Keep);
        self.count();
    }

    /// Whether bytes go to the repository at `at`.
    #[must_use]
    pub fn sends(&self, at: At<RepositoryPlan>) -> bool {
        at.get(&self.repositories).is_some_and(|repository| {
            repository.blobs.iter().any(|transfer| transfer.action != Action::Present)
                || repository.documents.iter().any(|step| !step.present)
        })
    }
}
