//! Manifests with foreign layers: the destination may want what no bundle holds.

use serde::Serialize;

use super::Plan;
use crate::bundle::contents::Contents;
use crate::words::digest::Digest;
use crate::words::foreign::Foreign;

/// A manifest that is to be sent without its foreign layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignLayers {
    /// The repository, for people.
    pub repository: String,
    /// The manifest.
    pub digest: Digest,
    /// How many foreign layers it has.
    pub layers: usize,
    /// The hosts at which their owner hands them out, as far as the manifest says.
    pub owners: Vec<String>,
}

impl Plan {
    /// Notes the manifests with foreign layers that are not there yet.
    pub(super) fn note_foreign(&mut self, contents: &Contents) {
        for repository in &self.repositories {
            for step in repository.documents.iter().filter(|step| !step.present) {
                let digest = step.document.digest;
                let Some(document) = contents.documents.get(&digest) else { continue };
                let Foreign { layers, owners } = Foreign::among(document.children());
                if layers > 0 {
                    let repository = repository.repository.clone();
                    self.foreign.push(ForeignLayers { repository, digest, layers, owners });
                }
            }
        }
    }
}
