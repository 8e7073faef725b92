//! `import` into an OCI layout in a folder, which is one repository for all names.

use std::path::Path;

use super::foreign;
use super::halt::Halt;
use super::job::Job;
use super::landing::{Ahead, Landing};
use super::outcome::Outcome;
use super::read_back::read_back;
use super::repositories::gather;
use super::request::Request;
use super::surveyed::{self, Surveyed};
use super::there_now::{CameAs, ThereNow};
use crate::places::layout::LayoutStore;
use crate::storage::store::ImageSink;
use crate::tools::{ground, room};
use crate::words::error::{Result, Side};
use crate::words::reference::Reference;
use crate::work::plan::{Delivery, Obstacle, PlaceRoom, Plan};
use crate::work::transfer::{self, Carrier, Unfinished};

/// A layout, as a destination.
pub(super) struct ToLayout<'d> {
    /// Its folder.
    pub(super) path: &'d Path,
}

impl Landing for ToLayout<'_> {
    fn path(&self) -> Option<&Path> {
        Some(self.path)
    }

    fn check(&self, _: &Request) -> Result<()> {
        ground::folder(self.path)
    }

    fn takes_ahead(&self) -> bool {
        true
    }

    fn land_ahead(&self, job: Job<'_>, names: Vec<Reference>) -> Result<Ahead, Halt> {
        surveyed::ahead(&AtLayout { job, path: self.path }, &self.deliveries(job, names)?)
    }

    fn look_back(
        &self,
        job: Job<'_>,
        names: Vec<Reference>,
        came_as: CameAs<'_>,
    ) -> Result<ThereNow, Halt> {
        let place = AtLayout { job, path: self.path };
        Ok(read_back(&place, &self.deliveries(job, names)?, came_as)?)
    }

    fn land(&self, job: Job<'_>, names: Vec<Reference>) -> Result<Outcome, Halt> {
        surveyed::land(&AtLayout { job, path: self.path }, &self.deliveries(job, names)?)
    }
}

impl ToLayout<'_> {
    fn deliveries(&self, job: Job<'_>, names: Vec<Reference>) -> Result<Vec<Delivery>> {
        let (name, one) = (job.request.to.to_string(), |_: &Reference| String::new());
        gather(job.contents, names, one, |_| {
            let store = LayoutStore::open(self.path).map_err(|e| e.on(Side::Destination))?;
            let store = store.until(job.progress.handle());
            Ok(Delivery::to(Box::new(store), name.clone()))
        })
    }
}

/// A layout that was looked at.
struct AtLayout<'i> {
    job: Job<'i>,
    path: &'i Path,
}

impl Surveyed for AtLayout<'_> {
    type There = dyn ImageSink;

    fn job(&self) -> Job<'_> {
        self.job
    }

    fn judge(&self, plan: &mut Plan, deliveries: &[Delivery]) -> Result<()> {
        let sparse = plan.look_for_sparse(
            self.job.contents,
            deliveries,
            self.questions(),
            &self.job.progress.handle(),
        )?;
        plan.obstacles.extend(sparse);
        plan.sizes.write = plan.bytes_sent();
        plan.sizes.room = vec![PlaceRoom::on_disk(self.path, plan.sizes.write)];
        plan.obstacles.extend(shortage(self.path, plan));
        foreign::tell(self.job.contents, self.job.progress);
        Ok(())
    }

    fn carry(
        &self,
        plan: &mut Plan,
        deliveries: &[Delivery],
        carrier: &Carrier<'_>,
    ) -> Result<(), Unfinished> {
        transfer::run(plan, deliveries, carrier)
    }
}

/// Why what is to come does not fit into the layout at `path`, if it does not.
fn shortage(path: &Path, plan: &Plan) -> Vec<Obstacle> {
    let what = format!("at the destination {}", path.display());
    let room = room::check(path, plan.copy.bytes, &what)
        .map_err(|e| e.hint("free some, or name a folder on another disk"));
    let largest = plan.sent().map(|blob| blob.size).max().unwrap_or(0);
    let what = format!("the largest file of {}", path.display());
    let file = room::check_file(path, largest, &what);
    [room, file].into_iter().filter_map(Result::err).map(|e| Obstacle::known(&e)).collect()
}
