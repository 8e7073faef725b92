//! [`Plan::new`]: a destination is looked at, and it is decided what goes there.

use std::collections::{BTreeMap, BTreeSet};

use super::delivery::Delivery;
use super::repository::RepositoryPlan;
use super::sibling::Sibling;
use super::step::{Action, DocumentStep, NameStep, OnExisting};
use super::{Plan, names, outline};
use crate::bundle::contents::Contents;
use crate::storage::holdings::Holdings;
use crate::tools::parallel;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::Result;
use crate::words::reference::{Registry, Repository};
use crate::work::shard::Shard;

impl Plan {
    /// Looks at the destination, on `jobs` threads until `cancel` says stop, and decides. Changes
    /// nothing. A name that
    /// stands for another image where `existing` forbids it, or that the destination lets nobody
    /// move, is an [`Obstacle`](super::Obstacle).
    ///
    /// # Errors
    /// Whatever the destination reports.
    pub fn new<H: Holdings + ?Sized>(
        statement: Digest,
        contents: &Contents,
        deliveries: &[Delivery<H>],
        existing: OnExisting,
        jobs: usize,
        cancel: &Cancel,
    ) -> Result<Plan> {
        let mut plan = Plan::empty(statement);
        let mut names = names::look_at(contents, deliveries, |_| true, jobs, cancel)?;
        plan.obstacles = names::settle(&mut names, contents, deliveries, existing)?;
        let ranks = outline::ranks(contents);
        for (delivery, names) in deliveries.iter().zip(names) {
            plan.repositories.push(outline::outline(contents, &ranks, delivery, names));
        }
        plan.weigh(contents);
        plan.look(contents, deliveries, jobs, cancel)?;
        plan.note_foreign(contents);
        plan.choose_mounts();
        plan.count();
        Ok(plan)
    }

    /// As [`new`](Plan::new), of the blobs that are a `shard`'s own, without documents and names. The
    /// destination is asked about no more than those, and the names whose images are its own, so that all
    /// shards together ask as much as one import; where what a name stands for may leave its image behind,
    /// about all names.
    ///
    /// # Errors
    /// Whatever the destination reports.
    pub fn of_shard<H: Holdings + ?Sized>(
        (statement, contents): (Digest, &Contents),
        deliveries: &[Delivery<H>],
        existing: OnExisting,
        shard: Shard,
        jobs: usize,
        cancel: &Cancel,
    ) -> Result<Plan> {
        let mut plan = Plan::empty(statement);
        let is_asked = |step: &NameStep| existing == OnExisting::Skip || shard.takes(&step.digest);
        let mut names = names::look_at(contents, deliveries, is_asked, jobs, cancel)?;
        plan.obstacles = names::settle(&mut names, contents, deliveries, existing)?;
        let ranks = outline::ranks(contents);
        for (delivery, names) in deliveries.iter().zip(names) {
            let mut repository = outline::outline(contents, &ranks, delivery, names);
            repository.blobs.retain(|transfer| shard.takes(&transfer.blob.digest));
            repository.documents.clear();
            repository.lists.clear();
            repository.names.clear();
            plan.repositories.push(repository);
        }
        plan.look(contents, deliveries, jobs, cancel)?;
        plan.choose_mounts();
        plan.count();
        Ok(plan)
    }

    /// Asks the destination about every document that no name has shown, and about every blob
    /// that no document vouches for or that the bundle does not carry.
    fn look<H: Holdings + ?Sized>(
        &mut self,
        contents: &Contents,
        deliveries: &[Delivery<H>],
        jobs: usize,
        cancel: &Cancel,
    ) -> Result<()> {
        let mut documents = Vec::new();
        let asked = |(_, delivery): &(&mut RepositoryPlan, &Delivery<H>)| !delivery.absent;
        for (repository, delivery) in self.repositories.iter_mut().zip(deliveries).filter(asked) {
            let shows = delivery.there.names_show_documents();
            let shown: BTreeSet<Digest> =
                repository.names.iter().filter_map(|name| name.now.filter(|_| shows)).collect();
            for step in &mut repository.documents {
                step.present = shown.contains(&step.document.digest);
                if !step.present {
                    documents.push((&*delivery.there, step));
                }
            }
        }
        let there = parallel::map(jobs, &documents, |(there, step)| {
            cancel.check()?;
            there.has_document(&step.document)
        })?;
        documents.into_iter().zip(there).for_each(|((_, step), there)| step.present = there);

        let lacking: BTreeSet<Digest> = contents.blobs.lacking().map(|blob| blob.digest).collect();
        let mut blobs = Vec::new();
        for (repository, delivery) in self.repositories.iter_mut().zip(deliveries).filter(asked) {
            let vouched = match delivery.there.vouches() {
                true => vouched(contents, &repository.documents),
                false => BTreeSet::new(),
            };
            for transfer in &mut repository.blobs {
                let digest = &transfer.blob.digest;
                match vouched.contains(digest) && !lacking.contains(digest) {
                    true => transfer.action = Action::Present,
                    false => blobs.push((&*delivery.there, transfer)),
                }
            }
        }
        let there = parallel::map(jobs, &blobs, |(there, transfer)| {
            cancel.check()?;
            there.has(&transfer.blob)
        })?;
        for ((_, transfer), _) in blobs.into_iter().zip(there).filter(|(_, there)| *there) {
            transfer.action = Action::Present;
        }
        Ok(())
    }

    /// A blob that one repository has, or gets, is mounted by the others at the same registry.
    fn choose_mounts(&mut self) {
        let mut owner: BTreeMap<(Registry, Digest), Repository> = BTreeMap::new();
        for repository in &self.repositories {
            let Some(Sibling { registry, repository: path }) = &repository.sibling else {
                continue;
            };
            for transfer in repository.blobs.iter().filter(|t| t.action == Action::Present) {
                let blob = (registry.clone(), transfer.blob.digest);
                owner.entry(blob).or_insert_with(|| path.clone());
            }
        }
        for repository in &mut self.repositories {
            let Some(Sibling { registry, repository: path }) = &repository.sibling else {
                continue;
            };
            for transfer in repository.blobs.iter_mut().filter(|t| t.action == Action::Copy) {
                let blob = (registry.clone(), transfer.blob.digest);
                match owner.get(&blob) {
                    Some(from) => transfer.action = Action::Mount { from: from.clone() },
                    None => {
                        owner.insert(blob, path.clone());
                    }
                }
            }
        }
    }
}

/// The blobs of those of `steps` that are there.
fn vouched(contents: &Contents, steps: &[DocumentStep]) -> BTreeSet<Digest> {
    let present = steps.iter().filter(|step| step.present);
    let documents = present.filter_map(|step| contents.documents.get(&step.document.digest));
    documents.flat_map(Document::children).map(|child| child.digest).collect()
}
