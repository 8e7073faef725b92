//! [`Plan`]: what an import will do, decided before it does anything. Data only: `--dry-run`
//! prints the very value that would have run.

mod closure;
mod count;
mod decide;
mod delivery;
mod foreign;
mod lacking;
mod missing;
mod names;
mod obstacle;
mod outline;
mod part;
mod project;
mod repository;
mod sibling;
mod sizes;
mod sparse;
mod step;
mod weight;

use std::collections::BTreeSet;

use serde::Serialize;

pub use self::count::Count;
pub use self::delivery::Delivery;
pub use self::lacking::{Acceptance, ForeignLayers, SparseIndex};
pub use self::missing::MissingBlob;
pub use self::obstacle::Obstacle;
pub use self::project::{ProjectAction, ProjectPlan};
pub use self::repository::{ReferrersList, RepositoryPlan};
pub use self::sibling::Sibling;
pub use self::sizes::{PlaceRoom, PlanSizes};
pub use self::step::{Action, DocumentStep, NameAction, NameStep, OnExisting, Transfer};
use crate::words::digest::Digest;
use crate::words::document::Descriptor;

/// What an import will do.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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
    /// Blobs that would have to be sent, and that nobody has.
    pub lacking: Count,
    /// How much moves, and what room there is for it.
    pub sizes: PlanSizes,
    /// The projects of the destination, where it is a Harbor.
    pub projects: Vec<ProjectPlan>,
    /// Indexes that name more than will be there.
    pub sparse: Vec<SparseIndex>,
    /// Manifests that go without their foreign layers.
    pub foreign: Vec<ForeignLayers>,
    /// Blobs that nobody has, image by image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingBlob>,
    /// What keeps the plan from being run.
    pub obstacles: Vec<Obstacle>,
}

impl Plan {
    /// A plan for the bundle of `statement` that does nothing.
    #[must_use]
    pub fn empty(statement: Digest) -> Plan {
        Plan {
            statement,
            repositories: Vec::new(),
            present: Count::default(),
            mount: Count::default(),
            copy: Count::default(),
            lacking: Count::default(),
            sizes: PlanSizes::default(),
            projects: Vec::new(),
            sparse: Vec::new(),
            foreign: Vec::new(),
            missing: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    /// Counts anew, without `these`: blobs of which it cannot be told beforehand who moves them.
    pub fn count_without(&mut self, these: &BTreeSet<Digest>) {
        self.count_if(|blob| !these.contains(&blob.digest));
    }

    /// Adds what is to be done for the same bundle at a second place.
    pub fn join(&mut self, other: Plan) {
        self.repositories.extend(other.repositories);
        self.present.join(other.present);
        self.mount.join(other.mount);
        self.copy.join(other.copy);
        self.lacking.join(other.lacking);
        self.sizes.join(other.sizes);
        self.projects.extend(other.projects);
        self.sparse.extend(other.sparse);
        self.foreign.extend(other.foreign);
        self.missing.extend(other.missing);
        self.obstacles.extend(other.obstacles);
    }

    /// Bytes of the blobs and manifests that are sent.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        let documents = self.repositories.iter().flat_map(|repository| &repository.documents);
        let sent = documents.filter(|step| !step.present).map(|step| step.document.size);
        sent.fold(self.copy.bytes, u64::saturating_add)
    }

    pub(super) fn count(&mut self) {
        self.count_if(|_| true);
    }

    pub(super) fn count_if(&mut self, is_counted: impl Fn(&Descriptor) -> bool) {
        (self.present, self.mount, self.copy, self.lacking) = Default::default();
        let missing: BTreeSet<Digest> = self.missing.iter().map(|it| it.digest).collect();
        let all = self.repositories.iter().flat_map(|repository| &repository.blobs);
        for transfer in all.filter(|transfer| is_counted(&transfer.blob)) {
            match transfer.action {
                Action::Present => self.present.add(&transfer.blob),
                Action::Mount { .. } => self.mount.add(&transfer.blob),
                Action::Copy if missing.contains(&transfer.blob.digest) => {
                    self.lacking.add(&transfer.blob);
                }
                Action::Copy => self.copy.add(&transfer.blob),
            }
        }
    }
}

#[cfg(test)]
mod tests;
