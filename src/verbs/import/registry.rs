//! `import` into a registry: a delivery a repository, and the projects they lie in.

use super::landing::{Job, Landing};
use super::repositories::gather;
use super::summary::note_unread;
use super::{Halt, foreign};
use crate::places::registry::Client;
use crate::storage::store::ImageSink;
use crate::words::error::{Result, Side};
use crate::words::reference::{Reference, Registry};
use crate::work::plan::{Delivery, Obstacle, Plan};
use crate::work::projects::Projects;
use crate::work::transfer::{self, Carrier, Unfinished};

/// The repositories of a registry, as a destination.
pub(super) struct Repositories<'i> {
    job: Job<'i>,
    client: &'i Client,
    projects: Projects,
}

impl<'i> Repositories<'i> {
    /// Those at `registry` that `names` lie in.
    ///
    /// # Errors
    /// When the registry cannot be asked about its projects.
    pub(super) fn look(
        job: Job<'i>,
        registry: &Registry,
        client: &'i Client,
        names: Vec<Reference>,
    ) -> Result<(Repositories<'i>, Vec<Delivery>), Halt> {
        let mut deliveries = gather(job.contents, names, Reference::name, |to| {
            let repository = client.repository(&to.registry, &to.repository, Side::Destination);
            Ok((Box::new(repository), to.name(), Some(to.repository.clone())))
        })?;
        let projects = Projects::look(client, registry, &mut deliveries)?;
        Ok((Repositories { job, client, projects }, deliveries))
    }
}

impl Landing for Repositories<'_> {
    type There = dyn ImageSink;

    fn job(&self) -> Job<'_> {
        self.job
    }

    fn judge(&self, plan: &mut Plan, deliveries: &[Delivery]) -> Result<()> {
        let Job { request, contents, progress, .. } = self.job;
        self.projects.judge(plan, contents, &request.projects);
        self.projects.tell_unheeded(&request.projects, progress);
        let sparse = plan.look_for_sparse(contents, deliveries, self.questions())?;
        plan.obstacles.extend(sparse);
        foreign::tell(contents, progress);
        Ok(())
    }

    /// Makes the projects; then tries what only trying tells.
    fn prepare(&self, plan: &mut Plan, deliveries: &[Delivery]) -> Result<()> {
        let Job { request, contents, progress, .. } = self.job;
        self.projects.create(plan, &request.projects, progress)?;
        let sparse = plan.try_sparse(contents, deliveries, self.questions())?;
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
        self.client.resume_uploads(&request.to.to_string(), &ready.statement(), request.now);
        let first = plan.split_doubtful(contents);
        for plan in first.iter().chain([&*plan]) {
            transfer::run(plan, deliveries, carrier)?;
        }
        note_unread(plan, progress);
        Ok(())
    }
}
