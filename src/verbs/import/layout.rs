//! `import` into an OCI layout in a folder, which is one repository for all names.

use std::path::Path;

use super::landing::{Job, Landing};
use super::repositories::gather;
use super::{Halt, foreign};
use crate::places::layout::LayoutStore;
use crate::storage::store::ImageSink;
use crate::tools::room;
use crate::words::error::Result;
use crate::words::reference::Reference;
use crate::work::plan::{Action, Delivery, Obstacle, Plan};
use crate::work::transfer::{self, Carrier, Unfinished};

/// A layout, as a destination.
pub(super) struct Layout<'i> {
    job: Job<'i>,
    path: &'i Path,
}

impl<'i> Layout<'i> {
    /// The one at `path`, which gets `names`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(super) fn look(
        job: Job<'i>,
        path: &'i Path,
        names: Vec<Reference>,
    ) -> Result<(Layout<'i>, Vec<Delivery>), Halt> {
        let (name, one) = (job.request.to.to_string(), |_: &Reference| String::new());
        let deliveries = gather(job.contents, names, one, |_| {
            Ok((Box::new(LayoutStore::open(path)?), name.clone(), None))
        })?;
        Ok((Layout { job, path }, deliveries))
    }
}

impl Landing for Layout<'_> {
    type There = dyn ImageSink;

    fn job(&self) -> Job<'_> {
        self.job
    }

    fn judge(&self, plan: &mut Plan, deliveries: &[Delivery]) -> Result<()> {
        let sparse = plan.look_for_sparse(self.job.contents, deliveries, self.questions())?;
        plan.obstacles.extend(sparse);
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
    let all = plan.repositories.iter().flat_map(|repository| &repository.blobs);
    let sent = all.filter(|transfer| transfer.action == Action::Copy);
    let largest = sent.map(|transfer| transfer.blob.size).max().unwrap_or(0);
    let what = format!("the largest file of {}", path.display());
    let file = room::check_file(path, largest, &what);
    [room, file].into_iter().filter_map(Result::err).map(|e| Obstacle::known(&e)).collect()
}
