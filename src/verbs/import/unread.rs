//! Images that are there and could not be compared.

use crate::words::progress::{Event, Progress};
use crate::work::plan::{NameAction, NameStep, Plan};

/// Names the images that were there and could not be compared.
pub(super) fn tell(plan: &Plan, progress: &dyn Progress) {
    let names = plan.repositories.iter().flat_map(|repository| &repository.names);
    let unread = |step: &&NameStep| {
        step.withheld && step.now.is_none() && step.action == NameAction::Present
    };
    for step in names.filter(unread) {
        progress.event(Event::note(format!(
            "{} is there, and so is its image; that the one stands for the other could not be \
             seen, because a policy of the project keeps it from being read",
            step.to
        )));
    }
}
