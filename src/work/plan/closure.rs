//! Whether bundle, bases and destination have everything together: the proof that a delta is complete,
//! before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use super::missing::MissingBlob;
use super::sibling::Sibling;
use super::step::Action;
use crate::bundle::contents::Contents;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::Result;

impl Plan {
    /// Enters as an obstacle what would have to be sent and that nobody carries, image by image. Of
    /// that which no repository of the plan has it is asked `elsewhere` at the destination.
    ///
    /// # Errors
    /// Those of `elsewhere`.
    pub fn prove(
        &mut self,
        contents: &Contents,
        elsewhere: impl FnOnce(&Plan, &[&Descriptor]) -> Result<BTreeMap<Digest, Sibling>>,
    ) -> Result<()> {
        let not_carried: BTreeMap<Digest, &Descriptor> =
            contents.blobs.lacking().map(|blob| (blob.digest, blob)).collect();
        let wanted: BTreeSet<Digest> = self.sent().map(|blob| blob.digest).collect();
        let wanted = wanted.iter().filter_map(|digest| not_carried.get(digest).copied());
        let wanted: Vec<&Descriptor> = wanted.collect();
        if wanted.is_empty() {
            return Ok(());
        }
        self.mount_from(&elsewhere(self, &wanted)?);
        let missing: BTreeSet<Digest> = self
            .sent()
            .map(|blob| blob.digest)
            .filter(|digest| not_carried.contains_key(digest))
            .collect();
        self.missing = MissingBlob::among(contents, &missing);
        self.count();
        self.obstacles.extend(MissingBlob::obstacle(&self.missing, Some("the destination")));
        Ok(())
    }

    /// Has what was `found` in other repositories of the destination mounted from there.
    fn mount_from(&mut self, found: &BTreeMap<Digest, Sibling>) {
        for repository in &mut self.repositories {
            let Some(own) = &repository.sibling else { continue };
            for transfer in repository.blobs.iter_mut() {
                let other = found.get(&transfer.blob.digest);
                let other = other.filter(|other| other.registry == own.registry);
                // One that a repository of the plan mounts from another one comes from there, too.
                if let (Some(other), false) = (other, transfer.action == Action::Present) {
                    transfer.action = Action::Mount { from: other.repository.clone() };
                }
            }
        }
    }
}
