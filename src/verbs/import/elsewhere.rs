//! Which repositories of a registry have what none has that needs it: for the blobs that a delta does
//! not carry, which may lie in a repository that the bundle does not name any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::places::registry::{Client, RegistryRepository};
use crate::storage::holdings::BlobHoldings as _;
use crate::tools::mutex::lock;
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Result, Side};
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Registry, Repository};
use crate::work::plan::{Plan, Sibling};

/// Most repositories of a registry's own list that are asked: as many as a large site has.
const MAX_REPOSITORIES: usize = 5_000;
/// Most questions in all. They are answered at a thousand a second where registries are near, and a
/// destination that never got the base would be asked for every blob of it in every repository.
const MAX_QUESTIONS: usize = 20_000;

/// Where to look.
pub(super) struct Elsewhere<'i> {
    pub(super) client: &'i Client,
    pub(super) registry: &'i Registry,
    /// What every repository name of the import begins with there.
    pub(super) prefix: Option<&'i Repository>,
    /// Questions at a time.
    pub(super) jobs: usize,
    pub(super) progress: &'i dyn Progress,
}

impl Elsewhere<'_> {
    /// A repository for each of `blobs` that has it: one of those that `plan` goes to, which come
    /// first, or one that the registry lists.
    ///
    /// # Errors
    /// When the registry does not answer. That it shows no list, or some repository to nobody, is none.
    pub(super) fn find(
        &self,
        plan: &Plan,
        blobs: &[&Descriptor],
    ) -> Result<BTreeMap<Digest, Sibling>> {
        let mut found = BTreeMap::new();
        let mut asked: BTreeMap<Repository, BTreeSet<Digest>> = BTreeMap::new();
        for repository in &plan.repositories {
            let Some(sibling) = &repository.sibling else { continue };
            let needed = repository.blobs.iter().map(|transfer| transfer.blob.digest).collect();
            asked.insert(sibling.repository.clone(), needed);
        }
        let questions = AtomicUsize::new(0);
        self.ask(&asked, blobs, &questions, &mut found)?;
        if found.len() < blobs.len() {
            let listed = self.listed()?.into_iter().filter(|it| !asked.contains_key(it));
            let listed = listed.map(|repository| (repository, BTreeSet::new())).collect();
            self.ask(&listed, blobs, &questions, &mut found)?;
        }
        if questions.load(Ordering::Relaxed) > MAX_QUESTIONS {
            self.progress.event(Event::note(format!(
                "{} has more repositories than are asked for what the bundle does not carry: after \
                 {MAX_QUESTIONS} questions no more were asked",
                self.registry
            )));
        }
        Ok(found)
    }

    /// Asks `repositories` for those of `blobs` that are not `found`, but for those that each was asked
    /// for already. Blobs of one image lie together, so the one that had the last is asked first.
    fn ask(
        &self,
        repositories: &BTreeMap<Repository, BTreeSet<Digest>>,
        blobs: &[&Descriptor],
        questions: &AtomicUsize,
        found: &mut BTreeMap<Digest, Sibling>,
    ) -> Result<()> {
        let open = |(path, asked)| {
            let there = self.client.repository(self.registry, path, Side::Destination);
            Candidate { path, asked, there }
        };
        let all: Vec<Candidate<'_>> = repositories.iter().map(open).collect();
        let order: Mutex<Vec<usize>> = Mutex::new((0..all.len()).collect());
        let order = || lock(&order);
        let open: Vec<&&Descriptor> =
            blobs.iter().filter(|blob| !found.contains_key(&blob.digest)).collect();
        let having = parallel::map(self.jobs, &open, |blob| {
            let turn = order().clone();
            for at in turn {
                let candidate = &all[at];
                if candidate.asked.contains(&blob.digest) {
                    continue;
                }
                if questions.fetch_add(1, Ordering::Relaxed) >= MAX_QUESTIONS {
                    return Ok(None);
                }
                self.progress.check()?;
                if candidate.has(blob)? {
                    let mut order = order();
                    order.retain(|other| *other != at);
                    order.insert(0, at);
                    return Ok(Some(candidate.path));
                }
            }
            Ok(None)
        })?;
        for (blob, path) in open.into_iter().zip(having) {
            if let Some(path) = path {
                let (registry, repository) = (self.registry.clone(), path.clone());
                found.insert(blob.digest, Sibling { registry, repository });
            }
        }
        Ok(())
    }

    /// The repositories that the registry itself lists, below the prefix where there is one.
    fn listed(&self) -> Result<Vec<Repository>> {
        let term = self.prefix.map(ToString::to_string).unwrap_or_default();
        let hits = match self.client.search(self.registry, &term, MAX_REPOSITORIES) {
            Err(error) if error.class() == Class::Refused => return Ok(Vec::new()),
            hits => hits?,
        };
        let host = format!("{}/", self.registry);
        let path = |name: &str| name.strip_prefix(&host)?.parse().ok();
        Ok(hits.found.iter().filter_map(|hit| path(&hit.name)).collect())
    }
}

/// A repository that may have it.
struct Candidate<'a> {
    path: &'a Repository,
    /// What it was asked for already, and has not.
    asked: &'a BTreeSet<Digest>,
    there: RegistryRepository,
}

impl Candidate<'_> {
    /// One that may not be seen has nothing that could be mounted.
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        match self.there.has(blob) {
            Err(error) if matches!(error.class(), Class::Refused | Class::Incomplete) => Ok(false),
            has => has,
        }
    }
}
