//! `import` into a registry: a delivery a repository, and the projects they lie in.

use std::collections::BTreeMap;

use super::elsewhere::Elsewhere;
use super::halt::Halt;
use super::job::Job;
use super::landing::{Ahead, Landing};
use super::outcome::Outcome;
use super::read_back::read_back;
use super::repositories::gather;
use super::surveyed::{self, Surveyed};
use super::there_now::{CameAs, ThereNow};
use super::{foreign, unread};
use crate::places::location::Destination;
use crate::places::registry::Client;
use crate::storage::store::ImageSink;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Result, Side};
use crate::words::reference::{Reference, Registry, Repository};
use crate::work::mapping::Naming;
use crate::work::plan::{Delivery, Obstacle, PlaceRoom, Plan, ProjectPlan, Sibling};
use crate::work::projects::Projects;
use crate::work::transfer::{self, Carrier, Unfinished};

/// A registry, as a destination.
pub(super) struct ToRegistry<'d> {
    /// Its host.
    pub(super) registry: &'d Registry,
    /// What every repository name begins with there.
    pub(super) prefix: Option<&'d Repository>,
    /// Reaches it.
    pub(super) client: &'d Client,
}

impl Landing for ToRegistry<'_> {
    fn naming(&self) -> Naming {
        Naming::Registry { registry: self.registry.clone(), prefix: self.prefix.cloned() }
    }

    fn takes_ahead(&self) -> bool {
        true
    }

    fn takes_shards(&self) -> bool {
        true
    }

    fn land_ahead(&self, job: Job<'_>, names: Vec<Reference>) -> Result<Ahead, Halt> {
        let (place, deliveries) = self.look(job, names)?;
        surveyed::ahead(&place, &deliveries)
    }

    fn look_back(
        &self,
        job: Job<'_>,
        names: Vec<Reference>,
        came_as: CameAs<'_>,
    ) -> Result<ThereNow, Halt> {
        let (place, deliveries) = self.look(job, names)?;
        Ok(read_back(&place, &deliveries, came_as)?)
    }

    fn land(&self, job: Job<'_>, names: Vec<Reference>) -> Result<Outcome, Halt> {
        let (place, deliveries) = self.look(job, names)?;
        surveyed::land(&place, &deliveries)
    }
}

impl ToRegistry<'_> {
    /// Looks at the projects that images with these `names` lie in.
    fn look<'i>(
        &'i self,
        job: Job<'i>,
        names: Vec<Reference>,
    ) -> Result<(AtRegistry<'i>, Vec<Delivery>)> {
        let client = self.client;
        let mut deliveries = gather(job.contents, names, Reference::name, |to| {
            let there = client.repository(&to.registry, &to.repository, Side::Destination);
            let (registry, repository) = (to.registry.clone(), to.repository.clone());
            let sibling = Some(Sibling { registry, repository });
            Ok(Delivery { sibling, ..Delivery::to(Box::new(there), to.name()) })
        })?;
        let projects = Projects::look(client, self.registry, &mut deliveries)?;
        let (registry, prefix) = (self.registry, self.prefix);
        Ok((AtRegistry { job, client, registry, prefix, projects }, deliveries))
    }
}

/// The repositories of a registry, which was asked about their projects.
struct AtRegistry<'i> {
    job: Job<'i>,
    client: &'i Client,
    registry: &'i Registry,
    prefix: Option<&'i Repository>,
    projects: Projects,
}

impl Surveyed for AtRegistry<'_> {
    type There = dyn ImageSink;

    fn job(&self) -> Job<'_> {
        self.job
    }

    fn elsewhere(&self, plan: &Plan, blobs: &[&Descriptor]) -> Result<BTreeMap<Digest, Sibling>> {
        let AtRegistry { job, client, registry, prefix, .. } = self;
        let (jobs, progress) = (self.questions(), job.progress);
        let look = Elsewhere { client, registry, prefix: *prefix, jobs, progress };
        look.find(plan, blobs)
    }

    fn judge(&self, plan: &mut Plan, deliveries: &[Delivery]) -> Result<()> {
        let Job { request, contents, progress, .. } = self.job;
        self.projects.judge(plan, contents, &request.projects);
        plan.sizes.send = plan.bytes_sent();
        plan.sizes.room = room(plan, &request.to);
        self.projects.tell_unheeded(&request.projects, progress);
        let sparse =
            plan.look_for_sparse(contents, deliveries, self.questions(), &progress.handle())?;
        plan.obstacles.extend(sparse);
        foreign::tell(contents, progress);
        Ok(())
    }

    /// Makes the projects; then tries what only trying tells.
    fn prepare(&self, plan: &mut Plan, deliveries: &[Delivery]) -> Result<()> {
        let Job { request, contents, progress, .. } = self.job;
        self.projects.create(plan, &request.projects, progress)?;
        let sparse = plan.try_sparse(contents, deliveries, self.questions(), &progress.handle())?;
        Obstacle::failure(sparse.as_slice()).map_or(Ok(()), Err)
    }

    /// A manifest of a kind that may not be taken goes first, with what it needs.
    fn carry(
        &self,
        plan: &mut Plan,
        deliveries: &[Delivery],
        carrier: &Carrier<'_>,
    ) -> Result<(), Unfinished> {
        let Job { request, ready, contents, progress } = self.job;
        // Shards on one machine have uploads of their own under way.
        let to = match request.sharing.shard() {
            Some(shard) => format!("{} {shard}", request.to),
            None => request.to.to_string(),
        };
        self.client.resume_uploads(&to, &ready.statement(), request.now);
        let first = plan.split_doubtful(contents);
        for plan in first.iter().chain([&*plan]) {
            transfer::run(plan, deliveries, carrier)?;
        }
        unread::tell(plan, progress);
        Ok(())
    }
}

/// What the projects leave; of a registry without any nobody can tell.
fn room(plan: &Plan, to: &Destination) -> Vec<PlaceRoom> {
    let left = |project: &ProjectPlan| project.quota.and_then(|quota| quota.left());
    let projects = plan.projects.iter();
    let projects = projects.map(|it| PlaceRoom::new(it.project.clone(), it.adds, left(it)));
    match plan.projects.is_empty() {
        true => vec![PlaceRoom::new(to.to_string(), plan.bytes_sent(), None)],
        false => projects.collect(),
    }
}
