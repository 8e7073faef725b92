//! [`Plan`]: what an import will do, decided before it does anything. Data only: `--dry-run`
//! prints the very value that would have run.

mod foreign;
mod names;
mod obstacle;
mod outline;
mod part;
mod sparse;
mod weight;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use self::foreign::ForeignLayers;
pub use self::obstacle::Obstacle;
pub use self::sparse::{Acceptance, SparseIndex};
use super::projects::ProjectPlan;

use crate::bundle::contents::Contents;
use crate::storage::holdings::Holdings;
use crate::storage::store::ImageSink;
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::Result;
use crate::words::reference::{Reference, Repository, Tag};

/// What to do about a name that stands for something else at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnExisting {
    /// Fail before anything moves.
    #[default]
    Error,
    /// Point the name at the bundle's image.
    Overwrite,
    /// Leave the name as it is, and its image behind.
    Skip,
    /// Leave the name as it is, and bring its image under its digest alone: for tags that must
    /// not move, such as immutable ones, while what is to run is pinned by digest.
    KeepDigest,
    /// Leave the name as it is, and bring its image under a tag made from its digest, which never
    /// has to move: for places that remove what has no tag.
    DigestTag,
}

/// How a blob gets to where it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is there.
    Present,
    /// A sibling repository has it, or will have it by then.
    Mount {
        /// That repository.
        from: Repository,
    },
    /// Its bytes are sent.
    Copy,
}

/// One blob for one repository.
#[derive(Debug, Clone, Serialize)]
pub struct Transfer {
    /// The blob.
    pub blob: Descriptor,
    /// How.
    pub action: Action,
}

/// One manifest or index for one repository.
#[derive(Debug, Clone, Serialize)]
pub struct DocumentStep {
    /// Which.
    pub document: Descriptor,
    /// How many levels of documents are below it, children and subjects: those with the fewest
    /// go first.
    pub rank: usize,
    /// Whether it is there.
    pub present: bool,
    /// What it refers to, if it does.
    pub subject: Option<Digest>,
}

/// What happens to a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NameAction {
    /// It stands for this image already.
    Present,
    /// It is new.
    Create,
    /// It stands for another image, and will stand for this one.
    Replace,
    /// It stands for another image, and goes on doing so; this one is left behind.
    Keep,
    /// It stands for another image, and goes on doing so; this one comes under its digest.
    ByDigest,
}

/// One name.
#[derive(Debug, Clone, Serialize)]
pub struct NameStep {
    /// In the bundle.
    pub name: Reference,
    /// At the destination.
    pub to: Reference,
    /// What it will stand for.
    pub digest: Digest,
    /// Bytes of everything that the image consists of there.
    pub bytes: u64,
    /// What it stands for now, where that can be told.
    pub now: Option<Digest>,
    /// Whether the destination lets nobody read what stands there, for a policy's sake.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
    /// The digest that was signed, where something written anew stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewritten_from: Option<Digest>,
    /// The index at the source, where a smaller one was made of it on export, and signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smaller_than: Option<Digest>,
    /// What happens.
    pub action: NameAction,
}

impl NameStep {
    /// The name under which the image can be had afterwards, if it comes at all.
    #[must_use]
    pub fn arrives_as(&self) -> Reference {
        match self.action {
            NameAction::ByDigest => {
                Reference { tag: None, digest: Some(self.digest), ..self.to.clone() }
            }
            _ => self.to.clone(),
        }
    }

    /// Whether it is the fallback tag of a list of referrers.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.to.tag.as_ref().and_then(Tag::subject).is_some()
    }

    /// Both digests, or both ids, for people.
    fn conflict(&self, there: &(impl Holdings + ?Sized)) -> String {
        let now = match self.now {
            Some(now) => now.to_string(),
            None => "something that may not be read".to_owned(),
        };
        match there.own_id(&self.to) {
            Some(id) => format!("{} is image id {now} there, and {id} in the bundle", self.to),
            None => format!("{} is {now} there, and {} in the bundle", self.to, self.digest),
        }
    }
}

/// Everything for one repository of the destination.
#[derive(Debug, Clone, Serialize)]
pub struct RepositoryPlan {
    /// Its name, for people.
    pub repository: String,
    /// Blobs, in the order of the bundle.
    pub blobs: Vec<Transfer>,
    /// Documents, children first.
    pub documents: Vec<DocumentStep>,
    /// Names, last.
    pub names: Vec<NameStep>,
    /// Subjects whose fallback list is kept, with the referrers it has to have, for a registry
    /// that does not list referrers itself.
    pub lists: Vec<ReferrersList>,
    /// Its path, where siblings can mount blobs from it.
    #[serde(skip)]
    path: Option<Repository>,
}

impl RepositoryPlan {
    /// Whether everything is there already, so that nothing has to be written.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let named = |step: &NameStep| match step.action {
            NameAction::Present | NameAction::Keep | NameAction::ByDigest => true,
            // A list is looked at when it is needed.
            NameAction::Create | NameAction::Replace => step.is_list(),
        };
        self.blobs.iter().all(|transfer| transfer.action == Action::Present)
            && self.documents.iter().all(|step| step.present)
            && self.names.iter().all(named)
    }
}

/// The referrers of one subject, for the fallback tag.
#[derive(Debug, Clone, Serialize)]
pub struct ReferrersList {
    /// The tag.
    pub tag: Tag,
    /// What the list has to have.
    pub referrers: Vec<Digest>,
    /// The list that the bundle carries, if it was one at the source.
    pub carried: Option<Digest>,
}

/// Counted blobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// How many.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Count {
    /// Adds one blob.
    pub fn add(&mut self, blob: &Descriptor) {
        self.blobs += 1;
        // A claim of whoever made the image, until the bytes are there.
        self.bytes = self.bytes.saturating_add(blob.size);
    }

    /// Adds other blobs that were counted.
    pub fn join(&mut self, other: Count) {
        self.blobs += other.blobs;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What an import will do.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The digest of the bundle's statement: the plan is for no other bundle.
    #[serde(skip)]
    pub statement: Digest,
    /// Repository by repository.
    pub repositories: Vec<RepositoryPlan>,
    /// Blobs that are there.
    pub present: Count,
    /// Blobs that siblings give.
    pub mount: Count,
    /// Blobs that are sent.
    pub copy: Count,
    /// The projects of the destination, where it is a Harbor.
    pub projects: Vec<ProjectPlan>,
    /// Indexes that name more than will be there.
    pub sparse: Vec<SparseIndex>,
    /// Manifests that go without their foreign layers.
    pub foreign: Vec<ForeignLayers>,
    /// What keeps the plan from being run.
    pub obstacles: Vec<Obstacle>,
}

/// One repository of the destination and what goes there. A plan is made of what `H` answers; to
/// run it, `H` has to be a sink.
pub struct Scope<H: ?Sized = dyn ImageSink> {
    /// Tells what is there, and takes what is not.
    pub there: Box<H>,
    /// Its name, for people.
    pub name: String,
    /// Its path, where siblings can mount blobs from it.
    pub path: Option<Repository>,
    /// Images by their place in the contents, with their new names.
    pub images: Vec<(usize, Reference)>,
    /// Referrers by their place in the contents, with their new names, if they have one.
    pub referrers: Vec<(usize, Option<Reference>)>,
    /// Whether the repository is known not to be there, so that it need not be asked.
    pub absent: bool,
}

impl<H: ?Sized> std::fmt::Debug for Scope<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scope({})", self.name)
    }
}

impl Plan {
    /// Looks at the destination, on `jobs` threads, and decides. Changes nothing. A name that
    /// stands for another image where `existing` forbids it, or that the destination lets nobody
    /// move, is an [`Obstacle`].
    ///
    /// # Errors
    /// Whatever the destination reports.
    pub fn new<H: Holdings + ?Sized>(
        statement: Digest,
        contents: &Contents,
        scopes: &[Scope<H>],
        existing: OnExisting,
        jobs: usize,
    ) -> Result<Plan> {
        let mut plan = Plan::empty(statement);
        let mut names = names::look_at(contents, scopes, jobs)?;
        plan.obstacles = names::settle(&mut names, contents, scopes, existing)?;
        let ranks = outline::ranks(contents);
        for (scope, names) in scopes.iter().zip(names) {
            plan.repositories.push(outline::outline(contents, &ranks, scope, names));
        }
        plan.weigh(contents);
        plan.look(contents, scopes, jobs)?;
        plan.note_foreign(contents);
        plan.choose_mounts();
        plan.count();
        Ok(plan)
    }

    /// Asks the destination about every document that no name has shown, and about every blob
    /// that no document vouches for.
    fn look<H: Holdings + ?Sized>(
        &mut self,
        contents: &Contents,
        scopes: &[Scope<H>],
        jobs: usize,
    ) -> Result<()> {
        let mut documents = Vec::new();
        let asked = |(_, scope): &(&mut RepositoryPlan, &Scope<H>)| !scope.absent;
        for (repository, scope) in self.repositories.iter_mut().zip(scopes).filter(asked) {
            let shows = scope.there.names_show_documents();
            let shown: BTreeSet<Digest> =
                repository.names.iter().filter_map(|name| name.now.filter(|_| shows)).collect();
            for step in &mut repository.documents {
                step.present = shown.contains(&step.document.digest);
                if !step.present {
                    documents.push((&*scope.there, step));
                }
            }
        }
        let there = parallel::map(jobs, &documents, |(there, step)| {
            crate::tools::interrupt::check()?;
            there.has_document(&step.document)
        })?;
        documents.into_iter().zip(there).for_each(|((_, step), there)| step.present = there);

        let mut blobs = Vec::new();
        for (repository, scope) in self.repositories.iter_mut().zip(scopes).filter(asked) {
            let vouched = match scope.there.vouches() {
                true => vouched(contents, &repository.documents),
                false => BTreeSet::new(),
            };
            for transfer in &mut repository.blobs {
                match vouched.contains(&transfer.blob.digest) {
                    true => transfer.action = Action::Present,
                    false => blobs.push((&*scope.there, transfer)),
                }
            }
        }
        let there = parallel::map(jobs, &blobs, |(there, transfer)| {
            crate::tools::interrupt::check()?;
            there.has(&transfer.blob)
        })?;
        for ((_, transfer), _) in blobs.into_iter().zip(there).filter(|(_, there)| *there) {
            transfer.action = Action::Present;
        }
        Ok(())
    }

    /// A blob that one repository has, or gets, is mounted by the others.
    fn choose_mounts(&mut self) {
        let mut owner: BTreeMap<Digest, Repository> = BTreeMap::new();
        for repository in &self.repositories {
            let Some(path) = &repository.path else { continue };
            for transfer in repository.blobs.iter().filter(|t| t.action == Action::Present) {
                owner.entry(transfer.blob.digest).or_insert_with(|| path.clone());
            }
        }
        for repository in &mut self.repositories {
            let Some(path) = &repository.path else { continue };
            for transfer in repository.blobs.iter_mut().filter(|t| t.action == Action::Copy) {
                match owner.get(&transfer.blob.digest) {
                    Some(from) => transfer.action = Action::Mount { from: from.clone() },
                    None => {
                        owner.insert(transfer.blob.digest, path.clone());
                    }
                }
            }
        }
    }

    fn count(&mut self) {
        self.count_if(|_| true);
    }

    fn count_if(&mut self, is_counted: impl Fn(&Descriptor) -> bool) {
        let all = self.repositories.iter().flat_map(|repository| &repository.blobs);
        for transfer in all.filter(|transfer| is_counted(&transfer.blob)) {
            match transfer.action {
                Action::Present => self.present.add(&transfer.blob),
                Action::Mount { .. } => self.mount.add(&transfer.blob),
                Action::Copy => self.copy.add(&transfer.blob),
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

#[cfg(test)]
mod tests;
