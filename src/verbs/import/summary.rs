//! [`Summary`]: what an import did, of which bundle.

use serde::Serialize;

use super::{Failed, Request};
use crate::bundle::keys::KeyId;
use crate::places::location::Destination;
use crate::words::digest::Digest;
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::plan::{Count, NameAction, NameStep, Plan, ProjectPlan};
use crate::work::transfer::Tally;

/// An image at its destination.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Landed {
    /// Its name in the bundle.
    pub name: Reference,
    /// Its name at the destination.
    pub to: Reference,
    /// What the name stands for there now.
    pub digest: Digest,
    /// What had to be done for that.
    pub action: NameAction,
    /// The archive that it is in, where the destination is such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The digest that was signed, where something written anew stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewritten_from: Option<Digest>,
    /// The index at the source, where a smaller one was made of it on export, and signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smaller_than: Option<Digest>,
    /// What the name stood for before, where it stands for another image now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Digest>,
}

/// What an import did.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Whether every image arrived.
    pub ok: bool,
    /// The destination.
    pub destination: String,
    /// Whose signatures count; empty when none was asked for. [`Evidence`](crate::verbs::evidence::Evidence) says it for
    /// programs.
    #[serde(skip)]
    pub signers: Vec<KeyId>,
    /// The images.
    pub images: Vec<Landed>,
    /// Those that did not arrive, where the others were to all the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<Failed>,
    /// The projects they went to, where the destination is a Harbor.
    pub projects: Vec<ProjectPlan>,
    /// Blobs whose bytes were sent.
    pub copied: Count,
    /// Blobs that a sibling repository gave.
    pub mounted: Count,
    /// Blobs that were there.
    pub present: Count,
}

/// What an import amounted to, of which `plan` was the last and `tally` has what was done, for the
/// bundle that was signed by `signers`.
pub(super) fn summary(
    request: &Request,
    plan: Plan,
    tally: &Tally,
    signers: Vec<KeyId>,
) -> Summary {
    let moved = tally.moved();
    let in_files = matches!(request.to, Destination::Archive { .. });
    let names = plan.repositories.iter().flat_map(|r| r.names.iter().map(move |name| (r, name)));
    let images = names
        .filter(|(_, step)| !step.is_list())
        .map(|(repository, step)| {
            // What an earlier plan of the same import wrote is there by now.
            let written = tally.named(&repository.repository, step);
            let now = (step.action, step.now);
            let (action, before) = written.filter(|_| now.0 == NameAction::Present).unwrap_or(now);
            Landed {
                name: step.name.clone(),
                to: step.arrives_as(),
                digest: match step.action {
                    NameAction::Keep => step.now.unwrap_or(step.digest),
                    _ => step.digest,
                },
                action,
                file: in_files.then(|| repository.repository.clone()),
                rewritten_from: step.rewritten_from,
                smaller_than: step.smaller_than,
                before: before.filter(|_| action == NameAction::Replace),
            }
        })
        .collect();
    Summary {
        ok: true,
        destination: request.to.to_string(),
        signers,
        images,
        failed: Vec::new(),
        projects: plan.projects,
        copied: moved.copied,
        mounted: moved.mounted,
        present: moved.present,
    }
}

/// Names the images that were there and could not be compared.
pub(super) fn note_unread(plan: &Plan, progress: &dyn Progress) {
    let names = plan.repositories.iter().flat_map(|repository| &repository.names);
    let unread = |step: &&NameStep| {
        step.withheld && step.now.is_none() && step.action == NameAction::Present
    };
    for step in names.filter(unread) {
        progress.event(Event::Note(format!(
            "{} is there, and so is its image; that the one stands for the other could not be \
             seen, because a policy of the project keeps it from being read",
            step.to
        )));
    }
}
