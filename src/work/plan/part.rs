//! Parts of a [`Plan`], for places that are filled one after another.

use super::{Action, Count, NameAction, Plan};
use crate::words::digest::Digest;

impl Plan {
    /// A plan for the bundle of `statement` that does nothing.
    pub(super) fn empty(statement: Digest) -> Plan {
        Plan {
            statement,
            repositories: Vec::new(),
            present: Count::default(),
            mount: Count::default(),
            copy: Count::default(),
            projects: Vec::new(),
            sparse: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    /// The plan for the repository at `at` alone.
    ///
    /// Whoever runs it makes sure that the whole plan has no obstacles; it has none of its own.
    #[must_use]
    pub fn alone(&self, at: usize) -> Plan {
        let mut plan = Plan::empty(self.statement);
        plan.repositories.extend(self.repositories.get(at).cloned());
        plan.count();
        plan
    }

    /// Leaves the repository at `at` as it is, and everything for it behind.
    pub fn leave(&mut self, at: usize) {
        let Some(repository) = self.repositories.get_mut(at) else { return };
        repository.blobs.clear();
        repository.documents.clear();
        repository.lists.clear();
        repository.names.iter_mut().for_each(|name| name.action = NameAction::Keep);
        (self.present, self.mount, self.copy) = Default::default();
        self.count();
    }

    /// Whether bytes go to the repository at `at`.
    #[must_use]
    pub fn sends(&self, at: usize) -> bool {
        self.repositories.get(at).is_some_and(|repository| {
            repository.blobs.iter().any(|transfer| transfer.action != Action::Present)
                || repository.documents.iter().any(|step| !step.present)
        })
    }
}
