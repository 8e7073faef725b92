//! Manifests with foreign layers: the destination may want what no bundle holds.

use super::Plan;
use super::lacking::ForeignLayers;
use crate::bundle::contents::Contents;
use crate::words::foreign::Foreign;

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
