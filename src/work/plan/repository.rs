//! [`RepositoryPlan`]: what goes to one repository.

use serde::Serialize;

use super::sibling::Sibling;
use super::step::{Action, DocumentStep, NameAction, NameStep, Transfer};
use crate::words::digest::Digest;
use crate::words::reference::Tag;

/// Everything for one repository of the destination.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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
    /// Whether it is a file, which people are told.
    #[serde(skip)]
    pub is_file: bool,
    /// What it is to its siblings, where those can mount blobs from it.
    #[serde(skip)]
    pub sibling: Option<Sibling>,
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
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReferrersList {
    /// The tag.
    pub tag: Tag,
    /// What the list has to have.
    pub referrers: Vec<Digest>,
    /// The list that the bundle carries, if it was one at the source.
    pub carried: Option<Digest>,
}
