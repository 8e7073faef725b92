//! [`Summary`]: what an import did, of which bundle.

use std::collections::BTreeSet;

use serde::Serialize;

use super::agent_state::AgentState;
use super::failed::{Failed, class};
use super::receipted::{NotAsBrought, Receipted};
use super::request::Request;
use super::tried_image::TriedImage;
use crate::bundle::keys::KeyId;
use crate::bundle::screening::Screening;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error};
use crate::words::phrase::phrase;
use crate::words::reference::Reference;
use crate::work::plan::{Count, NameAction, Plan, ProjectPlan};
use crate::work::shard::Shard;
use crate::work::transfer::Tally;

/// An image at its destination.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
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
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// Whether every image arrived, or all blobs of a shard.
    #[serde(skip)]
    pub ok: bool,
    /// The destination.
    pub destination: String,
    /// Whose signatures count; empty when none was asked for. [`Evidence`](crate::verbs::evidence::Evidence) says it for
    /// programs.
    #[serde(skip)]
    pub signers: Vec<KeyId>,
    /// The shard of the import that this was; its names are made by the run that finishes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// What the images were held against here before they were let in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub screenings: Vec<Screening>,
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
    /// The images in which a command was run, where that was wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<TriedImage>,
    /// When the node has the images, where the destination is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentState>,
    /// The receipt of it, where one was wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipted>,
}

impl Summary {
    /// What an import amounted to, of which `plan` was the last and `tally` has what was done, for
    /// the bundle that was signed by `signers`.
    pub(super) fn of(request: &Request, plan: Plan, tally: &Tally, signers: Vec<KeyId>) -> Summary {
        let moved = tally.moved();
        let names =
            plan.repositories.iter().flat_map(|r| r.names.iter().map(move |name| (r, name)));
        let images = names
            .filter(|(_, step)| !step.is_list())
            .map(|(repository, step)| {
                // What an earlier plan of the same import wrote is there by now.
                let written = tally.named(&repository.repository, step);
                let now = (step.action, step.now);
                let (action, before) =
                    written.filter(|_| now.0 == NameAction::Present).unwrap_or(now);
                Landed {
                    name: step.name.clone(),
                    to: step.arrives_as(),
                    digest: match step.action {
                        NameAction::Keep => step.now.unwrap_or(step.digest),
                        _ => step.digest,
                    },
                    action,
                    file: repository.is_file.then(|| repository.repository.clone()),
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
            shard: request.sharing.shard(),
            screenings: Vec::new(),
            images,
            failed: Vec::new(),
            projects: plan.projects,
            copied: moved.copied,
            mounted: moved.mounted,
            present: moved.present,
            tried: Vec::new(),
            agent: None,
            receipt: None,
        }
    }

    /// Adds the images and projects of another part of the same import.
    pub(super) fn add(&mut self, other: Summary) {
        self.images.extend(other.images);
        self.agent = other.agent.or(self.agent.take());
        for project in other.projects {
            if !self.projects.iter().any(|known| known.project == project.project) {
                self.projects.push(project);
            }
        }
    }

    /// What did not arrive, as one failure: of the class of damage, if there is any, else that of
    /// the first reason. The way out is that of its class; others stand with what they are for. Where all
    /// did, what of it was not found again.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        let Some(class) = class(&self.failed) else {
            return self.not_as_brought().or_else(|| self.not_working());
        };
        let all = self.images.len() + self.failed.len();
        let text = format!("{} of {} did not arrive", self.failed.len(), count(all, "image"));
        let of_class = self.failed.iter().filter(|failed| failed.class == class);
        let hint = of_class.filter_map(|it| it.hint.as_ref()).next();
        let mut told: BTreeSet<&str> = hint.into_iter().map(|hint| &**hint).collect();
        let details = self.failed.iter().map(|it| {
            let line = phrase![it.name.to_string(), ": ", &it.reason];
            match &it.hint {
                Some(other) if told.insert(other) => phrase![line, " (", other, ")"],
                _ => line,
            }
        });
        let errors: Vec<Error> = self.failed.iter().map(|it| it.error.clone()).collect();
        let error = Error::new(class, text).details(details.collect::<Vec<_>>()).like(&errors);
        Some(match hint {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }

    /// The failure that a command did not succeed in an image.
    fn not_working(&self) -> Option<Error> {
        let failed = self.tried.iter().filter_map(|it| Some((&it.image, it.reason.as_ref()?)));
        let lines: Vec<String> = failed.map(|(image, why)| format!("{image}: {why}")).collect();
        let text = format!(
            "{} of {} did not pass the check",
            lines.len(),
            count(self.tried.len(), "image")
        );
        (!lines.is_empty()).then(|| {
            Error::new(Class::Other, text)
                .details(lines)
                .hint("the images are there; run the command in them yourself to see more")
        })
    }

    /// The failure that something is not there as it was brought, as the receipt says.
    fn not_as_brought(&self) -> Option<Error> {
        let Receipted { missing, totals, .. } = self.receipt.as_ref()?;
        let text = format!(
            "{} of {} {} not as brought when the destination was read back",
            missing.len(),
            count(usize::try_from(totals.all()).unwrap_or(usize::MAX), "image"),
            if missing.len() == 1 { "was" } else { "were" }
        );
        (!missing.is_empty()).then(|| {
            Error::new(Class::Incomplete, text)
                .details(missing.iter().map(NotAsBrought::words))
                .hint("see who else writes there, and import it again; the receipt says what is there")
        })
    }
}
